// SPDX-License-Identifier: Apache-2.0
//
// Records through lanes. Who holds the lanes is in lane_lease_test.cc.
#include "placid/primitives/lane_byte_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

using testing::GuardedBytes;
using Bytes = std::vector<std::byte>;
using Ring = LaneByteRing<3>;

static_assert(!std::is_copy_constructible_v<Ring::Producer>);
static_assert(!std::is_copy_constructible_v<Ring::Consumer>);

// Where a lane's counts begin: multiples of 8.
constexpr std::array<std::uint64_t, 4> kStarts = {
    0, 40, (std::uint64_t{1} << 32) - 8, std::uint64_t{0} - 8};
constexpr std::uint64_t kCapacity = 256;

// The n-th record of a lane.
Bytes RecordOf(std::uint64_t lane, std::uint64_t n) {
  Bytes record(static_cast<std::size_t>(n * 7 % 60));
  for (std::size_t i = 0; i < record.size(); ++i) {
    record[i] = static_cast<std::byte>(lane * 101 + n * 37 + i * 11 + 1);
  }
  return record;
}

class LaneByteRingTest : public ::testing::Test {
 protected:
  void StartAt(std::uint64_t start) {
    ASSERT_TRUE(Ring::Reset(guarded_.bytes(), NobodyUsesIt()));
    ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
    for (std::uint64_t i = 0; i < 3; ++i) {
      lane(i).tail.store(start, kRelaxed);
      lane(i).head.store(start, kRelaxed);
    }
    pushed_ = popped_ = {};
  }
  [[nodiscard]] SpscByteRing::Memory& lane(std::uint64_t i) const {
    const std::uint64_t stride = (Ring::SizeFor(kCapacity) - 0x100) / 3;
    return *reinterpret_cast<SpscByteRing::Memory*>(guarded_.bytes().data() +
                                                    0x100 + i * stride);
  }
  RingResult PushNext(Ring::Producer& producer) {
    std::uint64_t& n = pushed_[static_cast<std::size_t>(producer.lane())];
    const RingResult result = producer.TryPush(RecordOf(producer.lane(), n));
    if (result == RingResult::kOk) ++n;
    return result;
  }
  RingResult PopNext(Ring::Consumer& consumer) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result != RingResult::kOk) {
      EXPECT_TRUE(record.empty());
      return result;
    }
    Bytes copy(record.size());
    record.CopyOut(copy);
    std::uint64_t& n = popped_[static_cast<std::size_t>(consumer.lane())];
    EXPECT_EQ(copy, RecordOf(consumer.lane(), n++));
    return result;
  }

  GuardedBytes guarded_{Ring::SizeFor(kCapacity)};
  Ring ring_ = *Ring::Create(guarded_.bytes(), kCapacity);
  std::array<std::uint64_t, 3> pushed_{};
  std::array<std::uint64_t, 3> popped_{};
};

TEST_F(LaneByteRingTest, RecordsOfEachLaneComeOutInOrderAtEveryCount) {
  for (const std::uint64_t start : kStarts) {
    for (const Pace pace : {Pace::kPrompt, Pace::kStreaming}) {
      StartAt(start);
      std::vector<Ring::Producer> producers;
      for (int i = 0; i < 3; ++i) {
        producers.push_back(*ring_.ClaimProducer());
      }
      auto consumer = *ring_.ClaimConsumer(pace);
      for (std::uint64_t round = 0; round < 100; ++round) {
        for (auto& producer : producers) {
          if ((round + producer.lane()) % 3 == 0) continue;
          while (PushNext(producer) == RingResult::kOk) {
          }
        }
        while (PopNext(consumer) == RingResult::kOk) {
        }
        EXPECT_EQ(PopNext(consumer), RingResult::kEmpty);
        ASSERT_EQ(pushed_, popped_);
      }
      EXPECT_GT(popped_[0], 100u);
    }
  }
}

TEST_F(LaneByteRingTest, StagedRecordsAreSeenTogether) {
  auto producer = *ring_.ClaimProducer();
  auto consumer = *ring_.ClaimConsumer();
  EXPECT_FALSE(producer.Stage(1)) << "nothing is reserved";
  EXPECT_FALSE(producer.Commit(1));
  for (int i = 0; i < 2; ++i) {
    std::span<std::byte> payload;
    ASSERT_EQ(producer.TryReserve(9, payload), RingResult::kOk);
    std::ranges::fill(payload, std::byte{7});
    EXPECT_TRUE(producer.Stage(5));
  }
  std::span<std::byte> payload;
  ASSERT_EQ(producer.TryReserve(9, payload), RingResult::kOk);
  producer.Abort();
  SharedBytes record;
  EXPECT_EQ(consumer.TryFront(record), RingResult::kEmpty);
  producer.Publish();
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(consumer.TryFront(record), RingResult::kOk);
    EXPECT_EQ(record.size(), 5u);
    EXPECT_EQ(record.Load<std::byte>(4), std::byte{7});
  }
  EXPECT_EQ(consumer.TryFront(record), RingResult::kEmpty);
}

