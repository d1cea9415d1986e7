// SPDX-License-Identifier: Apache-2.0
//
// TurnWord: what a slot of MpmcRing is at this moment, and whose.
//
//   bits    meaning
//   63..19  lap: how often the ring had gone round, modulo 2^45
//   18..3   whose it is, where it is somebody's: the index of an OwnerId
//   2..0    state
//
// Every change is a swap of the whole word, so a late swap that was meant for
// another lap finds another word. Laps wrap after 2^45: of a ring of one slot in
// twenty days at fifty nanoseconds a value, of one with 64 slots in three years;
// only a swap that was held up for exactly so long could be mistaken.
#ifndef PLACID_PRIMITIVES_TURN_WORD_H_
#define PLACID_PRIMITIVES_TURN_WORD_H_

#include <cstdint>

namespace placid {

class TurnWord {
 public:
  enum class State : std::uint8_t {
    kFree,       // nothing is there; a producer may claim it
    kPushing,    // a producer writes the value
    kFull,       // the value is there
    kVoid,       // its producer gave it up: consumers pass over it
    kTaking,     // a consumer copies the value out, and loses it if it dies
    kBorrowing,  // a consumer has the value in hand: it comes again if it dies
    kOffered,    // the value of a consumer that died with it in hand
    kEnd,        // the ring was closed here
  };

  // All zero: free for lap 0.
  constexpr TurnWord() = default;
  explicit constexpr TurnWord(std::uint64_t word) : word_(word) {}
  constexpr TurnWord(std::uint64_t lap, State state, std::uint64_t owner = 0)
      : word_(lap << kLapShift | owner << kOwnerShift |
              static_cast<std::uint64_t>(state)) {}

  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }
  [[nodiscard]] constexpr std::uint64_t lap() const {
    return word_ >> kLapShift;
  }
  [[nodiscard]] constexpr std::uint64_t owner() const {
    return word_ >> kOwnerShift & 0xFFFF;
  }
  [[nodiscard]] constexpr State state() const {
    return static_cast<State>(word_ & kStateMask);
  }
  [[nodiscard]] constexpr bool Is(State state) const {
    return this->state() == state;
  }
  // Whether it is somebody's: only then does the owner mean anything.
  [[nodiscard]] constexpr bool IsHeld() const {
    return Is(State::kPushing) || Is(State::kTaking) || Is(State::kBorrowing);
  }

  // The same turn in another state.
  [[nodiscard]] constexpr TurnWord To(State state,
                                      std::uint64_t owner = 0) const {
    return {lap(), state, owner};
  }

  friend constexpr bool operator==(TurnWord, TurnWord) = default;

  // By how many laps it is ahead of `lap`, of which all but 45 bits are
  // dropped; below 0: behind.
  [[nodiscard]] constexpr std::int64_t AheadOf(std::uint64_t lap) const {
    return static_cast<std::int64_t>(word_ - (lap << kLapShift)) >> kLapShift;
  }

 private:
  static constexpr int kOwnerShift = 3;
  static constexpr int kLapShift = 19;
  static constexpr std::uint64_t kStateMask = 7;

  std::uint64_t word_ = 0;
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_TURN_WORD_H_
