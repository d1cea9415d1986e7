// SPDX-License-Identifier: Apache-2.0
//
// Broadcasts: what readers cost their writer, and what a reader gets. The writer
// is pinned to one core, all readers share the other. No library of Debian's
// shows each value to readers whom it does not know and who store nothing, so
// the rows compare us with ourselves.
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "bench/benches.h"
#include "bench/harness.h"
#include "placid/base/cache_line.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"

namespace placid::bench {
namespace {

constexpr std::uint64_t kPushes = 4'000'000;

// ---- The candidates ---------------------------------------------------------

template <std::size_t kBytes, std::uint64_t kCapacity>
class Values {
 public:
  struct Value {
    std::array<std::uint64_t, kBytes / 8> words;
  };
  using Ring = BroadcastRing<Value, kCapacity>;

  void Push(std::uint64_t i) {
    Value value;
    value.words.fill(i);
    writer_.Push(value);
  }
  // Whether there was one; it is checked.
  auto MakeReader() {
    return [reader = ring_.MakeReader()]() mutable {
      Value value;
      std::uint64_t lost = 0;
      if (reader.TryRead(value, lost) != RingResult::kOk) return false;
      if (value.words.front() != value.words.back()) std::abort();
      return true;
    };
  }

 private:
  std::unique_ptr<typename Ring::Storage> storage_{
      new typename Ring::Storage{}};
  Ring ring_ = *Ring::Attach(*storage_);
  typename Ring::Writer writer_ = *ring_.ClaimWriter();
};

template <std::size_t kBytes, std::uint64_t kCapacity>
class Records {
 public:
  void Push(std::uint64_t i) {
    record_.fill(static_cast<std::byte>(i));
    (void)writer_.TryPush(record_);
  }
  auto MakeReader() {
    return [reader = ring_.MakeReader()]() mutable {
      std::array<std::byte, kBytes> record;
      std::size_t length = 0;
      std::uint64_t lost = 0;
      if (reader.TryRead(record, length, lost) != RingResult::kOk) return false;
      if (record.front() != record.back()) std::abort();
      return true;
    };
  }

 private:
  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, BroadcastByteRing::SizeFor(kCapacity)> bytes{};
  };
  std::unique_ptr<Bytes> bytes_{new Bytes};
  BroadcastByteRing ring_ = *BroadcastByteRing::Create(bytes_->bytes, kCapacity);
  BroadcastByteRing::Writer writer_ = *ring_.ClaimWriter();
  std::array<std::byte, kBytes> record_{};
};

// ---- What is measured -------------------------------------------------------

enum class Readers { kIdle, kActive };

struct Traffic {
  double pushed_per_second;
  double read_per_second;  // by all readers
};

// The writer pushes as fast as it can, beside so many readers: idle ones have
// read once and then sleep, active ones read all the time.
template <typename Subject>
Traffic Run(int readers, Readers kind) {
  Apart<Subject> subject;
  Apart<std::atomic<int>> ready;
  Apart<std::atomic<bool>> is_over;
  Apart<std::atomic<std::uint64_t>> read;
  std::vector<std::thread> threads;
  for (int i = 0; i < readers; ++i) {
    threads.emplace_back([&] {
      PinTo(1);
      auto next = subject->MakeReader();
      (void)next();
      ready->fetch_add(1);
      if (kind == Readers::kIdle) return is_over->wait(false);
      std::uint64_t count = 0;
      while (!is_over->load(std::memory_order_relaxed)) count += next() ? 1 : 0;
      read->fetch_add(count);
    });
  }
  PinTo(0);
  while (ready->load() < readers) std::this_thread::yield();
  const double begin = Now();
  for (std::uint64_t i = 0; i < kPushes; ++i) subject->Push(i);
  const double seconds = Now() - begin;
  is_over->store(true);
  is_over->notify_all();
  for (std::thread& thread : threads) thread.join();
  return {static_cast<double>(kPushes) / seconds,
          static_cast<double>(read->load()) / seconds};
}

template <typename Subject>
void RunRows(Report& report, const std::string& what) {
  const auto pushes = [](int readers, Readers kind) {
    return [=] { return Run<Subject>(readers, kind).pushed_per_second; };
  };
  const auto reads = [](int readers) {
    return [=] { return Run<Subject>(readers, Readers::kActive).read_per_second; };
  };
  report.Run(Row{.name = "broadcast " + what + ": pushes beside ten idle readers",
                 .unit = "M/s",
                 .target = 0.95,
                 .note = "an idle reader costs the writer nothing",
                 .candidates = {{"ten idle readers", "", pushes(10, Readers::kIdle)},
                                {"no reader", "", pushes(0, Readers::kIdle)}}});
  report.Run(
      Row{.name = "broadcast " + what + ": pushes beside ten active readers",
          .unit = "M/s",
          .target = 1 / 1.1,
          .note = "ten cost the writer at most 1.1 times what one does",
          .candidates = {{"ten active readers", "", pushes(10, Readers::kActive)},
                         {"one active reader", "", pushes(1, Readers::kActive)},
                         {"no reader", "", pushes(0, Readers::kIdle)}}});
  report.Run(Row{.name = "broadcast " + what + ": read, beside a busy writer",
                 .unit = "M/s",
                 .note = "what ten readers on one core get, over what one gets",
                 .candidates = {{"ten readers", "", reads(10)},
                                {"one reader", "", reads(1)}}});
}

}  // namespace

void RunBroadcast(Report& report, bool all) {
  RunRows<Values<8, 1024>>(report, "8 B / 1k");
  RunRows<Values<64, 1024>>(report, "64 B / 1k");
  RunRows<Records<256, 1 << 20>>(report, "256 B records / 1 MiB");
  if (!all) return;
  RunRows<Values<8, 65536>>(report, "8 B / 64k");
  RunRows<Values<64, 65536>>(report, "64 B / 64k");
}

}  // namespace placid::bench
