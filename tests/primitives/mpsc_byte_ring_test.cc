// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/mpsc_byte_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/primitives/mpsc_byte_ring_fixture.h"
#include "tests/support/die.h"

namespace placid {
namespace {

using testing::Bytes;
using testing::Die;
using testing::MpscByteStarts;
using testing::RecordOf;

static_assert(!std::is_copy_constructible_v<MpscByteRing::Producer>);
static_assert(!std::is_copy_constructible_v<MpscByteRing::Consumer>);

class MpscByteRingTest : public testing::MpscByteRingFixture {};
INSTANTIATE_TEST_SUITE_P(Capacities, MpscByteRingTest,
                         testing::MpscByteCapacities());

// ---- Records

// Each length that matters at each place of the ring, alone in it.
TEST_P(MpscByteRingTest, EveryLengthFitsEverywhere) {
  const auto most = static_cast<std::size_t>(ring_.MostRecordBytes());
  std::vector<std::size_t> lengths = {0, 1, 7, 8, 9, 63, 64};
  for (std::size_t n = 65; n <= most; n += n % 64 < 2 ? 1 : 31) {
    lengths.push_back(n);
  }
  for (const std::size_t length : {most - 1, most}) lengths.push_back(length);
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (std::uint64_t phase = 0; phase < granules_; ++phase) {
      StartAt(start - phase);
      auto producer = ring_.ClaimProducer();
      auto consumer = ring_.ClaimConsumer();
      ASSERT_TRUE(producer && consumer);
      EXPECT_EQ(producer->MostRecordBytes(), most);
      for (const std::size_t length : lengths) {
        const Bytes record = RecordOf(phase, length);
        ExpectPushes(*producer, record);
        ExpectFront(*consumer, record);
        ExpectFrontGives(*consumer, RingResult::kEmpty);
      }
    }
  }
}

// Two producers, by turns of uneven length; now and then all is taken.
TEST_P(MpscByteRingTest, RecordsComeOutInTheOrderOfTheirPushes) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
      StartAt(start);
      auto one = ring_.ClaimProducer();
      auto two = ring_.ClaimProducer();
      auto consumer = ring_.ClaimConsumer(pace);
      ASSERT_TRUE(one && two && consumer);
      ExpectFrontGives(*consumer, RingResult::kEmpty);
      std::deque<Bytes> there;
      for (std::uint64_t n = 0; n < 60 + 5 * granules_; ++n) {
        const auto length = static_cast<std::size_t>(
            n * 41 % (ring_.MostRecordBytes() + 1) / (n % 5 + 1));
        const Bytes record = RecordOf(n, length);
        auto& producer = n / 3 % 2 == 0 ? *one : *two;
        while (producer.TryPush(record) != RingResult::kOk) {
          ASSERT_FALSE(there.empty()) << "full, and nothing is there";
          ExpectFront(*consumer, there.front());
          there.pop_front();
          if (there.empty()) ExpectFrontGives(*consumer, RingResult::kEmpty);
          consumer->Publish();
        }
        there.push_back(record);
      }
      for (const Bytes& record : there) ExpectFront(*consumer, record);
      ExpectFrontGives(*consumer, RingResult::kEmpty);
    }
  }
}

// The format of a golden image: another program may read it.
TEST_P(MpscByteRingTest,
       AWordSaysWhereARecordEndsAndTheOthersThatTheyAreItsOwn) {
  if (granules_ < 8) return;
  auto producer = ring_.ClaimProducer();
  ExpectPushes(*producer, RecordOf(1, 64));
  ExpectPushes(*producer, RecordOf(2, 65));
  ExpectPushes(*producer, Bytes());
  EXPECT_EQ(Word(0).load(kRelaxed), std::uint64_t{1} << 34 | 1u << 18);
  EXPECT_EQ(Word(1).load(kRelaxed),
            std::uint64_t{1} << 34 | 2u << 18 | 63u << 2);
  EXPECT_EQ(Word(2).load(kRelaxed), std::uint64_t{1} << 34);
  EXPECT_EQ(Word(3).load(kRelaxed),
            std::uint64_t{1} << 34 | 1u << 18 | 64u << 2);
  EXPECT_EQ(Word(4).load(kRelaxed), 0u);
  EXPECT_EQ(Bytes(DataAt(1), DataAt(1) + 65), RecordOf(2, 65));
}

