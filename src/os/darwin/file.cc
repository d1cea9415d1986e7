// SPDX-License-Identifier: Apache-2.0
//
// Named objects: regular files in a directory of the user's own. Not shm_open,
// whose objects can be neither locked nor listed, and have 31 characters.
// Anonymous ones: the same, unlinked at once.
#include <fcntl.h>
#include <stdio.h>
#include <sys/param.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include "../hash.h"
#include "../posix/check.h"
#include "../posix/fd.h"
#include "../posix/operation.h"
#include "../posix/port.h"
#include "directory.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/handover.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os {
namespace internal {
namespace {

// On file systems that cannot reserve. Bytes that were written have their
// place.
int FillWithZeros(int fd, std::uint64_t size) {
  static constexpr std::array<char, 64 * 1024> kZeros{};
  for (std::uint64_t at = 0; at < size;) {
    const auto bytes = static_cast<std::size_t>(
        std::min<std::uint64_t>(size - at, kZeros.size()));
    const ssize_t written = Retry([&] {
      return ::pwrite(fd, kZeros.data(), bytes, static_cast<off_t>(at));
    });
    if (written < 0) return errno;
    if (written == 0) return ENOSPC;
    at += static_cast<std::uint64_t>(written);
  }
  return 0;
}

bool IsSameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

}  // namespace

Result<std::string> PathOf(const Operation& operation, const Name& name) {
  if (name.is_raw()) {
    if (name.text().front() == '/') return std::string(name.text());
    return operation.Failed(ErrorCode::kInvalidArgument, "the raw name",
                            "on macOS give a file's path from the root: what "
                            "shm_open makes is not supported");
  }
  auto directory = UserDirectory(operation);
  if (!directory) return directory;
  return *directory + std::string(name.text());
}

Result<NamePlace> PlaceOfNames(const Operation& operation) {
  auto directory = UserDirectory(operation);
  if (!directory) return directory.error();
  directory->pop_back();
  return NamePlace{.directory = *std::move(directory), .prefix = ""};
}

// Darwin has none: every file begins with a name.
UniqueFd OpenUnnamed(const std::string& /*directory*/) {
  errno = ENOTSUP;
  return {};
}
int LinkUnnamed(int /*fd*/, const std::string& /*path*/) { return ENOTSUP; }

int RenameNoReplace(const std::string& from, const std::string& to) {
  if (::renamex_np(from.c_str(), to.c_str(), RENAME_EXCL) == 0) return 0;
  if (errno != ENOTSUP && errno != EINVAL) return errno;
  // File systems that cannot may have links.
  if (::link(from.c_str(), to.c_str()) != 0) return errno;
  ::unlink(from.c_str());
  return 0;
}

int ReserveSpace(int fd, std::uint64_t size) {
  fstore_t request = {};
  request.fst_flags = F_ALLOCATEALL;
  request.fst_posmode = F_PEOFPOSMODE;
  request.fst_length = static_cast<off_t>(size);
  const int reserved =
      Retry([&] { return ::fcntl(fd, F_PREALLOCATE, &request); });
  if (reserved == -1) {
    if (errno == ENOTSUP || errno == EINVAL || errno == ENOTTY) {
      return FillWithZeros(fd, size);
    }
    return errno;
  }
  return Retry([&] { return ::ftruncate(fd, static_cast<off_t>(size)); }) == 0
             ? 0
             : errno;
}

bool IsSealed(int /*fd*/) { return false; }

// To open /dev/fd/N here is to duplicate N: the file is opened by the path that
// the system knows of it, as long as that still leads to it.
Result<UniqueFd> Reopen(const Operation& operation, int fd, Access access) {
  std::array<char, MAXPATHLEN> path{};
  struct stat ours;
  if (::fstat(fd, &ours) != 0) return operation.Failed(errno);
  if (::fcntl(fd, F_GETPATH, path.data()) != -1) {
    const int mode = access == Access::kReadWrite ? O_RDWR : O_RDONLY;
    UniqueFd own(Retry([&] {
      return ::open(path.data(), mode | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    }));
    struct stat theirs;
    if (own && ::fstat(own.get(), &theirs) == 0 && IsSameFile(ours, theirs)) {
      return own;
    }
    if (!own && errno != ENOENT) return operation.Failed(errno);
  }
  return operation.Failed(ErrorCode::kUnsupported, nullptr,
                          "macOS cannot open an object without a name again: "
                          "give it read-write, or give it a name");
}

}  // namespace internal

namespace {

using internal::Operation;
using internal::UniqueFd;

// A file that is gone from the directory before anyone is told of it.
UniqueFd MakeUnlinked(const std::string& directory) {
  std::random_device random;
  const auto digits = internal::ToHex(std::uint64_t{random()} << 32 | random());
  const std::string path =
      directory + ".placid." + std::string(digits.data(), digits.size());
  UniqueFd fd(internal::Retry([&] {
    return ::open(path.c_str(),
                  O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  }));
  if (fd) ::unlink(path.c_str());
  return fd;
}

}  // namespace

bool CanSealAnonymous() { return false; }
bool CanGiveAnonymousReadOnly() { return false; }

Result<SharedObject> SharedObject::CreateAnonymous(
    std::uint64_t size_bytes, const CreateOptions& options) {
  const Operation operation{"SharedObject::CreateAnonymous", {}};
  if (auto valid = internal::CheckCreate(operation, size_bytes, options);
      !valid) {
    return valid.error();
  }
  const auto directory = internal::UserDirectory(operation);
  if (!directory) return directory.error();
  UniqueFd fd = MakeUnlinked(*directory);
  if (!fd) return operation.Failed(errno);
  if (const int error = internal::ReserveSpace(fd.get(), size_bytes);
      error != 0) {
    return operation.Failed(error);
  }
  if (::fchmod(fd.get(), static_cast<mode_t>(options.mode)) != 0) {
    return operation.Failed(errno);
  }
  return SharedObjectPort::Make(operation, std::move(fd), size_bytes,
                                Access::kReadWrite,
                                /*was_created=*/true);
}

}  // namespace placid::os
