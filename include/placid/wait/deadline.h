// SPDX-License-Identifier: Apache-2.0
//
// Deadline: a time of the monotonic clock by which to give up, or never. The
// clock is os::MonotonicNow's, which no change of the date moves.
#ifndef PLACID_WAIT_DEADLINE_H_
#define PLACID_WAIT_DEADLINE_H_

#include <chrono>
#include <cstdint>

#include "placid/os/futex.h"

namespace placid {

class Deadline {
 public:
  [[nodiscard]] static constexpr Deadline Never() { return Deadline(kNever); }
  [[nodiscard]] static constexpr Deadline At(std::int64_t monotonic_ns) {
    return Deadline(monotonic_ns);
  }
  // From now on. What lies beyond the clock's range is never.
  [[nodiscard]] static Deadline After(std::chrono::nanoseconds time) {
    const std::int64_t now_ns = os::MonotonicNow();
    const std::int64_t left_ns = time.count();
    return At(left_ns < kNever - now_ns ? now_ns + left_ns : kNever);
  }

  [[nodiscard]] constexpr std::int64_t monotonic_ns() const { return at_ns_; }
  [[nodiscard]] constexpr bool IsOver(std::int64_t now_ns) const {
    return now_ns >= at_ns_;
  }

 private:
  static constexpr std::int64_t kNever = INT64_MAX;

  explicit constexpr Deadline(std::int64_t at_ns) : at_ns_(at_ns) {}

  std::int64_t at_ns_;
};

}  // namespace placid

#endif  // PLACID_WAIT_DEADLINE_H_
