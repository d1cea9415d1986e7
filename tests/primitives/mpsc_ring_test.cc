// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/mpsc_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/primitives/mpsc_ring_fixture.h"
#include "tests/support/die.h"

namespace placid {
namespace {

using testing::Die;
using testing::MpscStarts;

static_assert(!std::is_copy_constructible_v<MpscRing<int>::Producer>);
static_assert(!std::is_copy_constructible_v<MpscRing<int>::Consumer>);

template <typename Case>
class MpscRingTest : public testing::MpscRingFixture<Case> {};
TYPED_TEST_SUITE(MpscRingTest, testing::MpscCases);

// ---- Values

// Two producers, by turns of uneven length.
TYPED_TEST(MpscRingTest, ValuesComeOutInTheOrderOfTheirPushes) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
      this->StartAt(start);
      auto one = this->ring_.ClaimProducer();
      auto two = this->ring_.ClaimProducer();
      auto consumer = this->ring_.ClaimConsumer(pace);
      ASSERT_TRUE(one && two && consumer);
      this->ExpectPopGives(*consumer, RingResult::kEmpty);
      std::uint64_t pushed = 0;
      std::uint64_t popped = 0;
      for (int round = 0; round < 40; ++round) {
        while (pushed - popped < this->kCapacity) {
          ++pushed;
          this->ExpectPushes(pushed / 3 % 2 == 0 ? *one : *two, pushed);
        }
        // At least half of it again, so that ends lie everywhere.
        for (std::uint64_t i = 0; i < (this->kCapacity + 1) / 2; ++i) {
          this->ExpectPops(*consumer, ++popped);
        }
        consumer->Publish();
      }
      while (popped < pushed) this->ExpectPops(*consumer, ++popped);
      this->ExpectPopGives(*consumer, RingResult::kEmpty);
    }
  }
}

TYPED_TEST(MpscRingTest, PushIntoAFullRingChangesNothing) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    this->StartAt(start);
    auto producer = this->ring_.ClaimProducer();
    auto other = this->ring_.ClaimProducer();
    auto consumer = this->ring_.ClaimConsumer();
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPushes(*producer, i);
    }
    for (auto* full : {&*producer, &*other, &*producer}) {
      this->ExpectPushGives(*full, RingResult::kFull);
      typename TypeParam::T* slot = nullptr;
      EXPECT_EQ(full->TryReserve(slot), RingResult::kFull);
      EXPECT_EQ(slot, nullptr);
      EXPECT_FALSE(full->Commit());
      EXPECT_EQ(full->Close(), RingResult::kFull);
    }
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPops(*consumer, i);
    }
    this->ExpectPopGives(*consumer, RingResult::kEmpty);
    this->ExpectPushes(*other, 5);
    this->ExpectPops(*consumer, 5);
  }
}

// A value in hand may still be looked at: its slot comes back with the next
// call, not before.
TYPED_TEST(MpscRingTest, APromptConsumerGivesASlotBackByItsNextCall) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer(Pace::kPrompt);
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    this->ExpectPushes(*producer, i);
  }
  this->ExpectPops(*consumer, 0);
  this->ExpectPushGives(*producer, RingResult::kFull);
  typename TypeParam::T value;
  (void)consumer->TryPop(value);
  this->ExpectPushes(*producer, 9);
}

TYPED_TEST(MpscRingTest, AStreamingConsumerHidesAtMostAnEighth) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer(Pace::kStreaming);
  for (std::uint64_t popped = 0; popped < 5 * this->kCapacity; ++popped) {
    typename TypeParam::T value;
    do {
      while (producer->TryPush(TypeParam::T::Of(0)) == RingResult::kOk) {
      }
    } while (consumer->TryPop(value) != RingResult::kOk);
    EXPECT_LE(popped + 1 - this->Published(), 1 + this->kCapacity / 8);
  }
}

// Whoever finds the ring empty may wait for a producer that waits for room.
TYPED_TEST(MpscRingTest, AnEmptyRingIsAllGivenBack) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer(Pace::kStreaming);
  this->ExpectPushes(*producer, 1);
  this->ExpectPops(*consumer, 1);
  this->ExpectPopGives(*consumer, RingResult::kEmpty);
  EXPECT_EQ(this->Published(), 1u);
}

