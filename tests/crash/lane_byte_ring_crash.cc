// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "placid/primitives/lane_byte_ring.h"
#include "tests/crash/lane_play.h"
#include "tests/support/lane_counts.h"

namespace placid::crash {
namespace {

// A record is its number twice over, 24 bytes with the header: two fit into 64
// bytes, wherever they begin.
struct RingCast {
  using Queue = LaneByteRing<2>;
  static constexpr std::uint64_t kCapacity = 64;
  static constexpr std::size_t kBytes =
      static_cast<std::size_t>(Queue::SizeFor(kCapacity));
  static constexpr Pace kPace = Pace::kPrompt;
  static constexpr std::uint64_t kLag = 0;
  static constexpr bool kPublishRetires = true;
  static constexpr bool kIsTotal = false;

  static Result<Queue> Create(Bytes bytes) {
    auto queue = Queue::Create(bytes, kCapacity);
    testing::SetLaneCounts<SpscByteRing>(bytes.first(kBytes), 2,
                                         UINT64_MAX - 39);
    return queue;
  }
  static Result<Queue::Producer> ClaimProducer(const Queue& queue, OwnerId by) {
    return queue.ClaimProducer(by);
  }
  static RingResult Push(Queue::Producer& producer, std::uint64_t value) {
    const std::array<std::uint64_t, 2> words{value, ~value};
    return producer.TryPush(std::as_bytes(std::span(words)));
  }
  static RingResult Pop(Queue::Consumer& consumer, std::uint64_t& value) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result != RingResult::kOk) return result;
    Expect(record.size() == 16, "a record of another length");
    value = *record.Load<std::uint64_t>(0);
    Expect(record.Load<std::uint64_t>(8) == ~value,
           "a torn record was delivered");
    return result;
  }
  static std::uint64_t Weight(std::uint64_t) { return 24; }
  static constexpr std::uint64_t kPlain = 1;
  static bool Fits(int count) { return count == 2; }
};

const Registration kLaneByteRing([](std::vector<Scenario>& scenarios) {
  const auto add = [&](auto operations, QueueStart start) {
    AddManyScenarios<RingCast>(scenarios, "LaneByteRing", "<2 lanes, 64>",
                               RingCast::kBytes, operations, {start});
  };
  add(LaneOperations<RingCast>::OfProducers(), {1, 1});
  add(LaneOperations<RingCast>::OfConsumers(), {1, 2});
  AddSealScenario<RingCast>(scenarios, "LaneByteRing", RingCast::kBytes);
});

}  // namespace
}  // namespace placid::crash
