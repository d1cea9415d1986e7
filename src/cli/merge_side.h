// SPDX-License-Identifier: Apache-2.0
//
// MergeSide: one who takes part in a merge, sender or receiver, from coming to
// leaving.
#ifndef PLACID_SRC_CLI_MERGE_SIDE_H_
#define PLACID_SRC_CLI_MERGE_SIDE_H_

#include <cstdint>
#include <functional>
#include <optional>

#include "cli/merge.h"
#include "cli/merge_objects.h"
#include "cli/outcome.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/primitives/owner_id.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/publisher.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"

namespace placid::cli {

class MergeSide {
 public:
  struct Views {
    MergeRing ring;
    MergeStateCell state;
    Doorbells bells;
    WaitMask sent;
    WaitMask taken;
  };

  // Takes a role in a side that has joined; false: this merge is at its end.
  using TakeRole = std::function<OrOutcome<bool>(MergeSide& side)>;

  // Opens the merge of that name, or makes it, joins, and takes a role in it.
  // Waits for the end of a former one for up to two seconds. Why not, if not.
  std::optional<Outcome> Join(const MergeOptions& options,
                              const TakeRole& take);

  [[nodiscard]] const Views& views() const { return *views_; }
  [[nodiscard]] const Segment& segment() const { return segment_; }
  [[nodiscard]] const os::Name& name() const { return segment_.name(); }
  [[nodiscard]] OwnerId id() const { return member_.id(); }

  // From now on we can sleep until somebody notifies `source`.
  Result<void> Await(const WaitMask& source);
  [[nodiscard]] WaitSet& waiting() { return *waiting_; }
  void Wake() const {
    if (waiting_) waiting_->Waker()();
  }

  // Gives back what the dead had; how many were dead.
  std::uint64_t RecoverDead();

  // What the receiver says, or nothing for now.
  [[nodiscard]] std::optional<MergeState> LoadState() const;
  [[nodiscard]] bool IsStillNamed() const;

  // Takes the names away, if we are the last. Drop the roles before.
  void Leave();

 private:
  OrOutcome<bool> TryJoin(const MergeOptions& options);
  [[nodiscard]] RecoverOwner Recovery() const;

  Segment segment_;
  Membership member_;
  std::optional<Views> views_;
  std::optional<WaitSet> waiting_;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_MERGE_SIDE_H_
