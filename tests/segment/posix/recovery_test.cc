// SPDX-License-Identifier: Apache-2.0
//
// Recoverers that die of a recovery, whatever row they had; and rows that a
// peer has written over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <new>
#include <vector>

#include "member.h"
#include "placid/base/atomic.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/primitives/dead_owner.h"
#include "placid/segment/membership.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Member;

class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest()
      : step_(new (::mmap(nullptr, sizeof(std::atomic<int>),
                          PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                          -1, 0)) std::atomic<int>(kWait)) {}
  ~RecoveryTest() override {
    (void)Segment::Unlink(name_);
    ::munmap(static_cast<void*>(step_), sizeof(*step_));
  }

  void Create(std::uint64_t rows) {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.participants = rows;
    segment_ = *Segment::Create(name_, options);
  }
  // The words of the table, as any peer can write them.
  [[nodiscard]] Participants::Memory& Table() {
    if (control_.bytes().empty()) control_ = *segment_.control().Map();
    return *reinterpret_cast<Participants::Memory*>(control_.data() +
                                                    SegmentHeader::SizeFor(0));
  }
  [[nodiscard]] Atomic<std::uint64_t>& State(std::uint64_t index) {
    auto* const rows = reinterpret_cast<Participants::Row*>(
        reinterpret_cast<std::byte*>(&Table()) + Participants::kRowsOffset);
    return rows[index - 1].state;
  }

  // Has the member of row `victim`, 1 or 2, killed; and then that of the other,
  // which was recovering it.
  void KillRecoverer(std::uint64_t victim) {
    const auto recover = [this](const Segment& segment, Membership& member) {
      while (*step_ != kGo) ::usleep(100);
      (void)member.RecoverDead(segment,
                               [this](const DeadOwner&) -> Result<void> {
                                 *step_ = kBegun;
                                 for (;;) ::pause();
                               });
    };
    const auto wait = [](const Segment&, Membership&) {};
    const Member first(name_, victim == 1 ? Then(wait) : Then(recover));
    const Member second(name_, victim == 1 ? Then(recover) : Then(wait));
    ASSERT_EQ(first.id().index(), 1u);
    ASSERT_EQ(second.id().index(), 2u);
    (victim == 1 ? first : second).Kill();
    *step_ = kGo;
    while (*step_ != kBegun) ::usleep(100);
    (victim == 1 ? second : first).Kill();
    const RowState state = segment_.participants().Look(victim);
    ASSERT_EQ(state.phase(), RowState::Phase::kRecovering);
    ASSERT_EQ(state.hand(), 3 - victim);
  }

  // Counts whom it recovers.
  RecoverOwner CountIt() {
    return [this](const DeadOwner& dead) -> Result<void> {
      recovered_.push_back(dead.id().index());
      return Ok();
    };
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  Segment segment_;
  os::Mapping control_;
  std::vector<std::uint64_t> recovered_;  // rows, in turn

 private:
  using Then = std::function<void(const Segment&, Membership&)>;
  enum Step : int { kWait, kGo, kBegun };

  std::atomic<int>* step_;  // all processes of a test see it
};

// Its row comes first in the table, and what it was at is found by its name
// there: or who has the row next would be taken for the recoverer.
TEST_F(RecoveryTest, WhatADeadRecovererWasAtIsRecoveredBeforeIt) {
  Create(4);
  ASSERT_NO_FATAL_FAILURE(KillRecoverer(/*victim=*/2));
  auto self = *Membership::Join(segment_);
  EXPECT_EQ(self.RecoverDead(segment_, CountIt()).value(), 2u);
  EXPECT_EQ(recovered_, (std::vector<std::uint64_t>{2, 1}));
  for (const std::uint64_t row : {1u, 2u}) {
    EXPECT_EQ(segment_.participants().Look(row).phase(),
              RowState::Phase::kFree);
  }
}

