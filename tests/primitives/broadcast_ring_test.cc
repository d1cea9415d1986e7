// SPDX-License-Identifier: Apache-2.0
//
// BroadcastRing: what readers read, and what they are told that they lost.
#include "placid/primitives/broadcast_ring.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/primitives/broadcast_ring_fixture.h"

namespace placid::testing {
namespace {

static_assert(!std::is_copy_constructible_v<BroadcastRing<int>::Writer>);
static_assert(std::is_copy_constructible_v<BroadcastRing<int>::Reader>);
static_assert(BroadcastRing<int>::kGuarantees.readers == Readers::kStoreFree);

TYPED_TEST_SUITE(BroadcastRingTest, BroadcastCases);

// ---- One at a time

TYPED_TEST(BroadcastRingTest, EveryReaderReadsEveryValueInOrder) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    ASSERT_TRUE(writer);
    auto first = this->ring_.MakeReader();
    auto second = this->ring_.MakeReader();
    this->ExpectReadGives(first, RingResult::kEmpty);
    std::uint64_t read = start;
    for (std::uint64_t round = 0; round < 5 * this->kCapacity; ++round) {
      // As many as are whole for sure, and fewer.
      const std::uint64_t count = round % (this->kLeastKept + 1);
      this->Push(*writer, count);
      for (std::uint64_t i = 0; i < count; ++i, ++read) {
        this->ExpectReads(first, read);
        this->ExpectReads(second, read);
      }
      this->ExpectReadGives(first, RingResult::kEmpty);
      this->ExpectReadGives(second, RingResult::kEmpty);
    }
    EXPECT_EQ(writer->position(), read);
  }
}

// As the contract promises: never fewer than all but a step, never more than
// there are slots.
TYPED_TEST(BroadcastRingTest, TheNewestSevenEighthsAreWhole) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    for (std::uint64_t pushed = 1; pushed <= 4 * this->kCapacity; ++pushed) {
      this->Push(*writer, 1);
      const std::uint64_t kept = this->Tail() - this->Oldest();
      EXPECT_LE(kept, this->kCapacity);
      EXPECT_LE(kept, pushed);
      if (pushed <= this->kCapacity) {
        EXPECT_EQ(kept, pushed) << "gave up values without need";
      } else {
        EXPECT_GE(kept, this->kLeastKept);
      }
      auto reader = this->ring_.MakeReader(StartAt::kOldest);
      for (std::uint64_t i = 0; i < kept; ++i) {
        this->ExpectReads(reader, this->Oldest() + i);
      }
      this->ExpectReadGives(reader, RingResult::kEmpty);
    }
  }
}

// ---- Lapped

// All that was read and all that was lost add up to what was pushed, wherever a
// reader goes on.
TYPED_TEST(BroadcastRingTest, ReadAndLostAddUpToPushed) {
  for (const std::uint64_t start : kStarts) {
    for (const StartAt again : {StartAt::kOldest, StartAt::kMiddle,
                                StartAt::kNewest, StartAt::kNext}) {
      this->StartFrom(start);
      auto writer = *this->ring_.ClaimWriter();
      auto reader = this->ring_.MakeReader(StartAt::kOldest, again);
      std::uint64_t read = 0;
      std::uint64_t lost = 0;
      std::uint64_t found = 0;
      typename TypeParam::T value;
      for (std::uint64_t round = 0; round < 60; ++round) {
        this->Push(writer, round * 7 % (3 * this->kCapacity));
        for (std::uint64_t i = 0; i <= round * 5 % this->kCapacity; ++i) {
          const RingResult result = reader.TryRead(value, found);
          lost += found;
          if (result != RingResult::kOk) {
            EXPECT_EQ(result, RingResult::kEmpty);
            EXPECT_EQ(found, 0u);
            break;
          }
          EXPECT_EQ(value.number(), start + read + lost);
          ++read;
          EXPECT_EQ(reader.position() - start, read + lost);
        }
      }
      std::move(writer).Close();
      for (;;) {
        const RingResult result = reader.TryRead(value, found);
        lost += found;
        if (result == RingResult::kClosed) break;
        if (result == RingResult::kEmpty) continue;
        ASSERT_EQ(result, RingResult::kOk);
        EXPECT_TRUE(value.IsWhole());
        ++read;
      }
      EXPECT_EQ(read + lost, this->Tail() - start);
      this->ExpectReadGives(reader, RingResult::kClosed, 0);
    }
  }
}

