// SPDX-License-Identifier: Apache-2.0
//
// What a stress of BroadcastRing does at each end: all ways to push and to read,
// in random order and size. A value's number is its position, so that a reader
// knows what it must be given.
#ifndef PLACID_TESTS_PRIMITIVES_BROADCAST_TRAFFIC_H_
#define PLACID_TESTS_PRIMITIVES_BROADCAST_TRAFFIC_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <thread>

#include "placid/base/atomic.h"
#include "placid/base/shared_bytes.h"
#include "placid/primitives/ring_result.h"

namespace placid::testing {

// Pushes until the position is `end`. Now and then it lets others run, or on two
// cores the readers would see little of it.
template <typename T, typename Writer>
void PushUntil(Writer& writer, std::uint64_t end, std::uint64_t seed) {
  static constexpr std::size_t kMostAtOnce = 20;
  std::minstd_rand random(static_cast<unsigned>(seed));
  while (writer.position() != end) {
    const auto dice = random();
    const std::uint64_t next = writer.position();
    const auto wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(dice / 8 % kMostAtOnce + 1, end - next));
    std::array<T, kMostAtOnce> values;
    for (std::size_t i = 0; i < wanted; ++i) values[i] = T::Of(next + i);
    if (dice % 4 < 2) {
      writer.Push(values[0]);
    } else if (dice % 4 == 2) {
      writer.PushSome(std::span(values).first(wanted));
    } else {
      const auto slots = writer.Reserve(wanted);
      machine::RacyCopyIn(slots.data(), values.data(), slots.size_bytes());
      // Fewer than reserved, sometimes none.
      (void)writer.Commit(slots.size() - dice / 256 % 2);
    }
    if (dice / 512 % 64 == 1) std::this_thread::yield();
  }
}

struct BroadcastCounts {
  std::uint64_t read = 0;
  std::uint64_t lost = 0;
  std::uint64_t refused = 0;  // looked at, and overwritten meanwhile
};

// One call of any kind; what it gave is whole, in order and where it belongs.
template <typename T, typename Reader>
RingResult ReadSome(Reader& reader, std::uint64_t dice,
                    BroadcastCounts& counts) {
  static constexpr std::size_t kMostAtOnce = 20;
  const auto wanted = static_cast<std::size_t>(dice / 8 % kMostAtOnce + 1);
  const std::uint64_t before = reader.position();
  std::array<T, kMostAtOnce> values;
  std::size_t count = 0;
  std::uint64_t lost = 0;
  RingResult result = RingResult::kOk;
  if (dice % 4 < 2) {
    result = reader.TryRead(values[0], lost);
    count = result == RingResult::kOk ? 1 : 0;
  } else if (dice % 4 == 2) {
    result = reader.TryReadSome(std::span(values).first(wanted), count, lost);
  } else {
    SharedSpan<T> some;
    result = reader.TryPeek(wanted, some, lost);
    count = some.CopyOut(values);
    if (!reader.Validate(count)) {
      ++counts.refused;
      count = 0;
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_TRUE(values[i].IsWhole()) << "torn: " << values[i].number();
    EXPECT_EQ(values[i].number(), before + lost + i);
  }
  EXPECT_EQ(reader.position(), before + lost + count);
  EXPECT_NE(result, RingResult::kCorrupt);
  counts.read += count;
  counts.lost += lost;
  return result;
}

// Reads until the writer has closed; what was read and lost is all there was.
template <typename T, typename Reader>
BroadcastCounts ReadToTheEnd(Reader reader, std::uint64_t end,
                             std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  BroadcastCounts counts;
  const std::uint64_t start = reader.position();
  while (!::testing::Test::HasFailure()) {
    const auto dice = random();
    const RingResult result = ReadSome<T>(reader, dice, counts);
    if (result == RingResult::kClosed) break;
    if (result != RingResult::kOk || dice / 512 % 256 == 1) {
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(counts.read + counts.lost, end - start);
  return counts;
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_BROADCAST_TRAFFIC_H_
