// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_TESTS_OS_LINUX_IN_CHILD_H_
#define PLACID_TESTS_OS_LINUX_IN_CHILD_H_

#include "gtest/gtest.h"
#include "tests/support/child.h"

namespace placid::os {

// Runs the part of a test that spoils its process: limits, users, signals.
template <typename F>
void InChild(F f) {
  placid::testing::Child child(f);
  EXPECT_TRUE(child.EndsWell()) << "what failed in the child stands above";
}

}  // namespace placid::os

#endif  // PLACID_TESTS_OS_LINUX_IN_CHILD_H_
