// SPDX-License-Identifier: Apache-2.0
//
// Patience: how long to look again at what others are doing to a segment.
#ifndef PLACID_SRC_SEGMENT_PATIENCE_H_
#define PLACID_SRC_SEGMENT_PATIENCE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

#include "placid/base/error.h"
#include "placid/os/futex.h"

namespace placid {

class Patience {
 public:
  explicit Patience(std::int64_t ms)
      : end_(os::MonotonicNow() + ms * 1'000'000) {}
  // False: it is at an end.
  [[nodiscard]] bool Pause() const {
    constexpr std::chrono::milliseconds kPause{1};
    if (os::MonotonicNow() >= end_) return false;
    std::this_thread::sleep_for(kPause);
    return true;
  }

  [[nodiscard]] std::int64_t LeftMs() const {
    return (std::max)((end_ - os::MonotonicNow()) / 1'000'000, kNone);
  }

 private:
  static constexpr std::int64_t kNone = 0;

  std::int64_t end_;
};

// Whether there is no segment, or not yet, or no more: what a creator, or an
// unlinker, leaves for as long as it is at it, or for good when it dies.
[[nodiscard]] inline bool IsUnready(const Error& error) {
  return error.code == ErrorCode::kNotFound ||
         error.code == ErrorCode::kNotInitialized ||
         error.code == ErrorCode::kUnlinked;
}

}  // namespace placid

#endif  // PLACID_SRC_SEGMENT_PATIENCE_H_
