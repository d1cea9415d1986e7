// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "placid/primitives/broadcast_ring.h"
#include "tests/primitives/broadcast_traffic.h"
#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kValues = kIsTsan ? 20'000 : 200'000;
constexpr std::size_t kReaders = 3;

template <typename Value, std::uint64_t kNumber, std::uint64_t kExtent>
struct Case {
  using T = Value;
  using Ring = BroadcastRing<T, kExtent>;
  static constexpr std::uint64_t kCapacity = kNumber;
};

template <typename Case>
class BroadcastRingStress : public ::testing::Test {};
using One = CheckedValue<1>;
using Nine = CheckedValue<9>;
using Cases = ::testing::Types<Case<One, 1, 1>, Case<Nine, 2, kDynamic>,
                               Case<Nine, 64, 64>, Case<One, 1024, kDynamic>,
                               Case<CheckedValue<64>, 16, 16>>;
TYPED_TEST_SUITE(BroadcastRingStress, Cases);

// A value that was overwritten while it was read shows as torn or as another; a
// loss that was counted wrongly as one that does not fit its position.
TYPED_TEST(BroadcastRingStress, ReadersKnowWhatTheyRead) {
  using T = typename TypeParam::T;
  const std::uint64_t seed = DrawSeed();
  const GuardedBytes guarded(TypeParam::Ring::SizeFor(TypeParam::kCapacity));
  const auto ring =
      TypeParam::Ring::Create(guarded.bytes(), TypeParam::kCapacity);
  ASSERT_TRUE(ring);
  auto writer = ring->ClaimWriter();
  ASSERT_TRUE(writer);
  static constexpr std::array kAgain = {StartAt::kMiddle, StartAt::kOldest,
                                        StartAt::kNewest};
  std::array<BroadcastCounts, kReaders> counts;
  std::array<std::thread, kReaders> readers;
  for (std::size_t i = 0; i < kReaders; ++i) {
    readers[i] = std::thread([&, i] {
      counts[i] =
          ReadToTheEnd<T>(ring->MakeReader(StartAt::kOldest, kAgain[i]),
                          kValues, seed + 1 + i);
    });
  }
  PushUntil<T>(*writer, kValues, seed);
  std::move(*writer).Close();
  for (std::thread& reader : readers) reader.join();
  for (const BroadcastCounts& count : counts) {
    EXPECT_GT(count.read, 0u);
    std::printf("%llu read, %llu lost, %llu looked at in vain\n",
                static_cast<unsigned long long>(count.read),
                static_cast<unsigned long long>(count.lost),
                static_cast<unsigned long long>(count.refused));
  }
}

}  // namespace
}  // namespace placid::testing
