// SPDX-License-Identifier: Apache-2.0
//
// MpscByteRing's claims: reserved, committed shorter, given up, recovered.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "tests/primitives/mpsc_byte_ring_fixture.h"
#include "tests/support/die.h"

namespace placid {
namespace {

using testing::Bytes;
using testing::Die;
using testing::MpscByteStarts;
using testing::RecordOf;

constexpr OwnerId kDead = *OwnerId::Of(5, 9);
constexpr OwnerId kAlive = *OwnerId::Of(6, 1);

class MpscByteRingClaimTest : public testing::MpscByteRingFixture {
 protected:
  // As long as can be, at any position: it wraps at most of them.
  [[nodiscard]] Bytes Long(std::uint64_t number) const {
    return RecordOf(number, static_cast<std::size_t>(ring_.MostRecordBytes()));
  }
};
INSTANTIATE_TEST_SUITE_P(Capacities, MpscByteRingClaimTest,
                         testing::MpscByteCapacities());

TEST_P(MpscByteRingClaimTest, AClaimHoldsUpTheConsumerAndNobodyElse) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    StartAt(start);
    auto slow = ring_.ClaimProducer(kAlive);
    auto other = ring_.ClaimProducer();
    auto consumer = ring_.ClaimConsumer();
    Reserve(*slow, Long(0));
    std::uint64_t count = 0;
    while (other->TryPush(RecordOf(count + 1, 8)) == RingResult::kOk) ++count;
    ExpectPushGives(*other, RingResult::kFull);
    EXPECT_TRUE(granules_ == 1 || count > 0);
    for (int i = 0; i < 3; ++i) {
      ExpectFrontGives(*consumer, RingResult::kPending);
      EXPECT_EQ(consumer->blocker(), kAlive.index());
    }
    EXPECT_TRUE(slow->Commit(SIZE_MAX));
    EXPECT_FALSE(slow->Commit(1)) << "committed twice";
    EXPECT_FALSE(slow->Abort()) << "given up once committed";
    ExpectFront(*consumer, Long(0));
    for (std::uint64_t i = 1; i <= count; ++i) ExpectFront(*consumer, i);
    ExpectWhole(*slow, *consumer);
  }
}

TEST_P(MpscByteRingClaimTest, CommitAndAbortWithoutAClaimDoNothing) {
  auto producer = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer();
  EXPECT_FALSE(producer->Commit(0));
  EXPECT_FALSE(producer->Abort());
  ExpectPushes(*producer, 1);
  EXPECT_FALSE(producer->Commit(8));
  EXPECT_FALSE(producer->Abort());
  ExpectFront(*consumer, 1);
  ExpectWhole(*producer, *consumer);
}

// Of each length, shortened to each: others have walked over what was claimed
// before, or meet what is left over.
TEST_P(MpscByteRingClaimTest, CommitShortensARecordButNeverLengthensIt) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (std::uint64_t reserved = 0; reserved <= ring_.MostRecordBytes();
         reserved += kGranule / 2) {
      for (std::uint64_t used = 0; used < reserved + kGranule;
           used += kGranule / 2 + granules_ / 8 * 13) {
        StartAt(start);
        auto producer = ring_.ClaimProducer();
        auto early = ring_.ClaimProducer();
        auto late = ring_.ClaimProducer();
        auto consumer = ring_.ClaimConsumer();
        Bytes record = RecordOf(1, static_cast<std::size_t>(reserved));
        Reserve(*producer, record);
        const bool has_room = early->TryPush(RecordOf(2, 8)) == RingResult::kOk;
        EXPECT_TRUE(producer->Commit(static_cast<std::size_t>(used)));
        const bool has_more = late->TryPush(RecordOf(3, 8)) == RingResult::kOk;
        if (used < reserved) record.resize(static_cast<std::size_t>(used));
        ExpectFront(*consumer, record);
        if (has_room) ExpectFront(*consumer, 2);
        if (has_more) ExpectFront(*consumer, 3);
        EXPECT_EQ(has_room, granules_ > 1);
        ExpectFrontGives(*consumer, RingResult::kEmpty);
        if (used == 0) ExpectWhole(*late, *consumer);
      }
    }
  }
}

