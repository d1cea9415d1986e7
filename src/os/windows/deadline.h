// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_SRC_OS_WINDOWS_DEADLINE_H_
#define PLACID_SRC_OS_WINDOWS_DEADLINE_H_

#include <algorithm>
#include <cstdint>
#include <limits>

#include "placid/os/futex.h"
#include "system.h"

namespace placid::os::internal {

// When a wait must be over. On the clock of MonotonicNow, since GetTickCount64
// moves in steps of 16 milliseconds.
class Deadline {
 public:
  explicit Deadline(std::int64_t timeout_ms)
      : end_ns_(MonotonicNow() +
                std::clamp<std::int64_t>(timeout_ms, 0, kLongestMs) *
                    kMillisecond) {}

  // For the calls that wait; rounded up, so that 0 means over.
  [[nodiscard]] DWORD LeftMs() const {
    const std::int64_t left = end_ns_ - MonotonicNow();
    return left <= 0
               ? 0
               : static_cast<DWORD>((left + kMillisecond - 1) / kMillisecond);
  }

 private:
  static constexpr std::int64_t kMillisecond = 1'000'000;
  static constexpr std::int64_t kLongestMs =
      std::numeric_limits<std::int32_t>::max();

  std::int64_t end_ns_;
};

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_WINDOWS_DEADLINE_H_
