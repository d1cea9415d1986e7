// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/spsc_byte_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/primitives/spsc_byte_ring_fixture.h"
#include "tests/support/die.h"

namespace placid {
namespace {

using testing::Bytes;
using testing::Die;
using testing::ExpectError;
using testing::Footprint;
using testing::kPadding;
using testing::kRecord;
using testing::kByteRingStarts;
using testing::RecordOf;
using testing::Ring;
using testing::Wrap;

using SpscByteRingTest = testing::SpscByteRingTest;

static_assert(!std::is_copy_constructible_v<Ring::Producer>);
static_assert(!std::is_copy_constructible_v<Ring::Consumer>);

// ---- Records

// Each length that matters at each 8-byte phase of the ring, alone in it. A
// record that does not fit before the end of data gets its turn after one look
// of the consumer, which takes the padding away.
TEST_F(SpscByteRingTest, EveryLengthFitsAtEveryPhase) {
  for (const std::uint64_t capacity : {64u, 128u, 512u}) {
    const auto most = static_cast<std::size_t>(capacity - 8);
    std::vector<std::size_t> lengths;
    for (std::size_t n = 0; n <= 17; ++n) lengths.push_back(n);
    for (std::size_t n = most - 9; n <= most; ++n) lengths.push_back(n);
    for (const std::uint64_t start : kByteRingStarts) {
      for (std::uint64_t phase = 0; phase < capacity; phase += 8) {
        for (const std::size_t length : lengths) {
          StartAt(capacity, start - phase);
          auto producer = ring_->ClaimProducer();
          auto consumer = ring_->ClaimConsumer();
          ASSERT_TRUE(producer && consumer);
          EXPECT_EQ(producer->MostRecordBytes(), most);
          const Bytes record = RecordOf(phase, length);
          RingResult pushed = producer->TryPush(record);
          if (pushed == RingResult::kFull) {
            ExpectFrontGives(*consumer, RingResult::kEmpty);
            pushed = producer->TryPush(record);
          }
          ASSERT_EQ(pushed, RingResult::kOk)
              << length << " bytes at phase " << phase << " of " << capacity;
          ExpectFront(*consumer, record);
          ExpectFrontGives(*consumer, RingResult::kEmpty);
          EXPECT_EQ(SharedHead(), SharedTail());
        }
      }
    }
  }
}

// The format of a golden image: another program may read it.
TEST_F(SpscByteRingTest, ARecordIsItsHeaderItsBytesAndZeroToSevenMore) {
  StartAt(64, 0);
  auto producer = ring_->ClaimProducer();
  ExpectPushes(*producer, RecordOf(1, 9));
  EXPECT_EQ(WordAt(0), kRecord | 9);
  EXPECT_EQ(SharedTail(), 24u);
  ExpectPushes(*producer, {});
  EXPECT_EQ(WordAt(24), kRecord | 0);
  EXPECT_EQ(SharedTail(), 32u);
}

TEST_F(SpscByteRingTest, PaddingFillsTheRestOfDataAtEveryOffset) {
  for (const std::uint64_t start : kByteRingStarts) {
    for (std::uint64_t rest = 8; rest < 64; rest += 8) {
      // The next record is one word too long for the rest, half of the ring is
      // free.
      const std::uint64_t at = start / 128 * 128 - rest;
      StartAt(128, at);
      auto producer = ring_->ClaimProducer();
      auto consumer = ring_->ClaimConsumer();
      const Bytes record = RecordOf(rest, static_cast<std::size_t>(rest));
      ExpectPushes(*producer, record);
      EXPECT_EQ(WordAt(at), kPadding);
      EXPECT_EQ(WordAt(at + rest), kRecord | rest);
      EXPECT_EQ(SharedTail(), at + rest + Footprint(record.size()));
      ExpectFront(*consumer, record);
    }
  }
}

TEST_F(SpscByteRingTest, MirroredDataHasNoPaddingAnywhere) {
  for (const std::uint64_t start : kByteRingStarts) {
    StartAt(0x10000, start / 0x10000 * 0x10000 - 64, Wrap::kMirrored);
    auto producer = ring_->ClaimProducer();
    auto consumer = ring_->ClaimConsumer();
    const std::uint64_t before = SharedTail();
    // Across the end of data, and once around it.
    for (const std::size_t length : {100u, 0xFF00u, 0xFFF8u}) {
      ExpectPushes(*producer, RecordOf(length, length));
      ExpectFront(*consumer, RecordOf(length, length));
      ExpectFrontGives(*consumer, RingResult::kEmpty);
    }
    EXPECT_EQ(SharedTail() - before,
              Footprint(100) + Footprint(0xFF00) + Footprint(0xFFF8));
  }
}

TEST_F(SpscByteRingTest, ARecordLongerThanTheMostIsRefusedForEver) {
  StartAt(64, 0);
  auto producer = ring_->ClaimProducer();
  for (const std::size_t length :
       {std::size_t{57}, std::size_t{64}, std::size_t{0xFFFF'FFFF},
        SIZE_MAX - 7, SIZE_MAX}) {
    ExpectReserveGives(*producer, length, RingResult::kFull);
    EXPECT_FALSE(producer->Commit(0));
  }
  EXPECT_EQ(SharedTail(), 0u);
  ExpectReserveGives(*producer, 56, RingResult::kOk);
}

TEST_F(SpscByteRingTest, AFullRingRefusesAndChangesNothing) {
  for (const std::uint64_t start : kByteRingStarts) {
    StartAt(64, start / 64 * 64);
    auto producer = ring_->ClaimProducer();
    auto consumer = ring_->ClaimConsumer();
    for (std::uint64_t n = 0; n < 4; ++n) {
      ExpectPushes(*producer, RecordOf(n, 8));
    }
    const std::uint64_t full = SharedTail();
    for (const std::size_t length : {0u, 8u, 56u}) {
      ExpectReserveGives(*producer, length, RingResult::kFull);
      EXPECT_FALSE(producer->Commit(length));
    }
    EXPECT_EQ(SharedTail(), full);
    for (std::uint64_t n = 0; n < 4; ++n) {
      ExpectFront(*consumer, RecordOf(n, 8));
    }
    ExpectFrontGives(*consumer, RingResult::kEmpty);
    ExpectPushes(*producer, RecordOf(9, 8));
  }
}

// ---- Reserving, staging, committing

TEST_F(SpscByteRingTest, StagedRecordsAreSeenTogetherOncePublished) {
  StartAt(256, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer();
  for (std::uint64_t n = 0; n < 3; ++n) {
    Reserve(*producer, RecordOf(n, 10));
    EXPECT_TRUE(producer->Stage(10));
    EXPECT_FALSE(producer->Stage(10)) << "staged twice";
    ExpectFrontGives(*consumer, RingResult::kEmpty);
  }
  producer->Publish();
  for (std::uint64_t n = 0; n < 3; ++n) {
    ExpectFront(*consumer, RecordOf(n, 10));
  }
  ExpectFrontGives(*consumer, RingResult::kEmpty);
}

TEST_F(SpscByteRingTest, CommitPublishesWhatWasStagedBeforeIt) {
  StartAt(256, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer();
  Reserve(*producer, RecordOf(1, 3));
  EXPECT_TRUE(producer->Stage(3));
  ExpectPushes(*producer, RecordOf(2, 4));
  ExpectFront(*consumer, RecordOf(1, 3));
  ExpectFront(*consumer, RecordOf(2, 4));
}

// Else the producer waits for a consumer that does not know of its records.
TEST_F(SpscByteRingTest, LackOfRoomPublishesWhatIsStaged) {
  StartAt(64, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer();
  for (std::uint64_t n = 0; n < 4; ++n) {
    Reserve(*producer, RecordOf(n, 8));
    EXPECT_TRUE(producer->Stage(8));
  }
  ExpectFrontGives(*consumer, RingResult::kEmpty);
  ExpectReserveGives(*producer, 0, RingResult::kFull);
  ExpectFront(*consumer, RecordOf(0, 8));
}

TEST_F(SpscByteRingTest, CommitShrinksARecordButNeverLengthensIt) {
  StartAt(256, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer();
  Bytes record = RecordOf(1, 100);
  Reserve(*producer, record);
  EXPECT_TRUE(producer->Commit(3));
  EXPECT_EQ(SharedTail(), Footprint(3));
  Reserve(*producer, RecordOf(2, 5));
  EXPECT_TRUE(producer->Commit(SIZE_MAX));
  Reserve(*producer, RecordOf(3, 5));
  EXPECT_TRUE(producer->Commit(0));
  record.resize(3);
  ExpectFront(*consumer, record);
  ExpectFront(*consumer, RecordOf(2, 5));
  ExpectFront(*consumer, {});
  ExpectFrontGives(*consumer, RingResult::kEmpty);
}

TEST_F(SpscByteRingTest, WithoutAReservationNothingIsDone) {
  StartAt(128, 0);
  auto producer = ring_->ClaimProducer();
  EXPECT_FALSE(producer->Commit(1));
  EXPECT_FALSE(producer->Stage(1));
  Reserve(*producer, RecordOf(1, 8));
  producer->Abort();
  EXPECT_FALSE(producer->Commit(8)) << "committed after abort";
  EXPECT_EQ(SharedTail(), 0u);
  // Not even what was staged is published.
  Reserve(*producer, RecordOf(2, 8));
  EXPECT_TRUE(producer->Stage(8));
  EXPECT_FALSE(producer->Commit(8)) << "committed twice";
  EXPECT_EQ(SharedTail(), 0u);
  producer->Publish();
  EXPECT_EQ(SharedTail(), 16u);
}

TEST_F(SpscByteRingTest, AReservationReplacesTheOneBefore) {
  StartAt(128, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer();
  Reserve(*producer, RecordOf(1, 40));
  Reserve(*producer, RecordOf(2, 8));
  EXPECT_TRUE(producer->Commit(40));
  ExpectFront(*consumer, RecordOf(2, 8));
  // Also one that fails.
  Reserve(*producer, RecordOf(3, 8));
  ExpectReserveGives(*producer, 1000, RingResult::kFull);
  EXPECT_FALSE(producer->Commit(8));
  ExpectFrontGives(*consumer, RingResult::kEmpty);
}

// ---- Giving space back

TEST_F(SpscByteRingTest, APromptConsumerGivesARecordBackByItsNextCall) {
  StartAt(64, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer(Pace::kPrompt);
  ExpectPushes(*producer, RecordOf(1, 24));
  ExpectPushes(*producer, RecordOf(2, 24));
  ExpectFront(*consumer, RecordOf(1, 24));
  ExpectReserveGives(*producer, 24, RingResult::kFull);
  ExpectFront(*consumer, RecordOf(2, 24));
  ExpectReserveGives(*producer, 24, RingResult::kOk);
}

TEST_F(SpscByteRingTest, RetireAndPublishGiveARecordBackAtOnce) {
  StartAt(64, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer();
  ExpectPushes(*producer, RecordOf(1, 56));
  ExpectFront(*consumer, RecordOf(1, 56));
  consumer->Publish();
  EXPECT_EQ(SharedHead(), 0u) << "the record is still in hand";
  consumer->Retire();
  consumer->Retire();
  consumer->Publish();
  EXPECT_EQ(SharedHead(), 64u);
  ExpectReserveGives(*producer, 56, RingResult::kOk);
}

TEST_F(SpscByteRingTest, AStreamingConsumerHidesAtMostAnEighth) {
  StartAt(1024, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer(Pace::kStreaming);
  while (producer->TryPush(RecordOf(1, 8)) == RingResult::kOk) {
  }
  bool hid_some = false;
  for (std::uint64_t taken = 0; taken < 1024; taken += 16) {
    ExpectFront(*consumer, RecordOf(1, 8));
    const std::uint64_t hidden = taken - SharedHead();
    hid_some |= hidden > 0;
    EXPECT_LE(hidden, 1024u / 8);
  }
  EXPECT_TRUE(hid_some);
  ExpectFrontGives(*consumer, RingResult::kEmpty);
  EXPECT_EQ(SharedHead(), 1024u) << "empty, so nothing may stay hidden";
}

TEST_F(SpscByteRingTest, ADroppedConsumerGivesAllBack) {
  StartAt(1024, 0);
  ExpectPushes(*ring_->ClaimProducer(), RecordOf(1, 8));
  {
    auto consumer = ring_->ClaimConsumer(Pace::kStreaming);
    ExpectFront(*consumer, RecordOf(1, 8));
    EXPECT_EQ(SharedHead(), 0u);
  }
  EXPECT_EQ(SharedHead(), 16u);
}

// ---- Closing

TEST_F(SpscByteRingTest, AClosedProducersRecordsAreStillTaken) {
  StartAt(128, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer();
  ExpectPushes(*producer, RecordOf(1, 8));
  Reserve(*producer, RecordOf(2, 8));
  EXPECT_TRUE(producer->Stage(8));
  Reserve(*producer, RecordOf(3, 8));
  producer->Close();
  EXPECT_FALSE(producer->Commit(8)) << "committed after closing";
  ExpectReserveGives(*producer, 8, RingResult::kClosed);
  EXPECT_EQ(producer->TryPush({}), RingResult::kClosed);
  ExpectFront(*consumer, RecordOf(1, 8));
  ExpectFront(*consumer, RecordOf(2, 8));
  ExpectFrontGives(*consumer, RingResult::kClosed);
  ExpectFrontGives(*consumer, RingResult::kClosed);
}

TEST_F(SpscByteRingTest, AClosedConsumerIsNoticedForLackOfRoom) {
  StartAt(64, 0);
  auto producer = ring_->ClaimProducer();
  auto consumer = ring_->ClaimConsumer();
  ExpectPushes(*producer, RecordOf(1, 24));
  ExpectFront(*consumer, RecordOf(1, 24));
  EXPECT_FALSE(producer->IsConsumerClosed());
  consumer->Close();
  EXPECT_TRUE(producer->IsConsumerClosed());
  EXPECT_EQ(SharedHead(), 32u) << "the record in hand was given back";
  ExpectPushes(*producer, RecordOf(2, 24));
  ExpectPushes(*producer, RecordOf(3, 24));
  EXPECT_EQ(producer->TryPush(RecordOf(4, 24)), RingResult::kClosed);
  ExpectFrontGives(*consumer, RingResult::kClosed);
}

TEST_F(SpscByteRingTest, ClosingIsForEver) {
  StartAt(64, 0);
  ExpectPushes(*ring_->ClaimProducer(), RecordOf(1, 8));
  ring_->ClaimProducer()->Close();
  auto producer = ring_->ClaimProducer();
  ASSERT_TRUE(producer);
  EXPECT_EQ(producer->TryPush(RecordOf(2, 8)), RingResult::kClosed);
  ring_->ClaimConsumer()->Close();
  auto consumer = ring_->ClaimConsumer();
  ASSERT_TRUE(consumer);
  ExpectFrontGives(*consumer, RingResult::kClosed);
}

// ---- Roles

TEST_F(SpscByteRingTest, EachRoleIsTakenOnceAtATime) {
  StartAt(64, 0);
  {
    const auto producer = ring_->ClaimProducer();
    const auto consumer = ring_->ClaimConsumer();
    ASSERT_TRUE(producer && consumer) << "the roles are independent";
    ExpectError(ring_->ClaimProducer().error(), ErrorCode::kRoleTaken,
                "SpscByteRing::ClaimProducer", "index of the holder");
    ExpectError(ring_->ClaimConsumer().error(), ErrorCode::kRoleTaken,
                "SpscByteRing::ClaimConsumer", "index of the holder");
  }
  EXPECT_TRUE(ring_->ProducerHolder().is_free());
  EXPECT_TRUE(ring_->ConsumerHolder().is_free());
  EXPECT_TRUE(ring_->ClaimProducer());
  EXPECT_TRUE(ring_->ClaimConsumer());
}

TEST_F(SpscByteRingTest, AMovedRoleGoesOnWhereItWas) {
  StartAt(128, 0);
  auto first = ring_->ClaimProducer();
  Reserve(*first, RecordOf(1, 8));
  Ring::Producer producer = *std::move(first);
  EXPECT_TRUE(producer.Commit(8));
  ExpectPushes(producer, RecordOf(2, 8));
  auto claimed = ring_->ClaimConsumer();
  ExpectFront(*claimed, RecordOf(1, 8));
  Ring::Consumer consumer = *std::move(claimed);
  ExpectFront(consumer, RecordOf(2, 8));
  EXPECT_EQ(ring_->ClaimConsumer().error().code, ErrorCode::kRoleTaken);
}

TEST_F(SpscByteRingTest, OnlyAHeldRoleIsTakenOverAndByOneOnly) {
  StartAt(64, 0);
  EXPECT_EQ(ring_->TakeOverProducer(AttestedDeath(ring_->ProducerHolder()))
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(ring_->TakeOverConsumer(AttestedDeath(ring_->ConsumerHolder()))
                .error()
                .code,
            ErrorCode::kInvalidArgument);

  Die(*ring_->ClaimProducer());
  Die(*ring_->ClaimConsumer());
  const AttestedDeath producer_death(ring_->ProducerHolder());
  const AttestedDeath consumer_death(ring_->ConsumerHolder());
  const auto producer = ring_->TakeOverProducer(producer_death);
  const auto consumer = ring_->TakeOverConsumer(consumer_death);
  ASSERT_TRUE(producer && consumer);
  ExpectError(ring_->TakeOverProducer(producer_death).error(),
              ErrorCode::kRoleTaken, "SpscByteRing::TakeOverProducer",
              "index of the holder");
  ExpectError(ring_->TakeOverConsumer(consumer_death).error(),
              ErrorCode::kRoleTaken, "SpscByteRing::TakeOverConsumer",
              "index of the holder");
}

// Who was wrongly declared dead and drops its role must not free its
// successor's.
TEST_F(SpscByteRingTest, AFormerHolderCannotGiveAwayItsSuccessorsRole) {
  StartAt(64, 0);
  std::optional<Result<Ring::Producer>> former(ring_->ClaimProducer());
  const auto producer =
      ring_->TakeOverProducer(AttestedDeath(ring_->ProducerHolder()));
  ASSERT_TRUE(producer);
  former.reset();
  EXPECT_FALSE(ring_->ProducerHolder().is_free());
}

TEST_F(SpscByteRingTest, ADeadProducerLosesWhatItHadNotPublished) {
  for (const std::uint64_t start : kByteRingStarts) {
    StartAt(256, start);
    auto consumer = ring_->ClaimConsumer();
    auto producer = ring_->ClaimProducer();
    ExpectPushes(*producer, RecordOf(1, 8));
    Reserve(*producer, RecordOf(66, 8));
    EXPECT_TRUE(producer->Stage(8));
    Reserve(*producer, RecordOf(67, 8));
    Die(*std::move(producer));

    auto heir = ring_->TakeOverProducer(AttestedDeath(ring_->ProducerHolder()));
    ASSERT_TRUE(heir);
    EXPECT_FALSE(heir->Commit(8));
    ExpectPushes(*heir, RecordOf(2, 8));
    ExpectFront(*consumer, RecordOf(1, 8));
    ExpectFront(*consumer, RecordOf(2, 8));
    ExpectFrontGives(*consumer, RingResult::kEmpty);
  }
}

TEST_F(SpscByteRingTest, APromptConsumersHeirIsHandedTheRecordInHandAgain) {
  for (const std::uint64_t start : kByteRingStarts) {
    StartAt(256, start);
    auto producer = ring_->ClaimProducer();
    for (std::uint64_t n = 0; n < 4; ++n) {
      ExpectPushes(*producer, RecordOf(n, 8));
    }
    auto consumer = ring_->ClaimConsumer(Pace::kPrompt);
    ExpectFront(*consumer, RecordOf(0, 8));
    ExpectFront(*consumer, RecordOf(1, 8));
    ExpectFront(*consumer, RecordOf(2, 8));
    Die(*std::move(consumer));

    auto heir = ring_->TakeOverConsumer(AttestedDeath(ring_->ConsumerHolder()));
    ASSERT_TRUE(heir);
    ExpectFront(*heir, RecordOf(2, 8));
    ExpectFront(*heir, RecordOf(3, 8));
    ExpectFrontGives(*heir, RingResult::kEmpty);
  }
}

TEST_F(SpscByteRingTest, AStreamingConsumersHeirIsHandedAnEighthMoreAtMost) {
  for (const std::uint64_t start : kByteRingStarts) {
    StartAt(1024, start);
    std::uint64_t pushed = 0;
    {  // The role must not outlive these bytes: others come below.
      auto producer = ring_->ClaimProducer();
      while (producer->TryPush(RecordOf(pushed, 8)) == RingResult::kOk) {
        ++pushed;
      }
    }
    for (std::uint64_t taken = 1; taken < pushed; ++taken) {
      StartAt(1024, start);
      auto again = ring_->ClaimProducer();
      for (std::uint64_t n = 0; n < pushed; ++n) {
        ExpectPushes(*again, RecordOf(n, 8));
      }
      auto consumer = ring_->ClaimConsumer(Pace::kStreaming);
      for (std::uint64_t n = 0; n < taken; ++n) {
        ExpectFront(*consumer, RecordOf(n, 8));
      }
      Die(*std::move(consumer));
      auto heir =
          ring_->TakeOverConsumer(AttestedDeath(ring_->ConsumerHolder()));
      ASSERT_TRUE(heir);
      const std::uint64_t first = (SharedHead() - start) / 16;
      EXPECT_LT(first, taken) << "the record in hand is lost";
      EXPECT_LE((taken - 1 - first) * 16, 1024u / 8);
      for (std::uint64_t n = first; n < pushed; ++n) {
        ExpectFront(*heir, RecordOf(n, 8));
      }
    }
  }
}

}  // namespace
}  // namespace placid
