// SPDX-License-Identifier: Apache-2.0
//
// MpscRing's claims: reserved, committed, given up, recovered.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tests/primitives/mpsc_ring_fixture.h"
#include "tests/support/die.h"

namespace placid {
namespace {

using testing::Die;
using testing::MpscStarts;

constexpr OwnerId kDead = *OwnerId::Of(5, 9);
constexpr OwnerId kAlive = *OwnerId::Of(6, 1);

template <typename Case>
class MpscRingClaimTest : public testing::MpscRingFixture<Case> {
 protected:
  // The ring can be filled and emptied: no slot has leaked.
  void ExpectWhole(typename Case::Ring::Producer& producer,
                   typename Case::Ring::Consumer& consumer) {
    this->ExpectPopGives(consumer, RingResult::kEmpty);
    for (int lap = 0; lap < 3; ++lap) {
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPushes(producer, i);
      }
      this->ExpectPushGives(producer, RingResult::kFull);
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPops(consumer, i);
      }
      this->ExpectPopGives(consumer, RingResult::kEmpty);
    }
  }
};
TYPED_TEST_SUITE(MpscRingClaimTest, testing::MpscCases);

TYPED_TEST(MpscRingClaimTest, AClaimHoldsUpTheConsumerAndNobodyElse) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    this->StartAt(start);
    auto slow = this->ring_.ClaimProducer(kAlive);
    auto other = this->ring_.ClaimProducer();
    auto consumer = this->ring_.ClaimConsumer();
    typename TypeParam::T* slot = nullptr;
    ASSERT_EQ(slow->TryReserve(slot), RingResult::kOk);
    for (std::uint64_t i = 1; i < this->kCapacity; ++i) {
      this->ExpectPushes(*other, i);
    }
    this->ExpectPushGives(*other, RingResult::kFull);
    for (int i = 0; i < 3; ++i) {
      this->ExpectPopGives(*consumer, RingResult::kPending);
      EXPECT_EQ(consumer->blocker(), kAlive.index());
    }
    *slot = TypeParam::T::Of(0);
    EXPECT_TRUE(slow->Commit());
    EXPECT_FALSE(slow->Commit()) << "committed twice";
    EXPECT_FALSE(slow->Abort()) << "given up once committed";
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPops(*consumer, i);
    }
    this->ExpectWhole(*slow, *consumer);
  }
}

TYPED_TEST(MpscRingClaimTest, CommitAndAbortWithoutAClaimDoNothing) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  EXPECT_FALSE(producer->Commit());
  EXPECT_FALSE(producer->Abort());
  this->ExpectPushes(*producer, 1);
  EXPECT_FALSE(producer->Commit());
  EXPECT_FALSE(producer->Abort());
  this->ExpectPops(*consumer, 1);
  this->ExpectWhole(*producer, *consumer);
}

// Each way to give a reservation up: the consumer skips it, and it never
// becomes a value.
TYPED_TEST(MpscRingClaimTest, WhatIsGivenUpIsSkipped) {
  using Role = typename TypeParam::Ring::Producer;
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    for (int way = 0; way < 5; ++way) {
      this->StartAt(start);
      auto producer = this->ring_.ClaimProducer();
      auto other = this->ring_.ClaimProducer();
      auto consumer = this->ring_.ClaimConsumer();
      this->ExpectReserves(*producer);
      bool has_pushed = false;
      switch (way) {
        case 0:
          EXPECT_TRUE(producer->Abort());
          EXPECT_FALSE(producer->Abort()) << "given up twice";
          EXPECT_FALSE(producer->Commit()) << "committed once given up";
          break;
        case 1: {
          Role moved(*std::move(producer));
          EXPECT_FALSE(producer->Commit());  // NOLINT(bugprone-use-after-move)
          EXPECT_TRUE(moved.Abort());
          break;
        }
        case 2: producer = this->ring_.ClaimProducer(); break;
        case 3:
          has_pushed =
              producer->TryPush(TypeParam::T::Of(7)) == RingResult::kOk;
          EXPECT_EQ(has_pushed, this->kCapacity > 1);
          break;
        default: {
          typename TypeParam::T* slot = nullptr;
          const RingResult again = producer->TryReserve(slot);
          EXPECT_EQ(again == RingResult::kOk, this->kCapacity > 1);
          (void)producer->Abort();
        }
      }
      if (has_pushed) this->ExpectPops(*consumer, 7);
      this->ExpectWhole(*other, *consumer);
    }
  }
}

