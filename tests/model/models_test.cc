// SPDX-License-Identifier: Apache-2.0
//
// Every registered model, explored as the headers stand.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ostream>
#include <string>

#include "tests/model/model.h"
#include "tests/model/results.h"

namespace placid::model {

void PrintTo(const Model& model, std::ostream* out) {
  *out << model.type << "." << model.name;
}

double Longer() {
  const char* given = std::getenv("PLACID_MODEL_LONG");
  const double factor = given == nullptr ? 1 : std::atof(given);
  return factor > 0 ? factor : 1;
}

namespace {

class ModelTest : public testing::TestWithParam<Model> {};

// Catches what the model's own checks name: a lost, torn, repeated or reordered
// value, a data race, a wait without end; and a pass that shows nothing.
TEST_P(ModelTest, HoldsInEveryExecution) {
  const Model& model = GetParam();
  const Program program = model.program();
  Options options = model.options;
  options.seconds *= Longer();
  if (Longer() > 1) options.max_switches = -1;  // then there is time for all
  options.walks =
      static_cast<std::uint64_t>(static_cast<double>(options.walks) * Longer());
  const Report report = Explore(program, options);
  std::printf("%s.%s: %s\n", model.type.c_str(), model.name.c_str(),
              report.ToString(options).c_str());
  AddResult(model, program, options, report);
  EXPECT_FALSE(report.has_failed) << report.failure << "\n" << report.trace;
  EXPECT_GT(report.executions, 0u);
  if (options.deaths > 0) {
    EXPECT_GT(report.tally.deaths, 0u);
  }
  if (report.has_failed) return;
  for (const std::string& what : model.must_see) {
    EXPECT_TRUE(report.seen.contains(what)) << "never seen: " << what;
  }
  if (!report.is_complete) return;
  // Whatever the cache cut off may not hide anything: a little of the search
  // without it, and random walks, find nothing that was not seen.
  for (const bool search : {false, true}) {
    Options check = model.options;
    check.cache = false;
    check.search = search;
    check.walks = search ? 0 : static_cast<std::uint64_t>(2000 * Longer());
    check.max_executions = static_cast<std::uint64_t>(5000 * Longer());
    const Report other = Explore(program, check);
    EXPECT_FALSE(other.has_failed) << other.failure << "\n" << other.trace;
    EXPECT_TRUE(std::includes(report.seen.begin(), report.seen.end(),
                              other.seen.begin(), other.seen.end()));
  }
}

INSTANTIATE_TEST_SUITE_P(All, ModelTest, testing::ValuesIn(AllModels()),
                         [](const testing::TestParamInfo<Model>& test) {
                           return test.param.type + "_" + test.param.name;
                         });

}  // namespace
}  // namespace placid::model
