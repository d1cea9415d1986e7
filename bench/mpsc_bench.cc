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

// What it takes to void the one claim in a ring of 1,024 slots.
enum class Recovery { kOwned, kUnowned, kFloor };
template <Recovery kHow>
std::vector<double> Recoveries() {
  using Ring = MpscRing<std::uint64_t, 1024>;
  auto storage = std::make_unique<Ring::Storage>();
  const Ring ring = *Ring::Attach(*storage);
  const OwnerId owner =
      kHow == Recovery::kOwned ? *OwnerId::Of(7, 1) : OwnerId::Unowned();
  auto producer = *ring.ClaimProducer(owner);
  auto consumer = *ring.ClaimConsumer();
  std::vector<double> times;
  for (int i = 0; i < 2000; ++i) {
    std::uint64_t* slot = nullptr;
    if (producer.TryReserve(slot) != RingResult::kOk) std::abort();
    const double begin = Now();
    if (kHow == Recovery::kOwned) {
      Keep(ring.Recover(DeadOwner::Attested(owner)));
    } else if (kHow == Recovery::kUnowned) {
      Keep(ring.RecoverUnowned(UnownedAreDead()));
    } else {
      for (const auto& each : storage->slots) {
        Keep(each.word.load(std::memory_order_relaxed));
      }
    }
    times.push_back((Now() - begin) * 1e9);
    producer.Abort();
    if (consumer.TryPop(*slot) != RingResult::kEmpty) std::abort();
  }
  return times;
}

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
  report.Run(LatencyRow{
      .name = "MPSC recovery of one claim, 1k slots",
      .target = 0,
      .note = "the floor is a look at every slot's word; a peer cannot be "
              "recovered",
      .candidates = {
          {"placid MpscRing, of a participant", Recoveries<Recovery::kOwned>},
          {"a look at every word", Recoveries<Recovery::kFloor>},
          {"placid MpscRing, of all without an identity",
           Recoveries<Recovery::kUnowned>}}});
}

}  // namespace placid::bench
