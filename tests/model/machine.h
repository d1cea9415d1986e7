// SPDX-License-Identifier: Apache-2.0
//
// The machine of the model checker: the seam of include/placid/base/machine.h,
// function for function, with the checker behind it.
//
//   -DPLACID_MACHINE_HEADER='"tests/model/machine.h"'
//
// Inside a modelled thread each access becomes a step of the explored program;
// outside (set-up, final checks) it is what it says, on the real bytes. The
// bytes themselves are not written while threads run: an access that goes past
// these functions sees what set-up left there.
#ifndef PLACID_TESTS_MODEL_MACHINE_H_
#define PLACID_TESTS_MODEL_MACHINE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "placid/base/platform.h"

namespace placid::machine {

using MemoryOrder = std::memory_order;

// Where an access stands in the source: what mutants and traces call it by.
class Site {
 public:
  constexpr Site(const char* file, int line) : file_(file), line_(line) {}
  [[nodiscard]] constexpr const char* file() const { return file_; }
  [[nodiscard]] constexpr int line() const { return line_; }

 private:
  const char* file_;
  int line_;
};

}  // namespace placid::machine

// What the checker offers the machine; engine.cc has it.
namespace placid::model {

using machine::MemoryOrder;
using machine::Site;

// Whether the caller is a modelled thread.
[[nodiscard]] bool IsModelled();

enum class Rmw : std::uint8_t { kExchange, kAdd, kOr, kAnd };

std::uint64_t OnLoad(const void* at, std::size_t bytes, MemoryOrder, Site);
void OnStore(void* at, std::size_t bytes, std::uint64_t value, MemoryOrder,
             Site);
std::uint64_t OnRmw(void* at, std::size_t bytes, Rmw, std::uint64_t operand,
                    MemoryOrder, Site);
bool OnCompareExchange(void* at, std::size_t bytes, std::uint64_t& expected,
                       std::uint64_t desired, MemoryOrder success,
                       MemoryOrder failure, bool is_weak, Site);
void OnFence(MemoryOrder, Site);
bool OnBump(Site);  // false: a mutant leaves it out
void OnCopyIn(void* to, const void* from, std::size_t bytes);
void OnCopyOut(void* to, const void* from, std::size_t bytes);
void OnRacyCopyIn(void* to, const void* from, std::size_t bytes);
void OnRacyCopyOut(void* to, const void* from, std::size_t bytes);
void OnPause();

}  // namespace placid::model

namespace placid::machine {

// ---- Atomic access ----------------------------------------------------------

template <typename T>
std::uint64_t ToWord(T value) {
  return static_cast<std::uint64_t>(
      static_cast<std::make_unsigned_t<T>>(value));
}
template <typename T>
T FromWord(std::uint64_t word) {
  return static_cast<T>(static_cast<std::make_unsigned_t<T>>(word));
}

template <typename T>
T Load(const T* at, MemoryOrder order, Site site) {
  if (!model::IsModelled()) return *at;
  return FromWord<T>(model::OnLoad(at, sizeof(T), order, site));
}
template <typename T>
void Store(T* at, T value, MemoryOrder order, Site site) {
  if (!model::IsModelled()) {
    *at = value;
  } else {
    model::OnStore(at, sizeof(T), ToWord(value), order, site);
  }
}
template <typename T>
T ReadModifyWrite(T* at, model::Rmw what, T operand, MemoryOrder order,
                  Site site) {
  if (model::IsModelled()) {
    return FromWord<T>(
        model::OnRmw(at, sizeof(T), what, ToWord(operand), order, site));
  }
  const T old = *at;
  const std::uint64_t a = ToWord(old);
  const std::uint64_t b = ToWord(operand);
  *at = FromWord<T>(what == model::Rmw::kExchange ? b
                    : what == model::Rmw::kAdd    ? a + b
                    : what == model::Rmw::kOr     ? (a | b)
                                                  : (a & b));
  return old;
}
template <typename T>
T Exchange(T* at, T value, MemoryOrder order, Site site) {
  return ReadModifyWrite(at, model::Rmw::kExchange, value, order, site);
}
template <typename T>
T FetchAdd(T* at, T by, MemoryOrder order, Site site) {
  return ReadModifyWrite(at, model::Rmw::kAdd, by, order, site);
}
template <typename T>
T FetchOr(T* at, T bits, MemoryOrder order, Site site) {
  return ReadModifyWrite(at, model::Rmw::kOr, bits, order, site);
}
template <typename T>
T FetchAnd(T* at, T bits, MemoryOrder order, Site site) {
  return ReadModifyWrite(at, model::Rmw::kAnd, bits, order, site);
}
template <typename T>
bool CompareExchange(T* at, T& expected, T desired, MemoryOrder success,
                     MemoryOrder failure, Site site, bool is_weak = false) {
  if (model::IsModelled()) {
    std::uint64_t word = ToWord(expected);
    const bool swapped = model::OnCompareExchange(
        at, sizeof(T), word, ToWord(desired), success, failure, is_weak, site);
    expected = FromWord<T>(word);
    return swapped;
  }
  if (*at != expected) {
    expected = *at;
    return false;
  }
  *at = desired;
  return true;
}
inline void Fence(MemoryOrder order, Site site) {
  if (model::IsModelled()) model::OnFence(order, site);
}

template <typename T>
constexpr T Bump(T version, Site site) {
  if (!std::is_constant_evaluated() && model::IsModelled() &&
      !model::OnBump(site)) {
    return version;
  }
  return static_cast<T>(version + 1);
}

// ---- Copies -----------------------------------------------------------------

inline void CopyIn(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (model::IsModelled()) return model::OnCopyIn(to, from, bytes);
  std::memcpy(to, from, bytes);
}
inline void CopyOut(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (model::IsModelled()) return model::OnCopyOut(to, from, bytes);
  std::memcpy(to, from, bytes);
}
template <typename T>
void CopyIn(T& to, const T& from) {
  static_assert(std::is_trivially_copyable_v<T>);
  CopyIn(static_cast<void*>(&to), &from, sizeof(T));
}
template <typename T>
void CopyOut(T& to, const T& from) {
  static_assert(std::is_trivially_copyable_v<T>);
  CopyOut(static_cast<void*>(&to), &from, sizeof(T));
}
inline void RacyCopyIn(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (model::IsModelled()) return model::OnRacyCopyIn(to, from, bytes);
  std::memcpy(to, from, bytes);
}
inline void RacyCopyOut(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (model::IsModelled()) return model::OnRacyCopyOut(to, from, bytes);
  std::memcpy(to, from, bytes);
}

// ---- Hints ------------------------------------------------------------------

template <std::size_t kBytes>
void Launder(void* /*to*/) {}
inline void CompilerBarrier() {}
inline void Pause() {
  if (model::IsModelled()) model::OnPause();
}
inline void PrefetchRead(const void* /*at*/) {}
inline void PrefetchWrite(const void* /*at*/) {}

}  // namespace placid::machine

#endif  // PLACID_TESTS_MODEL_MACHINE_H_
