// SPDX-License-Identifier: Apache-2.0
//
// MpmcRing after deaths: what the dead held is given back, all of it and nothing
// else, and what they had in hand comes again where that was promised.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "tests/primitives/mpmc_ring_fixture.h"
#include "tests/support/die.h"

namespace placid {
namespace {

using testing::Die;
using testing::kDeliveries;
using testing::MpmcStarts;

constexpr OwnerId kDead = *OwnerId::Of(2, 9);
constexpr OwnerId kAlive = *OwnerId::Of(3, 1);

template <typename Case>
class MpmcRingRecoverTest : public testing::MpmcRingFixture<Case> {
 protected:
  using Recovered = typename Case::Ring::Recovered;
  [[nodiscard]] Recovered Recover(OwnerId dead) const {
    return this->ring_.Recover(DeadOwner::Attested(dead));
  }
};
TYPED_TEST_SUITE(MpmcRingRecoverTest, testing::MpmcCases);

TYPED_TEST(MpmcRingRecoverTest, ADeadProducersClaimIsPassedOver) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    this->StartAt(start);
    auto dead = *this->ring_.ClaimProducer(kDead);
    auto alive = *this->ring_.ClaimProducer(kAlive);
    auto consumer = *this->ring_.ClaimConsumer();
    this->ExpectReserves(dead);
    Die(std::move(dead));
    this->ExpectPopGives(consumer, RingResult::kPending);
    EXPECT_EQ(consumer.blocker(), kDead.index());
    // Others do not notice.
    for (std::uint64_t i = 1; i < this->kCapacity; ++i) {
      this->ExpectPushes(alive, i);
    }
    this->ExpectPopGives(consumer, RingResult::kPending);
    EXPECT_FALSE(this->Recover(kAlive).any());
    EXPECT_FALSE(this->ring_.RecoverUnowned(UnownedAreDead()).any());
    EXPECT_EQ(this->Recover(kDead).voided, 1u);
    EXPECT_FALSE(this->Recover(kDead).any());
    for (std::uint64_t i = 1; i < this->kCapacity; ++i) {
      this->ExpectPops(consumer, i);
    }
    this->ExpectPopGives(consumer, RingResult::kEmpty);
    this->ExpectPushes(alive, 9);
    this->ExpectPops(consumer, 9);
  }
}

TYPED_TEST(MpmcRingRecoverTest, ADeadConsumersValueIsLostOrComesAgain) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    for (const Delivery delivery : kDeliveries) {
      this->StartAt(start);
      auto producer = *this->ring_.ClaimProducer(kAlive);
      auto dead = *this->ring_.ClaimConsumer(delivery, kDead);
      auto alive = *this->ring_.ClaimConsumer(Delivery::kAtMostOnce, kAlive);
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPushes(producer, i);
      }
      // In hand, also where it may be lost.
      SharedSpan<typename TypeParam::T> value;
      ASSERT_EQ(dead.TryPeek(value), RingResult::kOk);
      Die(std::move(dead));
      if (this->kCapacity > 1) this->ExpectPops(alive, 1);
      this->ExpectPushGives(producer, RingResult::kFull);
      const auto recovered = this->Recover(kDead);
      EXPECT_EQ(recovered.voided, 0u);
      if (delivery == Delivery::kAtMostOnce) {
        EXPECT_EQ(recovered.lost, 1u);
        EXPECT_EQ(recovered.offered, 0u);
      } else {
        EXPECT_EQ(recovered.lost, 0u);
        EXPECT_EQ(recovered.offered, 1u);
        this->ExpectPushGives(producer, RingResult::kFull);
        this->ExpectPops(alive, 0);
      }
      EXPECT_FALSE(this->Recover(kDead).any());
      for (std::uint64_t i = 2; i < this->kCapacity; ++i) {
        this->ExpectPops(alive, i);
      }
      this->ExpectPopGives(alive, RingResult::kEmpty);
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPushes(producer, i);
        this->ExpectPops(alive, i);
      }
    }
  }
}

