// SPDX-License-Identifier: Apache-2.0
//
// WaitOnAddress works within one process only: measured, a wake from another
// process never arrives. So there is no futex here.
#include "placid/os/futex.h"

#include <chrono>
#include <cstdint>
#include <thread>

#include "placid/base/atomic.h"
#include "system.h"

namespace placid::os {

bool HasFutex() { return false; }

std::int64_t MonotonicNow() {
  // Never fails, from Windows XP on, and the frequency never changes.
  LARGE_INTEGER ticks{};
  LARGE_INTEGER per_second{};
  ::QueryPerformanceCounter(&ticks);
  ::QueryPerformanceFrequency(&per_second);
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  // In two parts: ticks times 10^9 would overflow within minutes.
  const std::int64_t seconds = ticks.QuadPart / per_second.QuadPart;
  const std::int64_t rest = ticks.QuadPart % per_second.QuadPart;
  return seconds * kNanoseconds + rest * kNanoseconds / per_second.QuadPart;
}

WaitResult FutexWait(const void* /*word*/, std::uint32_t /*expected*/,
                     std::int64_t /*deadline_ns*/, std::uint32_t /*bits*/) {
  return WaitResult::kUnsupported;
}

int FutexWake(const void* /*word*/, int /*count*/, std::uint32_t /*bits*/) {
  return 0;
}

int FutexBumpAndWake(void* word, int /*count*/) {
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
