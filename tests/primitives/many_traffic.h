// SPDX-License-Identifier: Apache-2.0
//
// What a stress of a queue of several producers does at each end: all ways to
// push and to pop, in random order. Producer p pushes the numbers p * kStream +
// 1, + 2, ...
#ifndef PLACID_TESTS_PRIMITIVES_MANY_TRAFFIC_H_
#define PLACID_TESTS_PRIMITIVES_MANY_TRAFFIC_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <thread>
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

// Pops `count` numbers of each of so many streams: each whole and in its turn.
template <typename T, typename Consumer>
void PopStreams(Consumer& consumer, std::uint64_t streams, std::uint64_t count,
                std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  std::vector<std::uint64_t> next(streams, 1);
  std::uint64_t left = streams * count;
  const auto check = [&](const T& value) {
    ASSERT_LT(value.number() / kStream, streams);
    std::uint64_t& expected = next[value.number() / kStream];
    EXPECT_EQ(value.number() % kStream, expected);
    EXPECT_TRUE(value.IsWhole()) << value.number();
    ++expected;
    --left;
  };
  while (left > 0 && !::testing::Test::HasFailure()) {
    const auto dice = random();
    RingResult result = RingResult::kOk;
    if (dice % 4 < 2) {
      T value;
      result = consumer.TryPop(value);
      if (result == RingResult::kOk) check(value);
    } else if (dice % 4 == 2) {
      std::array<T, 20> values;
      std::size_t popped = 0;
      result = consumer.TryPopSome(
          std::span(values).first(dice / 8 % values.size() + 1), popped);
      for (std::size_t i = 0; i < popped; ++i) check(values[i]);
    } else {
      SharedSpan<T> value;
      result = consumer.TryPeek(value);
      // Sometimes it is only looked at.
      const bool is_taken = !value.empty() && dice / 256 % 2 == 0;
      if (is_taken) check(value[0].Load());
      EXPECT_EQ(is_taken && consumer.Retire(), is_taken);
    }
    if (result == RingResult::kEmpty || result == RingResult::kPending) {
      std::this_thread::yield();
    } else if (result != RingResult::kOk && result != RingResult::kContended) {
      ADD_FAILURE() << "a pop said " << ToString(result);
    }
  }
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_MANY_TRAFFIC_H_
