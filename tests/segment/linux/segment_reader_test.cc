// SPDX-License-Identifier: Apache-2.0
//
// Readers without a right to write, and beside creators that are dead or
// stopped.
#include "placid/segment/segment_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <span>

#include "killed_at_stop.h"
#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment.h"
#include "shm.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::FilesOf;
using placid::testing::KilledAtStop;

class LinuxSegmentReaderTest : public ::testing::Test {
 protected:
  ~LinuxSegmentReaderTest() override { (void)Segment::Unlink(name_); }

  static CreateSegmentOptions Options() {
    CreateSegmentOptions options;
    options.size_bytes = 100;
    options.participants = 4;
    options.lifetime = Lifetime::kUntilUnlinked;
    options.mode = 0644;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      bytes[99] = std::byte{7};
      return Ok();
    };
    return options;
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
};

// Only the superuser can become somebody else.
TEST_F(LinuxSegmentReaderTest, ItNeedsNoRightToWrite) {
  if (::geteuid() != 0) return;
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  Child stranger([&] {
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(::setuid(kNobody), 0);
    const OpenSegmentOptions trusting{.owner = os::Owner::kAnyone};
    EXPECT_FALSE(Segment::Open(name_, trusting));
    const auto reader = SegmentReader::Open(name_, trusting);
    ASSERT_TRUE(reader) << reader.error().Message().c_str();
    EXPECT_EQ(reader->bytes()[99], std::byte{7});
    EXPECT_TRUE(reader->Check());
  });
  EXPECT_TRUE(stranger.EndsWell());
}

TEST_F(LinuxSegmentReaderTest, BehindADeadCreatorThereIsAllOrNothing) {
  int killed = 0;
  int whole = 0;
  const auto create = [&] { (void)Segment::Create(name_, Options()); };
  for (; KilledAtStop(killed + 1, create); ++killed) {
    const auto before = FilesOf(name_);
    const auto reader = SegmentReader::Open(name_);
    EXPECT_EQ(FilesOf(name_), before) << "a reader has changed something";
    if (reader) {
      EXPECT_EQ(reader->bytes()[99], std::byte{7}) << killed;
      ++whole;
    } else {
      EXPECT_EQ(reader.error().code, ErrorCode::kNotFound)
          << killed << reader.error().Message().c_str();
    }
    (void)Segment::Unlink(name_);
  }
  std::printf("killed at %d stops, whole behind %d\n", killed, whole);
  EXPECT_GT(killed, 50);
  EXPECT_LT(whole, killed);
}

TEST_F(LinuxSegmentReaderTest, AStoppedCreatorIsWaitedFor) {
  const pid_t creator = ::fork();
  if (creator == 0) {
    CreateSegmentOptions options = Options();
    options.place = [](std::span<std::byte>) -> Result<void> {
      ::raise(SIGSTOP);
      return Ok();
    };
    ::_exit(Segment::Create(name_, options) ? 0 : 1);
  }
  siginfo_t info;
  ASSERT_EQ(
      ::waitid(P_PID, static_cast<id_t>(creator), &info, WSTOPPED | WNOWAIT),
      0);
  const auto early = SegmentReader::Open(name_, {.patience_ms = 50});
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::kTimedOut);
  ::kill(creator, SIGCONT);
  EXPECT_TRUE(SegmentReader::Open(name_, {.patience_ms = 60'000}));
  ::waitpid(creator, nullptr, 0);
}

}  // namespace
}  // namespace placid
