// SPDX-License-Identifier: Apache-2.0
//
// What a stress of SpscRing does at each end: all ways to push and to pop, in
// random order and size.
#ifndef PLACID_TESTS_PRIMITIVES_RING_TRAFFIC_H_
#define PLACID_TESTS_PRIMITIVES_RING_TRAFFIC_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <thread>

#include "placid/base/shared_bytes.h"
#include "placid/primitives/ring_result.h"

namespace placid::testing {

inline constexpr std::size_t kMostAtOnce = 20;

// Pushes the numbers 1 to `count` and closes.
template <typename T, typename Producer>
void PushAll(Producer& producer, std::uint64_t count, std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  for (std::uint64_t next = 1; next <= count;) {
    const auto dice = random();
    const std::size_t wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(dice / 8 % kMostAtOnce + 1, count - next + 1));
    std::size_t pushed = 0;
    RingResult result = RingResult::kOk;
    if (dice % 4 < 2) {
      result = producer.TryPush(T::Of(next));
      pushed = result == RingResult::kOk;
    } else if (dice % 4 == 2) {
      std::array<T, kMostAtOnce> values;
      for (std::size_t i = 0; i < wanted; ++i) values[i] = T::Of(next + i);
      result = producer.TryPushSome(std::span(values).first(wanted), pushed);
    } else {
      std::span<T> slots;
      result = producer.TryReserve(wanted, slots);
      for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = T::Of(next + i);
      // Fewer than reserved, sometimes none.
      pushed =
          producer.Commit(slots.size() - (slots.empty() ? 0 : dice / 256 % 2));
    }
    next += pushed;
    if (result == RingResult::kFull) {
      std::this_thread::yield();
    } else if (result != RingResult::kOk) {
      ADD_FAILURE() << "push " << next << ": " << ToString(result);
      return;
    }
  }
  producer.Close();
}

// Pops until the producer has closed: the numbers 1 to `count`, each whole.
template <typename T, typename Consumer>
void PopAll(Consumer& consumer, std::uint64_t count, std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  std::uint64_t next = 1;
  const auto check = [&next](const T& value) {
    EXPECT_EQ(value.number(), next);
    EXPECT_TRUE(value.IsWhole()) << next;
    ++next;
  };
  while (!::testing::Test::HasFailure()) {
    const auto dice = random();
    const std::size_t wanted = dice / 8 % kMostAtOnce + 1;
    RingResult result = RingResult::kOk;
    if (dice % 4 < 2) {
      T value;
      result = consumer.TryPop(value);
      if (result == RingResult::kOk) check(value);
    } else if (dice % 4 == 2) {
      std::array<T, kMostAtOnce> values;
      std::size_t popped = 0;
      result = consumer.TryPopSome(std::span(values).first(wanted), popped);
      for (std::size_t i = 0; i < popped; ++i) check(values[i]);
    } else {
      SharedSpan<T> values;
      result = consumer.TryPeek(wanted, values);
      const std::size_t taken =
          values.size() - (values.empty() ? 0 : dice / 256 % 2);
      for (std::size_t i = 0; i < taken; ++i) check(values[i].Load());
      EXPECT_EQ(consumer.Retire(taken), taken);
    }
    if (result == RingResult::kClosed) break;
    if (result == RingResult::kEmpty) {
      std::this_thread::yield();
    } else if (result != RingResult::kOk) {
      ADD_FAILURE() << "pop " << next << ": " << ToString(result);
    }
  }
  EXPECT_EQ(next, count + 1) << "values were lost";
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_RING_TRAFFIC_H_