TEST_P(MpscByteRingTest, WhatDoesNotFitBeforeTheEndLiesAtTheStart) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (std::uint64_t rest = 1; rest < granules_ / 2; ++rest) {
      // One byte too long for the rest.
      const std::uint64_t at = start / granules_ * granules_ - rest;
      StartAt(at);
      auto producer = ring_.ClaimProducer();
      auto consumer = ring_.ClaimConsumer();
      const Bytes record =
          RecordOf(rest, static_cast<std::size_t>(rest * kGranule + 1));
      ExpectPushes(*producer, record);
      EXPECT_EQ(
          Word(at).load(kRelaxed),
          Laps().Word(at, SlotState::kDone, 2 * rest + 1, kGranule - 1).word());
      EXPECT_EQ(Bytes(DataAt(0), DataAt(0) + record.size()), record);
      for (std::uint64_t i = 1; i < 2 * rest + 1; ++i) {
        EXPECT_EQ(Word(at + i).load(kRelaxed), Laps().Inside(at + i).word());
      }
      ExpectFront(*consumer, record);
      ExpectFrontGives(*consumer, RingResult::kEmpty);
      EXPECT_EQ(Published(), at + 2 * rest + 1);
    }
  }
}

TEST_P(MpscByteRingTest, ARecordLongerThanTheMostIsRefusedForEver) {
  auto producer = ring_.ClaimProducer();
  const auto most = static_cast<std::size_t>(ring_.MostRecordBytes());
  EXPECT_EQ(most, granules_ == 1 ? 64 : granules_ * kGranule / 2);
  for (const std::size_t length :
       {most + 1, std::size_t{0xFFFF'FFFF}, SIZE_MAX - 63, SIZE_MAX}) {
    ExpectReserveGives(*producer, length, RingResult::kFull);
    EXPECT_FALSE(producer->Commit(0));
  }
  EXPECT_EQ(Word(0).load(kRelaxed), 0u);
  ExpectReserveGives(*producer, most, RingResult::kOk);
}

TEST_P(MpscByteRingTest, PushIntoAFullRingChangesNothing) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    StartAt(start);
    auto producer = ring_.ClaimProducer();
    auto other = ring_.ClaimProducer();
    auto consumer = ring_.ClaimConsumer();
    for (std::uint64_t i = 0; i < granules_; ++i) ExpectPushes(*producer, i);
    for (auto* full : {&*producer, &*other, &*producer}) {
      for (const std::size_t length : {std::size_t{0}, std::size_t{64}}) {
        ExpectReserveGives(*full, length, RingResult::kFull);
        EXPECT_FALSE(full->Commit(length));
      }
      EXPECT_EQ(full->Close(), RingResult::kFull);
    }
    for (std::uint64_t i = 0; i < granules_; ++i) ExpectFront(*consumer, i);
    ExpectWhole(*other, *consumer);
  }
}

// What is left before a long record cannot be had is left to short ones.
TEST_P(MpscByteRingTest, ALongRecordWaitsUntilAllOfItFits) {
  if (granules_ < 4) return;
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    StartAt(start / granules_ * granules_);
    auto producer = ring_.ClaimProducer();
    auto consumer = ring_.ClaimConsumer();
    for (std::uint64_t i = 0; i + 1 < granules_; ++i) {
      ExpectPushes(*producer, i);
    }
    // It takes the last granule and two at the start, which are taken.
    const Bytes record = RecordOf(5, 65);
    for (std::uint64_t i = 0; i < 2; ++i) {
      EXPECT_EQ(producer->TryPush(record), RingResult::kFull);
      ExpectFront(*consumer, i);
      EXPECT_EQ(producer->TryPush(record), RingResult::kFull);
    }
    ExpectFront(*consumer, 2);
    ExpectPushes(*producer, record);
    for (std::uint64_t i = 3; i + 1 < granules_; ++i) ExpectFront(*consumer, i);
    ExpectFront(*consumer, record);
    ExpectWhole(*producer, *consumer);
  }
}

TEST_P(MpscByteRingTest, APromptConsumerGivesARecordBackByItsNextCall) {
  auto producer = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer(Pace::kPrompt);
  for (std::uint64_t i = 0; i < granules_; ++i) ExpectPushes(*producer, i);
  ExpectFront(*consumer, 0);
  ExpectPushGives(*producer, RingResult::kFull);
  SharedBytes record;
  (void)consumer->TryFront(record);
  ExpectPushes(*producer, 9);
}

TEST_P(MpscByteRingTest, RetireAndPublishGiveARecordBackAtOnce) {
  auto producer = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer();
  ExpectPushes(*producer, 1);
  ExpectFront(*consumer, 1);
  consumer->Publish();
  EXPECT_EQ(Published(), 0u) << "the record is still in hand";
  consumer->Retire();
  consumer->Retire();
  consumer->Publish();
  EXPECT_EQ(Published(), 1u);
}

