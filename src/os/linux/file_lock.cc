// SPDX-License-Identifier: Apache-2.0
#include "placid/os/file_lock.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include "../posix/fd.h"
#include "../posix/file.h"
#include "../posix/operation.h"
#include "../posix/port.h"
#include "lock_byte.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os {

using internal::Operation;
using internal::UniqueFd;

struct FileLockPort {
  static FileLock Make(UniqueFd fd) {
    FileLock lock;
    lock.handle_ = fd.Release();
    return lock;
  }
};

namespace {

// Locks of an open file description: unlike those of a process (F_SETLK) they
// are not lost when another descriptor of the file is closed.
int Control(int fd, int command, struct flock& lock) {
  return internal::Retry([&] { return ::fcntl(fd, command, &lock); });
}

struct flock ByteOf(std::uint32_t index, LockMode mode) {
  struct flock lock = {};
  lock.l_type = mode == LockMode::kShared ? F_RDLCK : F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = index;
  lock.l_len = 1;
  return lock;
}

Result<FileLock> Take(const Operation& operation, Result<UniqueFd> fd,
                      std::uint32_t index, LockMode mode) {
  if (!fd) return fd.error();
  if (auto locked = internal::LockByte(operation, fd->get(), index, mode);
      !locked) {
    return locked.error();
  }
  return FileLockPort::Make(std::move(*fd));
}

Result<LockState> Look(const Operation& operation, const Result<UniqueFd>& fd,
                       std::uint32_t index) {
  if (!fd) return fd.error();
  // What is in the way of having it alone.
  struct flock lock = ByteOf(index, LockMode::kExclusive);
  if (Control(fd->get(), F_OFD_GETLK, lock) != 0) {
    return operation.Failed(errno);
  }
  if (lock.l_type == F_UNLCK) return LockState::kFree;
  return lock.l_type == F_RDLCK ? LockState::kShared : LockState::kHeld;
}

// To share, as to look, it is enough to be allowed to read.
Access AccessFor(LockMode mode) {
  return mode == LockMode::kShared ? Access::kReadOnly : Access::kReadWrite;
}

Result<UniqueFd> OpenForLock(const Operation& operation, const Name& name,
                             Access access) {
  const auto path = internal::PathOf(operation, name);
  if (!path) return path.error();
  return internal::OpenExisting(operation, *path, access, O_NOFOLLOW);
}

Result<UniqueFd> ReopenForLock(const Operation& operation,
                               const SharedObject& object, Access access) {
  return internal::Reopen(operation, static_cast<int>(object.handle()), access);
}

}  // namespace

Result<void> internal::LockByte(const Operation& operation, int fd,
                                std::uint32_t index, LockMode mode) {
  struct flock lock = ByteOf(index, mode);
  if (Control(fd, F_OFD_SETLK, lock) == 0) return Ok();
  if (errno != EAGAIN && errno != EACCES) return operation.Failed(errno);
  return operation.Failed(ErrorCode::kBusy, nullptr,
                          "a living process holds it: end that one first");
}

FileLock::~FileLock() { const UniqueFd closing(static_cast<int>(handle_)); }

Result<FileLock> FileLock::TryLock(const Name& name, std::uint32_t index,
                                   LockMode mode) {
  const Operation operation{"FileLock::TryLock", name.text()};
  return Take(operation, OpenForLock(operation, name, AccessFor(mode)), index,
              mode);
}

Result<FileLock> FileLock::TryLock(const SharedObject& object,
                                   std::uint32_t index, LockMode mode) {
  const Operation operation{"FileLock::TryLock", {}};
  return Take(operation, ReopenForLock(operation, object, AccessFor(mode)),
              index, mode);
}

Result<LockState> FileLock::Probe(const Name& name, std::uint32_t index) {
  const Operation operation{"FileLock::Probe", name.text()};
  return Look(operation, OpenForLock(operation, name, Access::kReadOnly),
              index);
}

Result<LockState> FileLock::Probe(const SharedObject& object,
                                  std::uint32_t index) {
  const Operation operation{"FileLock::Probe", {}};
  return Look(operation, ReopenForLock(operation, object, Access::kReadOnly),
              index);
}

}  // namespace placid::os
