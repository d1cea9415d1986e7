// SPDX-License-Identifier: Apache-2.0
#include "placid/base/extent.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>

namespace placid {
namespace {

// A fixed extent costs nothing in a role.
static_assert(std::is_empty_v<Extent<8>>);

TEST(ExtentTest, FixedAndDynamicAgreeOnMaskAndCapacity) {
  EXPECT_EQ(Extent<8>().capacity(), 8u);
  EXPECT_EQ(Extent<8>().mask(), 7u);
  EXPECT_EQ(Extent<kDynamic>(8).capacity(), 8u);
  EXPECT_EQ(Extent<kDynamic>(8).mask(), 7u);
  EXPECT_EQ(Extent<kDynamic>(1).mask(), 0u);
  EXPECT_EQ(Extent<kMaxCapacity>().mask(), kMaxCapacity - 1);
}

TEST(ExtentTest, ADynamicExtentWithoutCapacityStaysInSlotZero) {
  EXPECT_EQ(Extent<kDynamic>().mask(), 0u);
}

TEST(ExtentTest, CapacitiesArePowersOfTwoWithinTheLimit) {
  EXPECT_TRUE(IsCapacity(1));
  EXPECT_TRUE(IsCapacity(kMaxCapacity));
  EXPECT_FALSE(IsCapacity(0));
  EXPECT_FALSE(IsCapacity(3));
  EXPECT_FALSE(IsCapacity(kMaxCapacity * 2));
  EXPECT_FALSE(IsCapacity(std::uint64_t{1} << 63));
  EXPECT_FALSE(IsCapacity(kDynamic));
}

TEST(ExtentTest, BadCapacityNamesTheNearestGoodOne) {
  EXPECT_EQ(BadCapacity(0, "Op").expected, 1u);
  EXPECT_EQ(BadCapacity(3, "Op").expected, 4u);
  EXPECT_EQ(BadCapacity(1000, "Op").expected, 1024u);
  EXPECT_EQ(BadCapacity(UINT64_MAX, "Op").expected, kMaxCapacity);
  EXPECT_EQ(BadCapacity(3, "Op").code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(BadCapacity(3, "Op").found, 3u);
}

}  // namespace
}  // namespace placid
