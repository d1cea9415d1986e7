// SPDX-License-Identifier: Apache-2.0
//
// Atomic<T>: the one atomic type of this library, and the fences and copies
// that go with it.
//
// It is a plain integer of 32 or 64 bits that is only ever reached through the
// machine (machine.h). Against std::atomic it lacks what a mapped type must not
// have: default orders, operators, sequentially consistent accesses, other
// widths, and a constructor that would have to run. Every call site therefore
// says its order, and the tidy test reads it together with the name of the edge:
//
//   tail.store(n, kRelease);  // sync: publish (release)
//
// Sequential consistency comes from fences alone: Fence(kSeqCst).
#ifndef PLACID_BASE_ATOMIC_H_
#define PLACID_BASE_ATOMIC_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#ifdef PLACID_MACHINE_HEADER
#include PLACID_MACHINE_HEADER
#else
#include "placid/base/machine.h"
#endif

namespace placid {

inline constexpr auto kRelaxed = std::memory_order_relaxed;
inline constexpr auto kAcquire = std::memory_order_acquire;
inline constexpr auto kRelease = std::memory_order_release;
inline constexpr auto kAcqRel = std::memory_order_acq_rel;
inline constexpr auto kSeqCst = std::memory_order_seq_cst;  // fences only

// The width of every shared word: what each machine we know accesses in one
// piece, also where a pointer has 32 bits.
template <typename T>
concept AtomicWord = std::is_integral_v<T> && !std::is_same_v<T, bool> &&
                     (sizeof(T) == 4 || sizeof(T) == 8);

template <AtomicWord T>
class Atomic {
 public:
  using value_type = T;

  Atomic() = default;
  constexpr explicit Atomic(T value) : value_(value) {}

  // sync comments belong to the callers.
  // clang-format off
  T load(std::memory_order order, machine::Site site = machine::Site(
             __builtin_FILE(), __builtin_LINE())) const {
    return machine::Load(&value_, order, site);
  }
  void store(T value, std::memory_order order, machine::Site site =
                 machine::Site(__builtin_FILE(), __builtin_LINE())) {
    machine::Store(&value_, value, order, site);
  }
  T exchange(T value, std::memory_order order, machine::Site site =
                 machine::Site(__builtin_FILE(), __builtin_LINE())) {
    return machine::Exchange(&value_, value, order, site);
  }
  // Strong. On failure `expected` holds what was there.
  bool compare_exchange(T& expected, T desired, std::memory_order success,
                        std::memory_order failure, machine::Site site =
                            machine::Site(__builtin_FILE(), __builtin_LINE())) {
    return machine::CompareExchange(&value_, expected, desired, success,
                                    failure, site);
  }
  T fetch_add(T by, std::memory_order order, machine::Site site =
                  machine::Site(__builtin_FILE(), __builtin_LINE())) {
    return machine::FetchAdd(&value_, by, order, site);
  }
  T fetch_or(T bits, std::memory_order order, machine::Site site =
                 machine::Site(__builtin_FILE(), __builtin_LINE())) {
    return machine::FetchOr(&value_, bits, order, site);
  }
  T fetch_and(T bits, std::memory_order order, machine::Site site =
                  machine::Site(__builtin_FILE(), __builtin_LINE())) {
    return machine::FetchAnd(&value_, bits, order, site);
  }
  // clang-format on

 private:
  // i386 aligns a 64-bit integer in a struct to 4 bytes; shared words must lie
  // in one cache line and at the same offset everywhere.
  alignas(sizeof(T)) T value_;
};

static_assert(sizeof(Atomic<std::uint64_t>) == 8);
static_assert(alignof(Atomic<std::uint64_t>) == 8);
static_assert(sizeof(Atomic<std::uint32_t>) == 4);
static_assert(std::is_trivial_v<Atomic<std::uint64_t>>);
static_assert(std::has_unique_object_representations_v<Atomic<std::uint64_t>>);

inline void Fence(std::memory_order order,
                  machine::Site site = machine::Site(__builtin_FILE(),
                                                     __builtin_LINE())) {
  machine::Fence(order, site);
}

// The next version: of a tag, a sequence, a claim's number. Wherever others
// tell two states apart by a number alone it is moved on by this, so that the
// model checker can leave it out and see who notices.
template <AtomicWord T>
[[nodiscard]] constexpr T Bump(
    T version, machine::Site site = machine::Site(__builtin_FILE(),
                                                  __builtin_LINE())) {
  return machine::Bump(version, site);
}

}  // namespace placid

#endif  // PLACID_BASE_ATOMIC_H_
