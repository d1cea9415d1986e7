// SPDX-License-Identifier: Apache-2.0
//
// Attended: what an attendant looks after: one side of something that has
// another side.
#ifndef PLACID_SRC_CLI_ATTENDED_H_
#define PLACID_SRC_CLI_ATTENDED_H_

#include <cstdint>

#include "placid/os/shared_object.h"

namespace placid::cli {

enum class PeerLife : std::uint8_t {
  kAbsent,   // has not come yet
  kPresent,  // at work, or done and waiting for us
  kGone,     // said how it ended
  kDead,     // ended without a word
};

// All is called in the attendant's thread.
class Attended {
 public:
  Attended(Attended&&) = default;
  Attended& operator=(Attended&&) = default;
  virtual ~Attended() = default;

  [[nodiscard]] virtual PeerLife LookAtPeer() = 0;

  // Becomes ready at the peer's death, as Bell::Wait takes it; none where there
  // is no such thing, or no longer.
  [[nodiscard]] virtual os::NativeHandle DeathEvent() { return os::kNoHandle; }

  // Ends a sleep of the thread that moves bytes.
  virtual void Wake() const {}

  // Whether who comes now would find us.
  [[nodiscard]] virtual bool IsStillNamed() const { return true; }

  // Whether we go on without our peer, and wait for the next.
  [[nodiscard]] virtual bool AwaitsSuccessor() const { return false; }

  // Whether there is nothing left to do once the peer is gone: else what it has
  // left is still to be written.
  [[nodiscard]] virtual bool EndsWithPeer() const = 0;

  // How many bytes there will be; UINT64_MAX: nobody knows.
  [[nodiscard]] virtual std::uint64_t ExpectedBytes() const {
    return UINT64_MAX;
  }

 protected:
  Attended() = default;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_ATTENDED_H_
