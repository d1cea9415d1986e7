// SPDX-License-Identifier: Apache-2.0
//
// OwnerId: which participant owns something in shared memory, in one word.
//
//   bits    meaning
//   63..48  index: 0 nobody, 1 to 4,096 a row of the table of participants,
//           0xFFFF somebody without an identity
//   47..0   generation: the how-manieth owner of that row
//
// A row goes to its next owner under the next generation, so no two owners have
// one word until the generation wraps: after 2^48 owners of one row, nine years
// at a million a second. Where only 16 bits fit, as in a role's word (role.h),
// the index stands alone: that names one owner for as long as the row is not
// given out again, which is when Recover has run for it.
#ifndef PLACID_PRIMITIVES_OWNER_ID_H_
#define PLACID_PRIMITIVES_OWNER_ID_H_

#include <cstdint>
#include <optional>

namespace placid {

class OwnerId {
 public:
  // Rows that a table can have at most: an ABI constant.
  static constexpr std::uint64_t kMostOwners = 4096;
  static constexpr std::uint64_t kGenerations = std::uint64_t{1} << 48;

  // Nobody.
  constexpr OwnerId() = default;

  // Somebody without an identity: whose death nobody but the caller can attest.
  [[nodiscard]] static constexpr OwnerId Unowned() {
    return OwnerId(kUnownedIndex << 48);
  }
  // Owner number `generation` of row `index`. nullopt: there is no such row, or
  // the generation is 2^48 or more.
  [[nodiscard]] static constexpr std::optional<OwnerId> Of(
      std::uint64_t index, std::uint64_t generation) {
    if (index == 0 || index > kMostOwners || generation >= kGenerations) {
      return std::nullopt;
    }
    return OwnerId(index << 48 | generation);
  }
  // A word that a peer wrote. nullopt: it is no OwnerId.
  [[nodiscard]] static constexpr std::optional<OwnerId> FromWord(
      std::uint64_t word) {
    if (word == 0 || word == Unowned().word()) return OwnerId(word);
    return Of(word >> 48, word % kGenerations);
  }

  [[nodiscard]] constexpr bool is_nobody() const { return word_ == 0; }
  [[nodiscard]] constexpr bool is_participant() const {
    return !is_nobody() && index() != kUnownedIndex;
  }
  [[nodiscard]] constexpr std::uint64_t index() const { return word_ >> 48; }
  [[nodiscard]] constexpr std::uint64_t generation() const {
    return word_ % kGenerations;
  }
  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }

  // The next owner of the same row. Requires is_participant().
  [[nodiscard]] constexpr OwnerId Next() const {
    return OwnerId(index() << 48 | (generation() + 1) % kGenerations);
  }

  friend constexpr bool operator==(OwnerId, OwnerId) = default;

 private:
  static constexpr std::uint64_t kUnownedIndex = 0xFFFF;

  explicit constexpr OwnerId(std::uint64_t word) : word_(word) {}

  std::uint64_t word_ = 0;
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_OWNER_ID_H_