// Each way to give a reservation up: the consumer skips it, and it never
// becomes a record.
TEST_P(MpscByteRingClaimTest, WhatIsGivenUpIsSkipped) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (int way = 0; way < 6; ++way) {
      StartAt(start);
      auto producer = ring_.ClaimProducer();
      auto other = ring_.ClaimProducer();
      auto consumer = ring_.ClaimConsumer();
      Reserve(*producer, Long(6));
      bool has_pushed = false;
      switch (way) {
        case 0:
          EXPECT_TRUE(producer->Abort());
          EXPECT_FALSE(producer->Abort()) << "given up twice";
          EXPECT_FALSE(producer->Commit(1)) << "committed once given up";
          break;
        case 1: {
          Producer moved(*std::move(producer));
          EXPECT_FALSE(producer->Commit(1));  // NOLINT(bugprone-use-after-move)
          EXPECT_TRUE(moved.Abort());
          break;
        }
        case 2: producer = ring_.ClaimProducer(); break;
        case 3:
          has_pushed = producer->TryPush(RecordOf(7, 8)) == RingResult::kOk;
          EXPECT_EQ(has_pushed, granules_ > 1);
          break;
        case 4:
          ExpectReserveGives(*producer, SIZE_MAX, RingResult::kFull);
          EXPECT_FALSE(producer->Commit(1));
          break;
        default: {
          std::span<std::byte> payload;
          const RingResult again = producer->TryReserve(8, payload);
          EXPECT_EQ(again == RingResult::kOk, granules_ > 1);
          (void)producer->Abort();
        }
      }
      if (has_pushed) ExpectFront(*consumer, 7);
      ExpectWhole(*other, *consumer);
    }
  }
}

TEST_P(MpscByteRingClaimTest, DroppingAProducerGivesItsReservationUp) {
  auto consumer = ring_.ClaimConsumer();
  {
    auto producer = ring_.ClaimProducer();
    Reserve(*producer, Long(1));
    ExpectFrontGives(*consumer, RingResult::kPending);
  }
  auto next = ring_.ClaimProducer();
  ExpectWhole(*next, *consumer);
}

TEST_P(MpscByteRingClaimTest, ClosingGivesAReservationUp) {
  auto producer = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer();
  Reserve(*producer, Long(1));
  if (granules_ == 1) {
    EXPECT_EQ(producer->Close(), RingResult::kFull);
    ExpectFrontGives(*consumer, RingResult::kEmpty);
  }
  EXPECT_EQ(producer->Close(), RingResult::kOk);
  EXPECT_FALSE(producer->Commit(1));
  ExpectFrontGives(*consumer, RingResult::kClosed);
}

TEST_P(MpscByteRingClaimTest, AReservationMovesAlong) {
  auto consumer = ring_.ClaimConsumer();
  auto producer = ring_.ClaimProducer();
  Reserve(*producer, RecordOf(3, 8));
  Producer moved(*std::move(producer));
  EXPECT_TRUE(moved.Commit(8));
  ExpectFront(*consumer, 3);
  // What it held before is given up.
  ExpectFrontGives(*consumer, RingResult::kEmpty);
  Reserve(moved, RecordOf(4, 8));
  moved = *ring_.ClaimProducer();
  ExpectWhole(moved, *consumer);
}

// A void record behind which nothing lies is given back, or whoever waits for
// room would wait for ever.
TEST_P(MpscByteRingClaimTest, ARingFullOfNothingIsGivenBack) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    StartAt(start);
    auto producer = ring_.ClaimProducer();
    auto consumer = ring_.ClaimConsumer(Pace::kStreaming);
    for (std::uint64_t i = 0; i < granules_; ++i) {
      Reserve(*producer, RecordOf(i, 8));
      EXPECT_TRUE(producer->Abort());
    }
    ExpectPushGives(*producer, RingResult::kFull);
    ExpectFrontGives(*consumer, RingResult::kEmpty);
    EXPECT_EQ(Published(), start + granules_);
    ExpectWhole(*producer, *consumer);
  }
}

// Records of ever other lengths end everywhere: each granule's word is renewed
// in each lap, whatever becomes of the record that it lies in.
TEST_P(MpscByteRingClaimTest, NoWordIsOlderThanALap) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    StartAt(start);
    auto producer = ring_.ClaimProducer(kDead);
    auto consumer = ring_.ClaimConsumer();
    for (std::uint64_t n = 0; n < 40; ++n) {
      const auto length =
          static_cast<std::size_t>(n * 131 % (ring_.MostRecordBytes() + 1));
      Reserve(*producer, RecordOf(n, length));
      switch (n % 4) {
        case 0: EXPECT_TRUE(producer->Commit(length)); break;
        case 1: EXPECT_TRUE(producer->Commit(length / 3)); break;
        case 2: EXPECT_TRUE(producer->Abort()); break;
        default:
          Die(*std::move(producer));
          EXPECT_TRUE(ring_.Recover(DeadOwner::Attested(kDead)));
          producer = ring_.ClaimProducer(kDead);
      }
      SharedBytes record;
      EXPECT_EQ(consumer->TryFront(record),
                n % 4 < 2 ? RingResult::kOk : RingResult::kEmpty);
      consumer->Retire();
      ExpectFrontGives(*consumer, RingResult::kEmpty);
      const std::uint64_t head = Published();
      for (std::uint64_t i = head; i != head + granules_; ++i) {
        const RecordWord word(Word(i).load(kRelaxed));
        EXPECT_EQ(Laps().Behind(word, i), 1) << n;
        EXPECT_TRUE(word.IsFinished());
      }
    }
  }
}

