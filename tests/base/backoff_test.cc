// SPDX-License-Identifier: Apache-2.0
#include "placid/base/backoff.h"

#include <gtest/gtest.h>

namespace placid {
namespace {

// Every retry loop of the library ends because of this.
TEST(BackoffTest, GivesExactlyAsManyTriesAsAskedFor) {
  for (const std::uint32_t tries : {0u, 1u, 2u, 40u}) {
    Backoff backoff(tries);
    std::uint32_t given = 0;
    while (given <= tries && backoff.Pause()) ++given;
    EXPECT_EQ(given, tries);
    EXPECT_FALSE(backoff.Pause()) << "once spent, always spent";
  }
}

// Doubled without a bound, the wait would overflow after 32 tries.
TEST(BackoffTest, TheLongestWaitIsBounded) {
  Backoff backoff(100);
  std::uint32_t given = 0;
  while (backoff.Pause()) ++given;
  EXPECT_EQ(given, 100u);
}

}  // namespace
}  // namespace placid
