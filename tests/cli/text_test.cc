// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <cstdint>
#include <string>

#include "cli/outcome.h"
#include "cli/system.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "placid/base/error.h"

namespace placid::cli {
namespace {

// Rounding up to 1000 or 1024 of a unit is where such code goes wrong.
TEST(TextTest, BytesHaveThreeDigitsAndTheUnitThatFits) {
  EXPECT_EQ(FormatBytes(0), "0 bytes");
  EXPECT_EQ(FormatBytes(1), "1 byte");
  EXPECT_EQ(FormatBytes(999), "999 bytes");
  EXPECT_EQ(FormatBytes(1000), "0.98 KiB");
  EXPECT_EQ(FormatBytes(1024), "1.00 KiB");
  EXPECT_EQ(FormatBytes(10 * 1024 - 1), "10.0 KiB");
  EXPECT_EQ(FormatBytes(100 * 1024 - 1), "100 KiB");
  EXPECT_EQ(FormatBytes(std::uint64_t{5} << 20), "5.00 MiB");
  EXPECT_EQ(FormatBytes(std::uint64_t{4} << 30), "4.00 GiB");
  EXPECT_EQ(FormatBytes(UINT64_MAX), "16384 PiB");
}

TEST(TextTest, RatesAreBytesPerSecond) {
  EXPECT_EQ(FormatRate(0), "0 bytes/s");
  EXPECT_EQ(FormatRate(1.5 * 1024 * 1024), "1.50 MiB/s");
}

TEST(TextTest, TimesGrowFromMillisecondsToHours) {
  EXPECT_EQ(FormatSeconds(0.0312), "0.031 s");
  EXPECT_EQ(FormatSeconds(1.25), "1.25 s");
  EXPECT_EQ(FormatSeconds(42.06), "42.1 s");
  EXPECT_EQ(FormatSeconds(65), "1:05");
  EXPECT_EQ(FormatClock(5), "0:05");
  EXPECT_EQ(FormatClock(7200), "2:00:00");
  EXPECT_EQ(FormatClock(1e30), FormatClock(1e9));
}

TEST(TextTest, CountsAreGroupedByThousands) {
  EXPECT_EQ(FormatCount(0), "0");
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(1000), "1,000");
  EXPECT_EQ(FormatCount(1234567), "1,234,567");
}

// The system's own words where it said something, else ours.
TEST(TextTest, FailuresSayWhy) {
  Error error{.code = ErrorCode::kNoSpace, .operation = "write"};
  EXPECT_EQ(InputOutput("cannot write", error).message,
            "cannot write: no space");
  error.system_error = 2;
  const Outcome outcome = InputOutput("cannot write", error);
  EXPECT_EQ(outcome.code, ExitCode::kInputOutput);
  EXPECT_EQ(outcome.message, "cannot write: " + SystemErrorText(2));
}

TEST(TextTest, ChecksumsKeepTheirLeadingZeros) {
  EXPECT_EQ(FormatCrc(0x00C0FFEE), "00c0ffee");
}

}  // namespace
}  // namespace placid::cli
