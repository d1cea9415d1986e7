// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <vector>

#include "placid/primitives/seqlock.h"
#include "tests/crash/value_play.h"
#include "tests/support/checked_value.h"

namespace placid::crash {
namespace {

template <std::size_t kWords>
struct SeqlockCast {
  using T = testing::CheckedValue<kWords>;
  using Holder = Seqlock<T>;
  static constexpr bool kKeepsOld = false;
};

const Registration kSeqlock([](std::vector<Scenario>& scenarios) {
  AddValueScenarios<SeqlockCast<3>>(scenarios, "Seqlock", "<24 bytes>",
                                    /*is_all=*/true);
  AddValueScenarios<SeqlockCast<16>>(scenarios, "Seqlock", "<128 bytes>",
                                     /*is_all=*/false);
});

}  // namespace
}  // namespace placid::crash
