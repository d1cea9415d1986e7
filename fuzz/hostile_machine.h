// SPDX-License-Identifier: Apache-2.0
//
// The hostile machine: placid's seam (placid/base/machine.h) for fuzzing. The
// same functions; each load of shared memory gives what the HostilePeer of the
// run says it gives, each copy out is spoilt as the peer likes, and every
// access is watched. Without a peer it is a plain machine.
//
// One thread, so the orders are not looked at: they are the model's business.
//
// Blind to: shared bytes that are read other than through the machine. The
// guard pages and ASan still see such a read when it strays.
#ifndef PLACID_FUZZ_HOSTILE_MACHINE_H_
#define PLACID_FUZZ_HOSTILE_MACHINE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "fuzz/hostile_peer.h"
#include "placid/base/platform.h"

namespace placid::machine {

using MemoryOrder = std::memory_order;

class Site {
 public:
  constexpr Site(const char* /*file*/, int /*line*/) {}
};

inline fuzz::HostilePeer* Peer() { return fuzz::HostilePeer::Current(); }

// ---- Atomic access

template <typename T>
T Load(const T* at, MemoryOrder, Site) {
  if (Peer() == nullptr) return *at;
  Peer()->Watch(at, sizeof(T), sizeof(T));
  return Peer()->See(const_cast<T*>(at));
}

// A load and a store in one, so between them the peer says nothing.
template <typename T, typename Change>
T ReadModifyWrite(T* at, Change change) {
  T seen = *at;
  if (Peer() != nullptr) {
    Peer()->WatchWrite(at, sizeof(T), sizeof(T));
    seen = Peer()->See(at);
  }
  const T written = change(seen);
  if (Peer() != nullptr) Peer()->Notice(static_cast<std::uint64_t>(written));
  *at = written;
  return seen;
}

template <typename T>
void Store(T* at, T value, MemoryOrder, Site) {
  if (Peer() != nullptr) {
    Peer()->WatchWrite(at, sizeof(T), sizeof(T));
    Peer()->Notice(static_cast<std::uint64_t>(value));
  }
  *at = value;
}
template <typename T>
T Exchange(T* at, T value, MemoryOrder, Site) {
  return ReadModifyWrite(at, [&](T) { return value; });
}
template <typename T>
bool CompareExchange(T* at, T& expected, T desired, MemoryOrder, MemoryOrder,
                     Site) {
  bool swapped = false;
  const T seen = ReadModifyWrite(at, [&](T found) {
    swapped = found == expected;
    return swapped ? desired : found;
  });
  expected = seen;
  return swapped;
}
template <typename T>
T FetchAdd(T* at, T by, MemoryOrder, Site) {
  using Word = std::make_unsigned_t<T>;  // wraps, as the hardware does
  return ReadModifyWrite(at, [&](T found) {
    return static_cast<T>(static_cast<Word>(found) + static_cast<Word>(by));
  });
}
template <typename T>
T FetchOr(T* at, T bits, MemoryOrder, Site) {
  return ReadModifyWrite(at,
                         [&](T found) { return static_cast<T>(found | bits); });
}
template <typename T>
T FetchAnd(T* at, T bits, MemoryOrder, Site) {
  return ReadModifyWrite(at,
                         [&](T found) { return static_cast<T>(found & bits); });
}

inline void Fence(MemoryOrder, Site) {}

template <typename T>
constexpr T Bump(T version, Site) {
  return version + 1;
}

// ---- Copies

inline void CopyOut(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (Peer() != nullptr) Peer()->Watch(from, bytes, 1);
  std::memcpy(to, from, bytes);
  if (Peer() != nullptr) Peer()->Spoil(to, bytes);
}
inline void CopyIn(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (Peer() != nullptr) Peer()->WatchWrite(to, bytes, 1);
  std::memcpy(to, from, bytes);
}
template <typename T>
void CopyOut(T& to, const T& from) {
  static_assert(std::is_trivially_copyable_v<T>);
  CopyOut(static_cast<void*>(&to), &from, sizeof(T));
}
template <typename T>
void CopyIn(T& to, const T& from) {
  static_assert(std::is_trivially_copyable_v<T>);
  CopyIn(static_cast<void*>(&to), &from, sizeof(T));
}
inline void RacyCopyOut(void* to, const void* from, std::size_t bytes) {
  CopyOut(to, from, bytes);
}
inline void RacyCopyIn(void* to, const void* from, std::size_t bytes) {
  CopyIn(to, from, bytes);
}

// ---- Hints

inline void Pause() {}
inline void PrefetchRead(const void* /*at*/) {}
inline void PrefetchWrite(const void* /*at*/) {}
inline void CompilerBarrier() {}

}  // namespace placid::machine

#endif  // PLACID_FUZZ_HOSTILE_MACHINE_H_
