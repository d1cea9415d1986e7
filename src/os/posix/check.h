// SPDX-License-Identifier: Apache-2.0
//
// The caller's own arguments, looked at before the system is asked.
#ifndef PLACID_SRC_OS_POSIX_CHECK_H_
#define PLACID_SRC_OS_POSIX_CHECK_H_

#include <cstdint>

#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"

namespace placid::os::internal {

// Size and mode.
Result<void> CheckCreate(const Operation& operation, std::uint64_t size,
                         const CreateOptions& options);

// Access and mirror.
Result<void> CheckMap(const Operation& operation, const SharedObject& object,
                      const MapOptions& options);

// A path that no zero byte ends early, at another file.
Result<void> CheckPath(const Operation& operation);

// Whether an object that should have `expected` bytes still has them.
Result<void> CheckSize(const Operation& operation, std::uint64_t expected,
                       std::uint64_t found);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_POSIX_CHECK_H_
