// SPDX-License-Identifier: Apache-2.0
//
// Several producers, several consumers: streams and round trips, beside other
// people's queues. What a recovery costs is in mpsc_bench.cc: a look at every
// slot's word, here too.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "bench/benches.h"
#include "bench/harness.h"
#include "bench/many_peers.h"
#include "bench/many_stream.h"
#include "bench/round_trips.h"
#include "placid/primitives/mpmc_ring.h"

namespace placid::bench {
namespace {

template <typename T, std::uint64_t kCapacity, Delivery kDelivery>
class OurMpmc {
 public:
  using value_type = T;
  using Ring = MpmcRing<T, kCapacity>;

  OurMpmc() : storage_(new typename Ring::Storage{}) {}
  auto MakeProducer() {
    return [producer = *Ring::Attach(*storage_)->ClaimProducer(
                *OwnerId::Of(1, 1), Pace::kStreaming)](const T& item) mutable {
      return producer.TryPush(item) == RingResult::kOk;
    };
  }
  auto MakeConsumer() {
    return [consumer = *Ring::Attach(*storage_)->ClaimConsumer(
                kDelivery, *OwnerId::Of(2, 1), Pace::kStreaming)](T& item) mutable {
      return consumer.TryPop(item) == RingResult::kOk;
    };
  }

 private:
  std::unique_ptr<typename Ring::Storage> storage_;
};

template <int kEach, std::size_t kBytes, std::uint64_t kCapacity>
Row MpmcStreamRow() {
  using T = Item<kBytes>;
  const std::uint64_t count = kBytes > 8 || kEach > 1 ? 100'000 : 300'000;
  const std::string each = std::to_string(kEach);
  Row row{.name = "MPMC " + std::to_string(kBytes) + " B, " + each + "P" +
                  each + "C, " + std::to_string(kCapacity / 1024) + "k slots",
          .unit = "M/s",
          .target = 1.0,
          .note =
              "the peers are for one process, and wedged or lose a slot "
              "where somebody dies"};
  const auto add = [&]<typename Queue>(std::type_identity<Queue>,
                                       const char* label,
                                       const char* promises) {
    row.candidates.push_back({label, promises, [count] {
                                return Stream<Queue, kEach, kEach>(count);
                              }});
  };
  add(std::type_identity<OurMpmc<T, kCapacity, Delivery::kAtMostOnce>>{},
      "placid MpmcRing, at most once",
      "total order; any mapping, crash-proof, distrustful");
  add(std::type_identity<XeniumQueue<T, kCapacity>>{},
      "xenium vyukov_bounded_queue",
      "total order; whoever dies wedges it; no owners");
  add(std::type_identity<BoostManyQueue<T, kCapacity>>{},
      "boost lockfree::queue", "total order; a node is lost with who dies");
  add(std::type_identity<TbbQueue<T, kCapacity>>{},
      "tbb concurrent_bounded_queue",
      "total order; locks in its pages; may allocate");
  add(std::type_identity<MoodycamelManyQueue<T, kCapacity>>{},
      "moodycamel ConcurrentQueue, tokens",
      "order of each producer only; may allocate");
  add(std::type_identity<OurMpmc<T, kCapacity, Delivery::kAtLeastOnce>>{},
      "placid MpmcRing, at least once (no target)",
      "a dead consumer's value comes again");
  return row;
}

}  // namespace

void RunMpmc(Report& report, bool all) {
  report.Run(MpmcStreamRow<1, 8, 1024>());
  report.Run(MpmcStreamRow<2, 8, 1024>());
  report.Run(MpmcStreamRow<2, 64, 1024>());
  if (all) {
    report.Run(MpmcStreamRow<1, 8, 65536>());
    report.Run(MpmcStreamRow<2, 8, 65536>());
    report.Run(MpmcStreamRow<4, 8, 1024>());
    report.Run(MpmcStreamRow<4, 8, 65536>());
    report.Run(MpmcStreamRow<1, 64, 1024>());
    report.Run(MpmcStreamRow<1, 64, 65536>());
    report.Run(MpmcStreamRow<2, 64, 65536>());
    report.Run(MpmcStreamRow<4, 64, 1024>());
    report.Run(MpmcStreamRow<4, 64, 65536>());
  }
  using Trip = Item<8>;
  report.Run(LatencyRow{
      .name = "MPMC round trip, spinning",
      .target = 0,
      .note = "",
      .candidates = {
          {"placid MpmcRing, at most once",
           RoundTrips<OurMpmc<Trip, 1024, Delivery::kAtMostOnce>>},
          {"two-line ping-pong floor", FloorRoundTrips},
          {"xenium vyukov_bounded_queue", RoundTrips<XeniumQueue<Trip, 1024>>},
          {"boost lockfree::queue", RoundTrips<BoostManyQueue<Trip, 1024>>}}});
}

}  // namespace placid::bench
