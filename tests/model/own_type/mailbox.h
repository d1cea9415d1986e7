// SPDX-License-Identifier: Apache-2.0
//
// Mailbox: a type of somebody else's, written on placid's atomics: one letter
// at a time from one sender to one receiver.
#ifndef PLACID_TESTS_MODEL_OWN_TYPE_MAILBOX_H_
#define PLACID_TESTS_MODEL_OWN_TYPE_MAILBOX_H_

#include <cstdint>

#include "placid/base/atomic.h"

struct Mailbox {
  placid::Atomic<std::uint64_t> sent;      // letters ever
  placid::Atomic<std::uint64_t> received;  // letters ever
  std::uint64_t letter;

  bool TrySend(std::uint64_t text) {
    const std::uint64_t number =
        sent.load(placid::kRelaxed);  // sync: none, our own last store
    if (received.load(placid::kAcquire) != number) {  // sync: free (acquire)
      return false;
    }
    placid::machine::CopyIn(letter, text);
    sent.store(placid::Bump(number),
               placid::kRelease);  // sync: deliver (release)
    return true;
  }

  bool TryReceive(std::uint64_t& text) {
    const std::uint64_t number =
        received.load(placid::kRelaxed);  // sync: none, our own last store
    if (sent.load(placid::kAcquire) == number) {  // sync: deliver (acquire)
      return false;
    }
    placid::machine::CopyOut(text, letter);
    received.store(placid::Bump(number),
                   placid::kRelease);  // sync: free (release)
    return true;
  }
};

#endif  // PLACID_TESTS_MODEL_OWN_TYPE_MAILBOX_H_
