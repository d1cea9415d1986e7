// SPDX-License-Identifier: Apache-2.0
//
// Backoff: bounded exponential waiting between the tries of a retry loop
// (Anderson, "The Performance of Spin Lock Alternatives", 1990).
//
//   for (Backoff backoff(kTries);;) {
//     if (Try()) return RingResult::kOk;
//     if (!backoff.Pause()) return RingResult::kContended;
//   }
#ifndef PLACID_BASE_BACKOFF_H_
#define PLACID_BASE_BACKOFF_H_

#include <algorithm>
#include <cstdint>

#include "placid/base/atomic.h"

namespace placid {

class Backoff {
 public:
  // Longest single wait, in pauses: some 2 to 4 microseconds on x86.
  static constexpr std::uint32_t kMaxPauses = 64;

  explicit Backoff(std::uint32_t tries) : tries_left_(tries) {}

  // Waits, twice as long each time; false when no tries are left.
  [[nodiscard]] bool Pause() {
    if (tries_left_ == 0) return false;
    --tries_left_;
    for (std::uint32_t i = 0; i < pauses_; ++i) machine::Pause();
    pauses_ = (std::min)(pauses_ * 2, kMaxPauses);
    return true;
  }

 private:
  std::uint32_t tries_left_;
  std::uint32_t pauses_ = 1;
};

}  // namespace placid

#endif  // PLACID_BASE_BACKOFF_H_
