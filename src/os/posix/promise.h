// SPDX-License-Identifier: Apache-2.0
//
// The message of a handover: a descriptor, and a promise of what is behind it.
// Its receiver believes the promise as far as the object itself bears it out.
#ifndef PLACID_SRC_OS_POSIX_PROMISE_H_
#define PLACID_SRC_OS_POSIX_PROMISE_H_

#include <cstdint>

#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/shared_object.h"

namespace placid::os::internal {

Error PeerDied(const Operation& operation);

// 0 or an errno.
int SendPromise(int socket, int fd, std::uint64_t size_bytes, bool is_writable);

// Takes one message, which must be there, and the object it brings. Every other
// descriptor that came is closed.
// Errors: kPeerDied; kCorrupt (no promise of ours); those of
// SharedObject::Adopt, as errors of `operation`.
Result<SharedObject> TakePromised(const Operation& operation, int socket);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_POSIX_PROMISE_H_
