// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>

#include "killed_at_stop.h"
#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/segment/lifetime.h"
#include "shm.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::FilesOf;
using placid::testing::KilledAtStop;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LinuxSegmentTest : public ::testing::Test {
 protected:
  ~LinuxSegmentTest() override {
    for (const std::string& path : FilesOf(name_)) {
      std::filesystem::remove(path);
    }
  }
  static CreateSegmentOptions Options() {
    CreateSegmentOptions options;
    options.size_bytes = 100'000;
    options.participants = 4;
    return options;
  }
  // Which stays, whoever closes it.
  static CreateSegmentOptions LastingOptions() {
    CreateSegmentOptions options = Options();
    options.lifetime = Lifetime::kUntilUnlinked;
    return options;
  }
  [[nodiscard]] std::string PathOf(const std::string& suffix) const {
    for (const std::string& path : FilesOf(name_)) {
      if (path.ends_with(suffix)) return path;
    }
    return "";
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
};

TEST_F(LinuxSegmentTest, UnlinkLeavesNothing) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  EXPECT_THAT(FilesOf(name_), SizeIs(3));
  ASSERT_TRUE(Segment::Unlink(name_));
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

TEST_F(LinuxSegmentTest, ItsSpaceIsReserved) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);

  struct stat found = {};
  ASSERT_EQ(::stat(PathOf(".data").c_str(), &found), 0);
  EXPECT_GE(found.st_blocks * 512, 100'000);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(LinuxSegmentTest, ItTakesTheSpaceThatWasForetold) {
  for (const std::uint64_t size_bytes : {1u, 4096u - 128, 4096u, 1'000'000u}) {
    for (const std::uint64_t participants : {1u, 64u, 4096u}) {
      CreateSegmentOptions options;
      options.size_bytes = size_bytes;
      options.participants = participants;
      const auto segment = Segment::Create(name_, options);
      ASSERT_TRUE(segment);
      std::uint64_t taken = 0;
      for (const std::string& path : FilesOf(name_)) {
        struct stat found = {};
        ASSERT_EQ(::stat(path.c_str(), &found), 0);
        taken += static_cast<std::uint64_t>(found.st_blocks) * 512;
      }
      EXPECT_EQ(Segment::SpaceFor(options,
                                  static_cast<std::uint64_t>(::getpagesize())),
                taken);
      ASSERT_TRUE(Segment::Unlink(name_));
    }
  }
}

TEST_F(LinuxSegmentTest, WithoutSpaceNothingIsLeftBehind) {
  CreateSegmentOptions options = Options();
  options.size_bytes = std::uint64_t{1} << 44;
  const auto segment = Segment::OpenOrCreate(name_, options);
  ASSERT_FALSE(segment);
  EXPECT_EQ(segment.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(segment.error().subject.view(), name_.text());
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

TEST_F(LinuxSegmentTest, AForeignRmOfAnyObjectIsNoticedAndHealed) {
  for (const std::string& suffix :
       {std::string(name_.text()), std::string(".data"),
        std::string(".control")}) {
    const auto old = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(old);
    ASSERT_TRUE(old->Check());
    ASSERT_TRUE(std::filesystem::remove(PathOf(suffix)));
    const auto checked = old->Check();
    ASSERT_FALSE(checked) << suffix;
    EXPECT_EQ(checked.error().code, ErrorCode::kUnlinked) << suffix;
    old->bytes().front() = std::byte{1};  // what is attached goes on
    const auto next = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(next) << suffix;
    EXPECT_TRUE(next->was_created()) << suffix;
    EXPECT_EQ(next->bytes().front(), std::byte{0});
    EXPECT_TRUE(next->Check());
    EXPECT_FALSE(old->Check()) << "the next one is not the old one's";
    for (const std::string& path : FilesOf(name_)) {
      std::filesystem::remove(path);
    }
  }
}

TEST_F(LinuxSegmentTest, ATruncatedObjectIsNoticedUntouched) {
  for (const std::string& suffix :
       {std::string(name_.text()), std::string(".data"),
        std::string(".control")}) {
    const auto segment = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(segment) << segment.error().Message().c_str();
    ASSERT_EQ(::truncate(PathOf(suffix).c_str(), 0), 0);
    const auto checked = segment->Check();
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::kTruncated) << suffix;
    const auto opened = Segment::Open(name_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kTruncated) << suffix;
    EXPECT_STREQ(opened.error().operation, "Segment::Open");
    for (const std::string& path : FilesOf(name_)) {
      std::filesystem::remove(path);
    }
  }
}

TEST_F(LinuxSegmentTest, UnlinkRemovesWhatIsSpoilt) {
  { ASSERT_TRUE(Segment::Create(name_, LastingOptions())); }
  ASSERT_EQ(::truncate(PathOf(".data").c_str(), 64), 0);
  EXPECT_EQ(Segment::Open(name_).error().code, ErrorCode::kTooSmall);
  const auto unlinked = Segment::Unlink(name_);
  EXPECT_TRUE(unlinked) << unlinked.error().Message().c_str();
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

TEST_F(LinuxSegmentTest, AStoppedCreatorIsNotTakenForDead) {
  CreateSegmentOptions options = LastingOptions();
  options.place = [](std::span<std::byte>) -> Result<void> {
    ::raise(SIGSTOP);
    return Ok();
  };
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(60);
    ::_exit(Segment::Create(name_, options) ? 0 : 1);
  }
  siginfo_t info;
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOWAIT);
  CreateSegmentOptions impatient = Options();
  impatient.patience_ms = 50;
  const auto early = Segment::OpenOrCreate(name_, impatient);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().code, ErrorCode::kTimedOut);
  ::kill(pid, SIGCONT);
  const auto opened = Segment::Open(name_);
  EXPECT_TRUE(opened) << opened.error().Message().c_str();
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(status, 0);
}

