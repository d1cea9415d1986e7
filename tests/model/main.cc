// SPDX-License-Identifier: Apache-2.0
//
// model_test [--json FILE] [GoogleTest's flags]
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/model/results.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::string json;
  if (const char* path = std::getenv("PLACID_MODEL_REPORT")) json = path;
  if (argc == 3 && std::string(argv[1]) == "--json") {
    json = argv[2];
  } else if (argc > 1) {
    std::fprintf(stderr, "usage: %s [--json FILE] [--gtest_...]\n", argv[0]);
    return 2;
  }
  const int failed = RUN_ALL_TESTS();
  if (!json.empty() && !placid::model::WriteResults(json)) {
    std::fprintf(stderr, "cannot write %s\n", json.c_str());
    return 1;
  }
  return failed;
}
