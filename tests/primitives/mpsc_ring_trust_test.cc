// SPDX-License-Identifier: Apache-2.0
//
// MpscRing beside a peer that lies. The guard pages see what aims outside.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/primitives/mpsc_ring_fixture.h"

namespace placid {
namespace {

using testing::MpscStarts;

template <typename Case>
class MpscRingTrustTest : public testing::MpscRingFixture<Case> {};
TYPED_TEST_SUITE(MpscRingTrustTest, testing::MpscCases);

// Above what was ever claimed: a producer that went there would leave a gap
// that nobody fills.
TYPED_TEST(MpscRingTrustTest, AHeadAboveTheClaimsIsCorruptAndForgotten) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    for (const std::uint64_t lie :
         {std::uint64_t{1}, this->kCapacity, this->kCapacity * 3 + 1,
          this->kCapacity << 40, this->kCapacity << 44}) {
      this->StartAt(start);
      auto producer = this->ring_.ClaimProducer();
      auto consumer = this->ring_.ClaimConsumer();
      // Let it ask for room.
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPushes(*producer, i);
      }
      this->memory().head.store(start + this->kCapacity + lie, kRelaxed);
      this->ExpectPushGives(*producer, RingResult::kCorrupt);
      typename TypeParam::T* slot = nullptr;
      EXPECT_EQ(producer->TryReserve(slot), RingResult::kCorrupt);
      EXPECT_EQ(producer->Close(), RingResult::kCorrupt);
      std::size_t pushed = 99;
      const std::vector<typename TypeParam::T> values(2);
      EXPECT_EQ(producer->TryPushSome(values, pushed), RingResult::kCorrupt);
      EXPECT_EQ(pushed, 0u);
      EXPECT_EQ(this->ring_.ClaimProducer().error().code, ErrorCode::kCorrupt);
      // When the lie has gone, all is as before.
      this->memory().head.store(start, kRelaxed);
      this->ExpectPushGives(*producer, RingResult::kFull);
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPops(*consumer, i);
      }
      this->ExpectPopGives(*consumer, RingResult::kEmpty);
      this->ExpectPushes(*producer, 7);
      this->ExpectPops(*consumer, 7);
    }
  }
}

// A head that moves back within the ring can only cost space.
TYPED_TEST(MpscRingTrustTest, AHeadThatMovesBackOnlyCostsSpace) {
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
  EXPECT_TRUE(result == RingResult::kCorrupt || result == RingResult::kFull ||
              result == RingResult::kContended)
      << ToString(result);
}

// Whatever the hint says, a newcomer ends up behind the last claim.
TYPED_TEST(MpscRingTrustTest, AHintThatLiesLeadsNobodyAstray) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    for (std::uint64_t filled = 0; filled < this->kCapacity; ++filled) {
      for (const std::uint64_t lie :
           {std::uint64_t{0}, start - 1, start + filled, start + filled + 1,
            start + this->kCapacity, start + this->kCapacity + 1,
            std::uint64_t{1} << 63}) {
        this->StartAt(start);
        auto one = this->ring_.ClaimProducer();
        auto consumer = this->ring_.ClaimConsumer();
        for (std::uint64_t i = 0; i < filled; ++i) this->ExpectPushes(*one, i);
        auto newcomer = this->ring_.ClaimProducer();
        this->memory().hint.store(lie, kRelaxed);
        this->ExpectPushes(*newcomer, filled);
        for (std::uint64_t i = 0; i <= filled; ++i) {
          this->ExpectPops(*consumer, i);
        }
        this->ExpectPopGives(*consumer, RingResult::kEmpty);
      }
    }
  }
}

// Nor past an end, behind which nobody would ever look.
TYPED_TEST(MpscRingTrustTest, AHintLeadsNobodyPastTheEnd) {
  if (this->kCapacity < 8) return;
  auto one = this->ring_.ClaimProducer();
  auto late = this->ring_.ClaimProducer();
  for (std::uint64_t i = 0; i < 6; ++i) this->ExpectPushes(*one, i);
  EXPECT_EQ(one->Close(), RingResult::kOk);
  this->memory().hint.store(7, kRelaxed);
  this->ExpectPushGives(*late, RingResult::kClosed);
}

