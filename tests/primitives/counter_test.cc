// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/counter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

class CounterTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::span<std::byte> bytes() const { return guarded_.bytes(); }
  // What a program without placid does: a plain number at offset 0.
  void WriteRaw(std::int32_t count) const {
    std::memcpy(bytes().data(), &count, sizeof(count));
  }

  testing::GuardedBytes guarded_{16, /*alignment=*/4};
  Counter counter_ = *Counter::Attach(guarded_.bytes());
  std::int32_t count_ = -77;
};

static_assert(Counter::SizeFor() == 16);

TEST_F(CounterTest, ZeroBytesAreACountOfZero) {
  EXPECT_EQ(counter_.Load(), 0);
  EXPECT_TRUE(std::ranges::all_of(bytes(), [](std::byte byte) {
    return byte == std::byte{};
  })) << "attaching must not stamp";
}

TEST_F(CounterTest, OperationsTellTheNewCount) {
  EXPECT_EQ(counter_.Increment(count_), RingResult::kOk);
  EXPECT_EQ(count_, 1);
  EXPECT_EQ(counter_.Add(10, count_), RingResult::kOk);
  EXPECT_EQ(count_, 11);
  EXPECT_EQ(counter_.Decrement(count_), RingResult::kOk);
  EXPECT_EQ(count_, 10);
  EXPECT_EQ(counter_.Add(-12, count_), RingResult::kOk);
  EXPECT_EQ(count_, -2);
  EXPECT_EQ(counter_.Add(0, count_), RingResult::kOk);
  EXPECT_EQ(count_, -2);
  EXPECT_EQ(counter_.Load(), -2);
}

TEST_F(CounterTest, AllViewsSeeOneCount) {
  const Counter other = *Counter::Attach(bytes());
  EXPECT_EQ(other.Increment(count_), RingResult::kOk);
  EXPECT_EQ(counter_.Load(), 1);
}

// The layout of programs without placid: they read and write these four bytes.
TEST_F(CounterTest, TheCountIsTheFirstFourBytesAndTheRestStaysZero) {
  EXPECT_EQ(counter_.Add(-3, count_), RingResult::kOk);
  std::int32_t raw = 0;
  std::memcpy(&raw, bytes().data(), sizeof(raw));
  EXPECT_EQ(raw, -3);
  EXPECT_TRUE(std::ranges::all_of(
      bytes().subspan(4), [](std::byte byte) { return byte == std::byte{}; }));
  WriteRaw(41);
  EXPECT_EQ(counter_.Increment(count_), RingResult::kOk);
  EXPECT_EQ(count_, 42);
}

// A sum that wrapped would turn the most windows into none at all.
TEST_F(CounterTest, TheLargestCountRefusesMore) {
  WriteRaw(INT32_MAX - 1);
  EXPECT_EQ(counter_.Increment(count_), RingResult::kOk);
  EXPECT_EQ(count_, INT32_MAX);
  for (const std::int32_t by : {1, 2, INT32_MAX}) {
    EXPECT_EQ(counter_.Add(by, count_), RingResult::kFull);
    EXPECT_EQ(count_, INT32_MAX);
  }
  EXPECT_EQ(counter_.Load(), INT32_MAX);
  EXPECT_EQ(counter_.Add(INT32_MIN, count_), RingResult::kOk);
  EXPECT_EQ(count_, -1);
}

TEST_F(CounterTest, TheSmallestCountRefusesLess) {
  WriteRaw(INT32_MIN + 1);
  EXPECT_EQ(counter_.Decrement(count_), RingResult::kOk);
  EXPECT_EQ(count_, INT32_MIN);
  for (const std::int32_t by : {-1, -2, INT32_MIN}) {
    EXPECT_EQ(counter_.Add(by, count_), RingResult::kEmpty);
    EXPECT_EQ(count_, INT32_MIN);
  }
  EXPECT_EQ(counter_.Add(INT32_MAX, count_), RingResult::kOk);
  EXPECT_EQ(count_, -1);
}

// A store to these pages would end the test.
TEST_F(CounterTest, ReadersWorkOnReadOnlyPages) {
  EXPECT_EQ(counter_.Add(5, count_), RingResult::kOk);
  guarded_.MakeReadOnly();
  const auto reader = Counter::AttachReadOnly(guarded_.bytes());
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->Load(), 5);
}

TEST_F(CounterTest, BadPlacesAreRefused) {
  const auto few = bytes().first(15);
  EXPECT_EQ(Counter::Attach(few).error().code, ErrorCode::kTooSmall);
  EXPECT_EQ(Counter::AttachReadOnly(few).error().code, ErrorCode::kTooSmall);
  EXPECT_EQ(Counter::Reset(few, NobodyUsesIt()).error().code,
            ErrorCode::kTooSmall);
  const testing::GuardedBytes more(32);
  const auto crooked = more.bytes().subspan(2, 16);
  EXPECT_EQ(Counter::Attach(crooked).error().code, ErrorCode::kMisaligned);
  EXPECT_EQ(Counter::AttachReadOnly(crooked).error().code,
            ErrorCode::kMisaligned);
  EXPECT_EQ(Counter::Reset(crooked, NobodyUsesIt()).error().code,
            ErrorCode::kMisaligned);
}

TEST_F(CounterTest, ResetClearsAllSixteenBytes) {
  std::ranges::fill(bytes(), std::byte{0xA5});
  EXPECT_TRUE(Counter::Reset(bytes(), NobodyUsesIt()));
  EXPECT_EQ(counter_.Load(), 0);
  EXPECT_TRUE(std::ranges::all_of(
      bytes(), [](std::byte byte) { return byte == std::byte{}; }));
}

}  // namespace
}  // namespace placid
