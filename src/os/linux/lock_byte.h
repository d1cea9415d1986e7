// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_SRC_OS_LINUX_LOCK_BYTE_H_
#define PLACID_SRC_OS_LINUX_LOCK_BYTE_H_

#include <cstdint>

#include "../posix/operation.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"

namespace placid::os::internal {

// Locks one byte for the open file description of `fd`, without waiting.
// Errors: kBusy.
Result<void> LockByte(const Operation& operation, int fd, std::uint32_t index,
                      LockMode mode);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_LINUX_LOCK_BYTE_H_
