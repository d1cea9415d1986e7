// SPDX-License-Identifier: Apache-2.0
//
// EntryState: the word of an entry of a directory, which says whose it is and
// how many lines its object has.
//
//   bits    meaning
//   63..48  hand: 0 nobody yet, and then all is 0; 1 to 4,096 and 0xFFFF the
//           index of whoever makes the object (owner_id.h); 0xFFFE it is ready;
//           0xFFFD its maker has left it unfinished
//   47..32  hash of the name, never 0; 0 where the lines are nobody's any more
//   31..0   lines of 128 bytes, never 0
#ifndef PLACID_SEGMENT_ENTRY_STATE_H_
#define PLACID_SEGMENT_ENTRY_STATE_H_

#include <cstdint>

#include "placid/base/cache_line.h"
#include "placid/primitives/owner_id.h"

namespace placid {

// One look at an entry's word.
class EntryState {
 public:
  enum class Phase : std::uint8_t {
    kFree,
    kBeingMade,
    kReady,
    kLeft,
    kForeign,  // no word of ours: a peer lied
  };

  explicit constexpr EntryState(std::uint64_t word) : word_(word) {}

  [[nodiscard]] constexpr Phase phase() const {
    if (word_ == 0) return Phase::kFree;
    if (bytes() == 0) return Phase::kForeign;
    if (hand() == kReady) return Phase::kReady;
    if (hand() == kLeft) return Phase::kLeft;
    const bool is_owner = (hand() >= 1 && hand() <= OwnerId::kMostOwners) ||
                          hand() == OwnerId::Unowned().index();
    return is_owner ? Phase::kBeingMade : Phase::kForeign;
  }
  // While it is being made, by whom: the index of an OwnerId.
  [[nodiscard]] constexpr std::uint64_t hand() const { return word_ >> 48; }
  [[nodiscard]] constexpr std::uint64_t hash() const {
    return word_ >> 32 & 0xFFFF;
  }
  [[nodiscard]] constexpr std::uint64_t bytes() const {
    return (word_ & kMostLines) * kLineBytes;
  }
  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }

  // Takes a free entry.
  [[nodiscard]] static constexpr EntryState Claim(OwnerId by,
                                                  std::uint64_t hash,
                                                  std::uint64_t bytes) {
    return EntryState(by.index() << 48 | hash << 32 | bytes / kLineBytes);
  }
  // The same hash and lines in other hands.
  [[nodiscard]] constexpr EntryState MadeBy(OwnerId by) const {
    return With(by.index());
  }
  [[nodiscard]] constexpr EntryState Ready() const { return With(kReady); }
  [[nodiscard]] constexpr EntryState Left() const { return With(kLeft); }
  // The same lines, nobody's any more.
  [[nodiscard]] constexpr EntryState Nobodys() const {
    return EntryState(kLeft << 48 | (word_ & kMostLines));
  }

  friend constexpr bool operator==(EntryState, EntryState) = default;

  static constexpr std::uint64_t kMostLines = 0xFFFFFFFF;

 private:
  static constexpr std::uint64_t kReady = 0xFFFE;
  static constexpr std::uint64_t kLeft = 0xFFFD;

  [[nodiscard]] constexpr EntryState With(std::uint64_t hand) const {
    return EntryState(hand << 48 | word_ << 16 >> 16);
  }

  std::uint64_t word_;
};

}  // namespace placid

#endif  // PLACID_SEGMENT_ENTRY_STATE_H_
