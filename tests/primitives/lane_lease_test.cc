// SPDX-License-Identifier: Apache-2.0
//
// Who holds the lanes of a ring: leases, deaths, seals. The same for both forms.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "tests/support/die.h"
#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

using testing::Die;
using testing::GuardedBytes;

constexpr OwnerId kDead = *OwnerId::Of(2, 9);
constexpr OwnerId kAlive = *OwnerId::Of(3, 1);
constexpr std::uint64_t kLanes = 3;
constexpr std::uint64_t kCapacity = 256;

// One number at a time, in either form.
template <typename Producer>
RingResult Push(Producer& producer, std::uint64_t number) {
  if constexpr (requires { producer.TryPush(number); }) {
    return producer.TryPush(number);
  } else {
    return producer.TryPush(std::as_bytes(std::span(&number, 1)));
  }
}
template <typename Consumer>
RingResult Pop(Consumer& consumer, std::uint64_t& number) {
  if constexpr (requires { consumer.TryPop(number); }) {
    return consumer.TryPop(number);
  } else {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result == RingResult::kOk) number = *record.Load<std::uint64_t>(0);
    return result;
  }
}

template <typename Type>
class LaneLeaseTest : public ::testing::Test {
 protected:
  using Ring = Type;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;

  static void ExpectPushes(Producer& producer, std::uint64_t number) {
    EXPECT_EQ(Push(producer, number), RingResult::kOk) << number;
  }
  static void ExpectPops(Consumer& consumer, std::uint64_t number) {
    std::uint64_t found = 0;
    EXPECT_EQ(Pop(consumer, found), RingResult::kOk) << number;
    EXPECT_EQ(found, number);
  }
  static void ExpectPopGives(Consumer& consumer, RingResult result) {
    std::uint64_t found = 0;
    EXPECT_EQ(Pop(consumer, found), result) << found;
  }
  [[nodiscard]] ErrorCode ClaimFails(OwnerId by = kAlive) const {
    auto producer = ring_.ClaimProducer(by);
    EXPECT_FALSE(producer);
    if (producer) return ErrorCode::kSystem;
    EXPECT_NE(producer.error().advice, nullptr);
    return producer.error().code;
  }
  [[nodiscard]] std::vector<Producer> AllLanes(OwnerId by = kAlive) const {
    std::vector<Producer> producers;
    while (producers.size() < kLanes) {
      producers.push_back(*ring_.ClaimProducer(by));
    }
    return producers;
  }

  GuardedBytes guarded_{Ring::SizeFor(kCapacity)};
  Ring ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
};

using Rings = ::testing::Types<LaneRing<std::uint64_t, kLanes>,
                               LaneRing<std::uint64_t, kLanes, kCapacity>,
                               LaneByteRing<kLanes>>;
TYPED_TEST_SUITE(LaneLeaseTest, Rings);

// ---- Leases

TYPED_TEST(LaneLeaseTest, EachProducerHasALaneOfItsOwn) {
  auto producers = this->AllLanes();
  EXPECT_NE(producers[0].lane(), producers[1].lane());
  EXPECT_NE(producers[0].lane(), producers[2].lane());
  EXPECT_NE(producers[1].lane(), producers[2].lane());
  for (const auto& producer : producers) {
    EXPECT_EQ(this->ring_.LaneHolder(producer.lane()).index(), kAlive.index());
  }
}

TYPED_TEST(LaneLeaseTest, OwnersBeginAtDifferentLanes) {
  const auto second = *this->ring_.ClaimProducer(*OwnerId::Of(2, 0));
  const auto first = *this->ring_.ClaimProducer(*OwnerId::Of(1, 0));
  EXPECT_NE(first.lane(), second.lane());
  EXPECT_EQ(first.lane(), 1u);
  EXPECT_EQ(second.lane(), 2u);
}

TYPED_TEST(LaneLeaseTest, WhereNoLaneIsFreeAClaimSaysSo) {
  auto producers = this->AllLanes();
  EXPECT_EQ(this->ClaimFails(), ErrorCode::kRoleTaken);
  EXPECT_EQ(this->ClaimFails(OwnerId::Unowned()), ErrorCode::kRoleTaken);
  const std::uint64_t lane = producers[1].lane();
  producers.erase(producers.begin() + 1);
  auto next = this->ring_.ClaimProducer(kAlive);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->lane(), lane);
}

