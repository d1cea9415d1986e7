// SPDX-License-Identifier: Apache-2.0
//
// SetLaneCounts: lets the counts of each lane begin somewhere else than at 0.
#ifndef PLACID_TESTS_SUPPORT_LANE_COUNTS_H_
#define PLACID_TESTS_SUPPORT_LANE_COUNTS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/base/atomic.h"

namespace placid::testing {

// `bytes`: exactly those of an empty ring with so many lanes, which are a `Lane`
// each.
template <typename Lane>
void SetLaneCounts(std::span<std::byte> bytes, std::uint64_t lanes,
                   std::uint64_t counts) {
  constexpr std::size_t kFirst = 0x100;
  const std::size_t stride =
      (bytes.size() - kFirst) / static_cast<std::size_t>(lanes);
  for (std::size_t i = 0; i < lanes; ++i) {
    auto* lane = reinterpret_cast<typename Lane::Memory*>(bytes.data() +
                                                          kFirst + i * stride);
    lane->tail.store(counts, kRelaxed);  // sync: none, one thread
    lane->head.store(counts, kRelaxed);  // sync: none, one thread
  }
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_LANE_COUNTS_H_
