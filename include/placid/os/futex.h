// SPDX-License-Identifier: Apache-2.0
//
// Futex: sleep while a shared 32-bit word has a value; wake who sleeps on it.
//
// Linux: FUTEX_WAIT_BITSET and FUTEX_WAKE with shared keys: works across
// processes and on read-only mappings. Darwin: os_sync_wait_on_address with the
// shared flag, looked up at run time. Windows has none across processes.
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
  kUnsupported,  // no futex here: poll
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

}  // namespace placid::os

#endif  // PLACID_OS_FUTEX_H_
