// SPDX-License-Identifier: Apache-2.0
//
// Bells lie at abstract Unix addresses, "\0placid.bell.<number>", which go with
// their sockets whatever becomes of the process.
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "../hash.h"
#include "../posix/fd.h"
#include "../posix/port.h"

namespace placid::os::internal {
namespace {

struct Address {
  explicit Address(std::uint64_t number) {
    constexpr std::string_view kPrefix = "placid.bell.";
    const HexDigits digits = ToHex(number);
    bytes.sun_family = AF_UNIX;
    auto* end = std::ranges::copy(kPrefix, &bytes.sun_path[1]).out;
    end = std::ranges::copy(digits, end).out;
    size = static_cast<socklen_t>(reinterpret_cast<std::byte*>(end) -
                                  reinterpret_cast<std::byte*>(&bytes));
  }
  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&bytes);
  }

  sockaddr_un bytes = {};
  socklen_t size = 0;
};

}  // namespace

UniqueFd MakeBellSocket() {
  return UniqueFd(
      ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

int BindBell(int socket, std::uint64_t number) {
  const Address address(number);
  return ::bind(socket, address.get(), address.size) == 0 ? 0 : errno;
}

void UnbindBell(std::uint64_t) {}

int RingBell(int socket, std::uint64_t number) {
  const Address address(number);
  const char ring = 1;
  return ::sendto(socket, &ring, 1, MSG_NOSIGNAL, address.get(),
                  address.size) == 1
             ? 0
             : errno;
}

}  // namespace placid::os::internal
