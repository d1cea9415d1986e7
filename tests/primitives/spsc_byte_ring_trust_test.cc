// SPDX-License-Identifier: Apache-2.0
//
// What SpscByteRing does not believe: a caller's geometry, that of the bytes,
// and whatever a peer writes while the ring is in use.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "placid/primitives/spsc_byte_ring.h"
#include "tests/primitives/spsc_byte_ring_fixture.h"

namespace placid {
namespace {

using testing::ExpectError;
using testing::GuardedBytes;
using testing::kPadding;
using testing::kRecord;
using testing::kByteRingStarts;
using testing::RecordOf;
using testing::Ring;
using testing::Wrap;

using SpscByteRingTrustTest = testing::SpscByteRingTest;

// ---- Geometry

TEST_F(SpscByteRingTrustTest, SizeForIsHeaderAndDataOrMoreThanThereIs) {
  EXPECT_EQ(Ring::SizeFor(64), 0x180u + 64);
  EXPECT_EQ(Ring::SizeFor(0x10000, Wrap::kMirrored), 0x10000u + 0x10000);
  EXPECT_EQ(Ring::SizeFor(kMaxCapacity), 0x180 + kMaxCapacity);
  for (const std::uint64_t none :
       {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{32},
        std::uint64_t{65}, std::uint64_t{96}, kMaxCapacity * 2, UINT64_MAX,
        std::uint64_t{1} << 63}) {
    EXPECT_EQ(Ring::SizeFor(none), UINT64_MAX) << none;
    EXPECT_EQ(Ring::SizeFor(none, Wrap::kMirrored), UINT64_MAX) << none;
  }
  EXPECT_EQ(Ring::SizeFor(0x8000, Wrap::kMirrored), UINT64_MAX);
}

TEST_F(SpscByteRingTrustTest,
       CreateRefusesACapacityThatIsNoneAndWritesNothing) {
  struct {
    std::uint64_t capacity;
    Wrap wrap;
    std::uint64_t better;
  } const cases[] = {
      {0, Wrap::kPadding, 64},
      {32, Wrap::kPadding, 64},
      {63, Wrap::kPadding, 64},
      {65, Wrap::kPadding, 128},
      {kMaxCapacity + 1, Wrap::kPadding, kMaxCapacity},
      {kMaxCapacity * 2, Wrap::kPadding, kMaxCapacity},
      {UINT64_MAX, Wrap::kPadding, kMaxCapacity},
      {UINT64_MAX - 0x17F, Wrap::kPadding, kMaxCapacity},
      {64, Wrap::kMirrored, 0x10000},
      {0x8000, Wrap::kMirrored, 0x10000},
      {0x18000, Wrap::kMirrored, 0x20000},
  };
  const GuardedBytes guarded(std::uint64_t{3} * 0x10000);
  for (const auto& [capacity, wrap, better] : cases) {
    const auto ring = Ring::Create(guarded.bytes(), capacity, wrap);
    ASSERT_FALSE(ring) << capacity;
    ExpectError(ring.error(), ErrorCode::kInvalidArgument,
                "SpscByteRing::Create", "capacity");
    EXPECT_EQ(ring.error().found, capacity);
    EXPECT_EQ(ring.error().expected, better) << capacity;
  }
  EXPECT_TRUE(std::ranges::all_of(
      guarded.bytes(), [](std::byte byte) { return byte == std::byte{}; }));
}

// The last capacity whose size is computed and not refused, too.
TEST_F(SpscByteRingTrustTest, CreateSaysHowManyBytesItLacks) {
  const GuardedBytes guarded(std::uint64_t{3} * 0x10000 - 128);
  const auto ring = Ring::Create(guarded.bytes(), kMaxCapacity);
  ASSERT_FALSE(ring);
  ExpectError(ring.error(), ErrorCode::kTooSmall, "SpscByteRing::Create",
              "size in bytes");
  EXPECT_EQ(ring.error().expected, 0x180 + kMaxCapacity);
  // A mirrored ring needs the mirror, too.
  const auto mirrored = Ring::Create(guarded.bytes(), 0x10000, Wrap::kMirrored);
  ASSERT_FALSE(mirrored);
  EXPECT_EQ(mirrored.error().code, ErrorCode::kTooSmall);
  EXPECT_EQ(mirrored.error().expected, std::uint64_t{3} * 0x10000);
}

TEST_F(SpscByteRingTrustTest, AttachBelievesOnlyAGeometryThatCanBe) {
  struct {
    std::uint64_t capacity;
    std::uint64_t data_offset;
    std::string_view field;
  } const cases[] = {
      {0, 0x180, "capacity"},
      {32, 0x180, "capacity"},
      {96, 0x180, "capacity"},
      {kMaxCapacity * 2, 0x180, "capacity"},
      {std::uint64_t{1} << 63, 0x180, "capacity"},
      {UINT64_MAX, 0x180, "capacity"},
      {128, 0, "capacity"},
      {128, 0x188, "capacity"},
      {128, UINT64_MAX, "capacity"},
      {128, 0x10000, "capacity"},  // mirrored, but no granule
      {256, 0x180, "bytes the ring spans"},
      {kMaxCapacity, 0x180, "bytes the ring spans"},
      {0x10000, 0x10000, "bytes the ring spans"},
      {kMaxCapacity, 0x10000, "bytes the ring spans"},
  };
  for (const auto& [capacity, data_offset, field] : cases) {
    StartAt(128, 0);
    memory().capacity.store(capacity, kRelaxed);
    memory().data_offset.store(data_offset, kRelaxed);
    const auto ring = Ring::Attach(guarded_->bytes());
    ASSERT_FALSE(ring) << capacity << " at " << data_offset;
    ExpectError(ring.error(), ErrorCode::kCorrupt, "SpscByteRing::Attach",
                field);
  }
}

// What was mapped without its mirror has enough bytes for the object.
TEST_F(SpscByteRingTrustTest, AttachMissesTheMirrorOfAMirroredRing) {
  StartAt(0x10000, 0, Wrap::kMirrored);
  const auto without = guarded_->bytes().first(
      static_cast<std::size_t>(Ring::SizeFor(0x10000, Wrap::kMirrored)));
  const auto ring = Ring::Attach(without);
  ASSERT_FALSE(ring);
  ExpectError(ring.error(), ErrorCode::kCorrupt, "SpscByteRing::Attach",
              "bytes the ring spans");
  EXPECT_EQ(ring.error().expected, without.size());
  EXPECT_EQ(ring.error().found, without.size() + 0x10000);
  EXPECT_EQ(Ring::Attach(guarded_->bytes())->wrap(), Wrap::kMirrored);
}

TEST_F(SpscByteRingTrustTest, AttachIsTheSameRing) {
  StartAt(128, 0);
  auto producer = ring_->ClaimProducer();
  ExpectPushes(*producer, RecordOf(1, 5));
  const auto attached = Ring::Attach(guarded_->bytes());
  ASSERT_TRUE(attached);
  EXPECT_EQ(attached->capacity(), 128u);
  EXPECT_EQ(attached->wrap(), Wrap::kPadding);
  EXPECT_EQ(attached->MostRecordBytes(), 120u);
  ExpectFront(*attached->ClaimConsumer(), RecordOf(1, 5));
}

TEST_F(SpscByteRingTrustTest, ResetMakesRoomForAnotherRing) {
  StartAt(64, 0);
  ring_->ClaimProducer()->Close();
  EXPECT_EQ(Ring::Create(guarded_->bytes(), 64).error().code,
            ErrorCode::kAlreadyExists);
  ASSERT_TRUE(Ring::Reset(guarded_->bytes(), NobodyUsesIt()));
  EXPECT_EQ(Ring::Attach(guarded_->bytes()).error().code,
            ErrorCode::kNotInitialized);
  const auto ring = Ring::Create(guarded_->bytes(), 64);
  ASSERT_TRUE(ring);
  ExpectPushes(*ring->ClaimProducer(), RecordOf(1, 5));

  const auto few = Ring::Reset(guarded_->bytes().first(0x17F), NobodyUsesIt());
  ASSERT_FALSE(few);
  ExpectError(few.error(), ErrorCode::kTooSmall, "SpscByteRing::Reset",
              "size in bytes");
}

// ---- Lies

// What a claim finds wrong leaves the role free, so that who resets the ring
// need not know of the attempt.
TEST_F(SpscByteRingTrustTest, CountsThatCannotBeAreRefusedAtTheClaim) {
  struct {
    std::uint64_t tail;
    std::uint64_t head;
  } const lies[] = {
      {1000, 0},
      {0, 8},
      {0, 1000},
      {1 << 20, 0},
      {0, UINT64_MAX / 2},
      {UINT64_MAX - 7, 0},
      {12, 0},
      {8, 4},
      {72, 0},
      {3, 3},
  };
  for (const auto& [tail, head] : lies) {
    StartAt(64, 0);
    memory().tail.store(tail, kRelaxed);
    memory().head.store(head, kRelaxed);
    const auto producer = ring_->ClaimProducer();
    ASSERT_FALSE(producer) << tail << ", " << head;
    ExpectError(producer.error(), ErrorCode::kCorrupt,
                "SpscByteRing::ClaimProducer", "position");
    const auto consumer = ring_->ClaimConsumer();
    ASSERT_FALSE(consumer) << tail << ", " << head;
    ExpectError(consumer.error(), ErrorCode::kCorrupt,
                "SpscByteRing::ClaimConsumer", "position");
    EXPECT_TRUE(ring_->ProducerHolder().is_free());
    EXPECT_TRUE(ring_->ConsumerHolder().is_free());
    EXPECT_EQ(SharedTail(), tail);
    EXPECT_EQ(SharedHead(), head);
  }
}

TEST_F(SpscByteRingTrustTest, AProducerIsNotAimedByALyingHead) {
  for (const std::uint64_t start : kByteRingStarts) {
    for (const std::uint64_t lie :
         {std::uint64_t{72}, std::uint64_t{4}, std::uint64_t{0} - 8,
          std::uint64_t{1} << 32, std::uint64_t{1} << 63}) {
      StartAt(64, start / 64 * 64);
      auto producer = ring_->ClaimProducer();
      for (std::uint64_t n = 0; n < 4; ++n) {
        ExpectPushes(*producer, RecordOf(n, 8));
      }
      const std::uint64_t honest = SharedHead();
      memory().head.store(honest + lie, kRelaxed);
      ExpectReserveGives(*producer, 8, RingResult::kCorrupt);
      EXPECT_FALSE(producer->Commit(8));
      EXPECT_EQ(producer->TryPush(RecordOf(9, 8)), RingResult::kCorrupt);
      // A lie that is taken back has done no harm.
      memory().head.store(honest + 16, kRelaxed);
      ExpectPushes(*producer, RecordOf(4, 8));
    }
  }
}

TEST_F(SpscByteRingTrustTest, AConsumerIsNotAimedByALyingTail) {
  for (const std::uint64_t start : kByteRingStarts) {
    for (const std::uint64_t lie :
         {std::uint64_t{72}, std::uint64_t{4}, std::uint64_t{0} - 8,
          std::uint64_t{1} << 32, std::uint64_t{1} << 63}) {
      StartAt(64, start);
      auto consumer = ring_->ClaimConsumer();
      memory().tail.store(start + lie, kRelaxed);
      ExpectFrontGives(*consumer, RingResult::kCorrupt);
      ExpectFrontGives(*consumer, RingResult::kCorrupt);
      EXPECT_EQ(SharedHead(), start);
      memory().tail.store(start, kRelaxed);
      ExpectFrontGives(*consumer, RingResult::kEmpty);
    }
  }
}

// One record of 8 bytes lies in a ring of 64, whose header is then replaced.
TEST_F(SpscByteRingTrustTest,
       AHeaderThatCannotBeIsCorruptTheSameAgainNextTime) {
  for (const std::uint64_t start :
       {std::uint64_t{0}, std::uint64_t{40}, std::uint64_t{0} - 24}) {
    for (const std::uint64_t lie :
         {std::uint64_t{0},            // nothing was ever written
          std::uint64_t{8},            // kind 0
          std::uint64_t{3} << 32 | 8,  // kind 3
          UINT64_MAX,                  //
          kRecord | 9,                 // past the tail
          kRecord | 56,                // past the tail
          kRecord | 0x7FFF'FFFF,       //
          kRecord | 0xFFFF'FFF8,       // whose end is 2^32
          kRecord | 0xFFFF'FFFF,       //
          kPadding,                    // past the tail, or at the start of data
          kPadding << 1}) {
      StartAt(64, start);
      auto producer = ring_->ClaimProducer();
      auto consumer = ring_->ClaimConsumer();
      ExpectPushes(*producer, RecordOf(1, 8));
      WordAt(start) = lie;
      ExpectFrontGives(*consumer, RingResult::kCorrupt);
      ExpectFrontGives(*consumer, RingResult::kCorrupt);
      EXPECT_EQ(SharedHead(), start) << "gave back what it could not read";
      WordAt(start) = kRecord | 8;
      ExpectFront(*consumer, RecordOf(1, 8));
    }
  }
}

// Before the tail but past the end of data: the guard page stands there.
TEST_F(SpscByteRingTrustTest, ARecordAcrossTheEndOfDataIsCorrupt) {
  StartAt(64, 48);
  auto consumer = ring_->ClaimConsumer();
  memory().tail.store(48 + 64, kRelaxed);
  for (const std::uint64_t length : {9u, 16u, 24u, 40u}) {
    WordAt(48) = kRecord | length;
    ExpectFrontGives(*consumer, RingResult::kCorrupt);
  }
  WordAt(48) = kRecord | 8;
  SharedBytes record;
  EXPECT_EQ(consumer->TryFront(record), RingResult::kOk);
  EXPECT_EQ(record.TrustPeer().data() + 8,
            guarded_->bytes().data() + guarded_->bytes().size());
}

// Padding at the start of data would lead around the ring for ever.
TEST_F(SpscByteRingTrustTest, PaddingIsFollowedOnlyToTheStartOfData) {
  StartAt(64, 56);
  auto consumer = ring_->ClaimConsumer();
  WordAt(56) = kPadding;
  WordAt(64) = kPadding;
  memory().tail.store(56 + 64, kRelaxed);
  ExpectFrontGives(*consumer, RingResult::kCorrupt);
  ExpectFrontGives(*consumer, RingResult::kCorrupt);
}

TEST_F(SpscByteRingTrustTest, MirroredDataHoldsNoPaddingToBelieve) {
  StartAt(0x10000, 0, Wrap::kMirrored);
  auto consumer = ring_->ClaimConsumer();
  std::memcpy(guarded_->bytes().data() + Ring::kMirroredDataOffset, &kPadding,
              8);
  memory().tail.store(0x10000, kRelaxed);
  ExpectFrontGives(*consumer, RingResult::kCorrupt);
}

}  // namespace
}  // namespace placid
