// SPDX-License-Identifier: Apache-2.0
//
// Sum: what Counter is when nothing overlaps: a number of 32 bits that never
// passes its ends.
#ifndef PLACID_TESTS_LINEARIZABILITY_SUM_H_
#define PLACID_TESTS_LINEARIZABILITY_SUM_H_

#include <array>
#include <cstdint>
#include <limits>
#include <string>

namespace placid::linearizability {

struct Sum {
  enum Kind : std::uint8_t {
    kAdd,        // `by`, after which it is `count`
    kFindFull,   // `by` would pass the largest; it is `count`
    kFindEmpty,  // `by` would fall below the smallest; it is `count`
    kLoad,       // `count`
    kNonsense,   // kContended with fewer others than tries, and the like
  };
  struct Event {
    Kind kind;
    std::int32_t by = 0;
    std::int32_t count = 0;
    [[nodiscard]] std::string ToString() const {
      static constexpr std::array kNames = {"add", "find full", "find empty",
                                            "load", "NONSENSE"};
      return std::string(kNames[kind]) + "  by " + std::to_string(by) +
             " count " + std::to_string(count);
    }
  };
  struct State {
    std::int64_t count = 0;
    bool operator==(const State&) const = default;
    [[nodiscard]] std::uint64_t Hash() const {
      return static_cast<std::uint64_t>(count);
    }
  };

  template <typename Emit>
  void Step(const State& before, const Event& event, const Emit& emit) const {
    using Limits = std::numeric_limits<std::int32_t>;
    const std::int64_t after = before.count + event.by;
    const bool is_full = after > Limits::max();
    const bool is_empty = after < Limits::min();
    switch (event.kind) {
      case kAdd:
        if (!is_full && !is_empty && after == event.count) emit({after});
        return;
      case kFindFull:
        if (is_full && before.count == event.count) emit(before);
        return;
      case kFindEmpty:
        if (is_empty && before.count == event.count) emit(before);
        return;
      case kLoad:
        if (before.count == event.count) emit(before);
        return;
      case kNonsense: return;
    }
  }
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_SUM_H_
