// SPDX-License-Identifier: Apache-2.0
//
// Bells are sockets in the user's own directory, behind a dot, where no named
// object can be.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <string>

#include "../hash.h"
#include "../posix/fd.h"
#include "../posix/operation.h"
#include "../posix/port.h"
#include "directory.h"
#include "placid/base/result.h"

namespace placid::os::internal {
namespace {

struct Address {
  sockaddr_un bytes = {};
  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&bytes);
  }
};

// 0 or an errno.
int MakeAddress(std::uint64_t number, Address& address) {
  auto directory = UserDirectory({"Bell", {}});
  if (!directory) {
    const int error = directory.error().system_error;
    return error != 0 ? error : EACCES;
  }
  const HexDigits digits = ToHex(number);
  const std::string path =
      *directory + ".bell." + std::string(digits.data(), digits.size());
  if (path.size() >= sizeof(address.bytes.sun_path)) return ENAMETOOLONG;
  address.bytes.sun_family = AF_UNIX;
  address.bytes.sun_len = static_cast<unsigned char>(sizeof(address.bytes));
  std::ranges::copy(path, &address.bytes.sun_path[0]);
  return 0;
}

}  // namespace

UniqueFd MakeBellSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM, 0));
  const int on = 1;
  if (!fd || ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) == -1 ||
      ::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == -1 ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)) != 0) {
    return {};
  }
  return fd;
}

int BindBell(int socket, std::uint64_t number) {
  Address address;
  if (const int error = MakeAddress(number, address); error != 0) return error;
  return ::bind(socket, address.get(), sizeof(address.bytes)) == 0 ? 0 : errno;
}

void UnbindBell(std::uint64_t number) {
  Address address;
  if (MakeAddress(number, address) == 0) ::unlink(&address.bytes.sun_path[0]);
}

// A full queue is ENOBUFS on this system.
int RingBell(int socket, std::uint64_t number) {
  Address address;
  if (const int error = MakeAddress(number, address); error != 0) return error;
  const char ring = 1;
  if (::sendto(socket, &ring, 1, 0, address.get(), sizeof(address.bytes)) ==
      1) {
    return 0;
  }
  return errno == ENOBUFS ? EAGAIN : errno;
}

}  // namespace placid::os::internal
