// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "placid/base/shared_bytes.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "tests/linearizability/lane_scenario.h"
#include "tests/support/checked_value.h"
#include "tests/support/lane_counts.h"

namespace placid::linearizability {
namespace {

// Each value is a record of 64 bytes with its header, so that as many fit as the
// capacity says. (Padding is for the histories of SpscByteRing, a lane's type.)
template <std::uint64_t kLanes>
struct RecordForm {
  using T = testing::CheckedValue<7>;
  using Ring = LaneByteRing<kLanes>;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;
  static constexpr std::uint64_t kRecordBytes = 64;
  static_assert(kRecordBytes == SpscByteRing::kHeaderBytes + sizeof(T));
  static constexpr std::uint64_t kMostBytes = Ring::SizeFor(8 * kRecordBytes);
  static constexpr bool kPopsSeveral = false;

  static Ring Make(std::span<std::byte> memory, std::uint64_t capacity,
                   std::uint64_t start) {
    const auto bytes = memory.first(
        static_cast<std::size_t>(Ring::SizeFor(capacity * kRecordBytes)));
    reinterpret_cast<typename Ring::Memory*>(bytes.data())
        ->stamp.store(0, kRelaxed);  // sync: none, one thread
    const Ring ring = *Ring::Create(bytes, capacity * kRecordBytes);
    testing::SetLaneCounts<SpscByteRing>(bytes, kLanes, start * kRecordBytes);
    return ring;
  }
  // Several are staged one by one, and published together.
  static RingResult Push(Producer& producer, std::span<const T> values,
                         std::size_t& pushed) {
    if (values.size() > 1) return PushInPlace(producer, values, pushed);
    const RingResult result = producer.TryPush(std::as_bytes(values));
    pushed = result == RingResult::kOk ? 1 : 0;
    return result;
  }
  static RingResult PushInPlace(Producer& producer, std::span<const T> values,
                                std::size_t& pushed) {
    pushed = 0;
    RingResult result = RingResult::kOk;
    while (pushed < values.size()) {
      std::span<std::byte> payload;
      result = producer.TryReserve(sizeof(T), payload);
      if (result != RingResult::kOk) break;
      std::memcpy(payload.data(), &values[pushed++], sizeof(T));
      (void)producer.Stage(sizeof(T));
    }
    producer.Publish();
    return pushed > 0 ? RingResult::kOk : result;
  }
  static RingResult Pop(Consumer& consumer, std::span<T> values,
                        std::size_t& popped) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    popped = record.size() / sizeof(T);
    record.CopyOut(std::as_writable_bytes(values));
    return result;
  }
};

// As for LaneRing; and records that are staged and seen, or published and not.
// The seed is printed.
TEST(LaneByteRingHistoryStress, EveryHistoryOfOneLaneIsThatOfABoundedFifo) {
  const std::uint64_t seed = Seed();
  RunHistories<LaneScenario<RecordForm<1>>>("LaneByteRing", seed);
}
TEST(LaneByteRingHistoryStress, EveryHistoryOfTwoLanesIsThatOfAFifoForEach) {
  const std::uint64_t seed = Seed();
  RunHistories<LaneScenario<RecordForm<2>>>("LaneByteRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
