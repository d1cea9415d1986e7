// SPDX-License-Identifier: Apache-2.0
//
// Deny: takes system calls away from this process for good, as sandboxes do.
#ifndef PLACID_TESTS_OS_LINUX_DENY_H_
#define PLACID_TESTS_OS_LINUX_DENY_H_

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace placid::os {

// `call` fails with `error` from now on; where `flags` is not 0, only if its
// argument number `argument` has one of these bits.
inline void Deny(long call, int error, unsigned argument = 0,
                 std::uint32_t flags = 0) {
  constexpr auto kLoad = std::uint16_t{BPF_LD | BPF_W | BPF_ABS};
  constexpr auto kReturn = std::uint16_t{BPF_RET | BPF_K};
  constexpr auto kEqual = std::uint16_t{BPF_JMP | BPF_JEQ | BPF_K};
  constexpr auto kAnyBit = std::uint16_t{BPF_JMP | BPF_JSET | BPF_K};
  constexpr auto kJump = std::uint16_t{BPF_JMP | BPF_JA};
  constexpr std::uint32_t kFirstArgument = offsetof(seccomp_data, args);
  // The low half of a 64-bit argument comes first on little-endian machines.
  constexpr std::uint32_t kLowHalf =
      __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4;
  std::array<sock_filter, 7> program{{
      {kLoad, 0, 0, offsetof(seccomp_data, nr)},
      {kEqual, 0, 3, static_cast<std::uint32_t>(call)},
      {kLoad, 0, 0, kFirstArgument + 8 * argument + kLowHalf},
      {flags != 0 ? kAnyBit : kJump, 0, 1, flags},
      {kReturn, 0, 0, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error)},
      {kReturn, 0, 0, SECCOMP_RET_ALLOW},
      {kReturn, 0, 0, SECCOMP_RET_ALLOW},
  }};
  const sock_fprog filter{static_cast<unsigned short>(program.size()),
                          program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    std::perror("seccomp");
    std::abort();
  }
}

}  // namespace placid::os

#endif  // PLACID_TESTS_OS_LINUX_DENY_H_
