// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>

#include "placid/primitives/spsc_ring.h"
#include "tests/primitives/ring_traffic.h"
#include "tests/support/checked_value.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kValues = kIsTsan ? 30'000 : 300'000;
constexpr std::uint64_t kCapacity = 64;
constexpr int kKills = 40;
using T = CheckedValue<9>;
using Ring = SpscRing<T>;

// Two processes, two addresses.
TEST(SpscRingForkStress, ValuesArriveInAnotherProcess) {
  for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
    const std::uint64_t seed = DrawSeed();
    const TwoViews views(Ring::SizeFor(kCapacity));
    const auto ring = Ring::Create(views.first(), kCapacity);
    ASSERT_TRUE(ring);
    Child child([&] {
      auto consumer = Ring::Attach(views.second())->ClaimConsumer(pace);
      ASSERT_TRUE(consumer);
      PopAll<T>(*consumer, kValues, seed);
      consumer->Close();
    });
    auto producer = ring->ClaimProducer();
    ASSERT_TRUE(producer);
    PushAll<T>(*producer, kValues, seed + 1);
    EXPECT_TRUE(child.EndsWell());
  }
}

class SpscRingKillStress : public ::testing::Test {
 protected:
  // Kills the child after a random while.
  void KillSoon(Child& child) {
    std::this_thread::sleep_for(std::chrono::microseconds(random_() % 500));
    child.Kill();
  }

  // Behind the ring: how many values a consumer says that it has popped.
  static constexpr std::size_t kProgressOffset = 64 * 1024;
  [[nodiscard]] static Atomic<std::uint64_t>& Progress(
      std::span<std::byte> view) {
    return *reinterpret_cast<Atomic<std::uint64_t>*>(view.data() +
                                                     kProgressOffset);
  }

  std::minstd_rand random_{static_cast<unsigned>(DrawSeed())};
  const TwoViews views_{kProgressOffset + 8};
  const Ring ring_ = *Ring::Create(views_.first(), kCapacity);
};

// Killed wherever it happens to be: what it pushed is there, and the next
// producer goes on behind it.
TEST_F(SpscRingKillStress, AKilledProducerLosesNothingThatItPushed) {
  auto consumer = ring_.ClaimConsumer();
  ASSERT_TRUE(consumer);
  std::uint64_t next = 1;
  T value;
  for (int kill = 0; kill < kKills; ++kill) {
    Child child([&] {
      const Ring ring = *Ring::Attach(views_.second());
      auto producer =
          kill == 0
              ? ring.ClaimProducer()
              : ring.TakeOverProducer(AttestedDeath(ring.ProducerHolder()));
      ASSERT_TRUE(producer);
      for (std::uint64_t number = next;;) {
        number += producer->TryPush(T::Of(number)) == RingResult::kOk;
      }
    });
    while (consumer->TryPop(value) != RingResult::kOk) {
      std::this_thread::yield();
    }
    for (RingResult result = RingResult::kOk; result == RingResult::kOk;
         result = consumer->TryPop(value)) {
      ASSERT_EQ(value.number(), next++);
      ASSERT_TRUE(value.IsWhole());
      if (next % 500 == 0) break;
    }
    KillSoon(child);
    while (consumer->TryPop(value) == RingResult::kOk) {
      ASSERT_EQ(value.number(), next++);
      ASSERT_TRUE(value.IsWhole());
    }
  }
}

// The next consumer is handed the value in the dead one's hand again and, since
// it streamed, at most an eighth of the ring before that; none is lost.
TEST_F(SpscRingKillStress, AKilledConsumersValuesComeAgain) {
  auto producer = ring_.ClaimProducer();
  ASSERT_TRUE(producer);
  auto& progress = Progress(views_.first());
  std::uint64_t pushed = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    const std::uint64_t before = progress.load(kAcquire);
    Child child([&] {
      auto consumer =
          Ring::Attach(views_.second())->ClaimConsumer(Pace::kStreaming);
      ASSERT_TRUE(consumer);
      T value;
      while (true) {
        if (consumer->TryPop(value) != RingResult::kOk) continue;
        Progress(views_.second()).store(value.number(), kRelease);
      }
    });
    while (progress.load(kAcquire) < before + 100) {
      if (producer->TryPush(T::Of(pushed + 1)) == RingResult::kOk) {
        ++pushed;
      } else {
        std::this_thread::yield();
      }
    }
    KillSoon(child);
    const std::uint64_t popped = progress.load(kAcquire);
    while (producer->TryPush(T::Of(pushed + 1)) == RingResult::kOk) ++pushed;

    auto successor =
        ring_.TakeOverConsumer(AttestedDeath(ring_.ConsumerHolder()));
    ASSERT_TRUE(successor);
    T value;
    ASSERT_EQ(successor->TryPop(value), RingResult::kOk);
    EXPECT_LE(value.number(), popped + 1) << "values were lost";
    EXPECT_GE(value.number() + kCapacity / 8, popped);
    std::uint64_t next = value.number();
    do {
      ASSERT_EQ(value.number(), next++);
      ASSERT_TRUE(value.IsWhole());
    } while (successor->TryPop(value) == RingResult::kOk);
    EXPECT_EQ(next, pushed + 1);
    progress.store(pushed, kRelease);
  }
}

}  // namespace
}  // namespace placid::testing
