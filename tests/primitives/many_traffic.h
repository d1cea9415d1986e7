// SPDX-License-Identifier: Apache-2.0
//
// What a stress of a queue of several producers, and of several consumers, does
// at each end: all ways to push and to pop, in random order. Producer p pushes
// the numbers p * kStream + 1, + 2, ...
#ifndef PLACID_TESTS_PRIMITIVES_MANY_TRAFFIC_H_
#define PLACID_TESTS_PRIMITIVES_MANY_TRAFFIC_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

#include "placid/base/shared_bytes.h"
#include "placid/primitives/ring_result.h"

namespace placid::testing {

inline constexpr std::uint64_t kStream = std::uint64_t{1} << 32;

template <typename T, typename Producer>
void PushStream(Producer& producer, std::uint64_t stream, std::uint64_t count,
                std::uint64_t seed) {
  constexpr std::size_t kMost = 10;
  std::minstd_rand random(static_cast<unsigned>(seed + stream));
  const std::uint64_t first = stream * kStream + 1;
  for (std::uint64_t next = first; next < first + count;) {
    const auto dice = random();
    std::size_t pushed = 0;
    RingResult result = RingResult::kOk;
    if (dice % 4 < 2) {
      result = producer.TryPush(T::Of(next));
      pushed = result == RingResult::kOk;
    } else if (dice % 4 == 2) {
      const std::size_t wanted = static_cast<std::size_t>(
          std::min<std::uint64_t>(dice / 8 % kMost + 1, first + count - next));
      std::array<T, kMost> values;
      for (std::size_t i = 0; i < wanted; ++i) values[i] = T::Of(next + i);
      result = producer.TryPushSome(std::span(values).first(wanted), pushed);
    } else {
      T* slot = nullptr;
      result = producer.TryReserve(slot);
      if (slot != nullptr) *slot = T::Of(next);
      // Sometimes it is given up.
      if (dice / 256 % 4 != 0) {
        pushed = producer.Commit();
      } else {
        (void)producer.Abort();
      }
    }
    next += pushed;
    if (result == RingResult::kFull) {
      std::this_thread::yield();
    } else if (result != RingResult::kOk && result != RingResult::kContended) {
      // The consumer closes where it has given up.
      EXPECT_EQ(result, RingResult::kClosed) << ToString(result);
      return;
    }
  }
}

// Pops until is_done(), in all the ways there are; take(value) for each value.
template <typename T, typename Consumer, typename IsDone, typename Take>
void PopUntil(Consumer& consumer, std::uint64_t seed, const IsDone& is_done,
              const Take& take) {
  // Where many consume, whatever is looked at is taken.
  constexpr bool kLooks = !std::is_void_v<decltype(consumer.Retire())>;
  std::minstd_rand random(static_cast<unsigned>(seed));
  while (!is_done() && !::testing::Test::HasFailure()) {
    const auto dice = random();
    RingResult result = RingResult::kOk;
    if (dice % 4 < 2) {
      T value;
      result = consumer.TryPop(value);
      if (result == RingResult::kOk) take(value);
    } else if (dice % 4 == 2) {
      std::array<T, 20> values;
      std::size_t popped = 0;
      result = consumer.TryPopSome(
          std::span(values).first(dice / 8 % values.size() + 1), popped);
      for (std::size_t i = 0; i < popped; ++i) take(values[i]);
    } else {
      SharedSpan<T> value;
      result = consumer.TryPeek(value);
      // Sometimes it is only looked at.
      const bool is_taken = !value.empty() && (!kLooks || dice / 256 % 2 == 0);
      if (is_taken) take(value[0].Load());
      if constexpr (kLooks) {
        EXPECT_EQ(is_taken && consumer.Retire(), is_taken);
      } else if (dice / 256 % 2 == 0) {
        consumer.Retire();
      }
    }
    if (result == RingResult::kEmpty || result == RingResult::kPending) {
      std::this_thread::yield();
    } else if (result != RingResult::kOk && result != RingResult::kContended) {
      ADD_FAILURE() << "a pop said " << ToString(result);
    }
  }
}

// Pops `count` numbers of each of so many streams: each whole and in its turn.
template <typename T, typename Consumer>
void PopStreams(Consumer& consumer, std::uint64_t streams, std::uint64_t count,
                std::uint64_t seed) {
  std::vector<std::uint64_t> next(streams, 1);
  std::uint64_t left = streams * count;
  PopUntil<T>(
      consumer, seed, [&] { return left == 0; },
      [&](const T& value) {
        ASSERT_LT(value.number() / kStream, streams);
        std::uint64_t& expected = next[value.number() / kStream];
        EXPECT_EQ(value.number() % kStream, expected);
        EXPECT_TRUE(value.IsWhole()) << value.number();
        ++expected;
        --left;
      });
}

// Streams that several consumers share: who took what. It orders nothing, so
// that a sanitizer sees the queue's own edges alone. All zero is none taken, so
// it may lie in memory of several processes.
template <std::uint64_t kStreams, std::uint64_t kCount>
class SharedStreams {
 public:
  // Pops until all are taken, by whomever: each whole, once and, for this
  // consumer, in its stream's order.
  template <typename T, typename Consumer>
  void Pop(Consumer& consumer, std::uint64_t seed) {
    std::array<std::uint64_t, kStreams> newest{};
    PopUntil<T>(
        consumer, seed, [this] { return AreAllTaken(); },
        [&](const T& value) {
          Take(value);
          std::uint64_t& before = newest.at(value.number() / kStream);
          EXPECT_GT(value.number() % kStream, before);
          before = value.number() % kStream;
        });
  }
  // In any order.
  template <typename T>
  void Take(const T& value) {
    const std::uint64_t number = value.number();
    ASSERT_TRUE(value.IsWhole()) << number;
    ASSERT_LT(number / kStream, kStreams);
    ASSERT_LT(number % kStream - 1, kCount);
    std::atomic<std::uint8_t>& times =
        times_[number / kStream * kCount + number % kStream - 1];
    EXPECT_EQ(times.fetch_add(1, std::memory_order_relaxed), 0) << number;
    taken_.fetch_add(1, std::memory_order_relaxed);
  }
  [[nodiscard]] bool AreAllTaken() const {
    return taken_.load(std::memory_order_relaxed) == kStreams * kCount;
  }

 private:
  std::atomic<std::uint64_t> taken_{0};
  std::array<std::atomic<std::uint8_t>, kStreams * kCount> times_{};
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_MANY_TRAFFIC_H_
