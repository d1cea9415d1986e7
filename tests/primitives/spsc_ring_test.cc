// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/spsc_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/checked_value.h"
#include "tests/support/die.h"
#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

using testing::CheckedValue;
using testing::Die;
using testing::GuardedBytes;

static_assert(!std::is_copy_constructible_v<SpscRing<int>::Producer>);
static_assert(!std::is_copy_constructible_v<SpscRing<int>::Consumer>);

// Where a ring's counts begin.
constexpr std::array<std::uint64_t, 4> kStarts = {
    0, 5, (std::uint64_t{1} << 32) - 8, std::uint64_t{0} - 8};

template <typename Value, std::uint64_t kNumber, bool kIsDynamic>
struct Case {
  using T = Value;
  static constexpr std::uint64_t kCapacity = kNumber;
  using Ring = SpscRing<T, kIsDynamic ? kDynamic : kNumber>;
};

template <typename Case>
class SpscRingTest : public ::testing::Test {
 protected:
  using T = typename Case::T;
  using Ring = typename Case::Ring;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;
  static constexpr std::uint64_t kCapacity = Case::kCapacity;

  // The ring, empty, as if `start` values had gone through it.
  void StartAt(std::uint64_t start) {
    ASSERT_TRUE(Ring::Reset(guarded_.bytes(), NobodyUsesIt()));
    ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
    memory().tail.store(start, kRelaxed);
    memory().head.store(start, kRelaxed);
  }
  [[nodiscard]] typename Ring::Memory& memory() const {
    return *reinterpret_cast<typename Ring::Memory*>(guarded_.bytes().data());
  }
  [[nodiscard]] std::uint64_t Published() const {
    return memory().head.load(kRelaxed);
  }

  static void ExpectPushes(Producer& producer, std::uint64_t number) {
    EXPECT_EQ(producer.TryPush(T::Of(number)), RingResult::kOk) << number;
  }
  static void ExpectPops(Consumer& consumer, std::uint64_t number) {
    T value = T::Of(0);
    ASSERT_EQ(consumer.TryPop(value), RingResult::kOk) << number;
    EXPECT_TRUE(value.IsWhole());
    EXPECT_EQ(value.number(), number);
  }
  static void ExpectPopGives(Consumer& consumer, RingResult result) {
    T value = T::Of(77);
    EXPECT_EQ(consumer.TryPop(value), result) << ToString(result);
    EXPECT_EQ(value.number(), 77u) << "a failed pop wrote the value";
  }

  GuardedBytes guarded_{Ring::SizeFor(kCapacity)};
  Ring ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
};

using One = CheckedValue<1>;
using Nine = CheckedValue<9>;
using Cases = ::testing::Types<Case<One, 8, false>, Case<One, 8, true>,
                               Case<One, 1, false>, Case<One, 1, true>,
                               Case<Nine, 2, false>, Case<Nine, 2, true>,
                               Case<Nine, 64, false>, Case<Nine, 64, true>>;
TYPED_TEST_SUITE(SpscRingTest, Cases);

// ---- One at a time

TYPED_TEST(SpscRingTest, ValuesComeOutInOrderAtEveryCount) {
  for (const std::uint64_t start : kStarts) {
    for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
      this->StartAt(start);
      auto producer = this->ring_.ClaimProducer();
      auto consumer = this->ring_.ClaimConsumer(pace);
      ASSERT_TRUE(producer && consumer);
      this->ExpectPopGives(*consumer, RingResult::kEmpty);
      std::uint64_t pushed = 0;
      std::uint64_t popped = 0;
      for (int round = 0; round < 40; ++round) {
        while (pushed - popped < this->kCapacity) {
          this->ExpectPushes(*producer, ++pushed);
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

TYPED_TEST(SpscRingTest, PushIntoAFullRingChangesNothing) {
  for (const std::uint64_t start : kStarts) {
    this->StartAt(start);
    auto producer = this->ring_.ClaimProducer();
    auto consumer = this->ring_.ClaimConsumer();
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPushes(*producer, i);
    }
    EXPECT_EQ(producer->TryPush(TypeParam::T::Of(99)), RingResult::kFull);
    EXPECT_EQ(producer->TryPush(TypeParam::T::Of(99)), RingResult::kFull);
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPops(*consumer, i);
    }
    this->ExpectPopGives(*consumer, RingResult::kEmpty);
  }
}

// A value in hand may still be looked at: its slot comes back with the next
// call, not before.
TYPED_TEST(SpscRingTest, APromptConsumerGivesASlotBackByItsNextCall) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer(Pace::kPrompt);
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    this->ExpectPushes(*producer, i);
  }
  this->ExpectPops(*consumer, 0);
  EXPECT_EQ(producer->TryPush(TypeParam::T::Of(9)), RingResult::kFull);
  typename TypeParam::T value;
  (void)consumer->TryPop(value);
  EXPECT_EQ(producer->TryPush(TypeParam::T::Of(9)), RingResult::kOk);
}

