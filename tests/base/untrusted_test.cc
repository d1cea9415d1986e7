// SPDX-License-Identifier: Apache-2.0
#include "placid/base/untrusted.h"

#include <gtest/gtest.h>

#include <concepts>
#include <cstdint>
#include <optional>

namespace placid {
namespace {

using Number = Untrusted<std::uint64_t>;

// The point of the type: no way from it to a number but through a check.
static_assert(!std::convertible_to<Number, std::uint64_t>);
static_assert(!std::constructible_from<std::uint64_t, Number>);
static_assert(!std::convertible_to<std::uint64_t, Number>);

TEST(UntrustedTest, BelowExcludesAndAtMostIncludesTheLimit) {
  EXPECT_EQ(Number(6).Below(7), 6u);
  EXPECT_EQ(Number(7).Below(7), std::nullopt);
  EXPECT_EQ(Number(0).Below(0), std::nullopt);
  EXPECT_EQ(Number(7).AtMost(7), 7u);
  EXPECT_EQ(Number(8).AtMost(7), std::nullopt);
  EXPECT_EQ(Number(UINT64_MAX).AtMost(UINT64_MAX), UINT64_MAX);
}

// Comparing positions with < instead of their difference fails at 2^64.
TEST(UntrustedTest, PastAtMostIsRightAcrossTheWrap) {
  EXPECT_EQ(Number(3).PastAtMost(UINT64_MAX - 4, 8), 8u);
  EXPECT_EQ(Number(4).PastAtMost(UINT64_MAX - 4, 8), std::nullopt);
  EXPECT_EQ(Number(10).PastAtMost(10, 0), 0u);
  EXPECT_EQ(Number(9).PastAtMost(10, 1000), std::nullopt) << "it lies before";
}

// Narrow types promote to int, whose difference is negative.
TEST(UntrustedTest, PastAtMostIsRightForNarrowTypes) {
  EXPECT_EQ(Untrusted<std::uint8_t>(2).PastAtMost(254, 4), 4u);
  EXPECT_EQ(Untrusted<std::uint16_t>(2).PastAtMost(65534, 3), std::nullopt);
}

TEST(UntrustedTest, MaskedStaysInsideWhateverTheNumber) {
  EXPECT_EQ(Number(UINT64_MAX).Masked(7), 7u);
  EXPECT_EQ(Number(9).Masked(7), 1u);
}

TEST(UntrustedTest, IsAndForDisplayShowTheNumberAsItIs) {
  EXPECT_TRUE(Number(9).Is(9));
  EXPECT_FALSE(Number(9).Is(8));
  EXPECT_EQ(Number(9).ForDisplay(), 9u);
}

}  // namespace
}  // namespace placid
