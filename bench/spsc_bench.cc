// SPDX-License-Identifier: Apache-2.0
//
// One producer, one consumer, on two pinned cores: streams of small elements
// and round trips, beside other people's queues. The order and the content of
// every element are checked while the clock runs, for everybody alike.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/benches.h"
#include "bench/harness.h"
#include "bench/peers.h"
#include "bench/round_trips.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"

namespace placid::bench {
namespace {

template <std::size_t kBytes>
struct Item {
  std::array<std::uint64_t, kBytes / 8> words;
};

template <typename T>
T Make(std::uint64_t i) {
  T item;
  item.words.fill(i);
  return item;
}

// Streams `count` elements from core 0 to core 1; elements per second.
template <typename Queue>
double Stream(std::uint64_t count) {
  using T = typename Queue::value_type;
  auto queue = std::make_unique<Queue>();
  Apart<std::atomic<bool>> go;
  double begin = 0;
  std::thread producer([&, count] {
    PinTo(0);
    auto push = queue->MakeProducer();
    while (!go->load()) machine::Pause();
    begin = Now();
    for (std::uint64_t i = 0; i < count;) i += push(Make<T>(i)) ? 1 : 0;
  });
  PinTo(1);
  auto pop = queue->MakeConsumer();
  *go = true;
  T item{};
  for (std::uint64_t i = 0; i < count;) {
    if (!pop(item)) continue;
    if (item.words.front() != i || item.words.back() != i) std::abort();
    ++i;
  }
  const double end = Now();
  producer.join();
  return static_cast<double>(count) / (end - begin);
}

template <typename T, std::uint64_t kCapacity, Pace kPace>
class Ours {
 public:
  using value_type = T;
  using Ring = SpscRing<T, kCapacity>;

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

template <std::size_t kBytes, std::uint64_t kCapacity>
Row StreamRow(const std::string& name, double target, std::uint64_t count) {
  using T = Item<kBytes>;
  Row row{.name = name, .unit = "M/s", .target = target};
  const auto add = [&]<typename Queue>(std::type_identity<Queue>,
                                       const char* label,
                                       const char* promises) {
    row.candidates.push_back(
        {label, promises, [count] { return Stream<Queue>(count); }});
  };
  add(std::type_identity<Ours<T, kCapacity, Pace::kStreaming>>{},
      "placid SpscRing, streaming", "any mapping, crash-proof, distrustful");
  add(std::type_identity<MoodycamelQueue<T, kCapacity>>{},
      "moodycamel ReaderWriterQueue", "one process; may allocate");
  add(std::type_identity<BoostQueue<T, kCapacity>>{}, "boost spsc_queue",
      "one process");
  add(std::type_identity<CkRing<T, kCapacity>>{}, "ck_ring",
      "one process, shared counters trusted");
  row.candidates.push_back(
      {"placid SpscRing, prompt (no target)", "retires at once",
       [count] { return Stream<Ours<T, kCapacity, Pace::kPrompt>>(count); }});
  return row;
}

// Records of one length through a byte ring; bytes per second.
double StreamBytes(std::uint64_t capacity, std::size_t length) {
  const auto size = static_cast<std::size_t>(SpscByteRing::SizeFor(capacity));
  struct Free {
    void operator()(std::byte* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<std::byte, Free> bytes(static_cast<std::byte*>(
      std::aligned_alloc(4096, (size + 4095) / 4096 * 4096)));
  SpscByteRing::Reset({bytes.get(), size}, NobodyUsesIt{}).value();
  const SpscByteRing ring =
      *SpscByteRing::Create({bytes.get(), size}, capacity);
  const std::uint64_t count = std::uint64_t{1'000'000'000} / (length + 64);
  double begin = 0;
  std::thread writer([&, count, length] {
    PinTo(0);
    auto producer = *ring.ClaimProducer();
    std::vector<std::byte> record(length);
    begin = Now();
    for (std::uint64_t i = 0; i < count;) {
      std::memcpy(record.data(), &i, sizeof(i));
      i += producer.TryPush(record) == RingResult::kOk ? 1 : 0;
    }
  });
  PinTo(1);
  auto consumer = *ring.ClaimConsumer(Pace::kStreaming);
  std::vector<std::byte> copy(length);
  for (std::uint64_t i = 0; i < count;) {
    SharedBytes record;
    if (consumer.TryFront(record) != RingResult::kOk) continue;
    if (record.CopyOut(copy) != length) std::abort();
    std::uint64_t number = 0;
    std::memcpy(&number, copy.data(), sizeof(number));
    if (number != i++) std::abort();
  }
  const double end = Now();
  writer.join();
  return static_cast<double>(count * length) / (end - begin);
}

// The cross-core copy floor: 8 KiB blocks, nothing but two counters.
double CopyFloor(std::uint64_t capacity) {
  constexpr std::size_t kBlock = 8192;
  const auto blocks = static_cast<std::size_t>(capacity / kBlock);
  const std::uint64_t count = std::uint64_t{1'000'000'000} / kBlock;
  struct alignas(kLineBytes) Line {
    Atomic<std::uint64_t> word;
  };
  auto lines = std::make_unique<std::array<Line, 2>>();
  auto& written = (*lines)[0].word;
  auto& read = (*lines)[1].word;
  std::vector<std::byte> shared(static_cast<std::size_t>(capacity));
  double begin = 0;
  std::thread writer([&, count, blocks, into = shared.data()] {
    PinTo(0);
    std::vector<std::byte> block(kBlock, std::byte{3});
    begin = Now();
    for (std::uint64_t i = 0; i < count; ++i) {
      while (i - read.load(std::memory_order_acquire) >= blocks) {
        machine::Pause();
      }
      std::memcpy(into + i % blocks * kBlock, block.data(), kBlock);
      written.store(i + 1, std::memory_order_release);
    }
  });
  PinTo(1);
  std::vector<std::byte> block(kBlock);
  for (std::uint64_t i = 0; i < count; ++i) {
    while (written.load(std::memory_order_acquire) <= i) machine::Pause();
    std::memcpy(block.data(), shared.data() + i % blocks * kBlock, kBlock);
    Keep(block[0]);
    read.store(i + 1, std::memory_order_release);
  }
  const double end = Now();
  writer.join();
  return static_cast<double>(count * kBlock) / (end - begin);
}

Row BytesRow(std::uint64_t capacity, std::size_t length, double target) {
  Row row{.name = "records of " + std::to_string(length) + " B, ring of " +
                  std::to_string(capacity >> 10) + " KiB",
          .unit = "GB/s",
          .scale = 1e-9,
          .target = target,
          .note = "the floor is a copy of 8 KiB blocks between the cores"};
  row.candidates.push_back({"placid SpscByteRing, streaming",
                            "any mapping, crash-proof",
                            [=] { return StreamBytes(capacity, length); }});
  row.candidates.push_back({"cross-core copy floor", "no queue",
                            [=] { return CopyFloor(capacity); }});
  return row;
}

}  // namespace

void RunSpsc(Report& report, bool all) {
  report.Run(StreamRow<8, 1024>("SPSC 8 B, 1k slots", 1.5, 20'000'000));
  if (all) {
    report.Run(StreamRow<8, 65536>("SPSC 8 B, 64k slots", 0, 20'000'000));
    report.Run(StreamRow<64, 1024>("SPSC 64 B, 1k slots", 0, 5'000'000));
    report.Run(StreamRow<64, 65536>("SPSC 64 B, 64k slots", 0, 5'000'000));
    report.Run(BytesRow(1 << 20, 64, 0));
    report.Run(BytesRow(1 << 20, 256, 0));
    report.Run(BytesRow(1 << 20, 1024, 0));
    report.Run(BytesRow(1 << 20, 4096, 0));
    report.Run(BytesRow(1 << 16, 64, 0));
  }
  using Trip = Item<8>;
  report.Run(LatencyRow{
      .name = "SPSC round trip, spinning",
      .target = 0,
      .note = "",
      .candidates = {
          {"placid SpscRing, prompt",
           RoundTrips<Ours<Trip, 1024, Pace::kPrompt>>},
          {"two-line ping-pong floor", FloorRoundTrips},
          {"moodycamel ReaderWriterQueue",
           RoundTrips<MoodycamelQueue<Trip, 1024>>},
          {"boost spsc_queue", RoundTrips<BoostQueue<Trip, 1024>>}}});
}

}  // namespace placid::bench
