// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/mpmc_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/primitives/mpmc_ring_fixture.h"

namespace placid {
namespace {

using testing::kDeliveries;
using testing::MpmcStarts;

static_assert(!std::is_copy_constructible_v<MpmcRing<int>::Producer>);
static_assert(!std::is_copy_constructible_v<MpmcRing<int>::Consumer>);
static_assert(!std::is_copy_assignable_v<MpmcRing<int>::Producer>);
static_assert(!std::is_copy_assignable_v<MpmcRing<int>::Consumer>);

template <typename Case>
class MpmcRingTest : public testing::MpmcRingFixture<Case> {};
TYPED_TEST_SUITE(MpmcRingTest, testing::MpmcCases);

// ---- Values

// Two producers and two consumers, by turns of uneven length.
TYPED_TEST(MpmcRingTest, ValuesComeOutInTheOrderOfTheirPushes) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    for (const Delivery delivery : kDeliveries) {
      this->StartAt(start);
      auto one = *this->ring_.ClaimProducer();
      auto two = *this->ring_.ClaimProducer();
      auto left = *this->ring_.ClaimConsumer(delivery);
      auto right = *this->ring_.ClaimConsumer(delivery);
      this->ExpectPopGives(left, RingResult::kEmpty);
      std::uint64_t pushed = 0;
      std::uint64_t popped = 0;
      for (int round = 0; round < 40; ++round) {
        while (pushed - popped < this->kCapacity) {
          ++pushed;
          this->ExpectPushes(pushed / 3 % 2 == 0 ? one : two, pushed);
        }
        // At least half of it again, so that ends lie everywhere.
        for (std::uint64_t i = 0; i < (this->kCapacity + 1) / 2; ++i) {
          ++popped;
          auto& consumer = popped / 5 % 2 == 0 ? left : right;
          this->ExpectPops(consumer, popped);
        }
        left.Retire();
        right.Retire();
      }
      for (; popped < pushed; ++popped) this->ExpectPops(right, popped + 1);
      this->ExpectPopGives(left, RingResult::kEmpty);
      this->ExpectPopGives(right, RingResult::kEmpty);
    }
  }
}

// A cursor that stood still while the ring went round goes on where the others
// are, whether that is a lap further or a thousand.
TYPED_TEST(MpmcRingTest, WhoHasSleptForLapsGoesOnWithTheOthers) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    for (const std::uint64_t laps : {1u, 2u, 1000u}) {
      this->StartAt(start);
      auto producer = *this->ring_.ClaimProducer();
      auto sleeping_producer = *this->ring_.ClaimProducer();
      auto consumer = *this->ring_.ClaimConsumer();
      auto sleeping_consumer = *this->ring_.ClaimConsumer();
      const std::uint64_t count = laps * this->kCapacity + this->kCapacity / 2;
      for (std::uint64_t i = 0; i < count; ++i) {
        this->ExpectPushes(producer, i);
        this->ExpectPops(consumer, i);
      }
      this->ExpectPopGives(sleeping_consumer, RingResult::kEmpty);
      this->ExpectPushes(sleeping_producer, count);
      this->ExpectPops(sleeping_consumer, count);
      this->ExpectPopGives(consumer, RingResult::kEmpty);
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPushes(producer, i);
      }
      this->ExpectPushGives(sleeping_producer, RingResult::kFull);
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPops(consumer, i);
      }
    }
  }
}

// Newcomers find both ends wherever they lie, by nothing but the slots.
TYPED_TEST(MpmcRingTest, NewcomersFindTheirPlace) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    for (std::uint64_t moved = 0; moved <= this->kCapacity; ++moved) {
      for (std::uint64_t filled = 0; filled < this->kCapacity; ++filled) {
        this->StartAt(start);
        auto producer = *this->ring_.ClaimProducer();
        auto consumer = *this->ring_.ClaimConsumer();
        for (std::uint64_t i = 0; i < moved; ++i) {
          this->ExpectPushes(producer, i);
          this->ExpectPops(consumer, i);
        }
        for (std::uint64_t i = 0; i < filled; ++i) {
          this->ExpectPushes(producer, i);
        }
        auto late_producer = *this->ring_.ClaimProducer();
        auto late_consumer = *this->ring_.ClaimConsumer();
        this->ExpectPushes(late_producer, filled);
        for (std::uint64_t i = 0; i <= filled; ++i) {
          this->ExpectPops(late_consumer, i);
        }
        this->ExpectPopGives(late_consumer, RingResult::kEmpty);
      }
    }
  }
}

