// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "placid/primitives/mpsc_byte_ring.h"
#include "tests/primitives/posix/killing.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

// A record is a value, and behind it zero to three times as many bytes again.
template <std::uint64_t kGranules, Pace kPace>
struct RecordCast {
  using Queue = MpscByteRing;
  static constexpr std::uint64_t kCapacity =
      kGranules * MpscByteRing::kGranuleBytes;
  // Records take a granule at least.
  static constexpr std::uint64_t kLag =
      kPace == Pace::kStreaming ? kGranules / 8 : 0;
  static constexpr bool kIsTotal = true;

  static Result<Queue> Create(std::span<std::byte> bytes) {
    return Queue::Create(bytes, kCapacity);
  }
  static auto ClaimProducer(const Queue& queue, std::size_t, OwnerId by) {
    return queue.ClaimProducer(by);
  }
  static auto ClaimConsumer(const Queue& queue, OwnerId by) {
    return queue.ClaimConsumer(kPace, by);
  }
  // In place; some are reserved longer than they are, or given up first.
  static RingResult Push(Queue::Producer& producer, const KilledValue& value) {
    const std::size_t length = LengthOf(value.number);
    const bool is_odd = value.number % 2 == 1;
    std::span<std::byte> payload;
    RingResult result =
        producer.TryReserve(is_odd ? length : LengthOf(3), payload);
    if (result != RingResult::kOk) return result;
    if (value.number % 16 == 7) {
      EXPECT_TRUE(producer.Abort());
      result = producer.TryReserve(length, payload);
      if (result != RingResult::kOk) return result;
    }
    for (std::size_t at = 0; at < length; at += sizeof(value)) {
      std::memcpy(payload.data() + at, &value, sizeof(value));
    }
    EXPECT_TRUE(producer.Commit(length));
    return result;
  }
  static RingResult Pop(Queue::Consumer& consumer, KilledValue& value) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result != RingResult::kOk) return result;
    std::array<KilledValue, 4> found{};
    const std::size_t length =
        record.CopyOut(std::as_writable_bytes(std::span(found)));
    value = found[0];
    bool is_whole = record.size() == length && length == LengthOf(value.number);
    for (std::size_t i = 1; i < length / sizeof(value); ++i) {
      is_whole = is_whole && std::memcmp(&found[i], &value, sizeof(value)) == 0;
    }
    return is_whole ? result : RingResult::kCorrupt;
  }
  static void Recover(const Queue& queue, const DeadOwner& dead) {
    (void)queue.Recover(dead);
  }

 private:
  static std::size_t LengthOf(std::uint64_t number) {
    return sizeof(KilledValue) * static_cast<std::size_t>(1 + number % 4);
  }
};

template <typename Cast>
class MpscByteRingKillStress : public ::testing::Test {};
using Casts = ::testing::Types<RecordCast<64, Pace::kStreaming>,
                               RecordCast<16, Pace::kPrompt>>;
TYPED_TEST_SUITE(MpscByteRingKillStress, Casts);

// A claim that nobody can recover, or whose length nobody knows, wedges the
// consumer; one that is given up although it was committed is lost; a void one
// that counts as a record, torn.
TYPED_TEST(MpscByteRingKillStress, WhatWasCommittedArrivesOnceAndInOrder) {
  const std::uint64_t seed = DrawSeed();
  const TwoViews views(MpscByteRing::SizeFor(TypeParam::kCapacity));
  Killing<TypeParam> killing(views.first(), seed);
  ASSERT_TRUE(killing.Run(Kills() / 2));
  // Nothing has leaked: every granule can be used.
  auto producer = *killing.queue().ClaimProducer();
  for (std::uint64_t i = 0;
       i < TypeParam::kCapacity / MpscByteRing::kGranuleBytes; ++i) {
    ASSERT_EQ(producer.TryPush({}), RingResult::kOk);
  }
  EXPECT_EQ(producer.TryPush({}), RingResult::kFull);
}

}  // namespace
}  // namespace placid::testing