TEST_P(MpscByteRingTest, AStreamingConsumerHidesAtMostAnEighth) {
  auto producer = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer(Pace::kStreaming);
  for (std::uint64_t read = 0; read < 5 * granules_; ++read) {
    SharedBytes record;
    do {
      while (producer->TryPush(RecordOf(0, 8)) == RingResult::kOk) {
      }
    } while (consumer->TryFront(record) != RingResult::kOk);
    EXPECT_LE(read + 1 - Published(), 1 + granules_ / 8);
  }
}

// Whoever finds the ring empty may wait for a producer that waits for room.
TEST_P(MpscByteRingTest, AnEmptyRingIsAllGivenBack) {
  auto producer = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer(Pace::kStreaming);
  ExpectPushes(*producer, 1);
  ExpectFront(*consumer, 1);
  ExpectFrontGives(*consumer, RingResult::kEmpty);
  EXPECT_EQ(Published(), 1u);
}

TEST_P(MpscByteRingTest, ADroppedConsumerGivesAllBack) {
  auto producer = ring_.ClaimProducer();
  {
    auto consumer = ring_.ClaimConsumer(Pace::kStreaming);
    ExpectPushes(*producer, 1);
    ExpectFront(*consumer, 1);
    EXPECT_EQ(Published(), 0u);
  }
  EXPECT_EQ(Published(), 1u);
  EXPECT_TRUE(ring_.ConsumerHolder().is_free());
}

TEST_P(MpscByteRingTest, BatchesAreAsLongAsThereIsRoomFor) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    StartAt(start);
    auto producer = ring_.ClaimProducer();
    auto consumer = ring_.ClaimConsumer();
    std::vector<Bytes> records;
    for (std::uint64_t i = 0; i < granules_ + 3; ++i) {
      records.push_back(RecordOf(i, 8));
    }
    const std::vector<std::span<const std::byte>> batch(records.begin(),
                                                        records.end());
    std::size_t pushed = 99;
    EXPECT_EQ(producer->TryPushSome({}, pushed), RingResult::kOk);
    EXPECT_EQ(pushed, 0u);
    EXPECT_EQ(producer->TryPushSome(batch, pushed), RingResult::kOk);
    EXPECT_EQ(pushed, granules_);
    EXPECT_EQ(producer->TryPushSome(batch, pushed), RingResult::kFull);
    EXPECT_EQ(pushed, 0u);
    for (std::uint64_t i = 0; i < granules_; ++i) ExpectFront(*consumer, i);
    ExpectFrontGives(*consumer, RingResult::kEmpty);
  }
}

// ---- Closing

TEST_P(MpscByteRingTest, WhatWasPushedBeforeTheEndIsStillRead) {
  if (granules_ < 2) return;
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    StartAt(start);
    auto closer = ring_.ClaimProducer();
    auto other = ring_.ClaimProducer();
    {
      auto consumer = ring_.ClaimConsumer();
      ExpectPushes(*other, 1);
      EXPECT_EQ(closer->Close(), RingResult::kOk);
      for (auto* producer : {&*closer, &*other}) {
        ExpectPushGives(*producer, RingResult::kClosed);
        ExpectReserveGives(*producer, 8, RingResult::kClosed);
        EXPECT_EQ(producer->Close(), RingResult::kClosed);
      }
      ExpectFront(*consumer, 1);
      for (int i = 0; i < 3; ++i) {
        ExpectFrontGives(*consumer, RingResult::kClosed);
      }
    }
    // For ever, whoever comes next.
    auto successor = ring_.ClaimConsumer(Pace::kStreaming);
    ExpectFrontGives(*successor, RingResult::kClosed);
    auto late = ring_.ClaimProducer();
    ExpectPushGives(*late, RingResult::kClosed);
  }
}

TEST_P(MpscByteRingTest, AClosedConsumerIsNoticedForLackOfRoom) {
  auto producer = ring_.ClaimProducer();
  {
    auto consumer = ring_.ClaimConsumer();
    for (std::uint64_t i = 0; i < granules_; ++i) ExpectPushes(*producer, i);
    ExpectFront(*consumer, 0);
    EXPECT_FALSE(producer->IsConsumerClosed());
    consumer->Close();
    EXPECT_TRUE(producer->IsConsumerClosed());
    EXPECT_EQ(Published(), 1u) << "the record in hand was not given back";
    ExpectPushes(*producer, 7);
    ExpectPushGives(*producer, RingResult::kClosed);
    EXPECT_EQ(producer->Close(), RingResult::kClosed);
    ExpectFrontGives(*consumer, RingResult::kClosed);
  }
  auto successor = ring_.ClaimConsumer();
  ASSERT_TRUE(successor);
  ExpectFrontGives(*successor, RingResult::kClosed);
}

