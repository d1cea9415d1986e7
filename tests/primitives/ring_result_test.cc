// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/ring_result.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace placid {
namespace {

// A log that calls two results by one name leads astray.
TEST(RingResultTest, EachHasANameOfItsOwn) {
  constexpr RingResult kAll[] = {RingResult::kOk,        RingResult::kEmpty,
                                 RingResult::kFull,      RingResult::kPending,
                                 RingResult::kContended, RingResult::kClosed,
                                 RingResult::kCorrupt};
  std::set<std::string_view> names;
  for (const RingResult result : kAll) names.insert(ToString(result));
  EXPECT_EQ(names.size(), std::size(kAll));
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(RingResultTest, ANumberThatIsNoneIsCalledUnknown) {
  EXPECT_EQ(ToString(static_cast<RingResult>(99)), "unknown");
}

}  // namespace
}  // namespace placid