TYPED_TEST(SpscRingTest, AStreamingConsumerHidesAtMostAnEighth) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer(Pace::kStreaming);
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    this->ExpectPushes(*producer, i);
  }
  for (std::uint64_t popped = 0; popped < this->kCapacity; ++popped) {
    // The value popped last is in hand, those before it may be hidden.
    const std::uint64_t retired = popped == 0 ? 0 : popped - 1;
    EXPECT_LE(retired - this->Published(), this->kCapacity / 8);
    this->ExpectPops(*consumer, popped);
  }
  // Empty: all is given back, or a full ring would wait for ever.
  this->ExpectPopGives(*consumer, RingResult::kEmpty);
  EXPECT_EQ(this->Published(), this->kCapacity);
}

TYPED_TEST(SpscRingTest, PublishAndDroppingTheRoleGiveAllBack) {
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
  auto next = this->ring_.ClaimConsumer();
  this->ExpectPopGives(*next, RingResult::kEmpty);
}

// ---- Batches

TYPED_TEST(SpscRingTest, BatchesTakeWhatFitsAndSayHowMuch) {
  for (const std::uint64_t start : kStarts) {
    this->StartAt(start);
    auto producer = this->ring_.ClaimProducer();
    auto consumer = this->ring_.ClaimConsumer();
    std::vector<typename TypeParam::T> values;
    for (std::uint64_t i = 0; i < this->kCapacity + 3; ++i) {
      values.push_back(TypeParam::T::Of(i));
    }
    std::size_t count = 99;
    EXPECT_EQ(producer->TryPushSome({}, count), RingResult::kOk);
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(producer->TryPushSome(values, count), RingResult::kOk);
    EXPECT_EQ(count, this->kCapacity);
    EXPECT_EQ(producer->TryPushSome(values, count), RingResult::kFull);
    EXPECT_EQ(count, 0u);

    std::vector<typename TypeParam::T> popped(this->kCapacity + 3);
    EXPECT_EQ(consumer->TryPopSome({}, count), RingResult::kOk);
    EXPECT_EQ(count, 0u);
    EXPECT_EQ(consumer->TryPopSome(popped, count), RingResult::kOk);
    ASSERT_EQ(count, this->kCapacity);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(popped[i].number(), i);
      EXPECT_TRUE(popped[i].IsWhole());
    }
    EXPECT_EQ(consumer->TryPopSome(popped, count), RingResult::kEmpty);
    EXPECT_EQ(count, 0u);
  }
}

// Values of a batch on both sides of the ring's end, from each position.
TYPED_TEST(SpscRingTest, BatchesWrapAroundTheEnd) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  std::uint64_t next = 0;
  for (std::uint64_t round = 0; round < 3 * this->kCapacity; ++round) {
    const auto size = static_cast<std::size_t>(round % this->kCapacity + 1);
    std::vector<typename TypeParam::T> values;
    for (std::size_t i = 0; i < size; ++i) {
      values.push_back(TypeParam::T::Of(next + i));
    }
    std::size_t count = 0;
    ASSERT_EQ(producer->TryPushSome(values, count), RingResult::kOk);
    ASSERT_EQ(count, size);
    std::vector<typename TypeParam::T> popped(size);
    ASSERT_EQ(consumer->TryPopSome(popped, count), RingResult::kOk);
    ASSERT_EQ(count, size);
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(popped[i].number(), next + i);
    }
    next += size;
    consumer->Publish();
  }
}

