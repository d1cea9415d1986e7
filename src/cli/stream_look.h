// SPDX-License-Identifier: Apache-2.0
//
// A stream of `placid send` and `placid receive` seen from outside, as a copy:
// who is alive, how far it is, and whether anybody needs it.
#ifndef PLACID_SRC_CLI_STREAM_LOOK_H_
#define PLACID_SRC_CLI_STREAM_LOOK_H_

#include <cstdint>

#include "cli/stream_header.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/process.h"

namespace placid::cli {

struct SideLook {
  StreamState state = StreamState::kAbsent;
  os::ProcessIdentity identity;  // its own word; zero: it never came
  bool is_alive = false;         // the system's
};

struct StreamLook {
  // Who joins, leaves or clears away at this moment.
  bool is_being_changed = false;
  // Nobody has written to it: made by one who died at once, or not a stream.
  bool is_virgin = false;
  StreamId id;
  bool is_resumable = false;
  std::uint64_t recorded_bytes = 0;
  SideLook sender;
  SideLook receiver;
  std::uint64_t size_bytes = 0;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t sent_bytes = 0;  // in the ring's count: with its headers
  std::uint64_t held_bytes = 0;  // sent and not received

  [[nodiscard]] bool IsAlive() const {
    return sender.is_alive || receiver.is_alive;
  }
};

// Errors: kNotFound; kNotPlacid and its kin (no stream); kWrongVersion (of
// another release); kPermissionDenied, and the other errors of opening.
Result<StreamLook> LookAtStream(const os::Name& name);

// Removes the name of a stream both of whose sides are dead, or never came,
// under the lock of those who join: whether it did. `may_be_virgin`: also what
// nobody has written to yet.
Result<bool> ClearStream(const os::Name& name, bool may_be_virgin);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_STREAM_LOOK_H_
