// SPDX-License-Identifier: Apache-2.0
//
// Equivalents: weakenings of an order that change no outcome, and why the order
// stands there all the same.
#ifndef PLACID_TESTS_MODEL_EQUIVALENTS_H_
#define PLACID_TESTS_MODEL_EQUIVALENTS_H_

#include "tests/model/mutation.h"

namespace placid::model {

inline constexpr const char* kPredecessorKnown =
    "whoever held the role before has handed it over or is known to be dead, "
    "and either edge orders all that it did; the acquire says so on the spot";
inline constexpr const char* kFinishSeen =
    "the look at the closed flag before it was an acquire, of a store that "
    "comes after the last value";
inline constexpr const char* kHintSavesSteps =
    "the hint saves a producer steps and says nothing that it does not check";

inline constexpr Equivalent kEquivalent[] = {
    {"base/stamp.h", "StampOrCheck", "word", "acquire -> relaxed", 0,
     "where the swap succeeds it read zero, which nobody stored; the same "
     "order "
     "on failure is the one that counts"},
    {"primitives/broadcast_byte_ring.h", "Writer::Start", "tail",
     "acquire -> relaxed", 0, kPredecessorKnown},
    {"primitives/broadcast_byte_ring.h", "Writer::Start", "oldest",
     "acquire -> relaxed", 0, kPredecessorKnown},
    {"primitives/broadcast_byte_ring.h", "Reader::LookForRecords", "tail",
     "acquire -> relaxed", 1, kFinishSeen},
    {"primitives/broadcast_ring.h", "Writer::Start", "tail",
     "acquire -> relaxed", 0, kPredecessorKnown},
    {"primitives/broadcast_ring.h", "Writer::Start", "oldest",
     "acquire -> relaxed", 0, kPredecessorKnown},
    {"primitives/broadcast_ring.h", "Reader::LookForValues", "tail",
     "acquire -> relaxed", 1, kFinishSeen},
    {"primitives/latest.h", "Writer", "newest", "acquire -> relaxed", 0,
     kPredecessorKnown},
    {"primitives/mpsc_byte_ring.h", "Producer::TryClaim", "hint", "left out", 0,
     kHintSavesSteps},
    {"primitives/mpsc_byte_ring.h", "Consumer::Start", "head",
     "acquire -> relaxed", 0, kPredecessorKnown},
    {"primitives/mpsc_ring.h", "Producer::TryClaim", "hint", "left out", 0,
     kHintSavesSteps},
    {"primitives/mpsc_ring.h", "Consumer::Start", "head", "acquire -> relaxed",
     0, kPredecessorKnown},
    {"primitives/seqlock.h", "Writer", "sequence", "acquire -> relaxed", 0,
     kPredecessorKnown},
    {"primitives/spsc_byte_ring.h", "Producer::Start", "tail",
     "acquire -> relaxed", 0, kPredecessorKnown},
    {"primitives/spsc_byte_ring.h", "Consumer::Start", "head",
     "acquire -> relaxed", 0, kPredecessorKnown},
    {"primitives/spsc_byte_ring.h", "Consumer::LookForRecords", "tail",
     "acquire -> relaxed", 1, kFinishSeen},
    {"primitives/spsc_ring.h", "Producer::Start", "tail", "acquire -> relaxed",
     0, kPredecessorKnown},
    {"primitives/spsc_ring.h", "Consumer::Start", "head", "acquire -> relaxed",
     0, kPredecessorKnown},
    {"primitives/spsc_ring.h", "Consumer::LookForValues", "tail",
     "acquire -> relaxed", 1, kFinishSeen},
    {"wait/doorbells.h", "rings", "rings", "acquire -> relaxed", 0,
     "whoever waits by a WaitSet fences before it looks again; the acquire is "
     "for who uses a doorbell without one"},
};

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_EQUIVALENTS_H_
