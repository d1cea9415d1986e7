// SPDX-License-Identifier: Apache-2.0
//
// Waiter: makes anything that tries and returns at once wait for others.
//
//   Waiter waiter(pushed);  // an EventCount that producers notify
//   const auto popped = waiter.Until([&] { return consumer.TryPop(value); },
//                                    Deadline::After(1s), stop_token);
//   if (popped.end == WaitEnd::kAnswered) ...  // popped.result: kOk, kClosed,
//   ..
//
// It spins, yields and then sleeps, as its policy says (wait_policy.h). What
// must be tried again, and when, is for the result's type to say
// (base/retry.h): a RingResult's kEmpty, kFull and kPending are waited for, all
// else is an answer.
#ifndef PLACID_WAIT_WAITER_H_
#define PLACID_WAIT_WAITER_H_

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
#include "placid/wait/event_count.h"
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

// For one thread at a time.
class Waiter {
 public:
  explicit Waiter(EventCount event, WaitPolicy policy = {})
      : event_(event), sleeper_(event.MakeSleeper()), budget_(policy) {}

  // Calls `attempt` until it gives an answer, at least once. Whoever lets it
  // succeed notifies the event count after that; who fails to, or dies before,
  // costs one slice (EventCount::kSliceNs). A request to stop is seen at once.
  template <typename Attempt>
  PLACID_ALWAYS_INLINE auto Until(Attempt&& attempt,
                                  Deadline deadline = Deadline::Never(),
                                  const StopToken& stop = {})
      -> Waited<std::invoke_result_t<Attempt&>> {
    auto result = attempt();
    if (RetryAfter(result) == Retry::kNever) [[likely]] {
      return {WaitEnd::kAnswered, result};
    }
    return Wait(attempt, result, deadline, stop);
  }

 private:
  static constexpr int kTriesPerLook = 4;  // at the clock

  template <typename Attempt, typename R>
  PLACID_NEVER_INLINE Waited<R> Wait(Attempt& attempt, R result,
                                     Deadline deadline, const StopToken& stop);

  EventCount event_;
  EventCount::Sleeper sleeper_;
  SpinBudget budget_;
};

// ---- Implementation ---------------------------------------------------------

template <typename Attempt, typename R>
Waited<R> Waiter::Wait(Attempt& attempt, R result, Deadline deadline,
                       const StopToken& stop) {
  const auto wake = [event = event_] { event.WakeAll(); };
  std::optional<StopCallback<decltype(wake)>> on_stop;
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
    // Before we arm: a request from then on moves the state that we sleep on.
    if (!on_stop && stop.stop_possible()) on_stop.emplace(stop, wake);
    sleeper_.Arm();
    if (try_again()) return answered();
    if (stop.stop_requested()) return {WaitEnd::kStopped, result};
    if (RetryAfter(result) == Retry::kSoon) continue;
    sleeper_.Sleep(deadline.monotonic_ns());
    has_slept = true;
    if (try_again()) return answered();
  }
}

}  // namespace placid

#endif  // PLACID_WAIT_WAITER_H_
