// SPDX-License-Identifier: Apache-2.0
//
// Membership: this process takes part in a segment, under an OwnerId that
// others can tell dead from alive by.
//
//   auto segment = *Segment::OpenOrCreate(name, options);
//   const auto recover = [&](const DeadOwner& dead) {
//     ring.Recover(dead);
//     return Ok();
//   };
//   auto member = *Membership::Join(segment, {.recover = recover});
//   auto producer = ring.ClaimProducer(member.id());
//   member.RecoverDead(segment, recover);  // after a death: see Monitor
//
// A recovery runs `recover` for the dead owner, which calls Recover of each
// type that this program places in the segment; then the dead one's row is
// given back. Of all who try, one does it at a time. It may die of it at any
// step: then somebody else does all of it again, so `recover` must bear that;
// it is never called for one owner by two at once.
//
// Fork: a child has none of it, neither the bytes of a membership nor its lock,
// and must join for itself. There the destructor does nothing, and RecoverDead
// fails. A program that calls exec has left as if it had died. (os/
// locked_mapping.h says what Darwin does otherwise.)
#ifndef PLACID_SEGMENT_MEMBERSHIP_H_
#define PLACID_SEGMENT_MEMBERSHIP_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/locked_mapping.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_id.h"

namespace placid {

// Clears up after one dead owner. An error ends the recovery: it falls to
// whoever tries next.
using RecoverOwner = std::function<Result<void>(const DeadOwner& dead)>;

struct JoinOptions {
  // Where the table is full of the dead alone, one of them is recovered to make
  // room. Without it: kNoSpace.
  RecoverOwner recover;
};

class PLACID_API Membership {
 public:
  Membership() = default;
  Membership(Membership&& other) noexcept { swap(other); }
  Membership& operator=(Membership&& other) noexcept {
    Membership(std::move(other)).swap(*this);
    return *this;
  }
  // Leaves. Drop all roles that are held under the id before.
  ~Membership();

  // Errors: kInvalidArgument (the segment is not open), kNoSpace (all rows are
  // taken by the living, or by the dead and there is no `recover`), those of
  // `recover`, and the system's own.
  static Result<Membership> Join(const Segment& segment,
                                 const JoinOptions& options = {});

  [[nodiscard]] OwnerId id() const { return participant_.id(); }
  [[nodiscard]] bool is_joined() const { return participant_.is_joined(); }

  // Recovers whoever is dead by now, one after the other; how many. Those that
  // others are recovering are left to them. Errors: those of `recover`;
  // kInvalidArgument (not joined, in a child made by fork, or another segment);
  // kCorrupt (the table never comes to an end: a peer lies).
  Result<std::uint64_t> RecoverDead(const Segment& segment,
                                    const RecoverOwner& recover);

  void swap(Membership& other) noexcept;

 private:
  Membership(SegmentId segment, os::LockedMapping locked,
             const Participants& table, Participants::Participant participant)
      : segment_(segment),
        locked_(std::move(locked)),
        table_(table),
        participant_(std::move(participant)) {}

  SegmentId segment_;
  os::LockedMapping locked_;  // outlives the row in it
  std::optional<Participants> table_;
  Participants::Participant participant_;
};

}  // namespace placid

#endif  // PLACID_SEGMENT_MEMBERSHIP_H_