TYPED_TEST(MpscRingClaimTest, DroppingAProducerGivesItsReservationUp) {
  auto consumer = this->ring_.ClaimConsumer();
  {
    auto producer = this->ring_.ClaimProducer();
    this->ExpectReserves(*producer);
    this->ExpectPopGives(*consumer, RingResult::kPending);
  }
  auto next = this->ring_.ClaimProducer();
  this->ExpectWhole(*next, *consumer);
}

TYPED_TEST(MpscRingClaimTest, ClosingGivesAReservationUp) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  this->ExpectReserves(*producer);
  if (this->kCapacity == 1) {
    EXPECT_EQ(producer->Close(), RingResult::kFull);
    this->ExpectPopGives(*consumer, RingResult::kEmpty);
  }
  EXPECT_EQ(producer->Close(), RingResult::kOk);
  EXPECT_FALSE(producer->Commit());
  this->ExpectPopGives(*consumer, RingResult::kClosed);
}

TYPED_TEST(MpscRingClaimTest, AReservationMovesAlong) {
  auto consumer = this->ring_.ClaimConsumer();
  auto producer = this->ring_.ClaimProducer();
  typename TypeParam::T* slot = nullptr;
  ASSERT_EQ(producer->TryReserve(slot), RingResult::kOk);
  typename TypeParam::Ring::Producer moved(*std::move(producer));
  *slot = TypeParam::T::Of(3);
  EXPECT_TRUE(moved.Commit());
  this->ExpectPops(*consumer, 3);
  // What it held before is given up.
  this->ExpectPopGives(*consumer, RingResult::kEmpty);
  this->ExpectReserves(moved);
  moved = *this->ring_.ClaimProducer();
  this->ExpectWhole(moved, *consumer);
}

// A void slot behind which nothing lies is given back, or whoever waits for
// room would wait for ever.
TYPED_TEST(MpscRingClaimTest, ARingFullOfNothingIsGivenBack) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    this->StartAt(start);
    auto producer = this->ring_.ClaimProducer();
    auto consumer = this->ring_.ClaimConsumer(Pace::kStreaming);
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectReserves(*producer);
      EXPECT_TRUE(producer->Abort());
    }
    this->ExpectPushGives(*producer, RingResult::kFull);
    this->ExpectPopGives(*consumer, RingResult::kEmpty);
    EXPECT_EQ(this->Published(), start + this->kCapacity);
    this->ExpectWhole(*producer, *consumer);
  }
}

TYPED_TEST(MpscRingClaimTest, ABatchEndsAtAGapAndTheNextGoesOnBehindIt) {
  if (this->kCapacity < 8) return;
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  this->ExpectPushes(*producer, 1);
  this->ExpectReserves(*producer);
  this->ExpectPushes(*producer, 2);
  std::vector<typename TypeParam::T> values(4);
  std::size_t count = 0;
  EXPECT_EQ(consumer->TryPopSome(values, count), RingResult::kOk);
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(consumer->TryPopSome(values, count), RingResult::kOk);
  EXPECT_EQ(count, 1u);
  EXPECT_EQ(values[0].number(), 2u);
}

// ---- Death

