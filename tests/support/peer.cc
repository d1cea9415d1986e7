// SPDX-License-Identifier: Apache-2.0
#include "tests/support/peer.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/finish.h"

namespace placid::testing {

std::vector<std::string> peer_command;

int RunTestsOrPeer(int argc, char** argv, const StepFunction& step) {
  if (argc < 2 || argv[1] != std::string_view("--peer")) {
    peer_command = {argv[0]};
    if (const char* const given = std::getenv("PLACID_PEER")) {
      std::istringstream words(given);
      peer_command.assign(std::istream_iterator<std::string>(words), {});
    }
    ::testing::InitGoogleTest(&argc, argv);
    return Finish(RUN_ALL_TESTS());
  }
  // Tests have it die of a fault: without a sanitizer's report.
  std::signal(SIGSEGV, SIG_DFL);
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    std::cout << step(line) << std::endl;
    if (line == "exit") break;
  }
  return Finish(0);
}

}  // namespace placid::testing
