// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>

#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "tests/primitives/lane_traffic.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kValues = kIsTsan ? 10'000 : 100'000;
constexpr std::uint64_t kCapacity = 1024;

template <typename Ring>
class LaneRingForkStress : public ::testing::Test {};
using Rings = ::testing::Types<LaneRing<LaneValue, 2>, LaneByteRing<2>>;
TYPED_TEST_SUITE(LaneRingForkStress, Rings);

// Three processes, two addresses.
TYPED_TEST(LaneRingForkStress, ValuesArriveFromOtherProcesses) {
  const std::uint64_t seed = DrawSeed();
  const TwoViews views(TypeParam::SizeFor(kCapacity));
  const auto ring = *TypeParam::Create(views.first(), kCapacity);
  const auto produce = [&](std::uint64_t p) {
    PushByLeases(*TypeParam::Attach(views.second()), p, kValues, seed);
  };
  Child first([&] { produce(0); });
  Child second([&] { produce(1); });
  Child consuming([&] {
    auto consumer =
        *TypeParam::Attach(views.first())->ClaimConsumer(Pace::kStreaming);
    EXPECT_EQ(PopByStreams(consumer, seed), 2 * kValues);
  });
  EXPECT_TRUE(first.EndsWell());
  EXPECT_TRUE(second.EndsWell());
  ring.Seal();
  EXPECT_TRUE(consuming.EndsWell());
}

}  // namespace
}  // namespace placid::testing
