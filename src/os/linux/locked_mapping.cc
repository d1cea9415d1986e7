// SPDX-License-Identifier: Apache-2.0
//
// A lock of an open file description lasts as long as anything refers to that:
// here the mapping alone, once the descriptor is closed.
#include "../locked_mapping.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "../posix/operation.h"
#include "../posix/port.h"
#include "lock_byte.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os::internal {
namespace {

// The object with an open file description of our own: through /proc or, where
// there is none, by its name, if that leads to it.
Result<SharedObject> OpenAgain(const Operation& operation,
                               const SharedObject& object, const Name& name) {
  auto fd =
      Reopen(operation, static_cast<int>(object.handle()), Access::kReadWrite);
  if (fd) {
    return SharedObjectPort::Make(operation, std::move(*fd),
                                  object.size_bytes(), Access::kReadWrite,
                                  /*was_created=*/false);
  }
  if (fd.error().code != ErrorCode::kUnsupported) return fd.error();
  auto named = SharedObject::Open(name, Access::kReadWrite, Owner::kAnyone);
  struct stat ours;
  struct stat there;
  if (named && ::fstat(static_cast<int>(object.handle()), &ours) == 0 &&
      ::fstat(static_cast<int>(named->handle()), &there) == 0 &&
      ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) {
    return named;
  }
  return fd.error();
}

}  // namespace

Result<MappingAndLock> MapAndLock(const SharedObject& object, const Name& name,
                                  std::uint32_t index, LockMode mode) {
  const Operation operation{"LockedMapping::TryMap", name.text()};
  const auto through = OpenAgain(operation, object, name);
  if (!through) return through.error();
  if (auto locked =
          LockByte(operation, static_cast<int>(through->handle()), index, mode);
      !locked) {
    return locked.error();
  }
  auto mapping = through->Map({.dont_fork = true});
  if (!mapping) return mapping.error();
  if (mapping->granted()[Wish::kDontFork] != Grant::kGranted) {
    return operation.Failed(mapping->granted().system_error(Wish::kDontFork));
  }
  return MappingAndLock{*std::move(mapping), FileLock()};
}

std::uint64_t ProcessNumber() { return static_cast<std::uint64_t>(::getpid()); }

}  // namespace placid::os::internal