TYPED_TEST(BroadcastRingTest, ALappedReaderGoesOnWhereItWasTold) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    auto oldest = this->ring_.MakeReader(StartAt::kOldest, StartAt::kOldest);
    auto middle = this->ring_.MakeReader(StartAt::kOldest, StartAt::kMiddle);
    auto newest = this->ring_.MakeReader(StartAt::kOldest, StartAt::kNewest);
    auto next = this->ring_.MakeReader(StartAt::kOldest, StartAt::kNext);
    this->Push(*writer, 2 * this->kCapacity + 3);
    const std::uint64_t tail = this->Tail();
    const std::uint64_t at_middle = tail - (this->kCapacity + 1) / 2;
    this->ExpectReads(oldest, this->Oldest(), this->Oldest() - start);
    this->ExpectReads(middle, at_middle, at_middle - start);
    this->ExpectReads(newest, tail - 1, tail - 1 - start);
    this->ExpectReadGives(next, RingResult::kEmpty);
    this->Push(*writer, 1);
    this->ExpectReads(next, tail, tail - start);
  }
}

TYPED_TEST(BroadcastRingTest, AReaderBeginsWhereItWasTold) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1},
                                      this->kCapacity + 5}) {
      this->Push(*writer, count);
      const std::uint64_t tail = this->Tail();
      const std::uint64_t kept = tail - this->Oldest();
      const std::uint64_t half =
          std::min<std::uint64_t>(kept, (this->kCapacity + 1) / 2);
      EXPECT_EQ(this->ring_.MakeReader(StartAt::kOldest).position(),
                this->Oldest());
      EXPECT_EQ(this->ring_.MakeReader(StartAt::kMiddle).position(),
                tail - half);
      EXPECT_EQ(this->ring_.MakeReader(StartAt::kNewest).position(),
                tail - std::min<std::uint64_t>(kept, 1));
      EXPECT_EQ(this->ring_.MakeReader(StartAt::kNext).position(), tail);
    }
  }
}

// A reader may have slept for any time: one before the wrap is no reader of the
// future.
TYPED_TEST(BroadcastRingTest, ALongSleepIsCountedExactly) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto reader = this->ring_.MakeReader();
    const std::uint64_t slept = (std::uint64_t{1} << 62) + 3;
    this->memory().tail.store(start + slept, kRelaxed);
    this->memory().oldest.store(start + slept, kRelaxed);
    auto writer = this->ring_.ClaimWriter();
    this->ExpectReadGives(reader, RingResult::kEmpty);
    this->Push(*writer, 1);
    this->ExpectReads(reader, start + slept, slept);
  }
}

// ---- Batches

TYPED_TEST(BroadcastRingTest, BatchesArriveInOrderFromEachPosition) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    auto reader = this->ring_.MakeReader();
    std::uint64_t next = start;
    std::size_t read = 99;
    std::uint64_t lost = 99;
    EXPECT_EQ(reader.TryReadSome({}, read, lost), RingResult::kOk);
    EXPECT_EQ(read + lost, 0u);
    for (std::uint64_t round = 0; round < 3 * this->kCapacity; ++round) {
      const auto size =
          static_cast<std::size_t>(round % (this->kLeastKept + 1));
      std::vector<typename TypeParam::T> values;
      for (std::size_t i = 0; i < size; ++i) {
        values.push_back(TypeParam::T::Of(next + i));
      }
      writer->PushSome(values);
      std::vector<typename TypeParam::T> found(size + 2);
      const RingResult result = reader.TryReadSome(found, read, lost);
      EXPECT_EQ(result, size == 0 ? RingResult::kEmpty : RingResult::kOk);
      ASSERT_EQ(read, size);
      EXPECT_EQ(lost, 0u);
      for (std::size_t i = 0; i < size; ++i) {
        EXPECT_EQ(found[i].number(), next + i);
        EXPECT_TRUE(found[i].IsWhole());
      }
      next += size;
      EXPECT_EQ(reader.position(), next);
    }
  }
}

