// SPDX-License-Identifier: Apache-2.0
//
// Segments while the kernel refuses one call after the other: whoever asks
// hears what failed, nobody living is taken for dead, nothing of theirs is
// taken away, and what could not be done is done by the next who may.
#include "tests/os/linux/refused_calls.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/primitives/dead_owner.h"
#include "placid/segment/discovery.h"
#include "placid/segment/liveness.h"
#include "placid/segment/membership.h"
#include "placid/segment/monitor.h"
#include "placid/segment/participants.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_reader.h"
#include "placid/segment/segment_view.h"
#include "tests/segment/linux/segment_files.h"
#include "tests/segment/linux/shm.h"
#include "tests/segment/posix/member.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using os::Call;
using os::WithCallRefused;
using os::WithEachCallRefused;
using placid::testing::FilesOf;
using placid::testing::Member;
using placid::testing::SegmentFiles;
using ::testing::IsEmpty;

int Nothing() { return 0; }

Result<void> RecoverNothing(const DeadOwner& /*dead*/) { return Ok(); }

class SegmentRefusedCallsTest : public ::testing::Test {
 protected:
  // What is refused stays so: nothing comes of waiting.
  static constexpr std::int64_t kPatienceMs = 2;
  static constexpr auto kPlaced = std::byte{0x5A};

  static CreateSegmentOptions Options() {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.lifetime = Lifetime::kUntilUnlinked;
    options.participants = 4;
    options.patience_ms = kPatienceMs;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      std::ranges::fill(bytes, kPlaced);
      return Ok();
    };
    return options;
  }
  static OpenSegmentOptions Opening() {
    OpenSegmentOptions options;
    options.patience_ms = kPatienceMs;
    return options;
  }
  // Whether one that was made or opened holds what was placed; or why not.
  template <typename Attached>
  void ExpectPlaced(const Result<Attached>& attached,
                    const char* operation) const {
    if (!attached) return ExpectExplained(attached.error(), operation);
    EXPECT_THAT(attached->bytes(), ::testing::Each(kPlaced));
    EXPECT_EQ(attached->bytes().size(), 4096u);
  }
  void ExpectExplained(const Error& error, const char* operation) const {
    EXPECT_STREQ(error.operation, operation);
    EXPECT_EQ(error.subject.view(), name_.text());
  }

  // All that is found under our name.
  [[nodiscard]] std::vector<Found> FindOurs() const {
    std::vector<Found> ours = Discover().value();
    std::erase_if(ours, [this](const Found& found) {
      return found.name.find(name_.text()) == std::string::npos;
    });
    return ours;
  }
  // Whoever is to remove a file, and hears that there is none, is content.
  static bool IsSaidToBeGone(const Call& call, int error) {
    return call.number == SYS_unlink && error == ENOENT;
  }
  // By a call that is never refused.
  [[nodiscard]] bool HasRecord() const {
    return ::syscall(SYS_faccessat, AT_FDCWD, files_.Record().c_str(), F_OK) ==
           0;
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  SegmentFiles files_{name_};
};

TEST_F(SegmentRefusedCallsTest, WhoCannotCreateSaysWhyAndIsSucceeded) {
  for (const Call& call : os::kCalls) {
    WithCallRefused(call, Nothing, [&](int, int) {
      ExpectPlaced(Segment::Create(name_, Options()), "Segment::Create");
      (void)Segment::Unlink(name_, kPatienceMs);
    });
    const auto next = Segment::OpenOrCreate(name_, Options());
    ASSERT_TRUE(next) << call.name << ": " << next.error().Message().c_str();
    EXPECT_TRUE(next->Check()) << call.name;
    ExpectPlaced(next, "");
    ASSERT_TRUE(Segment::Unlink(name_));
    // Who makes a file by renaming it, and may not remove it then, leaves it.
    if (call.number != SYS_unlink) {
      EXPECT_THAT(FilesOf(name_), IsEmpty()) << call.name;
    }
    files_.RemoveAll();
  }
}