// ---- Roles

TEST_P(MpscByteRingTest, AnybodyProducesAndOneConsumes) {
  const OwnerId owner = *OwnerId::Of(7, 1);
  const auto one = ring_.ClaimProducer(owner);
  const auto two = ring_.ClaimProducer(owner);
  const auto three = ring_.ClaimProducer();
  EXPECT_TRUE(one && two && three);
  testing::ExpectError(ring_.ClaimProducer(OwnerId()).error(),
                       ErrorCode::kInvalidArgument,
                       "MpscByteRing::ClaimProducer", "owner");
  {
    const auto consumer = ring_.ClaimConsumer(Pace::kPrompt, owner);
    ASSERT_TRUE(consumer);
    EXPECT_EQ(ring_.ConsumerHolder().index(), 7u);
    EXPECT_EQ(ring_.ClaimConsumer().error().code, ErrorCode::kRoleTaken);
  }
  EXPECT_TRUE(ring_.ConsumerHolder().is_free());
  EXPECT_EQ(ring_.TakeOverConsumer(AttestedDeath(ring_.ConsumerHolder()))
                .error()
                .code,
            ErrorCode::kInvalidArgument);
}

// Read again: the record in hand and, when streaming, what was hidden.
TEST_P(MpscByteRingTest, ADeadConsumersUnretiredRecordsComeAgain) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
      for (std::uint64_t read = 1; read <= granules_; ++read) {
        StartAt(start);
        auto producer = ring_.ClaimProducer();
        for (std::uint64_t i = 0; i < granules_; ++i) {
          ExpectPushes(*producer, i);
        }
        auto consumer = ring_.ClaimConsumer(pace);
        for (std::uint64_t i = 0; i < read; ++i) ExpectFront(*consumer, i);
        Die(*std::move(consumer));

        const std::uint64_t first = Published() - start;
        EXPECT_LT(first, read) << "the record in hand is lost";
        EXPECT_LE(read - 1 - first,
                  pace == Pace::kStreaming ? granules_ / 8 : 0);
        auto heir =
            ring_.TakeOverConsumer(AttestedDeath(ring_.ConsumerHolder()), pace);
        ASSERT_TRUE(heir);
        for (std::uint64_t i = first; i < granules_; ++i) {
          ExpectFront(*heir, i);
        }
        ExpectFrontGives(*heir, RingResult::kEmpty);
        ExpectPushes(*producer, 9);
      }
    }
  }
}

// A cursor that stood still while the others went round many times, and left
// ends of records everywhere.
TEST_P(MpscByteRingTest, AProducerThatSleptFindsTheEndOfTheQueue) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (const std::uint64_t rounds : {1u, 2u, 7u, 40u}) {
      StartAt(start);
      auto sleeper = ring_.ClaimProducer();
      auto producer = ring_.ClaimProducer();
      auto consumer = ring_.ClaimConsumer();
      ExpectPushes(*sleeper, 1);
      ExpectFront(*consumer, 1);
      for (std::uint64_t i = 0; i < rounds; ++i) {
        const Bytes record = RecordOf(
            i, static_cast<std::size_t>(i * 97 % ring_.MostRecordBytes()));
        // It gives back by its next call.
        if (producer->TryPush(record) != RingResult::kOk) {
          ExpectFrontGives(*consumer, RingResult::kEmpty);
          ExpectPushes(*producer, record);
        }
        ExpectFront(*consumer, record);
      }
      consumer->Retire();
      consumer->Publish();
      ExpectPushes(*sleeper, 999);
      ExpectFront(*consumer, 999);
      ExpectWhole(*sleeper, *consumer);
    }
  }
}

TEST_P(MpscByteRingTest, MovedRolesGoOn) {
  auto producer = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer(Pace::kStreaming);
  ExpectPushes(*producer, 1);
  Producer producer_too(*std::move(producer));
  ExpectFront(*consumer, 1);
  Consumer consumer_too(*std::move(consumer));
  EXPECT_EQ(Published(), 0u) << "the moved-from role published";
  consumer_too.Retire();
  consumer_too.Publish();
  ExpectPushes(producer_too, 2);
  ExpectFront(consumer_too, 2);
  EXPECT_FALSE(ring_.ConsumerHolder().is_free());
}

}  // namespace
}  // namespace placid
