// SPDX-License-Identifier: Apache-2.0
//
// Check: whether a history made by hand is one that a type permits.
#ifndef PLACID_TESTS_LINEARIZABILITY_BY_HAND_H_
#define PLACID_TESTS_LINEARIZABILITY_BY_HAND_H_

#include <initializer_list>
#include <vector>

#include "tests/linearizability/checker.h"
#include "tests/linearizability/recorder.h"

namespace placid::linearizability {

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
