// SPDX-License-Identifier: Apache-2.0
//
// placid_crash: every scenario, stepped; the counts as a table and as JSON.
#include <sched.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/crash/play.h"
#include "tests/crash/stepper.h"

#ifndef PLACID_CRASH_LEVEL
#define PLACID_CRASH_LEVEL "unknown"
#endif

namespace placid::crash {
namespace {

#ifdef __clang__
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

constexpr const char* kUsage = R"(usage: placid_crash [OPTION...]
  --type TEXT         only types whose name contains it
  --operation TEXT    only operations whose description contains it
  --advance N         how far the second party goes at most (3)
  --recoverers N      how many recoverers die one after the other (2)
  --sigkills N        no stepping: N kills at random moments
  --soak N            after stepping, so many in all (300)
  --seed N            of those moments (random)
  --cpu N             stay on that processor: cheaper forks
  --json FILE         the counts of each type
  --verbose           one line for each operation
)";

struct Arguments {
  Options options;
  std::string type;
  std::string operation;
  std::string json;
  bool only_soak = false;
  std::uint64_t soak = 300;
  std::uint64_t seed = std::random_device()();
  bool is_verbose = false;
};

[[noreturn]] void Usage(int code) {
  std::fputs(kUsage, code == 0 ? stdout : stderr);
  std::exit(code);
}

void StayOn(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(cpu), &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0) {
    std::perror("--cpu");
    std::exit(2);
  }
}

Arguments Parse(const std::vector<std::string>& words) {
  Arguments a;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--verbose") {
      a.is_verbose = true;
      continue;
    }
    if (word == "--help") Usage(0);
    if (++i == words.size()) Usage(2);
    const std::string& value = words[i];
    const auto number = [&] {
      return std::strtoull(value.c_str(), nullptr, 0);
    };
    if (word == "--type") {
      a.type = value;
    } else if (word == "--operation") {
      a.operation = value;
    } else if (word == "--advance") {
      a.options.most_advanced = static_cast<int>(number());
    } else if (word == "--recoverers") {
      a.options.most_recoverers = static_cast<int>(number());
    } else if (word == "--sigkills" || word == "--soak") {
      a.soak = number();
      a.only_soak = word == "--sigkills";
    } else if (word == "--seed") {
      a.seed = number();
    } else if (word == "--cpu") {
      StayOn(static_cast<int>(number()));
    } else if (word == "--json") {
      a.json = value;
    } else {
      Usage(2);
    }
  }
  return a;
}

// "function at file:line", as far as addr2line knows.
std::string Symbol(std::uint64_t pc) {
  std::array<char, 400> text{};
  std::array<char, 300> program{};
  if (readlink("/proc/self/exe", program.data(), program.size() - 1) < 0) {
    return "?";
  }
  std::snprintf(text.data(), text.size(),
                "addr2line -Cfpie '%s' %llx 2> /dev/null", program.data(),
                static_cast<unsigned long long>(pc));
  std::FILE* const pipe = popen(text.data(), "r");
  if (pipe == nullptr) return "?";
  std::string found;
  while (std::fgets(text.data(), text.size(), pipe) != nullptr) {
    found += (found.empty() ? "" : "           ") + std::string(text.data());
  }
  pclose(pipe);
  return found.empty() ? "?\n" : found;
}

void Print(const Scenario& scenario, const Failure& failure) {
  std::printf(
      "UNRECOVERABLE %s: %s\n  verdict  %s\n  death    %s\n  at       0x%llx %s"
      "  changed, since the image before:\n%s",
      scenario.type.c_str(), scenario.operation.c_str(), failure.what.c_str(),
      failure.where.c_str(), static_cast<unsigned long long>(failure.pc),
      Symbol(failure.pc).c_str(), failure.image.c_str());
}

void PrintLine(const char* name, const Counts& c) {
  std::printf("%-14s %8llu %7llu %7llu %7llu %6llu %8llu %7.1f  %llu\n", name,
              static_cast<unsigned long long>(c.kill_points),
              static_cast<unsigned long long>(c.accesses),
              static_cast<unsigned long long>(c.images),
              static_cast<unsigned long long>(c.checks),
              static_cast<unsigned long long>(c.recoveries),
              static_cast<unsigned long long>(c.sigkills), c.seconds,
              static_cast<unsigned long long>(c.unrecoverable));
}

struct TypeCounts {
  std::string type;
  int operations = 0;
  Counts counts;
};

