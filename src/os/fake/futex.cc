// SPDX-License-Identifier: Apache-2.0
//
// None, as on Windows, so that callers show that they can poll.
#include "placid/os/futex.h"

#include <chrono>
#include <cstdint>
#include <thread>

#include "placid/base/atomic.h"

namespace placid::os {

bool HasFutex() { return false; }

std::int64_t MonotonicNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

WaitResult FutexWait(const void*, std::uint32_t, std::int64_t,
                     std::uint32_t) {
  return WaitResult::kUnsupported;
}

int FutexWake(const void*, int, std::uint32_t) { return 0; }

int FutexBumpAndWake(void* word, int) {
  static_cast<Atomic<std::uint32_t>*>(word)->fetch_add(
      1, kRelaxed);  // sync: none, sleepers look again in any case
  return 0;
}

HerdShares SharesOfHerd() {
  return {.by_waker = kAllSleepers, .by_woken = 0};
}

void SleepUntil(std::int64_t deadline_ns) {
  std::this_thread::sleep_for(
      std::chrono::nanoseconds(deadline_ns - MonotonicNow()));
}

}  // namespace placid::os
