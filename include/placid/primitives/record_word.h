// SPDX-License-Identifier: Apache-2.0
//
// RecordWord: what a granule of bytes that any of several parties may claim says
// of itself and of those behind it, in one word, so that one compare-and-swap
// claims a record of any length, for whom and for when.
//
//   bits    meaning
//   63..34  lap: which use of the granule this is, modulo 2^30 (slot_word.h)
//   33..18  span: how many granules, from this one on, the word speaks for;
//           0: an earlier granule's word speaks for this one
//   17..2   owner: index of an OwnerId, where claimed; where done, spare: how
//           many bytes of its last granule the record leaves over; else 0
//   1..0    state (SlotState)
//
// A word that is zero is done for lap 0 and speaks for nothing: a granule that
// is free for the first time.
//
// Every granule's word is written once a lap, so laps need to be told apart from
// their neighbours only. They wrap after 2^30: of 4 KiB in 23 minutes of fifty
// million records a second, of 1 MiB in four days. That harms nobody but a
// producer that sleeps through exactly so many, of which one in 2^30 would.
#ifndef PLACID_PRIMITIVES_RECORD_WORD_H_
#define PLACID_PRIMITIVES_RECORD_WORD_H_

#include <cstdint>

#include "placid/base/extent.h"
#include "placid/primitives/slot_word.h"

namespace placid {

class RecordWord {
 public:
  static constexpr int kLapShift = 34;
  static constexpr std::uint64_t kMostSpan = 0xFFFF;

  explicit constexpr RecordWord(std::uint64_t word) : word_(word) {}
  // `detail`: owner or spare.
  constexpr RecordWord(std::uint64_t lap, SlotState state, std::uint64_t span,
                       std::uint64_t detail = 0)
      : word_(lap << kLapShift | (span & kMostSpan) << kSpanShift |
              (detail & kMostDetail) << kDetailShift |
              static_cast<std::uint64_t>(state)) {}

  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }
  [[nodiscard]] constexpr std::uint64_t lap() const {
    return word_ >> kLapShift;
  }
  [[nodiscard]] constexpr std::uint64_t span() const {
    return word_ >> kSpanShift & kMostSpan;
  }
  [[nodiscard]] constexpr std::uint64_t owner() const {
    return word_ >> kDetailShift & kMostDetail;
  }
  [[nodiscard]] constexpr std::uint64_t spare() const { return owner(); }
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
  // The same lap and span, given up.
  [[nodiscard]] constexpr RecordWord Voided() const {
    return {lap(), SlotState::kVoid, span()};
  }

 private:
  static constexpr int kDetailShift = 2;
  static constexpr int kSpanShift = 18;
  static constexpr std::uint64_t kMostDetail = 0xFFFF;
  static constexpr std::uint64_t kStateMask = 3;

  std::uint64_t word_;
};

// Which lap a position belongs to, where there are so many granules: 2^34 at
// most.
class RecordLaps {
 public:
  explicit constexpr RecordLaps(Extent<kDynamic> extent) : extent_(extent) {}

  // The word of `position` in that state.
  [[nodiscard]] constexpr RecordWord Word(std::uint64_t position,
                                          SlotState state, std::uint64_t span,
                                          std::uint64_t detail = 0) const {
    return {LapOf(position), state, span, detail};
  }
  // The word of a position for which an earlier one speaks.
  [[nodiscard]] constexpr RecordWord Inside(std::uint64_t position) const {
    return Word(position, SlotState::kDone, 0);
  }
  // By how many laps `word` is behind that of `position`; negative: ahead.
  [[nodiscard]] constexpr std::int64_t Behind(RecordWord word,
                                              std::uint64_t position) const {
    constexpr int kUnused = RecordWord::kLapShift;
    return static_cast<std::int64_t>((LapOf(position) - word.lap())
                                     << kUnused) >>
           kUnused;
  }

 private:
  [[nodiscard]] constexpr std::uint64_t LapOf(std::uint64_t position) const {
    return (position + extent_.capacity()) >> extent_.shift();
  }

  Extent<kDynamic> extent_;
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_RECORD_WORD_H_