// A batch that was handed out in two parts is retired by the next call too: the
// call that pops it must not give the first part back.
TYPED_TEST(SpscRingTest, ABatchAcrossTheEndComesAgainAfterADeath) {
  if (this->kCapacity < 2) return;
  this->StartAt(this->kCapacity - 1);
  auto producer = this->ring_.ClaimProducer();
  this->ExpectPushes(*producer, 1);
  this->ExpectPushes(*producer, 2);
  auto consumer = this->ring_.ClaimConsumer(Pace::kPrompt);
  std::vector<typename TypeParam::T> values(3);
  std::size_t popped = 0;
  ASSERT_EQ(consumer->TryPopSome(values, popped), RingResult::kOk);
  ASSERT_EQ(popped, 2u);
  Die(*std::move(consumer));
  auto heir =
      this->ring_.TakeOverConsumer(AttestedDeath(this->ring_.ConsumerHolder()));
  ASSERT_TRUE(heir);
  this->ExpectPops(*heir, 1);
  this->ExpectPops(*heir, 2);
}

// ---- In place

TYPED_TEST(SpscRingTest, ReservedSlotsAreSeenOnceCommitted) {
  for (const std::uint64_t start : kStarts) {
    this->StartAt(start);
    auto producer = this->ring_.ClaimProducer();
    auto consumer = this->ring_.ClaimConsumer();
    std::span<typename TypeParam::T> slots;
    EXPECT_EQ(producer->TryReserve(0, slots), RingResult::kOk);
    EXPECT_TRUE(slots.empty());
    ASSERT_EQ(producer->TryReserve(1, slots), RingResult::kOk);
    ASSERT_EQ(slots.size(), 1u);
    slots[0] = TypeParam::T::Of(3);
    this->ExpectPopGives(*consumer, RingResult::kEmpty);
    EXPECT_EQ(producer->Commit(1), 1u);
    EXPECT_EQ(producer->Commit(1), 0u) << "committed twice";
    this->ExpectPops(*consumer, 3);
    this->ExpectPopGives(*consumer, RingResult::kEmpty);
  }
}

TYPED_TEST(SpscRingTest, CommitTakesNoMoreThanWasReserved) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  EXPECT_EQ(producer->Commit(1), 0u);
  std::span<typename TypeParam::T> slots;
  ASSERT_EQ(producer->TryReserve(1000, slots), RingResult::kOk);
  ASSERT_EQ(slots.size(), this->kCapacity);
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i] = TypeParam::T::Of(i);
  }
  EXPECT_EQ(producer->Commit(1000), this->kCapacity);
  EXPECT_EQ(producer->TryReserve(1, slots), RingResult::kFull);
  EXPECT_TRUE(slots.empty());
  EXPECT_EQ(producer->Commit(1), 0u);
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    this->ExpectPops(*consumer, i);
  }
}

TYPED_TEST(SpscRingTest, WhatIsNotCommittedIsForgotten) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  std::span<typename TypeParam::T> slots;
  ASSERT_EQ(producer->TryReserve(this->kCapacity, slots), RingResult::kOk);
  for (auto& slot : slots) slot = TypeParam::T::Of(5);
  EXPECT_EQ(producer->Commit(0), 0u);
  // Any other call ends a reservation too.
  ASSERT_EQ(producer->TryReserve(1, slots), RingResult::kOk);
  this->ExpectPushes(*producer, 6);
  EXPECT_EQ(producer->Commit(1), 0u);
  this->ExpectPops(*consumer, 6);
  this->ExpectPopGives(*consumer, RingResult::kEmpty);
}

TYPED_TEST(SpscRingTest, AReservationEndsAtTheRingsEnd) {
  this->StartAt(this->kCapacity - 1);
  auto producer = this->ring_.ClaimProducer();
  std::span<typename TypeParam::T> slots;
  ASSERT_EQ(producer->TryReserve(this->kCapacity, slots), RingResult::kOk);
  EXPECT_EQ(slots.size(), 1u);
}

