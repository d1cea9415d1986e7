// SPDX-License-Identifier: Apache-2.0
//
// Roles of participants who are really killed: what they pushed arrives, all of
// it and in order, through any number of successors.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <thread>

#include "member.h"
#include "placid/base/result.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

using placid::testing::DrawSeed;
using placid::testing::Member;
using Ring = SpscRing<std::uint64_t>;
using Count = Latest<std::uint64_t>;

constexpr std::uint64_t kCapacity = 64;
constexpr std::uint64_t kRingBytes = Ring::SizeFor(kCapacity);

// What the segment holds: a ring, and behind it what its producer pushed last.
struct Placed {
  static Placed In(const Segment& segment) {
    return {*Ring::Attach(segment.bytes().first(kRingBytes)),
            *Count::Attach(segment.bytes().subspan(kRingBytes))};
  }
  // For both types, as a program does that knows what it placed.
  [[nodiscard]] RecoverOwner Recover() const {
    return [*this](const DeadOwner& dead) -> Result<void> {
      ring.Recover(dead);
      pushed.Recover(dead);
      return Ok();
    };
  }

  Ring ring;
  Count pushed;
};

class RoleStress : public ::testing::Test {
 protected:
  RoleStress() {
    CreateSegmentOptions options;
    options.size_bytes = kRingBytes + Count::SizeFor();
    options.participants = 4;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      const auto ring = Ring::Create(bytes.first(kRingBytes), kCapacity);
      if (!ring) return ring.error();
      const auto pushed = Count::Create(bytes.subspan(kRingBytes));
      if (!pushed) return pushed.error();
      return Ok();
    };
    segment_ = *Segment::Create(name_, options);
  }
  ~RoleStress() override { (void)Segment::Unlink(name_); }

  void SleepAtRandom() {
    std::uniform_int_distribution<std::int64_t> microseconds(0, 400);
    std::this_thread::sleep_for(
        std::chrono::microseconds(microseconds(random_)));
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  Segment segment_;
  const std::uint64_t seed_ = DrawSeed();
  std::mt19937_64 random_{seed_};
};

// Pushes the numbers after the last one that is known to have been pushed. One
// who dies between the push and the note has its successor push that number
// again; nothing is ever left out.
void PushForever(const Segment& segment, Membership& member) {
  const Placed placed = Placed::In(segment);
  auto producer = *placed.ring.ClaimProducer(member.id());
  auto pushed = *placed.pushed.ClaimWriter(member.id());
  std::uint64_t last = 0;
  (void)placed.pushed.MakeReader().TryLoad(last);  // the first finds nothing
  for (;;) {
    if (producer.TryPush(last + 1) == RingResult::kOk) pushed.Store(++last);
  }
}

TEST_F(RoleStress, WhatKilledProducersPushedArrives) {
  constexpr int kKilled = 60;
  const Placed placed = Placed::In(segment_);
  auto self = *Membership::Join(segment_);
  auto consumer = *placed.ring.ClaimConsumer(Pace::kPrompt, self.id());
  std::uint64_t highest = 0;
  std::uint64_t recovered = 0;
  const auto drain = [&] {
    for (std::uint64_t value = 0; consumer.TryPop(value) == RingResult::kOk;) {
      ASSERT_LE(value, highest + 1) << "left out";
      if (value > highest) highest = value;
    }
  };
  for (int killed = 0; killed < kKilled; ++killed) {
    Member producer(name_, PushForever);
    ASSERT_TRUE(producer.id().is_participant());
    for (int i = 0; i < 8; ++i) {
      SleepAtRandom();
      drain();
    }
    producer.Kill();
    drain();
    // Its roles are its own until its death has been looked into.
    const RoleHolder holder = placed.ring.ProducerHolder();
    if (!holder.is_free()) {
      EXPECT_EQ(holder.index(), producer.id().index());
      EXPECT_FALSE(placed.ring.ClaimProducer(self.id()));
    }
    recovered += *self.RecoverDead(segment_, placed.Recover());
    EXPECT_TRUE(placed.ring.ProducerHolder().is_free());
    EXPECT_TRUE(placed.pushed.WriterHolder().is_free());
    EXPECT_EQ(placed.ring.ConsumerHolder().index(), self.id().index());
  }
  EXPECT_EQ(recovered, std::uint64_t{kKilled});
  EXPECT_GT(highest, 0u);
}

}  // namespace
}  // namespace placid
