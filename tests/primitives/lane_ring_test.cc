// SPDX-License-Identifier: Apache-2.0
//
// What goes through the lanes, and how: order, turns, batches, in place, lies.
// Who holds them is in lane_lease_test.cc.
#include "placid/primitives/lane_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

using testing::CheckedValue;
using testing::GuardedBytes;

static_assert(!std::is_copy_constructible_v<LaneRing<int, 2>::Producer>);
static_assert(!std::is_copy_constructible_v<LaneRing<int, 2>::Consumer>);

// Where a lane's counts begin.
constexpr std::array<std::uint64_t, 4> kStarts = {
    0, 5, (std::uint64_t{1} << 32) - 8, std::uint64_t{0} - 8};

template <typename Value, std::uint64_t kNumber, std::uint64_t kSlots,
          bool kIsDynamic>
struct Case {
  using T = Value;
  static constexpr std::uint64_t kLanes = kNumber;
  static constexpr std::uint64_t kCapacity = kSlots;
  using Ring = LaneRing<T, kLanes, kIsDynamic ? kDynamic : kSlots>;
  using Lane = SpscRing<T, kIsDynamic ? kDynamic : kSlots>;
};

template <typename Case>
class LaneRingTest : public ::testing::Test {
 protected:
  using T = typename Case::T;
  using Ring = typename Case::Ring;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;
  static constexpr std::uint64_t kLanes = Case::kLanes;
  static constexpr std::uint64_t kCapacity = Case::kCapacity;

  // The words of a lane.
  [[nodiscard]] typename Case::Lane::Memory& lane(std::uint64_t i) const {
    const std::uint64_t stride = (Ring::SizeFor(kCapacity) - 0x100) / kLanes;
    return *reinterpret_cast<typename Case::Lane::Memory*>(
        guarded_.bytes().data() + 0x100 + i * stride);
  }
  // The ring, empty, as if `start` values had gone through each lane.
  void StartAt(std::uint64_t start) {
    ASSERT_TRUE(Ring::Reset(guarded_.bytes(), NobodyUsesIt()));
    ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
    for (std::uint64_t i = 0; i < kLanes; ++i) {
      lane(i).tail.store(start, kRelaxed);
      lane(i).head.store(start, kRelaxed);
    }
  }
  // One for each lane; each in a lane of its own.
  [[nodiscard]] std::vector<Producer> Producers() const {
    std::vector<Producer> producers;
    std::uint64_t lanes = 0;
    for (std::uint64_t i = 0; i < kLanes; ++i) {
      producers.push_back(*ring_.ClaimProducer());
      lanes |= std::uint64_t{1} << producers.back().lane();
    }
    EXPECT_EQ(lanes, LaneSchedule<kLanes>::kAll);
    return producers;
  }
  // Value `n` of the producer in a lane.
  static T Value(std::uint64_t lane, std::uint64_t n) {
    return T::Of(n * 64 + lane);
  }
  static void ExpectPushes(Producer& producer, std::uint64_t n) {
    EXPECT_EQ(producer.TryPush(Value(producer.lane(), n)), RingResult::kOk);
  }
  // Pops one: the next of its lane.
  void ExpectPopsNext(Consumer& consumer) {
    T value = T::Of(0);
    ASSERT_EQ(consumer.TryPop(value), RingResult::kOk);
    ExpectNext(consumer, value);
  }
  void ExpectNext(Consumer& consumer, const T& value) {
    EXPECT_TRUE(value.IsWhole());
    EXPECT_EQ(value.number() % 64, consumer.lane());
    std::uint64_t& n = popped_[static_cast<std::size_t>(consumer.lane())];
    EXPECT_EQ(value.number() / 64, n++);
  }
  static void ExpectPopGives(Consumer& consumer, RingResult result) {
    T value = T::Of(77);
    EXPECT_EQ(consumer.TryPop(value), result) << ToString(result);
    EXPECT_EQ(value.number(), 77u) << "a failed pop wrote the value";
  }

