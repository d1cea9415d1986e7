// SPDX-License-Identifier: Apache-2.0
//
// What a stress of rings with lanes does at each end. Producers lease a lane,
// push some values and give it back, again and again; each lease is a stream of
// its own, whose values must arrive in order, whole and once.
#ifndef PLACID_TESTS_PRIMITIVES_LANE_TRAFFIC_H_
#define PLACID_TESTS_PRIMITIVES_LANE_TRAFFIC_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <thread>
#include <unordered_map>

#include "placid/base/shared_bytes.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "tests/support/checked_value.h"

namespace placid::testing {

using LaneValue = CheckedValue<5>;

// Value n of a stream. Streams of producer p are p << 20 and those behind it.
inline LaneValue LaneValueOf(std::uint64_t stream, std::uint64_t n) {
  return LaneValue::Of(stream << 24 | n);
}

template <typename Producer>
RingResult PushLane(Producer& producer, std::uint64_t stream, std::uint64_t n,
                    std::size_t wanted, std::size_t& pushed) {
  pushed = 0;
  if constexpr (requires(LaneValue value) { producer.TryPush(value); }) {
    if (wanted > 1) {
      std::array<LaneValue, 8> values;
      for (std::size_t i = 0; i < wanted; ++i) {
        values[i] = LaneValueOf(stream, n + i);
      }
      return producer.TryPushSome(std::span(values).first(wanted), pushed);
    }
    const RingResult result = producer.TryPush(LaneValueOf(stream, n));
    pushed = result == RingResult::kOk ? 1 : 0;
    return result;
  } else {
    const LaneValue value = LaneValueOf(stream, n);
    const RingResult result =
        producer.TryPush(std::as_bytes(std::span(&value, 1)));
    pushed = result == RingResult::kOk ? 1 : 0;
    return result;
  }
}

// Pushes `count` values as producer `p`, over some leases.
template <typename Ring>
void PushByLeases(const Ring& ring, std::uint64_t p, std::uint64_t count,
                  std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed + p));
  const OwnerId self = *OwnerId::Of(p + 1, 1);
  for (std::uint64_t stream = p << 20; count > 0; ++stream) {
    auto producer = ring.ClaimProducer(self);
    if (!producer) {
      ASSERT_EQ(producer.error().code, ErrorCode::kRoleTaken);
      std::this_thread::yield();
      continue;
    }
    std::uint64_t left = std::min<std::uint64_t>(count, random() % 2000 + 1);
    count -= left;
    for (std::uint64_t n = 0; left > 0;) {
      const auto wanted = static_cast<std::size_t>(
          std::min<std::uint64_t>(random() % 8 + 1, left));
      std::size_t pushed = 0;
      const RingResult result = PushLane(*producer, stream, n, wanted, pushed);
      n += pushed;
      left -= pushed;
      if (result == RingResult::kOk) continue;
      ASSERT_EQ(result, RingResult::kFull) << ToString(result);
      std::this_thread::yield();
    }
  }
}

// Takes values until the ring has come to its end; how many. Each is the next of
// its stream.
template <typename Consumer>
std::uint64_t PopByStreams(Consumer& consumer, std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  std::unordered_map<std::uint64_t, std::uint64_t> next;
  std::uint64_t count = 0;
  const auto check = [&](const LaneValue& value) {
    EXPECT_TRUE(value.IsWhole());
    std::uint64_t& n = next[value.number() >> 24];
    EXPECT_EQ(value.number() & 0xFF'FFFF, n);
    ++n;
    ++count;
  };
  while (!::testing::Test::HasFailure()) {
    RingResult result = RingResult::kOk;
    if constexpr (requires(SharedBytes bytes) { consumer.TryFront(bytes); }) {
      SharedBytes record;
      result = consumer.TryFront(record);
      if (result == RingResult::kOk) check(*record.Load<LaneValue>(0));
    } else if (const auto dice = random(); dice % 4 < 2) {
      LaneValue value;
      result = consumer.TryPop(value);
      if (result == RingResult::kOk) check(value);
    } else if (dice % 4 == 2) {
      std::array<LaneValue, 8> values;
      std::size_t popped = 0;
      result = consumer.TryPopSome(values, popped);
      for (std::size_t i = 0; i < popped; ++i) check(values[i]);
    } else {
      SharedSpan<LaneValue> values;
      result = consumer.TryPeek(8, values);
      for (std::size_t i = 0; i < values.size(); ++i) check(values[i].Load());
      EXPECT_EQ(consumer.Retire(values.size()), values.size());
    }
    if (result == RingResult::kClosed) break;
    if (result == RingResult::kEmpty) {
      std::this_thread::yield();
    } else if (result != RingResult::kOk) {
      ADD_FAILURE() << ToString(result);
    }
  }
  return count;
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_LANE_TRAFFIC_H_
