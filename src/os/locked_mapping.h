// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_SRC_OS_LOCKED_MAPPING_H_
#define PLACID_SRC_OS_LOCKED_MAPPING_H_

#include <cstdint>

#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os::internal {

// What a port of LockedMapping supplies.

// A mapping and its lock; the lock is empty where the mapping itself has it.
struct MappingAndLock {
  Mapping mapping;
  FileLock lock;
};
Result<MappingAndLock> MapAndLock(const SharedObject& object, const Name& name,
                                  std::uint32_t index, LockMode mode);

// A number that no two living processes have; 0 where none is made by fork.
std::uint64_t ProcessNumber();

// MapAndLock where the two stand side by side.
Result<MappingAndLock> MapBesideLock(const SharedObject& object,
                                     const Name& name, std::uint32_t index,
                                     LockMode mode);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_LOCKED_MAPPING_H_
