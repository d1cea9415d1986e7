// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>

#include "placid/primitives/seqlock.h"
#include "tests/linearizability/newest_value.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {
namespace {

template <typename T>
using Scenario =
    NewestValueScenario<Seqlock<T>, T, &Seqlock<T>::Memory::sequence, 2, true>;

// A value on the line of the sequence, and one of many lines. A torn or an old
// value has no place in the history of a register. The seed is printed.
TEST(SeqlockHistoryStress, EveryHistoryIsThatOfARegister) {
  const std::uint64_t seed = Seed();
  RunHistories<Scenario<testing::CheckedValue<9>>>("Seqlock", seed);
}
TEST(SeqlockHistoryStress, EveryHistoryOfALargeValueIsThatOfARegister) {
  const std::uint64_t seed = Seed();
  RunHistories<Scenario<testing::CheckedValue<64>>>("Seqlock", seed);
}

}  // namespace
}  // namespace placid::linearizability
