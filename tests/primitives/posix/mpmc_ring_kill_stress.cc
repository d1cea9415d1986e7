// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/mpmc_ring.h"
#include "tests/primitives/posix/killing.h"
#include "tests/primitives/posix/some_takers.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

template <std::uint64_t kCapacity, Delivery kDelivery>
struct MpmcKillCast {
  using Queue = MpmcRing<KilledValue, kCapacity>;
  static constexpr bool kIsTotal = true;
  static constexpr bool kComesAgain = kDelivery == Delivery::kAtLeastOnce;

  static Result<Queue> Create(std::span<std::byte> bytes) {
    return Queue::Create(bytes);
  }
  static auto ClaimProducer(const Queue& queue, std::size_t, OwnerId by) {
    return queue.ClaimProducer(by);
  }
  static auto ClaimConsumer(const Queue& queue, OwnerId by) {
    return queue.ClaimConsumer(kDelivery, by);
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
class MpmcRingKillStress : public ::testing::Test {};
using MpmcKillCasts = ::testing::Types<MpmcKillCast<64, Delivery::kAtMostOnce>,
                                       MpmcKillCast<4, Delivery::kAtLeastOnce>>;
TYPED_TEST_SUITE(MpmcRingKillStress, MpmcKillCasts);

// A claim that nobody can recover wedges the consumers; one that is given up
// although it was committed is lost; a slot that two take, or that is given back
// and offered as well, shows as a value that comes again.
TYPED_TEST(MpmcRingKillStress, WhatWasCommittedArrivesAsItsDeliverySays) {
  const std::uint64_t seed = DrawSeed();
  const TwoViews views(TypeParam::Queue::SizeFor());
  Killing<TypeParam, SomeTakers<TypeParam>> killing(views.first(), seed);
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
