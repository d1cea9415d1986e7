// SPDX-License-Identifier: Apache-2.0
//
// Register: what Seqlock and Latest are when nothing overlaps: one value.
//
// A Store of Seqlock is two events, since readers may be told that one is going
// on: only between the two is kPending or kContended an answer. Latest has no
// such answer in histories with fewer stores than its readers have tries.
#ifndef PLACID_TESTS_LINEARIZABILITY_REGISTER_H_
#define PLACID_TESTS_LINEARIZABILITY_REGISTER_H_

#include <array>
#include <cstdint>
#include <string>

namespace placid::linearizability {

struct Register {
  enum Kind : std::uint8_t {
    kBegin,       // a store
    kStore,       // `value`, the end of what began
    kLoad,        // `value`; 0: nothing was ever stored
    kDisturbed,   // a load that only a store in progress explains
    kClose,       // the value is final
    kFindClosed,  // it is
    kFindOpen,    // it is not
    kNonsense,    // torn, or a result never documented
  };
  struct Event {
    Kind kind;
    std::uint64_t value = 0;
    [[nodiscard]] std::string ToString() const {
      static constexpr std::array kNames = {
          "begin to store", "store",          "load",         "be disturbed",
          "close",          "find it closed", "find it open", "NONSENSE"};
      return std::string(kNames[kind]) + "  " + std::to_string(value);
    }
  };
  struct State {
    std::uint64_t value = 0;
    bool is_storing = false;
    bool is_closed = false;
    bool operator==(const State&) const = default;
    [[nodiscard]] std::uint64_t Hash() const {
      return value * 4 + (is_storing ? 1u : 0u) + (is_closed ? 2u : 0u);
    }
  };

  template <typename Emit>
  void Step(const State& before, const Event& event, const Emit& emit) const {
    State s = before;
    switch (event.kind) {
      case kBegin: s.is_storing = true; return emit(s);
      case kStore:
        if (s.is_closed) return;
        s.is_storing = false;
        s.value = event.value;
        return emit(s);
      case kLoad:
        if (s.value == event.value) emit(s);
        return;
      case kDisturbed:
        if (s.is_storing) emit(s);
        return;
      case kClose: s.is_closed = true; return emit(s);
      case kFindClosed:
      case kFindOpen:
        if (s.is_closed == (event.kind == kFindClosed)) emit(s);
        return;
      case kNonsense: return;
    }
  }
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_REGISTER_H_
