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
#include <type_traits>

#include "placid/base/platform.h"
#include "placid/base/stop.h"
#include "placid/wait/deadline.h"
#include "placid/wait/event_count.h"
#include "placid/wait/wait_loop.h"
#include "placid/wait/wait_policy.h"

namespace placid {

// For one thread at a time.
class Waiter {
 public:
  // How WaitLoop sleeps on an event count.
  struct Sleeper {
    explicit Sleeper(EventCount of) : event(of), sleeper(event.MakeSleeper()) {}

    void Arm() { sleeper.Arm(); }
    void Sleep(std::int64_t deadline_ns) { sleeper.Sleep(deadline_ns); }
    // It stays armed, for the next sleep or the next publisher's needless wake.
    void Disarm() {}
    [[nodiscard]] auto Waker() const {
      return [count = event] { count.WakeAll(); };
    }

    EventCount event;
    EventCount::Sleeper sleeper;
  };

  explicit Waiter(EventCount event, WaitPolicy policy = {})
      : sleeper_(event), loop_(SpinBudget(policy)) {}

  // Calls `attempt` until it gives an answer, at least once. Whoever lets it
  // succeed notifies the event count after that; who fails to, or dies before,
  // costs one slice (EventCount::kSliceNs). A request to stop is seen at once,
  // or where base/stop.h cannot call, after a slice.
  template <typename Attempt>
  PLACID_ALWAYS_INLINE auto Until(Attempt&& attempt,
                                  Deadline deadline = Deadline::Never(),
                                  const StopToken& stop = {})
      -> Waited<std::invoke_result_t<Attempt&>> {
    return loop_.Until(sleeper_, attempt, deadline, stop);
  }

 private:
  Sleeper sleeper_;
  WaitLoop<Sleeper> loop_;
};

}  // namespace placid

#endif  // PLACID_WAIT_WAITER_H_
