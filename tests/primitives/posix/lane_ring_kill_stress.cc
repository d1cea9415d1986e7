// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "tests/primitives/posix/killing.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

// A lane for each that lives: what a dead one had must be had again.
template <std::uint64_t kCapacity, Pace kPace>
struct RingCast {
  using Queue = LaneRing<KilledValue, kKilledPlaces, kCapacity>;
  static constexpr std::uint64_t kBytes = Queue::SizeFor();
  static constexpr std::uint64_t kLag =
      kPace == Pace::kStreaming ? kCapacity / 8 : 0;
  static constexpr bool kIsTotal = false;

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

struct ByteRingCast {
  using Queue = LaneByteRing<kKilledPlaces>;
  static constexpr std::uint64_t kCapacity = 1024;
  static constexpr std::uint64_t kBytes = Queue::SizeFor(kCapacity);
  static constexpr std::uint64_t kLag = 0;
  static constexpr bool kIsTotal = false;

  static Result<Queue> Create(std::span<std::byte> bytes) {
    return Queue::Create(bytes, kCapacity);
  }
  static auto ClaimProducer(const Queue& queue, std::size_t, OwnerId by) {
    return queue.ClaimProducer(by);
  }
  static auto ClaimConsumer(const Queue& queue, OwnerId by) {
    return queue.ClaimConsumer(Pace::kPrompt, by);
  }
  static RingResult Push(Queue::Producer& producer, const KilledValue& value) {
    return producer.TryPush(std::as_bytes(std::span(&value, 1)));
  }
  static RingResult Pop(Queue::Consumer& consumer, KilledValue& value) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result == RingResult::kOk) value = *record.Load<KilledValue>(0);
    return result;
  }
  static void Recover(const Queue& queue, const DeadOwner& dead) {
    (void)queue.Recover(dead);
  }
};

template <typename Cast>
class LaneRingKillStress : public ::testing::Test {};
using Casts = ::testing::Types<RingCast<64, Pace::kStreaming>,
                               RingCast<4, Pace::kPrompt>, ByteRingCast>;
TYPED_TEST_SUITE(LaneRingKillStress, Casts);

// A lane that nobody recovers is missing soon; one that is given out before it
// is recovered has two producers, and loses values; and a scan that waits for a
// producer stands still with the first that is stopped.
TYPED_TEST(LaneRingKillStress, WhatWasCommittedArrivesOnceInOrderOfEachLane) {
  const std::uint64_t seed = DrawSeed();
  const TwoViews views(TypeParam::kBytes);
  Killing<TypeParam> killing(views.first(), seed);
  ASSERT_TRUE(killing.Run(Kills() / 3));
  // Nothing has leaked: every lane can be had.
  const auto& queue = killing.queue();
  const auto first = queue.ClaimProducer();
  const auto second = queue.ClaimProducer();
  const auto third = queue.ClaimProducer();
  EXPECT_TRUE(first && second && third);
  EXPECT_FALSE(queue.ClaimProducer());
}

}  // namespace
}  // namespace placid::testing