// More than the ring holds: the last of them are there.
TYPED_TEST(BroadcastRingTest, ALongBatchLapsItself) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    auto reader = this->ring_.MakeReader(StartAt::kOldest, StartAt::kOldest);
    std::vector<typename TypeParam::T> values;
    for (std::uint64_t i = 0; i < 3 * this->kCapacity + 1; ++i) {
      values.push_back(TypeParam::T::Of(start + i));
    }
    writer->PushSome(values);
    EXPECT_EQ(this->Tail() - start, values.size());
    std::vector<typename TypeParam::T> found(values.size());
    std::size_t read = 0;
    std::uint64_t lost = 0;
    ASSERT_EQ(reader.TryReadSome(found, read, lost), RingResult::kOk);
    EXPECT_EQ(read + lost, values.size());
    EXPECT_EQ(read, this->Tail() - this->Oldest());
    for (std::size_t i = 0; i < read; ++i) {
      EXPECT_EQ(found[i].number(), start + lost + i);
    }
  }
}

// The first of a batch were overwritten since they were looked at: the rest is
// whole and not to be lost too.
TYPED_TEST(BroadcastRingTest, OfABatchThatIsOvertakenTheRestIsRead) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    auto reader = this->ring_.MakeReader();
    this->Push(*writer, this->kCapacity);
    // The reader knows of them now.
    SharedSpan<typename TypeParam::T> peeked;
    std::uint64_t lost = 0;
    ASSERT_EQ(reader.TryPeek(1, peeked, lost), RingResult::kOk);
    this->Push(*writer, 1);
    std::vector<typename TypeParam::T> values(this->kCapacity);
    std::size_t read = 0;
    ASSERT_EQ(reader.TryReadSome(values, read, lost), RingResult::kOk);
    EXPECT_EQ(lost, this->kStep);
    EXPECT_EQ(read, this->kCapacity == 1 ? 1 : this->kCapacity - this->kStep);
    for (std::size_t i = 0; i < read; ++i) {
      EXPECT_EQ(values[i].number(), start + lost + i);
      EXPECT_TRUE(values[i].IsWhole());
    }
  }
}

// ---- Closing

TYPED_TEST(BroadcastRingTest, AfterCloseAllIsReadAndThenClosed) {
  auto writer = this->ring_.ClaimWriter();
  auto reader = this->ring_.MakeReader();
  auto sleeper = this->ring_.MakeReader(StartAt::kOldest, StartAt::kNext);
  this->Push(*writer, 1);
  (*std::move(writer)).Close();
  this->ExpectReads(reader, 0);
  this->ExpectReadGives(reader, RingResult::kClosed);
  this->ExpectReadGives(reader, RingResult::kClosed);
  std::vector<typename TypeParam::T> values(2);
  std::size_t read = 99;
  std::uint64_t lost = 99;
  EXPECT_EQ(reader.TryReadSome(values, read, lost), RingResult::kClosed);
  EXPECT_EQ(read + lost, 0u);
  SharedSpan<typename TypeParam::T> peeked;
  EXPECT_EQ(reader.TryPeek(1, peeked, lost), RingResult::kClosed);
  this->ExpectReads(sleeper, 0);

  const auto refused = this->ring_.ClaimWriter();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kClosed);
  EXPECT_NE(refused.error().advice, nullptr);
  EXPECT_TRUE(this->ring_.WriterHolder().is_free());
}

// What was lost just before the end is told with the end.
TYPED_TEST(BroadcastRingTest, WhatWasLostAtTheEndIsToldWithClosed) {
  auto writer = this->ring_.ClaimWriter();
  auto reader = this->ring_.MakeReader(StartAt::kOldest, StartAt::kNext);
  this->Push(*writer, this->kCapacity + 1);
  this->ExpectReadGives(reader, RingResult::kEmpty);
  EXPECT_EQ(reader.position(), 0u) << "not told yet";
  (*std::move(writer)).Close();
  this->ExpectReadGives(reader, RingResult::kClosed, this->kCapacity + 1);
  EXPECT_EQ(reader.position(), this->kCapacity + 1);
  this->ExpectReadGives(reader, RingResult::kClosed, 0);
}

}  // namespace
}  // namespace placid::testing
