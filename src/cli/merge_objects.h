// SPDX-License-Identifier: Apache-2.0
//
// What lies in the segment of a merge, and what its records say.
//
//   object    type                 what
//   lanes     LaneByteRing<32>     a sender each has one, in its membership's
//                                  name; so has the receiver the other side
//   receiver  Seqlock<MergeState>  who receives, what it made of each lane's
//                                  sender, and how it ended
//   bells     Doorbells            by which who sleeps is woken
//   sent      WaitMask             that the receiver sleeps
//   taken     WaitMask             that some sender does
//
// A sender leases a lane and puts into it, in this order: who it is (kHello);
// its units, in as many records as it takes, of which a kPiece does not end the
// last unit; and kEnd with number and checksum of all bytes, or kGaveUp. It
// keeps the lane until the receiver has written all of that, and says so in
// MergeState, or is gone. What a sender has left in a lane without a last word,
// the next one's kHello shows, or that nobody has the lane and it is empty.
//
// A receiver that ends seals the lanes: who comes then waits until the segment
// is gone, as it is with the last that has it open.
#ifndef PLACID_SRC_CLI_MERGE_OBJECTS_H_
#define PLACID_SRC_CLI_MERGE_OBJECTS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "cli/cutter.h"
#include "placid/base/fields.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/seqlock.h"
#include "placid/segment/directory.h"
#include "placid/segment/object_type.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/wait_mask.h"

namespace placid::cli {

inline constexpr std::uint64_t kMergeLanes = 32;
using MergeRing = LaneByteRing<kMergeLanes>;

// Two programs of 64-bit words: what stands in front of each record.
struct MergeRecord {
  enum Kind : std::uint64_t { kHello, kPiece, kUnits, kEnd, kGaveUp };

  std::uint64_t kind;
  std::uint64_t first;   // hello: OwnerId's word; end: bytes; gave up: a MergeEnd
  std::uint64_t second;  // hello: the process; end: CRC-32C
};

// How a receiver ended, or what it made of a sender.
enum class MergeEnd : std::uint64_t {
  kNot = 0,
  kComplete = 1,
  kInterrupted = 2,
  kFailed = 3,   // could not read its input, or write its output
  kDamaged = 4,  // the bytes are not those that were sent
};

struct MergeVerdict {
  std::uint64_t sender;  // OwnerId's word
  std::uint64_t end;
};
PLACID_FIELDS(MergeVerdict, sender, end)

struct MergeState {
  std::uint64_t pid;  // 0: no receiver has come
  std::uint64_t start_time;
  std::uint64_t boot_high;
  std::uint64_t boot_low;
  std::uint64_t end;
  std::array<MergeVerdict, kMergeLanes> verdicts;
};
PLACID_FIELDS(MergeState, pid, start_time, boot_high, boot_low, end, verdicts)

using MergeStateCell = Seqlock<MergeState>;

[[nodiscard]] constexpr std::uint64_t MergeFingerprint(Framing framing) {
  return internal::Fingerprint()
      .Add(kPlacedFingerprint<Directory, MergeRing, MergeStateCell, Doorbells,
                              WaitMask>)
      .Add(static_cast<std::uint64_t>(framing))
      .value();
}

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_MERGE_OBJECTS_H_
