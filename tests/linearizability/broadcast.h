// SPDX-License-Identifier: Apache-2.0
//
// Broadcast: what a broadcast ring is when nothing overlaps: values in a row, of
// which the oldest are given up, and a reader that goes on with the oldest left.
//
// A push of many is an event for each: room is made (values are given up), then
// the value is there. A read that was lapped looks at what is given up, moves on
// and takes: two events, between which the writer may do more.
#ifndef PLACID_TESTS_LINEARIZABILITY_BROADCAST_H_
#define PLACID_TESTS_LINEARIZABILITY_BROADCAST_H_

#include <array>
#include <cstdint>
#include <string>

namespace placid::linearizability {

class Broadcast {
 public:
  enum Kind : std::uint8_t {
    kMakeRoom,    // values before `value` are given up
    kPush,        // the next value, number `value`
    kLose,        // the reader goes on at the oldest: `value` are lost
    kTake,        // the reader takes number `value`
    kFindEmpty,   // it has read all
    kClose,       // no more comes
    kFindClosed,  // it has read all, and no more comes
    kNonsense,    // torn, or a result never documented
  };
  struct Event {
    Kind kind;
    std::uint64_t value = 0;
    [[nodiscard]] std::string ToString() const {
      static constexpr std::array kNames = {
          "make room up to", "push", "lose",        "take",
          "find it empty",   "close", "find it closed", "NONSENSE"};
      return std::string(kNames[kind]) + "  " + std::to_string(value);
    }
  };
  // Positions from where the history begins.
  struct State {
    std::uint64_t tail = 0;
    std::uint64_t oldest = 0;
    std::uint64_t position = 0;
    bool is_closed = false;
    bool operator==(const State&) const = default;
    [[nodiscard]] std::uint64_t Hash() const {
      return ((tail * 64 + oldest) * 64 + position) * 2 + (is_closed ? 1u : 0u);
    }
  };

  template <typename Emit>
  void Step(const State& before, const Event& event, const Emit& emit) const {
    State s = before;
    switch (event.kind) {
      case kMakeRoom: s.oldest = event.value; return emit(s);
      case kPush:
        if (s.is_closed || s.tail != event.value) return;
        ++s.tail;
        return emit(s);
      case kLose:
        if (s.position >= s.oldest || s.position + event.value != s.oldest) {
          return;
        }
        s.position = s.oldest;
        return emit(s);
      case kTake:
        // Copied while it was whole, though told later.
        if (s.position != event.value || s.position < s.oldest ||
            s.position >= s.tail) {
          return;
        }
        ++s.position;
        return emit(s);
      case kFindEmpty:
        if (s.position == s.tail) emit(s);
        return;
      case kClose: s.is_closed = true; return emit(s);
      case kFindClosed:
        if (s.position == s.tail && s.is_closed) emit(s);
        return;
      case kNonsense: return;
    }
  }
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_BROADCAST_H_
