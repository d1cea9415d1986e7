// SPDX-License-Identifier: Apache-2.0
//
// Deaths of participants, by processes that are really killed.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "member.h"
#include "placid/base/error.h"
#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/segment/liveness.h"
#include "placid/segment/membership.h"
#include "placid/segment/monitor.h"
#include "placid/segment/segment.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::Member;

// Words that all processes of a test see.
struct Tally {
  std::array<std::atomic<std::int32_t>, 64> recovered;  // by row
  std::atomic<std::int32_t> begun;
  std::atomic<std::int32_t> go;
};

class DeathTest : public ::testing::Test {
 protected:
  DeathTest()
      : tally_(static_cast<Tally*>(
            ::mmap(nullptr, sizeof(Tally), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
  ~DeathTest() override {
    (void)Segment::Unlink(name_);
    ::munmap(static_cast<void*>(tally_), sizeof(Tally));
  }
  void Create(std::uint64_t rows) {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.participants = rows;
    segment_ = *Segment::Create(name_, options);
  }
  RecoverOwner CountIt() {
    return [tally = tally_](const DeadOwner& dead) -> Result<void> {
      ++tally->recovered.at(static_cast<std::size_t>(dead.id().index()));
      return Ok();
    };
  }
  [[nodiscard]] std::int32_t RecoveredOf(const Member& member) const {
    return tally_->recovered.at(static_cast<std::size_t>(member.id().index()));
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  Segment segment_;
  Tally* tally_;
};

TEST_F(DeathTest, AKilledMemberIsDeadAndItsRowKept) {
  Create(2);
  Member member(name_);
  ASSERT_TRUE(member.id().is_participant());
  EXPECT_EQ(LookAt(segment_, member.id()), os::Liveness::kAlive);
  member.Kill();  // and is a zombie
  EXPECT_EQ(LookAt(segment_, member.id()), os::Liveness::kDead);
  ASSERT_TRUE(ProveDeath(segment_, member.id().index()));
  auto self = *Membership::Join(segment_);
  EXPECT_NE(self.id().index(), member.id().index());
  EXPECT_EQ(Membership::Join(segment_).error().code, ErrorCode::kNoSpace)
      << "a row was given out before Recover";
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 1u);
  EXPECT_EQ(RecoveredOf(member), 1);
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 0u);
  const auto next = Membership::Join(segment_);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->id(), member.id().Next());
}

TEST_F(DeathTest, AStoppedMemberIsAlive) {
  Create(4);
  const Member member(name_);
  auto self = *Membership::Join(segment_);
  auto monitor = *Monitor::Make();
  member.Stop();
  EXPECT_TRUE(monitor.Wait(segment_, 400).empty());
  EXPECT_EQ(LookAt(segment_, member.id()), os::Liveness::kAlive);
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 0u);
  member.Kill();
  const auto deaths = monitor.Wait(segment_, 5000);
  ASSERT_EQ(deaths.size(), 1u);
  EXPECT_EQ(deaths[0].index(), member.id().index());
}

TEST_F(DeathTest, AMonitorReportsEachDeathOnce) {
  Create(8);
  auto self = *Membership::Join(segment_);
  auto monitor = *Monitor::Make();
  for (int i = 0; i < 20; ++i) {
    Member one(name_);
    Member other(name_);
    ASSERT_TRUE(monitor.Poll(segment_).empty());
    one.Kill();
    auto deaths = monitor.Wait(segment_, 5000);
    ASSERT_EQ(deaths.size(), 1u);
    EXPECT_EQ(deaths[0].index(), one.id().index());
    EXPECT_TRUE(monitor.Wait(segment_, 1).empty()) << "twice";
    other.Kill();
    deaths = monitor.Wait(segment_, 5000);
    ASSERT_EQ(deaths.size(), 1u);
    EXPECT_EQ(deaths[0].index(), other.id().index());
    EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 2u);
    EXPECT_TRUE(monitor.Poll(segment_).empty());
  }
}

#ifdef __cpp_lib_jthread
TEST_F(DeathTest, AMonitorInAThreadRecoversWhoeverDies) {
  Create(8);
  auto self = *Membership::Join(segment_);
  auto monitor = *Monitor::Make();
  std::atomic<int> recovered = 0;
  std::jthread thread([&](const std::stop_token& stop) {
    monitor.Run(segment_, stop, [&](const ProofOfDeath&) {
      recovered += static_cast<int>(*self.RecoverDead(segment_, CountIt()));
    });
  });
  for (int i = 1; i <= 10; ++i) {
    const Member member(name_);
    member.Kill();
    while (recovered < i) std::this_thread::yield();
    EXPECT_EQ(RecoveredOf(member), i);
  }
  thread.request_stop();
  thread.join();
}
#endif