TEST_F(SegmentRefusedCallsTest, WhoCannotOpenSaysWhyAndSpoilsNothing) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  for (const Call& call : os::kCalls) {
    WithCallRefused(call, Nothing, [&](int, int error) {
      const auto opened = Segment::Open(name_, Opening());
      const auto joined = Segment::OpenOrCreate(name_, Options());
      const auto reader = SegmentReader::Open(name_, Opening());
      ExpectPlaced(opened, "Segment::Open");
      ExpectPlaced(joined, "Segment::OpenOrCreate");
      ExpectPlaced(reader, "SegmentReader::Open");
      if (joined) {
        EXPECT_FALSE(joined->was_created());
      }
      if (error == ENOENT) return;  // then it is the kernel that says so
      EXPECT_TRUE(opened || opened.error().code != ErrorCode::kNotFound);
      EXPECT_TRUE(reader || reader.error().code != ErrorCode::kNotFound);
    });
    ASSERT_TRUE(segment->Check()) << call.name;
    ASSERT_FALSE(segment->IsRetired()) << call.name;
  }
}

TEST_F(SegmentRefusedCallsTest, WhatCannotBeCheckedIsNotSaidToBeGone) {
  struct Attached {
    Segment segment;
    SegmentReader reader;
  };
  ASSERT_TRUE(Segment::Create(name_, Options()));
  WithEachCallRefused(
      [&] {
        return Attached{*Segment::Open(name_), *SegmentReader::Open(name_)};
      },
      [&](Attached& attached, const Call&, int error) {
        for (const auto& [checked, operation] :
             {std::pair(attached.segment.Check(), "Segment::Check"),
              std::pair(attached.reader.Check(), "SegmentReader::Check")}) {
          if (checked) continue;
          ExpectExplained(checked.error(), operation);
          EXPECT_NE(checked.error().code, ErrorCode::kTruncated);
          if (error == ENOENT) continue;  // then it is the kernel that says so
          EXPECT_NE(checked.error().code, ErrorCode::kUnlinked);
        }
      });
}

TEST_F(SegmentRefusedCallsTest, NobodyLivingIsTakenForDead) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const Member member(name_);
  const std::uint64_t row = member.id().index();
  struct Looking {
    Segment segment;
    Membership self;
    Result<Monitor> monitor;
    Found unused;
  };
  WithEachCallRefused(
      [&] {
        Looking looking{
            *Segment::Open(name_), {}, Monitor::Make(), *LookUp(name_)};
        looking.self = *Membership::Join(looking.segment);
        looking.unused.fate = Found::Fate::kIfUnused;  // as before the member
        return looking;
      },
      [&](Looking& looking, const Call&, int error) {
        EXPECT_NE(LookAt(looking.segment, member.id()), os::Liveness::kDead);
        const auto death = ProveDeath(looking.segment, row);
        ASSERT_FALSE(death);
        ExpectExplained(death.error(), "ProveDeath");
        EXPECT_THAT(looking.monitor->Poll(looking.segment), IsEmpty());
        const auto recovered =
            looking.self.RecoverDead(looking.segment, RecoverNothing);
        if (recovered) {
          EXPECT_EQ(*recovered, 0u);
        }
        const auto cleared = ClearAway(looking.unused, Clear::kUnused);
        if (cleared) {
          EXPECT_FALSE(*cleared);
        }
        if (error == ENOENT) return;  // what is missing has no participants
        const auto view = SegmentView::Open(name_);
        if (view && view->participants()) {
          EXPECT_NE(view->LifeOf(row), os::Liveness::kDead);
        }
        if (view) {
          EXPECT_TRUE(view->MayBeJoined());
        }
        const auto found = LookUp(name_);
        if (found) {
          EXPECT_EQ(found->fate, Found::Fate::kKeep) << found->why;
        }
      });
  EXPECT_TRUE(segment->Check());
  EXPECT_EQ(LookAt(*segment, member.id()), os::Liveness::kAlive);
}

