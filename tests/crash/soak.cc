// SPDX-License-Identifier: Apache-2.0
//
// Kills at random moments: the victim acts again and again at full speed, the
// second party too, both on processors of their own.
#include <unistd.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>

#include "tests/crash/stepper.h"

namespace placid::crash {
namespace {

// A fork takes about as long, so that some victims die before their first act
// and most in the midst of the later ones.
constexpr unsigned kLongestLifeUs = 600;

// Acts until the ledger runs out of room, then waits for the end.
[[noreturn]] void ActForEver(Play& play) {
  Stage& stage = Stage::Get();
  Book().Speak(Who::kVictim);
  play.Prepare(stage.Here());
  while (!Book().IsNearlyFull()) play.Act(stage.Here());
  for (;;) pause();
}

}  // namespace

void Stepper::Soak(std::uint64_t kills, std::uint64_t seed) {
  using Clock = std::chrono::steady_clock;
  Stage& stage = Stage::Get();
  stage.is_soaking = true;
  std::minstd_rand random(static_cast<unsigned>(seed));
  for (std::uint64_t i = 0; i < kills; ++i) {
    const std::unique_ptr<Play> play = Begin();
    const pid_t victim = ForkChild();
    if (victim == 0) ActForEver(*play);
    const auto end =
        Clock::now() + std::chrono::microseconds(random() % kLongestLifeUs);
    const bool is_other_dead = random() % 2 == 0;
    std::string verdict;
    try {
      while (Clock::now() < end) {
        Book().Speak(Who::kOther);
        if (!Book().IsNearlyFull()) play->Other(stage.Here());
      }
    } catch (const std::string& what) {
      verdict = what;
    }
    KillChild(victim);
    ++counts_.sigkills;
    const Image left = stage.Save();
    const std::string where =
        "soak, kill " + std::to_string(i) + " of seed " + std::to_string(seed);
    if (!verdict.empty()) {
      Report(verdict, where, left, first_);
      continue;
    }
    // What the victim itself found wrong before it was killed.
    if (stage.control().verdict[0] != '\0') {
      Report(stage.control().verdict.data(), where, left, first_);
      continue;
    }
    CheckHere(*play, is_other_dead, where, left, first_);
  }
  stage.is_soaking = false;
}

}  // namespace placid::crash