TYPED_TEST(MpmcRingTest, PushIntoAFullRingChangesNothing) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    this->StartAt(start);
    auto producer = *this->ring_.ClaimProducer();
    auto other = *this->ring_.ClaimProducer();
    auto consumer = *this->ring_.ClaimConsumer();
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPushes(producer, i);
    }
    for (auto* full : {&producer, &other, &producer}) {
      this->ExpectPushGives(*full, RingResult::kFull);
      typename TypeParam::T* slot = nullptr;
      EXPECT_EQ(full->TryReserve(slot), RingResult::kFull);
      EXPECT_EQ(slot, nullptr);
      EXPECT_FALSE(full->Commit());
      EXPECT_FALSE(full->Abort());
      EXPECT_EQ(full->Close(), RingResult::kFull);
    }
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPops(consumer, i);
    }
    this->ExpectPopGives(consumer, RingResult::kEmpty);
    this->ExpectPushes(other, 5);
    this->ExpectPops(consumer, 5);
  }
}

TYPED_TEST(MpmcRingTest, ASlotComesBackWhenTheDeliverySays) {
  for (const Delivery delivery : kDeliveries) {
    this->StartAt(0);
    auto producer = *this->ring_.ClaimProducer();
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPushes(producer, i);
    }
    auto consumer = *this->ring_.ClaimConsumer(delivery);
    this->ExpectPops(consumer, 0);
    if (delivery == Delivery::kAtLeastOnce) {
      EXPECT_EQ(this->StateAt(0), TurnWord::State::kBorrowing);
      this->ExpectPushGives(producer, RingResult::kFull);
      consumer.Retire();
    }
    EXPECT_EQ(this->StateAt(0), TurnWord::State::kFree);
    this->ExpectPushes(producer, this->kCapacity);
    consumer.Retire();  // of nothing
    this->ExpectPops(consumer, 1 % this->kCapacity == 0 ? this->kCapacity : 1);
  }
}

// What another has in hand is neither delivered nor in the way of the rest.
TYPED_TEST(MpmcRingTest, AValueInHandHoldsUpNobodyBehindIt) {
  if (this->kCapacity < 2) return;
  auto producer = *this->ring_.ClaimProducer();
  auto slow = *this->ring_.ClaimConsumer(Delivery::kAtLeastOnce);
  auto quick = *this->ring_.ClaimConsumer();
  this->ExpectPushes(producer, 0);
  this->ExpectPushes(producer, 1);
  this->ExpectPops(slow, 0);
  this->ExpectPops(quick, 1);
  this->ExpectPopGives(quick, RingResult::kEmpty);
  // Only the slot itself is in the way, once the ring has gone round to it.
  for (std::uint64_t i = 2; i < this->kCapacity; ++i) {
    this->ExpectPushes(producer, i);
    this->ExpectPops(quick, i);
  }
  this->ExpectPushGives(producer, RingResult::kFull);
  this->ExpectPopGives(quick, RingResult::kEmpty);
  slow.Retire();
  this->ExpectPushes(producer, 7);
  this->ExpectPops(quick, 7);
}

// ---- Batches

