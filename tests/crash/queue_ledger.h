// SPDX-License-Identifier: Apache-2.0
//
// VerifyQueue: compares a queue's ledger with what every queue promises.
//
//   committed values  arrive, in order, once to each consumer that lives on;
//                     of several producers, each one's in its order and, where
//                     the order is total, what was committed before another
//                     call began before what that call adds
//   in flight         those of one call arrive all, or the first few, or none
//   refused           never arrive
//   after a death     the next consumer begins at most the values in hand, and
//                     `lag` before them, behind the first that was not taken
#ifndef PLACID_TESTS_CRASH_QUEUE_LEDGER_H_
#define PLACID_TESTS_CRASH_QUEUE_LEDGER_H_

#include <cstdint>
#include <functional>

#include "tests/crash/ledger.h"

namespace placid::crash {

struct QueueRules {
  // What a dead consumer may keep from being given back, besides its last
  // call's.
  std::uint64_t lag = 0;
  // What one value takes of it.
  std::function<std::uint64_t(std::uint64_t value)> weight = [](std::uint64_t) {
    return std::uint64_t{1};
  };
  // Whether there are several producers at a time: then each party is one, and
  // what a dead one had in flight may arrive at any time. Else there is one
  // after the other.
  bool has_many_producers = false;
  // Of several, whether there is one order for all.
  bool is_total = true;
  // Whether the queue was emptied in the end: then nothing committed is left.
  bool is_drained = true;
};

// Fails where the ledger breaks the rules.
void VerifyQueue(const std::vector<Event>& events, const QueueRules& rules);

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_QUEUE_LEDGER_H_
