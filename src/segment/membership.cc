// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/membership.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/locked_mapping.h"
#include "placid/os/process.h"
#include "placid/segment/liveness.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "segment/mint.h"

namespace placid {
namespace {

using Participant = Participants::Participant;
using Recovery = Participants::Recovery;

Error Failed(const char* operation, const Segment& segment, ErrorCode code,
             const char* field, const char* advice) {
  return {.code = code,
          .operation = operation,
          .field = field,
          .advice = advice,
          .subject = segment.name().text()};
}

// A row's lock, and the table seen through it.
struct Seat {
  os::LockedMapping locked;
  Participants table;
};

// nullopt: somebody else has the lock.
Result<std::optional<Seat>> TakeSeat(const Segment& segment,
                                     std::uint64_t index) {
  auto locked =
      os::LockedMapping::TryMap(segment.control(), segment.control_name(),
                                static_cast<std::uint32_t>(index));
  if (!locked) {
    if (locked.error().code == ErrorCode::kBusy) return std::optional<Seat>();
    return locked.error();
  }
  const auto header = SegmentHeader::Attach(locked->bytes(), segment.id(),
                                            SegmentHeader::Kind::kControl);
  if (!header) return header.error();
  const auto table = Participants::Attach(header->bytes());
  if (!table) return table.error();
  return std::optional<Seat>(Seat{*std::move(locked), *table});
}

// Runs `recover` for the dead one of `recovery`, and first for all that this
// was recovering itself, and so on. `left`: how many a table can have at most.
Result<void> ClearUp(const Recovery& recovery, const RecoverOwner& recover,
                     std::uint64_t& left) {
  while (auto inherited = recovery.Inherit()) {
    if (left-- == 0) {
      return Error{.code = ErrorCode::kCorrupt,
                   .operation = "Membership::RecoverDead",
                   .field = "participants",
                   .advice =
                       "a peer names new recoverers all the time: find "
                       "out who writes to this segment"};
    }
    if (auto done = ClearUp(*inherited, recover, left); !done) return done;
    if (auto done = inherited->Finish(); !done) return done;
  }
  return recover(recovery.dead());
}

// Becomes the successor of a dead owner. nullopt: it is not dead, or not alone.
Result<std::optional<Participant>> SucceedDead(
    const Seat& seat, std::uint64_t index, const os::ProcessIdentity& identity,
    const RecoverOwner& recover) {
  const RowState state = seat.table.Look(index);
  if (state.ActorOf(index) != index) return std::optional<Participant>();
  // Its lock is ours: nobody else acts on the row.
  auto recovery =
      seat.table.RecoverInPlace(ProofOfDeathMint::Make(index, state.word()));
  if (!recovery) return std::optional<Participant>();
  std::uint64_t left = seat.table.count();
  if (auto done = ClearUp(*recovery, recover, left); !done) {
    return done.error();
  }
  auto successor = recovery->Succeed(identity);
  if (!successor) return successor.error();
  return std::optional<Participant>(*std::move(successor));
}

}  // namespace

Membership::~Membership() {
  if (!locked_.is_ours()) participant_.Abandon();
}

void Membership::swap(Membership& other) noexcept {
  std::swap(segment_, other.segment_);
  locked_.swap(other.locked_);
  std::swap(table_, other.table_);
  std::swap(participant_, other.participant_);
}

Result<Membership> Membership::Join(const Segment& segment,
                                    const JoinOptions& options) {
  constexpr const char* kOperation = "Membership::Join";
  if (segment.bytes().empty()) {
    return Failed(kOperation, segment, ErrorCode::kInvalidArgument, "segment",
                  "open or create it first");
  }
  // For people only: where the system does not tell, zeros will do.
  const auto self = os::ThisProcess();
  const os::ProcessIdentity identity = self ? *self : os::ProcessIdentity{};
  const Participants& table = segment.participants();
  for (const bool succeeds : {false, true}) {
    if (succeeds && !options.recover) break;
    for (std::uint64_t index = 1; index <= table.count(); ++index) {
      const RowState state = table.Look(index);
      const bool is_free = state.phase() == RowState::Phase::kFree;
      if (!is_free && (!succeeds || state.ActorOf(index) != index)) continue;
      auto seat = TakeSeat(segment, index);
      if (!seat) return seat.error();
      if (!*seat) continue;
      if (auto joined = (*seat)->table.Join(index, identity)) {
        return Membership(segment.id(), std::move((*seat)->locked),
                          (*seat)->table, *std::move(joined));
      }
      if (!succeeds) continue;
      auto successor = SucceedDead(**seat, index, identity, options.recover);
      if (!successor) return successor.error();
      if (*successor) {
        return Membership(segment.id(), std::move((*seat)->locked),
                          (*seat)->table, *std::move(*successor));
      }
    }
  }
  Error error = Failed(kOperation, segment, ErrorCode::kNoSpace, "participants",
                       "all rows are taken: let one leave, recover the dead, "
                       "or create the segment with room for more");
  error.expected = table.count() + 1;
  error.found = table.count();
  return error;
}

Result<std::uint64_t> Membership::RecoverDead(const Segment& segment,
                                              const RecoverOwner& recover) {
  constexpr const char* kOperation = "Membership::RecoverDead";
  if (!is_joined() || !locked_.is_ours()) {
    return Failed(kOperation, segment, ErrorCode::kInvalidArgument,
                  "membership",
                  "join first; a child made by fork joins for itself");
  }
  // A death in one table would look like one in another.
  if (segment.id() != segment_) {
    return Failed(kOperation, segment, ErrorCode::kInvalidArgument, "segment",
                  "pass the segment that was joined");
  }
  std::uint64_t recovered = 0;
  for (std::uint64_t index = 1; index <= table_->count(); ++index) {
    const auto death = ProveDeath(segment, index);
    if (!death) continue;  // alive, nobody, or nobody can say
    auto recovery = table_->Recover(*death, participant_);
    if (!recovery) continue;  // somebody else was faster
    std::uint64_t left = table_->count();
    if (auto done = ClearUp(*recovery, recover, left); !done) {
      return done.error();
    }
    if (auto done = recovery->Finish(); !done) return done.error();
    recovered += 1 + table_->count() - left;
  }
  return recovered;
}

}  // namespace placid
