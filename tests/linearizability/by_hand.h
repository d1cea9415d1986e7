// SPDX-License-Identifier: Apache-2.0
//
// Check: whether a history made by hand is one that a type permits.
#ifndef PLACID_TESTS_LINEARIZABILITY_BY_HAND_H_
#define PLACID_TESTS_LINEARIZABILITY_BY_HAND_H_

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "tests/linearizability/checker.h"
#include "tests/linearizability/recorder.h"

namespace placid::linearizability {

// Each event by itself, at a time of its own, in this order.
template <typename Event>
std::vector<Timed<Event>> InTurn(std::initializer_list<Event> events) {
  std::vector<Timed<Event>> history;
  std::uint64_t now = 0;
  for (const Event& event : events) {
    history.push_back({{now, now + 1}, event});
    now += 2;
  }
  return history;
}

template <typename Spec>
bool Check(
    const Spec& spec, const typename Spec::State& initial,
    std::initializer_list<std::vector<Timed<typename Spec::Event>>> threads) {
  typename Checker<Spec>::History history;
  for (const auto& thread : threads) history.push_back(&thread);
  Checker<Spec> checker;
  return checker.IsLinearizable(spec, initial, history);
}

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_BY_HAND_H_