// Offered again it is once more in somebody's hand, who may die too; and it is
// found by consumers that were there before as by those who come later.
TYPED_TEST(MpmcRingRecoverTest, WhatComesAgainMayComeAgainAndAgain) {
  auto producer = *this->ring_.ClaimProducer(kAlive);
  auto watcher = *this->ring_.ClaimConsumer(Delivery::kAtMostOnce, kAlive);
  this->ExpectPopGives(watcher, RingResult::kEmpty);
  this->ExpectPushes(producer, 42);
  for (int death = 0; death < 3; ++death) {
    auto dead = *this->ring_.ClaimConsumer(Delivery::kAtLeastOnce, kDead);
    this->ExpectPops(dead, 42);
    Die(std::move(dead));
    this->ExpectPopGives(watcher, RingResult::kEmpty);
    EXPECT_EQ(this->Recover(kDead).offered, 1u);
  }
  this->ExpectPops(watcher, 42);
  this->ExpectPopGives(watcher, RingResult::kEmpty);
}

// The end of the ring does not swallow what was in a dead one's hand.
TYPED_TEST(MpmcRingRecoverTest, WhatComesAgainComesAfterTheEndToo) {
  if (this->kCapacity < 2) return;
  auto producer = *this->ring_.ClaimProducer(kAlive);
  this->ExpectPushes(producer, 1);
  EXPECT_EQ(producer.Close(), RingResult::kOk);
  auto dead = *this->ring_.ClaimConsumer(Delivery::kAtLeastOnce, kDead);
  auto alive = *this->ring_.ClaimConsumer(Delivery::kAtLeastOnce, kAlive);
  this->ExpectPops(dead, 1);
  this->ExpectPopGives(alive, RingResult::kClosed);
  Die(std::move(dead));
  EXPECT_EQ(this->Recover(kDead).offered, 1u);
  this->ExpectPops(alive, 1);
  this->ExpectPopGives(alive, RingResult::kClosed);
}

// A recoverer that died when all was offered, and before it said so, has left
// offers that nobody would look for.
TYPED_TEST(MpmcRingRecoverTest, ARepeatedRecoveryTellsOfOffersMadeBefore) {
  auto producer = *this->ring_.ClaimProducer(kAlive);
  auto alive = *this->ring_.ClaimConsumer(Delivery::kAtMostOnce, kAlive);
  this->ExpectPushes(producer, 42);
  auto dead = *this->ring_.ClaimConsumer(Delivery::kAtLeastOnce, kDead);
  this->ExpectPops(dead, 42);
  Die(std::move(dead));
  EXPECT_EQ(this->Recover(kDead).offered, 1u);
  this->memory().offers.store(0, kRelaxed);
  this->ExpectPopGives(alive, RingResult::kEmpty);
  EXPECT_FALSE(this->Recover(kDead).any());
  this->ExpectPops(alive, 42);
}

TYPED_TEST(MpmcRingRecoverTest, OfAllThatTheDeadHeldNothingIsLeft) {
  if (this->kCapacity < 8) return;
  auto producer = *this->ring_.ClaimProducer(kAlive);
  for (std::uint64_t i = 0; i < 4; ++i) this->ExpectPushes(producer, i);
  for (const Delivery delivery : kDeliveries) {
    auto dead = *this->ring_.ClaimConsumer(delivery, kDead);
    SharedSpan<typename TypeParam::T> value;
    EXPECT_EQ(dead.TryPeek(value), RingResult::kOk);
    Die(std::move(dead));
    auto dead_producer = *this->ring_.ClaimProducer(kDead);
    this->ExpectReserves(dead_producer);
    Die(std::move(dead_producer));
  }
  auto unowned = *this->ring_.ClaimConsumer(Delivery::kAtLeastOnce);
  this->ExpectPops(unowned, 2);
  const auto recovered = this->Recover(kDead);
  EXPECT_EQ(recovered.voided, 2u);
  EXPECT_EQ(recovered.lost, 1u);
  EXPECT_EQ(recovered.offered, 1u);
  this->ExpectPops(unowned, 1);
  Die(std::move(unowned));
  EXPECT_EQ(this->ring_.RecoverUnowned(UnownedAreDead()).offered, 1u);
  auto consumer = *this->ring_.ClaimConsumer();
  this->ExpectPops(consumer, 1);
  this->ExpectPops(consumer, 3);
  this->ExpectPopGives(consumer, RingResult::kEmpty);
}

TYPED_TEST(MpmcRingRecoverTest, NobodyCannotClaim) {
  EXPECT_EQ(this->ring_.ClaimProducer(OwnerId()).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      this->ring_.ClaimConsumer(Delivery::kAtMostOnce, OwnerId()).error().code,
      ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace placid
