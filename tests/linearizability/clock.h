// SPDX-License-Identifier: Apache-2.0
//
// Stamps of calls and returns, on one scale for all threads.
//
// On x86-64 it is the processor's time stamp counter, which ticks alike on all
// cores (checker_test.cc looks whether it does here); elsewhere, and in 32
// bits, a ticket from one shared word. The ticket is right everywhere but makes
// the threads wait for each other's line, so that less overlaps.
//
// A return is stamped once all stores of the operation are visible to all.
// Without that fence a push could "return" while its tail is still in the
// core's store buffer, and a pop that begins later would rightly find nothing:
// acquire and release order what happens before, not what a clock says.
#ifndef PLACID_TESTS_LINEARIZABILITY_CLOCK_H_
#define PLACID_TESTS_LINEARIZABILITY_CLOCK_H_

#include <atomic>
#include <cstdint>

#include "placid/base/platform.h"

namespace placid::linearizability {

#if defined(__x86_64__) && PLACID_GNU_COMPILER

inline constexpr const char* kClock = "time stamp counter";

// Before the operation: nothing of it is begun earlier, nor is the stamp taken
// while what came before is under way.
inline std::uint64_t CallStamp() {
  __builtin_ia32_lfence();
  const std::uint64_t now = __builtin_ia32_rdtsc();
  __builtin_ia32_lfence();
  return now;
}
// After it: nothing of it is unfinished.
inline std::uint64_t ReturnStamp() {
  __builtin_ia32_mfence();
  __builtin_ia32_lfence();
  const std::uint64_t now = __builtin_ia32_rdtsc();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return now;
}

#else

inline constexpr const char* kClock = "shared ticket";

inline std::uint64_t Ticket() {
  static std::atomic<std::uint64_t> next{0};
  return next.fetch_add(1, std::memory_order_seq_cst);
}
inline std::uint64_t CallStamp() { return Ticket(); }
inline std::uint64_t ReturnStamp() { return Ticket(); }

#endif

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_CLOCK_H_
