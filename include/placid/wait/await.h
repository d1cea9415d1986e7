// SPDX-License-Identifier: Apache-2.0
//
// Await: what WaitSet::Until does, for a coroutine that must not block its
// thread: it sleeps in whatever event loop the program has.
//
//   const auto popped =
//       co_await Await<asio::awaitable<Waited<RingResult>>>(
//           set, ready, [&] { return consumer.TryPop(value); },
//           Deadline::After(1s));
//
// Task is the loop's own type of coroutine. ready(event, until_ns) gives what
// that awaits: that `event`, a descriptor or a HANDLE, has become ready, or that
// os::MonotonicNow has come to `until_ns`, which of the two does not matter.
// examples/asio_ring.cc has it for Asio, in ten lines.
//
// A coroutine that its loop destroys while it waits leaves nothing armed.
#ifndef PLACID_WAIT_AWAIT_H_
#define PLACID_WAIT_AWAIT_H_

#include <version>

#ifdef __cpp_lib_coroutine

#include <algorithm>
#include <coroutine>
#include <cstdint>

#include "placid/base/retry.h"
#include "placid/os/futex.h"
#include "placid/wait/deadline.h"
#include "placid/wait/wait_loop.h"
#include "placid/wait/wait_set.h"

namespace placid {

// Calls `attempt` until it gives an answer, at least once, or the deadline has
// come. The set's doorbell was claimed WakeBy::kEvent; the set, and what
// `attempt` refers to, outlive the coroutine. Who fails to notify, or dies
// before, costs one slice (WaitSet::kSliceNs).
template <typename Task, typename Ready, typename Attempt>
Task Await(WaitSet& set, Ready ready, Attempt attempt,
           Deadline deadline = Deadline::Never()) {
  struct Armed {
    explicit Armed(WaitSet& of) : armed(of) { armed.Arm(); }
    Armed(const Armed&) = delete;
    Armed& operator=(const Armed&) = delete;
    ~Armed() { armed.Disarm(); }
    WaitSet& armed;
  };

  auto result = attempt();
  for (;;) {
    if (RetryAfter(result) == Retry::kNever) {
      co_return Waited<decltype(result)>{WaitEnd::kAnswered, result};
    }
    const std::int64_t now_ns = os::MonotonicNow();
    if (deadline.IsOver(now_ns)) {
      co_return Waited<decltype(result)>{WaitEnd::kTimedOut, result};
    }
    const Armed armed(set);
    result = attempt();
    switch (RetryAfter(result)) {
      case Retry::kNever: break;
      // Others of this loop may be who it waits for.
      case Retry::kSoon: co_await ready(set.event(), now_ns); break;
      default:
        co_await ready(set.event(), (std::min)(deadline.monotonic_ns(),
                                               now_ns + WaitSet::kSliceNs));
        result = attempt();
    }
  }
}

}  // namespace placid

#endif  // __cpp_lib_coroutine

#endif  // PLACID_WAIT_AWAIT_H_
