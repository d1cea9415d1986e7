// SPDX-License-Identifier: Apache-2.0
//
// Peers whose clocks say something else: in another time namespace, as a
// container's after it was moved from another machine, the monotonic clock and
// the start times of all processes are a day ahead. No clock is a proof, and no
// time is shared. (Nothing here reads the clock on the wall, which may be set.)
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>

#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/segment/liveness.h"
#include "placid/segment/membership.h"
#include "placid/segment/monitor.h"
#include "placid/segment/segment.h"
#include "placid/wait/deadline.h"
#include "placid/wait/event_count.h"
#include "tests/segment/posix/member.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::Member;

constexpr int kNewTime = 0x80;  // CLONE_NEWTIME, which old headers lack
constexpr std::int64_t kHourNs = 3'600'000'000'000;

// The children of this process live a day ahead from now on.
bool SendChildrenADayAhead() {
  constexpr char kOffsets[] = "monotonic 86400 0\nboottime 86400 0\n";
  constexpr std::size_t kBytes = sizeof(kOffsets) - 1;
  if (::unshare(kNewTime) != 0) {
    std::printf("no time namespaces here, or not for this user\n");
    return false;
  }
  const int offsets = ::open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
  const bool is_written =
      ::write(offsets, kOffsets, kBytes) == static_cast<ssize_t>(kBytes);
  ::close(offsets);
  EXPECT_TRUE(is_written);
  return is_written;
}

class ClockTest : public ::testing::Test {
 protected:
  ClockTest() {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.participants = 4;
    segment_ = *Segment::Create(name_, options);
  }
  ~ClockTest() override { (void)Segment::Unlink(name_); }

  // Of what lies in the segment.
  static EventCount Event(const Segment& segment) {
    return *EventCount::Attach(segment.bytes().first(EventCount::SizeFor()));
  }
  // That `member`, stopped, is alive, and dead once it is killed.
  static void Watch(const Segment& segment, const Member& member) {
    auto monitor = *Monitor::Make();
    member.Stop();
    EXPECT_TRUE(monitor.Wait(segment, 400).empty());
    EXPECT_EQ(LookAt(segment, member.id()), os::Liveness::kAlive);
    member.KillSoon();
    const auto deaths = monitor.Wait(segment, 20'000);
    ASSERT_EQ(deaths.size(), 1u);
    EXPECT_EQ(deaths[0].index(), member.id().index());
    EXPECT_EQ(LookAt(segment, member.id()), os::Liveness::kDead);
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  Segment segment_;
};

TEST_F(ClockTest, AMemberADayAheadLivesAndDies) {
  Child outer([&] {
    if (!SendChildrenADayAhead()) return;
    const std::int64_t here_ns = os::MonotonicNow();
    const Member member(name_, [&](const Segment&, Membership&) {
      if (os::MonotonicNow() < here_ns + 23 * kHourNs) ::_exit(1);
    });
    Watch(segment_, member);
  });
  EXPECT_TRUE(outer.EndsWell());
}

TEST_F(ClockTest, AWatcherADayAheadSeesWhoLivesAndDies) {
  Child outer([&] {
    const Member member(name_);
    if (!SendChildrenADayAhead()) return;
    Child watcher([&] { Watch(*Segment::Open(name_), member); });
    EXPECT_TRUE(watcher.EndsWell());
  });
  EXPECT_TRUE(outer.EndsWell());
}

// Each deadline is of the clock of who sleeps.
TEST_F(ClockTest, ASleeperADayAheadIsWoken) {
  enum : std::uint32_t { kStarts, kSleeps, kAwake };
  using Step = std::atomic<std::uint32_t>;
  Child outer([&] {
    if (!SendChildrenADayAhead()) return;
    const placid::testing::TwoViews views(sizeof(Step));
    Step& step = *reinterpret_cast<Step*>(views.first().data());
    Child sleeper([&] {
      const Segment segment = *Segment::Open(name_);
      auto self = Event(segment).MakeSleeper();
      self.Arm();
      EXPECT_FALSE(self.Sleep(os::MonotonicNow() + 1'000'000))
          << "nobody has woken it";
      step = kSleeps;
      do {
        self.Arm();
      } while (!self.Sleep(Deadline::Never().monotonic_ns()));
      step = kAwake;
    });
    while (step == kStarts) ::usleep(100);
    // It may not sleep yet: so again.
    while (step == kSleeps) {
      Event(segment_).WakeAll();
      ::usleep(100);
    }
    EXPECT_TRUE(sleeper.EndsWell());
  });
  EXPECT_TRUE(outer.EndsWell());
}

}  // namespace
}  // namespace placid