TYPED_TEST(MpscRingTest, PublishAndDropGiveAllBack) {
  auto producer = this->ring_.ClaimProducer();
  {
    auto consumer = this->ring_.ClaimConsumer(Pace::kStreaming);
    this->ExpectPushes(*producer, 1);
    this->ExpectPops(*consumer, 1);
    EXPECT_EQ(this->Published(), 0u);
    consumer->Publish();
    EXPECT_EQ(this->Published(), 1u);
    this->ExpectPushes(*producer, 2);
    this->ExpectPops(*consumer, 2);
  }
  EXPECT_EQ(this->Published(), 2u);
  EXPECT_TRUE(this->ring_.ConsumerHolder().is_free());
}

// ---- Batches

TYPED_TEST(MpscRingTest, BatchesAreAsLongAsThereIsRoomFor) {
  using Value = typename TypeParam::T;
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    this->StartAt(start);
    auto producer = this->ring_.ClaimProducer();
    auto consumer = this->ring_.ClaimConsumer();
    std::vector<Value> values;
    for (std::uint64_t i = 0; i < this->kCapacity + 3; ++i) {
      values.push_back(Value::Of(i));
    }
    std::size_t count = 99;
    EXPECT_EQ(producer->TryPushSome({}, count), RingResult::kOk);
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(producer->TryPushSome(values, count), RingResult::kOk);
    EXPECT_EQ(count, this->kCapacity);
    EXPECT_EQ(producer->TryPushSome(values, count), RingResult::kFull);
    EXPECT_EQ(count, 0u);

    std::vector<Value> popped(this->kCapacity + 3);
    EXPECT_EQ(consumer->TryPopSome({}, count), RingResult::kOk);
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(consumer->TryPopSome(popped, count), RingResult::kOk);
    ASSERT_EQ(count, this->kCapacity);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_TRUE(popped[i].IsWhole());
      EXPECT_EQ(popped[i].number(), i);
    }
    EXPECT_EQ(this->Published(), start) << "a batch in hand was given back";
    EXPECT_EQ(consumer->TryPopSome(popped, count), RingResult::kEmpty);
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(this->Published(), start + this->kCapacity);
  }
}

// ---- In place

TYPED_TEST(MpscRingTest, AValueIsPeekedUntilItIsRetired) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  SharedSpan<typename TypeParam::T> value;
  EXPECT_EQ(consumer->TryPeek(value), RingResult::kEmpty);
  EXPECT_TRUE(value.empty());
  EXPECT_FALSE(consumer->Retire());
  this->ExpectPushes(*producer, 1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(consumer->TryPeek(value), RingResult::kOk);
    ASSERT_EQ(value.size(), 1u);
    EXPECT_EQ(value[0].Load().number(), 1u);
  }
  EXPECT_TRUE(consumer->Retire());
  EXPECT_FALSE(consumer->Retire()) << "retired twice";
  EXPECT_EQ(this->Published(), 1u);
  EXPECT_EQ(consumer->TryPeek(value), RingResult::kEmpty);
  // A pop takes what was only peeked, and nothing is left to retire.
  this->ExpectPushes(*producer, 2);
  ASSERT_EQ(consumer->TryPeek(value), RingResult::kOk);
  this->ExpectPops(*consumer, 2);
  EXPECT_FALSE(consumer->Retire());
}

// ---- Closing