TEST_F(LaneByteRingTest, ARecordOfTheWholeLanePasses) {
  auto producer = *ring_.ClaimProducer();
  auto consumer = *ring_.ClaimConsumer();
  EXPECT_EQ(ring_.MostRecordBytes(), kCapacity - 8);
  EXPECT_EQ(producer.MostRecordBytes(), kCapacity - 8);
  const Bytes most(kCapacity - 8, std::byte{3});
  const Bytes more(kCapacity - 7);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(producer.TryPush(more), RingResult::kFull);
    EXPECT_EQ(producer.TryPush(most), RingResult::kOk);
    EXPECT_EQ(producer.TryPush({}), RingResult::kFull);
    SharedBytes record;
    EXPECT_EQ(consumer.TryFront(record), RingResult::kOk);
    EXPECT_EQ(record.size(), most.size());
    consumer.Retire();
    consumer.Publish();
  }
}

TEST_F(LaneByteRingTest, TheRecordInHandIsRetiredByTheNextCall) {
  auto first = *ring_.ClaimProducer();
  auto second = *ring_.ClaimProducer();
  {
    auto consumer = *ring_.ClaimConsumer();
    // Empty records: a header each.
    EXPECT_EQ(first.TryPush({}), RingResult::kOk);
    EXPECT_EQ(second.TryPush({}), RingResult::kOk);
    SharedBytes record;
    ASSERT_EQ(consumer.TryFront(record), RingResult::kOk);
    const std::uint64_t at = consumer.lane();
    EXPECT_EQ(lane(at).head.load(kRelaxed), 0u);
    ASSERT_EQ(consumer.TryFront(record), RingResult::kOk);
    EXPECT_NE(consumer.lane(), at);
    EXPECT_EQ(lane(at).head.load(kRelaxed), 8u);
    EXPECT_EQ(lane(consumer.lane()).head.load(kRelaxed), 0u);
  }
  // Dropping the role gives back the one in hand, too.
  EXPECT_EQ(lane(first.lane()).head.load(kRelaxed), 8u);
  EXPECT_EQ(lane(second.lane()).head.load(kRelaxed), 8u);
}

TEST_F(LaneByteRingTest, AClosedConsumerIsToldToWhoeverLacksRoom) {
  auto producer = *ring_.ClaimProducer();
  auto consumer = *ring_.ClaimConsumer();
  consumer.Close();
  SharedBytes record;
  EXPECT_EQ(consumer.TryFront(record), RingResult::kClosed);
  RingResult result = RingResult::kOk;
  for (int i = 0; i < 100; ++i) result = PushNext(producer);
  EXPECT_EQ(result, RingResult::kClosed);
  std::span<std::byte> payload;
  EXPECT_EQ(producer.TryReserve(100, payload), RingResult::kClosed);
  EXPECT_TRUE(producer.IsConsumerClosed());
}

TEST_F(LaneByteRingTest, ALaneWhoseRecordsLieHarmsItselfAlone) {
  auto bad = *ring_.ClaimProducer();
  auto good = *ring_.ClaimProducer();
  auto consumer = *ring_.ClaimConsumer();
  EXPECT_EQ(bad.TryPush(RecordOf(0, 1)), RingResult::kOk);
  // A length past the end.
  *reinterpret_cast<std::uint64_t*>(&lane(bad.lane()) + 1) =
      std::uint64_t{1} << 32 | 5000;
  EXPECT_EQ(PushNext(good), RingResult::kOk);
  EXPECT_EQ(PopNext(consumer), RingResult::kOk);
  EXPECT_EQ(consumer.lane(), good.lane());
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(PopNext(consumer), RingResult::kCorrupt);
    EXPECT_EQ(consumer.lane(), bad.lane());
    EXPECT_EQ(PushNext(good), RingResult::kOk);
    EXPECT_EQ(PopNext(consumer), RingResult::kOk);
  }
}

// Positions that no record has: nothing is read there.
TEST_F(LaneByteRingTest, ALaneWithACrookedHeadIsCorruptForEachConsumer) {
  auto good = *ring_.ClaimProducer();
  const std::uint64_t bad = (good.lane() + 1) % 3;
  lane(bad).head.store(4, kRelaxed);
  lane(bad).tail.store(40, kRelaxed);
  for (int i = 0; i < 2; ++i) {
    auto consumer = *ring_.ClaimConsumer();
    EXPECT_EQ(PopNext(consumer), RingResult::kCorrupt);
    EXPECT_EQ(consumer.lane(), bad);
    EXPECT_EQ(PushNext(good), RingResult::kOk);
    EXPECT_EQ(PopNext(consumer), RingResult::kOk);
    EXPECT_EQ(consumer.lane(), good.lane());
  }
}

}  // namespace
}  // namespace placid
