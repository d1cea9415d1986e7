// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/crash/play.h"
#include "tests/crash/value_play.h"

namespace placid::crash {

ValueFacts FactsOf(const std::vector<Event>& events) {
  ValueFacts facts;
  // The value of a call that has not returned, of each party: dead ones' stay.
  struct Begun {
    std::uint64_t op;
    std::uint64_t value;
  };
  std::vector<Begun> begun;
  for (const Event& event : events) {
    if (event.what == What::kBegin) {
      begun.push_back({event.op, event.value});
      facts.allowed.push_back(event.value);
    } else if (event.what == What::kDone) {
      const std::uint64_t value = begun.back().value;
      begun.pop_back();
      if (event.count == 0) {
        facts.allowed.pop_back();
        continue;
      }
      // A new value: what was in flight before it is over.
      begun.clear();
      facts.allowed = {value};
      facts.has_committed = true;
    } else if (event.what == What::kClosing) {
      facts.is_closing = true;
    } else if (event.what == What::kClosed) {
      facts.is_closed = true;
    }
  }
  facts.is_in_flight = !begun.empty();
  return facts;
}

void VerifyReads(const std::vector<Event>& events) {
  // The place of each value in the order in which they were begun.
  std::vector<std::uint64_t> order;
  std::vector<std::size_t> committed_at_look(8, 0);
  std::size_t committed = 0;
  std::size_t seen = 0;
  for (const Event& event : events) {
    const auto who = static_cast<std::size_t>(event.who);
    switch (event.what) {
      case What::kBegin: order.push_back(event.value); break;
      case What::kDone:
        if (event.count > 0) committed = order.size();
        break;
      case What::kLook: committed_at_look[who] = committed; break;
      case What::kTook: {
        std::size_t at = 0;
        while (at < order.size() && order[at] != event.value) ++at;
        if (at == order.size()) {
          Fail("value " + std::to_string(event.value) + " was never stored");
        }
        if (at + 1 < committed_at_look[who]) {
          Fail("value " + std::to_string(event.value) +
               " was read after a newer one had been committed");
        }
        if (at + 1 < seen) {
          Fail("value " + std::to_string(event.value) +
               " was read after a newer one had been read");
        }
        // Another reader's look may have begun before.
        seen = at + 1;
        break;
      }
      default: break;
    }
  }
}

}  // namespace placid::crash
