// SPDX-License-Identifier: Apache-2.0
//
// What Linux does its own way.
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "cli/system.h"
#include "cli/system_facts.h"
#include "placid/base/error.h"
#include "placid/base/result.h"

namespace placid::cli {

// Without the times of a file whose size has not changed.
Result<void> File::Sync() {
  while (::fdatasync(static_cast<int>(handle_)) != 0) {
    if (errno != EINTR) {
      return Error{.code = ErrorCode::kSystem,
                   .operation = "fdatasync",
                   .system_error = errno};
    }
  }
  return Ok();
}

void StayOnCore(unsigned index) {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  auto left = index % static_cast<unsigned>(CPU_COUNT(&allowed));
  std::size_t core = 0;
  while (!CPU_ISSET(core, &allowed) || left-- > 0) ++core;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ::sched_setaffinity(0, sizeof(one), &one);
}

// ---- What the doctor asks ---------------------------------------------------

namespace {

std::uint64_t LimitOf(int resource) {
  struct rlimit limit;
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0 ||
      limit.rlim_cur == RLIM_INFINITY) {
    return kUnlimited;
  }
  return limit.rlim_cur;
}

PlaceFacts AskPlace(const char* directory) {
  PlaceFacts facts{.directory = directory};
  struct stat status;
  struct statvfs space;
  struct statfs kind;
  if (::stat(directory, &status) != 0 || ::statvfs(directory, &space) != 0 ||
      ::statfs(directory, &kind) != 0) {
    facts.error = errno;
    return facts;
  }
  if (!S_ISDIR(status.st_mode)) {
    facts.error = ENOTDIR;
    return facts;
  }
  const std::uint64_t block = space.f_frsize;
  facts.is_in_memory = kind.f_type == TMPFS_MAGIC;
  facts.is_read_only = (space.f_flag & ST_RDONLY) != 0;
  facts.is_open_to_us =
      ::faccessat(AT_FDCWD, directory, R_OK | W_OK | X_OK, AT_EACCESS) == 0 ||
      errno == EROFS;
  facts.mode = status.st_mode & 07777;
  facts.total_bytes = space.f_blocks * block;
  facts.free_bytes = space.f_bavail * block;
  facts.total_files = space.f_files;
  facts.free_files = space.f_favail;
  return facts;
}

// A descriptor, or the error of getting one.
std::int32_t ErrorOfOpening(long fd) {
  if (fd < 0) return errno;
  ::close(static_cast<int>(fd));
  return 0;
}

std::int32_t TryMembarrier() {
  const long known = ::syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
  if (known < 0) return errno;
  return (known & MEMBARRIER_CMD_GLOBAL_EXPEDITED) != 0 ? 0 : ENOSYS;
}

// A file in memory that nobody can make smaller; and a lock of its description.
std::int32_t TrySealing(bool with_lock) {
  const int fd =
      ::memfd_create("placid-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return errno;
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_len = 1;
  const int done =
      with_lock
          ? ::fcntl(fd, F_OFD_SETLK, &lock)
          : ::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  const std::int32_t error = done == 0 ? 0 : errno;
  ::close(fd);
  return error;
}

std::int32_t TryOfdLock() {
  // In memory where that is allowed: else on any file that can be read.
  const std::int32_t error = TrySealing(/*with_lock=*/true);
  if (error == 0) return 0;
  const int fd = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return error;
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  lock.l_len = 1;
  const std::int32_t other = ::fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
  ::close(fd);
  return other;
}

std::int32_t TryFutex() {
  std::uint32_t word = 0;
  return ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0) < 0
             ? errno
             : 0;
}

}  // namespace

SystemFacts AskSystem() {
  SystemFacts facts;
  facts.user = ::geteuid();
  facts.place = AskPlace("/dev/shm");
  facts.open_files = LimitOf(RLIMIT_NOFILE);
  facts.locked_bytes = LimitOf(RLIMIT_MEMLOCK);
  facts.core_bytes = LimitOf(RLIMIT_CORE);
  facts.file_bytes = LimitOf(RLIMIT_FSIZE);
  facts.address_bytes = LimitOf(RLIMIT_AS);
  facts.has_proc = true;
  facts.calls = {
      {"futex", TryFutex(), "nobody can sleep until others publish"},
      {"membarrier", TryMembarrier(),
       "publishers that wake others fence themselves, which costs some "
       "nanoseconds each time"},
      {"pidfd_open", ErrorOfOpening(::syscall(SYS_pidfd_open, ::getpid(), 0)),
       "a death is noticed within a second, not at once"},
      {"memfd_create and seals", TrySealing(/*with_lock=*/false),
       "anonymous objects cannot be made, or not be kept from being cut "
       "short"},
      {"locks of open file descriptions", TryOfdLock(),
       "nobody can join a segment or a stream"},
  };
  return facts;
}

}  // namespace placid::cli