// The row that is being recovered by another cannot be taken: that of the
// recoverer can, with all that it was at.
TEST_F(RecoveryTest, WhoJoinsATableOfTheDeadTakesTheRecoverersRow) {
  Create(2);
  ASSERT_NO_FATAL_FAILURE(KillRecoverer(/*victim=*/1));
  EXPECT_EQ(Membership::Join(segment_).error().code, ErrorCode::kNoSpace);
  const auto self = Membership::Join(segment_, {.recover = CountIt()});
  ASSERT_TRUE(self) << self.error().Message().c_str();
  EXPECT_EQ(self->id().index(), 2u);
  EXPECT_EQ(recovered_, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(segment_.participants().Look(1).phase(), RowState::Phase::kFree);
}

TEST_F(RecoveryTest, AFailedRecoveryLetsNobodyInAndFallsToTheNext) {
  Create(1);
  { const Member dead(name_); }
  const auto refused = Membership::Join(
      segment_, {.recover = [](const DeadOwner&) -> Result<void> {
        return Error{.code = ErrorCode::kCorrupt, .operation = "recover"};
      }});
  ASSERT_FALSE(refused);
  EXPECT_STREQ(refused.error().operation, "recover");
  const auto self = Membership::Join(segment_, {.recover = CountIt()});
  ASSERT_TRUE(self) << self.error().Message().c_str();
  EXPECT_EQ(recovered_, (std::vector<std::uint64_t>{1}));
}

// What was inherited fails: nothing of it is given back, by either way.
TEST_F(RecoveryTest, AFailedInheritanceIsInheritedByTheNext) {
  Create(4);
  ASSERT_NO_FATAL_FAILURE(KillRecoverer(/*victim=*/2));
  auto self = *Membership::Join(segment_);
  const auto failed =
      self.RecoverDead(segment_, [](const DeadOwner&) -> Result<void> {
        return Error{.code = ErrorCode::kCorrupt, .operation = "recover"};
      });
  ASSERT_FALSE(failed);
  EXPECT_STREQ(failed.error().operation, "recover");
  EXPECT_EQ(self.RecoverDead(segment_, CountIt()).value(), 2u);
  EXPECT_THAT(recovered_, ::testing::UnorderedElementsAre(1, 2));
}

// Whenever one row is done, another says that the dead one was recovering it.
TEST_F(RecoveryTest, APeerThatNamesNewRecoverersIsNotFollowedForEver) {
  Create(4);
  { const Member dead(name_); }
  auto self = *Membership::Join(segment_);
  ASSERT_NE(self.id().index(), 1u);
  std::uint64_t calls = 0;
  const auto lie = [&](std::uint64_t row) {
    State(row).store(std::uint64_t{1} << 48 | 1, kRelaxed);
  };
  lie(3);
  const auto recovered =
      self.RecoverDead(segment_, [&](const DeadOwner& dead) -> Result<void> {
        ++calls;
        lie(dead.id().index() == 3 ? 4 : 3);
        return Ok();
      });
  ASSERT_FALSE(recovered);
  EXPECT_EQ(recovered.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(recovered.error().advice, nullptr);
  EXPECT_LE(calls, segment_.participants().count());
  for (const std::uint64_t row : {1u, 3u, 4u}) State(row).store(0, kRelaxed);
}

// Not what was read when the segment was opened counts, but what is there when
// the row's lock is taken.
TEST_F(RecoveryTest, ATableThatWasSpoiltTakesNobody) {
  Create(4);
  const std::uint64_t count = Table().count.load(kRelaxed);
  Table().count.store(0, kRelaxed);
  const auto joined = Membership::Join(segment_);
  ASSERT_FALSE(joined);
  EXPECT_EQ(joined.error().code, ErrorCode::kCorrupt);
  Table().count.store(count, kRelaxed);
  EXPECT_TRUE(Membership::Join(segment_)) << "its lock was given back";
}

}  // namespace
}  // namespace placid
