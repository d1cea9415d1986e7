// SPDX-License-Identifier: Apache-2.0
//
// Whether those who take part in a segment are alive: by the kernel's word, and
// nothing else.
//
// Each participant holds the lock of its row for as long as it has the segment
// mapped (os/locked_mapping.h). Whoever holds it is alive: running, stopped by
// SIGSTOP or a debugger, starved, in another PID namespace. Whoever does not is
// dead, and none of its instructions will ever run on the segment again: ended,
// a zombie, or another program by exec. Pids, start times and heartbeats are
// never proof.
//
// Windows, Darwin: a lock goes by the name of `control`. Darwin: after Unlink
// nobody can join or be proved dead any more (kUnknown).
#ifndef PLACID_SEGMENT_LIVENESS_H_
#define PLACID_SEGMENT_LIVENESS_H_

#include <cstdint>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/process.h"
#include "placid/primitives/owner_id.h"
#include "placid/segment/proof_of_death.h"
#include "placid/segment/segment.h"

namespace placid {

// kDead of one who has left, too: it will not act under this id again. kUnknown
// where the system would not say; that is never proof of anything.
[[nodiscard]] PLACID_API os::Liveness LookAt(const Segment& segment,
                                             OwnerId participant);

// That whoever acts on row `index`, its owner or who recovers it, is dead.
// Errors: kNotFound (nobody acts there), kBusy (that one is alive), or the
// system's own (it would not say).
[[nodiscard]] PLACID_API Result<ProofOfDeath> ProveDeath(const Segment& segment,
                                                         std::uint64_t index);

}  // namespace placid

#endif  // PLACID_SEGMENT_LIVENESS_H_