// And whoever cannot is told nothing that is not so: no row is lost by it.
TEST_F(SegmentRefusedCallsTest, WhoCannotRecoverLeavesItToTheNext) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  auto self = *Membership::Join(*segment);
  struct Recovering {
    Segment segment;
    Membership self;
  };
  for (const Call& call : os::kCalls) {
    {
      const Member dead(name_);
      ASSERT_TRUE(dead.id().is_participant()) << call.name;
    }
    WithCallRefused(
        call,
        [&] {
          Recovering recovering{*Segment::Open(name_), {}};
          recovering.self = *Membership::Join(recovering.segment);
          return recovering;
        },
        [&](Recovering& recovering, int) {
          const auto count =
              recovering.self.RecoverDead(recovering.segment, RecoverNothing);
          if (count) {
            EXPECT_LE(*count, 1u);
          }
          const auto other =
              Membership::Join(recovering.segment, {.recover = RecoverNothing});
          if (other) {
            EXPECT_NE(other->id(), recovering.self.id());
          }
        });
    const auto rest = self.RecoverDead(*segment, RecoverNothing);
    ASSERT_TRUE(rest) << call.name;
    EXPECT_LE(*rest, 1u) << call.name;
    for (std::uint64_t i = 1; i <= segment->participants().count(); ++i) {
      const RowState state = segment->participants().Look(i);
      ASSERT_TRUE(i == self.id().index() ||
                  state.phase() == RowState::Phase::kFree)
          << call.name << ": row " << i << " is lost";
    }
  }
}

TEST_F(SegmentRefusedCallsTest, WhoCannotUnlinkSaysSoAndTheNextDoes) {
  for (const Call& call : os::kCalls) {
    const auto segment = Segment::Create(name_, Options());
    ASSERT_TRUE(segment) << call.name;
    WithCallRefused(call, Nothing, [&](int, int error) {
      if (IsSaidToBeGone(call, error)) return;
      const auto unlinked = Segment::Unlink(name_, kPatienceMs);
      if (unlinked) {
        EXPECT_FALSE(HasRecord()) << "it said that it was gone";
      }
      if (!unlinked) ExpectExplained(unlinked.error(), "Segment::Unlink");
      if (unlinked || error == ENOENT || !HasRecord()) return;
      EXPECT_NE(unlinked.error().code, ErrorCode::kNotFound);
    });
    if (HasRecord()) (void)Segment::Unlink(name_);
    EXPECT_TRUE(segment->IsRetired()) << call.name;
    EXPECT_THAT(FilesOf(name_), IsEmpty()) << call.name;
    files_.RemoveAll();
  }
}

// Of a segment that nobody uses, and of the objects of one without a record.
TEST_F(SegmentRefusedCallsTest, WhoCannotClearAwaySaysSoAndTheNextDoes) {
  for (const bool has_record : {true, false}) {
    for (const Call& call : os::kCalls) {
      SCOPED_TRACE(call.name);
      {
        ASSERT_TRUE(Segment::Create(name_, Options()));
        const Member dead(name_);
      }
      if (!has_record) {
        ASSERT_TRUE(std::filesystem::remove(files_.Record()));
      }
      WithCallRefused(
          call, [&] { return FindOurs(); },
          [&](const std::vector<Found>& ours, int error) {
            if (IsSaidToBeGone(call, error)) return;
            for (const Found& found : ours) {
              (void)LookUp(*os::Name::Parse(found.name));
              const auto cleared = ClearAway(found, Clear::kUnused);
              if (!cleared) {
                EXPECT_NE(std::string_view(cleared.error().operation), "");
              } else if (*cleared && has_record) {
                EXPECT_FALSE(HasRecord()) << "it said that it was gone";
              }
            }
          });
      for (const Found& found : FindOurs()) {
        EXPECT_TRUE(ClearAway(found, Clear::kUnused)) << found.name;
      }
      EXPECT_THAT(FilesOf(name_), IsEmpty());
      files_.RemoveAll();
    }
  }
}

TEST_F(SegmentRefusedCallsTest, WhatCannotBeListedIsNotSaidToBeNothing) {
  ASSERT_TRUE(Segment::Create(name_, Options()));
  for (const Call& call :
       {Call{"getdents64", SYS_getdents64}, Call{"openat", SYS_openat}}) {
    WithCallRefused(call, Nothing, [&](int, int error) {
      if (call.number == SYS_getdents64 && error == ENOENT) {
        return;  // so a folder ends that was removed
      }
      const auto all = Discover();
      ASSERT_FALSE(all);
      EXPECT_STREQ(all.error().operation, "ListNames");
      EXPECT_EQ(all.error().system_error, error);
    });
  }
}

}  // namespace
}  // namespace placid
