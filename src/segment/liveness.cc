// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/liveness.h"

#include <cstdint>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/process.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment.h"
#include "segment/mint.h"
#include "segment/read_only.h"

namespace placid {
namespace {

constexpr const char* kOperation = "ProveDeath";

Result<os::LockState> ProbeRow(const Segment& segment, std::uint64_t index) {
  return ProbeLock(segment.control(), segment.control_name(),
                   static_cast<std::uint32_t>(index));
}

Error Failed(const Segment& segment, ErrorCode code, const char* advice) {
  return {.code = code,
          .operation = kOperation,
          .field = "participant",
          .advice = advice,
          .subject = segment.name().text()};
}

}  // namespace

// The state comes before the lock and again after it. Whoever joins has the
// lock before the state names it, and whoever leaves gives it back after the
// state no longer does: so a lock that is free while the state stays was lost.
Result<ProofOfDeath> ProveDeath(const Segment& segment, std::uint64_t index) {
  const Participants& table = segment.participants();
  const RowState state = table.Look(index);
  const std::uint64_t actor = state.ActorOf(index);
  if (actor == 0) {
    return Failed(segment, ErrorCode::kNotFound, "nobody has this row");
  }
  const auto lock = ProbeRow(segment, actor);
  if (!lock) {
    Error error = lock.error();
    error.operation = kOperation;
    error.subject = segment.name().text();
    return error;
  }
  if (*lock != os::LockState::kFree) {
    return Failed(segment, ErrorCode::kBusy, "it is alive: leave it its row");
  }
  if (table.Look(index) != state) {
    return Failed(segment, ErrorCode::kBusy,
                  "it has changed hands: look again");
  }
  return ProofOfDeathMint::Make(index, state.word());
}

os::Liveness LookAt(const Segment& segment, OwnerId participant) {
  const RowState state = segment.participants().Look(participant.index());
  const bool is_there =
      state.is_owned() && state.generation() == participant.generation();
  if (!participant.is_participant() || !is_there) return os::Liveness::kDead;
  const auto lock = ProbeRow(segment, participant.index());
  if (!lock) return os::Liveness::kUnknown;
  // A lock taken by somebody else since means that this one has lost it.
  return *lock == os::LockState::kFree ? os::Liveness::kDead
                                       : os::Liveness::kAlive;
}

}  // namespace placid
