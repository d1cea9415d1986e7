// SPDX-License-Identifier: Apache-2.0
//
// MpmcRing beside a peer that lies. The guard pages see what aims outside.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/primitives/mpmc_ring_fixture.h"

namespace placid {
namespace {

using testing::MpmcStarts;

constexpr TurnWord::State kStates[] = {
    TurnWord::State::kFree,   TurnWord::State::kPushing,
    TurnWord::State::kFull,   TurnWord::State::kVoid,
    TurnWord::State::kTaking, TurnWord::State::kBorrowing,
    TurnWord::State::kOffered, TurnWord::State::kEnd};

template <typename Case>
class MpmcRingTrustTest : public testing::MpmcRingFixture<Case> {
 protected:
  // What the slot of `position` says: a lap that is `by` ahead, and a state.
  TurnWord Lie(std::uint64_t position, std::int64_t by, TurnWord::State state) {
    const TurnWord lie(this->LapOf(position) + static_cast<std::uint64_t>(by),
                       state, 3);
    this->Word(position).store(lie.word(), kRelaxed);
    return lie;
  }
};
TYPED_TEST_SUITE(MpmcRingTrustTest, testing::MpmcCases);

// Whatever a slot says, a producer claims nothing but a slot that is free for
// its lap, and comes to an end.
TYPED_TEST(MpmcRingTrustTest, AProducerTakesNothingButAFreeSlot) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    for (const std::int64_t by : {-1000, -2, -1, 0, 1, 2, 1000}) {
      for (const TurnWord::State state : kStates) {
        this->StartAt(start);
        auto producer = *this->ring_.ClaimProducer();
        const TurnWord lie = this->Lie(start, by, state);
        const RingResult result = producer.TryPush(TypeParam::T::Of(1));
        EXPECT_EQ(this->Word(start).load(kRelaxed), lie.word());
        if (by < -1) {
          EXPECT_EQ(result, RingResult::kCorrupt) << ToString(result);
        } else if (by == -1) {
          EXPECT_EQ(result, RingResult::kFull) << ToString(result);
        } else if (result == RingResult::kOk) {
          EXPECT_GT(this->kCapacity, 1u);
        }
        (void)this->ring_.ClaimProducer();
      }
    }
  }
}

TYPED_TEST(MpmcRingTrustTest, AConsumerTakesNothingButAFullSlot) {
  for (const std::uint64_t start : MpmcStarts(this->kCapacity)) {
    for (const std::int64_t by : {-1000, -2, -1, 0, 1, 2, 1000}) {
      for (const TurnWord::State state : kStates) {
        this->StartAt(start);
        auto consumer = *this->ring_.ClaimConsumer();
        (void)this->Lie(start, by, state);
        typename TypeParam::T value = TypeParam::T::Of(77);
        const RingResult result = consumer.TryPop(value);
        EXPECT_NE(result, RingResult::kOk)
            << "an empty ring delivered something";
        EXPECT_EQ(value.number(), 77u);
        if (by < -1) {
          EXPECT_EQ(result, RingResult::kCorrupt) << ToString(result);
        }
        std::vector<typename TypeParam::T> values(3);
        std::size_t count = 99;
        EXPECT_NE(consumer.TryPopSome(values, count), RingResult::kOk);
        EXPECT_EQ(count, 0u);
        (void)this->ring_.ClaimConsumer();
      }
    }
  }
}

// A full slot of this lap whose owner bits are not zero is none of ours.
TYPED_TEST(MpmcRingTrustTest, AFullSlotWithAnOwnerIsCorrupt) {
  auto consumer = *this->ring_.ClaimConsumer();
  (void)this->Lie(0, 0, TurnWord::State::kFull);
  this->ExpectPopGives(consumer, RingResult::kCorrupt);
  auto producer = *this->ring_.ClaimProducer();
  (void)this->Lie(0, 0, TurnWord::State::kFree);
  auto other = *this->ring_.ClaimProducer();
  this->ExpectPushGives(other, RingResult::kCorrupt);
}

// Offers without end, of which none is there.
TYPED_TEST(MpmcRingTrustTest, FalseOffersCostALookAndNoMore) {
  auto producer = *this->ring_.ClaimProducer();
  auto consumer = *this->ring_.ClaimConsumer();
  for (std::uint64_t lie = 1; lie < 10; ++lie) {
    this->memory().offers.store(lie << 60 | lie, kRelaxed);
    this->ExpectPopGives(consumer, RingResult::kEmpty);
    this->ExpectPushes(producer, lie);
    this->ExpectPops(consumer, lie);
  }
}

TYPED_TEST(MpmcRingTrustTest, ClaimsOfOwnersThatCannotBeAreOnlyNamed) {
  auto consumer = *this->ring_.ClaimConsumer();
  for (const std::uint64_t owner : {0u, 4097u, 0xFFFEu}) {
    this->Word(0).store(TurnWord(0, TurnWord::State::kPushing, owner).word(),
                        kRelaxed);
    this->ExpectPopGives(consumer, RingResult::kPending);
    EXPECT_EQ(consumer.blocker(), owner);
  }
}

// Words drawn at random: every operation ends, and stays inside.
TYPED_TEST(MpmcRingTrustTest, ArbitraryWordsLeadNobodyAstray) {
  std::uint64_t random = 88172645463325252;
  const auto draw = [&random] {  // Marsaglia's xorshift
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    return random;
  };
  for (int round = 0; round < 2000; ++round) {
    for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
      // Mostly near one another.
      const std::uint64_t word = draw() % 4 == 0 ? draw() : draw() % (4 << 19);
      this->Word(i).store(word, kRelaxed);
    }
    this->memory().offers.store(draw(), kRelaxed);
    auto producer = *this->ring_.ClaimProducer(*OwnerId::Of(1, 1));
    auto consumer = *this->ring_.ClaimConsumer(Delivery::kAtLeastOnce);
    for (int i = 0; i < 3; ++i) {
      (void)producer.TryPush(TypeParam::T::Of(5));
      typename TypeParam::T value;
      (void)consumer.TryPop(value);
      (void)this->ring_.Recover(DeadOwner::Attested(*OwnerId::Of(2, 2)));
    }
    (void)producer.Close();
  }
}

}  // namespace
}  // namespace placid
