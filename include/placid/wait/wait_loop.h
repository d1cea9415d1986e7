// SPDX-License-Identifier: Apache-2.0
//
// WaitLoop: what Waiter and WaitSet have in common: try, spin, yield, sleep, as
// a policy says, until there is an answer.
#ifndef PLACID_WAIT_WAIT_LOOP_H_
#define PLACID_WAIT_WAIT_LOOP_H_

#include <cstdint>
#include <optional>
#include <thread>
#include <type_traits>

#include "placid/base/atomic.h"
#include "placid/base/platform.h"
#include "placid/base/retry.h"
#include "placid/base/stop.h"
#include "placid/os/futex.h"
#include "placid/wait/deadline.h"
#include "placid/wait/wait_policy.h"

namespace placid {

enum class WaitEnd : std::uint8_t {
  kAnswered,  // the last try is one to go by: see its result
  kTimedOut,  // the last try came after the deadline, in vain
  kStopped,   // somebody asked us to stop, and the last try was in vain
};

template <typename R>
struct [[nodiscard]] Waited {
  WaitEnd end;
  R result;  // of the last try
};

// A Sleeper arms, so that whoever publishes later wakes it; sleeps until
// somebody did, for a slice at most; and disarms. wake() of what Waker() gives
// ends its sleep from another thread. A Budget says how long to spin, as
// SpinBudget does.
template <typename Sleeper, typename Budget = SpinBudget>
class WaitLoop {
 public:
  explicit WaitLoop(Budget budget) : budget_(budget) {}

  // Calls `attempt` until it gives an answer, at least once.
  template <typename Attempt>
  PLACID_ALWAYS_INLINE auto Until(Sleeper& sleeper, Attempt& attempt,
                                  Deadline deadline, const StopToken& stop)
      -> Waited<std::invoke_result_t<Attempt&>> {
    auto result = attempt();
    if (RetryAfter(result) == Retry::kNever) [[likely]] {
      return {WaitEnd::kAnswered, result};
    }
    return Wait(sleeper, attempt, result, deadline, stop);
  }

 private:
  static constexpr int kTriesPerLook = 4;  // at the clock

  template <typename Attempt, typename R>
  PLACID_NEVER_INLINE Waited<R> Wait(Sleeper& sleeper, Attempt& attempt,
                                     R result, Deadline deadline,
                                     const StopToken& stop);

  Budget budget_;
};

// ---- Implementation ---------------------------------------------------------

template <typename Sleeper, typename Budget>
template <typename Attempt, typename R>
Waited<R> WaitLoop<Sleeper, Budget>::Wait(Sleeper& sleeper, Attempt& attempt,
                                          R result, Deadline deadline,
                                          const StopToken& stop) {
  const auto wake = sleeper.Waker();
  std::optional<StopCallback<decltype(sleeper.Waker())>> on_stop;
  const std::int64_t began_ns = os::MonotonicNow();
  const std::int64_t spin_until_ns = began_ns + budget_.Next();
  int yields_left = budget_.policy().yields;
  bool has_slept = false;
  const auto try_again = [&] {
    result = attempt();
    return RetryAfter(result) == Retry::kNever;
  };
  const auto answered = [&]() -> Waited<R> {
    budget_.Learn(os::MonotonicNow() - began_ns, has_slept);
    return {WaitEnd::kAnswered, result};
  };

  for (std::int64_t now_ns = began_ns;; now_ns = os::MonotonicNow()) {
    if (stop.stop_requested()) return {WaitEnd::kStopped, result};
    if (deadline.IsOver(now_ns)) return {WaitEnd::kTimedOut, result};
    if (now_ns < spin_until_ns) {
      for (int i = 0; i < kTriesPerLook; ++i) {
        machine::Pause();
        if (try_again()) return answered();
      }
      continue;
    }
    if (yields_left > 0 || RetryAfter(result) == Retry::kSoon) {
      --yields_left;
      std::this_thread::yield();
      if (try_again()) return answered();
      continue;
    }
    // Before we arm: a request from then on wakes us.
    if (!on_stop && stop.stop_possible()) on_stop.emplace(stop, wake);
    sleeper.Arm();
    const bool is_answered = try_again();
    const bool sleeps = !is_answered && !stop.stop_requested() &&
                        RetryAfter(result) != Retry::kSoon;
    if (sleeps) sleeper.Sleep(deadline.monotonic_ns());
    sleeper.Disarm();
    has_slept = has_slept || sleeps;
    if (is_answered || (sleeps && try_again())) return answered();
  }
}

}  // namespace placid

#endif  // PLACID_WAIT_WAIT_LOOP_H_
