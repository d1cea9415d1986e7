// SPDX-License-Identifier: Apache-2.0
//
// WaitPolicy: how long a waiter looks again and again before it sleeps.
//
// A sleep and its wake cost some 50 us here: 20 to 30 of latency, as much of the
// waiter's processor, 10 of the publisher's. So what comes within that time is
// better spun for, and what comes later is not. Spins are bounded by the clock
// and never by a number: a pause takes 5 to 60 ns by processor. The adaptive
// policy expects of the next wait what the last ones took (competitive spinning:
// Karlin et al., "Empirical Studies of Competitive Spinning for a Shared-Memory
// Multiprocessor", 1991, with their mean for the distribution).
//
// `./run bench --policies` measures it beside sleeping at once, never sleeping
// and other constants, for messages at fixed times, at random and in bursts. In
// each run, on a loaded machine, one of those made a difference: how many times
// the mean is spun for. Where messages come every 5 us at random, twice the mean
// slept for 6 to 8 in 100 and four times for 1: of exponential times one in
// seven is longer than twice their mean, one in fifty than four times.
#ifndef PLACID_WAIT_WAIT_POLICY_H_
#define PLACID_WAIT_WAIT_POLICY_H_

#include <algorithm>
#include <cstdint>

namespace placid {

struct WaitPolicy {
  // Always spun for: a publish that is under way.
  std::int64_t least_spin_ns = 2'000;
  // Never spun for longer: what a sleep and a wake cost all together.
  std::int64_t most_spin_ns = 50'000;
  // Between the two, as long as recent waits make one expect; else the most.
  bool is_adaptive = true;
  // Then it lets others have the processor so often before it sleeps.
  int yields = 1;

  // Sleeps at once: no time of a processor's, most latency.
  [[nodiscard]] static constexpr WaitPolicy Park() {
    return {.least_spin_ns = 0,
            .most_spin_ns = 0,
            .is_adaptive = false,
            .yields = 0};
  }
};

// What one waiter has learnt of its waits.
class SpinBudget {
 public:
  explicit constexpr SpinBudget(WaitPolicy policy) : policy_(policy) {}

  // How long to spin now.
  [[nodiscard]] constexpr std::int64_t Next() const {
    if (!policy_.is_adaptive) return policy_.most_spin_ns;
    // Where sleeping is to be expected, it may as well begin at once.
    if (mean_ns_ > policy_.most_spin_ns) return policy_.least_spin_ns;
    return (std::min)((std::max)(kMeans * mean_ns_, policy_.least_spin_ns),
                      policy_.most_spin_ns);
  }

  // A wait has taken so long, a sleep's own cost included.
  constexpr void Learn(std::int64_t took_ns, bool has_slept) {
    // The half of that cost which is latency.
    if (has_slept) took_ns -= policy_.most_spin_ns / 2;
    // One long silence is forgotten after a few short waits.
    took_ns = (std::max)(std::int64_t{0},
                         (std::min)(took_ns, 8 * policy_.most_spin_ns));
    mean_ns_ += (took_ns - mean_ns_) / 8;
  }

  [[nodiscard]] constexpr const WaitPolicy& policy() const { return policy_; }

 private:
  static constexpr std::int64_t kMeans = 4;  // measured: see above

  WaitPolicy policy_;
  std::int64_t mean_ns_ = 0;
};

}  // namespace placid

#endif  // PLACID_WAIT_WAIT_POLICY_H_
