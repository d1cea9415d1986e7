// SPDX-License-Identifier: Apache-2.0
//
// The machine: every way in which a placid type touches memory that another
// process can see. It is the seam: a build that defines PLACID_MACHINE_HEADER
// (the model checker, the hostile-peer fuzz build) puts another machine here,
// with the same functions, and the types above run on it unchanged.
//
//   function                   order        meaning
//   Load Store Exchange
//   CompareExchange FetchAdd
//   FetchOr FetchAnd           as given     one atomic access of 4 or 8 bytes
//   Fence                      as given     a fence; no access
//   Bump                       none         the next version; no access
//   CopyIn  CopyOut            none         bytes that a release store and an
//                                           acquire load of this type order
//   RacyCopyIn RacyCopyOut     relaxed      bytes that may change meanwhile: each
//                                           byte is some value that was there
//   Pause                      none         a hint in a spin loop
//   PrefetchRead PrefetchWrite none         hints; need not be mapped
//
// Sites: each atomic access, fence and bump is passed the file and line it
// stands on. This machine ignores them; the model's weakens by them.
#ifndef PLACID_BASE_MACHINE_H_
#define PLACID_BASE_MACHINE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "placid/base/platform.h"

#if !PLACID_GNU_COMPILER
#include <intrin.h>
#endif

namespace placid::machine {

using MemoryOrder = std::memory_order;

class Site {
 public:
  constexpr Site(const char* /*file*/, int /*line*/) {}
};

// ---- Atomic access ----------------------------------------------------------
//
// Builtins on a plain object, not std::atomic, so that a struct of them is an
// implicit-lifetime type: bytes that mmap returned are such an object already.

#if PLACID_GNU_COMPILER

template <typename T>
PLACID_ALWAYS_INLINE T Load(const T* at, MemoryOrder order, Site) {
  return __atomic_load_n(at, static_cast<int>(order));
}
template <typename T>
PLACID_ALWAYS_INLINE void Store(T* at, T value, MemoryOrder order, Site) {
  __atomic_store_n(at, value, static_cast<int>(order));
}
template <typename T>
PLACID_ALWAYS_INLINE T Exchange(T* at, T value, MemoryOrder order, Site) {
  return __atomic_exchange_n(at, value, static_cast<int>(order));
}
// Strong: fails only where *at differed. `expected` gets what was there.
template <typename T>
PLACID_ALWAYS_INLINE bool CompareExchange(T* at, T& expected, T desired,
                                          MemoryOrder success,
                                          MemoryOrder failure, Site) {
  return __atomic_compare_exchange_n(at, &expected, desired, /*weak=*/false,
                                     static_cast<int>(success),
                                     static_cast<int>(failure));
}
template <typename T>
PLACID_ALWAYS_INLINE T FetchAdd(T* at, T by, MemoryOrder order, Site) {
  return __atomic_fetch_add(at, by, static_cast<int>(order));
}
template <typename T>
PLACID_ALWAYS_INLINE T FetchOr(T* at, T bits, MemoryOrder order, Site) {
  return __atomic_fetch_or(at, bits, static_cast<int>(order));
}
template <typename T>
PLACID_ALWAYS_INLINE T FetchAnd(T* at, T bits, MemoryOrder order, Site) {
  return __atomic_fetch_and(at, bits, static_cast<int>(order));
}

#else

template <typename T>
T Load(const T* at, MemoryOrder order, Site) {
  return std::atomic_ref<T>(const_cast<T&>(*at)).load(order);
}
template <typename T>
void Store(T* at, T value, MemoryOrder order, Site) {
  std::atomic_ref<T>(*at).store(value, order);
}
template <typename T>
T Exchange(T* at, T value, MemoryOrder order, Site) {
  return std::atomic_ref<T>(*at).exchange(value, order);
}
template <typename T>
bool CompareExchange(T* at, T& expected, T desired, MemoryOrder success,
                     MemoryOrder failure, Site) {
  return std::atomic_ref<T>(*at).compare_exchange_strong(expected, desired,
                                                         success, failure);
}
template <typename T>
T FetchAdd(T* at, T by, MemoryOrder order, Site) {
  return std::atomic_ref<T>(*at).fetch_add(by, order);
}
template <typename T>
T FetchOr(T* at, T bits, MemoryOrder order, Site) {
  return std::atomic_ref<T>(*at).fetch_or(bits, order);
}
template <typename T>
T FetchAnd(T* at, T bits, MemoryOrder order, Site) {
  return std::atomic_ref<T>(*at).fetch_and(bits, order);
}

#endif

PLACID_ALWAYS_INLINE void Fence(MemoryOrder order, Site) {
#if PLACID_TSAN && PLACID_GNU_COMPILER && !defined(__clang__)
  // GCC warns that its ThreadSanitizer does not see fences; Clang's does.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
  std::atomic_thread_fence(order);
#pragma GCC diagnostic pop
#else
  std::atomic_thread_fence(order);
#endif
}

// The version after this one, where versions alone tell two states apart.
template <typename T>
constexpr T Bump(T version, Site) {
  return version + 1;
}

// ---- Copies -----------------------------------------------------------------

// Makes the compiler forget where the bytes at `to` came from, so that it can
// not read them from the shared source a second time.
template <std::size_t kBytes>
PLACID_ALWAYS_INLINE void Launder(void* to) {
#if PLACID_GNU_COMPILER
  struct Bytes {
    std::byte bytes[kBytes];
  };
  asm("" : "+m"(*static_cast<Bytes*>(to)));
#else
  (void)to;
  _ReadWriteBarrier();
#endif
}

// The same for all memory.
PLACID_ALWAYS_INLINE void CompilerBarrier() {
#if PLACID_GNU_COMPILER
  asm volatile("" ::: "memory");
#else
  _ReadWriteBarrier();
#endif
}

// Published bytes: an honest peer does not write them now. A hostile one may,
// so the private copy is read from shared memory exactly once.
template <typename T>
PLACID_ALWAYS_INLINE void CopyOut(T& to, const T& from) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(&to, &from, sizeof(T));
  Launder<sizeof(T)>(&to);
}
template <typename T>
PLACID_ALWAYS_INLINE void CopyIn(T& to, const T& from) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memcpy(&to, &from, sizeof(T));
}
inline void CopyOut(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  std::memcpy(to, from, bytes);
  CompilerBarrier();
}
inline void CopyIn(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  std::memcpy(to, from, bytes);
}

