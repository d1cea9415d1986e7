// SPDX-License-Identifier: Apache-2.0
//
// ByteStream: records of random lengths and known bytes, written and read in
// every way that SpscByteRing offers, for its stress tests.
#ifndef PLACID_TESTS_PRIMITIVES_BYTE_STREAM_H_
#define PLACID_TESTS_PRIMITIVES_BYTE_STREAM_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <span>
#include <thread>
#include <vector>

#include "placid/primitives/spsc_byte_ring.h"

namespace placid::testing {

// Both sides draw from the same seed, so that each knows record n of the other.
class ByteStream {
 public:
  ByteStream(std::uint64_t seed, std::uint64_t most_bytes)
      : random_(seed), most_bytes_(static_cast<std::size_t>(most_bytes)) {}

  // The next record. Most are short, some are as long as can be.
  std::span<const std::byte> Next() {
    const std::uint64_t draw = random_();
    std::size_t length = draw % 64;
    if (draw >> 57 == 0) length = most_bytes_ - draw % 8;
    if (draw >> 57 == 1) length = (draw >> 8) % (most_bytes_ + 1);
    record_.resize(std::min(length, most_bytes_));
    for (std::size_t i = 0; i < record_.size(); ++i) {
      record_[i] = static_cast<std::byte>((draw >> 32) + i * 131);
    }
    return record_;
  }

  // Writes `count` records: some copied in, some in place, staged, reserved too
  // long, or begun anew; then closes.
  static void Write(SpscByteRing::Producer producer, std::uint64_t seed,
                    std::uint64_t count) {
    ByteStream stream(seed, producer.MostRecordBytes());
    std::mt19937_64 ways(seed + 1);
    for (std::uint64_t n = 0; n < count; ++n) {
      const auto record = stream.Next();
      const std::uint64_t way = ways() % 8;
      if (way < 2) {
        Retry([&] { return producer.TryPush(record); });
        continue;
      }
      std::span<std::byte> payload;
      if (way == 2) {
        Retry([&] { return producer.TryReserve(record.size(), payload); });
        std::memset(payload.data(), 0xEE, payload.size());
        if (ways() % 2 == 0) producer.Abort();
      }
      const std::size_t spare =
          way == 3 ? ways() % (producer.MostRecordBytes() - record.size() + 1)
                   : 0;
      Retry(
          [&] { return producer.TryReserve(record.size() + spare, payload); });
      std::ranges::copy(record, payload.begin());
      EXPECT_TRUE(way < 6 ? producer.Commit(record.size())
                          : producer.Stage(record.size()));
    }
    producer.Close();
  }

  // Reads until the producer has closed and compares each record. Returns how
  // many there were.
  static std::uint64_t Read(SpscByteRing::Consumer consumer, std::uint64_t seed,
                            std::uint64_t most_bytes) {
    ByteStream stream(seed, most_bytes);
    std::vector<std::byte> copy(static_cast<std::size_t>(most_bytes));
    for (std::uint64_t n = 0;; ++n) {
      SharedBytes record;
      RingResult result;
      while ((result = consumer.TryFront(record)) == RingResult::kEmpty) {
        std::this_thread::yield();
      }
      if (result == RingResult::kClosed) return n;
      if (result != RingResult::kOk) {
        ADD_FAILURE() << "record " << n << ": " << ToString(result);
        return n;
      }
      const auto expected = stream.Next();
      const std::size_t size = record.CopyOut(copy);
      if (size != expected.size() ||
          !std::ranges::equal(expected, std::span(copy).first(size))) {
        ADD_FAILURE() << "record " << n << " of " << expected.size()
                      << " bytes came out otherwise";
        return n;
      }
      if (n % 7 == 0) {
        consumer.Retire();
        consumer.Publish();
      }
    }
  }

 private:
  template <typename Try>
  static void Retry(Try attempt) {
    RingResult result;
    while ((result = attempt()) == RingResult::kFull) std::this_thread::yield();
    ASSERT_EQ(result, RingResult::kOk) << ToString(result);
  }

  std::mt19937_64 random_;
  std::size_t most_bytes_;
  std::vector<std::byte> record_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_BYTE_STREAM_H_
