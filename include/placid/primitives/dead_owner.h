// SPDX-License-Identifier: Apache-2.0
//
// DeadOwner: that an owner is dead, and that nobody else has its index yet.
//
// Whoever recovers the dead is given one, for as long as that takes, and passes
// it to Recover of each type in which the dead one may have held something.
// After that the index is given to somebody else: so it can be neither copied
// nor kept.
#ifndef PLACID_PRIMITIVES_DEAD_OWNER_H_
#define PLACID_PRIMITIVES_DEAD_OWNER_H_

#include "placid/primitives/owner_id.h"

namespace placid {

class DeadOwner {
 public:
  DeadOwner(const DeadOwner&) = delete;
  DeadOwner& operator=(const DeadOwner&) = delete;

  // The caller's own word, who gives out the ids: of a table that proves
  // nothing, or one in the caller's own bytes. Layer segment gives proven ones
  // (participants.h).
  [[nodiscard]] static constexpr DeadOwner Attested(OwnerId id) {
    return DeadOwner(id);
  }

  [[nodiscard]] constexpr OwnerId id() const { return id_; }

 private:
  explicit constexpr DeadOwner(OwnerId id) : id_(id) {}

  OwnerId id_;
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_DEAD_OWNER_H_
