// SPDX-License-Identifier: Apache-2.0
//
// A lock is flock on an empty file beside the object, called ".lock.<index>."
// and then as the object: no Name begins with a dot. These files stay, since to
// remove one is to take it from under whoever is about to lock it.
#include "placid/os/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/param.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "../posix/fd.h"
#include "../posix/operation.h"
#include "../posix/port.h"
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

// Whether that is to be had, LOCK_EX or LOCK_SH; if so, it is ours.
bool CanHave(const UniqueFd& fd, int how) {
  return internal::Retry([&] { return ::flock(fd.get(), how | LOCK_NB); }) == 0;
}

// `path` of an object that exists.
std::string LockPath(const std::string& path, std::uint32_t index) {
  const auto slash = path.rfind('/');
  return path.substr(0, slash + 1) + ".lock." + std::to_string(index) + "." +
         path.substr(slash + 1);
}

Result<std::string> LockPathOf(const Operation& operation, const Name& name,
                               std::uint32_t index) {
  const auto path = internal::PathOf(operation, name);
  if (!path) return path.error();
  struct stat found;
  if (::lstat(path->c_str(), &found) != 0) return operation.Failed(errno);
  return LockPath(*path, index);
}

Result<std::string> LockPathOf(const Operation& operation,
                               const SharedObject& object,
                               std::uint32_t index) {
  const int fd = static_cast<int>(object.handle());
  std::array<char, MAXPATHLEN> path{};
  struct stat ours;
  if (::fstat(fd, &ours) != 0) return operation.Failed(errno);
  struct stat there;
  if (::fcntl(fd, F_GETPATH, path.data()) != -1 &&
      ::lstat(path.data(), &there) == 0 && there.st_dev == ours.st_dev &&
      there.st_ino == ours.st_ino) {
    return LockPath(path.data(), index);
  }
  return operation.Failed(ErrorCode::kUnsupported, nullptr,
                          "on macOS a lock lies beside the object's name: give "
                          "it one");
}

// Probe holds a lock for some microseconds: that is not to be taken for a
// holder.
constexpr std::chrono::milliseconds kPause{1};

Result<FileLock> Take(const Operation& operation,
                      const Result<std::string>& path, LockMode mode) {
  if (!path) return path.error();
  UniqueFd fd(internal::Retry([&] {
    return ::open(path->c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                  0600);
  }));
  if (!fd) return operation.Failed(errno);
  const int wanted = mode == LockMode::kShared ? LOCK_SH : LOCK_EX;
  constexpr int kAttempts = 10;
  for (int attempt = 1;; ++attempt) {
    if (CanHave(fd, wanted)) return FileLockPort::Make(std::move(fd));
    if (errno != EWOULDBLOCK) return operation.Failed(errno);
    if (attempt == kAttempts) break;
    std::this_thread::sleep_for(kPause);
  }
  return operation.Failed(ErrorCode::kBusy, nullptr,
                          "a living process holds it: end that one first");
}

Result<LockState> Look(const Operation& operation,
                       const Result<std::string>& path) {
  if (!path) return path.error();
  const UniqueFd fd(internal::Retry([&] {
    return ::open(path->c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  }));
  if (!fd && errno == ENOENT) return LockState::kFree;  // never locked yet
  if (!fd) return operation.Failed(errno);
  // Nobody has what can be had alone.
  if (CanHave(fd, LOCK_EX)) return LockState::kFree;
  std::this_thread::sleep_for(kPause);
  if (CanHave(fd, LOCK_EX)) return LockState::kFree;
  if (CanHave(fd, LOCK_SH)) return LockState::kShared;
  if (errno == EWOULDBLOCK) return LockState::kHeld;
  return operation.Failed(errno);
}

}  // namespace

FileLock::~FileLock() { const UniqueFd closing(static_cast<int>(handle_)); }

Result<FileLock> FileLock::TryLock(const Name& name, std::uint32_t index,
                                   LockMode mode) {
  const Operation operation{"FileLock::TryLock", name.text()};
  return Take(operation, LockPathOf(operation, name, index), mode);
}

Result<FileLock> FileLock::TryLock(const SharedObject& object,
                                   std::uint32_t index, LockMode mode) {
  const Operation operation{"FileLock::TryLock", {}};
  return Take(operation, LockPathOf(operation, object, index), mode);
}

Result<LockState> FileLock::Probe(const Name& name, std::uint32_t index) {
  const Operation operation{"FileLock::Probe", name.text()};
  return Look(operation, LockPathOf(operation, name, index));
}

Result<LockState> FileLock::Probe(const SharedObject& object,
                                  std::uint32_t index) {
  const Operation operation{"FileLock::Probe", {}};
  return Look(operation, LockPathOf(operation, object, index));
}

}  // namespace placid::os
