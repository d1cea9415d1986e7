// SPDX-License-Identifier: Apache-2.0
//
// A producer that is stopped in the middle of a claim is not dead: nobody may
// recover it, the others go on, and what it commits when it goes on is as good
// as any other value. Killed while it is stopped, it is recovered.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>

#include "member.h"
#include "placid/base/result.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "tests/support/checked_value.h"
#include "tests/support/scratch.h"
#include "tests/support/value_records.h"

namespace placid {
namespace {

using placid::testing::Member;
using T = placid::testing::CheckedValue<1>;

template <typename Ring>
class StoppedProducerTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kCapacity = 16;

  StoppedProducerTest() {
    CreateSegmentOptions options;
    options.size_bytes = Ring::SizeFor(kCapacity);
    options.participants = 4;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      const auto ring = Ring::Create(bytes, kCapacity);
      if (!ring) return ring.error();
      return Ok();
    };
    segment_ = *Segment::Create(name_, options);
    ring_.emplace(*Ring::Attach(segment_.bytes()));
    me_ = *Membership::Join(segment_);
  }
  ~StoppedProducerTest() override { (void)Segment::Unlink(name_); }

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

  std::uint64_t RecoverDead() {
    return *me_.RecoverDead(segment_,
                            [this](const DeadOwner& dead) -> Result<void> {
                              ring_->Recover(dead);
                              return Ok();
                            });
  }
  static std::uint64_t PopSoon(typename Ring::Consumer& consumer) {
    T value{};
    for (int i = 0; i < 10'000; ++i) {
      if (consumer.TryPop(value) == RingResult::kOk) return value.number();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return 0;
  }
  // Until it stands in its claim.
  static void AwaitStop(const Member& member) {
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(member.pid()), &info, WSTOPPED | WNOWAIT);
  }

  placid::testing::Scratch scratch_;
  const os::Name name_ = scratch_.NewName();
  Segment segment_;
  std::optional<Ring> ring_;
  Membership me_;
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
  ::kill(member.pid(), SIGCONT);
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
