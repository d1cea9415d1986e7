// SPDX-License-Identifier: Apache-2.0
//
// What a tee places in its segment, for both sides of it.
#ifndef PLACID_SRC_CLI_TEE_OBJECTS_H_
#define PLACID_SRC_CLI_TEE_OBJECTS_H_

#include <cstdint>

#include "placid/base/error.h"
#include "placid/base/fields.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/seqlock.h"
#include "placid/segment/directory.h"
#include "placid/segment/discovery.h"
#include "placid/segment/object_type.h"
#include "placid/segment/segment_id.h"

namespace placid::cli {

enum class TeeEnd : std::uint64_t {
  kNot = 0,
  kComplete = 1,
  kInterrupted = 2,
  kFailed = 3,    // could not read its input, or write its output
  kStarting = 4,  // does not take part yet, by which it is known to live
};

struct TeeState {
  std::uint64_t pid;
  std::uint64_t start_time;
  std::uint64_t boot_high;
  std::uint64_t boot_low;
  std::uint64_t end;

  [[nodiscard]] static TeeState Of(const os::ProcessIdentity& process) {
    return {.pid = process.pid,
            .start_time = process.start_time,
            .boot_high = process.boot_high,
            .boot_low = process.boot_low,
            .end = static_cast<std::uint64_t>(TeeEnd::kStarting)};
  }
  [[nodiscard]] os::ProcessIdentity process() const {
    return {.pid = pid,
            .start_time = start_time,
            .boot_high = boot_high,
            .boot_low = boot_low};
  }
};
PLACID_FIELDS(TeeState, pid, start_time, boot_high, boot_low, end)

using TeeStateCell = Seqlock<TeeState>;

inline constexpr const char* kTeeStateObject = "tee";
inline constexpr const char* kShownObject = "shown";
inline constexpr std::uint64_t kTeeFingerprint =
    kPlacedFingerprint<Directory, TeeStateCell, BroadcastByteRing>;

// Whether somebody takes part in what has the name, if that is `id`: the tee, by
// the system's word. Its identity alone is only its own, and where it was said
// to be dead by that it is asked here.
[[nodiscard]] inline bool IsTeeThere(const os::Name& name, SegmentId id) {
  const auto found = LookUp(name);
  if (!found) return found.error().code != ErrorCode::kNotFound;
  return found->id == id && found->living > 0;
}

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_TEE_OBJECTS_H_
