// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "placid/primitives/mpmc_ring.h"
#include "tests/primitives/many_traffic.h"
#include "tests/support/checked_value.h"
#include "tests/support/die.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kMpmcProducers = 2;
constexpr std::uint64_t kMpmcConsumers = 2;
constexpr std::array kMpmcPaces = {Pace::kPrompt, Pace::kStreaming};
constexpr std::uint64_t kMpmcValues = kIsTsan ? 8'000 : 60'000;

template <typename Value, std::uint64_t kNumber, std::uint64_t kExtent>
struct MpmcStressCase {
  using T = Value;
  using Ring = MpmcRing<T, kExtent>;
  static constexpr std::uint64_t kCapacity = kNumber;
};

template <typename Case>
class MpmcRingStress : public ::testing::Test {
 protected:
  using Ring = typename Case::Ring;
  using Streams = SharedStreams<kMpmcProducers, kMpmcValues>;

  // Lets the threads go who would wait for others that have given up.
  void CloseIfFailed() {
    if (HasFailure()) ring_.ClaimConsumer()->Close();
  }

  const std::uint64_t seed_ = DrawSeed();
  const GuardedBytes guarded_{Ring::SizeFor(Case::kCapacity)};
  const Ring ring_ = *Ring::Create(guarded_.bytes(), Case::kCapacity);
  const std::unique_ptr<Streams> streams_ = std::make_unique<Streams>();
};
using MpmcStressCases =
    ::testing::Types<MpmcStressCase<CheckedValue<1>, 1, 1>,
                     MpmcStressCase<CheckedValue<1>, 1024, 1024>,
                     MpmcStressCase<CheckedValue<9>, 4, 4>,
                     MpmcStressCase<CheckedValue<9>, 64, kDynamic>>;
TYPED_TEST_SUITE(MpmcRingStress, MpmcStressCases);

// A slot of two producers or of two consumers, or one that is published before
// it is written or given back before it is read, shows as a value that is not
// whole; a lost or repeated one in the numbers. All threads through one mapping,
// which ThreadSanitizer watches; one more clears up after dead who had nothing.
TYPED_TEST(MpmcRingStress, EachValueArrivesWholeAtOneConsumerInOrder) {
  using T = typename TypeParam::T;
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kMpmcProducers; ++i) {
    threads.emplace_back([&, i] {
      auto producer =
          *this->ring_.ClaimProducer(*OwnerId::Of(i + 1, 1), kMpmcPaces[i]);
      PushStream<T>(producer, i, kMpmcValues, this->seed_);
    });
  }
  for (std::uint64_t i = 0; i < kMpmcConsumers; ++i) {
    threads.emplace_back([&, i] {
      auto consumer = *this->ring_.ClaimConsumer((this->seed_ + i) % 2 == 0
                                                     ? Delivery::kAtMostOnce
                                                     : Delivery::kAtLeastOnce,
                                                 *OwnerId::Of(i + 5, 1),
                                                 kMpmcPaces[i]);
      this->streams_->template Pop<T>(consumer, this->seed_ + i);
      this->CloseIfFailed();
    });
  }
  threads.emplace_back([&] {
    for (int i = 0; i < 200; ++i) {
      const auto dead = DeadOwner::Attested(*OwnerId::Of(9, 1));
      EXPECT_FALSE(this->ring_.Recover(dead).any());
      std::this_thread::yield();
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(this->streams_->AreAllTaken());
}

// Producers die with a claim and consumers with a value in hand, again and
// again; who comes after them recovers them. What was in hand comes again, and
// goes to somebody, once.
TYPED_TEST(MpmcRingStress, WhatTheDeadHadInHandArrivesOnceAllTheSame) {
  using T = typename TypeParam::T;
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kMpmcProducers; ++i) {
    threads.emplace_back([&, i] {
      const OwnerId me = *OwnerId::Of(i + 1, 1);
      constexpr std::uint64_t kLife = 100;
      for (std::uint64_t done = 0; done < kMpmcValues;) {
        auto producer = *this->ring_.ClaimProducer(me);
        RingResult result = RingResult::kOk;
        for (std::uint64_t pushed = 0; pushed < kLife && done < kMpmcValues;) {
          result = producer.TryPush(T::Of(i * kStream + done + 1));
          if (result == RingResult::kClosed) return;
          if (result == RingResult::kFull) std::this_thread::yield();
          if (result != RingResult::kOk) continue;
          ++pushed;
          ++done;
        }
        T* slot = nullptr;
        const bool has_claim = producer.TryReserve(slot) == RingResult::kOk;
        Die(std::move(producer));
        const auto found = this->ring_.Recover(DeadOwner::Attested(me));
        EXPECT_EQ(found.voided, has_claim ? 1u : 0u);
      }
    });
  }
  for (std::uint64_t i = 0; i < kMpmcConsumers; ++i) {
    threads.emplace_back([&, i] {
      const OwnerId me = *OwnerId::Of(i + 5, 1);
      std::minstd_rand random(static_cast<unsigned>(this->seed_ + i));
      while (!this->streams_->AreAllTaken() && !this->HasFailure()) {
        auto consumer = *this->ring_.ClaimConsumer(Delivery::kAtLeastOnce, me);
        RingResult result = RingResult::kOk;
        for (auto life = random() % 100; life > 0; --life) {
          T value;
          result = consumer.TryPop(value);
          if (result != RingResult::kOk) break;
          this->streams_->Take(value);
        }
        if (result != RingResult::kOk) std::this_thread::yield();
        consumer.Retire();
        SharedSpan<T> value;
        const bool has_one = consumer.TryPeek(value) == RingResult::kOk;
        Die(std::move(consumer));
        const auto found = this->ring_.Recover(DeadOwner::Attested(me));
        EXPECT_EQ(found.offered, has_one ? 1u : 0u);
        EXPECT_EQ(found.lost, 0u);
      }
      this->CloseIfFailed();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(this->streams_->AreAllTaken());
}

// Whoever closes first closes for all: what was pushed before is there, and
// nobody pushes later.
TEST(MpmcRingCloseStress, TheEndComesAfterAllThatWasPushed) {
  using Ring = MpmcRing<std::uint64_t, 64>;
  const std::uint64_t seed = DrawSeed();
  static Ring::Storage storage;
  for (std::uint64_t round = 0; round < (kIsTsan ? 50 : 500); ++round) {
    storage = {};
    const Ring ring = *Ring::Attach(storage);
    std::vector<std::uint64_t> pushed(kMpmcProducers);
    std::vector<std::vector<std::uint64_t>> popped(
        kMpmcConsumers, std::vector<std::uint64_t>(kMpmcProducers));
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < kMpmcProducers; ++i) {
      threads.emplace_back([&, i] {
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
    for (std::uint64_t i = 0; i < kMpmcConsumers; ++i) {
      threads.emplace_back([&, i] {
        auto consumer = *ring.ClaimConsumer();
        RingResult result = RingResult::kOk;
        while (result != RingResult::kClosed) {
          std::uint64_t value = 0;
          result = consumer.TryPop(value);
          if (result == RingResult::kOk) ++popped[i][value];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::uint64_t i = 0; i < kMpmcProducers; ++i) {
      std::uint64_t all = 0;
      for (const auto& one : popped) all += one[i];
      ASSERT_EQ(all, pushed[i]);
    }
  }
}

}  // namespace
}  // namespace placid::testing