// The portable twin of a racy copy: relaxed words, then relaxed bytes. Three to
// ten times slower than memcpy from 64 bytes up, but no data race by the
// letter. `shared` says which side to access atomically; the other is private.
enum class Shared { kFrom, kTo };

template <Shared kShared>
inline void RacyCopyByWords(void* to, const void* from, std::size_t bytes) {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  const auto* at = kShared == Shared::kFrom ? in : out;
  const auto move = [&]<typename Word>(Word word) {
    if constexpr (kShared == Shared::kFrom) {
      word = Load(reinterpret_cast<const Word*>(in),
                  std::memory_order_relaxed, Site("", 0));
      std::memcpy(out, &word, sizeof(Word));
    } else {
      std::memcpy(&word, in, sizeof(Word));
      Store(reinterpret_cast<Word*>(out), word, std::memory_order_relaxed,
            Site("", 0));
    }
    in += sizeof(Word);
    out += sizeof(Word);
    at += sizeof(Word);
    bytes -= sizeof(Word);
  };
  const auto aligned = [&](std::size_t to_bytes) {
    return reinterpret_cast<std::uintptr_t>(at) % to_bytes == 0;
  };
  while (bytes > 0 && !aligned(8)) move(static_cast<unsigned char>(0));
  while (bytes >= 8) move(std::uint64_t{0});
  while (bytes > 0) move(static_cast<unsigned char>(0));
}

// Whether racy copies are memcpy here. ThreadSanitizer must see what they are,
// and other compilers promise nothing about a racing memcpy.
inline constexpr bool kRacyCopyIsVector = PLACID_GNU_COMPILER && !PLACID_TSAN;

// memcpy between compiler barriers: GCC and Clang neither drop, repeat nor move
// it across them, and the hardware copies each byte once. That is all a seqlock
// asks of the copy; its order comes from fences.
PLACID_ALWAYS_INLINE void RacyCopyByVectors(void* to, const void* from,
                                            std::size_t bytes) {
  if (bytes == 0) return;  // of an empty span, which may be null
  if (bytes == 0) return;  // where memcpy forbids null
  CompilerBarrier();
  std::memcpy(to, from, bytes);
  CompilerBarrier();
}

PLACID_ALWAYS_INLINE void RacyCopyOut(void* to, const void* from,
                                      std::size_t bytes) {
  if constexpr (kRacyCopyIsVector) {
    RacyCopyByVectors(to, from, bytes);
  } else {
    RacyCopyByWords<Shared::kFrom>(to, from, bytes);
  }
}
PLACID_ALWAYS_INLINE void RacyCopyIn(void* to, const void* from,
                                     std::size_t bytes) {
  if constexpr (kRacyCopyIsVector) {
    RacyCopyByVectors(to, from, bytes);
  } else {
    RacyCopyByWords<Shared::kTo>(to, from, bytes);
  }
}

// ---- Hints ------------------------------------------------------------------

PLACID_ALWAYS_INLINE void Pause() {
#if PLACID_X86 && PLACID_GNU_COMPILER
  __builtin_ia32_pause();
#elif defined(__aarch64__) && PLACID_GNU_COMPILER
  asm volatile("isb");  // waits about as long as x86's pause; yield does not
#elif !PLACID_GNU_COMPILER && (defined(_M_X64) || defined(_M_IX86))
  _mm_pause();
#else
  CompilerBarrier();
#endif
}

PLACID_ALWAYS_INLINE void PrefetchRead([[maybe_unused]] const void* at) {
#if PLACID_GNU_COMPILER
  __builtin_prefetch(at, 0, 3);
#endif
}

// By name on x86-64: without -mprfchw the builtin becomes a prefetch for
// reading, and the line is then fetched twice.
PLACID_ALWAYS_INLINE void PrefetchWrite([[maybe_unused]] const void* at) {
#if defined(__x86_64__) && PLACID_GNU_COMPILER
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(at)));
#elif PLACID_GNU_COMPILER
  __builtin_prefetch(at, 1, 3);
#endif
}

}  // namespace placid::machine

#endif  // PLACID_BASE_MACHINE_H_
