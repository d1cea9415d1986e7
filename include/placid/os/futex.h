// SPDX-License-Identifier: Apache-2.0
//
// Futex: sleep while a shared 32-bit word has a value; wake who sleeps on it.
//
//   system   sleeps on a shared word             bump and wake            bits
//   linux    FUTEX_WAIT_BITSET with shared keys  one step, FUTEX_WAKE_OP  yes
//   darwin   os_sync_wait_on_address with the    two steps, wakes all     no
//            shared flag, or __ulock_wait, as
//            found at run time
//   windows  no: WaitOnAddress is of one         bumps, wakes nobody      no
//            process
//   fake     no                                  bumps, wakes nobody      no
//
// Where there are two steps, who dies between them leaves sleepers that nobody
// knows of: whoever sleeps does so for a bounded time and looks again. Where
// there is no futex, whoever waits polls.
//
// Sleepers may go by some of 32 bits, so that a wake can leave out those who go
// by others; where there are no bits, all go by all of them. Whoever is woken
// sees the word as whoever woke it saw it or left it, or newer; other words are
// not ordered by that.
#ifndef PLACID_OS_FUTEX_H_
#define PLACID_OS_FUTEX_H_

#include <climits>
#include <cstdint>

#include "placid/base/platform.h"

namespace placid::os {

inline constexpr int kAllSleepers = INT_MAX;
inline constexpr std::uint32_t kAllBits = UINT32_MAX;

enum class WaitResult : std::uint8_t {
  kWoken,    // or a spurious wake: look again
  kChanged,  // the word did not have the value
  kTimedOut,
  kInterrupted,  // by a signal: look again
  kUnsupported,  // no futex here, or not on this word: poll
};

// Whether this system can sleep on a shared word. A value, not a macro.
[[nodiscard]] PLACID_API bool HasFutex();

// Nanoseconds of the monotonic clock that deadlines below are on.
[[nodiscard]] PLACID_API std::int64_t MonotonicNow();

// Sleeps while *word == expected until `deadline_ns`, and goes by `bits`, of
// which there is at least one. The word may lie on read-only pages. Blocking.
PLACID_API WaitResult FutexWait(const void* word, std::uint32_t expected,
                                std::int64_t deadline_ns,
                                std::uint32_t bits = kAllBits);

// Wakes at most `count` sleepers that go by one of `bits`; returns how many, 0
// where unsupported.
PLACID_API int FutexWake(const void* word, int count,
                         std::uint32_t bits = kAllBits);

// Adds 1 to *word, which wraps, and wakes at most `count` who sleep on it,
// whatever bits they go by, in one step where the table says so, and where it
// says so all of them; returns how many. On linux it is one more where *word
// was 0.
PLACID_API int FutexBumpAndWake(void* word, int count);

// How those who sleep on one word are best woken where they are many: how many
// by the waker, which pays for each with some microseconds, and how many by
// each of those, and so on. All and none, where a wake cannot leave out any.
struct HerdShares {
  int by_waker;
  int by_woken;
};
[[nodiscard]] PLACID_API HerdShares SharesOfHerd();

// Sleeps, on nothing, until `deadline_ns` or a signal: for polling. Blocking.
PLACID_API void SleepUntil(std::int64_t deadline_ns);

}  // namespace placid::os

#endif  // PLACID_OS_FUTEX_H_
