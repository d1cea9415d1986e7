// SPDX-License-Identifier: Apache-2.0
//
// RunHistories: many short histories of two threads, each checked.
//
// A Scenario is the object and what is done with it:
//
//   using Spec = ...;
//   void Prepare(Random& random);    // the next history; one thread
//   const Spec& spec();              // after Prepare
//   Spec::State initial();           // after Prepare
//   void Act(int who, Recorder<Spec::Event>& log);  // both threads at once
//
// The threads are pinned to two processors and set off together, after a few
// pauses that differ from history to history. What overlapped is counted.
#ifndef PLACID_TESTS_LINEARIZABILITY_RUNNER_H_
#define PLACID_TESTS_LINEARIZABILITY_RUNNER_H_

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <thread>

#include "placid/base/atomic.h"
#include "tests/linearizability/checker.h"
#include "tests/linearizability/pin.h"
#include "tests/linearizability/recorder.h"

namespace placid::linearizability {

using Random = std::minstd_rand;

// One of `count` numbers from 0.
inline std::uint32_t Draw(Random& random, std::uint32_t count) {
  return static_cast<std::uint32_t>(random() >> 4) % count;
}

// Where counters begin: at 0, or soon before they need another bit or wrap.
inline std::uint64_t DrawStart(Random& random, std::uint64_t unit) {
  static constexpr std::array<std::uint64_t, 4> kEnds = {
      0, std::uint64_t{1} << 32, std::uint64_t{1} << 63, 0};
  const std::uint32_t which = Draw(random, 4);
  if (which == 0) return 0;
  return kEnds[which] - (1 + Draw(random, 12)) * unit;
}

// Waits until `word` is `value`; gives the processor away now and then, since
// the other thread may need it.
inline void AwaitValue(const std::atomic<std::uint64_t>& word,
                       std::uint64_t value) {
  for (int spins = 0; word.load(std::memory_order_acquire) != value;) {
    if (++spins % 4096 == 0) {
      std::this_thread::yield();
    } else {
      machine::Pause();
    }
  }
}

struct Tally {
  std::uint64_t histories = 0;
  std::uint64_t overlapping = 0;  // histories in which operations overlapped
  std::uint64_t operations = 0;
  std::uint64_t overlapping_operations = 0;
  std::uint64_t violations = 0;
  double seconds = 0;
};

// How many histories a test runs, and with which seed (printed).
std::uint64_t Histories();
std::uint64_t Seed();

// Prints a line and keeps it for the report.
void Report(const std::string& type, const Tally& tally);

template <typename Scenario>
class Pair {
 public:
  using Spec = typename Scenario::Spec;

  Tally Run(std::uint64_t histories, std::uint64_t seed) {
    Tally tally;
    const auto start = std::chrono::steady_clock::now();
    Random random(static_cast<unsigned>(seed));
    std::thread other([this] { Follow(); });
    PinThisThread(0);
    while (tally.histories < histories && tally.violations == 0) {
      scenario_.Prepare(random);
      for (auto& pauses : pauses_) pauses = Draw(random, 64);
      go_.store(++tally.histories, std::memory_order_release);
      AwaitValue(ready_, tally.histories);
      Act(0);
      AwaitValue(done_, tally.histories);
      Judge(tally);
    }
    go_.store(kEnd, std::memory_order_release);
    other.join();
    UnpinThisThread();
    tally.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    return tally;
  }

 private:
  static constexpr std::uint64_t kEnd = UINT64_MAX;

  // The other thread.
  void Follow() {
    PinThisThread(1);
    for (std::uint64_t history = 1;; ++history) {
      for (int spins = 0;; ++spins) {
        const std::uint64_t go = go_.load(std::memory_order_acquire);
        if (go == kEnd) return;
        if (go == history) break;
        if (spins % 4096 == 4095) std::this_thread::yield();
        machine::Pause();
      }
      ready_.store(history, std::memory_order_release);
      Act(1);
      done_.store(history, std::memory_order_release);
    }
  }

  void Act(int who) {
    auto& log = logs_[static_cast<std::size_t>(who)];
    log.Clear();
    for (std::uint32_t i = pauses_[static_cast<std::size_t>(who)]; i > 0; --i) {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    scenario_.Act(who, log);
  }

  void Judge(Tally& tally) {
    const auto& mine = logs_[0].operations();
    const auto& others = logs_[1].operations();
    const std::uint64_t overlapping =
        CountOverlapping(mine, others) + CountOverlapping(others, mine);
    tally.operations += mine.size() + others.size();
    tally.overlapping_operations += overlapping;
    tally.overlapping += overlapping > 0 ? 1 : 0;
    if (!checker_.IsLinearizable(scenario_.spec(), scenario_.initial(),
                                 {&logs_[0].events(), &logs_[1].events()})) {
      ++tally.violations;
      ADD_FAILURE() << "history " << tally.histories
                    << " has no order that the type permits:\n"
                    << checker_.Explain();
    }
  }

  Scenario scenario_;
  std::array<Recorder<typename Spec::Event>, 2> logs_;
  std::array<std::uint32_t, 2> pauses_{};
  Checker<Spec> checker_;
  alignas(128) std::atomic<std::uint64_t> go_{0};
  alignas(128) std::atomic<std::uint64_t> ready_{0};
  alignas(128) std::atomic<std::uint64_t> done_{0};
};

// All histories of a test. Fails on a violation, and where nothing overlaps
// although there are processors to do so: such a pass would show nothing.
template <typename Scenario>
void RunHistories(const std::string& type, std::uint64_t seed) {
  Pair<Scenario> pair;
  const Tally tally = pair.Run(Histories(), seed);
  Report(type, tally);
  EXPECT_EQ(tally.violations, 0u);
  EXPECT_GT(tally.histories, 0u);
  if (std::thread::hardware_concurrency() > 1) {
    EXPECT_GT(tally.overlapping, tally.histories / 100);
  }
}

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_RUNNER_H_
