// SPDX-License-Identifier: Apache-2.0
#include "tests/segment/foreign_program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <string>

namespace placid::testing {

ForeignProgram::ForeignProgram(std::size_t size_bytes)
    : name_("/foreign-" + std::to_string(::getpid())) {
  const int fd = ::shm_open(name_.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
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
  ::shm_unlink(name_.c_str());
  ::munmap(bytes_.data(), bytes_.size());
  ::close(static_cast<int>(handle_));
}

bool ForeignProgram::CanBeOpened() const {
  const int fd = ::shm_open(name_.c_str(), O_RDWR, 0600);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

}  // namespace placid::testing
