// SPDX-License-Identifier: Apache-2.0
#include "tests/model/results.h"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <map>

namespace placid::model {
namespace {

struct Result {
  std::uint64_t models = 0;
  std::uint64_t exhaustive = 0;
  std::uint64_t executions = 0;
  std::uint64_t states = 0;
  std::uint64_t deaths = 0;
  std::uint64_t mutants = 0;
  std::uint64_t killed = 0;
  std::uint64_t equivalent = 0;
  double seconds = 0;
  // Bounds: the most of any model.
  std::size_t threads = 0;
  int operations = 0;
  int deaths_each = 0;
  int switches = 0;  // where it is bounded
  std::uint64_t switch_bounded = 0;
  double time_bound = 0;  // where one was reached
};

std::map<std::string, Result>& All() {
  static std::map<std::string, Result> results;
  return results;
}

std::string Bounds(const Result& result) {
  std::string text =
      "threads: " + std::to_string(result.threads) +
      ", operations of each: " + std::to_string(result.operations) +
      ", deaths: " + std::to_string(result.deaths_each);
  if (result.switch_bounded > 0) {
    text += ", forced switches: " + std::to_string(result.switches) + " in " +
            std::to_string(result.switch_bounded) + " of " +
            std::to_string(result.models) + " models";
  }
  if (result.exhaustive < result.models) {
    text += ", NOT exhaustive in " +
            std::to_string(static_cast<int>(result.time_bound)) +
            " s: " + std::to_string(result.models - result.exhaustive) +
            " of " + std::to_string(result.models) + " models";
  }
  return text;
}

}  // namespace

void AddResult(const Model& model, const Program& program,
               const Options& options, const Report& report) {
  Result& result = All()[model.type];
  ++result.models;
  result.exhaustive += report.is_complete ? 1 : 0;
  result.executions += report.executions;
  result.states += report.states;
  result.deaths += report.tally.deaths;
  result.seconds += report.seconds;
  result.threads = std::max(result.threads, program.threads.size());
  result.operations =
      std::max(result.operations, report.tally.thread_operations);
  result.deaths_each = std::max(result.deaths_each, options.deaths);
  if (options.max_switches >= 0) {
    ++result.switch_bounded;
    result.switches = std::max(result.switches, options.max_switches);
  }
  if (!report.is_complete) {
    result.time_bound = std::max(result.time_bound, options.seconds);
  }
}

void AddResult(const std::string& type, std::span<const Verdict> verdicts,
               double seconds) {
  Result& result = All()[type];
  result.seconds += seconds;
  for (const Verdict& verdict : verdicts) {
    ++result.mutants;
    result.killed += verdict.is_killed ? 1 : 0;
    result.equivalent += !verdict.is_killed && verdict.equivalent ? 1 : 0;
  }
}

bool WriteResults(const std::string& path) {
  std::string json = "[";
  for (const auto& [type, result] : All()) {
    if (json.size() > 1) json += ",";
    json += "\n  {\"type\": \"" + type + "\"";
    const auto add = [&](const char* key, std::uint64_t value) {
      json += std::string(", \"") + key + "\": " + std::to_string(value);
    };
    add("models", result.models);
    add("models_exhaustive", result.exhaustive);
    add("executions", result.executions);
    add("states", result.states);
    add("deaths", result.deaths);
    add("mutants", result.mutants);
    add("mutants_killed", result.killed);
    add("mutants_equivalent", result.equivalent);
    json += ", \"bounds\": \"" + Bounds(result) +
            "\", \"seconds\": " + std::to_string(result.seconds) + "}";
  }
  std::ofstream file(path);
  file << json << "\n]\n";
  return file.good();
}

}  // namespace placid::model