void WriteJson(const Arguments& a, const std::vector<TypeCounts>& types) {
  std::ofstream out(a.json);
  out << "{\"compiler\": \"" << kCompiler << "\", \"optimisation\": \""
      << PLACID_CRASH_LEVEL << "\", \"bounds\": {\"second_party_operations\": "
      << a.options.most_advanced
      << ", \"recoverers_killed\": " << a.options.most_recoverers
      << "}, \"seed\": " << a.seed << ", \"types\": [";
  for (std::size_t i = 0; i < types.size(); ++i) {
    const Counts& c = types[i].counts;
    out << (i == 0 ? "" : ",") << "\n  {\"type\": \"" << types[i].type
        << "\", \"operations\": " << types[i].operations
        << ", \"kill_points\": " << c.kill_points
        << ", \"accesses\": " << c.accesses << ", \"images\": " << c.images
        << ", \"checks\": " << c.checks << ", \"recoveries\": " << c.recoveries
        << ", \"unrecoverable\": " << c.unrecoverable
        << ", \"sigkills\": " << c.sigkills
        << ", \"system_calls\": " << c.system_calls
        << ", \"seconds\": " << c.seconds << "}";
  }
  out << "\n]}\n";
  if (!out.flush()) {
    std::fprintf(stderr, "cannot write %s\n", a.json.c_str());
    std::exit(2);
  }
}

Counts RunOne(const Scenario& scenario, const Arguments& a,
              std::uint64_t kills) {
  const auto begin = std::chrono::steady_clock::now();
  Stepper stepper(scenario, a.options);
  if (!a.only_soak) stepper.Run();
  stepper.Soak(kills, a.seed);
  Counts counts = stepper.counts();
  counts.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  constexpr std::size_t kMostShown = 3;
  const std::vector<Failure>& failures = stepper.failures();
  for (std::size_t i = 0; i < failures.size() && i < kMostShown; ++i) {
    Print(scenario, failures[i]);
  }
  if (failures.size() > kMostShown) {
    std::printf(
        "  ... and %llu more of this operation\n",
        static_cast<unsigned long long>(counts.unrecoverable - kMostShown));
  }
  if (!a.only_soak && counts.images < 2 && counts.unrecoverable == 0) {
    std::printf(
        "UNRECOVERABLE %s: %s\n  verdict  it changes nothing: no play\n",
        scenario.type.c_str(), scenario.operation.c_str());
    ++counts.unrecoverable;
  }
  if (a.is_verbose) PrintLine(scenario.operation.c_str(), counts);
  return counts;
}

int Main(const std::vector<std::string>& words) {
  const Arguments a = Parse(words);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::printf(
      "%s %s, seed %llu; bounds: %d operations of the second party, "
      "%d recoverers killed\n",
      kCompiler, PLACID_CRASH_LEVEL, static_cast<unsigned long long>(a.seed),
      a.options.most_advanced, a.options.most_recoverers);
  std::vector<const Scenario*> chosen;
  for (const Scenario& scenario : Scenarios()) {
    if (scenario.type.find(a.type) != std::string::npos &&
        scenario.operation.find(a.operation) != std::string::npos) {
      chosen.push_back(&scenario);
    }
  }
  if (chosen.empty()) {
    std::fputs("no operation has such a name\n", stderr);
    return 2;
  }
  std::vector<TypeCounts> types;
  Counts all;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    // The kills are dealt out evenly, the remainder to the first.
    const std::uint64_t n = chosen.size();
    const Counts counts =
        RunOne(*chosen[i], a, a.soak / n + (i < a.soak % n ? 1 : 0));
    auto at = types.begin();
    while (at != types.end() && at->type != chosen[i]->type) ++at;
    if (at == types.end()) at = types.insert(at, {chosen[i]->type, 0, {}});
    ++at->operations;
    at->counts += counts;
    all += counts;
  }
  std::printf("%-14s %8s %7s %7s %7s %6s %8s %7s  %s\n", "type", "kills at",
              "accesses", "images", "checks", "recov.", "SIGKILLs", "seconds",
              "unrecoverable");
  for (const TypeCounts& type : types) {
    PrintLine(type.type.c_str(), type.counts);
  }
  PrintLine("all", all);
  if (!a.json.empty()) WriteJson(a, types);
  return all.unrecoverable == 0 ? 0 : 1;
}

}  // namespace
}  // namespace placid::crash

int main(int argc, char** argv) {
  return placid::crash::Main({argv + 1, argv + argc});
}