TYPED_TEST(MpmcRingTest, BatchesAreAsLongAsThereIsRoomFor) {
  using Value = typename TypeParam::T;
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    this->StartAt(start);
    auto producer = *this->ring_.ClaimProducer();
    auto consumer = *this->ring_.ClaimConsumer();
    std::vector<Value> values;
    for (std::uint64_t i = 0; i < this->kCapacity + 3; ++i) {
      values.push_back(Value::Of(i));
    }
    std::size_t count = 99;
    EXPECT_EQ(producer.TryPushSome({}, count), RingResult::kOk);
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(producer.TryPushSome(values, count), RingResult::kOk);
    EXPECT_EQ(count, this->kCapacity);
    EXPECT_EQ(producer.TryPushSome(values, count), RingResult::kFull);
    EXPECT_EQ(count, 0u);
    std::vector<Value> popped(values.size());
    EXPECT_EQ(consumer.TryPopSome({}, count), RingResult::kOk);
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(consumer.TryPopSome(popped, count), RingResult::kOk);
    ASSERT_EQ(count, this->kCapacity);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(popped[i].IsWhole());
      EXPECT_EQ(popped[i].number(), i);
    }
    EXPECT_EQ(consumer.TryPopSome(popped, count), RingResult::kEmpty);
    EXPECT_EQ(count, 0u);
  }
}

// ---- In place

TYPED_TEST(MpmcRingTest, ASlotIsWrittenAndReadInPlace) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    for (const Delivery delivery : kDeliveries) {
      this->StartAt(start);
      auto producer = *this->ring_.ClaimProducer(*OwnerId::Of(7, 1));
      auto consumer = *this->ring_.ClaimConsumer(delivery);
      typename TypeParam::T* slot = nullptr;
      ASSERT_EQ(producer.TryReserve(slot), RingResult::kOk);
      *slot = TypeParam::T::Of(3);
      this->ExpectPopGives(consumer, RingResult::kPending);
      EXPECT_EQ(consumer.blocker(), 7u);
      EXPECT_TRUE(producer.Commit());
      EXPECT_FALSE(producer.Commit());
      EXPECT_FALSE(producer.Abort());
      SharedSpan<typename TypeParam::T> values;
      ASSERT_EQ(consumer.TryPeek(values), RingResult::kOk);
      ASSERT_EQ(values.size(), 1u);
      EXPECT_EQ(values[0].Load().number(), 3u);
      // In hand until the next call, under either delivery.
      EXPECT_NE(this->StateAt(start), TurnWord::State::kFree);
      EXPECT_EQ(consumer.TryPeek(values), RingResult::kEmpty);
      EXPECT_TRUE(values.empty());
      EXPECT_EQ(this->StateAt(start), TurnWord::State::kFree);
    }
  }
}

TYPED_TEST(MpmcRingTest, WhatIsGivenUpIsPassedOver) {
  if (this->kCapacity < 2) return;
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    this->StartAt(start);
    auto producer = *this->ring_.ClaimProducer();
    auto consumer = *this->ring_.ClaimConsumer();
    std::optional<typename TestFixture::Producer> dropped =
        *this->ring_.ClaimProducer();
    for (std::uint64_t i = 0; i < 3 * this->kCapacity; ++i) {
      this->ExpectReserves(producer);
      switch (i % 4) {
        case 0: EXPECT_TRUE(producer.Abort()); break;
        case 1: this->ExpectReserves(producer); [[fallthrough]];
        case 2: break;  // the next call gives it up
        default: {
          auto moved = std::move(producer);
          producer = *this->ring_.ClaimProducer();
          this->ExpectPopGives(consumer, RingResult::kPending);
        }  // dropped
      }
      EXPECT_FALSE(i % 4 == 0 && producer.Commit());
      if (i % 4 == 1) {
        EXPECT_TRUE(producer.Abort());
        this->ExpectPopGives(consumer, RingResult::kEmpty);
      }
      this->ExpectPushes(producer, i);
      this->ExpectPops(consumer, i);
      this->ExpectPopGives(consumer, RingResult::kEmpty);
    }
  }
}

// What goes along with a consumer is given back once, by the one it went to.
TYPED_TEST(MpmcRingTest, WhatIsInHandGoesAlongWithItsConsumer) {
  auto producer = *this->ring_.ClaimProducer();
  auto consumer = *this->ring_.ClaimConsumer();
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    this->ExpectPushes(producer, i);
  }
  SharedSpan<typename TypeParam::T> value;
  ASSERT_EQ(consumer.TryPeek(value), RingResult::kOk);
  {
    const auto moved = std::move(consumer);
    consumer = *this->ring_.ClaimConsumer();
    this->ExpectPushGives(producer, RingResult::kFull);
  }
  this->ExpectPushes(producer, this->kCapacity);
  for (std::uint64_t i = 1; i <= this->kCapacity; ++i) {
    this->ExpectPops(consumer, i);
  }
}

