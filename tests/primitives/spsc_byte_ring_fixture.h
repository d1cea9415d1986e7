// SPDX-License-Identifier: Apache-2.0
//
// SpscByteRingTest: a ring between guard pages, and what its tests say often.
#ifndef PLACID_TESTS_PRIMITIVES_SPSC_BYTE_RING_FIXTURE_H_
#define PLACID_TESTS_PRIMITIVES_SPSC_BYTE_RING_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "placid/primitives/spsc_byte_ring.h"
#include "tests/primitives/record_bytes.h"
#include "tests/support/guarded_bytes.h"

namespace placid::testing {

using Ring = SpscByteRing;
using Wrap = Ring::Wrap;

// Header words, but for the length.
inline constexpr std::uint64_t kRecord = std::uint64_t{1} << 32;
inline constexpr std::uint64_t kPadding = std::uint64_t{2} << 32;

// Where a ring's counts begin: at the wraps of 32 and 64 bits, 8 before them,
// and once nowhere in particular.
inline constexpr std::array<std::uint64_t, 4> kByteRingStarts = {
    0, 40, (std::uint64_t{1} << 32) - 8, std::uint64_t{0} - 8};

// A record of `length` with its header, rounded up.
inline std::uint64_t Footprint(std::size_t length) {
  return 8 + (length + 7) / 8 * 8;
}

class SpscByteRingTest : public ::testing::Test {
 protected:
  // An empty ring between guard pages, as if `start` bytes had gone through it.
  void StartAt(std::uint64_t capacity, std::uint64_t start,
               Wrap wrap = Wrap::kPadding) {
    // Mirrored data needs no mirror where both roles use this one view.
    guarded_.emplace(Ring::SizeFor(capacity, wrap) +
                     (wrap == Wrap::kMirrored ? capacity : 0));
    ring_.emplace(*Ring::Create(guarded_->bytes(), capacity, wrap));
    memory().tail.store(start, kRelaxed);
    memory().head.store(start, kRelaxed);
  }
  [[nodiscard]] Ring::Memory& memory() const {
    return *reinterpret_cast<Ring::Memory*>(guarded_->bytes().data());
  }
  [[nodiscard]] std::uint64_t SharedTail() const {
    return memory().tail.load(kRelaxed);
  }
  [[nodiscard]] std::uint64_t SharedHead() const {
    return memory().head.load(kRelaxed);
  }
  // The word of data at a position of the stream.
  [[nodiscard]] std::uint64_t& WordAt(std::uint64_t position) const {
    const auto at = static_cast<std::size_t>(position % ring_->capacity());
    return *reinterpret_cast<std::uint64_t*>(guarded_->bytes().data() +
                                             Ring::kDataOffset + at);
  }

  static void ExpectPushes(Ring::Producer& producer, const Bytes& record) {
    EXPECT_EQ(producer.TryPush(record), RingResult::kOk) << record.size();
  }
  static void ExpectFront(Ring::Consumer& consumer, const Bytes& expected) {
    SharedBytes record;
    ASSERT_EQ(consumer.TryFront(record), RingResult::kOk);
    Bytes copy(record.size());
    EXPECT_EQ(record.CopyOut(copy), record.size());
    EXPECT_EQ(copy, expected);
  }
  // The same by roles that are dropped right after.
  static void ExpectPushes(Ring::Producer&& producer, const Bytes& record) {
    ExpectPushes(producer, record);
  }
  static void ExpectFront(Ring::Consumer&& consumer, const Bytes& expected) {
    ExpectFront(consumer, expected);
  }
  static void ExpectFrontGives(Ring::Consumer& consumer, RingResult result) {
    static constexpr std::byte kOther{7};
    SharedBytes record(&kOther, 1);
    EXPECT_EQ(consumer.TryFront(record), result) << ToString(result);
    EXPECT_TRUE(record.empty());
  }
  static void ExpectReserveGives(Ring::Producer& producer, std::size_t length,
                                 RingResult result) {
    std::span<std::byte> payload;
    EXPECT_EQ(producer.TryReserve(length, payload), result) << length;
    EXPECT_EQ(payload.size(), result == RingResult::kOk ? length : 0u);
  }
  // Reserves and fills, but ends nothing.
  static void Reserve(Ring::Producer& producer, const Bytes& record) {
    std::span<std::byte> payload;
    ASSERT_EQ(producer.TryReserve(record.size(), payload), RingResult::kOk);
    ASSERT_EQ(payload.size(), record.size());
    std::ranges::copy(record, payload.begin());
  }

  std::optional<GuardedBytes> guarded_;
  std::optional<Ring> ring_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_SPSC_BYTE_RING_FIXTURE_H_
