// SPDX-License-Identifier: Apache-2.0
//
// What macOS does its own way.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "cli/system.h"
#include "cli/system_facts.h"
#include "placid/base/error.h"
#include "placid/base/result.h"

namespace placid::cli {

// fsync alone leaves it in the disk's own memory. Not every file system has the
// other.
Result<void> File::Sync() {
  const int fd = static_cast<int>(handle_);
  if (::fcntl(fd, F_FULLFSYNC) == 0 || ::fsync(fd) == 0) return Ok();
  return Error{
      .code = ErrorCode::kSystem, .operation = "fsync", .system_error = errno};
}

// Its threads go where it wants.
void StayOnCore(unsigned /*index*/) {}

// ---- What the doctor asks ---------------------------------------------------

namespace {

std::uint64_t LimitOf(int resource) {
  struct rlimit limit;
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return kUnlimited;
  }
  return limit.rlim_cur;
}

}  // namespace

SystemFacts AskSystem() {
  SystemFacts facts;
  facts.user = ::geteuid();
  facts.open_files = LimitOf(RLIMIT_NOFILE);
  facts.locked_bytes = LimitOf(RLIMIT_MEMLOCK);
  facts.file_bytes = LimitOf(RLIMIT_FSIZE);
  facts.address_bytes = LimitOf(RLIMIT_AS);
  facts.unasked = {
      "space: named objects are files in the user's cache directory"};
  return facts;
}

}  // namespace placid::cli
