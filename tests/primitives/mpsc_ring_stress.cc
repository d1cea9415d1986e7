// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "placid/primitives/mpsc_ring.h"
#include "tests/primitives/many_traffic.h"
#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kProducers = 3;
constexpr std::uint64_t kValues = kIsTsan ? 8'000 : 60'000;

template <typename Value, std::uint64_t kNumber, std::uint64_t kExtent,
          Pace kHow>
struct Case {
  using T = Value;
  using Ring = MpscRing<T, kExtent>;
  static constexpr std::uint64_t kCapacity = kNumber;
  static constexpr Pace kPace = kHow;
};

template <typename Case>
class MpscRingStress : public ::testing::Test {};
using One = CheckedValue<1>;
using Nine = CheckedValue<9>;
using Cases = ::testing::Types<Case<One, 1, 1, Pace::kPrompt>,
                               Case<One, 1024, 1024, Pace::kStreaming>,
                               Case<Nine, 16, 16, Pace::kStreaming>,
                               Case<Nine, 64, kDynamic, Pace::kPrompt>>;
TYPED_TEST_SUITE(MpscRingStress, Cases);

// A slot of two producers, or one that is published before it is written or
// written before it is read, shows as a value that is not whole; a lost or
// repeated one in the numbers. All threads through one mapping, which
// ThreadSanitizer watches; a fourth clears up after dead who had nothing.
TYPED_TEST(MpscRingStress, ValuesArriveWholeAndInEachProducersOrder) {
  using T = typename TypeParam::T;
  const std::uint64_t seed = DrawSeed();
  const GuardedBytes guarded(TypeParam::Ring::SizeFor(TypeParam::kCapacity));
  const auto ring =
      TypeParam::Ring::Create(guarded.bytes(), TypeParam::kCapacity);
  ASSERT_TRUE(ring);
  auto consumer = ring->ClaimConsumer(TypeParam::kPace);
  ASSERT_TRUE(consumer);
  std::vector<std::thread> others;
  for (std::uint64_t i = 0; i < kProducers; ++i) {
    others.emplace_back([&, i] {
      auto producer = ring->ClaimProducer(*OwnerId::Of(i + 1, 1));
      ASSERT_TRUE(producer);
      PushStream<T>(*producer, i, kValues, seed);
    });
  }
  others.emplace_back([&] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_FALSE(ring->Recover(DeadOwner::Attested(*OwnerId::Of(9, 1))));
      std::this_thread::yield();
    }
  });
  PopStreams<T>(*consumer, kProducers, kValues, seed);
  // Lets producers go that would wait for a consumer that has given up.
  consumer->Close();
  for (std::thread& other : others) other.join();
}

// Whoever closes first closes for all: what was pushed before is there, and
// nobody pushes later.
TEST(MpscRingCloseStress, TheEndComesAfterAllThatWasPushed) {
  using Ring = MpscRing<std::uint64_t, 64>;
  const std::uint64_t seed = DrawSeed();
  static Ring::Storage storage;
  for (std::uint64_t round = 0; round < (kIsTsan ? 50 : 500); ++round) {
    storage = {};
    const Ring ring = *Ring::Attach(storage);
    std::vector<std::uint64_t> pushed(kProducers);
    std::vector<std::thread> producers;
    for (std::uint64_t i = 0; i < kProducers; ++i) {
      producers.emplace_back([&, i] {
        auto producer = *ring.ClaimProducer();
        const std::uint64_t most = (seed + round * 7 + i * 13) % 40;
        RingResult result = RingResult::kOk;
        while (result != RingResult::kClosed) {
          result = pushed[i] < most ? producer.TryPush(i) : producer.Close();
          if (result == RingResult::kOk && pushed[i] == most) break;
          pushed[i] += result == RingResult::kOk ? 1 : 0;
        }
      });
    }
    auto consumer = *ring.ClaimConsumer();
    std::vector<std::uint64_t> popped(kProducers);
    RingResult result = RingResult::kOk;
    while (result != RingResult::kClosed) {
      std::uint64_t value = 0;
      result = consumer.TryPop(value);
      if (result == RingResult::kOk) ++popped[value];
    }
    for (std::thread& producer : producers) producer.join();
    ASSERT_EQ(popped, pushed);
  }
}

}  // namespace
}  // namespace placid::testing
