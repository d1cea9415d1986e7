// SPDX-License-Identifier: Apache-2.0
//
// What MpscByteRing does not believe: a caller's geometry, that of the bytes, and
// whatever a peer writes while the ring is in use. The guard pages see what aims
// outside.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/primitives/mpsc_byte_ring_fixture.h"

namespace placid {
namespace {

using testing::Bytes;
using testing::ExpectError;
using testing::MpscByteStarts;
using testing::RecordOf;
using Ring = MpscByteRing;

class MpscByteRingTrustTest : public testing::MpscByteRingFixture {};
INSTANTIATE_TEST_SUITE_P(Capacities, MpscByteRingTrustTest,
                         testing::MpscByteCapacities());

// ---- Geometry

TEST(MpscByteRingGeometryTest, SizeForIsAllOfItOrMoreThanThereIs) {
  EXPECT_EQ(Ring::SizeFor(64), 0x180u + 64 + 8);
  EXPECT_EQ(Ring::SizeFor(4096), 0x180u + 4096 + 512);
  EXPECT_EQ(Ring::SizeFor(kMaxCapacity),
            0x180 + kMaxCapacity + kMaxCapacity / 8);
  for (const std::uint64_t none :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{32},
        std::uint64_t{65}, std::uint64_t{96}, kMaxCapacity * 2, UINT64_MAX,
        std::uint64_t{1} << 63}) {
    EXPECT_EQ(Ring::SizeFor(none), UINT64_MAX) << none;
  }
}

TEST(MpscByteRingGeometryTest,
     CreateRefusesACapacityThatIsNoneAndWritesNothing) {
  struct {
    std::uint64_t capacity;
    std::uint64_t better;
  } const cases[] = {{0, 64},
                     {32, 64},
                     {63, 64},
                     {65, 128},
                     {kMaxCapacity + 1, kMaxCapacity},
                     {kMaxCapacity * 2, kMaxCapacity},
                     {UINT64_MAX, kMaxCapacity}};
  const testing::GuardedBytes guarded(0x1000);
  for (const auto& [capacity, better] : cases) {
    const auto ring = Ring::Create(guarded.bytes(), capacity);
    ASSERT_FALSE(ring) << capacity;
    ExpectError(ring.error(), ErrorCode::kInvalidArgument,
                "MpscByteRing::Create", "capacity");
    EXPECT_EQ(ring.error().found, capacity);
    EXPECT_EQ(ring.error().expected, better) << capacity;
  }
  const auto ring = Ring::Create(guarded.bytes(), 4096);
  ASSERT_FALSE(ring);
  EXPECT_EQ(ring.error().code, ErrorCode::kTooSmall);
  EXPECT_TRUE(std::ranges::all_of(
      guarded.bytes(), [](std::byte byte) { return byte == std::byte{}; }));
}

TEST_P(MpscByteRingTrustTest, AttachBelievesOnlyAGeometryThatCanBe) {
  EXPECT_EQ(Ring::Attach(guarded_.bytes())->capacity(), granules_ * kGranule);
  for (const std::uint64_t lie :
       {std::uint64_t{0}, std::uint64_t{3}, granules_ * 2, kMaxCapacity,
        std::uint64_t{1} << 63, UINT64_MAX}) {
    memory().capacity.store(lie, kRelaxed);
    const auto ring = Ring::Attach(guarded_.bytes());
    ASSERT_FALSE(ring) << lie;
    ExpectError(ring.error(), ErrorCode::kCorrupt, "MpscByteRing::Attach",
                "capacity");
  }
  memory().capacity.store(granules_, kRelaxed);
  EXPECT_TRUE(Ring::Attach(guarded_.bytes()));
}

TEST_P(MpscByteRingTrustTest, CreateForgetsWhatWasThere) {
  auto producer = ring_.ClaimProducer();
  Reserve(*producer, RecordOf(1, 8));
  ASSERT_TRUE(Ring::Reset(guarded_.bytes(), NobodyUsesIt()));
  EXPECT_EQ(Ring::Attach(guarded_.bytes()).error().code,
            ErrorCode::kNotInitialized);
  ring_ = *Ring::Create(guarded_.bytes(), granules_ * kGranule);
  EXPECT_EQ(Ring::Create(guarded_.bytes(), granules_ * kGranule).error().code,
            ErrorCode::kAlreadyExists);
  auto next = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer();
  ExpectWhole(*next, *consumer);
}

// ---- A peer

// Above what was ever claimed: a producer that went there would leave a gap
// that nobody fills.
TEST_P(MpscByteRingTrustTest, AHeadAboveTheClaimsIsCorruptAndForgotten) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (const std::uint64_t lie :
         {std::uint64_t{1}, granules_, granules_ * 3 + 1, granules_ << 28}) {
      StartAt(start);
      auto producer = ring_.ClaimProducer();
      auto consumer = ring_.ClaimConsumer();
      // Let it ask for room.
      for (std::uint64_t i = 0; i < granules_; ++i) ExpectPushes(*producer, i);
      memory().head.store(start + granules_ + lie, kRelaxed);
      ExpectPushGives(*producer, RingResult::kCorrupt);
      ExpectReserveGives(*producer, 0, RingResult::kCorrupt);
      EXPECT_EQ(producer->Close(), RingResult::kCorrupt);
      const Bytes record = RecordOf(1, 8);
      const std::vector<std::span<const std::byte>> batch(2, record);
      std::size_t pushed = 99;
      EXPECT_EQ(producer->TryPushSome(batch, pushed), RingResult::kCorrupt);
      EXPECT_EQ(pushed, 0u);
      ExpectError(ring_.ClaimProducer().error(), ErrorCode::kCorrupt,
                  "MpscByteRing::ClaimProducer", "head");
      // When the lie has gone, all is as before.
      memory().head.store(start, kRelaxed);
      ExpectPushGives(*producer, RingResult::kFull);
      for (std::uint64_t i = 0; i < granules_; ++i) ExpectFront(*consumer, i);
      ExpectWhole(*producer, *consumer);
    }
  }
}

