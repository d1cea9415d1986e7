// SPDX-License-Identifier: Apache-2.0
//
// UniqueFd: a file descriptor that closes itself.
#ifndef PLACID_SRC_OS_POSIX_FD_H_
#define PLACID_SRC_OS_POSIX_FD_H_

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace placid::os::internal {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    UniqueFd(std::move(other)).swap(*this);
    return *this;
  }
  // Keeps errno, which the failure that led here may still be in. close is
  // never repeated after EINTR: the descriptor is gone, or another's, by then.
  ~UniqueFd() {
    if (fd_ < 0) return;
    const int error = errno;
    ::close(fd_);
    errno = error;
  }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }
  void swap(UniqueFd& other) noexcept { std::swap(fd_, other.fd_); }

 private:
  int fd_ = -1;
};

// Calls again while a signal interrupts.
template <typename Call>
[[nodiscard]] auto Retry(Call&& call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_POSIX_FD_H_
