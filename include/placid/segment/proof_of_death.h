// SPDX-License-Identifier: Apache-2.0
//
// ProofOfDeath: the kernel's word that somebody is dead: whoever acted on a row
// of the table of participants at a time when the row's word was `state`.
//
// Only the layer's own look at the kernel makes one (src/segment/mint.h), never
// a timeout and never a caller. It goes on being true: once that somebody is
// dead, or has left, nobody acts under this word again, since whoever has the
// row next has another.
#ifndef PLACID_SEGMENT_PROOF_OF_DEATH_H_
#define PLACID_SEGMENT_PROOF_OF_DEATH_H_

#include <cstdint>

namespace placid {

class ProofOfDeath {
 public:
  // Of the row, from 1.
  [[nodiscard]] constexpr std::uint64_t index() const { return index_; }
  // The row's word then: see RowState.
  [[nodiscard]] constexpr std::uint64_t state() const { return state_; }

 private:
  friend struct ProofOfDeathMint;
  constexpr ProofOfDeath(std::uint64_t index, std::uint64_t state)
      : index_(index), state_(state) {}

  std::uint64_t index_;
  std::uint64_t state_;
};

}  // namespace placid

#endif  // PLACID_SEGMENT_PROOF_OF_DEATH_H_
