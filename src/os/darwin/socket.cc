// SPDX-License-Identifier: Apache-2.0
//
// Handovers meet at a Unix socket in the user's own directory. Its file stays
// when the listener dies: then nobody answers there, and the next listener
// replaces it.
#include <fcntl.h>
#include <sys/file.h>
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
#include "directory.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"

namespace placid::os::internal {
namespace {

struct Address {
  sockaddr_un bytes = {};
  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&bytes);
  }
  [[nodiscard]] const char* path() const { return &bytes.sun_path[0]; }
};

// A hash, since a name may be longer than an address; behind a dot, where no
// named object can be.
Result<Address> AddressOf(const Operation& operation, const Name& name) {
  auto directory = UserDirectory(operation);
  if (!directory) return directory.error();
  const HexDigits hash =
      ToHex(HashOf((name.is_raw() ? "raw:" : "") + std::string(name.text())));
  const std::string path =
      *directory + ".handover." + std::string(hash.data(), hash.size());
  Address address;
  if (path.size() >= sizeof(address.bytes.sun_path)) {
    return operation.Failed(ENAMETOOLONG);
  }
  address.bytes.sun_family = AF_UNIX;
  address.bytes.sun_len = static_cast<unsigned char>(sizeof(address.bytes));
  std::ranges::copy(path, &address.bytes.sun_path[0]);
  return address;
}

UniqueFd Prepared(UniqueFd fd) {
  if (!fd) return fd;
  const int on = 1;
  if (::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) == -1 ||
      ::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == -1 ||
      ::setsockopt(fd.get(), SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on)) != 0) {
    return {};
  }
  return fd;
}

int Connect(int socket, const Address& address) {
  return ::connect(socket, address.get(), sizeof(address.bytes)) == 0 ? 0
                                                                      : errno;
}

// Held while listeners of any name come to be: of two who find a dead one, one
// must not remove what the other has just put in its place. 0 or an errno.
int LockDirectory(const std::string& directory, UniqueFd& lock) {
  UniqueFd fd(Retry([&] {
    return ::open((directory + ".handover.lock").c_str(),
                  O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  }));
  if (!fd || Retry([&] { return ::flock(fd.get(), LOCK_EX); }) != 0) {
    return errno;
  }
  lock.swap(fd);
  return 0;
}

// 0 or an errno; EADDRINUSE: a living process listens there.
int BindAndListen(int socket, const Address& address) {
  if (::bind(socket, address.get(), sizeof(address.bytes)) != 0) {
    if (errno != EADDRINUSE) return errno;
    const UniqueFd probe = MakeSocket();
    if (!probe) return errno;
    const int error = Connect(probe.get(), address);
    if (error != ECONNREFUSED && error != ENOENT) return EADDRINUSE;
    ::unlink(address.path());
    if (::bind(socket, address.get(), sizeof(address.bytes)) != 0) {
      return errno;
    }
  }
  // Before the lock is given back: until it listens it looks dead.
  return ::listen(socket, SOMAXCONN) == 0 ? 0 : errno;
}

}  // namespace

const int kSendFlags = 0;     // the sockets have SO_NOSIGPIPE
const int kReceiveFlags = 0;  // SharedObject::Adopt sets FD_CLOEXEC

UniqueFd MakeSocket() {
  return Prepared(UniqueFd(::socket(AF_UNIX, SOCK_STREAM, 0)));
}

UniqueFd AcceptFrom(int listener) {
  return Prepared(UniqueFd(::accept(listener, nullptr, nullptr)));
}

Result<void> BindHandover(const Operation& operation, int socket,
                          const Name& name) {
  const auto address = AddressOf(operation, name);
  if (!address) return address.error();
  const auto directory = UserDirectory(operation);
  if (!directory) return directory.error();
  UniqueFd lock;
  int error = LockDirectory(*directory, lock);
  if (error == 0) error = BindAndListen(socket, *address);
  if (error == 0) return Ok();
  if (error != EADDRINUSE) return operation.Failed(error);
  Error failed = operation.Failed(ErrorCode::kAlreadyExists, nullptr,
                                  "a living process listens under this name: "
                                  "end it, or choose another name");
  failed.system_error = EADDRINUSE;
  return failed;
}

// Nobody replaces the file of a listener that lives.
void UnbindHandover(const Name& name) {
  const auto address = AddressOf({"HandoverListener", name.text()}, name);
  if (address) ::unlink(address->path());
}

// A full queue looks like a dead listener on this system.
int ConnectHandover(int socket, const Name& name) {
  const auto address = AddressOf({"ReceiveHandover", name.text()}, name);
  if (!address) {
    const int error = address.error().system_error;
    return error != 0 ? error : EACCES;
  }
  const int error = Connect(socket, *address);
  return error == ECONNREFUSED ? ENOENT : error;
}

int PeerUser(int socket, uid_t& user) {
  gid_t group = 0;
  return ::getpeereid(socket, &user, &group) == 0 ? 0 : errno;
}

}  // namespace placid::os::internal
