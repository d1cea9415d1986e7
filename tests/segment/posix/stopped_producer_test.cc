// SPDX-License-Identifier: Apache-2.0
//
// A producer that is stopped in the middle of a claim is not dead: nobody may
// recover it, the others go on, and what it commits when it goes on is as good
// as any other value. Killed while it is stopped, it is recovered.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>

#include "member.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "stopped_member.h"
#include "tests/support/checked_value.h"
#include "tests/support/value_records.h"

namespace placid {
namespace {

using placid::testing::Member;
using T = placid::testing::CheckedValue<1>;

template <typename Ring>
class StoppedProducerTest
    : public placid::testing::StoppedMemberTest<Ring, 16> {
 protected:
  // Claims the next position, is stopped, and commits 1 when it goes on.
  static void ClaimAndWait(const Segment& segment, Membership& member) {
    const Ring ring = *Ring::Attach(segment.bytes());
    auto producer = *ring.ClaimProducer(member.id());
    T* slot = nullptr;
    if (producer.TryReserve(slot) != RingResult::kOk) ::_exit(1);
    ::raise(SIGSTOP);
    *slot = T::Of(1);
    producer.Commit();
  }

  std::uint64_t PopSoon(typename Ring::Consumer& consumer) {
    return this->GetSoon([&](std::uint64_t& number) {
      T value{};
      const RingResult result = consumer.TryPop(value);
      number = value.number();
      return result;
    });
  }
};
using Rings =
    ::testing::Types<MpscRing<T>, placid::testing::ValueRecords<T, 100>>;
TYPED_TEST_SUITE(StoppedProducerTest, Rings);

TYPED_TEST(StoppedProducerTest, NobodyRecoversItAndItsCommitComesFirst) {
  const Member member(this->name_, TestFixture::ClaimAndWait);
  this->AwaitStop(member);
  auto other = *this->ring_->ClaimProducer(this->me_.id());
  auto consumer = *this->ring_->ClaimConsumer(Pace::kPrompt, this->me_.id());
  ASSERT_EQ(other.TryPush(T::Of(7)), RingResult::kOk);
  T value{};
  EXPECT_EQ(consumer.TryPop(value), RingResult::kPending);
  EXPECT_EQ(consumer.blocker(), member.id().index());
  EXPECT_EQ(this->RecoverDead(), 0u) << "a stopped one was taken for dead";
  EXPECT_EQ(consumer.TryPop(value), RingResult::kPending);
  this->GoOn(member);
  EXPECT_EQ(this->PopSoon(consumer), 1u);
  EXPECT_EQ(this->PopSoon(consumer), 7u);
}

TYPED_TEST(StoppedProducerTest, KilledWhileItIsStoppedItIsRecovered) {
  const Member member(this->name_, TestFixture::ClaimAndWait);
  this->AwaitStop(member);
  auto other = *this->ring_->ClaimProducer(this->me_.id());
  auto consumer = *this->ring_->ClaimConsumer(Pace::kPrompt, this->me_.id());
  ASSERT_EQ(other.TryPush(T::Of(7)), RingResult::kOk);
  EXPECT_EQ(this->RecoverDead(), 0u);
  member.Kill();
  T value{};
  EXPECT_EQ(consumer.TryPop(value), RingResult::kPending);
  EXPECT_EQ(this->RecoverDead(), 1u);
  EXPECT_EQ(this->PopSoon(consumer), 7u);
  EXPECT_EQ(consumer.TryPop(value), RingResult::kEmpty);
}

}  // namespace
}  // namespace placid
