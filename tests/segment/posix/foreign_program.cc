// SPDX-License-Identifier: Apache-2.0
#include "tests/segment/foreign_program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>

namespace placid::testing {
namespace {

// Linux: whoever has no path to give calls shm_open, whose objects are files.
// Darwin's are not: there a raw name is the path of one.
bool HasFilesOfShm() { return ::access("/dev/shm", F_OK) == 0; }

int Open(const std::string& name, int flags) {
  return HasFilesOfShm() ? ::shm_open(name.c_str(), flags, 0600)
                         : ::open(name.c_str(), flags, 0600);
}

}  // namespace

ForeignProgram::ForeignProgram(std::size_t size_bytes)
    : name_((HasFilesOfShm() ? "/foreign-" : "/tmp/foreign-") +
            std::to_string(::getpid())) {
  const int fd = Open(name_, O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(size_bytes)) != 0) {
    std::abort();
  }
  void* const at =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) std::abort();
  handle_ = fd;
  bytes_ = {static_cast<std::byte*>(at), size_bytes};
}

ForeignProgram::~ForeignProgram() {
  HasFilesOfShm() ? ::shm_unlink(name_.c_str()) : ::unlink(name_.c_str());
  ::munmap(bytes_.data(), bytes_.size());
  ::close(static_cast<int>(handle_));
}

bool ForeignProgram::CanBeOpened() const {
  const int fd = Open(name_, O_RDWR);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

}  // namespace placid::testing
