// SPDX-License-Identifier: Apache-2.0
//
// What differs between the POSIX systems. src/os/posix implements the public
// contracts on top of these few functions; each of src/os/linux and
// src/os/darwin supplies them.
#ifndef PLACID_SRC_OS_POSIX_PORT_H_
#define PLACID_SRC_OS_POSIX_PORT_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "fd.h"
#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os {

static_assert(sizeof(off_t) == 8, "compile with _FILE_OFFSET_BITS=64");

// Makes them.
struct SharedObjectPort {
  // Named by the operation's subject.
  static SharedObject Make(const internal::Operation& operation,
                           internal::UniqueFd fd, std::uint64_t size,
                           Access access, bool was_created) {
    SharedObject object;
    object.name_ = operation.subject;
    object.handle_ = fd.Release();
    object.size_ = size;
    object.access_ = access;
    object.was_created_ = was_created;
    return object;
  }
  static SharedObject Seal(SharedObject object) {
    object.is_sealed_ = true;
    return object;
  }
};

namespace internal {

// ---- Files ------------------------------------------------------------------

// Where a named object lies.
Result<std::string> PathOf(const Operation& operation, const Name& name);

// Where all named objects lie, without a slash at its end, and how their files'
// names begin.
struct NamePlace {
  std::string directory;
  std::string prefix;
};
Result<NamePlace> PlaceOfNames(const Operation& operation);

// A new file in `directory` that has no name yet, or nothing and errno where
// the system or the file system has no such thing.
UniqueFd OpenUnnamed(const std::string& directory);
// Gives it one. 0 or an errno.
int LinkUnnamed(int fd, const std::string& path);
// 0 or an errno: EEXIST if `to` exists, which is then left alone.
int RenameNoReplace(const std::string& from, const std::string& to);

// Makes an empty file `size` bytes long and reserves all of its space, so that
// touching a page can not fail later. 0 or an errno.
int ReserveSpace(int fd, std::uint64_t size);

// Whether nobody can make it smaller or larger.
bool IsSealed(int fd);

// An open file description of our own for the file behind `fd`: with its own
// locks and access.
Result<UniqueFd> Reopen(const Operation& operation, int fd, Access access);

// ---- Mappings ---------------------------------------------------------------

// What lengths and addresses of maps of this file must be multiples of, where
// that is more than the page: the size of its huge pages. Else 1.
std::uint64_t HugePageBytes(int fd);

// What the address of a map should be a multiple of; 1: the system's choice.
std::uint64_t Alignment(int fd, const MapOptions& options);

// Additional flags for mmap.
int MapFlags(const MapOptions& options);

// Does what `options` wishes for; `object_size` bytes are mapped at
// mapping.data(), and perhaps a mirror behind them.
Granted GrantWishes(const Mapping& mapping, std::size_t object_size, int fd,
                    const MapOptions& options);

// ---- Sockets ----------------------------------------------------------------

// These descriptors close on exec and never raise SIGPIPE.
UniqueFd MakeSocket();
UniqueFd AcceptFrom(int listener);
extern const int kSendFlags;     // of sendmsg
extern const int kReceiveFlags;  // of recvmsg

// Binds `socket` to the address of `name`, replacing what a dead listener left.
Result<void> BindHandover(const Operation& operation, int socket,
                          const Name& name);
// Removes what BindHandover left in the file system, if anything.
void UnbindHandover(const Name& name);
// Connects without waiting. 0 or an errno; EAGAIN: too many are waiting.
int ConnectHandover(int socket, const Name& name);
// The effective user at the other end. 0 or an errno.
int PeerUser(int socket, uid_t& user);

// A socket for datagrams, which never waits.
UniqueFd MakeBellSocket();
// Binds it to the address of the bell. 0 or an errno; EADDRINUSE: another has
// the number.
int BindBell(int socket, std::uint64_t number);
// Removes what BindBell left in the file system, if anything.
void UnbindBell(std::uint64_t number);
// Sends one byte there. 0 or an errno; EAGAIN: the bell's queue is full, or this
// socket's.
int RingBell(int socket, std::uint64_t number);

}  // namespace internal
}  // namespace placid::os

#endif  // PLACID_SRC_OS_POSIX_PORT_H_
