// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/mpsc_byte_ring.h"
#include "tests/linearizability/many_scenario.h"
#include "tests/support/checked_value.h"
#include "tests/support/value_records.h"

namespace placid::linearizability {
namespace {

// Each value is a record of one granule, so that as many fit as there are
// granules. (Which lengths fit where is for the fuzzer and the unit tests.)
struct RecordForm {
  using Ring = testing::ValueRecords<testing::CheckedValue<8>, 0>;

  static Ring Make(std::span<std::byte> bytes, std::uint64_t capacity,
                   std::uint64_t start) {
    auto* memory = reinterpret_cast<MpscByteRing::Memory*>(bytes.data());
    memory->stamp.store(0, kRelaxed);  // sync: none, one thread
    const Ring ring = *Ring::Create(bytes, capacity);
    memory->head.store(start, kRelaxed);  // sync: none, one thread
    const Granules granules(bytes.data() + MpscByteRing::kDataOffset,
                            Extent<kDynamic>(capacity));
    for (std::uint64_t i = start; i != start + capacity; ++i) {
      granules.WordAt(i).store(granules.laps().Inside(i - capacity).word(),
                               kRelaxed);  // sync: none, one thread
    }
    return ring;
  }
};

// Catches what is lost, repeated, torn or out of the order of all pushes, a ring
// that is full, empty or pending when it is not, or takes more than it holds:
// also in the middle of what the other side, or another producer, does. The seed
// is printed.
TEST(MpscByteRingHistoryStress, EveryHistoryIsThatOfABoundedFifo) {
  const std::uint64_t seed = Seed();
  RunHistories<ManyScenario<RecordForm>>("MpscByteRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