  GuardedBytes guarded_{Ring::SizeFor(kCapacity)};
  Ring ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
  std::array<std::uint64_t, kLanes> popped_{};
};

using One = CheckedValue<1>;
using Nine = CheckedValue<9>;
using Cases =
    ::testing::Types<Case<One, 2, 8, false>, Case<One, 3, 8, true>,
                     Case<One, 1, 1, false>, Case<Nine, 2, 1, true>,
                     Case<Nine, 5, 2, false>, Case<Nine, 64, 4, true>>;
TYPED_TEST_SUITE(LaneRingTest, Cases);

// ---- One at a time

TYPED_TEST(LaneRingTest, ValuesOfEachLaneComeOutInOrderAtEveryCount) {
  for (const std::uint64_t start : kStarts) {
    for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
      this->StartAt(start);
      this->popped_ = {};
      auto producers = this->Producers();
      auto consumer = this->ring_.ClaimConsumer(pace);
      ASSERT_TRUE(consumer);
      this->ExpectPopGives(*consumer, RingResult::kEmpty);
      std::vector<std::uint64_t> pushed(this->kLanes);
      for (int round = 0; round < 24; ++round) {
        std::uint64_t fresh = 0;
        for (auto& producer : producers) {
          // Some lanes full, some half, some empty.
          const std::uint64_t lane = producer.lane();
          const std::uint64_t wanted =
              (lane + static_cast<std::uint64_t>(round)) % 3 * this->kCapacity /
              2;
          for (std::uint64_t i = 0; i < wanted; ++i, ++fresh) {
            this->ExpectPushes(producer,
                               pushed[static_cast<std::size_t>(lane)]++);
          }
        }
        while (fresh-- > 0) this->ExpectPopsNext(*consumer);
        this->ExpectPopGives(*consumer, RingResult::kEmpty);
      }
    }
  }
}

TYPED_TEST(LaneRingTest, PushIntoAFullLaneChangesNothing) {
  for (const std::uint64_t start : kStarts) {
    this->StartAt(start);
    this->popped_ = {};
    auto producers = this->Producers();
    auto consumer = this->ring_.ClaimConsumer();
    for (auto& producer : producers) {
      for (std::uint64_t i = 0; i < this->kCapacity; ++i) {
        this->ExpectPushes(producer, i);
      }
      EXPECT_EQ(producer.TryPush(TypeParam::T::Of(99)), RingResult::kFull);
      EXPECT_EQ(producer.TryPush(TypeParam::T::Of(99)), RingResult::kFull);
    }
    for (std::uint64_t i = 0; i < this->kLanes * this->kCapacity; ++i) {
      this->ExpectPopsNext(*consumer);
    }
    this->ExpectPopGives(*consumer, RingResult::kEmpty);
    for (auto& producer : producers) {
      this->ExpectPushes(producer, this->kCapacity);
    }
  }
}

// A lane that was left keeps nothing back, however the consumer is paced: its
// producer might wait for the space.
TYPED_TEST(LaneRingTest, ALaneThatWasLeftHasAllItsSpaceBack) {
  for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
    this->StartAt(0);
    auto producers = this->Producers();
    auto consumer = this->ring_.ClaimConsumer(pace);
    typename TypeParam::T value;
    std::uint64_t last = this->kLanes;
    for (auto& producer : producers) this->ExpectPushes(producer, 0);
    for (std::uint64_t i = 0; i < this->kLanes; ++i) {
      ASSERT_EQ(consumer->TryPop(value), RingResult::kOk);
      if (last < this->kLanes) {
        EXPECT_EQ(this->lane(last).head.load(kRelaxed), 1u);
      }
      last = consumer->lane();
      EXPECT_EQ(this->lane(last).head.load(kRelaxed), 0u) << "still in hand";
    }
    this->ExpectPopGives(*consumer, RingResult::kEmpty);
    EXPECT_EQ(this->lane(last).head.load(kRelaxed), 1u);
  }
}

