// SPDX-License-Identifier: Apache-2.0
//
// Records from several producers to one consumer, and what a recovery costs. All
// of a row are of one length, so that queues of values can take part beside the
// form that others give records of any length (tail_ring.h).
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "bench/benches.h"
#include "bench/harness.h"
#include "bench/many_peers.h"
#include "bench/many_stream.h"
#include "bench/recoveries.h"
#include "bench/round_trips.h"
#include "bench/tail_ring.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/mpsc_byte_ring.h"

namespace placid::bench {
namespace {

template <typename Ring, std::uint64_t kCapacity>
struct alignas(kLineBytes) BytesOf {
  std::array<std::byte, static_cast<std::size_t>(Ring::SizeFor(kCapacity))>
      bytes;
};

// Of MpscByteRing and LaneByteRing, whose lanes have kCapacity bytes each.
template <typename Ring, typename T, std::uint64_t kCapacity, Pace kPace>
class OurRecords {
 public:
  using value_type = T;

  auto MakeProducer() {
    return [producer = *ring_.ClaimProducer()](const T& item) mutable {
      return producer.TryPush(std::as_bytes(std::span(item.words))) ==
             RingResult::kOk;
    };
  }
  auto MakeConsumer() {
    return [consumer = *ring_.ClaimConsumer(kPace)](T& item) mutable {
      SharedBytes record;
      if (consumer.TryFront(record) != RingResult::kOk) return false;
      if (record.CopyOut(std::as_writable_bytes(std::span(item.words))) !=
          sizeof(T)) {
        std::abort();
      }
      return true;
    };
  }

 private:
  using Storage = BytesOf<Ring, kCapacity>;
  std::unique_ptr<Storage> storage_{new Storage{}};
  Ring ring_ = *Ring::Create(storage_->bytes, kCapacity);
};

template <int kProducers, std::size_t kBytes, std::uint64_t kCapacity>
Row RecordRow() {
  using T = Item<kBytes>;
  constexpr std::uint64_t kSlots = kCapacity / (kBytes < 64 ? 64 : kBytes);
  constexpr std::uint64_t kCount = kBytes > 64 ? 50'000 : 150'000;
  Row row{.name = "MPSC records of " + std::to_string(kBytes) + " B, " +
                  std::to_string(kProducers) + " producer" +
                  (kProducers > 1 ? "s, " : ", ") +
                  std::to_string(kCapacity / 1024) + " KiB",
          .unit = "M/s",
          .target = kBytes <= 256 ? 1.5 : 0,
          .note = "all but ours are for one process; a producer that dies "
                  "wedges them or loses a slot"};
  const auto add = [&]<typename Queue>(std::type_identity<Queue>,
                                       const char* label,
                                       const char* promises) {
    row.candidates.push_back(
        {label, promises, [] { return Stream<Queue, kProducers>(kCount); }});
  };
  add(std::type_identity<
          OurRecords<MpscByteRing, T, kCapacity, Pace::kStreaming>>{},
      "placid MpscByteRing, streaming",
      "total order; any lengths, any mapping, crash-proof, distrustful");
  add(std::type_identity<TailRing<T, kCapacity>>{},
      "a common tail, zeroed lengths",
      "total order; any lengths; a dead producer wedges it");
  add(std::type_identity<OurRecords<LaneByteRing<kProducers>, T,
                                    kCapacity / kProducers, Pace::kStreaming>>{},
      "placid LaneByteRing, streaming",
      "order of each producer only; the rest as MpscByteRing");
  add(std::type_identity<XeniumQueue<T, kSlots>>{},
      "xenium vyukov_bounded_queue",
      "total order; values of one size; a dead producer wedges it");
  add(std::type_identity<MoodycamelManyQueue<T, kSlots>>{},
      "moodycamel ConcurrentQueue, tokens",
      "order of each producer only; values of one size; may allocate");
  return row;
}

class Claims {
 public:
  explicit Claims(OwnerId owner) : producer_(*ring.ClaimProducer(owner)) {}
  void Claim() {
    std::span<std::byte> payload;
    if (producer_.TryReserve(100, payload) != RingResult::kOk) std::abort();
  }
  void Clear() {
    producer_.Abort();
    SharedBytes record;
    if (consumer_.TryFront(record) != RingResult::kEmpty) std::abort();
  }
  auto& WordAt(std::uint64_t granule) { return granules_.WordAt(granule); }

 private:
  static constexpr std::uint64_t kCapacity =
      kRecoverySlots * MpscByteRing::kGranuleBytes;
  using Storage = BytesOf<MpscByteRing, kCapacity>;
  std::unique_ptr<Storage> storage_{new Storage{}};

 public:
  const MpscByteRing ring = *MpscByteRing::Create(storage_->bytes, kCapacity);

 private:
  Granules granules_{storage_->bytes.data() + MpscByteRing::kDataOffset,
                     Extent<kDynamic>(kRecoverySlots)};
  MpscByteRing::Producer producer_;
  MpscByteRing::Consumer consumer_ = *ring.ClaimConsumer();
};

}  // namespace

void RunMpscRecords(Report& report, bool all) {
  report.Run(RecordRow<2, 64, 64 * 1024>());
  report.Run(RecordRow<2, 256, 64 * 1024>());
  if (all) {
    report.Run(RecordRow<1, 8, 64 * 1024>());
    report.Run(RecordRow<1, 64, 64 * 1024>());
    report.Run(RecordRow<1, 64, 1024 * 1024>());
    report.Run(RecordRow<1, 256, 1024 * 1024>());
    report.Run(RecordRow<2, 256, 1024 * 1024>());
    report.Run(RecordRow<2, 1024, 1024 * 1024>());
    report.Run(RecordRow<4, 64, 1024 * 1024>());
  }
  using Trip = Item<8>;
  report.Run(LatencyRow{
      .name = "MPSC round trip of records, spinning",
      .target = 0,  // a word and its record lie in two lines
      .note = "",
      .candidates = {{"placid MpscByteRing, prompt",
                      RoundTrips<OurRecords<MpscByteRing, Trip, 64 * 1024,
                                            Pace::kPrompt>>},
                     {"two-line ping-pong floor", FloorRoundTrips},
                     {"a common tail, zeroed lengths",
                      RoundTrips<TailRing<Trip, 64 * 1024>>}}});
  report.Run(RecoveryRow<Claims>("MpscByteRing", "granules"));
}

}  // namespace placid::bench
