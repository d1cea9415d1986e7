// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "peer.h"
#include "tests/support/peer.h"

int main(int argc, char** argv) {
  placid::os::conformance::Steps steps;
  return placid::testing::RunTestsOrPeer(
      argc, argv, [&steps](const std::string& step) { return steps.Do(step); });
}