// In the middle of a record: nobody begins one there.
TEST_P(MpscByteRingTrustTest, AHeadWithinARecordIsCorrupt) {
  if (granules_ < 4) return;
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    StartAt(start / granules_ * granules_);
    auto producer = ring_.ClaimProducer();
    ExpectPushes(*producer, RecordOf(1, 65));
    memory().head.store(start / granules_ * granules_ + 1, kRelaxed);
    auto late = ring_.ClaimProducer();
    ASSERT_TRUE(late);
    ExpectPushGives(*late, RingResult::kCorrupt);
    {
      auto consumer = ring_.ClaimConsumer();
      ExpectFrontGives(*consumer, RingResult::kCorrupt);
    }
  }
}

// A head that moves back within the ring can only cost space.
TEST_P(MpscByteRingTrustTest, AHeadThatMovesBackOnlyCostsSpace) {
  auto producer = ring_.ClaimProducer();
  auto consumer = ring_.ClaimConsumer();
  ExpectPushes(*producer, 1);
  ExpectFront(*consumer, 1);
  consumer->Retire();
  consumer->Publish();
  for (std::uint64_t i = 0; i < granules_; ++i) {
    (void)producer->TryPush(RecordOf(i, 8));
  }
  memory().head.store(0, kRelaxed);
  const RingResult result = producer->TryPush(RecordOf(9, 8));
  EXPECT_TRUE(result == RingResult::kCorrupt || result == RingResult::kFull ||
              result == RingResult::kContended)
      << ToString(result);
}

// Whatever the hint says, a newcomer ends up behind the last claim: also where
// it names the inside of a record.
TEST_P(MpscByteRingTrustTest, AHintThatLiesLeadsNobodyAstray) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (std::uint64_t filled = 0; filled < granules_; filled += 2) {
      for (const std::uint64_t lie :
           {std::uint64_t{0}, start - 1, start + 1, start + filled / 2,
            start + filled, start + filled + 1, start + granules_,
            start + granules_ + 1, std::uint64_t{1} << 63}) {
        StartAt(start);
        auto one = ring_.ClaimProducer();
        auto consumer = ring_.ClaimConsumer();
        std::uint64_t count = 0;
        while (count * 2 < filled &&
               one->TryPush(RecordOf(count, 65)) == RingResult::kOk) {
          ++count;
        }
        auto newcomer = ring_.ClaimProducer();
        memory().hint.store(lie, kRelaxed);
        const bool fits =
            newcomer->TryPush(RecordOf(count, 8)) == RingResult::kOk;
        for (std::uint64_t i = 0; i < count; ++i) {
          ExpectFront(*consumer, RecordOf(i, 65));
        }
        if (fits) ExpectFront(*consumer, count);
        ExpectWhole(*newcomer, *consumer);
      }
    }
  }
}

