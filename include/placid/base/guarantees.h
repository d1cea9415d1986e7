// SPDX-License-Identifier: Apache-2.0
//
// The guarantee words: few, one meaning each, the same in every header.
#ifndef PLACID_BASE_GUARANTEES_H_
#define PLACID_BASE_GUARANTEES_H_

#include <cstdint>

namespace placid {

// How an operation gets on while others are stopped or dead (Herlihy and
// Shavit, "On the Nature of Progress", 2011).
enum class Progress : std::uint8_t {
  kWaitFree,         // a bounded number of its own steps
  kLockFree,         // some operation ends in a bounded number of steps
  kObstructionFree,  // ends once it runs alone
  kBlocking,         // may wait for another party
};

// What a death at any instruction leaves behind.
enum class Crash : std::uint8_t {
  kClean,        // survivors do nothing
  kRecoverable,  // a survivor calls Recover or takes the role over
  kFatal,        // Reset; the header says what leaks
};

enum class Trust : std::uint8_t {
  kTrusting,  // peers keep the protocol
  kGuarded,   // a hostile peer can lie and stall, never make us touch other
              // memory, loop for ever or abort
};

enum class Readers : std::uint8_t {
  kStoreFree,  // work on pages mapped read-only
  kStoring,
};

// What a type promises of its weakest operation.
struct Guarantees {
  Progress progress;
  Crash crash;
  Trust trust;
  Readers readers;
};

}  // namespace placid

#endif  // PLACID_BASE_GUARANTEES_H_