TYPED_TEST(MpscRingTest, WhatWasPushedBeforeTheEndIsStillTaken) {
  if (this->kCapacity < 2) return;
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    this->StartAt(start);
    auto closer = this->ring_.ClaimProducer();
    auto other = this->ring_.ClaimProducer();
    auto consumer = this->ring_.ClaimConsumer();
    this->ExpectPushes(*other, 1);
    EXPECT_EQ(closer->Close(), RingResult::kOk);
    for (auto* producer : {&*closer, &*other}) {
      this->ExpectPushGives(*producer, RingResult::kClosed);
      typename TypeParam::T* slot = nullptr;
      EXPECT_EQ(producer->TryReserve(slot), RingResult::kClosed);
      EXPECT_EQ(slot, nullptr);
      EXPECT_EQ(producer->Close(), RingResult::kClosed);
    }
    this->ExpectPops(*consumer, 1);
    for (int i = 0; i < 3; ++i) {
      this->ExpectPopGives(*consumer, RingResult::kClosed);
    }
    SharedSpan<typename TypeParam::T> value;
    EXPECT_EQ(consumer->TryPeek(value), RingResult::kClosed);
    // For ever, whoever comes next.
    consumer = this->ring_.ClaimConsumer();
    EXPECT_FALSE(consumer);
  }
}

TYPED_TEST(MpscRingTest, ClosedIsForEverForWhoeverComesNext) {
  EXPECT_EQ(this->ring_.ClaimProducer()->Close(), RingResult::kOk);
  auto producer = this->ring_.ClaimProducer();
  ASSERT_TRUE(producer);
  this->ExpectPushGives(*producer, RingResult::kClosed);
  {
    auto consumer = this->ring_.ClaimConsumer();
    ASSERT_TRUE(consumer);
    this->ExpectPopGives(*consumer, RingResult::kClosed);
  }
  auto consumer = this->ring_.ClaimConsumer(Pace::kStreaming);
  this->ExpectPopGives(*consumer, RingResult::kClosed);
  this->ExpectPushGives(*producer, RingResult::kClosed);
}

TYPED_TEST(MpscRingTest, AClosedConsumerIsNoticedWhenTheRingIsFull) {
  auto producer = this->ring_.ClaimProducer();
  {
    auto consumer = this->ring_.ClaimConsumer();
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPushes(*producer, i);
    }
    EXPECT_FALSE(producer->IsConsumerClosed());
    consumer->Close();
    EXPECT_TRUE(producer->IsConsumerClosed());
    this->ExpectPushGives(*producer, RingResult::kClosed);
    EXPECT_EQ(producer->Close(), RingResult::kClosed);
    this->ExpectPopGives(*consumer, RingResult::kClosed);
  }
  auto successor = this->ring_.ClaimConsumer();
  ASSERT_TRUE(successor);
  this->ExpectPopGives(*successor, RingResult::kClosed);
}

TYPED_TEST(MpscRingTest, CloseForgetsWhatWasPeeked) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  this->ExpectPushes(*producer, 1);
  SharedSpan<typename TypeParam::T> value;
  ASSERT_EQ(consumer->TryPeek(value), RingResult::kOk);
  consumer->Close();
  EXPECT_FALSE(consumer->Retire()) << "retired after closing";
}

// ---- Roles

TYPED_TEST(MpscRingTest, AnybodyProducesAndOneConsumes) {
  const OwnerId owner = *OwnerId::Of(7, 1);
  const auto one = this->ring_.ClaimProducer(owner);
  const auto two = this->ring_.ClaimProducer(owner);
  const auto three = this->ring_.ClaimProducer();
  EXPECT_TRUE(one && two && three);
  EXPECT_EQ(this->ring_.ClaimProducer(OwnerId()).error().code,
            ErrorCode::kInvalidArgument);
  {
    const auto consumer = this->ring_.ClaimConsumer(Pace::kPrompt, owner);
    ASSERT_TRUE(consumer);
    EXPECT_EQ(this->ring_.ConsumerHolder().index(), 7u);
    EXPECT_EQ(this->ring_.ClaimConsumer().error().code, ErrorCode::kRoleTaken);
  }
  EXPECT_TRUE(this->ring_.ConsumerHolder().is_free());
  EXPECT_EQ(
      this->ring_.TakeOverConsumer(AttestedDeath(this->ring_.ConsumerHolder()))
          .error()
          .code,
      ErrorCode::kInvalidArgument);
}

