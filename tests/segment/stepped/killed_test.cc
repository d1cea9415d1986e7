// SPDX-License-Identifier: Apache-2.0
//
// Segments whose creator, unlinker or member is killed at whatever instruction
// changes a byte that others see. Whoever comes next has a whole segment, loses
// nothing that was committed, and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <iterator>
#include <span>
#include <utility>
#include <vector>

#include "killed_at_change.h"
#include "placid/os/name.h"
#include "placid/segment/directory.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "tests/segment/linux/shm.h"
#include "tests/segment/posix/member.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Change;
using placid::testing::ChangesOf;
using placid::testing::FilesOf;
using placid::testing::KilledAt;
using placid::testing::Member;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::uint64_t kEntries = 2;
constexpr ObjectType kType{TypeId::kFirstForeign, 0, 1, 5, "{x:u64}"};

class KilledTest : public ::testing::Test {
 protected:
  ~KilledTest() override { (void)Segment::Unlink(name_); }

  static CreateSegmentOptions Options() {
    CreateSegmentOptions options;
    options.size_bytes = Directory::SizeFor(kEntries, 2 * kLineBytes);
    options.participants = 3;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      const auto directory = Directory::Create(bytes, kEntries);
      if (!directory) return directory.error();
      return Ok();
    };
    return options;
  }
  [[nodiscard]] Result<Segment> OpenOrCreate() const {
    return Segment::OpenOrCreate(name_, Options());
  }
  // Whoever comes now has a whole segment, and nothing else has its name.
  void ExpectWhole(const Segment& segment, int killed) const {
    EXPECT_TRUE(segment.Check()) << killed;
    EXPECT_TRUE(Directory::Attach(segment.bytes())) << killed;
    EXPECT_THAT(FilesOf(name_), SizeIs(3)) << "leaked at " << killed;
  }
  void UnlinkAll(int killed) const {
    ASSERT_TRUE(Segment::Unlink(name_)) << killed;
    ASSERT_THAT(FilesOf(name_), IsEmpty()) << "leaked at " << killed;
  }

  // `set_up`, an `operation` and its `check`: once to its end, and once for each
  // death.
  void Perform(const std::function<void()>& set_up,
               const std::function<void()>& operation,
               const std::function<void(int)>& check) const {
    // What a process looks up once makes no system calls later.
    set_up();
    check(0);
    set_up();
    const std::vector<Change> changes = ChangesOf(name_, operation);
    check(0);
    int killed = 0;
    for (const Change& change : changes) {
      set_up();
      killed += KilledAt(change, name_, operation) ? 1 : 0;
      check(killed);
      if (HasFatalFailure()) return;
    }
    std::printf("killed at %d of %zu instructions\n", killed, changes.size());
    EXPECT_GT(2 * killed, std::ssize(changes)) << "it was killed too seldom";
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
};

// Up to where it has closed it.
TEST_F(KilledTest, ACreatorIsSucceeded) {
  const auto nothing = [] {};
  Perform(
      nothing, [&] { (void)OpenOrCreate(); },
      [&](int killed) {
        const auto next = OpenOrCreate();
        ASSERT_TRUE(next) << killed << next.error().Message().c_str();
        EXPECT_TRUE(next->was_created()) << "nobody had it open: " << killed;
        ExpectWhole(*next, killed);
        UnlinkAll(killed);
      });
}

TEST_F(KilledTest, AnUnlinkerIsSucceeded) {
  Segment old;
  Perform(
      [&] {
        auto created = OpenOrCreate();
        ASSERT_TRUE(created && created->was_created());
        old = *std::move(created);
      },
      [&] { (void)Segment::Unlink(name_); },
      [&](int killed) {
        const auto next = OpenOrCreate();
        ASSERT_TRUE(next) << killed << next.error().Message().c_str();
        ExpectWhole(*next, killed);
        // It is the old one still, or another, and the old one knows.
        EXPECT_EQ(next->was_created(), old.IsRetired()) << killed;
        UnlinkAll(killed);
      });
}

// Joins, recovers somebody dead, makes an object, leaves.
TEST_F(KilledTest, AMemberIsRecovered) {
  const auto segment = OpenOrCreate();
  ASSERT_TRUE(segment);
  const auto recover = [&](const DeadOwner& dead) -> Result<void> {
    const auto directory = Directory::Attach(segment->bytes());
    if (!directory) return directory.error();
    directory->Recover(dead);
    return Ok();
  };
  const auto make = [&](OwnerId owner) {
    return Directory::Attach(segment->bytes())
        .and_then([&](const Directory& directory) {
          return directory.FindOrCreate(
              "object", owner, kType, sizeof(std::uint64_t),
              [](std::span<std::byte> bytes) -> Result<void> {
                bytes[0] = std::byte{7};
                return Ok();
              });
        });
  };
  const auto set_up = [&] {
    ASSERT_TRUE(Directory::Reset(segment->bytes(), NobodyUsesIt()));
    ASSERT_TRUE(Directory::Create(segment->bytes(), kEntries));
    const Member dead(name_);
    dead.Kill();
  };
  const auto take_part = [&] {
    auto member = Membership::Join(*segment, {.recover = recover});
    if (!member) return;
    (void)member->RecoverDead(*segment, recover);
    (void)make(member->id());
  };
  Perform(set_up, take_part, [&](int killed) {
    auto self = Membership::Join(*segment, {.recover = recover});
    ASSERT_TRUE(self) << killed << self.error().Message().c_str();
    ASSERT_TRUE(self->RecoverDead(*segment, recover)) << killed;
    for (std::uint64_t i = 1; i <= segment->participants().count(); ++i) {
      ASSERT_TRUE(i == self->id().index() ||
                  segment->participants().Look(i).phase() ==
                      RowState::Phase::kFree)
          << "a row is lost, killed at " << killed;
    }
    const auto object = make(self->id());
    ASSERT_TRUE(object) << killed << object.error().Message().c_str();
    EXPECT_EQ(object->bytes[0], std::byte{7}) << killed;
  });
}

}  // namespace
}  // namespace placid
