// SPDX-License-Identifier: Apache-2.0
//
// SlotWord: what a slot that any of several parties may take says of itself, in
// one word, so that one compare-and-swap takes it, for whom and for when.
//
//   bits    meaning
//   63..18  lap: which use of the slot this is, modulo 2^46
//   17..2   owner: index of an OwnerId, where claimed; else 0
//   1..0    state
//
//   state    meaning for the position of that lap
//   done     it is finished: in a ring, its value is there
//   claimed  its owner is at work on it
//   void     it was given up: nothing is there, skip it
//   end      nothing is there, nor at any later position
//
// Position p, counted from 0 and never wrapping in anybody's lifetime, lies in
// slot p % capacity for lap p / capacity + 1. A word that is zero is therefore
// done for lap 0: a slot that is free for the first time.
//
// Laps are compared modulo their width. They wrap after 2^46 uses of one slot
// (eight days of 10^8 a second in a ring of one slot, 22 years in one of 1,024).
// That harms nobody but a party that sleeps between two instructions through
// exactly so many, and then takes a word for the one that it saw. Beyond 2^18
// slots the positions wrap first, and the laps with them.
#ifndef PLACID_PRIMITIVES_SLOT_WORD_H_
#define PLACID_PRIMITIVES_SLOT_WORD_H_

#include <algorithm>
#include <bit>
#include <cstdint>

#include "placid/base/extent.h"

namespace placid {

enum class SlotState : std::uint8_t { kDone, kClaimed, kVoid, kEnd };

class SlotWord {
 public:
  static constexpr int kLapShift = 18;
  static constexpr std::uint64_t kMostOwner = 0xFFFF;

  explicit constexpr SlotWord(std::uint64_t word) : word_(word) {}
  constexpr SlotWord(std::uint64_t lap, SlotState state, std::uint64_t owner)
      : word_(lap << kLapShift | (owner & kMostOwner) << kOwnerShift |
              static_cast<std::uint64_t>(state)) {}

  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }
  [[nodiscard]] constexpr std::uint64_t lap() const {
    return word_ >> kLapShift;
  }
  [[nodiscard]] constexpr std::uint64_t owner() const {
    return word_ >> kOwnerShift & kMostOwner;
  }
  [[nodiscard]] constexpr SlotState state() const {
    return static_cast<SlotState>(word_ & kStateMask);
  }
  [[nodiscard]] constexpr bool IsClaimedBy(std::uint64_t index) const {
    return state() == SlotState::kClaimed && owner() == index;
  }
  // Whether nobody holds it for its lap any more, so that the next lap may.
  [[nodiscard]] constexpr bool IsFinished() const {
    return state() == SlotState::kDone || state() == SlotState::kVoid;
  }
  // The same lap, given up.
  [[nodiscard]] constexpr SlotWord Voided() const {
    return {lap(), SlotState::kVoid, 0};
  }

 private:
  static constexpr int kOwnerShift = 2;
  static constexpr std::uint64_t kStateMask = 3;

  std::uint64_t word_;
};

// Which lap a position belongs to, where there are so many slots.
template <std::uint64_t kExtent>
class SlotLaps {
 public:
  explicit constexpr SlotLaps(Extent<kExtent> extent) : extent_(extent) {}

  // The word of `position` in that state.
  [[nodiscard]] constexpr SlotWord Word(std::uint64_t position, SlotState state,
                                        std::uint64_t owner = 0) const {
    return {(position + extent_.capacity()) >> shift(), state, owner};
  }
  // The word of its slot before anybody takes it, where the lap before is done.
  [[nodiscard]] constexpr SlotWord DoneBefore(std::uint64_t position) const {
    return {position >> shift(), SlotState::kDone, 0};
  }
  // By how many laps `word` is behind that of `position`; negative: ahead.
  [[nodiscard]] constexpr std::int64_t Behind(SlotWord word,
                                              std::uint64_t position) const {
    const std::uint64_t lap = (position + extent_.capacity()) >> shift();
    const int unused = (std::max)(SlotWord::kLapShift, shift());
    return static_cast<std::int64_t>((lap - word.lap()) << unused) >> unused;
  }

 private:
  [[nodiscard]] constexpr int shift() const {
    return std::countr_zero(extent_.capacity());
  }

  [[no_unique_address]] Extent<kExtent> extent_;
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_SLOT_WORD_H_
