// SPDX-License-Identifier: Apache-2.0
//
// What the unit tests of BroadcastRing share: the ring in guarded bytes, set to
// any count, and cases of every size.
#ifndef PLACID_TESTS_PRIMITIVES_BROADCAST_RING_FIXTURE_H_
#define PLACID_TESTS_PRIMITIVES_BROADCAST_RING_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "placid/primitives/broadcast_ring.h"
#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"

namespace placid::testing {

// Where a ring's counts begin.
inline constexpr std::array<std::uint64_t, 5> kStarts = {
    0, 5, (std::uint64_t{1} << 32) - 8, (std::uint64_t{1} << 63) - 8,
    std::uint64_t{0} - 8};

template <typename Value, std::uint64_t kNumber, bool kIsDynamic>
struct BroadcastCase {
  using T = Value;
  static constexpr std::uint64_t kCapacity = kNumber;
  static constexpr bool kIsFixed = !kIsDynamic;
  using Ring = BroadcastRing<T, kIsDynamic ? kDynamic : kNumber>;
};

template <typename Case>
class BroadcastRingTest : public ::testing::Test {
 protected:
  using T = typename Case::T;
  using Ring = typename Case::Ring;
  using Writer = typename Ring::Writer;
  using Reader = typename Ring::Reader;
  static constexpr std::uint64_t kCapacity = Case::kCapacity;
  // By how much the writer makes room.
  static constexpr std::uint64_t kStep =
      std::max<std::uint64_t>(kCapacity / 8, 1);
  // How many are whole after a push, once there have been as many.
  static constexpr std::uint64_t kLeastKept = kCapacity - kStep + 1;

  // The ring, empty, as if `start` values had gone through it.
  void StartFrom(std::uint64_t start) {
    ASSERT_TRUE(Ring::Reset(guarded_.bytes(), NobodyUsesIt()));
    ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
    memory().tail.store(start, kRelaxed);
    memory().oldest.store(start, kRelaxed);
  }
  [[nodiscard]] typename Ring::Memory& memory() const {
    return *reinterpret_cast<typename Ring::Memory*>(guarded_.bytes().data());
  }
  [[nodiscard]] std::uint64_t Oldest() const {
    return memory().oldest.load(kRelaxed);
  }
  [[nodiscard]] std::uint64_t Tail() const {
    return memory().tail.load(kRelaxed);
  }

  // Pushes the next `count` values: each says which position it has.
  static void Push(Writer& writer, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      writer.Push(T::Of(writer.position()));
    }
  }
  static void ExpectReads(Reader& reader, std::uint64_t number,
                          std::uint64_t lost = 0) {
    T value = T::Of(0);
    std::uint64_t found = 99;
    ASSERT_EQ(reader.TryRead(value, found), RingResult::kOk) << number;
    EXPECT_TRUE(value.IsWhole());
    EXPECT_EQ(value.number(), number);
    EXPECT_EQ(found, lost) << number;
    EXPECT_EQ(reader.position(), number + 1);
  }
  static void ExpectReadGives(Reader& reader, RingResult result,
                              std::uint64_t lost = 0) {
    T value = T::Of(77);
    std::uint64_t found = 99;
    EXPECT_EQ(reader.TryRead(value, found), result) << ToString(result);
    EXPECT_EQ(found, lost);
  }

  GuardedBytes guarded_{Ring::SizeFor(kCapacity)};
  Ring ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
};

using One = CheckedValue<1>;
using Nine = CheckedValue<9>;
using BroadcastCases =
    ::testing::Types<BroadcastCase<One, 8, false>, BroadcastCase<One, 16, true>,
                     BroadcastCase<One, 1, false>, BroadcastCase<One, 1, true>,
                     BroadcastCase<Nine, 2, false>,
                     BroadcastCase<Nine, 2, true>,
                     BroadcastCase<Nine, 64, false>,
                     BroadcastCase<Nine, 32, true>>;

}  // namespace placid::testing

#endif  // PLACID_TESTS_PRIMITIVES_BROADCAST_RING_FIXTURE_H_
