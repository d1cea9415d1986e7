// SPDX-License-Identifier: Apache-2.0
//
// MpscByteRingFixture: rings of several sizes between guard pages, whose
// positions begin anywhere, and what their tests say often.
#ifndef PLACID_TESTS_PRIMITIVES_MPSC_BYTE_RING_FIXTURE_H_
#define PLACID_TESTS_PRIMITIVES_MPSC_BYTE_RING_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/mpsc_byte_ring.h"
#include "tests/primitives/record_bytes.h"
#include "tests/support/guarded_bytes.h"

namespace placid::testing {

// Where the positions of a ring of so many granules begin: at 0, and soon before
// they, or its laps, wrap.
inline std::array<std::uint64_t, 6> MpscByteStarts(std::uint64_t granules) {
  constexpr std::uint64_t kLaps = std::uint64_t{1} << 30;
  return {0,
          5,
          (std::uint64_t{1} << 32) - 8,
          std::uint64_t{0} - 8,
          (kLaps - 1) * granules - 8,
          (kLaps / 2 - 1) * granules - 8};
}

// Word n % granules of a ring.
inline Atomic<std::uint64_t>& MpscByteWord(std::span<std::byte> bytes,
                                           std::uint64_t granules,
                                           std::uint64_t position) {
  auto* words = reinterpret_cast<Atomic<std::uint64_t>*>(
      bytes.data() + MpscByteRing::kDataOffset +
      static_cast<std::size_t>(granules * MpscByteRing::kGranuleBytes));
  return words[position % granules];
}

// The ring, which is empty, as if `start` granules had been used in it.
inline void MoveMpscByteRingTo(std::span<std::byte> bytes,
                               const MpscByteRing& ring, std::uint64_t start) {
  auto* memory = reinterpret_cast<MpscByteRing::Memory*>(bytes.data());
  memory->head.store(start, kRelaxed);
  memory->hint.store(start, kRelaxed);
  const std::uint64_t granules = ring.capacity() / MpscByteRing::kGranuleBytes;
  const RecordLaps laps{Extent<kDynamic>(granules)};
  for (std::uint64_t i = 0; i < granules; ++i) {
    MpscByteWord(bytes, granules, start + i)
        .store(laps.Inside(start + i - granules).word(), kRelaxed);
  }
}

// Its parameter is the capacity, in granules.
class MpscByteRingFixture : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  using Ring = MpscByteRing;
  using Producer = Ring::Producer;
  using Consumer = Ring::Consumer;
  static constexpr std::uint64_t kGranule = Ring::kGranuleBytes;

  void StartAt(std::uint64_t start) {
    ASSERT_TRUE(Ring::Reset(guarded_.bytes(), NobodyUsesIt()));
    ring_ = *Ring::Create(guarded_.bytes(), granules_ * kGranule);
    MoveMpscByteRingTo(guarded_.bytes(), ring_, start);
  }
  [[nodiscard]] Ring::Memory& memory() const {
    return *reinterpret_cast<Ring::Memory*>(guarded_.bytes().data());
  }
  [[nodiscard]] Atomic<std::uint64_t>& Word(std::uint64_t position) const {
    return MpscByteWord(guarded_.bytes(), granules_, position);
  }
  [[nodiscard]] RecordLaps Laps() const {
    return RecordLaps{Extent<kDynamic>(granules_)};
  }
  [[nodiscard]] std::uint64_t Published() const {
    return memory().head.load(kRelaxed);
  }
  // Bytes of data at a position.
  [[nodiscard]] const std::byte* DataAt(std::uint64_t position) const {
    return guarded_.bytes().data() + Ring::kDataOffset +
           static_cast<std::size_t>(position % granules_ * kGranule);
  }

  static void ExpectPushes(Producer& producer, const Bytes& record) {
    EXPECT_EQ(producer.TryPush(record), RingResult::kOk) << record.size();
  }
  // A record of one granule.
  static void ExpectPushes(Producer& producer, std::uint64_t number) {
    ExpectPushes(producer, RecordOf(number, 8));
  }
  static void ExpectPushGives(Producer& producer, RingResult result) {
    const RingResult found = producer.TryPush(RecordOf(99, 8));
    EXPECT_EQ(found, result) << ToString(found);
  }
  static void ExpectReserveGives(Producer& producer, std::size_t length,
                                 RingResult result) {
    std::span<std::byte> payload;
    const RingResult found = producer.TryReserve(length, payload);
    EXPECT_EQ(found, result) << length << ToString(found);
    EXPECT_EQ(payload.size(), found == RingResult::kOk ? length : 0u);
  }
  // Reserves and fills, but ends nothing.
  static void Reserve(Producer& producer, const Bytes& record) {
    std::span<std::byte> payload;
    ASSERT_EQ(producer.TryReserve(record.size(), payload), RingResult::kOk);
    ASSERT_EQ(payload.size(), record.size());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(payload.data()) % kGranule, 0u);
    std::ranges::copy(record, payload.begin());
  }
  static void ExpectFront(Consumer& consumer, const Bytes& expected) {
    SharedBytes record;
    const RingResult found = consumer.TryFront(record);
    ASSERT_EQ(found, RingResult::kOk) << ToString(found);
    Bytes copy(record.size());
    EXPECT_EQ(record.CopyOut(copy), record.size());
    EXPECT_EQ(copy, expected);
  }
  static void ExpectFront(Consumer& consumer, std::uint64_t number) {
    ExpectFront(consumer, RecordOf(number, 8));
  }
  static void ExpectFrontGives(Consumer& consumer, RingResult result) {
    static constexpr std::byte kOther{7};
    SharedBytes record(&kOther, 1);
    const RingResult found = consumer.TryFront(record);
    EXPECT_EQ(found, result) << ToString(found);
    EXPECT_TRUE(record.empty());
  }

  // It can be filled and emptied, by short records and by long ones: no granule
  // has leaked.
  void ExpectWhole(Producer& producer, Consumer& consumer) const {
    ExpectFrontGives(consumer, RingResult::kEmpty);
    const auto most = static_cast<std::size_t>(ring_.MostRecordBytes());
    for (std::size_t lap = 0; lap < 3; ++lap) {
      for (std::uint64_t i = 0; i < granules_; ++i) ExpectPushes(producer, i);
      ExpectPushGives(producer, RingResult::kFull);
      for (std::uint64_t i = 0; i < granules_; ++i) ExpectFront(consumer, i);
      ExpectFrontGives(consumer, RingResult::kEmpty);
      ExpectPushes(producer, RecordOf(lap, most - lap));
      ExpectFront(consumer, RecordOf(lap, most - lap));
      ExpectFrontGives(consumer, RingResult::kEmpty);
    }
  }

  std::uint64_t granules_ = GetParam();
  GuardedBytes guarded_{Ring::SizeFor(granules_ * kGranule)};
  Ring ring_ = *Ring::Create(guarded_.bytes(), granules_* kGranule);
};

inline auto MpscByteCapacities() {
  return ::testing::Values<std::uint64_t>(1, 2, 4, 8, 64);
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_MPSC_BYTE_RING_FIXTURE_H_
