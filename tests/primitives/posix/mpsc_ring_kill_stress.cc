// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/mpsc_ring.h"
#include "tests/primitives/posix/killing.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

template <std::uint64_t kCapacity, Pace kPace>
struct RingCast {
  using Queue = MpscRing<KilledValue, kCapacity>;
  static constexpr std::uint64_t kLag =
      kPace == Pace::kStreaming ? kCapacity / 8 : 0;
  static constexpr bool kIsTotal = true;

  static Result<Queue> Create(std::span<std::byte> bytes) {
    return Queue::Create(bytes);
  }
  static auto ClaimProducer(const Queue& queue, std::size_t, OwnerId by) {
    return queue.ClaimProducer(by);
  }
  static auto ClaimConsumer(const Queue& queue, OwnerId by) {
    return queue.ClaimConsumer(kPace, by);
  }
  static RingResult Push(typename Queue::Producer& producer,
                         const KilledValue& value) {
    return producer.TryPush(value);
  }
  static RingResult Pop(typename Queue::Consumer& consumer,
                        KilledValue& value) {
    return consumer.TryPop(value);
  }
  static void Recover(const Queue& queue, const DeadOwner& dead) {
    (void)queue.Recover(dead);
  }
};

template <typename Cast>
class MpscRingKillStress : public ::testing::Test {};
using Casts = ::testing::Types<RingCast<64, Pace::kStreaming>,
                               RingCast<4, Pace::kPrompt>>;
TYPED_TEST_SUITE(MpscRingKillStress, Casts);

// A claim that nobody can recover wedges the consumer; one that is given up
// although it was committed is lost; a void one that counts as a value, torn.
TYPED_TEST(MpscRingKillStress, WhatWasCommittedArrivesOnceAndInOrder) {
  const std::uint64_t seed = DrawSeed();
  const TwoViews views(TypeParam::Queue::SizeFor());
  Killing<TypeParam> killing(views.first(), seed);
  ASSERT_TRUE(killing.Run(Kills() / 2));
  // Nothing has leaked: every slot can be used.
  auto producer = *killing.queue().ClaimProducer();
  const KilledValue value{};
  for (std::uint64_t i = 0; i < killing.queue().capacity(); ++i) {
    ASSERT_EQ(producer.TryPush(value), RingResult::kOk);
  }
  EXPECT_EQ(producer.TryPush(value), RingResult::kFull);
}

}  // namespace
}  // namespace placid::testing