// The same where the lane still has values, and only its turn is over.
TEST(LaneTurnTest, ALaneWhoseTurnIsOverHasItsSpaceBack) {
  using Ring = LaneRing<std::uint64_t, 2, 256>;
  static Ring::Storage storage;
  const Ring ring = *Ring::Attach(storage);
  auto first = *ring.ClaimProducer();
  auto second = *ring.ClaimProducer();
  for (std::uint64_t i = 0; i < 256; ++i) {
    ASSERT_EQ(first.TryPush(i), RingResult::kOk);
    ASSERT_EQ(second.TryPush(i), RingResult::kOk);
  }
  auto consumer = *ring.ClaimConsumer(Pace::kStreaming);
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < LaneSchedule<2>::kTurn; ++i) {
    ASSERT_EQ(consumer.TryPop(value), RingResult::kOk);
  }
  const auto left = static_cast<std::size_t>(consumer.lane());
  ASSERT_EQ(consumer.TryPop(value), RingResult::kOk);
  EXPECT_NE(consumer.lane(), left);
  EXPECT_EQ(storage.lanes[left].memory.head.load(kRelaxed),
            LaneSchedule<2>::kTurn);
}

// A consumer that streams looks again at the lane that ran dry before it looks at
// those that rest; but it does look.
TEST(LaneTurnTest, AStreamThatRanDryHidesNoLaneThatRests) {
  using Ring = LaneRing<std::uint64_t, 3, 8>;
  Ring::Storage storage{};
  const Ring ring = *Ring::Attach(storage);
  auto stream = *ring.ClaimProducer();
  auto rests = *ring.ClaimProducer();
  auto consumer = *ring.ClaimConsumer(Pace::kStreaming);
  std::uint64_t value = 0;
  for (std::uint64_t round = 0; round < 100; ++round) {
    ASSERT_EQ(stream.TryPush(round), RingResult::kOk);
    ASSERT_EQ(consumer.TryPop(value), RingResult::kOk);
    ASSERT_EQ(value, round);
    if (round % 10 != 9) continue;
    ASSERT_EQ(rests.TryPush(1000 + round), RingResult::kOk);
    ASSERT_EQ(consumer.TryPop(value), RingResult::kOk) << "in one call";
    ASSERT_EQ(value, 1000 + round);
  }
  ASSERT_EQ(consumer.TryPop(value), RingResult::kEmpty);
}

TYPED_TEST(LaneRingTest, PublishAndDroppingTheRoleGiveAllBack) {
  auto producers = this->Producers();
  auto& producer = producers[0];
  const std::uint64_t lane = producer.lane();
  {
    auto consumer = *this->ring_.ClaimConsumer(Pace::kStreaming);
    this->ExpectPushes(producer, 0);
    this->ExpectPopsNext(consumer);
    EXPECT_EQ(this->lane(lane).head.load(kRelaxed), 0u);
    consumer.Publish();
    EXPECT_EQ(this->lane(lane).head.load(kRelaxed), 1u);
    this->ExpectPushes(producer, 1);
    this->ExpectPopsNext(consumer);
  }
  EXPECT_EQ(this->lane(lane).head.load(kRelaxed), 2u);
  EXPECT_TRUE(this->ring_.ConsumerHolder().is_free());
}

