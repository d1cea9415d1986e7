// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_SRC_OS_POSIX_FILE_H_
#define PLACID_SRC_OS_POSIX_FILE_H_

#include <cstdint>
#include <string>

#include "fd.h"
#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"

namespace placid::os::internal {

// Makes a regular file of `size` zero bytes, its space reserved, and gives it
// `path` as the last step: whoever can open it sees all of it. Whatever fails,
// and whenever we die, no file is left at `path`. kAlreadyExists if one is
// there.
Result<UniqueFd> CreateWhole(const Operation& operation,
                             const std::string& path, std::uint64_t size,
                             std::uint32_t mode);

struct FileFacts {
  std::uint64_t size = 0;
  std::uint64_t owner = 0;
};

// Checks that `fd` is a regular file that is not empty.
Result<FileFacts> Inspect(const Operation& operation, int fd);

// Opens any existing file. `flags`: further flags of open.
Result<UniqueFd> OpenExisting(const Operation& operation,
                              const std::string& path, Access access,
                              int flags);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_POSIX_FILE_H_
