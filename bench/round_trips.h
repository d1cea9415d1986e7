// SPDX-License-Identifier: Apache-2.0
//
// Round trips between two pinned cores, spinning: through anybody's queues, and
// through two bare lines.
#ifndef PLACID_BENCH_ROUND_TRIPS_H_
#define PLACID_BENCH_ROUND_TRIPS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "bench/harness.h"
#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"

namespace placid::bench {

inline constexpr int kTrips = 20'000;

// Two lines, one written by each side: what the machine needs at least.
inline std::vector<double> FloorRoundTrips() {
  struct alignas(kLineBytes) Line {
    Atomic<std::uint64_t> word;
  };
  auto lines = std::make_unique<std::array<Line, 2>>();
  auto& ping = (*lines)[0].word;
  auto& pong = (*lines)[1].word;
  std::thread other([&] {
    PinTo(1);
    for (std::uint64_t i = 1; i <= kTrips; ++i) {
      while (ping.load(std::memory_order_acquire) != i) {
      }
      pong.store(i, std::memory_order_release);
    }
  });
  PinTo(0);
  std::vector<double> times;
  times.reserve(kTrips);
  for (std::uint64_t i = 1; i <= kTrips; ++i) {
    const double begin = Now();
    ping.store(i, std::memory_order_release);
    while (pong.load(std::memory_order_acquire) != i) {
    }
    times.push_back((Now() - begin) * 1e9);
  }
  other.join();
  return times;
}

// There by one queue and back by another, in nanoseconds each.
template <typename Queue>
std::vector<double> RoundTrips() {
  using T = typename Queue::value_type;
  auto there = std::make_unique<Queue>();
  auto back = std::make_unique<Queue>();
  std::thread other([&] {
    PinTo(1);
    auto pop = there->MakeConsumer();
    auto push = back->MakeProducer();
    T item{};
    for (int i = 0; i < kTrips; ++i) {
      while (!pop(item)) {
      }
      while (!push(item)) {
      }
    }
  });
  PinTo(0);
  auto push = there->MakeProducer();
  auto pop = back->MakeConsumer();
  std::vector<double> times;
  times.reserve(kTrips);
  T item{};
  for (int i = 0; i < kTrips; ++i) {
    const double begin = Now();
    item.words.fill(static_cast<std::uint64_t>(i));
    while (!push(item)) {
    }
    while (!pop(item)) {
    }
    times.push_back((Now() - begin) * 1e9);
  }
  other.join();
  return times;
}

}  // namespace placid::bench

#endif  // PLACID_BENCH_ROUND_TRIPS_H_