// Redelivered: the value in hand and, when streaming, what was hidden.
TYPED_TEST(MpscRingTest, ADeadConsumersUnretiredValuesComeAgain) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
      for (std::uint64_t popped = 1; popped <= this->kCapacity; ++popped) {
        this->StartAt(start);
        auto producer = this->ring_.ClaimProducer();
        for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
          this->ExpectPushes(*producer, i);
        }
        auto consumer = this->ring_.ClaimConsumer(pace);
        for (std::uint64_t i = 0; i < popped; ++i) {
          this->ExpectPops(*consumer, i);
        }
        Die(*std::move(consumer));

        auto successor = this->ring_.TakeOverConsumer(
            AttestedDeath(this->ring_.ConsumerHolder()), pace);
        ASSERT_TRUE(successor);
        typename TypeParam::T value;
        ASSERT_EQ(successor->TryPop(value), RingResult::kOk);
        const std::uint64_t again = popped - value.number();
        EXPECT_GE(again, 1u) << "the value in hand is lost";
        EXPECT_LE(again,
                  1 + (pace == Pace::kStreaming ? this->kCapacity / 8 : 0));
        for (std::uint64_t i = value.number() + 1; i < this->kCapacity; ++i) {
          this->ExpectPops(*successor, i);
        }
        this->ExpectPopGives(*successor, RingResult::kEmpty);
        this->ExpectPushes(*producer, 9);
      }
    }
  }
}

// A cursor that stood still while the others went round many times.
TYPED_TEST(MpscRingTest, AProducerThatSleptFindsTheEndOfTheQueue) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    for (const std::uint64_t awake : {0u, 1u, 3u}) {
      this->StartAt(start);
      auto sleeper = this->ring_.ClaimProducer();
      auto producer = this->ring_.ClaimProducer();
      auto consumer = this->ring_.ClaimConsumer();
      std::uint64_t next = 0;
      for (std::uint64_t i = 0; i < awake; ++i) {
        this->ExpectPushes(*sleeper, next);
        this->ExpectPops(*consumer, next++);
        this->ExpectPopGives(*consumer, RingResult::kEmpty);
      }
      // Never empty, and in the end somewhere in the middle of a lap.
      const bool has_room = this->kCapacity > 2;
      if (has_room) this->ExpectPushes(*producer, next);
      for (std::uint64_t i = 0; i < 5 * this->kCapacity + 1; ++i) {
        this->ExpectPushes(*producer, next + (has_room ? 1 : 0));
        this->ExpectPops(*consumer, next++);
        consumer->Publish();
      }
      this->ExpectPushes(*sleeper, 999);
      if (has_room) this->ExpectPops(*consumer, next);
      this->ExpectPops(*consumer, 999);
    }
  }
}

TYPED_TEST(MpscRingTest, MovedRolesGoOn) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer(Pace::kStreaming);
  this->ExpectPushes(*producer, 1);
  typename TypeParam::Ring::Producer producer_too(*std::move(producer));
  this->ExpectPops(*consumer, 1);
  typename TypeParam::Ring::Consumer consumer_too(*std::move(consumer));
  EXPECT_EQ(this->Published(), 0u) << "the moved-from role published";
  consumer_too.Publish();
  this->ExpectPushes(producer_too, 2);
  this->ExpectPops(consumer_too, 2);
  EXPECT_FALSE(this->ring_.ConsumerHolder().is_free());
}

// ---- Capacities

TYPED_TEST(MpscRingTest, CapacityIsAsCreated) {
  EXPECT_EQ(this->ring_.capacity(), this->kCapacity);
  EXPECT_EQ(TypeParam::Ring::Attach(this->guarded_.bytes())->capacity(),
            this->kCapacity);
}

TYPED_TEST(MpscRingTest, ImpossibleCapacitiesAreRefused) {
  const testing::GuardedBytes bytes(64 * 1024);
  for (const std::uint64_t capacity :
       {std::uint64_t{0}, std::uint64_t{3}, kMaxCapacity * 2,
        std::uint64_t{1} << 63, kDynamic}) {
    const auto ring = TypeParam::Ring::Create(bytes.bytes(), capacity);
    ASSERT_FALSE(ring) << capacity;
    EXPECT_EQ(ring.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(TypeParam::Ring::SizeFor(capacity), UINT64_MAX);
  }
}

}  // namespace
}  // namespace placid
