// SPDX-License-Identifier: Apache-2.0
//
// Results: what this run of model_test showed for each type, for those who read
// it by machine: model_test --json FILE, or PLACID_MODEL_REPORT=FILE.
//
//   [{"type": "Seqlock", "models": 9, "models_exhaustive": 9,
//     "executions": ..., "states": ..., "deaths": ..., "mutants": ...,
//     "mutants_killed": ..., "mutants_equivalent": ..., "bounds": "...",
//     "seconds": ...}, ...]
#ifndef PLACID_TESTS_MODEL_RESULTS_H_
#define PLACID_TESTS_MODEL_RESULTS_H_

#include <span>
#include <string>

#include "tests/model/explore.h"
#include "tests/model/model.h"
#include "tests/model/mutation.h"

namespace placid::model {

// A model was explored.
void AddResult(const Model& model, const Program& program,
               const Options& options, const Report& report);

// The mutants of a type's header were tried, which took so long.
void AddResult(const std::string& type, std::span<const Verdict> verdicts,
               double seconds);

// All that was added. False: the file cannot be written.
bool WriteResults(const std::string& path);

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_RESULTS_H_
