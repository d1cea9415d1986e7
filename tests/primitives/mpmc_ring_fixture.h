// SPDX-License-Identifier: Apache-2.0
//
// What the unit tests of MpmcRing share: rings of several shapes, whose
// positions begin anywhere.
#ifndef PLACID_TESTS_PRIMITIVES_MPMC_RING_FIXTURE_H_
#define PLACID_TESTS_PRIMITIVES_MPMC_RING_FIXTURE_H_

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "placid/primitives/mpmc_ring.h"
#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"

namespace placid::testing {

template <typename Value, std::uint64_t kNumber, bool kIsDynamic>
struct MpmcCase {
  using T = Value;
  static constexpr std::uint64_t kCapacity = kNumber;
  using Ring = MpmcRing<T, kIsDynamic ? kDynamic : kNumber>;
};

// Where a ring's positions begin: at 0, and soon before they, or its laps, wrap.
inline std::array<std::uint64_t, 6> MpmcStarts(std::uint64_t capacity) {
  constexpr std::uint64_t kLaps = std::uint64_t{1} << 45;
  return {0,
          5,
          (std::uint64_t{1} << 32) - 8,
          std::uint64_t{0} - 8,
          (kLaps - 1) * capacity - 8,
          (kLaps / 2 - 1) * capacity - 8};
}

// The ring, which is empty, as if `start` positions had been used in it.
template <typename Ring>
void MoveMpmcRingTo(std::span<std::byte> bytes, const Ring& ring,
                    std::uint64_t start) {
  auto* slots =
      reinterpret_cast<typename Ring::Slot*>(bytes.data() + Ring::kSlotsOffset);
  const std::uint64_t capacity = ring.capacity();
  const int shift = std::countr_zero(capacity);
  for (std::uint64_t i = 0; i < capacity; ++i) {
    const std::uint64_t position = start + i;
    slots[position % capacity].word.store(
        TurnWord(position >> shift, TurnWord::State::kFree).word(), kRelaxed);
  }
}

template <typename Case>
class MpmcRingFixture : public ::testing::Test {
 protected:
  using T = typename Case::T;
  using Ring = typename Case::Ring;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;
  using State = TurnWord::State;
  static constexpr std::uint64_t kCapacity = Case::kCapacity;

  // The ring, empty, as if `start` positions had been used in it.
  void StartAt(std::uint64_t start) {
    ASSERT_TRUE(Ring::Reset(guarded_.bytes(), NobodyUsesIt()));
    ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
    MoveMpmcRingTo(guarded_.bytes(), ring_, start);
  }
  [[nodiscard]] typename Ring::Memory& memory() const {
    return *reinterpret_cast<typename Ring::Memory*>(guarded_.bytes().data());
  }
  [[nodiscard]] Atomic<std::uint64_t>& Word(std::uint64_t position) const {
    auto* slots = reinterpret_cast<typename Ring::Slot*>(
        guarded_.bytes().data() + Ring::kSlotsOffset);
    return slots[position % kCapacity].word;
  }
  [[nodiscard]] State StateAt(std::uint64_t position) const {
    return TurnWord(Word(position).load(kRelaxed)).state();
  }
  static std::uint64_t LapOf(std::uint64_t position) {
    return position >> std::countr_zero(kCapacity);
  }

  static void ExpectPushes(Producer& producer, std::uint64_t number) {
    EXPECT_EQ(producer.TryPush(T::Of(number)), RingResult::kOk) << number;
  }
  static void ExpectPushGives(Producer& producer, RingResult result) {
    const RingResult found = producer.TryPush(T::Of(99));
    EXPECT_EQ(found, result) << ToString(found);
  }
  static void ExpectReserves(Producer& producer) {
    T* slot = nullptr;
    ASSERT_EQ(producer.TryReserve(slot), RingResult::kOk);
    *slot = T::Of(666);
  }
  static void ExpectPops(Consumer& consumer, std::uint64_t number) {
    T value = T::Of(0);
    ASSERT_EQ(consumer.TryPop(value), RingResult::kOk) << number;
    EXPECT_TRUE(value.IsWhole());
    EXPECT_EQ(value.number(), number);
  }
  static void ExpectPopGives(Consumer& consumer, RingResult result) {
    T value = T::Of(77);
    const RingResult found = consumer.TryPop(value);
    EXPECT_EQ(found, result) << ToString(found);
    EXPECT_EQ(value.number(), 77u) << "a failed pop wrote the value";
  }

  GuardedBytes guarded_{Ring::SizeFor(kCapacity)};
  Ring ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
};

using MpmcCases = ::testing::Types<
    MpmcCase<CheckedValue<1>, 8, false>, MpmcCase<CheckedValue<1>, 8, true>,
    MpmcCase<CheckedValue<1>, 1, false>, MpmcCase<CheckedValue<1>, 1, true>,
    MpmcCase<CheckedValue<9>, 2, false>, MpmcCase<CheckedValue<9>, 2, true>,
    MpmcCase<CheckedValue<9>, 64, false>, MpmcCase<CheckedValue<9>, 64, true>>;

inline constexpr std::array<Delivery, 2> kDeliveries = {
    Delivery::kAtMostOnce, Delivery::kAtLeastOnce};

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_MPMC_RING_FIXTURE_H_
