// SPDX-License-Identifier: Apache-2.0
#include "tests/model/explore.h"

#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>

namespace placid::model {
namespace {

using Clock = std::chrono::steady_clock;
using Choices = std::vector<std::uint16_t>;

// Some megabytes: made once.
Engine& TheEngine() {
  static const auto engine = std::make_unique<Engine>();
  return *engine;
}

std::size_t Deviations(const Choices& choices) {
  std::size_t count = 0;
  for (const std::uint16_t choice : choices) count += choice != 0 ? 1 : 0;
  return count;
}

// Makes a failing execution shorter and plainer: cuts its end off, then takes
// the dull choice wherever it still fails. Any failure will do.
Choices Shrink(Engine& engine, Choices choices, Clock::time_point until) {
  Chooser chooser;
  const auto fails = [&](const Choices& candidate, Choices& taken) {
    chooser.StartReplay(candidate);
    if (engine.Run(chooser, nullptr, nullptr) != Ending::kFailed) return false;
    taken = chooser.taken();
    return true;
  };
  Choices taken;
  bool is_better = true;
  while (is_better && Clock::now() < until) {
    is_better = false;
    for (std::size_t i = choices.size(); i-- > 0 && Clock::now() < until;) {
      if (i >= choices.size() || choices[i] == 0) continue;
      Choices dull = choices;
      dull[i] = 0;
      Choices cut(choices.begin(),
                  choices.begin() + static_cast<std::ptrdiff_t>(i));
      for (const Choices& candidate : {cut, dull}) {
        if (fails(candidate, taken) &&
            Deviations(taken) < Deviations(choices)) {
          choices = taken;
          is_better = true;
          break;
        }
      }
    }
  }
  return choices;
}

class Exploration {
 public:
  Exploration(const Program& program, const Options& options)
      : program_(program),
        options_(options),
        engine_(TheEngine()),
        start_(std::clock()) {
    engine_.Load(program, options);
  }

  Report Run() {
    Walk();
    if (options_.search && !report_.has_failed) Search();
    report_.seconds = Seconds();
    report_.tally = engine_.tally();
    report_.seen = engine_.seen();
    report_.uses = engine_.uses();
    report_.states = states_.size();
    if (report_.has_failed) Explain();
    return std::move(report_);
  }

 private:
  // Of the processor, so that a busy machine explores no less.
  [[nodiscard]] double Seconds() const {
    return static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC;
  }
  bool IsOver() {
    return report_.executions + report_.cut >= options_.max_executions ||
           (++asked_ % 64 == 0 && Seconds() > options_.seconds);
  }
  void NoteFailure() {
    report_.has_failed = true;
    failing_ = chooser_.taken();
  }

  void Walk() {
    for (std::uint64_t i = 0; i < options_.walks && !IsOver(); ++i) {
      chooser_.StartWalk(options_.seed * 1'000'003 + i);
      const Ending ending = engine_.Run(chooser_, nullptr, nullptr);
      ++report_.executions;
      ++report_.walks;
      if (ending == Ending::kFailed) return NoteFailure();
    }
  }

  void Search() {
    auto* states = options_.cache ? &states_ : nullptr;
    chooser_.StartSearch();
    for (;;) {
      const Ending ending = engine_.Run(chooser_, states, nullptr);
      if (ending == Ending::kFailed) return NoteFailure();
      if (ending == Ending::kRelearn) {
        states_.clear();
        chooser_.StartSearch();
        continue;
      }
      ++(ending == Ending::kSeen ? report_.cut : report_.executions);
      if (!chooser_.NextBranch()) {
        report_.is_complete = true;
        return;
      }
      if (IsOver()) return;
    }
  }

  void Explain() {
    if (options_.mutant == nullptr) {
      failing_ = Shrink(engine_, std::move(failing_),
                        Clock::now() + std::chrono::seconds(5));
    }
    chooser_.StartReplay(failing_);
    Trace trace;
    engine_.Run(chooser_, nullptr, &trace);
    report_.failure = engine_.failure();
    if (options_.mutant == nullptr) report_.trace = trace.ToString(program_);
  }

  const Program& program_;
  const Options& options_;
  Engine& engine_;
  std::clock_t start_;
  Chooser chooser_;
  std::unordered_set<std::uint64_t> states_;
  Choices failing_;
  std::uint64_t asked_ = 0;
  Report report_;
};

}  // namespace

Report Explore(const Program& program, const Options& options) {
  return Exploration(program, options).Run();
}

std::string Report::ToString(const Options& options) const {
  const char* extent = is_complete      ? "exhaustive"
                       : options.search ? "BOUNDED"
                                        : "walks only";
  std::string switches;
  if (options.max_switches >= 0) {
    switches = ", at most " + std::to_string(options.max_switches) +
               " forced switches";
  }
  char text[512];
  std::snprintf(
      text, sizeof(text),
      "%s, %s%s: %" PRIu64 " executions (%" PRIu64 " random, seed %" PRIu64
      "), %" PRIu64 " cut, %" PRIu64 " states, %" PRIu64
      " deaths (at most %d "
      "each), %" PRIu64 " stale loads, %" PRIu64 " early stores, %" PRIu64
      " stale failures, %.2f s (at most %.0f)",
      has_failed ? "FAILED" : "ok", extent, switches.c_str(), executions, walks,
      options.seed, cut, states, tally.deaths, options.deaths,
      tally.stale_loads, tally.early_stores, tally.stale_failures, seconds,
      options.seconds);
  return text;
}

}  // namespace placid::model
