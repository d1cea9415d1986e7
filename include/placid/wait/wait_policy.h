// SPDX-License-Identifier: Apache-2.0
//
// WaitPolicy: how long a waiter looks again and again before it sleeps.
//
// A sleep and its wake cost some 20 us here, most of it the publisher's, so
// what comes within that time is better spun for, and what comes later is not.
// Spins are bounded by the clock and never by a number: a pause takes 5 to 60
// ns by processor. The adaptive policy expects of the next wait what the last
// ones took (competitive spinning: Karlin et al., "Empirical Studies of
// Competitive Spinning for a Shared-Memory Multiprocessor", 1991, with their
// mean for the distribution).
#ifndef PLACID_WAIT_WAIT_POLICY_H_
#define PLACID_WAIT_WAIT_POLICY_H_

#include <algorithm>
#include <cstdint>

namespace placid {

struct WaitPolicy {
  // Always spun for: a publish that is under way.
  std::int64_t least_spin_ns = 2'000;
  // Never spun for longer: twice what a sleep and a wake cost.
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
    return (std::min)((std::max)(2 * mean_ns_, policy_.least_spin_ns),
                      policy_.most_spin_ns);
  }

  // A wait has taken so long, a sleep's own cost included.
  constexpr void Learn(std::int64_t took_ns, bool has_slept) {
    if (has_slept) took_ns -= policy_.most_spin_ns / 2;
    // One long silence is forgotten after a few short waits.
    took_ns = (std::max)(std::int64_t{0},
                         (std::min)(took_ns, 8 * policy_.most_spin_ns));
    mean_ns_ += (took_ns - mean_ns_) / 8;
  }

  [[nodiscard]] constexpr const WaitPolicy& policy() const { return policy_; }

 private:
  WaitPolicy policy_;
  std::int64_t mean_ns_ = 0;
};

}  // namespace placid

#endif  // PLACID_WAIT_WAIT_POLICY_H_
