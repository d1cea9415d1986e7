// SPDX-License-Identifier: Apache-2.0
//
// One lane for each producer, one consumer, beside queues that keep no more than
// each producer's order and one that keeps all; and what idle lanes cost.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "bench/benches.h"
#include "bench/harness.h"
#include "bench/many_peers.h"
#include "bench/many_stream.h"
#include "placid/primitives/lane_ring.h"

namespace placid::bench {
namespace {

// `kIdle` lanes more, leased by somebody who says nothing.
template <typename T, std::uint64_t kLanes, std::uint64_t kCapacity,
          std::uint64_t kIdle, Pace kPace>
class Ours {
 public:
  using value_type = T;
  using Ring = LaneRing<T, kLanes + kIdle, kCapacity>;

  Ours() : storage_(new typename Ring::Storage{}) {
    const Ring ring = *Ring::Attach(*storage_);
    for (std::uint64_t i = 0; i < kIdle; ++i) {
      idle_.push_back(*ring.ClaimProducer());
    }
  }
  auto MakeProducer() {
    return [producer = *Ring::Attach(*storage_)->ClaimProducer()](
               const T& item) mutable {
      return producer.TryPush(item) == RingResult::kOk;
    };
  }
  auto MakeConsumer() {
    return [consumer = *Ring::Attach(*storage_)->ClaimConsumer(kPace)](
               T& item) mutable {
      return consumer.TryPop(item) == RingResult::kOk;
    };
  }

 private:
  std::unique_ptr<typename Ring::Storage> storage_;
  std::vector<typename Ring::Producer> idle_;
};

std::string NameOf(int producers, std::uint64_t capacity) {
  return "lanes 8 B, " + std::to_string(producers) + " producer" +
         (producers > 1 ? "s, " : ", ") + std::to_string(capacity / 1024) +
         "k slots";
}

template <int kProducers, std::uint64_t kCapacity>
Row StreamRow(double target) {
  using T = Item<8>;
  constexpr std::uint64_t kCount = 600'000;
  Row row{.name = NameOf(kProducers, kCapacity),
          .unit = "M/s",
          .target = target,
          .note = "the peers are for one process"};
  const auto add = [&]<typename Queue>(std::type_identity<Queue>,
                                       const char* label,
                                       const char* promises) {
    row.candidates.push_back(
        {label, promises, [] { return Stream<Queue, kProducers>(kCount); }});
  };
  add(std::type_identity<Ours<T, kProducers, kCapacity, 0, Pace::kStreaming>>{},
      "placid LaneRing, streaming",
      "order of each producer; any mapping, crash-proof, distrustful");
  add(std::type_identity<MoodycamelManyQueue<T, kCapacity>>{},
      "moodycamel ConcurrentQueue, tokens",
      "order of each producer; may allocate; several consumers");
  add(std::type_identity<XeniumQueue<T, kCapacity>>{},
      "xenium vyukov_bounded_queue",
      "total order; a dead producer wedges it; several consumers");
  add(std::type_identity<Ours<T, kProducers, kCapacity, 0, Pace::kPrompt>>{},
      "placid LaneRing, prompt (no target)", "retires at once");
  return row;
}

// The same two producers, in a ring of two lanes and in one of 64.
template <std::uint64_t kCapacity>
Row IdleRow() {
  using T = Item<8>;
  constexpr std::uint64_t kCount = 600'000;
  Row row{.name = "lanes 8 B, 62 idle ones beside 2, " +
                  std::to_string(kCapacity / 1024) + "k slots",
          .unit = "M/s",
          .target = 0.95,
          .note = "the same ring, by how many lanes are leased"};
  row.candidates.push_back(
      {"placid LaneRing, 64 lanes", "62 idle", [] {
         return Stream<Ours<T, 2, kCapacity, 62, Pace::kStreaming>, 2>(kCount);
       }});
  row.candidates.push_back(
      {"placid LaneRing, 2 lanes", "none idle", [] {
         return Stream<Ours<T, 2, kCapacity, 0, Pace::kStreaming>, 2>(kCount);
       }});
  return row;
}

}  // namespace

void RunLanes(Report& report, bool all) {
  report.Run(StreamRow<2, 1024>(1.7));
  report.Run(StreamRow<2, 65536>(3));
  report.Run(StreamRow<4, 65536>(3));
  if (all) {
    report.Run(StreamRow<1, 1024>(0));
    report.Run(StreamRow<1, 65536>(0));
    report.Run(StreamRow<4, 1024>(3));
  }
  report.Run(IdleRow<1024>());
  report.Run(IdleRow<65536>());
}

}  // namespace placid::bench
