// SPDX-License-Identifier: Apache-2.0
//
// StartAt: where a reader of a broadcast begins, and where it goes on once the
// writer has lapped it.
#ifndef PLACID_PRIMITIVES_START_AT_H_
#define PLACID_PRIMITIVES_START_AT_H_

#include <cstdint>

namespace placid {

enum class StartAt : std::uint8_t {
  // The oldest that is still whole. A lapped reader loses least so, but has
  // little time: a writer that is still faster laps it again at once.
  kOldest,
  // No further back than half of what there is room for: a lapped reader has
  // the time of three eighths of a lap before it is lapped again.
  kMiddle,
  // The newest, then what follows.
  kNewest,
  // Only what comes from now on.
  kNext,
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_START_AT_H_
