// SPDX-License-Identifier: Apache-2.0
//
// RingResult: what every ring, seqlock and broadcast answers on its hot path.
#ifndef PLACID_PRIMITIVES_RING_RESULT_H_
#define PLACID_PRIMITIVES_RING_RESULT_H_

#include <cstdint>
#include <string_view>

#include "placid/base/retry.h"

namespace placid {

enum class [[nodiscard]] RingResult : std::uint8_t {
  kOk,         // done
  kEmpty,      // nothing there now; the other side may still add
  kFull,       // no room now; the other side may still take
  kPending,    // the next item is being written by somebody
  kContended,  // gave up after a bounded number of tries; nothing was changed
  kClosed,     // nothing there, or no room, and there never will be
  kCorrupt,    // the shared bytes contradict themselves: stop using them
};

[[nodiscard]] constexpr std::string_view ToString(RingResult result) {
  switch (result) {
    case RingResult::kOk: return "ok";
    case RingResult::kEmpty: return "empty";
    case RingResult::kFull: return "full";
    case RingResult::kPending: return "pending";
    case RingResult::kContended: return "contended";
    case RingResult::kClosed: return "closed";
    case RingResult::kCorrupt: return "corrupt";
  }
  return "unknown";
}

// What a waiter does about it (wait/waiter.h).
[[nodiscard]] constexpr Retry RetryAfter(RingResult result) {
  switch (result) {
    case RingResult::kEmpty:
    case RingResult::kFull:
    case RingResult::kPending: return Retry::kOnChange;
    case RingResult::kContended: return Retry::kSoon;
    case RingResult::kOk:
    case RingResult::kClosed:
    case RingResult::kCorrupt: return Retry::kNever;
  }
  return Retry::kNever;
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_RING_RESULT_H_
