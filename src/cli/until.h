// SPDX-License-Identifier: Apache-2.0
//
// Until: how the thread that moves bytes waits.
#ifndef PLACID_SRC_CLI_UNTIL_H_
#define PLACID_SRC_CLI_UNTIL_H_

#include <chrono>
#include <cstdint>

#include "placid/wait/deadline.h"
#include "placid/wait/wait_loop.h"
#include "placid/wait/wait_set.h"

namespace placid::cli {

// Calls `attempt` until it is true. Sleeps until a peer notifies or somebody
// wakes us; looks again once a second, for should the peer die before it can
// ring, whoever is told of deaths will wake us.
template <typename Attempt>
void Until(WaitSet& waiting, Attempt&& attempt) {
  // The slices of a WaitSet at first, since a peer that has just come may not be
  // followed yet: longer than an attendant takes to find it.
  constexpr std::chrono::milliseconds kInSlices{600};
  constexpr std::int64_t kLongSliceNs = 1'000'000'000;
  Deadline end = Deadline::After(kInSlices);
  while (waiting.Until(attempt, end).end != WaitEnd::kAnswered) {
    waiting.Arm();
    const bool is_answered = attempt();
    const bool is_rung =
        !is_answered &&
        waiting.Sleep(Deadline::Never().monotonic_ns(), kLongSliceNs);
    waiting.Disarm();
    if (is_answered) return;
    end = Deadline::After(is_rung ? kInSlices : std::chrono::milliseconds(0));
  }
}

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_UNTIL_H_
