// SPDX-License-Identifier: Apache-2.0
//
// What Snapshot is made of where a descriptor can be read.
#ifndef PLACID_SRC_OS_POSIX_COPY_FILE_H_
#define PLACID_SRC_OS_POSIX_COPY_FILE_H_

#include <cstdint>

#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"

namespace placid::os::internal {

// So many bytes of private memory, zero and read-only, that takes no space.
Result<Mapping> ReserveCopy(const Operation& operation, std::uint64_t size);

// Reads `size` bytes of the file from `offset` on to the same place in such
// memory, which ends there or later. kTruncated: the file ends before.
Result<void> CopyFile(const Operation& operation, int fd, const Mapping& copy,
                      std::uint64_t offset, std::uint64_t size);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_POSIX_COPY_FILE_H_
