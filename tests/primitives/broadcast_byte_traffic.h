// SPDX-License-Identifier: Apache-2.0
//
// What a stress of BroadcastByteRing does at each end: all ways to write and to
// read. A record says which it is, so that a reader knows what it must be given.
#ifndef PLACID_TESTS_PRIMITIVES_BROADCAST_BYTE_TRAFFIC_H_
#define PLACID_TESTS_PRIMITIVES_BROADCAST_BYTE_TRAFFIC_H_

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
#include "placid/primitives/broadcast_byte_ring.h"
#include "tests/primitives/broadcast_traffic.h"

namespace placid::testing {

// Words that differ with the number and their place; as many as the number says.
inline constexpr std::size_t kMostRecordWords = 12;
inline std::size_t RecordWords(std::uint64_t number) {
  return static_cast<std::size_t>(number * 0x9E37'79B9'7F4A'7C15u >> 60) %
         (kMostRecordWords + 1);
}
inline std::uint64_t RecordWord(std::uint64_t number, std::size_t i) {
  return (number + i) * 0x9E37'79B9'7F4A'7C15u;
}

// Writes until the next record is number `end`.
inline void WriteUntil(BroadcastByteRing::Writer& writer, std::uint64_t end,
                       std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  while (writer.number() != end) {
    const auto dice = random();
    const std::uint64_t number = writer.number();
    std::array<std::uint64_t, kMostRecordWords> words{};
    const std::size_t count = RecordWords(number);
    for (std::size_t i = 0; i < count; ++i) words[i] = RecordWord(number, i);
    const auto record = std::as_bytes(std::span(words).first(count));
    if (dice % 4 < 2) {
      EXPECT_EQ(writer.TryPush(record), RingResult::kOk);
    } else {
      std::span<std::byte> payload;
      EXPECT_EQ(writer.TryReserve(record.size(), payload), RingResult::kOk);
      machine::RacyCopyIn(payload.data(), record.data(), record.size());
      switch (dice / 4 % 4) {
        case 0: writer.Abort(); break;
        case 1: EXPECT_TRUE(writer.Stage(record.size())); break;
        default: EXPECT_TRUE(writer.Commit(record.size())); break;
      }
    }
    if (dice / 512 % 64 == 1) std::this_thread::yield();
  }
  writer.Publish();
}

// One call of any kind; what it gave is whole, in order and where it belongs.
inline RingResult ReadRecord(BroadcastByteRing::Reader& reader,
                             std::uint64_t dice, BroadcastCounts& counts) {
  const std::uint64_t before = reader.number();
  std::array<std::uint64_t, kMostRecordWords> words{};
  const auto to = std::as_writable_bytes(std::span(words));
  std::size_t length = 0;
  std::uint64_t lost = 0;
  bool is_whole = true;
  RingResult result = RingResult::kOk;
  if (dice % 2 == 0) {
    result = reader.TryRead(to, length, lost);
  } else {
    SharedBytes record;
    result = reader.TryPeek(record, lost);
    length = record.size();
    record.CopyOut(to);
    is_whole = reader.Validate();
    counts.refused += is_whole ? 0 : 1;
  }
  counts.lost += lost;
  EXPECT_NE(result, RingResult::kCorrupt);
  if (result != RingResult::kOk || !is_whole) return result;
  const std::uint64_t number = before + lost;
  EXPECT_EQ(reader.number(), number + 1);
  EXPECT_EQ(length, RecordWords(number) * sizeof(std::uint64_t));
  for (std::size_t i = 0; i < RecordWords(number); ++i) {
    EXPECT_EQ(words[i], RecordWord(number, i)) << "torn, or another";
  }
  ++counts.read;
  return result;
}

// Reads until the writer has closed; what was read and lost is all there was.
inline BroadcastCounts ReadRecordsToTheEnd(BroadcastByteRing::Reader reader,
                                           std::uint64_t end,
                                           std::uint64_t seed) {
  std::minstd_rand random(static_cast<unsigned>(seed));
  BroadcastCounts counts;
  const std::uint64_t start = reader.number();
  while (!::testing::Test::HasFailure()) {
    const auto dice = random();
    const RingResult result = ReadRecord(reader, dice, counts);
    if (result == RingResult::kClosed) break;
    if (result != RingResult::kOk || dice / 512 % 256 == 1) {
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(counts.read + counts.lost, end - start);
  return counts;
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_BROADCAST_BYTE_TRAFFIC_H_