TYPED_TEST(SpscRingTest, PeekedValuesStayUntilRetired) {
  for (const std::uint64_t start : kStarts) {
    this->StartAt(start);
    auto producer = this->ring_.ClaimProducer();
    auto consumer = this->ring_.ClaimConsumer();
    SharedSpan<typename TypeParam::T> values;
    EXPECT_EQ(consumer->TryPeek(0, values), RingResult::kOk);
    EXPECT_EQ(consumer->TryPeek(1, values), RingResult::kEmpty);
    EXPECT_EQ(consumer->Retire(1), 0u);
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      this->ExpectPushes(*producer, i);
    }
    std::uint64_t next = 0;
    while (next < this->kCapacity) {
      ASSERT_EQ(consumer->TryPeek(1000, values), RingResult::kOk);
      ASSERT_FALSE(values.empty());
      EXPECT_EQ(values[0].Load().number(), next);
      // Looked at again, it is still there; given back, it is not.
      ASSERT_EQ(consumer->TryPeek(1, values), RingResult::kOk);
      ASSERT_EQ(values.size(), 1u);
      EXPECT_EQ(values[0].Load().number(), next);
      EXPECT_EQ(consumer->Retire(1000), 1u);
      EXPECT_EQ(consumer->Retire(1), 0u) << "retired twice";
      ++next;
    }
    EXPECT_EQ(consumer->TryPeek(1, values), RingResult::kEmpty);
    EXPECT_TRUE(values.empty());
    EXPECT_EQ(producer->TryPush(TypeParam::T::Of(1)), RingResult::kOk);
  }
}

TYPED_TEST(SpscRingTest, APeekEndsAtTheRingsEnd) {
  this->StartAt(this->kCapacity - 1);
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    this->ExpectPushes(*producer, i);
  }
  SharedSpan<typename TypeParam::T> values;
  ASSERT_EQ(consumer->TryPeek(this->kCapacity, values), RingResult::kOk);
  ASSERT_EQ(values.size(), 1u);
  EXPECT_EQ(values[0].Load().number(), 0u);
  EXPECT_EQ(consumer->Retire(1), 1u);
  EXPECT_EQ(consumer->TryPeek(this->kCapacity, values),
            this->kCapacity == 1 ? RingResult::kEmpty : RingResult::kOk);
  EXPECT_EQ(values.size(), this->kCapacity - 1);
}

// ---- Closing

TYPED_TEST(SpscRingTest, AClosedProducersValuesAreStillTaken) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  this->ExpectPushes(*producer, 1);
  producer->Close();
  EXPECT_EQ(producer->TryPush(TypeParam::T::Of(2)), RingResult::kClosed);
  std::span<typename TypeParam::T> slots;
  EXPECT_EQ(producer->TryReserve(1, slots), RingResult::kClosed);
  this->ExpectPops(*consumer, 1);
  this->ExpectPopGives(*consumer, RingResult::kClosed);
  this->ExpectPopGives(*consumer, RingResult::kClosed);
  SharedSpan<typename TypeParam::T> values;
  EXPECT_EQ(consumer->TryPeek(1, values), RingResult::kClosed);
}

TYPED_TEST(SpscRingTest, CloseDropsAReservation) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  std::span<typename TypeParam::T> slots;
  ASSERT_EQ(producer->TryReserve(1, slots), RingResult::kOk);
  slots[0] = TypeParam::T::Of(1);
  producer->Close();
  EXPECT_EQ(producer->Commit(1), 0u) << "pushed after closing";
  this->ExpectPopGives(*consumer, RingResult::kClosed);
}

TYPED_TEST(SpscRingTest, CloseForgetsWhatWasPeeked) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  this->ExpectPushes(*producer, 1);
  SharedSpan<typename TypeParam::T> values;
  ASSERT_EQ(consumer->TryPeek(1, values), RingResult::kOk);
  consumer->Close();
  EXPECT_EQ(consumer->Retire(1), 0u) << "retired after closing";
  this->ExpectPopGives(*consumer, RingResult::kClosed);
}

TYPED_TEST(SpscRingTest, AClosedConsumerIsNoticedWhenTheRingIsFull) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    this->ExpectPushes(*producer, i);
  }
  EXPECT_FALSE(producer->IsConsumerClosed());
  consumer->Close();
  EXPECT_TRUE(producer->IsConsumerClosed());
  EXPECT_EQ(producer->TryPush(TypeParam::T::Of(2)), RingResult::kClosed);
  this->ExpectPopGives(*consumer, RingResult::kClosed);
}

TYPED_TEST(SpscRingTest, AClosedProducersSuccessorCannotPush) {
  this->ring_.ClaimProducer()->Close();
  auto producer = this->ring_.ClaimProducer();
  ASSERT_TRUE(producer);
  EXPECT_EQ(producer->TryPush(TypeParam::T::Of(2)), RingResult::kClosed);
  std::span<typename TypeParam::T> slots;
  EXPECT_EQ(producer->TryReserve(1, slots), RingResult::kClosed);
}

