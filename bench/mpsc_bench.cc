// SPDX-License-Identifier: Apache-2.0
//
// Several producers, one consumer: streams and round trips, beside other
// people's queues, and what a recovery costs. The producers share the first
// core, the consumer has the second: on two cores there is no other place for
// it. The content of every element and each producer's order are checked while
// the clock runs, for everybody alike.
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "bench/benches.h"
#include "bench/harness.h"
#include "bench/many_peers.h"
#include "bench/many_stream.h"
#include "bench/recoveries.h"
#include "bench/round_trips.h"
#include "placid/primitives/mpsc_ring.h"

namespace placid::bench {
namespace {

template <typename T, std::uint64_t kCapacity, Pace kPace>
class Ours {
 public:
  using value_type = T;
  using Ring = MpscRing<T, kCapacity>;

  Ours() : storage_(new typename Ring::Storage{}) {}
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
};

template <int kProducers, std::size_t kBytes, std::uint64_t kCapacity>
Row StreamRow(double target) {
  using T = Item<kBytes>;
  const std::uint64_t count = kBytes > 8 ? 100'000 : 300'000;
  Row row{.name = "MPSC " + std::to_string(kBytes) + " B, " +
                  std::to_string(kProducers) + " producer" +
                  (kProducers > 1 ? "s, " : ", ") +
                  std::to_string(kCapacity / 1024) + "k slots",
          .unit = "M/s",
          .target = target,
          .note =
              "the peers are for one process; all but the first are "
              "wedged or lose a slot where a producer dies"};
  const auto add = [&]<typename Queue>(std::type_identity<Queue>,
                                       const char* label,
                                       const char* promises) {
    row.candidates.push_back({label, promises, [count] {
                                return Stream<Queue, kProducers>(count);
                              }});
  };
  add(std::type_identity<Ours<T, kCapacity, Pace::kStreaming>>{},
      "placid MpscRing, streaming",
      "total order; any mapping, crash-proof, distrustful");
  add(std::type_identity<XeniumQueue<T, kCapacity>>{},
      "xenium vyukov_bounded_queue",
      "total order; a dead producer wedges it; several consumers");
  add(std::type_identity<MoodycamelManyQueue<T, kCapacity>>{},
      "moodycamel ConcurrentQueue, tokens",
      "order of each producer only; may allocate; several consumers");
  add(std::type_identity<BoostManyQueue<T, kCapacity>>{},
      "boost lockfree::queue", "total order; several consumers");
  add(std::type_identity<TbbQueue<T, kCapacity>>{},
      "tbb concurrent_bounded_queue",
      "total order; locks in its pages; may allocate; several consumers");
  row.candidates.push_back(
      {"placid MpscRing, prompt (no target)", "retires at once", [count] {
         return Stream<Ours<T, kCapacity, Pace::kPrompt>, kProducers>(count);
       }});
  return row;
}

class Claims {
 public:
  using Ring = MpscRing<std::uint64_t, kRecoverySlots>;

  explicit Claims(OwnerId owner) : producer_(*ring.ClaimProducer(owner)) {}
  void Claim() {
    if (producer_.TryReserve(slot_) != RingResult::kOk) std::abort();
  }
  void Clear() {
    producer_.Abort();
    if (consumer_.TryPop(*slot_) != RingResult::kEmpty) std::abort();
  }
  auto& WordAt(std::uint64_t slot) { return storage_->slots[slot].word; }

 private:
  std::unique_ptr<Ring::Storage> storage_{new Ring::Storage{}};

 public:
  const Ring ring = *Ring::Attach(*storage_);

 private:
  Ring::Producer producer_;
  Ring::Consumer consumer_ = *ring.ClaimConsumer();
  std::uint64_t* slot_ = nullptr;
};

}  // namespace

void RunMpsc(Report& report, bool all) {
  report.Run(StreamRow<1, 8, 1024>(2.0));
  report.Run(StreamRow<2, 8, 1024>(2.0));
  report.Run(StreamRow<2, 64, 1024>(2.3));
  if (all) {
    report.Run(StreamRow<1, 8, 65536>(2.0));
    report.Run(StreamRow<2, 8, 65536>(2.0));
    report.Run(StreamRow<4, 8, 1024>(2.0));
    report.Run(StreamRow<4, 8, 65536>(2.0));
    report.Run(StreamRow<1, 64, 1024>(2.3));
    report.Run(StreamRow<1, 64, 65536>(2.3));
    report.Run(StreamRow<2, 64, 65536>(2.3));
    report.Run(StreamRow<4, 64, 65536>(2.3));
  }
  using Trip = Item<8>;
  report.Run(LatencyRow{
      .name = "MPSC round trip, spinning",
      .target = 1.15,
      .note = "",
      .candidates = {
          {"placid MpscRing, prompt",
           RoundTrips<Ours<Trip, 1024, Pace::kPrompt>>},
          {"two-line ping-pong floor", FloorRoundTrips},
          {"xenium vyukov_bounded_queue", RoundTrips<XeniumQueue<Trip, 1024>>},
          {"moodycamel ConcurrentQueue, tokens",
           RoundTrips<MoodycamelManyQueue<Trip, 1024>>}}});
  report.Run(RecoveryRow<Claims>("MpscRing", "slots"));
}

}  // namespace placid::bench
