// SPDX-License-Identifier: Apache-2.0
//
// What people see of values that others wrote.
#include "cli/report.h"

#include <gtest/gtest.h>

#include "cli/system.h"
#include "placid/base/error.h"

namespace placid::cli {
namespace {

TEST(ReportTest, AnArrayOfPlainValuesHasALineForEach) {
  const Json json{{"name", "x"}, {"note", {"first", "second"}}};
  EXPECT_EQ(FormatTree(json),
            "name  x\n"
            "note  first\n"
            "note  second\n");
}

TEST(ReportTest, AnArrayOfBothIsNoTable) {
  const Json json{{"rows", {{{"row", 1}}, 2}}};
  EXPECT_EQ(FormatTree(json),
            "rows  {\"row\":1}\n"
            "rows  2\n");
}

TEST(ReportTest, AnEmptyArrayHasNoLine) {
  EXPECT_EQ(FormatTree({{"rows", Json::array()}, {"a", 1.5}}), "a  1.5\n");
}

TEST(ReportTest, AHeadIsInCapitalsWhateverElseIsInIt) {
  EXPECT_EQ(FormatTree({{"rows", {{{"zone_~1_bytes", 2048}}}}}),
            "rows\n"
            "   ZONE ~1\n"
            "  2.00 KiB\n");
}

TEST(ReportTest, AnErrorIsExplainedByAllThatIsKnownOfIt) {
  EXPECT_EQ(Explain({.code = ErrorCode::kCorrupt}), "corrupt");
  EXPECT_EQ(Explain({.code = ErrorCode::kCorrupt, .field = "count"}),
            "corrupt, count");
  EXPECT_EQ(Explain({.code = ErrorCode::kSystem, .system_error = 5}),
            "system error (" + SystemErrorText(5) + ")");
}

}  // namespace
}  // namespace placid::cli
