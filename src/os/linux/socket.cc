// SPDX-License-Identifier: Apache-2.0
//
// Handovers meet at an abstract Unix address, "\0placid.<user>.<name>". It goes
// with the last descriptor of its socket, whatever became of the process: a
// dead listener leaves nothing to be told apart from a living one and cleaned
// up, and no directory must be agreed upon between processes whose
// XDG_RUNTIME_DIR differ. It has no permissions; those are had from
// SO_PEERCRED, on both sides. So another user can take an address first, but
// gets nothing by it.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>

#include "../hash.h"
#include "../posix/fd.h"
#include "../posix/operation.h"
#include "../posix/port.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"

namespace placid::os::internal {
namespace {

struct Address {
  sockaddr_un bytes = {};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&bytes);
  }
};

Address AddressOf(const Name& name) {
  std::string text(name.text());
  if (!name.is_raw()) {
    text = "placid." + std::to_string(::geteuid()) + "." + text;
  }
  Address address;
  address.bytes.sun_family = AF_UNIX;
  constexpr std::size_t kMostBytes = sizeof(address.bytes.sun_path) - 1;
  if (text.size() > kMostBytes) {  // a name may be longer than an address
    const HexDigits hash = ToHex(HashOf(text));
    text.resize(kMostBytes - hash.size());
    text.append(hash.data(), hash.size());
  }
  std::ranges::copy(text, &address.bytes.sun_path[1]);
  address.size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + text.size());
  return address;
}

}  // namespace

const int kSendFlags = MSG_NOSIGNAL;
const int kReceiveFlags = MSG_CMSG_CLOEXEC;

UniqueFd MakeSocket() {
  return UniqueFd(
      ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

UniqueFd AcceptFrom(int listener) {
  return UniqueFd(
      ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

Result<void> BindHandover(const Operation& operation, int socket,
                          const Name& name) {
  const Address address = AddressOf(name);
  if (::bind(socket, address.get(), address.size) == 0) return Ok();
  if (errno != EADDRINUSE) return operation.Failed(errno);
  Error error = operation.Failed(ErrorCode::kAlreadyExists, nullptr,
                                 "a living process listens under this name: "
                                 "end it, or choose another name");
  error.system_error = EADDRINUSE;
  return error;
}

void UnbindHandover(const Name&) {}

int ConnectHandover(int socket, const Name& name) {
  const Address address = AddressOf(name);
  if (::connect(socket, address.get(), address.size) == 0) return 0;
  return errno == ECONNREFUSED ? ENOENT : errno;
}

int PeerUser(int socket, uid_t& user) {
  ucred credentials = {};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return errno;
  }
  user = credentials.uid;
  return 0;
}

}  // namespace placid::os::internal