// Nor past an end, behind which nobody would ever look.
TEST_P(MpscByteRingTrustTest, AHintLeadsNobodyPastTheEnd) {
  if (granules_ < 8) return;
  auto one = ring_.ClaimProducer();
  auto late = ring_.ClaimProducer();
  for (std::uint64_t i = 0; i < 6; ++i) ExpectPushes(*one, i);
  EXPECT_EQ(one->Close(), RingResult::kOk);
  for (const std::uint64_t lie : {6u, 7u}) {
    memory().hint.store(lie, kRelaxed);
    ExpectPushGives(*late, RingResult::kClosed);
  }
}

TEST_P(MpscByteRingTrustTest, AWordOfAnotherLapIsCorruptToTheConsumer) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (const std::int64_t by : {-2, -1, 1, 2, 1000}) {
      for (const SlotState state : {SlotState::kDone, SlotState::kClaimed,
                                    SlotState::kVoid, SlotState::kEnd}) {
        StartAt(start);
        const std::uint64_t other =
            start + static_cast<std::uint64_t>(by) * granules_;
        const RecordWord word = Laps().Word(other, state, 1, 3);
        const bool is_free = by == -1 && word.IsFinished();
        {
          auto consumer = ring_.ClaimConsumer();
          Word(start).store(word.word(), kRelaxed);
          ExpectFrontGives(*consumer,
                           is_free ? RingResult::kEmpty : RingResult::kCorrupt);
        }
        if (is_free) continue;
        ExpectError(ring_.ClaimConsumer().error(), ErrorCode::kCorrupt,
                    "MpscByteRing::ClaimConsumer",
                    "word of the granule at head");
        EXPECT_TRUE(ring_.ConsumerHolder().is_free())
            << "the refused claim was kept";
      }
    }
  }
}

// Within a record, longer than the ring, or with more to spare than a granule.
TEST_P(MpscByteRingTrustTest, ALengthThatCannotBeIsCorruptToTheConsumer) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (const auto& [state, span, spare] :
         {std::tuple{SlotState::kDone, std::uint64_t{0}, 0u},
          std::tuple{SlotState::kDone, std::uint64_t{0}, 64u},
          std::tuple{SlotState::kDone, granules_ + 1, 0u},
          std::tuple{SlotState::kDone, std::uint64_t{0xFFFF}, 0u},
          std::tuple{SlotState::kDone, std::uint64_t{1}, 65u},
          std::tuple{SlotState::kDone, granules_, 0xFFFFu},
          std::tuple{SlotState::kVoid, std::uint64_t{0}, 0u},
          std::tuple{SlotState::kVoid, granules_ + 1, 0u},
          std::tuple{SlotState::kVoid, std::uint64_t{0xFFFF}, 0u}}) {
      StartAt(start);
      auto consumer = ring_.ClaimConsumer();
      Word(start).store(Laps().Word(start, state, span, spare).word(),
                        kRelaxed);
      for (int i = 0; i < 2; ++i) {
        ExpectFrontGives(*consumer, RingResult::kCorrupt);
      }
      EXPECT_EQ(Published(), start);
    }
  }
}

// At every place of the ring, whatever a done word says: it is refused, or its
// record lies within data.
TEST_P(MpscByteRingTrustTest, NoLengthLeadsOutOfData) {
  for (std::uint64_t start = 0; start < granules_; ++start) {
    for (std::uint64_t span = 0; span <= granules_ + 1; ++span) {
      for (const std::uint64_t spare : {0u, 1u, 64u, 65u}) {
        StartAt(start);
        auto consumer = ring_.ClaimConsumer();
        Word(start).store(
            Laps().Word(start, SlotState::kDone, span, spare).word(), kRelaxed);
        SharedBytes record;
        const RingResult result = consumer->TryFront(record);
        EXPECT_EQ(result == RingResult::kOk,
                  span > 0 && span <= granules_ && spare <= 64);
        const std::byte* begin = record.TrustPeer().data();
        if (result != RingResult::kOk) continue;
        EXPECT_LE(DataAt(0), begin);
        EXPECT_LE(begin + record.size(), DataAt(0) + granules_ * kGranule);
      }
    }
  }
}

