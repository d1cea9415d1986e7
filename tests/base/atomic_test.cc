// SPDX-License-Identifier: Apache-2.0
#include "placid/base/atomic.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace placid {
namespace {

static_assert(AtomicWord<std::uint32_t> && AtomicWord<std::int32_t>);
static_assert(AtomicWord<std::uint64_t> && AtomicWord<std::int64_t>);
// Widths that some machine does not access in one piece, or in another size.
static_assert(!AtomicWord<std::uint8_t> && !AtomicWord<std::uint16_t>);
static_assert(!AtomicWord<bool> && !AtomicWord<float> && !AtomicWord<void*>);

// i386 would put it at 4.
struct Mixed {
  Atomic<std::uint32_t> narrow;
  Atomic<std::uint64_t> wide;
};
static_assert(offsetof(Mixed, wide) == 8);
// Bytes that mmap returned are such an object already.
static_assert(std::is_trivially_default_constructible_v<Mixed>);

template <typename T>
class AtomicTest : public ::testing::Test {};
using Words =
    ::testing::Types<std::uint32_t, std::int32_t, std::uint64_t, std::int64_t>;
TYPED_TEST_SUITE(AtomicTest, Words);

TYPED_TEST(AtomicTest, OperationsReturnWhatWasThereBefore) {
  Atomic<TypeParam> word(1);
  EXPECT_EQ(word.load(kRelaxed), TypeParam{1});
  word.store(2, kRelease);
  EXPECT_EQ(word.exchange(3, kAcqRel), TypeParam{2});
  EXPECT_EQ(word.fetch_add(4, kRelaxed), TypeParam{3});
  EXPECT_EQ(word.fetch_or(8, kRelease), TypeParam{7});
  EXPECT_EQ(word.fetch_and(12, kAcquire), TypeParam{15});
  EXPECT_EQ(word.load(kAcquire), TypeParam{12});
}

TYPED_TEST(AtomicTest, CompareExchangeTellsWhatItFound) {
  Atomic<TypeParam> word(5);
  TypeParam expected = 4;
  EXPECT_FALSE(word.compare_exchange(expected, 9, kAcqRel, kRelaxed));
  EXPECT_EQ(expected, TypeParam{5});
  EXPECT_EQ(word.load(kRelaxed), TypeParam{5});
  EXPECT_TRUE(word.compare_exchange(expected, 9, kAcqRel, kRelaxed));
  EXPECT_EQ(word.load(kRelaxed), TypeParam{9});
}

// All bits, so that an operation of half the width is found.
TYPED_TEST(AtomicTest, OperationsCoverTheWholeWidth) {
  const auto all = static_cast<TypeParam>(-1);
  Atomic<TypeParam> word(0);
  word.store(all, kRelaxed);
  EXPECT_EQ(word.load(kRelaxed), all);
  EXPECT_EQ(word.fetch_and(0, kRelaxed), all);
  EXPECT_EQ(word.fetch_or(all, kRelaxed), TypeParam{0});
  EXPECT_EQ(word.exchange(0, kRelaxed), all);
  word.fetch_add(all, kRelaxed);
  EXPECT_EQ(word.load(kRelaxed), all);
}

}  // namespace
}  // namespace placid
