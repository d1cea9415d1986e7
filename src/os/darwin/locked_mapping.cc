// SPDX-License-Identifier: Apache-2.0
#include "../locked_mapping.h"

#include <unistd.h>

#include <cstdint>

#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os::internal {

Result<MappingAndLock> MapAndLock(const SharedObject& object, const Name& name,
                                  std::uint32_t index, LockMode mode) {
  return MapBesideLock(object, name, index, mode);
}

std::uint64_t ProcessNumber() { return static_cast<std::uint64_t>(::getpid()); }

}  // namespace placid::os::internal