TYPED_TEST(SpscRingTest, AClosedConsumersSuccessorCannotPop) {
  auto producer = this->ring_.ClaimProducer();
  this->ExpectPushes(*producer, 1);
  this->ring_.ClaimConsumer()->Close();
  auto consumer = this->ring_.ClaimConsumer();
  ASSERT_TRUE(consumer);
  this->ExpectPopGives(*consumer, RingResult::kClosed);
}

// ---- Roles

TYPED_TEST(SpscRingTest, EachRoleIsTakenOnceAtATime) {
  {
    const auto producer = this->ring_.ClaimProducer();
    const auto consumer = this->ring_.ClaimConsumer();
    ASSERT_TRUE(producer && consumer) << "the roles are independent";
    const auto second = this->ring_.ClaimProducer();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kRoleTaken);
    EXPECT_EQ(this->ring_.ClaimConsumer().error().code, ErrorCode::kRoleTaken);
  }
  EXPECT_TRUE(this->ring_.ProducerHolder().is_free());
  EXPECT_TRUE(this->ring_.ConsumerHolder().is_free());
  EXPECT_EQ(
      this->ring_.TakeOverProducer(AttestedDeath(this->ring_.ProducerHolder()))
          .error()
          .code,
      ErrorCode::kInvalidArgument);
}

TYPED_TEST(SpscRingTest, ADeadProducerLosesOnlyTheValueInItsHand) {
  for (const std::uint64_t start : kStarts) {
    this->StartAt(start);
    auto consumer = this->ring_.ClaimConsumer();
    auto producer = this->ring_.ClaimProducer();
    if (this->kCapacity > 1) this->ExpectPushes(*producer, 1);
    std::span<typename TypeParam::T> slots;
    ASSERT_EQ(producer->TryReserve(1, slots), RingResult::kOk);
    slots[0] = TypeParam::T::Of(666);
    Die(*std::move(producer));

    const AttestedDeath death(this->ring_.ProducerHolder());
    auto successor = this->ring_.TakeOverProducer(death);
    ASSERT_TRUE(successor);
    EXPECT_EQ(this->ring_.TakeOverProducer(death).error().code,
              ErrorCode::kRoleTaken);
    this->ExpectPushes(*successor, 2);
    if (this->kCapacity > 1) this->ExpectPops(*consumer, 1);
    this->ExpectPops(*consumer, 2);
    this->ExpectPopGives(*consumer, RingResult::kEmpty);
  }
}