// The one that is assigned to gives its own back, and has the other's.
TYPED_TEST(LaneRingTest, AConsumerCanBeMoved) {
  auto producers = this->Producers();
  for (auto& producer : producers) this->ExpectPushes(producer, 0);
  auto first = *this->ring_.ClaimConsumer();
  this->ExpectPopsNext(first);
  auto second = std::move(first);
  for (std::uint64_t i = 1; i < this->kLanes; ++i) {
    this->ExpectPopsNext(second);
  }
  GuardedBytes elsewhere(TypeParam::Ring::SizeFor(this->kCapacity));
  const auto other =
      *TypeParam::Ring::Create(elsewhere.bytes(), this->kCapacity);
  auto third = *other.ClaimConsumer();
  third = std::move(second);
  EXPECT_TRUE(other.ConsumerHolder().is_free());
  EXPECT_FALSE(this->ring_.ConsumerHolder().is_free());
  this->ExpectPopGives(third, RingResult::kEmpty);
}

// ---- Batches and in place

TYPED_TEST(LaneRingTest, ABatchIsOfOneLaneAndSaysHowMuch) {
  for (const std::uint64_t start : kStarts) {
    this->StartAt(start);
    this->popped_ = {};
    auto producers = this->Producers();
    auto consumer = this->ring_.ClaimConsumer();
    for (auto& producer : producers) {
      std::vector<typename TypeParam::T> values;
      for (std::uint64_t i = 0; i < this->kCapacity + 3; ++i) {
        values.push_back(this->Value(producer.lane(), i));
      }
      std::size_t pushed = 99;
      EXPECT_EQ(producer.TryPushSome({}, pushed), RingResult::kOk);
      EXPECT_EQ(pushed, 0u);
      EXPECT_EQ(producer.TryPushSome(values, pushed), RingResult::kOk);
      EXPECT_EQ(pushed, this->kCapacity);
      EXPECT_EQ(producer.TryPushSome(values, pushed), RingResult::kFull);
      EXPECT_EQ(pushed, 0u);
    }
    std::vector<typename TypeParam::T> values(this->kCapacity + 3);
    std::size_t popped = 99;
    EXPECT_EQ(consumer->TryPopSome({}, popped), RingResult::kOk);
    EXPECT_EQ(popped, 0u);
    for (std::uint64_t i = 0; i < this->kLanes; ++i) {
      ASSERT_EQ(consumer->TryPopSome(values, popped), RingResult::kOk);
      ASSERT_EQ(popped, this->kCapacity);
      for (std::size_t n = 0; n < popped; ++n) {
        this->ExpectNext(*consumer, values[n]);
      }
    }
    EXPECT_EQ(consumer->TryPopSome(values, popped), RingResult::kEmpty);
    EXPECT_EQ(popped, 0u);
  }
}

TYPED_TEST(LaneRingTest, SlotsAreWrittenAndReadInPlace) {
  for (const std::uint64_t start : kStarts) {
    this->StartAt(start);
    this->popped_ = {};
    auto producers = this->Producers();
    auto consumer = this->ring_.ClaimConsumer();
    SharedSpan<typename TypeParam::T> values;
    EXPECT_EQ(consumer->TryPeek(0, values), RingResult::kOk);
    EXPECT_EQ(consumer->TryPeek(1, values), RingResult::kEmpty);
    EXPECT_EQ(consumer->Retire(1), 0u);
    for (auto& producer : producers) {
      std::span<typename TypeParam::T> slots;
      ASSERT_EQ(producer.TryReserve(1, slots), RingResult::kOk);
      slots[0] = this->Value(producer.lane(), 0);
      EXPECT_EQ(producer.Commit(9), 1u);
      EXPECT_EQ(producer.Commit(1), 0u) << "committed twice";
    }
    for (std::uint64_t i = 0; i < this->kLanes; ++i) {
      // Looked at again, it is still there; given back, it is not.
      ASSERT_EQ(consumer->TryPeek(3, values), RingResult::kOk);
      const std::uint64_t lane = consumer->lane();
      ASSERT_EQ(consumer->TryPeek(3, values), RingResult::kOk);
      EXPECT_EQ(consumer->lane(), lane);
      ASSERT_EQ(values.size(), 1u);
      this->ExpectNext(*consumer, values[0].Load());
      EXPECT_EQ(consumer->Retire(3), 1u);
      EXPECT_EQ(consumer->Retire(1), 0u) << "retired twice";
    }
    EXPECT_EQ(consumer->TryPeek(1, values), RingResult::kEmpty);
    EXPECT_TRUE(values.empty());
  }
}

