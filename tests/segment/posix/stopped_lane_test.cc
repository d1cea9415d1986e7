// SPDX-License-Identifier: Apache-2.0
//
// A producer that is stopped in the middle of a push into its lane delays
// nobody but itself, keeps the lane, and what it publishes when it goes on is
// as good as any other value. Killed while it is stopped, it loses that and
// nothing else, and its lane is somebody else's.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "member.h"
#include "placid/base/error.h"
#include "placid/base/shared_bytes.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "stopped_member.h"

namespace placid {
namespace {

using placid::testing::Member;
using Numbers = LaneRing<std::uint64_t, 2>;
using Records = LaneByteRing<2>;

bool Reserve(Numbers::Producer& producer, std::span<std::byte>& room) {
  std::span<std::uint64_t> slots;
  const RingResult result = producer.TryReserve(1, slots);
  room = std::as_writable_bytes(slots);
  return result == RingResult::kOk;
}
bool Reserve(Records::Producer& producer, std::span<std::byte>& room) {
  return producer.TryReserve(sizeof(std::uint64_t), room) == RingResult::kOk;
}
void Commit(Numbers::Producer& producer) { (void)producer.Commit(1); }
void Commit(Records::Producer& producer) {
  (void)producer.Commit(sizeof(std::uint64_t));
}
template <typename Producer>
bool Push(Producer& producer, std::uint64_t value, bool stops_before = false) {
  std::span<std::byte> room;
  if (!Reserve(producer, room)) return false;
  if (stops_before) ::raise(SIGSTOP);
  std::memcpy(room.data(), &value, sizeof(value));
  Commit(producer);
  return true;
}

RingResult Pop(Numbers::Consumer& consumer, std::uint64_t& value) {
  return consumer.TryPop(value);
}
RingResult Pop(Records::Consumer& consumer, std::uint64_t& value) {
  SharedBytes record;
  const RingResult result = consumer.TryFront(record);
  if (result == RingResult::kOk) value = *record.Load<std::uint64_t>(0);
  return result;
}

template <typename Ring>
class StoppedLaneTest : public placid::testing::StoppedMemberTest<Ring, 256> {
 protected:
  // Pushes 1, is stopped, and pushes 2 when it goes on.
  static void PushAndWait(const Segment& segment, Membership& member) {
    const Ring ring = *Ring::Attach(segment.bytes());
    auto producer = *ring.ClaimProducer(member.id());
    if (!Push(producer, 1)) ::_exit(1);
    if (!Push(producer, 2, /*stops_before=*/true)) ::_exit(1);
    for (;;) ::pause();
  }
};
using Rings = ::testing::Types<Numbers, Records>;
TYPED_TEST_SUITE(StoppedLaneTest, Rings);

TYPED_TEST(StoppedLaneTest, ItDelaysNobodyAndGoesOn) {
  const Member member(this->name_, TestFixture::PushAndWait);
  this->AwaitStop(member);
  auto other = *this->ring_->ClaimProducer(this->me_.id());
  auto consumer = *this->ring_->ClaimConsumer(Pace::kPrompt, this->me_.id());
  const auto pop = [&](std::uint64_t& value) { return Pop(consumer, value); };
  ASSERT_TRUE(Push(other, 7));
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  EXPECT_EQ(pop(first), RingResult::kOk);
  EXPECT_EQ(pop(second), RingResult::kOk);
  EXPECT_EQ(first + second, 8u) << "of either lane, all that is published";
  EXPECT_EQ(pop(first), RingResult::kEmpty);
  EXPECT_EQ(this->RecoverDead(), 0u) << "a stopped one was taken for dead";
  EXPECT_EQ(this->ring_->ClaimProducer(this->me_.id()).error().code,
            ErrorCode::kRoleTaken)
      << "it has its lane";
  this->GoOn(member);
  EXPECT_EQ(this->GetSoon(pop), 2u);
}

TYPED_TEST(StoppedLaneTest, KilledWhileItIsStoppedItLeavesItsLane) {
  const Member member(this->name_, TestFixture::PushAndWait);
  this->AwaitStop(member);
  const auto other = *this->ring_->ClaimProducer(this->me_.id());
  EXPECT_EQ(this->RecoverDead(), 0u);
  member.Kill();
  EXPECT_FALSE(this->ring_->ClaimProducer(this->me_.id()));
  EXPECT_EQ(this->RecoverDead(), 1u);
  auto heir = this->ring_->ClaimProducer(this->me_.id());
  ASSERT_TRUE(heir);
  ASSERT_TRUE(Push(*heir, 9));
  auto consumer = *this->ring_->ClaimConsumer(Pace::kPrompt, this->me_.id());
  std::uint64_t value = 0;
  EXPECT_EQ(Pop(consumer, value), RingResult::kOk);
  EXPECT_EQ(value, 1u);
  EXPECT_EQ(Pop(consumer, value), RingResult::kOk);
  EXPECT_EQ(value, 9u);
  EXPECT_EQ(Pop(consumer, value), RingResult::kEmpty);
}

}  // namespace
}  // namespace placid
