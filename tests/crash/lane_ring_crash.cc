// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "placid/primitives/lane_ring.h"
#include "tests/crash/lane_play.h"
#include "tests/support/checked_value.h"
#include "tests/support/lane_counts.h"

namespace placid::crash {
namespace {

using testing::CheckedValue;

template <std::uint64_t kLanes, std::uint64_t kExtent, std::uint64_t kSlots,
          Pace kConsumerPace, std::uint64_t kCountsFrom>
struct RingCast {
  using T = CheckedValue<2>;
  using Queue = LaneRing<T, kLanes, kExtent>;
  static constexpr std::size_t kBytes =
      static_cast<std::size_t>(Queue::SizeFor(kSlots));
  static constexpr Pace kPace = kConsumerPace;
  static constexpr std::uint64_t kLag =
      kPace == Pace::kStreaming ? kSlots / 8 : 0;
  static constexpr bool kPublishRetires = true;
  static constexpr bool kIsTotal = false;

  static Result<Queue> Create(Bytes bytes) {
    auto queue = Queue::Create(bytes, kSlots);
    testing::SetLaneCounts<SpscRing<T, kExtent>>(bytes.first(kBytes), kLanes,
                                                 kCountsFrom);
    return queue;
  }
  static Result<typename Queue::Producer> ClaimProducer(const Queue& queue,
                                                        OwnerId by) {
    return queue.ClaimProducer(by);
  }
  static RingResult Push(typename Queue::Producer& producer,
                         std::uint64_t value) {
    return producer.TryPush(T::Of(value));
  }
  static RingResult Pop(typename Queue::Consumer& consumer,
                        std::uint64_t& value) {
    T found;
    const RingResult result = consumer.TryPop(found);
    if (result == RingResult::kOk) value = NumberOf(found);
    return result;
  }
  static std::uint64_t NumberOf(const T& found) {
    Expect(found.IsWhole(), "a torn value was delivered");
    return found.number();
  }
  static std::uint64_t Weight(std::uint64_t) { return 1; }
  static constexpr std::uint64_t kPlain = 1;
  static bool Fits(int count) { return count == static_cast<int>(kSlots); }
};

// What the other form does not have.
template <typename Cast>
typename LaneOperations<Cast>::All OfBatches() {
  using P = ManyPlay<Cast>;
  using T = typename Cast::T;
  return {
      {"TryPopSome, TryPop", Side::kConsumer, P::Role::kMine,
       [](P& play, Bytes) {
         std::array<T, 3> values;
         std::size_t popped = 0;
         Book().Look();
         (void)play.consumer().TryPopSome(values, popped);
         for (std::size_t i = 0; i < popped; ++i) {
           Book().Took(Cast::NumberOf(values[i]));
         }
         play.Pop();
       }},
      {"TryPeek, Retire", Side::kConsumer, P::Role::kMine,
       [](P& play, Bytes) {
         SharedSpan<T> values;
         Book().Look();
         (void)play.consumer().TryPeek(2, values);
         for (std::size_t i = 0; i < values.size(); ++i) {
           Book().Took(Cast::NumberOf(values[i].Load()));
         }
         Expect(play.consumer().Retire(values.size()) == values.size(),
                "retired something else");
       }},
  };
}

const Registration kLaneRing([](std::vector<Scenario>& scenarios) {
  const auto add = [&]<typename Cast>(Cast, const char* variant,
                                      auto operations, QueueStart start) {
    AddManyScenarios<Cast>(scenarios, "LaneRing", variant, Cast::kBytes,
                           operations, {start});
  };
  using Two = RingCast<2, 4, 4, Pace::kPrompt, UINT64_MAX - 3>;
  using Streaming = RingCast<3, kDynamic, 8, Pace::kStreaming, 0>;
  add(Two(), "<2 lanes, 4>", LaneOperations<Two>::OfProducers(), {3, 2});
  add(Two(), "<2 lanes, 4>", LaneOperations<Two>::OfConsumers(), {3, 2});
  add(Two(), "<2 lanes, 4>", OfBatches<Two>(), {3, 3});
  auto pops = LaneOperations<Streaming>::OfConsumers();
  pops.erase(pops.begin() + 2, pops.end());
  add(Streaming(), "<3 lanes>, 8, streaming", pops, {7, 4});
  AddSealScenario<Two>(scenarios, "LaneRing", Two::kBytes);
});

}  // namespace
}  // namespace placid::crash
