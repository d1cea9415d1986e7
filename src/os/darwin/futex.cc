// SPDX-License-Identifier: Apache-2.0
//
// Two interfaces of the system to the same queues: a public one from macOS 14.4
// on, and before that one which the system's own C++ library stands on. Neither
// is in every SDK, so both are declared by hand and looked up at run time.
#include "placid/os/futex.h"

#include <dlfcn.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "placid/base/atomic.h"

namespace placid::os {
namespace {

constexpr std::uint32_t kShared = 1;  // OS_SYNC_{WAIT,WAKE_BY}_..._SHARED
constexpr std::uint32_t kMachTimeClock = 32;  // OS_CLOCK_MACH_ABSOLUTE_TIME
using WaitFunction = int (*)(void* address, std::uint64_t value,
                             std::size_t size, std::uint32_t flags,
                             std::uint32_t clock, std::uint64_t timeout_ns);
using WakeFunction = int (*)(void* address, std::size_t size,
                             std::uint32_t flags);

constexpr std::uint32_t kCompareAndWaitShared =
    3;  // UL_COMPARE_AND_WAIT_SHARED
using UlockWaitFunction = int (*)(std::uint32_t operation, void* address,
                                  std::uint64_t value,
                                  std::uint32_t timeout_us);
using UlockWakeFunction = int (*)(std::uint32_t operation, void* address,
                                  std::uint64_t wake_value);

template <typename Function>
Function LookUp(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
}

struct Interface {
  WaitFunction wait =
      LookUp<WaitFunction>("os_sync_wait_on_address_with_timeout");
  WakeFunction wake = LookUp<WakeFunction>("os_sync_wake_by_address_any");
  UlockWaitFunction ulock_wait = LookUp<UlockWaitFunction>("__ulock_wait");
  UlockWakeFunction ulock_wake = LookUp<UlockWakeFunction>("__ulock_wake");

  [[nodiscard]] bool IsPublic() const {
    return wait != nullptr && wake != nullptr;
  }
  [[nodiscard]] bool IsThere() const {
    return IsPublic() || (ulock_wait != nullptr && ulock_wake != nullptr);
  }
};

const Interface& System() {
  static const Interface system;
  return system;
}

// -1 and errno where it fails, as all four do.
int Wait(void* word, std::uint32_t expected, std::int64_t timeout_ns) {
  if (System().IsPublic()) {
    return System().wait(word, expected, sizeof(expected), kShared,
                         kMachTimeClock,
                         static_cast<std::uint64_t>(timeout_ns));
  }
  // Rounded up, since 0 would be for ever; cut to what fits, since a wait that
  // ends early is as good as a spurious wake.
  constexpr std::int64_t kMicrosecond = 1000;
  const std::int64_t timeout_us = std::min<std::int64_t>(
      (timeout_ns + kMicrosecond - 1) / kMicrosecond, INT32_MAX);
  return System().ulock_wait(kCompareAndWaitShared, word, expected,
                             static_cast<std::uint32_t>(timeout_us));
}

// Wakes one.
int Wake(void* word) {
  return System().IsPublic()
             ? System().wake(word, sizeof(std::uint32_t), kShared)
             : System().ulock_wake(kCompareAndWaitShared, word, 0);
}

}  // namespace

bool HasFutex() { return System().IsThere(); }

// Stops while the machine sleeps, like the clock of the waits.
std::int64_t MonotonicNow() {
  return static_cast<std::int64_t>(::clock_gettime_nsec_np(CLOCK_UPTIME_RAW));
}

WaitResult FutexWait(const void* word, std::uint32_t expected,
                     std::int64_t deadline_ns, std::uint32_t /*bits*/) {
  if (!HasFutex()) return WaitResult::kUnsupported;
  // The system does not tell a word that had another value from a wake.
  const auto* const value = static_cast<const Atomic<std::uint32_t>*>(word);
  // sync: none, a look before the system's own comparison
  if (value->load(kRelaxed) != expected) {
    return WaitResult::kChanged;
  }
  const std::int64_t left_ns = deadline_ns - MonotonicNow();
  if (left_ns <= 0) return WaitResult::kTimedOut;
  // The calls only read the word, but say void*.
  if (Wait(const_cast<void*>(word), expected, left_ns) >= 0) {
    return WaitResult::kWoken;
  }
  switch (errno) {
    case ETIMEDOUT:
      return MonotonicNow() >= deadline_ns ? WaitResult::kTimedOut
                                           : WaitResult::kWoken;
    case EINTR: return WaitResult::kInterrupted;
    case EFAULT:  // the page was out for a moment
    case ENOMEM: return WaitResult::kWoken;
    default: return WaitResult::kUnsupported;
  }
}

int FutexWake(const void* word, int count, std::uint32_t /*bits*/) {
  if (!HasFutex()) return 0;
  int woken = 0;
  while (woken < count && Wake(const_cast<void*>(word)) >= 0) ++woken;
  return woken;
}

// All, since nobody could wake the rest without those who sleep on the new
// value.
int FutexBumpAndWake(void* word, int /*count*/) {
  static_cast<Atomic<std::uint32_t>*>(word)->fetch_add(
      1, kRelaxed);  // sync: none, sleepers look again in any case
  return FutexWake(word, kAllSleepers);
}

HerdShares SharesOfHerd() {
  return {.by_waker = kAllSleepers, .by_woken = 0};
}

void SleepUntil(std::int64_t deadline_ns) {
  std::this_thread::sleep_for(
      std::chrono::nanoseconds(deadline_ns - MonotonicNow()));
}

}  // namespace placid::os