TYPED_TEST(MpscRingClaimTest, RecoverVoidsExactlyWhatTheDeadHadClaimed) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    this->StartAt(start);
    const auto& ring = this->ring_;
    auto dead = ring.ClaimProducer(kDead);
    auto living = ring.ClaimProducer(kAlive);
    auto unowned = ring.ClaimProducer();
    auto consumer = ring.ClaimConsumer();
    const bool has_room = this->kCapacity > 2;
    if (has_room) this->ExpectPushes(*dead, 1);
    this->ExpectReserves(*dead);
    typename TypeParam::T* slot = nullptr;
    if (has_room) {
      ASSERT_EQ(living->TryReserve(slot), RingResult::kOk);
    }
    if (has_room) this->ExpectPushes(*unowned, 3);
    Die(*std::move(dead));

    EXPECT_FALSE(ring.Recover(DeadOwner::Attested(*OwnerId::Of(4, 9))));
    EXPECT_FALSE(ring.RecoverUnowned(UnownedAreDead()));
    if (has_room) this->ExpectPops(*consumer, 1);
    this->ExpectPopGives(*consumer, RingResult::kPending);
    EXPECT_EQ(consumer->blocker(), kDead.index());
    EXPECT_TRUE(ring.Recover(DeadOwner::Attested(kDead)));
    EXPECT_FALSE(ring.Recover(DeadOwner::Attested(kDead)));
    if (has_room) {
      this->ExpectPopGives(*consumer, RingResult::kPending);
      EXPECT_EQ(consumer->blocker(), kAlive.index());
      *slot = TypeParam::T::Of(2);
      EXPECT_TRUE(living->Commit());
      this->ExpectPops(*consumer, 2);
      this->ExpectPops(*consumer, 3);
    }
    this->ExpectWhole(*living, *consumer);
  }
}

TYPED_TEST(MpscRingClaimTest, AllOfSeveralProducersOfOneDeadOwnerAreVoided) {
  auto one = this->ring_.ClaimProducer(kDead);
  auto two = this->ring_.ClaimProducer(kDead);
  auto consumer = this->ring_.ClaimConsumer();
  this->ExpectReserves(*one);
  if (this->kCapacity > 1) this->ExpectReserves(*two);
  Die(*std::move(one));
  Die(*std::move(two));
  EXPECT_TRUE(this->ring_.Recover(DeadOwner::Attested(kDead)));
  auto living = this->ring_.ClaimProducer(kAlive);
  this->ExpectWhole(*living, *consumer);
}

TYPED_TEST(MpscRingClaimTest, UnownedClaimsAreVoidedByTheCallersWord) {
  auto dead = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  this->ExpectReserves(*dead);
  Die(*std::move(dead));
  EXPECT_FALSE(this->ring_.Recover(DeadOwner::Attested(kAlive)));
  this->ExpectPopGives(*consumer, RingResult::kPending);
  EXPECT_EQ(consumer->blocker(), OwnerId::Unowned().index());
  EXPECT_TRUE(this->ring_.RecoverUnowned(UnownedAreDead()));
  EXPECT_FALSE(this->ring_.RecoverUnowned(UnownedAreDead()));
  auto living = this->ring_.ClaimProducer();
  this->ExpectWhole(*living, *consumer);
}

TYPED_TEST(MpscRingClaimTest, RecoverGivesTheConsumersRoleBack) {
  auto consumer = this->ring_.ClaimConsumer(Pace::kPrompt, kDead);
  Die(*std::move(consumer));
  EXPECT_EQ(
      this->ring_.TakeOverConsumer(AttestedDeath(this->ring_.ConsumerHolder()))
          .error()
          .code,
      ErrorCode::kInvalidArgument);
  EXPECT_FALSE(this->ring_.Recover(DeadOwner::Attested(kAlive)));
  EXPECT_TRUE(this->ring_.Recover(DeadOwner::Attested(kDead)));
  EXPECT_TRUE(this->ring_.ClaimConsumer(Pace::kPrompt, kAlive));
}

}  // namespace
}  // namespace placid
