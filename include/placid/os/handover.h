// SPDX-License-Identifier: Apache-2.0
//
// Handover: gives an open SharedObject to a process that has no other way to
// it, such as an unrelated one. Linux and Darwin: a Unix stream socket and
// SCM_RIGHTS. Windows: a named pipe and DuplicateHandle.
//
// The receiver's peer is a process of the same user (checked by the system's
// peer credentials; anyone else is kPermissionDenied), but the object itself
// may still be of a hostile size or unsealed: check it as SharedObject::Adopt
// says.
#ifndef PLACID_OS_HANDOVER_H_
#define PLACID_OS_HANDOVER_H_

#include <cstdint>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os {

// Whether an object without a name can be given read-only. Darwin cannot open
// such a one a second time, and its only descriptor may write.
[[nodiscard]] PLACID_API bool CanGiveAnonymousReadOnly();

// Waits for receivers under a name. The name goes with this object.
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

}  // namespace placid::os

#endif  // PLACID_OS_HANDOVER_H_
