// SPDX-License-Identifier: Apache-2.0
//
// What one process can show of taking part, on every system.
#include "placid/segment/membership.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/segment/liveness.h"
#include "placid/segment/monitor.h"
#include "placid/segment/segment.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

static_assert(!std::is_copy_constructible_v<Membership>);
static_assert(std::is_nothrow_move_constructible_v<Membership>);

class MembershipTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kRows = 3;

  MembershipTest() {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.participants = kRows;
    segment_ = *Segment::Create(name_, options);
  }
  ~MembershipTest() override { (void)Segment::Unlink(name_); }

  static Result<void> NeverCalled(const DeadOwner&) {
    ADD_FAILURE() << "nobody is dead";
    return Ok();
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  Segment segment_;
};

TEST_F(MembershipTest, WhoJoinsHasAnIdOfItsOwnAndIsAlive) {
  const auto one = Membership::Join(segment_);
  ASSERT_TRUE(one) << one.error().Message().c_str();
  const auto other = Membership::Join(segment_);
  ASSERT_TRUE(other) << other.error().Message().c_str();
  EXPECT_TRUE(one->is_joined());
  EXPECT_TRUE(one->id().is_participant());
  EXPECT_NE(one->id(), other->id());
  for (const OwnerId id : {one->id(), other->id()}) {
    EXPECT_EQ(LookAt(segment_, id), os::Liveness::kAlive);
    const auto death = ProveDeath(segment_, id.index());
    ASSERT_FALSE(death);
    EXPECT_EQ(death.error().code, ErrorCode::kBusy);
    const auto identity = segment_.participants().IdentityOf(id);
    ASSERT_TRUE(identity);
    EXPECT_EQ(*identity, *os::ThisProcess());
  }
  // Seen through another Segment, too.
  const auto opened = *Segment::Open(name_);
  EXPECT_EQ(LookAt(opened, one->id()), os::Liveness::kAlive);
}

TEST_F(MembershipTest, WhoLeavesIsNeverConfusedWithTheNext) {
  OwnerId first;
  {
    const auto member = *Membership::Join(segment_);
    first = member.id();
  }
  EXPECT_EQ(LookAt(segment_, first), os::Liveness::kDead);
  EXPECT_EQ(ProveDeath(segment_, first.index()).error().code,
            ErrorCode::kNotFound)
      << "there is nothing to recover";
  const auto next = *Membership::Join(segment_);
  EXPECT_EQ(next.id(), first.Next());
  EXPECT_EQ(LookAt(segment_, first), os::Liveness::kDead);
  EXPECT_EQ(LookAt(segment_, next.id()), os::Liveness::kAlive);
  EXPECT_EQ(LookAt(segment_, OwnerId()), os::Liveness::kDead);
}

TEST_F(MembershipTest, AFullTableOfTheLivingTakesNobody) {
  std::vector<Membership> members;
  for (std::uint64_t i = 0; i < kRows; ++i) {
    auto member = Membership::Join(segment_);
    ASSERT_TRUE(member);
    members.push_back(*std::move(member));
  }
  const auto late = Membership::Join(segment_, {.recover = NeverCalled});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(late.error().found, kRows);
  EXPECT_EQ(late.error().subject.view(), ShortText(name_.text()).view());
  members.pop_back();
  EXPECT_TRUE(Membership::Join(segment_));
}

TEST_F(MembershipTest, AmongTheLivingThereIsNothingToRecover) {
  auto member = *Membership::Join(segment_);
  const auto other = *Membership::Join(segment_);
  const auto recovered = member.RecoverDead(segment_, NeverCalled);
  ASSERT_TRUE(recovered);
  EXPECT_EQ(*recovered, 0u);
  EXPECT_EQ(Membership().RecoverDead(segment_, NeverCalled).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(MembershipTest, OnlyAnOpenSegmentCanBeJoined) {
  EXPECT_EQ(Membership::Join(Segment()).error().code,
            ErrorCode::kInvalidArgument);
}

// A proof in one table would fit the state of another's row.
TEST_F(MembershipTest, AnotherSegmentIsNotRecovered) {
  auto member = *Membership::Join(segment_);
  const os::Name name = scratch_.NewName();
  CreateSegmentOptions options;
  options.size_bytes = 1;
  const auto other = *Segment::Create(name, options);
  const auto recovered = member.RecoverDead(other, NeverCalled);
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, ErrorCode::kInvalidArgument);
  (void)Segment::Unlink(name);
}

TEST_F(MembershipTest, AMovedMembershipLeavesOnce) {
  Membership member;
  EXPECT_FALSE(member.is_joined());
  auto first = *Membership::Join(segment_);
  const OwnerId id = first.id();
  member = std::move(first);
  EXPECT_EQ(LookAt(segment_, id), os::Liveness::kAlive);
  // Over one that is joined itself: that leaves, and its bytes outlive its row.
  member = *Membership::Join(segment_);
  EXPECT_EQ(LookAt(segment_, id), os::Liveness::kDead);
  EXPECT_EQ(LookAt(segment_, member.id()), os::Liveness::kAlive);
}

TEST_F(MembershipTest, AMonitorReportsNoLeaver) {
  auto monitor = *Monitor::Make();
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  {
    const auto member = *Membership::Join(segment_);
    EXPECT_TRUE(monitor.Poll(segment_).empty());
  }
  EXPECT_TRUE(monitor.Wait(segment_, 5).empty());
}

// A segment that was unlinked is left in order, by those who are in it.
TEST_F(MembershipTest, UnlinkEndsNoMembership) {
  const auto member = *Membership::Join(segment_);
  ASSERT_TRUE(Segment::Unlink(name_));
  EXPECT_NE(LookAt(segment_, member.id()), os::Liveness::kDead);
}

}  // namespace
}  // namespace placid
