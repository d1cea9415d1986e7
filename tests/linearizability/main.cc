// SPDX-License-Identifier: Apache-2.0
//
// linearizability_test [--histories N] [--seed N] [--json FILE] [--gtest_...]
//
// FILE gets a list with one element for each type:
//   {"type": ..., "histories": ..., "overlapping_share": ..., "operations":
//   ...,
//    "violations": ..., "seed": ..., "seconds": ...}
#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "placid/base/platform.h"
#include "tests/linearizability/clock.h"
#include "tests/linearizability/runner.h"
#include "tests/support/seed.h"

namespace placid::linearizability {
namespace {

// ThreadSanitizer is ten times slower.
std::uint64_t histories = kIsTsan ? 3'000 : 30'000;
std::uint64_t seed = 0;

std::map<std::string, Tally>& Tallies() {
  static std::map<std::string, Tally> tallies;
  return tallies;
}

double Share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0
                    : static_cast<double>(part) / static_cast<double>(whole);
}

void Write(const std::string& path) {
  std::ofstream file(path);
  const char* separator = "[\n";
  for (const auto& [type, tally] : Tallies()) {
    file << separator << R"(  {"type": ")" << type << R"(", "histories": )"
         << tally.histories << R"(, "overlapping_share": )"
         << Share(tally.overlapping, tally.histories) << R"(, "operations": )"
         << tally.operations << R"(, "overlapping_operations_share": )"
         << Share(tally.overlapping_operations, tally.operations)
         << R"(, "violations": )" << tally.violations << R"(, "seed": )" << seed
         << R"(, "seconds": )" << tally.seconds << "}";
    separator = ",\n";
  }
  file << (Tallies().empty() ? "[]\n" : "\n]\n");
}

}  // namespace

std::uint64_t Histories() { return histories; }
std::uint64_t Seed() { return seed; }

void Report(const std::string& type, const Tally& tally) {
  std::printf("%s: %" PRIu64 " histories, %.1f %% overlapping; %" PRIu64
              " operations, %.1f %% overlapping; %" PRIu64
              " violations; %.2f s; stamps: %s\n",
              type.c_str(), tally.histories,
              100 * Share(tally.overlapping, tally.histories), tally.operations,
              100 * Share(tally.overlapping_operations, tally.operations),
              tally.violations, tally.seconds, kClock);
  Tally& sum = Tallies()[type];
  sum.histories += tally.histories;
  sum.overlapping += tally.overlapping;
  sum.operations += tally.operations;
  sum.overlapping_operations += tally.overlapping_operations;
  sum.violations += tally.violations;
  sum.seconds += tally.seconds;
}

}  // namespace placid::linearizability

int main(int argc, char** argv) {
  using namespace placid::linearizability;
  testing::InitGoogleTest(&argc, argv);
  std::string json;
  bool is_seed_given = false;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const char* value = i + 1 < argc ? argv[++i] : nullptr;
    if (value != nullptr && name == "--histories") {
      histories = std::strtoull(value, nullptr, 0);
    } else if (value != nullptr && name == "--seed") {
      seed = std::strtoull(value, nullptr, 0);
      is_seed_given = true;
    } else if (value != nullptr && name == "--json") {
      json = value;
    } else {
      std::fprintf(stderr,
                   "usage: %s [--histories N] [--seed N] [--json FILE]\n",
                   argv[0]);
      return 2;
    }
  }
  if (!is_seed_given) seed = placid::testing::DrawSeed();
  const int result = RUN_ALL_TESTS();
  if (!json.empty()) Write(json);
  return result;
}
