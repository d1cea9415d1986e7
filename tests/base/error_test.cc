// SPDX-License-Identifier: Apache-2.0
#include "placid/base/error.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>

namespace placid {
namespace {

std::string MessageOf(const Error& error) {
  return std::string(error.Message().view());
}

// A code added without words would read "unknown error".
TEST(ErrorTest, EachCodeHasItsOwnWords) {
  std::set<std::string_view> seen;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kSystem); ++code) {
    const std::string_view words = ToString(static_cast<ErrorCode>(code));
    EXPECT_NE(words, "unknown error") << code;
    EXPECT_TRUE(seen.insert(words).second) << words;
  }
  EXPECT_EQ(ToString(static_cast<ErrorCode>(
                static_cast<int>(ErrorCode::kSystem) + 1)),
            "unknown error")
      << "a code was added behind kSystem: move the bound of this test";
}

TEST(ErrorTest, MessageNamesOperationSubjectFieldSystemErrorAndAdvice) {
  const Error error{.code = ErrorCode::kNoSpace,
                    .operation = "SharedObject::Create",
                    .field = "size in bytes",
                    .expected = 4096,
                    .found = 128,
                    .system_error = 28,
                    .advice = "free some space",
                    .subject = ShortText("prices")};
  EXPECT_EQ(MessageOf(error),
            "SharedObject::Create 'prices': no space: size in bytes is 128, "
            "expected 4096 (system error 28); free some space");
}

TEST(ErrorTest, MessageLeavesOutWhatIsNotKnown) {
  EXPECT_EQ(MessageOf({.code = ErrorCode::kClosed, .operation = "Op"}),
            "Op: closed");
  // Equal values say nothing: the field alone is named.
  EXPECT_EQ(
      MessageOf(
          {.code = ErrorCode::kCorrupt, .operation = "Op", .field = "length"}),
      "Op: corrupt: length");
}

// Windows and Mach give negative numbers, whose smallest has no opposite.
TEST(ErrorTest, SystemErrorsKeepTheirSign) {
  EXPECT_EQ(MessageOf({.operation = "Op", .system_error = INT32_MIN}),
            "Op: system error (system error -2147483648)");
}

TEST(ErrorTest, CountsAreDecimalAndStampsHexadecimal) {
  const std::uint64_t largest_count = (std::uint64_t{1} << 48) - 1;
  EXPECT_EQ(MessageOf({.operation = "Op",
                       .field = "word",
                       .expected = largest_count,
                       .found = largest_count + 1}),
            "Op: system error: word is 0x1000000000000, expected "
            "281474976710655");
}

// An Error owns no memory: what does not fit is cut, not written past the end.
TEST(ErrorTest, LongTextsAreCutAtTheEnd) {
  const std::string name(300, 'n');
  EXPECT_EQ(ShortText(name).view(), name.substr(0, ShortText::kCapacity));
  ErrorMessage message;
  for (int i = 0; i < 10; ++i) message.Append(name);
  EXPECT_EQ(message.view(), std::string(511, 'n'));
  EXPECT_EQ(std::string_view(message.c_str()), message.view());
}

TEST(ErrorTest, MessagesCanBeMadeAtCompileTime) {
  constexpr bool kSame =
      Error{.code = ErrorCode::kBusy, .operation = "Op"}.Message().view() ==
      "Op: busy";
  static_assert(kSame);
}

}  // namespace
}  // namespace placid
