// SPDX-License-Identifier: Apache-2.0
//
// Explore: all executions of a program within its bounds, and what was found.
#ifndef PLACID_TESTS_MODEL_EXPLORE_H_
#define PLACID_TESTS_MODEL_EXPLORE_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tests/model/engine.h"
#include "tests/model/program.h"

namespace placid::model {

struct Report {
  bool has_failed = false;
  std::string failure;  // why
  std::string trace;    // the shortest execution found that fails so

  // Every execution within the bounds on deaths and steps was explored.
  bool is_complete = false;
  std::uint64_t executions = 0;  // that ran to their end
  std::uint64_t walks = 0;       // how many of them were random
  std::uint64_t cut = 0;         // ended in a state seen before
  std::uint64_t states = 0;
  double seconds = 0;
  Tally tally;
  std::set<std::string> seen;
  std::vector<OrderUse> uses;  // each order of each site that was met

  // One line: the verdict, the counts and the bounds.
  [[nodiscard]] std::string ToString(const Options& options) const;
};

// Random walks first (Options::walks), then depth first (Options::search) until
// all is explored or a bound is reached. Stops at the first failure.
Report Explore(const Program& program, const Options& options);

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_EXPLORE_H_
