// SPDX-License-Identifier: Apache-2.0
#include "placid/base/cache_line.h"

#include <gtest/gtest.h>

namespace placid {
namespace {

// Part of every layout: a build with another line could not attach.
static_assert(kLineBytes == 128);
static_assert(sizeof(Padding<112>) == 112 && alignof(Padding<112>) == 1);

TEST(CacheLineTest, RoundsUpToWholeLines) {
  EXPECT_EQ(RoundUpToLine(0), 0u);
  EXPECT_EQ(RoundUpToLine(1), 128u);
  EXPECT_EQ(RoundUpToLine(128), 128u);
  EXPECT_EQ(RoundUpToLine(129), 256u);
}

}  // namespace
}  // namespace placid
