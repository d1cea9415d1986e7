// SPDX-License-Identifier: Apache-2.0
//
// A stream from several producers to one consumer, or to several. The producers
// share the first core, the consumers the second: on two cores there is no other
// place for them. The content of every element and each producer's order are
// checked while the clock runs, for everybody alike.
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

// Pops until all consumers have `all` elements together.
template <typename T, int kProducers, int kConsumers, typename Pop>
void Drain(Pop& pop, std::atomic<std::uint64_t>& taken, std::uint64_t all) {
  std::array<std::uint64_t, kProducers> next{};
  std::uint64_t untold = 0;
  T item{};
  while (kConsumers > 1 || untold < all) {
    if (!pop(item)) {
      if (kConsumers == 1) continue;
      // Each says how many it has when it finds nothing: no more often, since
      // that is not what is measured.
      if (taken.fetch_add(untold) + untold == all) return;
      untold = 0;
      std::this_thread::yield();
      continue;
    }
    std::uint64_t& expected = next[item.words.front() >> kStreamBits];
    const std::uint64_t n =
        item.words.front() % (std::uint64_t{1} << kStreamBits);
    const bool is_in_turn = kConsumers == 1 ? n == expected : n >= expected;
    if (!is_in_turn || item.words.back() != item.words.front()) std::abort();
    expected = n + 1;
    ++untold;
  }
}

// Streams `count` elements in all; elements per second.
template <typename Queue, int kProducers, int kConsumers = 1>
double Stream(std::uint64_t count) {
  using T = typename Queue::value_type;
  auto queue = std::make_unique<Queue>();
  Apart<std::atomic<int>> ready;
  Apart<std::atomic<bool>> go;
  Apart<std::atomic<std::uint64_t>> taken;
  const std::uint64_t each = count / kProducers;
  std::vector<std::thread> producers;
  for (std::uint64_t p = 0; p < kProducers; ++p) {
    producers.emplace_back([&, p, each] {
      PinTo(0);
      auto push = queue->MakeProducer();
      ++*ready;
      while (!go->load()) std::this_thread::yield();
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
  const auto drain = [&](auto& pop) {
    Drain<T, kProducers, kConsumers>(pop, *taken, each * kProducers);
  };
  std::vector<std::thread> consumers;
  for (int i = 1; i < kConsumers; ++i) {
    consumers.emplace_back([&] {
      PinTo(1);
      auto pop = queue->MakeConsumer();
      ++*ready;
      while (!go->load()) std::this_thread::yield();
      drain(pop);
    });
  }
  PinTo(1);
  auto pop = queue->MakeConsumer();
  while (ready->load() != kProducers + kConsumers - 1) {
    std::this_thread::yield();
  }
  const double begin = Now();
  *go = true;
  drain(pop);
  for (std::thread& consumer : consumers) consumer.join();
  const double end = Now();
  for (std::thread& producer : producers) producer.join();
  return static_cast<double>(each * kProducers) / (end - begin);
}

}  // namespace placid::bench

#endif  // PLACID_BENCH_MANY_STREAM_H_
