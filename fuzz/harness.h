// SPDX-License-Identifier: Apache-2.0
//
// All that a fuzz target of a placed type needs. Include it first: it puts the
// hostile machine under every placid type that is included after it. README.md
// in this folder shows a whole target.
#ifndef PLACID_FUZZ_HARNESS_H_
#define PLACID_FUZZ_HARNESS_H_

#ifdef PLACID_BASE_ATOMIC_H_
#error "include fuzz/harness.h before any header of placid"
#endif
#define PLACID_MACHINE_HEADER "fuzz/hostile_machine.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <utility>

#include "fuzz/check.h"
#include "fuzz/guarded_arena.h"
#include "fuzz/hostile_peer.h"
#include "fuzz/input.h"
#include "placid/base/atomic.h"

namespace placid::fuzz {

template <typename T>
[[nodiscard]] bool IsOneOf(T value, std::initializer_list<T> documented) {
  for (const T one : documented) {
    if (value == one) return true;
  }
  return false;
}

// Whether `inner` lies wholly within `outer`. An empty one may lie anywhere.
[[nodiscard]] inline bool LiesIn(std::span<const std::byte> outer,
                                 std::span<const std::byte> inner) {
  if (inner.empty()) return true;
  const auto address = [](const std::byte* at) {
    return reinterpret_cast<std::uintptr_t>(at);
  };
  return address(inner.data()) >= address(outer.data()) &&
         address(inner.data()) - address(outer.data()) <= outer.size() &&
         inner.size() <=
             outer.size() - (address(inner.data()) - address(outer.data()));
}

// Reads every byte, so that a sanitizer or a guard page sees each.
inline void Touch(std::span<const std::byte> bytes) {
  std::byte copy[512];
  while (!bytes.empty()) {
    const auto some = bytes.first(std::min(bytes.size(), sizeof(copy)));
    std::memcpy(copy, some.data(), some.size());
    // The copy is used, as far as the compiler can tell.
    static_cast<void>(*static_cast<volatile std::byte*>(&copy[0]));
    bytes = bytes.subspan(some.size());
  }
}

// A role that can die: its destructor then does not run, as after SIGKILL.
template <typename Role>
class Mortal {
 public:
  Mortal() = default;
  ~Mortal() { Drop(); }
  Mortal(const Mortal&) = delete;
  Mortal& operator=(const Mortal&) = delete;

  void Hold(Role role) {
    Drop();
    std::construct_at(get(), std::move(role));
    is_held_ = true;
  }
  void Drop() {
    if (is_held_) std::destroy_at(get());
    is_held_ = false;
  }
  void Die() { is_held_ = false; }

  [[nodiscard]] bool is_held() const { return is_held_; }
  [[nodiscard]] Role* get() { return reinterpret_cast<Role*>(bytes_); }
  Role* operator->() { return get(); }

 private:
  alignas(Role) std::byte bytes_[sizeof(Role)];
  bool is_held_ = false;
};

}  // namespace placid::fuzz

#endif  // PLACID_FUZZ_HARNESS_H_