// ---- Death

TEST_P(MpscByteRingClaimTest, RecoverVoidsExactlyWhatTheDeadHadClaimed) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    StartAt(start);
    auto dead = ring_.ClaimProducer(kDead);
    auto living = ring_.ClaimProducer(kAlive);
    auto unowned = ring_.ClaimProducer();
    auto consumer = ring_.ClaimConsumer();
    const bool has_room = granules_ > 4;
    const auto length = static_cast<std::size_t>(
        has_room ? kGranule + 1 : ring_.MostRecordBytes());
    if (has_room) ExpectPushes(*dead, 1);
    Reserve(*dead, RecordOf(66, length));
    if (has_room) Reserve(*living, RecordOf(2, 8));
    if (has_room) ExpectPushes(*unowned, 3);
    Die(*std::move(dead));

    EXPECT_FALSE(ring_.Recover(DeadOwner::Attested(*OwnerId::Of(4, 9))));
    EXPECT_FALSE(ring_.RecoverUnowned(UnownedAreDead()));
    if (has_room) ExpectFront(*consumer, 1);
    ExpectFrontGives(*consumer, RingResult::kPending);
    EXPECT_EQ(consumer->blocker(), kDead.index());
    EXPECT_TRUE(ring_.Recover(DeadOwner::Attested(kDead)));
    EXPECT_FALSE(ring_.Recover(DeadOwner::Attested(kDead)));
    if (has_room) {
      ExpectFrontGives(*consumer, RingResult::kPending);
      EXPECT_EQ(consumer->blocker(), kAlive.index());
      EXPECT_TRUE(living->Commit(8));
      ExpectFront(*consumer, 2);
      ExpectFront(*consumer, 3);
    }
    ExpectWhole(*living, *consumer);
  }
}

TEST_P(MpscByteRingClaimTest, AllOfSeveralProducersOfOneDeadOwnerAreVoided) {
  auto one = ring_.ClaimProducer(kDead);
  auto two = ring_.ClaimProducer(kDead);
  auto consumer = ring_.ClaimConsumer();
  Reserve(*one, Long(1));
  if (granules_ > 1) Reserve(*two, Long(2));
  Die(*std::move(one));
  Die(*std::move(two));
  EXPECT_TRUE(ring_.Recover(DeadOwner::Attested(kDead)));
  auto living = ring_.ClaimProducer(kAlive);
  ExpectWhole(*living, *consumer);
}

TEST_P(MpscByteRingClaimTest, UnownedClaimsAreVoidedByTheCallersWord) {
  auto dead = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer();
  Reserve(*dead, Long(1));
  Die(*std::move(dead));
  EXPECT_FALSE(ring_.Recover(DeadOwner::Attested(kAlive)));
  ExpectFrontGives(*consumer, RingResult::kPending);
  EXPECT_EQ(consumer->blocker(), OwnerId::Unowned().index());
  EXPECT_TRUE(ring_.RecoverUnowned(UnownedAreDead()));
  EXPECT_FALSE(ring_.RecoverUnowned(UnownedAreDead()));
  auto living = ring_.ClaimProducer();
  ExpectWhole(*living, *consumer);
}

TEST_P(MpscByteRingClaimTest, RecoverGivesTheConsumersRoleBack) {
  auto consumer = ring_.ClaimConsumer(Pace::kPrompt, kDead);
  Die(*std::move(consumer));
  EXPECT_EQ(ring_.TakeOverConsumer(AttestedDeath(ring_.ConsumerHolder()))
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  EXPECT_FALSE(ring_.Recover(DeadOwner::Attested(kAlive)));
  EXPECT_TRUE(ring_.Recover(DeadOwner::Attested(kDead)));
  EXPECT_TRUE(ring_.ClaimConsumer(Pace::kPrompt, kAlive));
}

}  // namespace
}  // namespace placid
