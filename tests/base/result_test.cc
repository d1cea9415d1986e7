// SPDX-License-Identifier: Apache-2.0
#include "placid/base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace placid {
namespace {

constexpr Error kError{.code = ErrorCode::kTooSmall, .operation = "Op"};

// A Result that could be ignored would be: this is what [[nodiscard]] on the
// class is for, and moving must not copy.
static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>>>);
static_assert(std::is_nothrow_move_constructible_v<Result<int>>);
static_assert(std::is_trivially_copyable_v<Error>);

TEST(ResultTest, HoldsAValueOrAnError) {
  Result<int> good = 7;
  ASSERT_TRUE(good.has_value());
  EXPECT_TRUE(static_cast<bool>(good));
  EXPECT_EQ(*good, 7);
  EXPECT_EQ(good.value(), 7);
  const Result<int> bad = kError;
  ASSERT_FALSE(bad.has_value());
  EXPECT_FALSE(static_cast<bool>(bad));
  EXPECT_EQ(bad.error().code, ErrorCode::kTooSmall);
}

TEST(ResultTest, MoveOnlyValuesComeOutByMove) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(3);
  const std::unique_ptr<int> value = *std::move(result);
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(*value, 3);
}

TEST(ResultTest, ArrowReachesTheValue) {
  Result<std::string> result = std::string("ring");
  EXPECT_EQ(result->size(), 4u);
  const Result<std::string>& fixed = result;
  EXPECT_EQ(fixed->front(), 'r');
}

TEST(ResultTest, ValueOrGivesTheOtherOnlyOnError) {
  EXPECT_EQ(Result<int>(7).value_or(1), 7);
  EXPECT_EQ(Result<int>(kError).value_or(1), 1);
}

TEST(ResultTest, AndThenRunsOnlyOnSuccessAndKeepsTheFirstError) {
  int calls = 0;
  const auto half = [&](int n) -> Result<int> {
    ++calls;
    if (n % 2 != 0) return Error{.code = ErrorCode::kInvalidArgument};
    return n / 2;
  };
  EXPECT_EQ(*Result<int>(8).and_then(half).and_then(half), 2);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(Result<int>(3).and_then(half).error().code,
            ErrorCode::kInvalidArgument);
  calls = 0;
  EXPECT_EQ(Result<int>(kError).and_then(half).error().code,
            ErrorCode::kTooSmall);
  EXPECT_EQ(calls, 0);
}

TEST(ResultTest, TransformWrapsAPlainValue) {
  const auto text = [](int n) { return std::to_string(n); };
  EXPECT_EQ(*Result<int>(8).transform(text), "8");
  EXPECT_EQ(Result<int>(kError).transform(text).error().code,
            ErrorCode::kTooSmall);
}

TEST(ResultTest, VoidSucceedsOrCarriesAnError) {
  EXPECT_TRUE(Ok().has_value());
  Ok().value();
  const Result<void> bad = kError;
  EXPECT_FALSE(static_cast<bool>(bad));
  EXPECT_EQ(bad.error().code, ErrorCode::kTooSmall);
  const auto seven = [] { return Result<int>(7); };
  EXPECT_EQ(*Ok().and_then(seven), 7);
  EXPECT_EQ(bad.and_then(seven).error().code, ErrorCode::kTooSmall);
}

// Our own bug may abort, but must say why.
TEST(ResultDeathTest, ReadingTheValueOfAFailureSaysWhatFailed) {
  EXPECT_DEATH_IF_SUPPORTED((void)*Result<int>(kError),
                            "failed Result was read: Op: too small");
  EXPECT_DEATH_IF_SUPPORTED(Result<void>(kError).value(), "Op: too small");
}

}  // namespace
}  // namespace placid
