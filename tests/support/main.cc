// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/support/finish.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  return placid::testing::Finish(RUN_ALL_TESTS());
}
