// SPDX-License-Identifier: Apache-2.0
//
// How fast a death is noticed, with the event of a pidfd and without.
#include "placid/segment/liveness.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "killed_at_stop.h"
#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/segment/membership.h"
#include "placid/segment/monitor.h"
#include "placid/segment/segment.h"
#include "tests/os/linux/deny.h"
#include "tests/segment/posix/member.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::KilledAtStop;
using placid::testing::Member;

class LinuxLivenessTest : public ::testing::Test {
 protected:
  LinuxLivenessTest() {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.participants = 8;
    segment_ = *Segment::Create(name_, options);
  }
  ~LinuxLivenessTest() override { (void)Segment::Unlink(name_); }

  // From SIGKILL to the report, in nanoseconds, sorted.
  std::vector<std::int64_t> TimesToNotice(int rounds) {
    auto self = *Membership::Join(segment_);
    auto monitor = *Monitor::Make();
    std::vector<std::int64_t> times;
    for (int i = 0; i < rounds; ++i) {
      const Member member(name_);
      EXPECT_TRUE(monitor.Poll(segment_).empty());
      const std::int64_t begin = os::MonotonicNow();
      member.KillSoon();
      const auto deaths = monitor.Wait(segment_, 5000);
      times.push_back(os::MonotonicNow() - begin);
      EXPECT_EQ(deaths.size(), 1u);
      EXPECT_EQ(
          *self.RecoverDead(
              segment_, [](const DeadOwner&) -> Result<void> { return Ok(); }),
          1u);
    }
    std::sort(times.begin(), times.end());
    return times;
  }
  static void Print(const char* how, const std::vector<std::int64_t>& times) {
    const auto at = [&](double share) {
      const auto last = static_cast<double>(times.size() - 1);
      return static_cast<double>(
                 times[static_cast<std::size_t>(share * last)]) /
             1e6;
    };
    std::printf("%s: %zu deaths noticed, p50 %.2f ms, p99 %.2f ms, max %.2f\n",
                how, times.size(), at(0.5), at(0.99), at(1));
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  Segment segment_;
};

// Well below the slice in which the fallback looks: so it was the event.
TEST_F(LinuxLivenessTest, APidfdTellsAtOnce) {
  const auto times = TimesToNotice(200);
  Print("pidfd", times);
  EXPECT_LT(times[times.size() / 2], 100'000'000);
}

TEST_F(LinuxLivenessTest, TheEventIsReadableUntilTheDeathIsPolled) {
  auto monitor = *Monitor::Make();
  const Member member(name_);
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  pollfd event{static_cast<int>(monitor.event()), POLLIN, 0};
  EXPECT_EQ(::poll(&event, 1, 0), 0);
  member.Kill();
  EXPECT_EQ(::poll(&event, 1, 5000), 1);
  EXPECT_EQ(monitor.Poll(segment_).size(), 1u);
  EXPECT_EQ(::poll(&event, 1, 0), 0) << "an event loop would spin";
}

TEST_F(LinuxLivenessTest, WithPidfdDeniedTheLockTells) {
  for (const int error : {EPERM, ENOSYS}) {
    Child child([&] {
      os::Deny(SYS_pidfd_open, error);
      const auto times = TimesToNotice(6);
      Print("without pidfd", times);
    });
    EXPECT_TRUE(child.EndsWell());
  }
}

// Between any two system calls of joining, recovering somebody and leaving.
TEST_F(LinuxLivenessTest, WhoIsKilledAtAnySystemCallIsRecovered) {
  const auto nothing = [](const DeadOwner&) -> Result<void> { return Ok(); };
  auto self = *Membership::Join(segment_);
  int killed = 0;
  for (bool is_killed = true; is_killed; ++killed) {
    Member dead(name_);
    dead.Kill();
    is_killed = KilledAtStop(killed + 1, [&] {
      auto member = Membership::Join(segment_, {.recover = nothing});
      if (member) (void)member->RecoverDead(segment_, nothing);
    });
    std::uint64_t recovered = 0;
    const auto count =
        self.RecoverDead(segment_, [&](const DeadOwner&) -> Result<void> {
          ++recovered;
          return Ok();
        });
    ASSERT_TRUE(count) << killed;
    ASSERT_EQ(*count, recovered);
    for (std::uint64_t i = 1; i <= segment_.participants().count(); ++i) {
      const RowState state = segment_.participants().Look(i);
      ASSERT_TRUE(state.phase() == RowState::Phase::kFree ||
                  i == self.id().index())
          << "a row is lost, killed at " << killed;
    }
  }
  std::printf("killed at %d stops\n", killed);
  EXPECT_GT(killed, 20);
}

// A process whose pid means nothing here, as in another PID namespace, or that
// lies about it: neither makes it dead.
TEST_F(LinuxLivenessTest, AnIdentityProvesNothing) {
  const Member member(name_);
  auto monitor = *Monitor::Make();
  const auto mapping = *segment_.control().Map();
  auto* rows = reinterpret_cast<Participants::Row*>(
      mapping.data() + SegmentHeader::SizeFor(0) + Participants::kRowsOffset);
  Member other(name_);
  // The first bears the identity of the second, which then dies.
  for (std::size_t i = 0; i < 4; ++i) {
    rows[member.id().index() - 1].identity[i].store(
        rows[other.id().index() - 1].identity[i].load(kRelaxed), kRelaxed);
  }
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  other.Kill();
  const auto deaths = monitor.Wait(segment_, 5000);
  ASSERT_EQ(deaths.size(), 1u);
  EXPECT_EQ(deaths[0].index(), other.id().index());
  EXPECT_TRUE(monitor.Wait(segment_, 300).empty());
  EXPECT_EQ(LookAt(segment_, member.id()), os::Liveness::kAlive);
  pollfd event{static_cast<int>(monitor.event()), POLLIN, 0};
  EXPECT_EQ(::poll(&event, 1, 0), 0) << "a false alarm ends";
}

}  // namespace
}  // namespace placid
