// SPDX-License-Identifier: Apache-2.0
//
// What the kernel may refuse, and with which errors: for tests of what then
// becomes of an operation.
#ifndef PLACID_TESTS_OS_LINUX_REFUSED_CALLS_H_
#define PLACID_TESTS_OS_LINUX_REFUSED_CALLS_H_

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "tests/os/linux/deny.h"
#include "tests/os/linux/in_child.h"

namespace placid::os {

struct Call {
  const char* name;
  long number;
  unsigned argument = 0;  // refused only with one of these flags
  std::uint32_t flags = 0;
};

// A sanitizer maps and advises memory of its own: only what is shared counts.
inline constexpr Call kCalls[] = {
#ifdef SYS_fstat
    {"fstat", SYS_fstat},
#endif
#ifdef SYS_newfstatat
    {"newfstatat", SYS_newfstatat},
#endif
#ifdef SYS_access
    {"access", SYS_access},
#endif
#ifdef SYS_link
    {"link", SYS_link},
#endif
#ifdef SYS_unlink
    {"unlink", SYS_unlink},
#endif
#ifdef SYS_poll
    {"poll", SYS_poll},
#endif
    {"openat", SYS_openat},
    {"read", SYS_read},
    {"pread64", SYS_pread64},
    {"fstatfs", SYS_fstatfs},
    {"ftruncate", SYS_ftruncate},
    {"fallocate", SYS_fallocate},
    {"memfd_create", SYS_memfd_create},
    {"fchmod", SYS_fchmod},
    {"fcntl", SYS_fcntl},
    {"mmap", SYS_mmap, 3, MAP_SHARED},
    {"mbind", SYS_mbind},
    {"mlock", SYS_mlock},
    {"linkat", SYS_linkat},
    {"renameat2", SYS_renameat2},
    {"socket", SYS_socket},
    {"bind", SYS_bind},
    {"listen", SYS_listen},
    {"connect", SYS_connect},
    {"accept4", SYS_accept4},
    {"sendmsg", SYS_sendmsg},
    {"recvmsg", SYS_recvmsg},
    {"sendto", SYS_sendto},
    {"recvfrom", SYS_recvfrom},
    {"getsockopt", SYS_getsockopt},
    {"pidfd_open", SYS_pidfd_open},
    {"kill", SYS_kill},
};

// Not EINTR, after which a call is made again, nor EAGAIN, for as long as it
// lasts: no kernel says either for ever.
inline constexpr int kErrors[] = {EPERM,  ENOENT, ESRCH,  EIO,    ENOMEM,
                                  EACCES, EEXIST, EINVAL, ENFILE, EMFILE,
                                  ENOSPC, EPIPE,  ENOSYS, ENODEV, ECONNRESET};

// The lowest free descriptor, by a call that is never refused.
inline long NextDescriptor() {
  const long fd = ::syscall(SYS_dup, STDERR_FILENO);
  ::close(static_cast<int>(fd));
  return fd;
}

// Runs body(prepared, error) for every error with which `call` is then refused,
// in a process of its own: what is refused is refused for good, with the error
// that was set last. prepare() comes before that.
template <typename Prepare, typename Body>
void WithCallRefused(const Call& call, Prepare prepare, Body body) {
  SCOPED_TRACE(call.name);
  InChild([&] {
    auto prepared = prepare();
    for (const int error : kErrors) {
      SCOPED_TRACE(error);
      Deny(call.number, error, call.argument, call.flags);
      body(prepared, error);
    }
  });
}

// The same for every call: body(prepared, call, error).
template <typename Prepare, typename Body>
void WithEachCallRefused(Prepare prepare, Body body) {
  for (const Call& call : kCalls) {
    WithCallRefused(call, prepare, [&](auto& prepared, int error) {
      body(prepared, call, error);
    });
  }
}

}  // namespace placid::os

#endif  // PLACID_TESTS_OS_LINUX_REFUSED_CALLS_H_
