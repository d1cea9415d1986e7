// SPDX-License-Identifier: Apache-2.0
//
// What the benchmarks share: pinned threads, interleaved rounds, ratios with
// their uncertainty, and a report for people and one for machines.
//
// Figures of one run are compared with one another only: on a shared machine
// absolute ones drift by more than most differences. So each row runs its
// candidates in turn, many times, and reports the median of the ratios of
// neighbouring runs with a bootstrap interval (Efron, "Bootstrap Methods", 1979).
#ifndef PLACID_BENCH_HARNESS_H_
#define PLACID_BENCH_HARNESS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/cache_line.h"

namespace placid::bench {

// Binds the calling thread to core `core` modulo the cores there are.
void PinTo(unsigned core);

// What several threads touch while the clock runs, on lines of its own: beside
// what one thread alone writes all the time, each look at it would cost them
// both a line's journey, and which neighbours it has is the compiler's choice.
template <typename T>
struct alignas(kLineBytes) Apart {
  T value{};
  T& operator*() { return value; }
  T* operator->() { return &value; }
};

// Seconds of a monotonic clock.
double Now();

// How many threads have wanted a core in the last minute.
double LoadAverage();

// Keeps the compiler from dropping what led to `value`.
template <typename T>
inline void Keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

// The same work done by one library: run once, returns units per second.
struct Candidate {
  std::string name;
  std::string promises;  // what it gives that others do not, and the reverse
  std::function<double()> run;
};

struct Row {
  std::string name;
  std::string unit;     // of the figures: "M/s"
  double scale = 1e-6;  // from units per second to that
  double target = 0;    // of ours over the first peer; 0: only reported
  std::string note{};
  // Ours, the peer it is measured by, then others for comparison.
  std::vector<Candidate> candidates{};
};

// Times of single operations, in nanoseconds, for rows where less is better.
struct LatencyCandidate {
  std::string name;
  std::function<std::vector<double>()> run;
};

struct LatencyRow {
  std::string name;
  double target = 0;  // of our p50 over the floor's: at most; 0: only reported
  std::string note;
  // Ours first, then the floor, then peers.
  std::vector<LatencyCandidate> candidates;
};

class Report {
 public:
  // `rounds`: pairs per row. The recommended least is 21. Rows whose name does
  // not contain `only` are passed over.
  explicit Report(int rounds, std::string only = "")
      : rounds_(rounds), only_(std::move(only)) {}

  void Run(const Row& row);
  void Run(const LatencyRow& row);

  // Writes what was measured. False, with a message, where a file cannot be.
  [[nodiscard]] bool WriteTo(const std::string& stem) const;
  [[nodiscard]] int missed() const { return missed_; }

 private:
  struct Figure {
    std::string name;
    double ratio, low, high, target;
    bool met;
    std::string note;
  };
  void Add(const std::string& name, const std::vector<double>& ratios,
           double target, bool less_is_better, const std::string& note);
  [[nodiscard]] bool IsWanted(const std::string& name) const {
    return name.find(only_) != std::string::npos;
  }

  int rounds_;
  std::string only_;
  int missed_ = 0;
  std::vector<Figure> figures_;
  std::string text_;
};

}  // namespace placid::bench

#endif  // PLACID_BENCH_HARNESS_H_