TYPED_TEST(MpscRingTrustTest, AWordOfAnotherLapIsCorruptToTheConsumer) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    const SlotLaps<kDynamic> laps{Extent<kDynamic>(this->kCapacity)};
    for (const std::int64_t by : {-2, -1, 1, 2, 1000}) {
      for (const SlotState state : {SlotState::kDone, SlotState::kClaimed,
                                    SlotState::kVoid, SlotState::kEnd}) {
        this->StartAt(start);
        const std::uint64_t other =
            start + static_cast<std::uint64_t>(by) * this->kCapacity;
        const SlotWord word = laps.Word(other, state, 3);
        const bool is_free = by == -1 && word.IsFinished();
        const RingResult expected =
            is_free ? RingResult::kEmpty : RingResult::kCorrupt;
        {
          auto consumer = this->ring_.ClaimConsumer();
          this->Word(start).store(word.word(), kRelaxed);
          this->ExpectPopGives(*consumer, expected);
          SharedSpan<typename TypeParam::T> peeked;
          EXPECT_EQ(consumer->TryPeek(peeked), expected);
          EXPECT_TRUE(peeked.empty());
          std::vector<typename TypeParam::T> values(3);
          std::size_t count = 99;
          EXPECT_EQ(consumer->TryPopSome(values, count), expected);
          EXPECT_EQ(count, 0u);
        }
        if (is_free) continue;
        EXPECT_EQ(this->ring_.ClaimConsumer().error().code,
                  ErrorCode::kCorrupt);
        EXPECT_TRUE(this->ring_.ConsumerHolder().is_free())
            << "the refused claim was kept";
      }
    }
  }
}

// A slot that says that it is somebody's, or belongs to another time, is never
// taken; the producer says so and changes nothing.
TYPED_TEST(MpscRingTrustTest, AWordOfAnotherLapIsNoFreeSlot) {
  for (const std::uint64_t start : MpscStarts(this->kCapacity)) {
    const SlotLaps<kDynamic> laps{Extent<kDynamic>(this->kCapacity)};
    for (const std::int64_t by : {-3, -2, -1, 1, 2, 1000}) {
      for (const SlotState state : {SlotState::kDone, SlotState::kClaimed,
                                    SlotState::kVoid, SlotState::kEnd}) {
        this->StartAt(start);
        auto producer = this->ring_.ClaimProducer();
        const std::uint64_t other =
            start + static_cast<std::uint64_t>(by) * this->kCapacity;
        const SlotWord word = laps.Word(other, state, 3);
        if (by == -1 && word.IsFinished()) continue;
        this->Word(start).store(word.word(), kRelaxed);
        const RingResult result = producer->TryPush(TypeParam::T::Of(1));
        EXPECT_EQ(result,
                  by > 0 ? RingResult::kContended : RingResult::kCorrupt)
            << ToString(result) << by;
        EXPECT_EQ(this->Word(start).load(kRelaxed), word.word());
      }
    }
  }
}

TYPED_TEST(MpscRingTrustTest, ClaimsOfOwnersThatCannotBeAreOnlyNamed) {
  auto consumer = this->ring_.ClaimConsumer();
  const SlotLaps<kDynamic> laps{Extent<kDynamic>(this->kCapacity)};
  for (const std::uint64_t owner : {0u, 4097u, 0xFFFEu}) {
    this->Word(0).store(laps.Word(0, SlotState::kClaimed, owner).word(),
                        kRelaxed);
    this->ExpectPopGives(*consumer, RingResult::kPending);
    EXPECT_EQ(consumer->blocker(), owner);
  }
}

// Void slots without end: the consumer gives up after a lap, or so many steps.
TEST(MpscRingStepsTest, NoOperationTakesMoreStepsThanItSays) {
  using Ring = MpscRing<std::uint64_t>;
  constexpr std::uint64_t kCapacity = 8 * Ring::kMostSteps;
  const testing::GuardedBytes guarded(Ring::SizeFor(kCapacity));
  const Ring ring = *Ring::Create(guarded.bytes(), kCapacity);
  auto producer = *ring.ClaimProducer();
  for (std::uint64_t i = 0; i < 3 * Ring::kMostSteps; ++i) {
    std::uint64_t* slot = nullptr;
    ASSERT_EQ(producer.TryReserve(slot), RingResult::kOk);
    EXPECT_TRUE(producer.Abort());
  }
  EXPECT_EQ(producer.TryPush(5), RingResult::kOk);
  auto consumer = *ring.ClaimConsumer();
  std::uint64_t value = 0;
  int contended = 0;
  RingResult result = consumer.TryPop(value);
  for (; result == RingResult::kContended; result = consumer.TryPop(value)) {
    ++contended;
  }
  EXPECT_EQ(result, RingResult::kOk);
  EXPECT_EQ(value, 5u);
  EXPECT_GT(contended, 0);
  EXPECT_LT(contended, 4);
  // A newcomer without a hint walks over all of it, in as many calls.
  for (std::uint64_t i = 0; i < 3 * Ring::kMostSteps; ++i) {
    ASSERT_EQ(producer.TryPush(6), RingResult::kOk);
  }
  auto newcomer = *ring.ClaimProducer();
  auto* memory = reinterpret_cast<Ring::Memory*>(guarded.bytes().data());
  memory->hint.store(0, kRelaxed);
  contended = 0;
  result = newcomer.TryPush(7);
  for (; result == RingResult::kContended; result = newcomer.TryPush(7)) {
    ++contended;
  }
  EXPECT_EQ(result, RingResult::kOk);
  EXPECT_GT(contended, 0);
  EXPECT_LT(contended, 4);
}

}  // namespace
}  // namespace placid
