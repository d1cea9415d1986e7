// SPDX-License-Identifier: Apache-2.0
#include "copy_file.h"

#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "check.h"
#include "fd.h"
#include "map_file.h"
#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"

namespace placid::os::internal {

Result<Mapping> ReserveCopy(const Operation& operation, std::uint64_t size) {
  if (size > std::numeric_limits<std::size_t>::max()) {
    return operation.Failed(ENOMEM);
  }
  const auto bytes = static_cast<std::size_t>(size);
  void* const data = ::mmap(nullptr, bytes, PROT_READ,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                            /*fd=*/-1, /*offset=*/0);
  if (data == MAP_FAILED) return operation.Failed(errno);
  return MappingPort::Make(static_cast<std::byte*>(data), bytes,
                           Access::kReadOnly);
}

// Into the very pages: only while it is read they can be written.
Result<void> CopyFile(const Operation& operation, int fd, const Mapping& copy,
                      std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return Ok();
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t begin = offset / page * page;
  std::byte* const pages = copy.data() + begin;
  const auto length = static_cast<std::size_t>(offset + size - begin);
  if (::mprotect(pages, length, PROT_READ | PROT_WRITE) != 0) {
    return operation.Failed(errno);
  }
  constexpr std::uint64_t kMostAtOnce = std::uint64_t{1} << 30;
  std::uint64_t at = offset;
  ssize_t got = 1;
  while (got > 0 && at < offset + size) {
    const std::uint64_t some = std::min(offset + size - at, kMostAtOnce);
    got = Retry([&] {
      return ::pread(fd, copy.data() + at, static_cast<std::size_t>(some),
                     static_cast<off_t>(at));
    });
    if (got > 0) at += static_cast<std::uint64_t>(got);
  }
  const int error = got < 0 ? errno : 0;
  if (::mprotect(pages, length, PROT_READ) != 0 && error == 0) {
    return operation.Failed(errno);
  }
  if (error != 0) return operation.Failed(error);
  return CheckSize(operation, offset + size, at);
}

}  // namespace placid::os::internal
