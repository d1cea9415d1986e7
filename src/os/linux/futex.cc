// SPDX-License-Identifier: Apache-2.0
#include "placid/os/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "placid/base/atomic.h"

namespace placid::os {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// 32-bit systems have a call of its own for times past 2038.
#ifdef SYS_futex_time64
constexpr long kWaitCall = SYS_futex_time64;
#else
constexpr long kWaitCall = SYS_futex;
#endif
#ifdef SYS_futex
constexpr long kWakeCall = SYS_futex;
#else
constexpr long kWakeCall = SYS_futex_time64;
#endif

// What those calls read, whatever the C library makes of timespec.
struct KernelTime {
  std::int64_t seconds;
  std::int64_t nanoseconds;
};

}  // namespace

bool HasFutex() { return true; }

std::int64_t MonotonicNow() {
  timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * kSecond + now.tv_nsec;
}

// FUTEX_WAIT_BITSET, since its deadline is absolute: a wait that signals
// interrupt again and again still ends in time.
WaitResult FutexWait(const void* word, std::uint32_t expected,
                     std::int64_t deadline_ns, std::uint32_t bits) {
  const std::int64_t deadline = std::max<std::int64_t>(deadline_ns, 0);
  const KernelTime time{deadline / kSecond, deadline % kSecond};
  if (::syscall(kWaitCall, word, FUTEX_WAIT_BITSET, expected, &time, nullptr,
                bits) == 0) {
    return WaitResult::kWoken;
  }
  switch (errno) {
    case EAGAIN: return WaitResult::kChanged;
    case ETIMEDOUT: return WaitResult::kTimedOut;
    case EINTR: return WaitResult::kInterrupted;
    default: return WaitResult::kUnsupported;
  }
}

// Asked to wake none, the system would wake one.
int FutexWake(const void* word, int count, std::uint32_t bits) {
  if (count <= 0) return 0;
  const long woken =
      ::syscall(kWakeCall, word, FUTEX_WAKE_BITSET, count, nullptr, nullptr,
                bits);
  return woken < 0 ? 0 : static_cast<int>(woken);
}

// FUTEX_WAKE_OP, for its operation on the word. It wakes a sleeper of a second
// word, too, if that was 0, and no comparison is never true; here the second
// word is the first.
int FutexBumpAndWake(void* word, int count) {
  constexpr int kAddOne = FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_EQ, 0);
  const long woken =
      ::syscall(kWakeCall, word, FUTEX_WAKE_OP, count, 0L, word, kAddOne);
  if (woken >= 0) return static_cast<int>(woken);
  if (errno != ENOSYS) return 0;
  // A system that stands in for Linux and has the two calls alone.
  static_cast<Atomic<std::uint32_t>*>(word)->fetch_add(
      1, kRelaxed);  // sync: none, sleepers look again in any case
  return FutexWake(word, count);
}

// A wake takes its waker about 8 us: eight are soon done, and a tree of twos
// reaches all as fast as processors can run them.
HerdShares SharesOfHerd() { return {.by_waker = 8, .by_woken = 2}; }

void SleepUntil(std::int64_t deadline_ns) {
  const std::int64_t deadline = std::max<std::int64_t>(deadline_ns, 0);
  timespec time = {};
  time.tv_sec = static_cast<time_t>(deadline / kSecond);
  time.tv_nsec = static_cast<long>(deadline % kSecond);
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nullptr);
}

}  // namespace placid::os
