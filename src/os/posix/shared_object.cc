// SPDX-License-Identifier: Apache-2.0
#include "placid/os/shared_object.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "check.h"
#include "fd.h"
#include "file.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "port.h"

namespace placid::os {

using internal::Operation;
using internal::UniqueFd;

namespace {

Result<SharedObject> CreateAt(const Operation& operation,
                              const std::string& path, std::uint64_t size,
                              const CreateOptions& options) {
  if (auto valid = internal::CheckCreate(operation, size, options); !valid) {
    return valid.error();
  }
  auto fd = internal::CreateWhole(operation, path, size, options.mode);
  if (!fd) return fd.error();
  return SharedObjectPort::Make(operation, std::move(*fd), size,
                                Access::kReadWrite,
                                /*was_created=*/true);
}

Result<SharedObject> OpenNamed(const Operation& operation,
                               const std::string& path, Access access,
                               Owner owner) {
  auto fd = internal::OpenExisting(operation, path, access, O_NOFOLLOW);
  if (!fd) return fd.error();
  const auto facts = internal::Inspect(operation, fd->get());
  if (!facts) return facts.error();
  const std::uint64_t self = ::geteuid();
  if (owner == Owner::kSelf && facts->owner != self && facts->owner != 0) {
    Error error = operation.Failed(
        ErrorCode::kPermissionDenied, "the user who made it",
        "another user made it and could change it under us: choose another "
        "name, or open it with Owner::kAnyone");
    error.expected = self;
    error.found = facts->owner;
    return error;
  }
  return SharedObjectPort::Make(operation, std::move(*fd), facts->size, access,
                                /*was_created=*/false);
}

}  // namespace

SharedObject::~SharedObject() {
  const UniqueFd closing(static_cast<int>(handle_));
}

bool NamesPersist() { return true; }

Result<SharedObject> SharedObject::Create(const Name& name,
                                          std::uint64_t size_bytes,
                                          const CreateOptions& options) {
  const Operation operation{"SharedObject::Create", name.text()};
  const auto path = internal::PathOf(operation, name);
  if (!path) return path.error();
  return CreateAt(operation, *path, size_bytes, options);
}

Result<SharedObject> SharedObject::Open(const Name& name, Access access,
                                        Owner owner) {
  const Operation operation{"SharedObject::Open", name.text()};
  const auto path = internal::PathOf(operation, name);
  if (!path) return path.error();
  return OpenNamed(operation, *path, access, owner);
}

Result<SharedObject> SharedObject::OpenOrCreate(const Name& name,
                                                std::uint64_t size_bytes,
                                                const CreateOptions& options) {
  const Operation operation{"SharedObject::OpenOrCreate", name.text()};
  if (auto valid = internal::CheckCreate(operation, size_bytes, options);
      !valid) {
    return valid.error();
  }
  const auto path = internal::PathOf(operation, name);
  if (!path) return path.error();
  const Owner owner =
      options.mode == CreateOptions().mode ? Owner::kSelf : Owner::kAnyone;

  constexpr int kAttempts = 32;
  bool was_full = false;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto opened = OpenNamed(operation, *path, Access::kReadWrite, owner);
    if (opened || opened.error().code != ErrorCode::kNotFound) return opened;
    auto created = CreateAt(operation, *path, size_bytes, options);
    if (created) return created;
    const ErrorCode code = created.error().code;
    // Several who create at once take the space several times, until all but
    // one give it back: look again whether one has succeeded.
    if (code == ErrorCode::kNoSpace && !was_full) {
      was_full = true;
    } else if (code != ErrorCode::kAlreadyExists) {
      return created;
    }
  }
  return operation.Failed(ErrorCode::kContended, nullptr,
                          "others create and unlink this name all the time: "
                          "try again");
}

Result<void> SharedObject::Unlink(const Name& name) {
  const Operation operation{"SharedObject::Unlink", name.text()};
  const auto path = internal::PathOf(operation, name);
  if (!path) return path.error();
  if (::unlink(path->c_str()) != 0) return operation.Failed(errno);
  return Ok();
}

Result<SharedObject> SharedObject::CreateAtPath(std::string_view path,
                                                std::uint64_t size_bytes,
                                                const CreateOptions& options) {
  const Operation operation{"SharedObject::CreateAtPath", path};
  if (auto valid = internal::CheckPath(operation); !valid) {
    return valid.error();
  }
  return CreateAt(operation, std::string(path), size_bytes, options);
}

Result<SharedObject> SharedObject::OpenAtPath(std::string_view path,
                                              Access access) {
  const Operation operation{"SharedObject::OpenAtPath", path};
  if (auto valid = internal::CheckPath(operation); !valid) {
    return valid.error();
  }
  // Links are followed: who names a path has chosen it.
  auto fd = internal::OpenExisting(operation, std::string(path), access, 0);
  if (!fd) return fd.error();
  const auto facts = internal::Inspect(operation, fd->get());
  if (!facts) return facts.error();
  return SharedObjectPort::Make(operation, std::move(*fd), facts->size, access,
                                /*was_created=*/false);
}

Result<SharedObject> SharedObject::Adopt(NativeHandle handle, Access access,
                                         std::uint64_t size_bytes) {
  const Operation operation{"SharedObject::Adopt", {}};
  const int fd = static_cast<int>(handle);
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags == -1) return operation.Failed(errno);
  const int mode = flags & O_ACCMODE;
  if (mode == O_WRONLY || (access == Access::kReadWrite && mode != O_RDWR)) {
    return operation.Failed(ErrorCode::kPermissionDenied,
                            "the access of the descriptor",
                            "have the other side hand it over read-write, or "
                            "adopt it read-only");
  }
  const auto facts = internal::Inspect(operation, fd);
  if (!facts) return facts.error();
  if (auto valid = internal::CheckSize(operation, size_bytes, facts->size);
      !valid) {
    return valid.error();
  }
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) return operation.Failed(errno);
  const std::uint64_t unit = internal::HugePageBytes(fd);
  const std::uint64_t size =
      size_bytes == 0 ? facts->size : (size_bytes + unit - 1) / unit * unit;
  const bool is_sealed = internal::IsSealed(fd);
  auto object = SharedObjectPort::Make(operation, UniqueFd(fd), size, access,
                                       /*was_created=*/false);
  return is_sealed ? SharedObjectPort::Seal(std::move(object))
                   : std::move(object);
}

Result<void> SharedObject::StillNamed(const Name& name) const {
  const Operation operation{"SharedObject::StillNamed", name.text()};
  const auto path = internal::PathOf(operation, name);
  if (!path) return path.error();
  struct stat ours;
  if (::fstat(static_cast<int>(handle_), &ours) != 0) {
    return operation.Failed(errno);
  }
  struct stat there;
  if (::lstat(path->c_str(), &there) == 0) {
    if (there.st_dev == ours.st_dev && there.st_ino == ours.st_ino) return Ok();
  } else if (errno != ENOENT) {
    return operation.Failed(errno);
  }
  return operation.Failed(ErrorCode::kUnlinked, nullptr,
                          "somebody removed or replaced the name: create it "
                          "anew, or open what is there now");
}

}  // namespace placid::os
