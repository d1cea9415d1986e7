// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <vector>

#include "placid/primitives/seqlock.h"
#include "tests/crash/value_play.h"
#include "tests/support/checked_value.h"

namespace placid::crash {
namespace {

template <std::size_t kWords, std::uint64_t kFrom = 0>
struct SeqlockCast {
  using T = testing::CheckedValue<kWords>;
  using Holder = Seqlock<T>;
  static constexpr bool kKeepsOld = false;
  static constexpr auto kCount = &Holder::Memory::sequence;
  static constexpr std::uint64_t kCountsFrom = kFrom;
};

const Registration kSeqlock([](std::vector<Scenario>& scenarios) {
  AddValueScenarios<SeqlockCast<3>>(scenarios, "Seqlock", "<24 bytes>",
                                    /*is_all=*/true);
  AddValueScenarios<SeqlockCast<16>>(scenarios, "Seqlock", "<128 bytes>",
                                     /*is_all=*/false);
  // The third Store gives it the last even number there is.
  AddValueScenarios<SeqlockCast<3, UINT64_MAX - 7>>(
      scenarios, "Seqlock", "<24 bytes, near wrap>", /*is_all=*/false);
});

}  // namespace
}  // namespace placid::crash
