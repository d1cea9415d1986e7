// SPDX-License-Identifier: Apache-2.0
//
// Segments on a system without /proc, where objects are not reopened and locks
// go by name: what is there can be made, read, judged and removed; only to join
// needs /proc, and says so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "placid/base/error.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/segment/discovery.h"
#include "placid/segment/liveness.h"
#include "placid/segment/membership.h"
#include "placid/segment/participants.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_reader.h"
#include "placid/segment/segment_view.h"
#include "tests/os/linux/in_child.h"

namespace placid {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SegmentNoProcTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(root_ / "dev" / "shm"); }
  void TearDown() override { fs::remove_all(root_); }

  // Runs f() where there is nothing else. Only the superuser may go there.
  template <typename F>
  void InThere(F f) const {
    if (::geteuid() != 0) return;
    os::InChild([&] {
      ASSERT_EQ(::chroot(root_.c_str()), 0);
      ASSERT_EQ(::chdir("/"), 0);
      f();
      EXPECT_TRUE(fs::is_empty("/dev/shm"));
    });
  }
  static CreateSegmentOptions Options() {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.lifetime = Lifetime::kUntilUnlinked;
    options.participants = 4;
    options.patience_ms = 2;
    return options;
  }

  const fs::path root_ = fs::path(::testing::TempDir()) /
                         ("segment-no-proc-" + std::to_string(::getpid()));
  const os::Name name_ = *os::Name::Parse("no-proc");
};

TEST_F(SegmentNoProcTest, ASegmentIsMadeReadAndUnlinked) {
  InThere([this] {
    const auto segment = Segment::Create(name_, Options());
    ASSERT_TRUE(segment) << segment.error().Message().c_str();
    EXPECT_EQ(Segment::Create(name_, Options()).error().code,
              ErrorCode::kAlreadyExists);
    segment->bytes().front() = std::byte{7};
    const auto reader = SegmentReader::Open(name_);
    ASSERT_TRUE(reader) << reader.error().Message().c_str();
    EXPECT_EQ(reader->bytes().front(), std::byte{7});
    EXPECT_TRUE(segment->Check() && reader->Check());
    ASSERT_TRUE(Segment::Unlink(name_));
    EXPECT_TRUE(segment->IsRetired());
    EXPECT_EQ(segment->Check().error().code, ErrorCode::kUnlinked);
  });
}

// What has a name is opened again by that.
TEST_F(SegmentNoProcTest, WhoJoinsASegmentWithANameNeedsNone) {
  InThere([this] {
    const auto segment = Segment::Create(name_, Options());
    ASSERT_TRUE(segment);
    const auto joined = Membership::Join(*segment);
    ASSERT_TRUE(joined) << joined.error().Message().c_str();
    EXPECT_EQ(LookAt(*segment, joined->id()), os::Liveness::kAlive);
    ASSERT_TRUE(Segment::Unlink(name_));
  });
}

// Those who joined where there is a /proc have the same locks.
TEST_F(SegmentNoProcTest, WhoLivesIsSeenByItsLock) {
  InThere([this] {
    const auto segment = Segment::Create(name_, Options());
    ASSERT_TRUE(segment);
    const OwnerId somebody = *OwnerId::Of(1, 1);
    {
      const auto lock = os::FileLock::TryLock(segment->control_name(), 1);
      ASSERT_TRUE(lock);
      const auto owner = segment->participants().Join(1, os::ProcessIdentity{});
      ASSERT_TRUE(owner);
      ASSERT_EQ(owner->id(), somebody);
      EXPECT_EQ(LookAt(*segment, somebody), os::Liveness::kAlive);
      EXPECT_EQ(ProveDeath(*segment, 1).error().code, ErrorCode::kBusy);
      const auto found = LookUp(name_);
      ASSERT_TRUE(found);
      EXPECT_EQ(found->living, 1u);
      EXPECT_FALSE(*ClearAway(*found, Clear::kUnused));
    }
    const auto again = segment->participants().Join(1, os::ProcessIdentity{});
    ASSERT_TRUE(again);
    EXPECT_EQ(LookAt(*segment, again->id()), os::Liveness::kDead)
        << "nobody has its lock";
    EXPECT_TRUE(ProveDeath(*segment, 1));
    EXPECT_FALSE(SegmentView::Open(name_)->MayBeJoined());
    const auto found = LookUp(name_);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->dead, 1u);
    EXPECT_FALSE(*ClearAway(*found, Clear::kUnused)) << "we have it open";
    ASSERT_TRUE(Segment::Unlink(name_));
  });
}

TEST_F(SegmentNoProcTest, LeftoversAreFoundAndGo) {
  InThere([this] {
    { ASSERT_TRUE(Segment::Create(name_, Options())); }
    ASSERT_TRUE(fs::remove("/dev/shm/placid.no-proc"));
    const auto parts = Discover();
    ASSERT_TRUE(parts) << parts.error().Message().c_str();
    EXPECT_THAT(*parts, SizeIs(2));
    for (const Found& part : *parts)
      EXPECT_TRUE(*ClearAway(part, Clear::kOrphans));
    EXPECT_THAT(*Discover(), IsEmpty());
  });
}

// Who is at it holds the lock of the name.
TEST_F(SegmentNoProcTest, ALivingCreatorIsWaitedFor) {
  InThere([this] {
    {
      const auto segment = Segment::Create(name_, Options());
      ASSERT_TRUE(segment);
    }
    for (const auto& entry : fs::directory_iterator("/dev/shm")) {
      if (entry.path().extension() == ".data") fs::remove(entry.path());
    }
    {
      constexpr std::uint32_t kCreationLock = 0;
      const auto lock = os::FileLock::TryLock(name_, kCreationLock);
      ASSERT_TRUE(lock);
      EXPECT_TRUE(SegmentView::Open(name_)->IsBeingChanged());
      EXPECT_EQ(LookUp(name_)->state, Found::State::kBeingMade);
      EXPECT_EQ(Segment::OpenOrCreate(name_, Options()).error().code,
                ErrorCode::kTimedOut);
    }
    const auto next = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(next);
    EXPECT_TRUE(next->was_created());
    ASSERT_TRUE(Segment::Unlink(name_));
  });
}

}  // namespace
}  // namespace placid
