// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <new>
#include <optional>

#include "placid/primitives/mpmc_ring.h"
#include "tests/primitives/many_traffic.h"
#include "tests/support/checked_value.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

// Processes, two addresses.
TEST(MpmcRingForkStress, EachValueArrivesInOneOfTheOtherProcesses) {
  using T = CheckedValue<9>;
  using Ring = MpmcRing<T>;
  constexpr std::uint64_t kCapacity = 64;
  constexpr std::uint64_t kValues = kIsTsan ? 10'000 : 100'000;
  using Streams = SharedStreams<2, kValues>;
  for (const Delivery delivery :
       {Delivery::kAtMostOnce, Delivery::kAtLeastOnce}) {
    const std::uint64_t seed = DrawSeed();
    const TwoViews views(Ring::SizeFor(kCapacity));
    const TwoViews ledger(sizeof(Streams));
    auto* streams = new (ledger.first().data()) Streams;
    const auto ring = Ring::Create(views.first(), kCapacity);
    ASSERT_TRUE(ring);
    std::array<std::optional<Child>, 3> children;
    for (std::uint64_t i = 0; i < 2; ++i) {
      children[i].emplace([&, i] {
        auto producer = *Ring::Attach(views.second())->ClaimProducer();
        PushStream<T>(producer, i, kValues, seed);
      });
    }
    children[2].emplace([&] {
      auto consumer = *Ring::Attach(views.second())->ClaimConsumer(delivery);
      streams->Pop<T>(consumer, seed + 1);
    });
    auto consumer = *ring->ClaimConsumer(delivery);
    streams->Pop<T>(consumer, seed);
    // Lets producers go that would wait for consumers that have given up.
    consumer.Close();
    for (auto& child : children) EXPECT_TRUE(child->EndsWell());
  }
}

}  // namespace
}  // namespace placid::testing