TYPED_TEST(LaneLeaseTest, NobodyClaimsNothing) {
  EXPECT_EQ(this->ClaimFails(OwnerId()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(this->ring_.ClaimConsumer(Pace::kPrompt, OwnerId()).error().code,
            ErrorCode::kInvalidArgument);
}

TYPED_TEST(LaneLeaseTest, OneConsumerAtATimeHasAllLanes) {
  auto consumer = this->ring_.ClaimConsumer();
  ASSERT_TRUE(consumer);
  EXPECT_EQ(this->ring_.ClaimConsumer().error().code, ErrorCode::kRoleTaken);
}

TYPED_TEST(LaneLeaseTest,
           WhatADroppedLaneHoldsComesBeforeWhatItsNextHolderPushes) {
  auto others = this->AllLanes();
  auto consumer = *this->ring_.ClaimConsumer();
  others.pop_back();
  for (std::uint64_t lease = 0; lease < 5; ++lease) {
    auto producer = *this->ring_.ClaimProducer(kAlive);
    for (std::uint64_t i = 0; i < 2; ++i) {
      this->ExpectPushes(producer, 10 * lease + i);
    }
    if (lease == 0) continue;
    this->ExpectPops(consumer, 10 * lease - 10);
    this->ExpectPops(consumer, 10 * lease - 9);
  }
  this->ExpectPops(consumer, 40);
  this->ExpectPops(consumer, 41);
  this->ExpectPopGives(consumer, RingResult::kEmpty);
}

// ---- Deaths

TYPED_TEST(LaneLeaseTest, ADeadProducersLanesAreFreedAndNobodyElses) {
  auto alive = *this->ring_.ClaimProducer(kAlive);
  auto first = *this->ring_.ClaimProducer(kDead);
  auto second = *this->ring_.ClaimProducer(kDead);
  this->ExpectPushes(first, 1);
  const std::uint64_t lane = first.lane();
  Die(std::move(first));
  Die(std::move(second));
  EXPECT_EQ(this->ClaimFails(), ErrorCode::kRoleTaken);
  EXPECT_FALSE(this->ring_.Recover(DeadOwner::Attested(*OwnerId::Of(4, 9))));
  EXPECT_TRUE(this->ring_.Recover(DeadOwner::Attested(kDead)));
  EXPECT_FALSE(this->ring_.Recover(DeadOwner::Attested(kDead)));
  EXPECT_EQ(this->ring_.LaneHolder(alive.lane()).index(), kAlive.index());
  auto heirs = std::array{*this->ring_.ClaimProducer(kAlive),
                          *this->ring_.ClaimProducer(kAlive)};
  for (auto& heir : heirs) {
    if (heir.lane() == lane) this->ExpectPushes(heir, 2);
  }
  EXPECT_EQ(this->ClaimFails(), ErrorCode::kRoleTaken);
  auto consumer = *this->ring_.ClaimConsumer();
  this->ExpectPops(consumer, 1);
  this->ExpectPops(consumer, 2);
  this->ExpectPopGives(consumer, RingResult::kEmpty);
}

TYPED_TEST(LaneLeaseTest, AProducerWithoutIdentityIsTakenOver) {
  auto producer = *this->ring_.ClaimProducer();
  this->ExpectPushes(producer, 1);
  const std::uint64_t lane = producer.lane();
  const std::uint64_t other = (lane + 1) % kLanes;
  Die(std::move(producer));
  const RoleHolder holder = this->ring_.LaneHolder(lane);
  EXPECT_FALSE(holder.has_identity());
  EXPECT_FALSE(holder.is_free());
  const auto fails = [&](std::uint64_t at, RoleHolder of) {
    return this->ring_.TakeOverProducer(at, AttestedDeath(of), kAlive)
        .error()
        .code;
  };
  EXPECT_EQ(fails(other, this->ring_.LaneHolder(other)),
            ErrorCode::kInvalidArgument)
      << "nobody holds it";
  EXPECT_EQ(fails(kLanes, holder), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(this->ring_.LaneHolder(kLanes).is_free());
  auto heir = this->ring_.TakeOverProducer(lane, AttestedDeath(holder), kAlive);
  ASSERT_TRUE(heir);
  EXPECT_EQ(heir->lane(), lane);
  EXPECT_EQ(fails(lane, holder), ErrorCode::kRoleTaken)
      << "somebody was faster";
  EXPECT_EQ(fails(lane, this->ring_.LaneHolder(lane)),
            ErrorCode::kInvalidArgument)
      << "its death can be proven";
  this->ExpectPushes(*heir, 2);
  auto consumer = *this->ring_.ClaimConsumer();
  this->ExpectPops(consumer, 1);
  this->ExpectPops(consumer, 2);
}

// What is left to do is to give it back, and that is done.
TYPED_TEST(LaneLeaseTest, ALaneOfASealedRingIsFreedByWhoeverTakesItOver) {
  auto producer = *this->ring_.ClaimProducer();
  this->ExpectPushes(producer, 1);
  const std::uint64_t lane = producer.lane();
  Die(std::move(producer));
  this->ring_.Seal();
  auto consumer = *this->ring_.ClaimConsumer();
  this->ExpectPops(consumer, 1);
  this->ExpectPopGives(consumer, RingResult::kEmpty);
  const RoleHolder holder = this->ring_.LaneHolder(lane);
  EXPECT_EQ(
      this->ring_.TakeOverProducer(lane, AttestedDeath(holder)).error().code,
      ErrorCode::kClosed);
  EXPECT_TRUE(this->ring_.LaneHolder(lane).is_free());
  this->ExpectPopGives(consumer, RingResult::kClosed);
}

// One value of one lane: those of the lanes before had been left.
TYPED_TEST(LaneLeaseTest, ASuccessorIsHandedAgainWhatTheDeadConsumerHadInHand) {
  auto producers = this->AllLanes();
  for (const OwnerId by : {kDead, OwnerId::Unowned()}) {
    for (auto& producer : producers) {
      this->ExpectPushes(producer, producer.lane());
    }
    auto consumer = *this->ring_.ClaimConsumer(Pace::kPrompt, by);
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < kLanes; ++i) {
      ASSERT_EQ(Pop(consumer, last), RingResult::kOk);
      EXPECT_EQ(last, consumer.lane());
    }
    Die(std::move(consumer));
    std::optional<typename TestFixture::Consumer> heir;
    if (by == kDead) {
      EXPECT_TRUE(this->ring_.Recover(DeadOwner::Attested(kDead)));
      heir = *this->ring_.ClaimConsumer(Pace::kPrompt, kAlive);
    } else {
      heir = *this->ring_.TakeOverConsumer(
          AttestedDeath(this->ring_.ConsumerHolder()), Pace::kPrompt, kAlive);
    }
    this->ExpectPops(*heir, last);
    this->ExpectPopGives(*heir, RingResult::kEmpty);
  }
}

// ---- Seals

TYPED_TEST(LaneLeaseTest, ASealedRingLeasesNoLane) {
  EXPECT_FALSE(this->ring_.IsSealed());
  auto producer = *this->ring_.ClaimProducer(kAlive);
  this->ring_.Seal();
  this->ring_.Seal();
  EXPECT_TRUE(this->ring_.IsSealed());
  EXPECT_EQ(this->ClaimFails(), ErrorCode::kClosed);
  for (std::uint64_t lane = 0; lane < kLanes; ++lane) {
    EXPECT_EQ(this->ring_.LaneHolder(lane).is_free(), lane != producer.lane())
        << "a claim in vain leaves nothing";
  }
}

TYPED_TEST(LaneLeaseTest, ASealedRingIsClosedOnceAllIsGivenBackAndTaken) {
  auto consumer = *this->ring_.ClaimConsumer();
  std::optional<typename TestFixture::Producer> first =
      *this->ring_.ClaimProducer(kAlive);
  std::optional<typename TestFixture::Producer> second =
      *this->ring_.ClaimProducer(kAlive);
  this->ExpectPushes(*first, 1);
  this->ring_.Seal();
  this->ExpectPops(consumer, 1);
  this->ExpectPopGives(consumer, RingResult::kEmpty);
  // Who has a lane keeps it.
  this->ExpectPushes(*first, 2);
  first.reset();
  this->ExpectPops(consumer, 2);
  this->ExpectPopGives(consumer, RingResult::kEmpty);
  this->ExpectPushes(*second, 3);
  second.reset();
  this->ExpectPops(consumer, 3);
  this->ExpectPopGives(consumer, RingResult::kClosed);
  this->ExpectPopGives(consumer, RingResult::kClosed);
}

TYPED_TEST(LaneLeaseTest, ADeadHolderDelaysTheEndUntilItIsRecovered) {
  auto consumer = *this->ring_.ClaimConsumer();
  auto producer = *this->ring_.ClaimProducer(kDead);
  this->ExpectPushes(producer, 1);
  Die(std::move(producer));
  this->ring_.Seal();
  this->ExpectPops(consumer, 1);
  this->ExpectPopGives(consumer, RingResult::kEmpty);
  EXPECT_TRUE(this->ring_.Recover(DeadOwner::Attested(kDead)));
  this->ExpectPopGives(consumer, RingResult::kClosed);
}

TYPED_TEST(LaneLeaseTest, AnUnusedRingThatIsSealedIsClosed) {
  auto consumer = *this->ring_.ClaimConsumer();
  this->ExpectPopGives(consumer, RingResult::kEmpty);
  this->ring_.Seal();
  this->ExpectPopGives(consumer, RingResult::kClosed);
}

// ---- Geometry

TYPED_TEST(LaneLeaseTest, AnImpossibleCapacityIsRefused) {
  GuardedBytes bytes(4096);
  for (const std::uint64_t capacity :
       {std::uint64_t{0}, std::uint64_t{3}, kMaxCapacity * 2, UINT64_MAX}) {
    const auto ring = TypeParam::Create(bytes.bytes(), capacity);
    ASSERT_FALSE(ring);
    EXPECT_EQ(ring.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(TypeParam::SizeFor(capacity), UINT64_MAX);
  }
}

TYPED_TEST(LaneLeaseTest, EachLaneBeginsOnALine) {
  EXPECT_EQ((TypeParam::SizeFor(kCapacity) - 0x100) % (kLanes * kLineBytes),
            0u);
  EXPECT_EQ(this->ring_.lanes(), kLanes);
  EXPECT_EQ(this->ring_.capacity(), kCapacity);
}

TEST(LaneGeometryTest, AHeaderThatLiesIsRefused) {
  using Ring = LaneRing<std::uint64_t, 2>;
  const GuardedBytes guarded(Ring::SizeFor(8));
  ASSERT_TRUE(Ring::Create(guarded.bytes(), 8));
  auto* memory = reinterpret_cast<Ring::Memory*>(guarded.bytes().data());
  const auto code = [&] { return Ring::Attach(guarded.bytes()).error().code; };
  memory->lane_count.store(3, kRelaxed);
  EXPECT_EQ(code(), ErrorCode::kCorrupt);
  memory->lane_count.store(2, kRelaxed);
  for (const std::uint64_t capacity :
       {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{32}, UINT64_MAX}) {
    memory->capacity.store(capacity, kRelaxed);
    EXPECT_EQ(code(), ErrorCode::kCorrupt) << capacity;
  }
  memory->capacity.store(4, kRelaxed);
  ASSERT_TRUE(Ring::Attach(guarded.bytes()));
  EXPECT_EQ(Ring::Attach(guarded.bytes())->capacity(), 4u);
}

TEST(LaneGeometryTest, AnotherNumberOfLanesIsAnotherType) {
  const GuardedBytes guarded(65536);
  ASSERT_TRUE((LaneRing<std::uint64_t, 2>::Create(guarded.bytes(), 8)));
  EXPECT_EQ((LaneRing<std::uint64_t, 3>::Attach(guarded.bytes()).error().code),
            ErrorCode::kWrongElement);
  EXPECT_EQ((LaneByteRing<2>::Attach(guarded.bytes()).error().code),
            ErrorCode::kWrongType);
}

TEST(LaneGeometryTest, ZeroStorageIsReadyForUse) {
  static LaneRing<std::uint64_t, 2, 8>::Storage storage;
  auto ring = LaneRing<std::uint64_t, 2, 8>::Attach(storage);
  ASSERT_TRUE(ring);
  auto producer = *ring->ClaimProducer();
  auto consumer = *ring->ClaimConsumer();
  EXPECT_EQ(producer.TryPush(5), RingResult::kOk);
  std::uint64_t value = 0;
  EXPECT_EQ(consumer.TryPop(value), RingResult::kOk);
  EXPECT_EQ(value, 5u);
}

}  // namespace
}  // namespace placid