// Of another user, who could change it under us; and of whoever lies in wait
// under a name. Only the superuser can try.
TEST_F(LinuxSegmentTest, AnotherUsersSegmentIsRefused) {
  if (::geteuid() != 0) return;
  constexpr uid_t kNobody = 65534;
  Child squatter([&] {
    ASSERT_EQ(::setuid(kNobody), 0);
    EXPECT_TRUE(Segment::Create(name_, LastingOptions()));
  });
  ASSERT_TRUE(squatter.EndsWell());
  for (const auto& error : {Segment::Open(name_).error(),
                            Segment::OpenOrCreate(name_, Options()).error(),
                            Segment::Unlink(name_).error()}) {
    EXPECT_EQ(error.code, ErrorCode::kPermissionDenied);
    EXPECT_EQ(error.subject.view(), name_.text());
    EXPECT_NE(error.advice, nullptr);
  }
  OpenSegmentOptions trusting;
  trusting.owner = os::Owner::kAnyone;
  EXPECT_TRUE(Segment::Open(name_, trusting));
}

// Whatever step it is that finds no descriptor left.
TEST_F(LinuxSegmentTest, OutOfDescriptorsLeavesNothingHalfMade) {
  int failures = 0;
  for (rlim_t limit = 3; limit < 24; ++limit) {
    Child child([&] {
      rlimit most = {};
      ::getrlimit(RLIMIT_NOFILE, &most);
      const rlimit few{limit, most.rlim_max};
      ::setrlimit(RLIMIT_NOFILE, &few);
      const auto segment = Segment::OpenOrCreate(name_, Options());
      ::setrlimit(RLIMIT_NOFILE, &most);  // reports need descriptors too
      EXPECT_TRUE(segment || segment.error().code == ErrorCode::kSystem)
          << segment.error().Message().c_str();
      ::_exit(segment ? 0 : 1);
    });
    failures += child.EndsWell() ? 0 : 1;
    const auto next = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(next) << next.error().Message().c_str();
    ASSERT_TRUE(Segment::Unlink(name_));
    ASSERT_THAT(FilesOf(name_), IsEmpty());
  }
  EXPECT_GT(failures, 0);
}

// ---- Killed before and after each system call -------------------------------

TEST_F(LinuxSegmentTest, ACreatorKilledAtAnySystemCallIsSucceeded) {
  int killed = 0;
  const auto create = [&] { (void)Segment::OpenOrCreate(name_, Options()); };
  for (; KilledAtStop(killed + 1, create); ++killed) {
    // Within its patience.
    const auto next = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(next) << killed << next.error().Message().c_str();
    EXPECT_TRUE(next->Check()) << killed;
    EXPECT_THAT(FilesOf(name_), SizeIs(3)) << "leaked at " << killed;
    ASSERT_TRUE(Segment::Unlink(name_)) << killed;
    ASSERT_THAT(FilesOf(name_), IsEmpty()) << "leaked at " << killed;
  }
  std::printf("killed at %d stops\n", killed);
  EXPECT_GT(killed, 50);
}

// The same, where the next one only looks, or takes away.
TEST_F(LinuxSegmentTest, WhatADeadCreatorLeftGoesWithOpenAndUnlink) {
  int killed = 0;
  const auto create = [&] { (void)Segment::OpenOrCreate(name_, Options()); };
  for (; KilledAtStop(killed + 1, create); ++killed) {
    if (killed % 2 == 0) {
      const auto opened = Segment::Open(name_);
      ASSERT_TRUE(opened || opened.error().code == ErrorCode::kNotFound)
          << opened.error().Message().c_str();
      if (!opened) {
        ASSERT_THAT(FilesOf(name_), IsEmpty()) << "leaked at " << killed;
      }
    }
    const auto unlinked = Segment::Unlink(name_);
    ASSERT_TRUE(unlinked || unlinked.error().code == ErrorCode::kNotFound)
        << unlinked.error().Message().c_str();
    ASSERT_THAT(FilesOf(name_), IsEmpty()) << "leaked at " << killed;
  }
  EXPECT_GT(killed, 50);
}

TEST_F(LinuxSegmentTest, AnUnlinkerKilledAtAnySystemCallIsSucceeded) {
  int killed = 0;
  const auto unlink = [&] { (void)Segment::Unlink(name_); };
  for (;; ++killed) {
    const auto old = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(old);
    ASSERT_TRUE(old->was_created());
    const bool is_killed = KilledAtStop(killed + 1, unlink);
    const auto next = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(next) << killed << next.error().Message().c_str();
    EXPECT_TRUE(next->Check());
    // It is the old one still, and whole, or another, and the old one knows.
    EXPECT_EQ(next->was_created(), !old->Check()) << killed;
    EXPECT_EQ(next->was_created(), old->IsRetired()) << killed;
    EXPECT_THAT(FilesOf(name_), SizeIs(3)) << "leaked at " << killed;
    ASSERT_TRUE(Segment::Unlink(name_));
    ASSERT_THAT(FilesOf(name_), IsEmpty()) << "leaked at " << killed;
    if (!is_killed) break;
  }
  std::printf("killed at %d stops\n", killed);
  EXPECT_GT(killed, 20);
}

}  // namespace
}  // namespace placid
