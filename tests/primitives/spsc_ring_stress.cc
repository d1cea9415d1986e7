// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

#include "placid/primitives/spsc_ring.h"
#include "tests/primitives/ring_traffic.h"
#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kValues = kIsTsan ? 30'000 : 400'000;

template <typename Value, std::uint64_t kNumber, std::uint64_t kExtent,
          Pace kHow>
struct Case {
  using T = Value;
  using Ring = SpscRing<T, kExtent>;
  static constexpr std::uint64_t kCapacity = kNumber;
  static constexpr Pace kPace = kHow;
};

template <typename Case>
class SpscRingStress : public ::testing::Test {};
using One = CheckedValue<1>;
using Nine = CheckedValue<9>;
using Cases = ::testing::Types<Case<One, 1, 1, Pace::kPrompt>,
                               Case<One, 1024, 1024, Pace::kStreaming>,
                               Case<Nine, 16, 16, Pace::kStreaming>,
                               Case<Nine, 64, kDynamic, Pace::kPrompt>,
                               Case<Nine, 1024, kDynamic, Pace::kStreaming>>;
TYPED_TEST_SUITE(SpscRingStress, Cases);

// A slot published before it is written, or overwritten before it is read,
// shows as a value that is not whole; a lost or repeated one in the numbers.
// Both threads through one mapping, which ThreadSanitizer watches.
TYPED_TEST(SpscRingStress, ValuesArriveWholeAndInOrder) {
  using T = typename TypeParam::T;
  const std::uint64_t seed = DrawSeed();
  const GuardedBytes guarded(TypeParam::Ring::SizeFor(TypeParam::kCapacity));
  const auto ring =
      TypeParam::Ring::Create(guarded.bytes(), TypeParam::kCapacity);
  ASSERT_TRUE(ring);
  auto producer = ring->ClaimProducer();
  auto consumer = ring->ClaimConsumer(TypeParam::kPace);
  ASSERT_TRUE(producer && consumer);
  std::thread other([&] { PushAll<T>(*producer, kValues, seed); });
  PopAll<T>(*consumer, kValues, seed + 1);
  // Lets a producer go that would wait for a consumer that has given up.
  consumer->Close();
  other.join();
}

// A request and its answer at a time: nobody may keep what the other waits for.
TEST(SpscRingPingPongStress, RequestsAndAnswersNeverStall) {
  using Ring = SpscRing<std::uint64_t, 4>;
  const std::uint64_t seed = DrawSeed();
  static Ring::Storage there, back;
  const Ring requests = *Ring::Attach(there);
  const Ring answers = *Ring::Attach(back);
  const std::uint64_t rounds = kIsTsan ? 2'000 : 20'000;
  const auto pop = [](Ring::Consumer& consumer) {
    std::uint64_t value = 0;
    while (consumer.TryPop(value) == RingResult::kEmpty) {
      std::this_thread::yield();
    }
    return value;
  };
  std::thread server([&] {
    auto consumer = *requests.ClaimConsumer(Pace::kStreaming);
    auto producer = *answers.ClaimProducer();
    for (std::uint64_t i = 0; i < rounds; ++i) {
      ASSERT_EQ(producer.TryPush(pop(consumer) + 1), RingResult::kOk);
    }
  });
  auto producer = *requests.ClaimProducer();
  auto consumer = *answers.ClaimConsumer();
  for (std::uint64_t i = 0; i < rounds; ++i) {
    ASSERT_EQ(producer.TryPush(seed + i), RingResult::kOk);
    ASSERT_EQ(pop(consumer), seed + i + 1);
  }
  server.join();
}

}  // namespace
}  // namespace placid::testing
