// SPDX-License-Identifier: Apache-2.0
//
// Mutation: each order, store and bump of a header weakened, one at a time, at
// run time, and whether a model notices.
#ifndef PLACID_TESTS_MODEL_MUTATION_H_
#define PLACID_TESTS_MODEL_MUTATION_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/model/explore.h"
#include "tests/model/model.h"
#include "tests/model/site.h"

namespace placid::model {

// A weakening that changes no outcome, and why the order stands there all the
// same. Named by where it stands, not by its line, which moves.
struct Equivalent {
  const char* file;      // the end of its path
  const char* function;  // the last function that begins above it
  const char* object;    // which word
  const char* change;
  int which;  // of those that the rest names alike; 0 is the first
  const char* reason;
};

// A model as it stands, explored.
struct Baseline {
  const Model* model;
  Report report;
};

struct Verdict {
  Mutant mutant;
  bool is_killed = false;
  const Equivalent* equivalent = nullptr;  // where it is listed
  std::string by;                          // the model that noticed, and what
  std::uint64_t executions = 0;            // that it took
  [[nodiscard]] std::string ToString() const;  // one line
};

// What was met in files whose path ends in `file`, once each, by line.
std::vector<OrderUse> UsesIn(const std::string& file,
                             std::span<const Baseline> baselines);

// Tries every mutant of these uses against every model that meets it: some
// random walks, then a search of `seconds` (less for a listed equivalent).
std::vector<Verdict> Mutate(const std::vector<OrderUse>& uses,
                            std::span<const Baseline> baselines,
                            std::span<const Equivalent> equivalents,
                            double seconds = 10);

// "acquire -> relaxed", "left out"
std::string Change(const Mutant& mutant);

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_MUTATION_H_