// What an allocator left in the slots is no claim and no value.
TYPED_TEST(MpmcRingTest, CreateWritesAnEmptyRingOverUsedBytes) {
  for (const auto left : {std::byte{0x55}, std::byte{0xA5}, std::byte{0xFF}}) {
    std::ranges::fill(this->guarded_.bytes(), left);
    this->memory().stamp.store(0, kRelaxed);
    this->ring_ =
        *TestFixture::Ring::Create(this->guarded_.bytes(), this->kCapacity);
    auto producer = *this->ring_.ClaimProducer();
    auto consumer = *this->ring_.ClaimConsumer();
    this->ExpectPopGives(consumer, RingResult::kEmpty);
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPushes(producer, i);
    }
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPops(consumer, i);
    }
  }
}

// A ring of nothing but voids is as empty as one that was never used.
TYPED_TEST(MpmcRingTest, ALapOfVoidsIsPassedInOneCall) {
  auto producer = *this->ring_.ClaimProducer();
  auto consumer = *this->ring_.ClaimConsumer();
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    this->ExpectReserves(producer);
    producer.Abort();
  }
  this->ExpectPushGives(producer, RingResult::kFull);
  this->ExpectPopGives(consumer, RingResult::kEmpty);
  this->ExpectPushes(producer, 1);
  this->ExpectPops(consumer, 1);
}

// ---- Closing

TYPED_TEST(MpmcRingTest, WhatWasPushedBeforeTheEndIsPopped) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    this->StartAt(start);
    auto producer = *this->ring_.ClaimProducer();
    auto other = *this->ring_.ClaimProducer();
    auto consumer = *this->ring_.ClaimConsumer();
    for (std::uint64_t i = 1; i < this->kCapacity; ++i) {
      this->ExpectPushes(producer, i);
    }
    EXPECT_EQ(producer.Close(), RingResult::kOk);
    for (auto* closed : {&producer, &other}) {
      this->ExpectPushGives(*closed, RingResult::kClosed);
      EXPECT_EQ(closed->Close(), RingResult::kClosed);
      typename TypeParam::T* slot = nullptr;
      EXPECT_EQ(closed->TryReserve(slot), RingResult::kClosed);
    }
    auto late = *this->ring_.ClaimProducer();
    this->ExpectPushGives(late, RingResult::kClosed);
    for (std::uint64_t i = 1; i < this->kCapacity; ++i) {
      this->ExpectPops(consumer, i);
    }
    for (int again = 0; again < 3; ++again) {
      this->ExpectPopGives(consumer, RingResult::kClosed);
      this->ExpectPushGives(other, RingResult::kClosed);
    }
    auto successor = *this->ring_.ClaimConsumer();
    this->ExpectPopGives(successor, RingResult::kClosed);
  }
}

TYPED_TEST(MpmcRingTest, ClosedConsumersAreNoticedWhenTheRingIsFull) {
  auto producer = *this->ring_.ClaimProducer();
  auto consumer = *this->ring_.ClaimConsumer();
  auto other = *this->ring_.ClaimConsumer();
  EXPECT_FALSE(producer.AreConsumersClosed());
  this->ExpectPushes(producer, 0);
  consumer.Close();
  EXPECT_TRUE(producer.AreConsumersClosed());
  for (std::uint64_t i = 1; i < this->kCapacity; ++i) {
    this->ExpectPushes(producer, i);
  }
  this->ExpectPushGives(producer, RingResult::kClosed);
  // Who goes on popping gets what there is.
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    this->ExpectPops(other, i);
  }
  this->ExpectPopGives(other, RingResult::kClosed);
  this->ExpectPopGives(consumer, RingResult::kClosed);
}

}  // namespace
}  // namespace placid
