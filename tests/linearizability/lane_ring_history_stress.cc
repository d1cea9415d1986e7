// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/lane_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "tests/linearizability/lane_scenario.h"
#include "tests/support/checked_value.h"
#include "tests/support/lane_counts.h"

namespace placid::linearizability {
namespace {

template <std::uint64_t kLanes>
struct ValueForm {
  // Large enough to be copied in several pieces.
  using T = testing::CheckedValue<8>;
  using Ring = LaneRing<T, kLanes>;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;
  static constexpr std::uint64_t kMostBytes = Ring::SizeFor(8);
  static constexpr bool kPopsSeveral = true;

  static Ring Make(std::span<std::byte> memory, std::uint64_t capacity,
                   std::uint64_t start) {
    const auto bytes =
        memory.first(static_cast<std::size_t>(Ring::SizeFor(capacity)));
    reinterpret_cast<typename Ring::Memory*>(bytes.data())
        ->stamp.store(0, kRelaxed);  // sync: none, one thread
    const Ring ring = *Ring::Create(bytes, capacity);
    testing::SetLaneCounts<SpscRing<T>>(bytes, kLanes, start);
    return ring;
  }
  static RingResult Push(Producer& producer, std::span<const T> values,
                         std::size_t& pushed) {
    if (values.size() > 1) return producer.TryPushSome(values, pushed);
    const RingResult result = producer.TryPush(values[0]);
    pushed = result == RingResult::kOk ? 1 : 0;
    return result;
  }
  static RingResult PushInPlace(Producer& producer, std::span<const T> values,
                                std::size_t& pushed) {
    std::span<T> slots;
    const RingResult result = producer.TryReserve(values.size(), slots);
    std::copy_n(values.begin(), slots.size(), slots.begin());
    pushed = producer.Commit(slots.size());
    return result;
  }
  static RingResult Pop(Consumer& consumer, std::span<T> values,
                        std::size_t& popped) {
    if (values.size() > 1) return consumer.TryPopSome(values, popped);
    const RingResult result = consumer.TryPop(values[0]);
    popped = result == RingResult::kOk ? 1 : 0;
    return result;
  }
};

// Catches what is lost, repeated, torn or out of the order of its lane, a lane
// that is full or empty when it is not, that two have at a time or nobody gets,
// and an end that is told too early or never: also in the middle of what another
// party does. The seed is printed.
TEST(LaneRingHistoryStress, EveryHistoryOfOneLaneIsThatOfABoundedFifo) {
  const std::uint64_t seed = Seed();
  RunHistories<LaneScenario<ValueForm<1>>>("LaneRing", seed);
}
TEST(LaneRingHistoryStress, EveryHistoryOfTwoLanesIsThatOfAFifoForEach) {
  const std::uint64_t seed = Seed();
  RunHistories<LaneScenario<ValueForm<2>>>("LaneRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
