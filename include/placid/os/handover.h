// SPDX-License-Identifier: Apache-2.0
//
// Handover: gives an open SharedObject to a process that has no other way to
// it, such as an unrelated one. Linux and Darwin: a Unix stream socket and
// SCM_RIGHTS. Windows: a named pipe and DuplicateHandle.
//
// GiveTo gives one object and knows that it has arrived. Offer gives several to
// whoever comes and does not look after it, so that no receiver can hold up a
// giver that has others to serve.
//
// The receiver's peer is a process of the same user (checked by the system's
// peer credentials; anyone else is kPermissionDenied), but the object itself
// may still be of a hostile size or unsealed: check it as SharedObject::Adopt
// says.
#ifndef PLACID_OS_HANDOVER_H_
#define PLACID_OS_HANDOVER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os {

// Whether an object without a name can be given read-only. Darwin cannot open
// such a one a second time, and its only descriptor may write.
[[nodiscard]] PLACID_API bool CanGiveAnonymousReadOnly();

// One of several objects that are given together, with `access` at most.
struct Gift {
  const SharedObject& object;
  Access access;
};

// What has become of an offer.
enum class Offered : std::uint8_t {
  kNobody,  // nobody came for it
  kGiven,   // somebody has it, or leaves it
  kLost,    // somebody came and got nothing: another user's process, or one
            // that died or, on Windows, took its time
};

// Waits for receivers under a name. The name goes with this object; on Linux
// and Darwin a child made by fork has it, too, until it execs or ends.
class PLACID_API HandoverListener {
 public:
  HandoverListener() = default;
  HandoverListener(HandoverListener&& other) noexcept { swap(other); }
  HandoverListener& operator=(HandoverListener&& other) noexcept {
    HandoverListener(std::move(other)).swap(*this);
    return *this;
  }
  ~HandoverListener();

  // Errors: kAlreadyExists (somebody alive listens there; what a dead listener
  // left behind is replaced).
  static Result<HandoverListener> Listen(const Name& name);

  // Waits at most `timeout_ms` for one receiver and gives it `object` with
  // `access` at most. Errors: kTimedOut, kPeerDied, kPermissionDenied,
  // kUnsupported (unless CanGiveAnonymousReadOnly()).
  Result<void> GiveTo(const SharedObject& object, Access access,
                      std::int64_t timeout_ms);

  // Waits at most `wait_ms` for one receiver and leaves it `gifts`, in that
  // order: at once where the system keeps them for it, but on Windows it has
  // kTakeWithinMs to take them. Errors are our own alone, and whoever waits is
  // left to a later call: kSystem (out of descriptors), kPermissionDenied,
  // kUnsupported (as GiveTo).
  Result<Offered> Offer(std::span<const Gift> gifts, std::int64_t wait_ms);
  static constexpr std::int64_t kTakeWithinMs = 250;

  // Readable (Linux, Darwin) when a receiver is waiting; kNoHandle where there
  // is no such thing.
  [[nodiscard]] NativeHandle event() const;

  void swap(HandoverListener& other) noexcept;

 private:
  friend struct HandoverPort;

  NativeHandle handle_ = kNoHandle;
  Name name_ = *Name::Parse("none");
};

// Receives one object from whoever listens under `name`. Errors: kNotFound,
// kTimedOut, kPeerDied, kPermissionDenied.
PLACID_API Result<SharedObject> ReceiveHandover(const Name& name,
                                                std::int64_t timeout_ms);

// The same from whoever offers several there: the first `count` of them.
// Errors: as well kPeerDied (there are fewer).
PLACID_API Result<std::vector<SharedObject>> TakeOffered(
    const Name& name, std::size_t count, std::int64_t timeout_ms);

}  // namespace placid::os

#endif  // PLACID_OS_HANDOVER_H_
