// SPDX-License-Identifier: Apache-2.0
//
// A lock of an open file description lasts as long as anything refers to that:
// here the mapping alone, once the descriptor is closed.
#include "../locked_mapping.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "../posix/fd.h"
#include "../posix/operation.h"
#include "../posix/port.h"
#include "lock_byte.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/shared_object.h"

namespace placid::os::internal {

Result<MappingAndLock> MapAndLock(const SharedObject& object, const Name& name,
                                  std::uint32_t index) {
  const Operation operation{"LockedMapping::TryMap", name.text()};
  auto fd =
      Reopen(operation, static_cast<int>(object.handle()), Access::kReadWrite);
  if (!fd) return fd.error();
  if (auto locked = LockByte(operation, fd->get(), index); !locked) {
    return locked.error();
  }
  const SharedObject through = SharedObjectPort::Make(
      operation, std::move(*fd), object.size_bytes(), Access::kReadWrite,
      /*was_created=*/false);
  auto mapping = through.Map({.dont_fork = true});
  if (!mapping) return mapping.error();
  if (mapping->granted()[Wish::kDontFork] != Grant::kGranted) {
    return operation.Failed(mapping->granted().system_error(Wish::kDontFork));
  }
  return MappingAndLock{*std::move(mapping), FileLock()};
}

std::uint64_t ProcessNumber() { return static_cast<std::uint64_t>(::getpid()); }

}  // namespace placid::os::internal
