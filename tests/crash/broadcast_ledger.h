// SPDX-License-Identifier: Apache-2.0
//
// What the ledger of a play about a broadcast says: which value is right at each
// position. A value says its position, in its lower half, and who pushed it.
#ifndef PLACID_TESTS_CRASH_BROADCAST_LEDGER_H_
#define PLACID_TESTS_CRASH_BROADCAST_LEDGER_H_

#include <cstdint>
#include <map>
#include <vector>

#include "tests/crash/play.h"

namespace placid::crash {

// Of all that was ever begun, what is right to find at each position.
struct BroadcastFacts {
  std::map<std::uint64_t, std::vector<std::uint64_t>> begun;
  std::map<std::uint64_t, std::uint64_t> committed;
  bool is_closing = false;
  bool is_closed = false;
};

inline constexpr std::uint64_t kPositions = 0xFFFF'FFFF;

inline BroadcastFacts BroadcastFactsOf(const std::vector<Event>& events) {
  BroadcastFacts facts;
  std::map<std::uint8_t, Event> begun;  // of each party, its last call
  for (const Event& event : events) {
    const auto who = static_cast<std::uint8_t>(event.who);
    if (event.what == What::kBegin) {
      begun[who] = event;
      for (std::uint64_t i = 0; i < event.count; ++i) {
        facts.begun[(event.value + i) & kPositions].push_back(event.value + i);
      }
    } else if (event.what == What::kDone) {
      for (std::uint64_t i = 0; i < event.count; ++i) {
        const std::uint64_t value = begun[who].value + i;
        const auto [at, is_new] =
            facts.committed.emplace(value & kPositions, value);
        Expect(is_new, "a value took the position of one that was committed");
      }
    } else if (event.what == What::kClosing) {
      facts.is_closing = true;
    } else if (event.what == What::kClosed) {
      facts.is_closed = true;
    }
  }
  return facts;
}

// Fails where a reader was given what did not belong there.
inline void VerifyTaken(const std::vector<Event>& events,
                        const BroadcastFacts& facts) {
  std::map<std::uint64_t, std::uint64_t> taken;
  for (const Event& event : events) {
    if (event.what != What::kTook) continue;
    const std::uint64_t at = event.value & kPositions;
    const auto begun = facts.begun.find(at);
    bool is_begun = false;
    if (begun != facts.begun.end()) {
      for (const std::uint64_t value : begun->second) {
        is_begun = is_begun || value == event.value;
      }
    }
    Expect(is_begun, "a value was read that nobody pushed there");
    const auto committed = facts.committed.find(at);
    Expect(committed == facts.committed.end() ||
               committed->second == event.value,
           "another value was read than the one that was committed");
    Expect(taken.emplace(at, event.value).first->second == event.value,
           "two readers read two values at one position");
  }
}

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_BROADCAST_LEDGER_H_
