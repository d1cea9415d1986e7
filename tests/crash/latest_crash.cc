// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <vector>

#include "placid/primitives/latest.h"
#include "tests/crash/value_play.h"
#include "tests/support/checked_value.h"

namespace placid::crash {
namespace {

template <std::size_t kWords, std::uint64_t kCells, std::uint64_t kFrom = 0>
struct LatestCast {
  using T = testing::CheckedValue<kWords>;
  using Holder = Latest<T, kCells>;
  static constexpr bool kKeepsOld = true;
  static constexpr auto kCount = &Holder::Memory::newest;
  static constexpr std::uint64_t kCountsFrom = kFrom;
};

const Registration kLatest([](std::vector<Scenario>& scenarios) {
  AddValueScenarios<LatestCast<3, 4>>(scenarios, "Latest", "<24 bytes, 4>",
                                      /*is_all=*/true);
  AddValueScenarios<LatestCast<16, 2>>(scenarios, "Latest", "<128 bytes, 2>",
                                       /*is_all=*/false);
  // The third Store gives it the last number there is.
  AddValueScenarios<LatestCast<3, 4, UINT64_MAX - 3>>(
      scenarios, "Latest", "<24 bytes, 4, near wrap>", /*is_all=*/false);
});

}  // namespace
}  // namespace placid::crash