// Redelivered: the value in hand and, when streaming, what was hidden.
TYPED_TEST(SpscRingTest, ADeadConsumersUnretiredValuesComeAgain) {
  for (const std::uint64_t start : kStarts) {
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

TYPED_TEST(SpscRingTest, MovedRolesGoOn) {
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
  EXPECT_FALSE(this->ring_.ProducerHolder().is_free());
  EXPECT_FALSE(this->ring_.ConsumerHolder().is_free());
}

// What the old role popped is retired before its place is taken.
TYPED_TEST(SpscRingTest, AssigningARoleEndsTheOldOne) {
  const GuardedBytes other_bytes(TypeParam::Ring::SizeFor(this->kCapacity));
  const auto other =
      *TypeParam::Ring::Create(other_bytes.bytes(), this->kCapacity);
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer(Pace::kStreaming);
  this->ExpectPushes(*producer, 1);
  this->ExpectPops(*consumer, 1);
  *consumer = *other.ClaimConsumer();
  *producer = *other.ClaimProducer();
  EXPECT_EQ(this->Published(), 1u);
  EXPECT_TRUE(this->ring_.ConsumerHolder().is_free());
  EXPECT_TRUE(this->ring_.ProducerHolder().is_free());
  this->ExpectPushes(*producer, 2);
  this->ExpectPops(*consumer, 2);
}

// ---- A lying peer

// More than fits, and less than was there already. The guard pages see what
// aims outside.
TYPED_TEST(SpscRingTest, ALyingTailIsCorrupt) {
  for (const std::uint64_t start : kStarts) {
    for (const std::uint64_t lie :
         {this->kCapacity + 1, std::uint64_t{1} << 63, std::uint64_t{0} - 1}) {
      this->StartAt(start);
      auto consumer = this->ring_.ClaimConsumer();
      this->memory().tail.store(start + lie, kRelaxed);
      this->ExpectPopGives(*consumer, RingResult::kCorrupt);
      this->ExpectPopGives(*consumer, RingResult::kCorrupt);
      std::size_t count = 99;
      std::vector<typename TypeParam::T> values(this->kCapacity + 1);
      EXPECT_EQ(consumer->TryPopSome(values, count), RingResult::kCorrupt);
      EXPECT_EQ(count, 0u);
      SharedSpan<typename TypeParam::T> peeked;
      EXPECT_EQ(consumer->TryPeek(1, peeked), RingResult::kCorrupt);
      EXPECT_TRUE(peeked.empty());
    }
  }
}

// Retired before what is there already, and more than was ever pushed.
TYPED_TEST(SpscRingTest, ALyingHeadIsCorrupt) {
  for (const std::uint64_t start : kStarts) {
    for (const std::uint64_t lie :
         {std::uint64_t{0} - 1, this->kCapacity + 1, std::uint64_t{1} << 63}) {
      this->StartAt(start);
      auto producer = this->ring_.ClaimProducer();
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPushes(*producer, i);
      }
      this->memory().head.store(start + lie, kRelaxed);
      EXPECT_EQ(producer->TryPush(TypeParam::T::Of(1)), RingResult::kCorrupt);
      std::size_t count = 99;
      std::vector<typename TypeParam::T> values(2);
      EXPECT_EQ(producer->TryPushSome(values, count), RingResult::kCorrupt);
      EXPECT_EQ(count, 0u);
      std::span<typename TypeParam::T> slots;
      EXPECT_EQ(producer->TryReserve(1, slots), RingResult::kCorrupt);
      EXPECT_TRUE(slots.empty());
      EXPECT_EQ(producer->Commit(1), 0u);
    }
  }
}

TYPED_TEST(SpscRingTest, ContradictingCountsRefuseARole) {
  this->memory().head.store(1, kRelaxed);
  for (const auto& error : {this->ring_.ClaimProducer().error(),
                            this->ring_.ClaimConsumer().error()}) {
    EXPECT_EQ(error.code, ErrorCode::kCorrupt);
    EXPECT_NE(error.advice, nullptr);
  }
  EXPECT_TRUE(this->ring_.ProducerHolder().is_free())
      << "the refused claim was kept";
  EXPECT_TRUE(this->ring_.ConsumerHolder().is_free());
  EXPECT_EQ(this->Published(), 1u);
}

// A head that moves back within the ring is a lie too; it can only cost space.
TYPED_TEST(SpscRingTest, AHeadThatMovesBackOnlyCostsSpace) {
  auto producer = this->ring_.ClaimProducer();
  auto consumer = this->ring_.ClaimConsumer();
  this->ExpectPushes(*producer, 1);
  this->ExpectPops(*consumer, 1);
  consumer->Publish();
  for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
    (void)producer->TryPush(TypeParam::T::Of(i));
  }
  this->memory().head.store(0, kRelaxed);
  const RingResult result = producer->TryPush(TypeParam::T::Of(9));
  EXPECT_TRUE(result == RingResult::kCorrupt || result == RingResult::kFull);
}

// ---- Capacities

TYPED_TEST(SpscRingTest, CapacityIsAsCreated) {
  EXPECT_EQ(this->ring_.capacity(), this->kCapacity);
  EXPECT_EQ(TypeParam::Ring::Attach(this->guarded_.bytes())->capacity(),
            this->kCapacity);
}

TYPED_TEST(SpscRingTest, ImpossibleCapacitiesAreRefused) {
  const GuardedBytes bytes(64 * 1024);
  for (const std::uint64_t capacity :
       {std::uint64_t{0}, std::uint64_t{3}, kMaxCapacity * 2,
        std::uint64_t{1} << 63, kDynamic}) {
    const auto ring = TypeParam::Ring::Create(bytes.bytes(), capacity);
    ASSERT_FALSE(ring) << capacity;
    EXPECT_EQ(ring.error().code, ErrorCode::kInvalidArgument);
    EXPECT_STREQ(ring.error().field, "capacity");
    EXPECT_EQ(ring.error().found, capacity);
    EXPECT_EQ(TypeParam::Ring::SizeFor(capacity), UINT64_MAX);
  }
}

}  // namespace
}  // namespace placid