// A granule that says that it is somebody's, or belongs to another time, is never
// claimed; the producer says so and changes nothing.
TEST_P(MpscByteRingTrustTest, AWordOfAnotherLapIsNoFreeGranule) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (const std::int64_t by : {-3, -2, -1, 1, 2, 1000}) {
      for (const SlotState state : {SlotState::kDone, SlotState::kClaimed,
                                    SlotState::kVoid, SlotState::kEnd}) {
        StartAt(start);
        auto producer = ring_.ClaimProducer();
        const std::uint64_t other =
            start + static_cast<std::uint64_t>(by) * granules_;
        const RecordWord word = Laps().Word(other, state, 1, 3);
        if (by == -1 && word.IsFinished()) continue;
        Word(start).store(word.word(), kRelaxed);
        ExpectPushGives(*producer,
                        by > 0 ? RingResult::kContended : RingResult::kCorrupt);
        EXPECT_EQ(Word(start).load(kRelaxed), word.word());
      }
    }
  }
}

// Claims of a length that leads past all that is free: the producer stays where
// it is.
TEST_P(MpscByteRingTrustTest, AClaimThatIsTooLongIsNotWalkedOver) {
  for (const std::uint64_t start : MpscByteStarts(granules_)) {
    for (const auto& [span, expected] :
         {std::pair{std::uint64_t{0}, RingResult::kCorrupt},
          std::pair{granules_, RingResult::kFull},
          std::pair{granules_ + 1, RingResult::kCorrupt},
          std::pair{std::uint64_t{0xFFFF}, RingResult::kCorrupt}}) {
      StartAt(start);
      auto producer = ring_.ClaimProducer();
      Word(start).store(Laps().Word(start, SlotState::kClaimed, span, 3).word(),
                        kRelaxed);
      ExpectPushGives(*producer, expected);
    }
  }
}

TEST_P(MpscByteRingTrustTest, ClaimsOfOwnersThatCannotBeAreOnlyNamed) {
  auto consumer = ring_.ClaimConsumer();
  for (const std::uint64_t owner : {0u, 4097u, 0xFFFEu}) {
    Word(0).store(Laps().Word(0, SlotState::kClaimed, 1, owner).word(),
                  kRelaxed);
    ExpectFrontGives(*consumer, RingResult::kPending);
    EXPECT_EQ(consumer->blocker(), owner);
  }
}

// Void records without end: the consumer gives up after so many granules.
TEST(MpscByteRingStepsTest, NoOperationTakesMoreStepsThanItSays) {
  constexpr std::uint64_t kGranules = 8 * Ring::kMostSteps;
  constexpr std::uint64_t kCapacity = kGranules * Ring::kGranuleBytes;
  const testing::GuardedBytes guarded(Ring::SizeFor(kCapacity));
  const Ring ring = *Ring::Create(guarded.bytes(), kCapacity);
  auto producer = *ring.ClaimProducer();
  for (std::uint64_t i = 0; i < 3 * Ring::kMostSteps; ++i) {
    std::span<std::byte> payload;
    ASSERT_EQ(producer.TryReserve(8, payload), RingResult::kOk);
    EXPECT_TRUE(producer.Abort());
  }
  const Bytes record = RecordOf(5, 8);
  EXPECT_EQ(producer.TryPush(record), RingResult::kOk);
  auto consumer = *ring.ClaimConsumer();
  SharedBytes found;
  int contended = 0;
  RingResult result = consumer.TryFront(found);
  for (; result == RingResult::kContended; result = consumer.TryFront(found)) {
    ++contended;
  }
  EXPECT_EQ(result, RingResult::kOk);
  EXPECT_EQ(found.size(), 8u);
  EXPECT_GT(contended, 0);
  EXPECT_LT(contended, 4);
  // A newcomer without a hint walks over all of it, in as many calls.
  for (std::uint64_t i = 0; i < 3 * Ring::kMostSteps; ++i) {
    ASSERT_EQ(producer.TryPush(record), RingResult::kOk);
  }
  auto newcomer = *ring.ClaimProducer();
  auto* memory = reinterpret_cast<Ring::Memory*>(guarded.bytes().data());
  memory->hint.store(0, kRelaxed);
  contended = 0;
  result = newcomer.TryPush(record);
  for (; result == RingResult::kContended; result = newcomer.TryPush(record)) {
    ++contended;
  }
  EXPECT_EQ(result, RingResult::kOk);
  EXPECT_GT(contended, 0);
  EXPECT_LT(contended, 4);
  // With it, in one.
  auto another = *ring.ClaimProducer();
  memory->hint.store(0, kRelaxed);
  ASSERT_EQ(producer.TryPush(Bytes(1000)), RingResult::kOk);
  EXPECT_EQ(another.TryPush(record), RingResult::kOk);
}

}  // namespace
}  // namespace placid