// Several processes are told of the same deaths at the same time.
TEST_F(DeathTest, OneOfManyRecoversEachDead) {
  Create(16);
  constexpr int kRounds = 20;
  constexpr std::size_t kDead = 4;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Member> dead;
    for (std::size_t i = 0; i < kDead; ++i) dead.emplace_back(name_);
    const std::int32_t before = tally_->begun;
    std::vector<std::unique_ptr<Child>> survivors;
    tally_->go = 0;
    for (int i = 0; i < 4; ++i) {
      survivors.push_back(std::make_unique<Child>([&] {
        const auto segment = *Segment::Open(name_);
        auto member = *Membership::Join(segment);
        ++tally_->begun;
        while (tally_->go == 0) {
        }
        const auto recovered = member.RecoverDead(segment, CountIt());
        EXPECT_TRUE(recovered);
      }));
    }
    while (tally_->begun < before + 4) ::usleep(100);
    for (const Member& member : dead) member.Kill();
    tally_->go = 1;
    for (const auto& survivor : survivors) EXPECT_TRUE(survivor->EndsWell());
    for (const Member& member : dead) {
      EXPECT_EQ(RecoveredOf(member), 1);
      EXPECT_EQ(LookAt(segment_, member.id()), os::Liveness::kDead);
      tally_->recovered.at(static_cast<std::size_t>(member.id().index())) = 0;
    }
    // What all of them left is free again.
    for (std::uint64_t index = 1; index <= 16; ++index) {
      ASSERT_EQ(segment_.participants().Look(index).phase(),
                RowState::Phase::kFree);
    }
  }
}

TEST_F(DeathTest, ARecovererThatDiesOfItIsRecoveredToo) {
  Create(4);
  Member first(name_);
  first.Kill();
  // Dies in the midst of the recovery of the first.
  Member second(name_, [&](const Segment& segment, Membership& member) {
    (void)member.RecoverDead(segment, [&](const DeadOwner&) -> Result<void> {
      ++tally_->begun;
      for (;;) ::pause();
    });
  });
  while (tally_->begun == 0) ::usleep(100);
  auto self = *Membership::Join(segment_);
  auto monitor = *Monitor::Make();
  EXPECT_TRUE(monitor.Poll(segment_).empty()) << "it is being recovered";
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 0u);
  second.Kill();
  EXPECT_EQ(monitor.Wait(segment_, 5000).size(), 2u)
      << "its death, and that of what it was at";
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 2u);
  EXPECT_EQ(RecoveredOf(first), 1);
  EXPECT_EQ(RecoveredOf(second), 1);
}

TEST_F(DeathTest, AFailedRecoveryFallsToTheNext) {
  Create(4);
  Member dead(name_);
  dead.Kill();
  auto self = *Membership::Join(segment_);
  const auto failed =
      self.RecoverDead(segment_, [](const DeadOwner&) -> Result<void> {
        return Error{.code = ErrorCode::kCorrupt, .operation = "recover"};
      });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kCorrupt);
  EXPECT_STREQ(failed.error().operation, "recover");
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 1u);
}

TEST_F(DeathTest, ATableOfTheDeadTakesWhoRecoversThem) {
  Create(3);
  std::vector<Member> dead;
  for (int i = 0; i < 3; ++i) dead.emplace_back(name_);
  for (const Member& member : dead) {
    ASSERT_TRUE(member.id().is_participant());
    member.Kill();
  }
  EXPECT_EQ(Membership::Join(segment_).error().code, ErrorCode::kNoSpace);
  auto self = Membership::Join(segment_, {.recover = CountIt()});
  ASSERT_TRUE(self) << self.error().Message().c_str();
  EXPECT_EQ(self->id(), dead[0].id().Next());
  EXPECT_EQ(RecoveredOf(dead[0]), 1);
  EXPECT_EQ(*self->RecoverDead(segment_, CountIt()), 2u);
  for (const Member& member : dead) EXPECT_EQ(RecoveredOf(member), 1);
}

// ---- Fork -------------------------------------------------------------------

TEST_F(DeathTest, AChildTakesNoPartAndEndsNothing) {
  Create(4);
  std::optional<Membership> self = *Membership::Join(segment_);
  const OwnerId id = self->id();
  Child child([&] {
    const auto refused = self->RecoverDead(segment_, CountIt());
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    self.reset();  // its parent's: not its to leave
    EXPECT_EQ(LookAt(segment_, id), os::Liveness::kAlive);
    const auto own = Membership::Join(segment_);
    EXPECT_TRUE(own);
    EXPECT_NE(own->id(), id);
  });
  EXPECT_TRUE(child.EndsWell());
  EXPECT_EQ(LookAt(segment_, id), os::Liveness::kAlive);
  EXPECT_TRUE(segment_.participants().IdentityOf(id));
}

// A child that lives on must not make its dead parent look alive.
TEST_F(DeathTest, AParentIsDeadThoughItsChildLivesOn) {
  Create(4);
  Member parent(name_, [&](const Segment&, Membership&) {
    if (::fork() == 0) {
      for (int i = 0; i < 600 && tally_->go == 0; ++i) ::usleep(100'000);
      ::_exit(0);
    }
    tally_->begun = 1;
  });
  while (tally_->begun == 0) ::usleep(100);
  auto monitor = *Monitor::Make();
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  parent.Kill();
  EXPECT_EQ(monitor.Wait(segment_, 5000).size(), 1u);
  EXPECT_EQ(LookAt(segment_, parent.id()), os::Liveness::kDead);
  tally_->go = 1;
}

}  // namespace
}  // namespace placid
