// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>

#include "placid/primitives/latest.h"
#include "tests/linearizability/newest_value.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {
namespace {

template <typename T, std::uint64_t kCells>
using Scenario =
    NewestValueScenario<Latest<T, kCells>, T,
                        &Latest<T, kCells>::Memory::newest, 1, false>;

// As for Seqlock, at both ends of what may overtake a reader. The seed is
// printed.
TEST(LatestHistoryStress, EveryHistoryOfTwoCellsIsThatOfARegister) {
  const std::uint64_t seed = Seed();
  RunHistories<Scenario<testing::CheckedValue<64>, 2>>("Latest", seed);
}
TEST(LatestHistoryStress, EveryHistoryOfFourCellsIsThatOfARegister) {
  const std::uint64_t seed = Seed();
  RunHistories<Scenario<testing::CheckedValue<9>, 4>>("Latest", seed);
}

}  // namespace
}  // namespace placid::linearizability
