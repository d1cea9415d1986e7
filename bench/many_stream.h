// SPDX-License-Identifier: Apache-2.0
//
// A stream from several producers to one consumer. The producers share the first
// core, the consumer has the second: on two cores there is no other place for
// it. The content of every element and each producer's order are checked while
// the clock runs, for everybody alike.
#ifndef PLACID_BENCH_MANY_STREAM_H_
#define PLACID_BENCH_MANY_STREAM_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "bench/harness.h"

namespace placid::bench {

template <std::size_t kBytes>
struct Item {
  std::array<std::uint64_t, kBytes / 8> words;
};

inline constexpr std::uint64_t kStreamBits = 48;

// Streams `count` elements in all; elements per second.
template <typename Queue, int kProducers>
double Stream(std::uint64_t count) {
  using T = typename Queue::value_type;
  auto queue = std::make_unique<Queue>();
  std::atomic<int> ready = 0;
  std::atomic<bool> go = false;
  const std::uint64_t each = count / kProducers;
  std::vector<std::thread> producers;
  for (std::uint64_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p] {
      PinTo(0);
      auto push = queue->MakeProducer();
      ++ready;
      while (!go.load()) std::this_thread::yield();
      T item{};
      for (std::uint64_t i = 0; i < each;) {
        item.words.fill(p << kStreamBits | i);
        if (push(item)) {
          ++i;
        } else if (kProducers > 1) {
          std::this_thread::yield();
        }
      }
    });
  }
  PinTo(1);
  auto pop = queue->MakeConsumer();
  while (ready.load() != kProducers) std::this_thread::yield();
  const double begin = Now();
  go = true;
  std::array<std::uint64_t, kProducers> next{};
  T item{};
  for (std::uint64_t i = 0; i < each * kProducers;) {
    if (!pop(item)) continue;
    std::uint64_t& expected = next[item.words.front() >> kStreamBits];
    const std::uint64_t n =
        item.words.front() % (std::uint64_t{1} << kStreamBits);
    if (n != expected || item.words.back() != item.words.front()) std::abort();
    ++expected;
    ++i;
  }
  const double end = Now();
  for (std::thread& producer : producers) producer.join();
  return static_cast<double>(each * kProducers) / (end - begin);
}

}  // namespace placid::bench

#endif  // PLACID_BENCH_MANY_STREAM_H_
