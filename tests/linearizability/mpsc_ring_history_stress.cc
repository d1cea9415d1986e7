// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/mpsc_ring.h"
#include "tests/linearizability/many_scenario.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {
namespace {

struct RingForm {
  using Ring = MpscRing<testing::CheckedValue<8>>;

  static Ring Make(std::span<std::byte> bytes, std::uint64_t capacity,
                   std::uint64_t start) {
    auto* memory = reinterpret_cast<Ring::Memory*>(bytes.data());
    memory->stamp.store(0, kRelaxed);  // sync: none, one thread
    const Ring ring = *Ring::Create(bytes, capacity);
    memory->head.store(start, kRelaxed);  // sync: none, one thread
    auto* slots =
        reinterpret_cast<Ring::Slot*>(bytes.data() + Ring::kSlotsOffset);
    const SlotLaps<kDynamic> laps{Extent<kDynamic>(capacity)};
    for (std::uint64_t i = start; i != start + capacity; ++i) {
      slots[i % capacity].word.store(laps.DoneBefore(i).word(),
                                     kRelaxed);  // sync: none, one thread
    }
    return ring;
  }
};

// Catches what is lost, repeated, torn or out of the order of all pushes, a ring
// that is full, empty or pending when it is not, or takes more than it holds:
// also in the middle of what the other side, or another producer, does. The seed
// is printed.
TEST(MpscRingHistoryStress, EveryHistoryIsThatOfABoundedFifo) {
  const std::uint64_t seed = Seed();
  RunHistories<ManyScenario<RingForm>>("MpscRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
