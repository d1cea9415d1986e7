// SPDX-License-Identifier: Apache-2.0
//
// The kernel, as plays of types that sleep have it: os/futex.h, os/bell.h and
// os/peer_fence.h. A sleep that would block says that its slice is over, and
// whoever slept counts as asleep for as long as what it slept on stands as it
// stood; or, on a word that has a queue behind it, until a wake takes it out of
// that. A bump with its wake is one instruction, as FUTEX_WAKE_OP is one step,
// and so is any other wake, and to fall asleep. Two sleepers are a herd.
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

// Who sleeps on the word of 32 bits that lies 8 bytes before, in the order in
// which they fell asleep, at most 8: a byte for each, with its number from 1 to
// 7 and its bit. All bytes of both on a multiple of 16.
struct Queue {
  Atomic<std::uint64_t> asleep;

  [[nodiscard]] bool Has(int sleeper) const;
  // Its slice is over, or it is dead.
  void Remove(int sleeper);
};
// What sleeps on the word before `queue` from here on, and before its like in
// the other view of the same bytes, does so under this number. Or it has been
// woken from such a sleep, and that is what its next one returns.
void SetSleeper(const Queue* queue, int sleeper, bool is_woken = false);

// What a kernel knows of bells. It lies beside the object of a play, which says
// where before it calls.
struct Bells {
  std::array<Atomic<std::uint32_t>, 8> rung;  // how often each was
  Atomic<std::uint32_t> made;
};
void SetBells(Bells* bells);

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_KERNEL_H_