// ---- Closing

TYPED_TEST(LaneRingTest, AClosedConsumerIsToldToWhoeverIsFull) {
  auto producers = this->Producers();
  {
    auto consumer = *this->ring_.ClaimConsumer();
    EXPECT_FALSE(producers[0].IsConsumerClosed());
    this->ExpectPushes(producers[0], 0);
    consumer.Close();
    this->ExpectPopGives(consumer, RingResult::kClosed);
    SharedSpan<typename TypeParam::T> values;
    EXPECT_EQ(consumer.TryPeek(1, values), RingResult::kClosed);
  }
  for (auto& producer : producers) {
    EXPECT_TRUE(producer.IsConsumerClosed());
    RingResult result = RingResult::kOk;
    for (std::uint64_t i = 0; i <= this->kCapacity; ++i) {
      result = producer.TryPush(TypeParam::T::Of(i));
    }
    EXPECT_EQ(result, RingResult::kClosed);
    std::size_t pushed = 0;
    const std::array<typename TypeParam::T, 1> some{};
    EXPECT_EQ(producer.TryPushSome(some, pushed), RingResult::kClosed);
    std::span<typename TypeParam::T> slots;
    EXPECT_EQ(producer.TryReserve(1, slots), RingResult::kClosed);
  }
  // For ever: a successor is told the same.
  auto successor = *this->ring_.ClaimConsumer();
  this->ExpectPopGives(successor, RingResult::kClosed);
}

// ---- Lies

// A peer that spoils its own lane: the others go on, a claim skips it.
TYPED_TEST(LaneRingTest, ALaneWhoseCountsLieHarmsItselfAlone) {
  auto consumer = *this->ring_.ClaimConsumer();
  std::vector<typename TestFixture::Producer> producers = this->Producers();
  const std::uint64_t bad = producers.back().lane();
  this->lane(bad).tail.store(this->kCapacity + 7, kRelaxed);
  for (auto& producer : producers) {
    if (producer.lane() != bad) this->ExpectPushes(producer, 0);
  }
  for (std::uint64_t i = 1; i < this->kLanes; ++i) {
    this->ExpectPopsNext(consumer);
  }
  for (int again = 0; again < 3; ++again) {
    this->ExpectPopGives(consumer, RingResult::kCorrupt);
    EXPECT_EQ(consumer.lane(), bad);
  }
  producers.clear();
  for (std::uint64_t i = 1; i < this->kLanes; ++i) {
    auto producer = this->ring_.ClaimProducer();
    ASSERT_TRUE(producer);
    EXPECT_NE(producer->lane(), bad);
    this->ExpectPushes(*producer, 1);
    producers.push_back(*std::move(producer));
  }
  EXPECT_EQ(this->ring_.ClaimProducer().error().code, ErrorCode::kCorrupt);
  EXPECT_TRUE(this->ring_.LaneHolder(bad).is_free());
  for (std::uint64_t i = 1; i < this->kLanes; ++i) {
    this->ExpectPopsNext(consumer);
  }
  this->ExpectPopGives(consumer, RingResult::kCorrupt);
}

// A consumer that is claimed while a lane lies finds that out, lane by lane.
TYPED_TEST(LaneRingTest, ALaneThatLiesDoesNotKeepTheConsumerOut) {
  this->lane(0).head.store(1, kRelaxed);
  auto consumer = this->ring_.ClaimConsumer();
  ASSERT_TRUE(consumer);
  this->ExpectPopGives(*consumer, RingResult::kCorrupt);
  EXPECT_EQ(consumer->lane(), 0u);
}

}  // namespace
}  // namespace placid
