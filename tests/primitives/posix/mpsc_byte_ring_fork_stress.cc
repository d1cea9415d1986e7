// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>

#include "placid/primitives/mpsc_byte_ring.h"
#include "tests/primitives/many_traffic.h"
#include "tests/support/checked_value.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"
#include "tests/support/value_records.h"

namespace placid::testing {
namespace {

// Processes, two addresses.
TEST(MpscByteRingForkStress, RecordsArriveFromOtherProcesses) {
  using T = CheckedValue<3>;
  using Ring = ValueRecords<T, 200>;
  constexpr std::uint64_t kGranules = 64;
  constexpr std::uint64_t kRecords = kIsTsan ? 10'000 : 60'000;
  for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
    const std::uint64_t seed = DrawSeed();
    const TwoViews views(Ring::SizeFor(kGranules));
    const auto ring = Ring::Create(views.first(), kGranules);
    ASSERT_TRUE(ring);
    std::array<std::optional<Child>, 2> children;
    for (std::uint64_t i = 0; i < children.size(); ++i) {
      children[i].emplace([&, i] {
        auto producer = Ring::Attach(views.second())->ClaimProducer();
        ASSERT_TRUE(producer);
        PushStream<T>(*producer, i, kRecords, seed);
      });
    }
    auto consumer = ring->ClaimConsumer(pace);
    ASSERT_TRUE(consumer);
    PopStreams<T>(*consumer, children.size(), kRecords, seed);
    consumer->Close();
    for (auto& child : children) EXPECT_TRUE(child->EndsWell());
  }
}

}  // namespace
}  // namespace placid::testing
