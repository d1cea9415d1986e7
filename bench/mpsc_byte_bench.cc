// SPDX-License-Identifier: Apache-2.0
//
// Records from several producers to one consumer, of one length here, so that
// others can take part: their queues carry values of one size. For records of any
// length they would carry pointers, and somebody would have to own what these
// point to.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>

#include "bench/benches.h"
#include "bench/harness.h"
#include "bench/many_peers.h"
#include "bench/many_stream.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/mpsc_byte_ring.h"

namespace placid::bench {
namespace {

// Of MpscByteRing and LaneByteRing, whose lanes have kCapacity bytes each.
template <typename Ring, std::size_t kBytes, std::uint64_t kCapacity>
class OurRecords {
 public:
  using value_type = Item<kBytes>;

  OurRecords() : ring_(*Ring::Create(storage_->bytes, kCapacity)) {}
  auto MakeProducer() {
    return [producer = *ring_.ClaimProducer()](const value_type& item) mutable {
      return producer.TryPush(std::as_bytes(std::span(item.words))) ==
             RingResult::kOk;
    };
  }
  auto MakeConsumer() {
    return [consumer = *ring_.ClaimConsumer(Pace::kStreaming)](
               value_type& item) mutable {
      SharedBytes record;
      if (consumer.TryFront(record) != RingResult::kOk) return false;
      record.CopyOut(std::as_writable_bytes(std::span(item.words)));
      return true;
    };
  }

 private:
  struct alignas(kLineBytes) Storage {
    std::array<std::byte, Ring::SizeFor(kCapacity)> bytes{};
  };
  std::unique_ptr<Storage> storage_{new Storage};
  Ring ring_;
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
          .note = "the peers are for one process and values of one size, "
                  "which they copy in and out; a producer that dies wedges "
                  "them or loses a slot"};
  const auto add = [&]<typename Queue>(std::type_identity<Queue>,
                                       const char* label,
                                       const char* promises) {
    row.candidates.push_back(
        {label, promises, [] { return Stream<Queue, kProducers>(kCount); }});
  };
  add(std::type_identity<OurRecords<MpscByteRing, kBytes, kCapacity>>{},
      "placid MpscByteRing, streaming",
      "total order; any lengths, any mapping, crash-proof, distrustful");
  add(std::type_identity<OurRecords<LaneByteRing<kProducers>, kBytes,
                                    kCapacity / kProducers>>{},
      "placid LaneByteRing, streaming",
      "order of each producer only; the rest the same");
  add(std::type_identity<MoodycamelManyQueue<T, kSlots>>{},
      "moodycamel ConcurrentQueue, tokens",
      "order of each producer only; may allocate; several consumers");
  add(std::type_identity<XeniumQueue<T, kSlots>>{},
      "xenium vyukov_bounded_queue",
      "total order; a dead producer wedges it; several consumers");
  return row;
}

}  // namespace

void RunMpscRecords(Report& report, bool all) {
  report.Run(RecordRow<2, 64, 64 * 1024>());
  report.Run(RecordRow<2, 256, 64 * 1024>());
  if (all) {
    report.Run(RecordRow<1, 8, 64 * 1024>());
    report.Run(RecordRow<1, 64, 64 * 1024>());
    report.Run(RecordRow<1, 64, 1024 * 1024>());
    report.Run(RecordRow<1, 256, 1024 * 1024>());
    report.Run(RecordRow<2, 1024, 1024 * 1024>());
    report.Run(RecordRow<4, 64, 1024 * 1024>());
  }
}

}  // namespace placid::bench
