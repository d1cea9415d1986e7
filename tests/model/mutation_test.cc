// SPDX-License-Identifier: Apache-2.0
//
// Every order, store and bump of include/placid, weakened, one at a time, at
// run time: a model of its own type must notice each, or kEquivalent says why
// none can. And every access that the text of a header names is met by one.
#include "tests/model/mutation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ostream>
#include <string>
#include <vector>

#include "tests/model/equivalents.h"
#include "tests/model/model.h"
#include "tests/model/results.h"
#include "tests/model/source_orders.h"

namespace placid::model {
namespace {

const std::string kRoot = PLACID_MODEL_HEADERS;  // ends in a slash

// To learn which accesses a model meets; models_test.cc explores the whole.
constexpr double kBaselineSeconds = 1;

struct Type {
  std::string name;
  std::string header;
};
void PrintTo(const Type& type, std::ostream* out) { *out << type.name; }

std::vector<Type> AllTypes() {
  std::vector<Type> types;
  for (const Model& model : AllModels()) {
    const auto is_known =
        std::any_of(types.begin(), types.end(),
                    [&](const Type& type) { return type.name == model.type; });
    if (!is_known) types.push_back({model.type, model.header});
  }
  return types;
}

class MutationTest : public testing::TestWithParam<Type> {};

// Catches an order that no model needs: either the models are too tame or the
// order is too strong, and somebody must say which.
TEST_P(MutationTest, EveryWeakeningIsNoticed) {
  const Type& type = GetParam();
  const auto start = std::chrono::steady_clock::now();
  std::vector<Baseline> baselines;
  for (const Model& model : AllModels()) {
    if (model.type != type.name) continue;
    Options options = model.options;
    options.seconds = kBaselineSeconds;
    const Program program = model.program();
    baselines.push_back({&model, Explore(program, options)});
    ASSERT_FALSE(baselines.back().report.has_failed)
        << model.name << ": " << baselines.back().report.failure;
  }
  const std::vector<OrderUse> uses = UsesIn("/" + type.header, baselines);
  for (const std::string& difference : Differences(kRoot + type.header, uses)) {
    ADD_FAILURE() << difference;
  }
  const std::vector<Verdict> verdicts =
      Mutate(uses, baselines, kEquivalent, 10 * Longer());
  EXPECT_FALSE(verdicts.empty());
  for (const Verdict& verdict : verdicts) {
    std::printf("%s\n", verdict.ToString().c_str());
    EXPECT_EQ(verdict.is_killed, verdict.equivalent == nullptr)
        << verdict.ToString()
        << (verdict.equivalent != nullptr ? "\nis listed as equivalent" : "");
  }
  for (const Equivalent& known : kEquivalent) {
    if (known.file != type.header) continue;
    EXPECT_TRUE(std::any_of(
        verdicts.begin(), verdicts.end(),
        [&](const Verdict& each) { return each.equivalent == &known; }))
        << known.file << ", " << known.function << ", " << known.object << ", "
        << known.change << " is listed as equivalent, but is no mutant (now)";
  }
  AddResult(
      type.name, verdicts,
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
          .count());
}

INSTANTIATE_TEST_SUITE_P(Types, MutationTest, testing::ValuesIn(AllTypes()),
                         [](const testing::TestParamInfo<Type>& test) {
                           return test.param.name;
                         });

// Catches a header whose orders nobody weakens, and a line of kEquivalent about
// a header that is no more.
TEST(SourceOrdersTest, EveryHeaderWithOrdersHasModels) {
  const std::vector<Type> types = AllTypes();
  const auto has_models = [&](const std::string& header) {
    return std::any_of(types.begin(), types.end(),
                       [&](const Type& type) { return type.header == header; });
  };
  const std::vector<std::string> headers = HeadersWithOrders(kRoot);
  EXPECT_FALSE(headers.empty());
  for (const std::string& header : headers) {
    EXPECT_TRUE(has_models(header)) << header << ": no model is of this header";
  }
  for (const Equivalent& known : kEquivalent) {
    EXPECT_TRUE(has_models(known.file)) << known.file;
  }
}

// Catches a scan that is blind: it must tell an access that nobody met, and one
// that was met without being written.
TEST(SourceOrdersTest, UnmetAndUnwrittenOrdersAreTold) {
  const std::string header = kRoot + "primitives/role.h";
  const auto written = OrdersIn(header);
  EXPECT_EQ(std::count_if(written.begin(), written.end(),
                          [](const auto& order) {
                            return order.word == "acquire" ||
                                   order.word == "release" ||
                                   order.word == "bump";
                          }),
            4);
  // Nothing met: each statement's orders are missing.
  EXPECT_GE(Differences(header, {}).size(), 3u);
}

}  // namespace
}  // namespace placid::model
