// SPDX-License-Identifier: Apache-2.0
//
// The kernel, as plays of types that sleep have it: os/futex.h, os/bell.h and
// os/peer_fence.h. A sleep that would block says that its slice is over, and
// whoever slept counts as asleep for as long as what it slept on stands as it
// stood. A bump with its wake is one instruction, as FUTEX_WAKE_OP is one step.
// Fences of peers are real where both parties run freely: there, and only
// there, a processor may keep back what a publisher has stored.
#ifndef PLACID_TESTS_CRASH_KERNEL_H_
#define PLACID_TESTS_CRASH_KERNEL_H_

#include <array>
#include <cstdint>

#include "placid/base/atomic.h"

namespace placid::crash {

// A sleep that nothing has ended yet, as it was last asked for here.
struct Slept {
  const Atomic<std::uint32_t>* at = nullptr;
  std::uint32_t on = 0;

  [[nodiscard]] bool IsAsleep() const {
    return at != nullptr && at->load(kRelaxed) == on;
  }
};
Slept LastSleep();

// What a kernel knows of bells. It lies beside the object of a play, which says
// where before it calls.
struct Bells {
  std::array<Atomic<std::uint32_t>, 8> rung;  // how often each was
  Atomic<std::uint32_t> made;
};
void SetBells(Bells* bells);

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_KERNEL_H_
