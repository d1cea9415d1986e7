// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "tests/primitives/lane_traffic.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kProducers = 3;
constexpr std::uint64_t kValues = kIsTsan ? 10'000 : 100'000;  // of each

template <typename R, std::uint64_t kNumber, Pace kHow>
struct Case {
  using Ring = R;
  static constexpr std::uint64_t kCapacity = kNumber;
  static constexpr Pace kPace = kHow;
};

template <typename Case>
class LaneRingStress : public ::testing::Test {};
// As many lanes as producers, more and fewer.
using Cases =
    ::testing::Types<Case<LaneRing<LaneValue, 3, 16>, 16, Pace::kPrompt>,
                     Case<LaneRing<LaneValue, 64>, 256, Pace::kStreaming>,
                     Case<LaneRing<LaneValue, 2, 1>, 1, Pace::kPrompt>,
                     Case<LaneByteRing<3>, 1024, Pace::kPrompt>,
                     Case<LaneByteRing<2>, 4096, Pace::kStreaming>>;
TYPED_TEST_SUITE(LaneRingStress, Cases);

// A lane that two producers have at once, or that is used again before what was
// in it is taken, shows as a stream out of order; a lane that is forgotten, or an
// end that comes too early, in the sum. All threads through one mapping, which
// ThreadSanitizer watches.
TYPED_TEST(LaneRingStress, EachLeasesValuesArriveWholeAndInOrder) {
  const std::uint64_t seed = DrawSeed();
  using Ring = typename TypeParam::Ring;
  const GuardedBytes guarded(Ring::SizeFor(TypeParam::kCapacity));
  const auto ring = *Ring::Create(guarded.bytes(), TypeParam::kCapacity);
  std::uint64_t popped = 0;
  std::thread consuming([&] {
    auto consumer = *ring.ClaimConsumer(TypeParam::kPace);
    popped = PopByStreams(consumer, seed);
  });
  std::vector<std::thread> producing;
  for (std::uint64_t p = 0; p < kProducers; ++p) {
    producing.emplace_back([&, p] { PushByLeases(ring, p, kValues, seed); });
  }
  for (auto& thread : producing) thread.join();
  ring.Seal();
  consuming.join();
  EXPECT_EQ(popped, kProducers * kValues);
}

}  // namespace
}  // namespace placid::testing
