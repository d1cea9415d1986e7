// SPDX-License-Identifier: Apache-2.0
//
// Futex: sleep while a shared 32-bit word has a value; wake who sleeps on it.
//
//   system   sleeps on a shared word                  bump and wake
//   linux    FUTEX_WAIT_BITSET with shared keys       one step, FUTEX_WAKE_OP
//   darwin   os_sync_wait_on_address with the shared  two steps
//            flag, or __ulock_wait, as found at run
//            time
//   windows  no: WaitOnAddress is of one process      bumps, wakes nobody
//   fake     no                                       bumps, wakes nobody
//
// Where there are two steps, who dies between them leaves sleepers that nobody
// knows of: whoever sleeps does so for a bounded time and looks again. Where
// there is no futex, whoever waits polls.
#ifndef PLACID_OS_FUTEX_H_
#define PLACID_OS_FUTEX_H_

#include <cstdint>

#include "placid/base/platform.h"

namespace placid::os {

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

// Sleeps while *word == expected until `deadline_ns`. The word may lie on
// read-only pages. Blocking.
PLACID_API WaitResult FutexWait(const void* word, std::uint32_t expected,
                                std::int64_t deadline_ns);

// Wakes at most `count` sleepers; returns how many, 0 where unsupported.
PLACID_API int FutexWake(const void* word, int count);

// Adds 1 to *word, which wraps, and wakes all who sleep on it, in one step
// where the table says so; returns how many.
PLACID_API int FutexBumpAndWakeAll(void* word);

// Sleeps, on nothing, until `deadline_ns` or a signal: for polling. Blocking.
PLACID_API void SleepUntil(std::int64_t deadline_ns);

}  // namespace placid::os

#endif  // PLACID_OS_FUTEX_H_
