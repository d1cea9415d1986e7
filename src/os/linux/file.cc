// SPDX-License-Identifier: Apache-2.0
//
// Named objects: files in /dev/shm, where shm_open has its own. Anonymous ones:
// sealed memfds.
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "../posix/check.h"
#include "../posix/fd.h"
#include "../posix/operation.h"
#include "../posix/port.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/handover.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "proc.h"

namespace placid::os {
namespace internal {
namespace {

// The field of /proc/meminfo that begins with `key`, in bytes.
std::uint64_t MemoryField(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return 0;
  const auto digits = text.find_first_not_of(' ', at + key.size());
  if (digits == std::string_view::npos) return 0;
  std::uint64_t kibibytes = 0;
  std::from_chars(text.data() + digits, text.data() + text.size(), kibibytes);
  return kibibytes * 1024;
}

// tmpfs without a limit, which every memfd lies in, takes all memory there is
// and has the system kill processes. So what cannot fit is refused beforehand;
// what is small is not worth the look.
bool FitsInMemory(std::uint64_t size) {
  constexpr std::uint64_t kSmall = std::uint64_t{16} << 20;
  if (size <= kSmall) return true;
  const std::string text = ReadProc("/proc/meminfo");
  const std::uint64_t available = MemoryField(text, "MemAvailable:");
  return available == 0 || size <= available + MemoryField(text, "SwapFree:");
}

bool LiesInMemory(int fd) {
  struct statfs system;
  return ::fstatfs(fd, &system) == 0 && system.f_type == TMPFS_MAGIC;
}

std::string PathOfDescriptor(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace

Result<std::string> PathOf(const Operation& operation, const Name& name) {
  constexpr const char* kDirectory = "/dev/shm/";
  std::string_view text = name.text();
  if (!name.is_raw()) return kDirectory + ("placid." + std::string(text));
  // As shm_open reads it: leading slashes do not count.
  text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
  if (text.empty() || text == "." || text == ".." ||
      text.find('/') != std::string_view::npos) {
    return operation.Failed(ErrorCode::kInvalidArgument, "the raw name",
                            "use what shm_open takes: a slash and then a name "
                            "without slashes");
  }
  return kDirectory + std::string(text);
}

Result<NamePlace> PlaceOfNames(const Operation& /*operation*/) {
  return NamePlace{.directory = "/dev/shm", .prefix = "placid."};
}

UniqueFd OpenUnnamed(const std::string& directory) {
  return UniqueFd(Retry([&] {
    return ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  }));
}

int LinkUnnamed(int fd, const std::string& path) {
  return ::linkat(AT_FDCWD, PathOfDescriptor(fd).c_str(), AT_FDCWD,
                  path.c_str(), AT_SYMLINK_FOLLOW) == 0
             ? 0
             : errno;
}

int RenameNoReplace(const std::string& from, const std::string& to) {
  if (::syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS && errno != EPERM) return errno;
  // File systems that cannot, such as NFS, have links.
  if (::link(from.c_str(), to.c_str()) != 0) return errno;
  ::unlink(from.c_str());
  return 0;
}

int ReserveSpace(int fd, std::uint64_t size) {
  if (LiesInMemory(fd) && !FitsInMemory(size)) return ENOSPC;
  // A signal makes tmpfs give back all that one call had taken, so a large call
  // might never end under a profiler's timer: ask for less at a time then.
  constexpr std::uint64_t kLeast = 1 << 20;
  std::uint64_t step = size;
  for (std::uint64_t at = 0; at < size;) {
    const std::uint64_t bytes = std::min(step, size - at);
    const int error = ::posix_fallocate(fd, static_cast<off_t>(at),
                                        static_cast<off_t>(bytes));
    if (error == EINTR) {
      step = std::max(step / 2, kLeast);
    } else if (error != 0) {
      return error;
    } else {
      at += bytes;
    }
  }
  return 0;
}

bool IsSealed(int fd) {
  constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;
  const int seals = ::fcntl(fd, F_GET_SEALS);
  return seals != -1 && (seals & kSizeSeals) == kSizeSeals;
}

Result<UniqueFd> Reopen(const Operation& operation, int fd, Access access) {
  const int mode = access == Access::kReadWrite ? O_RDWR : O_RDONLY;
  UniqueFd own(Retry(
      [&] { return ::open(PathOfDescriptor(fd).c_str(), mode | O_CLOEXEC); }));
  if (own) return own;
  if (errno != ENOENT || ::access("/proc/self/fd", F_OK) == 0) {
    return operation.Failed(errno == ENOENT ? EBADF : errno);
  }
  Error error = operation.Failed(ErrorCode::kUnsupported, nullptr,
                                 "mount /proc: descriptors are reopened there");
  error.system_error = ENOENT;
  return error;
}

}  // namespace internal

namespace {

using internal::Operation;
using internal::UniqueFd;

// From Linux 6.3; older headers do not have it.
constexpr unsigned kNoExecSeal = 0x8;
constexpr unsigned kMemoryFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

UniqueFd MakeMemoryFile(unsigned flags) {
  constexpr const char* kLabel = "placid";  // seen in /proc/<pid>/maps only
  UniqueFd fd(::memfd_create(kLabel, kMemoryFlags | flags | kNoExecSeal));
  if (!fd && errno == EINVAL) {
    fd = UniqueFd(::memfd_create(kLabel, kMemoryFlags | flags));
  }
  return fd;
}

// A memory file of `size` bytes whose space is reserved. 0 or an errno.
int MakeReserved(std::uint64_t size, unsigned flags, UniqueFd& made) {
  UniqueFd fd = MakeMemoryFile(flags);
  if (!fd) return errno;
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return errno;
  if (const int error = internal::ReserveSpace(fd.get(), size); error != 0) {
    return error;
  }
  made = std::move(fd);
  return 0;
}

// The same of the system's pool of huge pages, of whole huge pages.
int MakeReservedHuge(std::uint64_t& size, UniqueFd& made) {
  UniqueFd probe = MakeMemoryFile(MFD_HUGETLB);
  if (!probe) return errno;
  const std::uint64_t unit = internal::HugePageBytes(probe.get());
  const std::uint64_t rounded = (size + unit - 1) / unit * unit;
  const int error = MakeReserved(rounded, MFD_HUGETLB, made);
  if (error == 0) size = rounded;
  return error;
}

}  // namespace

bool CanSealAnonymous() { return true; }
bool CanGiveAnonymousReadOnly() { return true; }

Result<SharedObject> SharedObject::CreateAnonymous(
    std::uint64_t size_bytes, const CreateOptions& options) {
  const Operation operation{"SharedObject::CreateAnonymous", {}};
  if (auto valid = internal::CheckCreate(operation, size_bytes, options);
      !valid) {
    return valid.error();
  }
  UniqueFd fd;
  if (!options.huge_pages || MakeReservedHuge(size_bytes, fd) != 0) {
    const int error = MakeReserved(size_bytes, 0, fd);
    if (error != 0) return operation.Failed(error);
  }
  // A memfd begins with mode 0777: who receives it read-only could reopen it.
  // Without its seals it would be no safer than a file: so both must succeed.
  if (::fchmod(fd.get(), static_cast<mode_t>(options.mode)) != 0 ||
      ::fcntl(fd.get(), F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return operation.Failed(errno);
  }
  return SharedObjectPort::Seal(
      SharedObjectPort::Make(operation, std::move(fd), size_bytes,
                             Access::kReadWrite, /*was_created=*/true));
}

}  // namespace placid::os
