// SPDX-License-Identifier: Apache-2.0
//
// Makes proofs of death. Not installed: a program cannot make its own. Tests of
// what a proof is good for do, where no process dies.
#ifndef PLACID_SRC_SEGMENT_MINT_H_
#define PLACID_SRC_SEGMENT_MINT_H_

#include <cstdint>

#include "placid/segment/proof_of_death.h"

namespace placid {

struct ProofOfDeathMint {
  static constexpr ProofOfDeath Make(std::uint64_t index, std::uint64_t state) {
    return {index, state};
  }
};

}  // namespace placid

#endif  // PLACID_SRC_SEGMENT_MINT_H_
