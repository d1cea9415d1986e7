// SPDX-License-Identifier: Apache-2.0
//
// Holding: what the word of a role (role.h) is when nothing overlaps.
#ifndef PLACID_TESTS_LINEARIZABILITY_HOLDING_H_
#define PLACID_TESTS_LINEARIZABILITY_HOLDING_H_

#include <array>
#include <cstdint>
#include <string>

namespace placid::linearizability {

struct Holding {
  static constexpr std::uint64_t kClaims = (std::uint64_t{1} << 48) - 1;
  static constexpr std::uint64_t kHolder = ~kClaims;

  enum Kind : std::uint8_t {
    kTake,       // it was free
    kFindTaken,  // it was not
    kTakeOver,   // from `word`, who held it
    kFindOther,  // not `word`
    kRelease,    // the holding that thread `who` has, if it has it still
    kSee,        // `word`
    kNonsense,
  };
  struct Event {
    Kind kind;
    std::uint64_t word = 0;
    std::uint8_t who = 0;
    [[nodiscard]] std::string ToString() const {
      static constexpr std::array kNames = {
          "take",    "find it taken", "take over", "find another holder",
          "release", "see",           "NONSENSE"};
      return std::string(kNames[kind]) + "  " + std::to_string(word >> 48) +
             ":" + std::to_string(word & kClaims);
    }
  };
  struct State {
    std::uint64_t word = 0;
    std::array<std::uint64_t, 2> mine{};  // what each thread has taken; 0: none
    bool operator==(const State&) const = default;
    [[nodiscard]] std::uint64_t Hash() const {
      return word * 31 + mine[0] * 7 + mine[1];
    }
  };

  template <typename Emit>
  void Step(const State& before, const Event& event, const Emit& emit) const {
    State s = before;
    const bool is_free = (s.word & kHolder) == 0;
    const auto take = [&] {
      s.word = kHolder | ((s.word + 1) & kClaims);
      s.mine[event.who] = s.word;
      emit(s);
    };
    switch (event.kind) {
      case kTake:
        if (is_free) take();
        return;
      case kFindTaken:
        if (!is_free) emit(s);
        return;
      case kTakeOver:
        if (!is_free && s.word == event.word) take();
        return;
      case kFindOther:
        if (s.word != event.word) emit(s);
        return;
      case kRelease:
        if (s.mine[event.who] == s.word) s.word &= kClaims;
        s.mine[event.who] = 0;
        return emit(s);
      case kSee:
        if (s.word == event.word) emit(s);
        return;
      case kNonsense: return;
    }
  }
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_HOLDING_H_
