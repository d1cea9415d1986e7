// SPDX-License-Identifier: Apache-2.0
//
// Recover, of every type that has roles: what a dead participant held is given
// back, all of it and nothing else, and whoever claims it goes on where the dead
// one was.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/mpmc_ring.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "tests/support/die.h"

namespace placid {
namespace {

using testing::Die;

constexpr OwnerId kDead = *OwnerId::Of(2, 9);
constexpr OwnerId kAlive = *OwnerId::Of(3, 1);

template <typename Type>
class WriterRecoverTest : public ::testing::Test {
 protected:
  alignas(128) std::array<std::byte, Type::SizeFor()> bytes_{};
  Type type_ = *Type::Create(bytes_);
};
using WrittenTypes =
    ::testing::Types<Seqlock<std::uint64_t>, Latest<std::uint64_t>>;
TYPED_TEST_SUITE(WriterRecoverTest, WrittenTypes);

TYPED_TEST(WriterRecoverTest, TheNextWriterGoesOn) {
  const TypeParam& type = this->type_;
  auto dead = *type.ClaimWriter(kDead);
  dead.Store(41);
  Die(std::move(dead));
  EXPECT_EQ(type.ClaimWriter(kAlive).error().code, ErrorCode::kRoleTaken);
  EXPECT_EQ(type.TakeOverWriter(AttestedDeath(type.WriterHolder()), kAlive)
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  EXPECT_FALSE(type.Recover(DeadOwner::Attested(kAlive)));
  EXPECT_TRUE(type.Recover(DeadOwner::Attested(kDead)));
  EXPECT_FALSE(type.Recover(DeadOwner::Attested(kDead)));
  auto reader = type.MakeReader();
  std::uint64_t value = 0;
  EXPECT_EQ(reader.TryLoad(value), RingResult::kOk);
  EXPECT_EQ(value, 41u);
  auto next = type.ClaimWriter(kAlive);
  ASSERT_TRUE(next);
  EXPECT_EQ(type.WriterHolder().index(), kAlive.index());
  next->Store(42);
  EXPECT_EQ(reader.TryLoad(value), RingResult::kOk);
  EXPECT_EQ(value, 42u);
}

TEST(BroadcastRingRecoverTest, NothingPushedIsLost) {
  using Ring = BroadcastRing<std::uint64_t>;
  alignas(128) std::array<std::byte, Ring::SizeFor(8)> bytes{};
  const Ring ring = *Ring::Create(bytes, 8);
  auto dead = *ring.ClaimWriter(kDead);
  dead.Push(41);
  Die(std::move(dead));
  EXPECT_EQ(ring.ClaimWriter(kAlive).error().code, ErrorCode::kRoleTaken);
  EXPECT_EQ(ring.TakeOverWriter(AttestedDeath(ring.WriterHolder()), kAlive)
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  EXPECT_FALSE(ring.Recover(DeadOwner::Attested(kAlive)));
  EXPECT_TRUE(ring.Recover(DeadOwner::Attested(kDead)));
  EXPECT_FALSE(ring.Recover(DeadOwner::Attested(kDead)));
  auto next = *ring.ClaimWriter(kAlive);
  EXPECT_EQ(ring.WriterHolder().index(), kAlive.index());
  next.Push(42);
  auto reader = ring.MakeReader();
  std::uint64_t lost = 0;
  for (const std::uint64_t number : {41u, 42u}) {
    std::uint64_t value = 0;
    EXPECT_EQ(reader.TryRead(value, lost), RingResult::kOk);
    EXPECT_EQ(value, number);
  }
}

TEST(BroadcastByteRingRecoverTest, NothingPublishedIsLost) {
  using Ring = BroadcastByteRing;
  alignas(128) std::array<std::byte, Ring::SizeFor(256)> bytes{};
  const Ring ring = *Ring::Create(bytes, 256);
  auto dead = *ring.ClaimWriter(kDead);
  EXPECT_EQ(dead.TryPush({}), RingResult::kOk);
  Die(std::move(dead));
  EXPECT_EQ(ring.ClaimWriter(kAlive).error().code, ErrorCode::kRoleTaken);
  EXPECT_FALSE(ring.Recover(DeadOwner::Attested(kAlive)));
  EXPECT_TRUE(ring.Recover(DeadOwner::Attested(kDead)));
  EXPECT_FALSE(ring.Recover(DeadOwner::Attested(kDead)));
  const auto next = ring.ClaimWriter(kAlive);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->number(), 1u);
  EXPECT_EQ(ring.MakeReader(StartAt::kOldest).number(), 0u);
}

// The dead one had two of three lanes, and the consumer's role.
template <typename Ring>
class LanesRecoverTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kCapacity = 64;
  alignas(128) std::array<std::byte, Ring::SizeFor(kCapacity)> bytes_{};
  Ring ring_ = *Ring::Create(bytes_, kCapacity);
};
using LaneTypes =
    ::testing::Types<LaneRing<std::uint64_t, 3>, LaneByteRing<3>>;
TYPED_TEST_SUITE(LanesRecoverTest, LaneTypes);

TYPED_TEST(LanesRecoverTest, AllThatTheDeadHeldIsGivenBackAndNothingElse) {
  const TypeParam& ring = this->ring_;
  Die(*ring.ClaimProducer(kDead));
  const auto living = *ring.ClaimProducer(kAlive);
  Die(*ring.ClaimProducer(kDead));
  Die(*ring.ClaimConsumer(Pace::kPrompt, kDead));
  EXPECT_EQ(ring.ClaimProducer(kAlive).error().code, ErrorCode::kRoleTaken);
  EXPECT_TRUE(ring.Recover(DeadOwner::Attested(kDead)));
  EXPECT_FALSE(ring.Recover(DeadOwner::Attested(kDead)));
  EXPECT_TRUE(ring.ConsumerHolder().is_free());
  for (std::uint64_t lane = 0; lane < 3; ++lane) {
    EXPECT_EQ(ring.LaneHolder(lane).is_free(), lane != living.lane());
  }
}

// The dead one had both roles of one ring, or one of them.
template <typename Ring>
class RingRecoverTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kCapacity = 1024;
  alignas(128) std::array<std::byte, Ring::SizeFor(kCapacity)> bytes_{};
  Ring ring_ = *Ring::Create(bytes_, kCapacity);
};
using Rings = ::testing::Types<SpscRing<std::uint64_t>, SpscByteRing>;
TYPED_TEST_SUITE(RingRecoverTest, Rings);

TYPED_TEST(RingRecoverTest, BothRolesOfTheDeadAreGivenBack) {
  const TypeParam& ring = this->ring_;
  Die(*ring.ClaimProducer(kDead));
  Die(*ring.ClaimConsumer(Pace::kPrompt, kDead));
  EXPECT_FALSE(ring.Recover(DeadOwner::Attested(kAlive)));
  EXPECT_TRUE(ring.Recover(DeadOwner::Attested(kDead)));
  EXPECT_TRUE(ring.ProducerHolder().is_free());
  EXPECT_TRUE(ring.ConsumerHolder().is_free());
  EXPECT_FALSE(ring.Recover(DeadOwner::Attested(kDead)));
}

TYPED_TEST(RingRecoverTest, TheLivingKeepTheirs) {
  const TypeParam& ring = this->ring_;
  Die(*ring.ClaimProducer(kDead));
  const auto consumer = *ring.ClaimConsumer(Pace::kPrompt, kAlive);
  EXPECT_TRUE(ring.Recover(DeadOwner::Attested(kDead)));
  EXPECT_TRUE(ring.ProducerHolder().is_free());
  EXPECT_EQ(ring.ConsumerHolder().index(), kAlive.index());
}

TYPED_TEST(RingRecoverTest, AParticipantIsNotTakenOverByAnybodysWord) {
  const TypeParam& ring = this->ring_;
  Die(*ring.ClaimProducer(kDead));
  Die(*ring.ClaimConsumer(Pace::kPrompt, kDead));
  EXPECT_EQ(ring.TakeOverProducer(AttestedDeath(ring.ProducerHolder()), kAlive)
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      ring.TakeOverConsumer(AttestedDeath(ring.ConsumerHolder())).error().code,
      ErrorCode::kInvalidArgument);
}

// Anybody may push: what the dead held are slots.
template <typename Ring>
class ManyRecoverTest : public RingRecoverTest<Ring> {
 protected:
  // Whether there was something of the dead one's.
  [[nodiscard]] bool Recover(OwnerId dead) const {
    const auto recovered = this->ring_.Recover(DeadOwner::Attested(dead));
    if constexpr (requires { recovered.any(); }) {
      return recovered.any();
    } else {
      return recovered;
    }
  }
};
using ManyRings =
    ::testing::Types<MpscRing<std::uint64_t>, MpmcRing<std::uint64_t>>;
TYPED_TEST_SUITE(ManyRecoverTest, ManyRings);

TYPED_TEST(ManyRecoverTest, WhatADeadProducerHeldIsPassedOver) {
  auto dead = *this->ring_.ClaimProducer(kDead);
  auto alive = *this->ring_.ClaimProducer(kAlive);
  auto consumer = *this->ring_.ClaimConsumer();
  std::uint64_t* slot = nullptr;
  EXPECT_EQ(dead.TryPush(41), RingResult::kOk);
  ASSERT_EQ(dead.TryReserve(slot), RingResult::kOk);
  Die(std::move(dead));
  EXPECT_EQ(alive.TryPush(42), RingResult::kOk);
  EXPECT_FALSE(this->Recover(kAlive));
  EXPECT_TRUE(this->Recover(kDead));
  EXPECT_FALSE(this->Recover(kDead));
  for (const std::uint64_t number : {41u, 42u}) {
    std::uint64_t value = 0;
    EXPECT_EQ(consumer.TryPop(value), RingResult::kOk);
    EXPECT_EQ(value, number);
  }
}

TEST(SpscRingRecoverTest, NothingPushedIsLost) {
  using Ring = SpscRing<std::uint64_t>;
  alignas(128) std::array<std::byte, Ring::SizeFor(8)> bytes{};
  const Ring ring = *Ring::Create(bytes, 8);
  auto producer = *ring.ClaimProducer(kDead);
  auto consumer = *ring.ClaimConsumer(Pace::kPrompt, kDead);
  for (std::uint64_t value = 1; value <= 3; ++value) {
    EXPECT_EQ(producer.TryPush(value), RingResult::kOk);
  }
  std::uint64_t value = 0;
  EXPECT_EQ(consumer.TryPop(value), RingResult::kOk);
  Die(std::move(producer));
  Die(std::move(consumer));
  EXPECT_TRUE(ring.Recover(DeadOwner::Attested(kDead)));
  auto next_producer = *ring.ClaimProducer(kAlive);
  auto next_consumer = *ring.ClaimConsumer(Pace::kPrompt, kAlive);
  EXPECT_EQ(next_producer.TryPush(4), RingResult::kOk);
  std::vector<std::uint64_t> popped;
  while (next_consumer.TryPop(value) == RingResult::kOk)
    popped.push_back(value);
  // The one it had in hand may come again.
  if (popped.front() == 1) popped.erase(popped.begin());
  EXPECT_EQ(popped, (std::vector<std::uint64_t>{2, 3, 4}));
}

}  // namespace
}  // namespace placid
