// SPDX-License-Identifier: Apache-2.0
//
// Segments that go with the last that has them open: who counts as one, and
// what is left, and for how long, of those that are killed.
#include "placid/segment/lifetime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "killed_at_stop.h"
#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/discovery.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_reader.h"
#include "placid/segment/segment_view.h"
#include "shm.h"
#include "tests/segment/posix/holder.h"
#include "tests/segment/posix/member.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::FilesOf;
using placid::testing::Holder;
using placid::testing::KilledAtStop;
using placid::testing::Member;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Which goes on, too, to its own next SIGSTOP or its end.
class Stoppable : public placid::testing::Traced {
 public:
  using Traced::Traced;
  void GoOn() { Continue(PTRACE_CONT); }
};

class LifetimeTest : public ::testing::Test {
 protected:
  ~LifetimeTest() override {
    for (const std::string& path : FilesOf(name_)) {
      std::filesystem::remove(path);
    }
  }
  static CreateSegmentOptions Options() {
    CreateSegmentOptions options;
    options.size_bytes = 10'000;
    options.participants = 4;
    return options;
  }
  [[nodiscard]] ErrorCode WhyNotOpen() const {
    const auto segment = Segment::Open(name_);
    return segment ? ErrorCode{} : segment.error().code;
  }
  // What the last one who was killed has left.
  void LeaveOne() const {
    Holder last(name_, Options());
    last.Kill();
    ASSERT_THAT(FilesOf(name_), SizeIs(3));
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
};

// ---- Who has it open --------------------------------------------------------

TEST_F(LifetimeTest, TheLastThatClosesLeavesNothing) {
  auto one = Segment::Create(name_, Options());
  auto other = Segment::Open(name_);
  ASSERT_TRUE(one && other);
  *one = Segment();
  EXPECT_THAT(FilesOf(name_), SizeIs(3));
  *other = Segment();
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

TEST_F(LifetimeTest, WhoIsStoppedHasItOpen) {
  Holder holder(name_, Options());
  holder.Stop();
  for (int i = 0; i < 3; ++i) {
    const auto segment = Segment::Open(name_);
    ASSERT_TRUE(segment) << segment.error().Message().c_str();
    EXPECT_TRUE(segment->Check());
  }
  EXPECT_THAT(FilesOf(name_), SizeIs(3));
}

// There the same process has another number, and is nobody's to be seen.
TEST_F(LifetimeTest, WhoIsInAnotherPidNamespaceHasItOpen) {
  Child outer([&] {
    if (::unshare(CLONE_NEWPID) != 0) return;  // only the superuser can
    Holder inner(name_, Options());
    { EXPECT_TRUE(Segment::Open(name_)); }
    EXPECT_THAT(FilesOf(name_), SizeIs(3));
    inner.Kill();
    EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound);
  });
  EXPECT_TRUE(outer.EndsWell());
}

// A child that ends, or closes its copy, must not take it from its parent; and
// one that lives on does not keep it.
TEST_F(LifetimeTest, AChildMadeByForkHasNotTillItOpensIt) {
  std::optional<Segment> segment = *Segment::Create(name_, Options());
  Child closing([&] {
    segment.reset();
    EXPECT_THAT(FilesOf(name_), SizeIs(3));
  });
  EXPECT_TRUE(closing.EndsWell());
  EXPECT_TRUE(segment->Check());

  Child living([&] { ::pause(); });
  segment.reset();
  EXPECT_THAT(FilesOf(name_), IsEmpty()) << "the child keeps it";
  living.Kill();

  segment = *Segment::Create(name_, Options());
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  Child opening([&] {
    const auto own = Segment::Open(name_);
    EXPECT_TRUE(own);
    EXPECT_EQ(::write(pipes[1], "x", 1), 1);
    ::pause();
  });
  char byte = 0;
  ASSERT_EQ(::read(pipes[0], &byte, 1), 1);
  segment.reset();
  EXPECT_TRUE(Segment::Open(name_)) << "the child has it open";
  opening.Kill();
  EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound);
  ::close(pipes[0]);
  ::close(pipes[1]);
}

// Who has it open is asked by descriptors where they can be opened again, and
// else by names. Only the superuser can go where there is no /proc.
TEST_F(LifetimeTest, WithoutProcItIsTheSame) {
  if (::geteuid() != 0) return;
  namespace fs = std::filesystem;
  const fs::path root = fs::path(::testing::TempDir()) / name_.text();
  const fs::path shm = root / "dev" / "shm";
  fs::create_directories(shm);
  Child child([&] {
    ASSERT_EQ(::chroot(root.c_str()), 0);
    ASSERT_EQ(::chdir("/"), 0);
    auto one = Segment::Create(name_, Options());
    ASSERT_TRUE(one) << one.error().Message().c_str();
    auto other = Segment::Open(name_);
    ASSERT_TRUE(other) << other.error().Message().c_str();
    *one = Segment();
    EXPECT_TRUE(other->Check());
    EXPECT_TRUE(Segment::Open(name_));
    *other = Segment();
    EXPECT_THAT(FilesOf(name_), IsEmpty());
    LeaveOne();
    EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound);
    EXPECT_THAT(FilesOf(name_), IsEmpty());
  });
  EXPECT_TRUE(child.EndsWell());
  EXPECT_TRUE(fs::is_empty(shm)) << "it was made elsewhere";
  fs::remove_all(root);
}

TEST_F(LifetimeTest, ReadersViewsAndMembershipsDoNotKeepIt) {
  auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  segment->bytes().front() = std::byte{7};
  const auto reader = SegmentReader::Open(name_);
  const auto view = SegmentView::Open(name_);
  auto member = Membership::Join(*segment);
  ASSERT_TRUE(reader && view && member);
  *segment = Segment();
  EXPECT_THAT(FilesOf(name_), IsEmpty());
  EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound);
  // They go on with what they have, and can know.
  EXPECT_EQ(reader->bytes().front(), std::byte{7});
  EXPECT_TRUE(reader->IsRetired());
  EXPECT_EQ(reader->Check().error().code, ErrorCode::kUnlinked);
  EXPECT_TRUE(member->is_joined());
  EXPECT_EQ(view->IsOpen(), os::Liveness::kDead);
}

TEST_F(LifetimeTest, APeerThatOnlyReadsSeesWhatIsOpenAndNothingElse) {
  {
    const Holder holder(name_, Options());
    EXPECT_TRUE(SegmentReader::Open(name_));
  }
  const auto before = FilesOf(name_);
  EXPECT_THAT(before, SizeIs(3));
  const auto reader = SegmentReader::Open(name_);
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(FilesOf(name_), before) << "a reader has changed something";
}

// ---- What the killed leave --------------------------------------------------

TEST_F(LifetimeTest, WhatTheLastWhoWasKilledLeftIsNobodys) {
  LeaveOne();
  EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound);
  EXPECT_THAT(FilesOf(name_), IsEmpty()) << "Open removes it";
  LeaveOne();
  EXPECT_EQ(Segment::Unlink(name_).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(FilesOf(name_), IsEmpty()) << "Unlink removes it";
  for (const auto create : {&Segment::Create, &Segment::OpenOrCreate}) {
    LeaveOne();
    const auto next = create(name_, Options());
    ASSERT_TRUE(next) << next.error().Message().c_str();
    EXPECT_TRUE(next->was_created());
    EXPECT_TRUE(next->Check());
    EXPECT_THAT(FilesOf(name_), SizeIs(3)) << "and nothing of the old one";
  }
}

// A release that knows more of them must not be taken for this one.
TEST_F(LifetimeTest, AnUnknownLifetimeIsRefused) {
  auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  auto* const header = reinterpret_cast<SegmentHeader::Memory*>(
      segment->bytes().data() - sizeof(SegmentHeader::Memory));
  header->lifetime.store(2, kRelaxed);  // sync: none, in one thread
  const auto opened = Segment::Open(name_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kCorrupt);
  EXPECT_STREQ(opened.error().field, "lifetime");
  EXPECT_EQ(SegmentReader::Open(name_).error().code, ErrorCode::kCorrupt);
}

TEST_F(LifetimeTest, WhatOthersHaveOpenSurvivesADeath) {
  Holder one(name_, Options());
  Holder other(name_, Options());
  one.Kill();
  EXPECT_TRUE(Segment::Open(name_));
  other.Kill();
  EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound);
}

// Its parts have no record to be found by: only the last one knows of them.
TEST_F(LifetimeTest, AfterAForeignRmTheLastLeavesNothingEither) {
  for (const std::string suffix : {"", ".data", ".control"}) {
    auto segment = Segment::Create(name_, Options());
    ASSERT_TRUE(segment);
    for (const std::string& path : FilesOf(name_)) {
      if (path.ends_with(std::string(name_.text()) + suffix) ||
          (!suffix.empty() && path.ends_with(suffix))) {
        std::filesystem::remove(path);
      }
    }
    ASSERT_THAT(FilesOf(name_), SizeIs(2)) << suffix;
    *segment = Segment();
    EXPECT_THAT(FilesOf(name_), IsEmpty()) << suffix;
  }
}

TEST_F(LifetimeTest, WhatWasCutShortIsNotTouchedByClosing) {
  for (const std::string& suffix :
       {std::string(name_.text()), std::string(".data"),
        std::string(".control")}) {
    Child child([&] {
      const auto segment = Segment::Create(name_, Options());
      ASSERT_TRUE(segment);
      for (const std::string& path : FilesOf(name_)) {
        if (path.ends_with(suffix)) {
          ASSERT_EQ(::truncate(path.c_str(), 0), 0);
        }
      }
    });
    EXPECT_TRUE(child.EndsWell()) << "killed by SIGBUS: " << suffix;
    for (const std::string& path : FilesOf(name_)) {
      std::filesystem::remove(path);
    }
  }
}

// It takes some to ask who else has it open.
TEST_F(LifetimeTest, WithNoDescriptorToSpareItCloses) {
  Child child([&] {
    std::optional<Segment> segment = *Segment::Create(name_, Options());
    rlimit most = {};
    ::getrlimit(RLIMIT_NOFILE, &most);
    const rlimit few{64, most.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    while (::dup(0) != -1) {
    }
    segment.reset();
    ::setrlimit(RLIMIT_NOFILE, &most);  // to look needs some
    EXPECT_THAT(FilesOf(name_), IsEmpty());
  });
  EXPECT_TRUE(child.EndsWell());
}

// /dev/shm lets nobody but the owner take a name away. Only the superuser can
// try.
TEST_F(LifetimeTest, WhatAnotherUserMayNotRemoveIsLeftForWhoMay) {
  if (::geteuid() != 0) return;
  CreateSegmentOptions options = Options();
  options.mode = 0666;
  auto segment = Segment::Create(name_, options);
  ASSERT_TRUE(segment);
  int begun[2];
  int ended[2];
  ASSERT_EQ(::pipe(begun), 0);
  ASSERT_EQ(::pipe(ended), 0);
  char byte = 0;
  Child stranger([&] {
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(::setuid(kNobody), 0);
    const OpenSegmentOptions trusting{.owner = os::Owner::kAnyone};
    const auto opened = Segment::Open(name_, trusting);
    EXPECT_TRUE(opened);
    EXPECT_EQ(::write(begun[1], "x", 1), 1);
    EXPECT_EQ(::read(ended[0], &byte, 1), 1);
  });
  ASSERT_EQ(::read(begun[0], &byte, 1), 1);
  *segment = Segment();
  EXPECT_THAT(FilesOf(name_), SizeIs(3)) << "the stranger has it open";
  EXPECT_EQ(::write(ended[1], "x", 1), 1);
  EXPECT_TRUE(stranger.EndsWell());
  EXPECT_THAT(FilesOf(name_), SizeIs(3));
  EXPECT_EQ(LookUp(name_)->fate, Found::Fate::kGo);
  EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound);
  EXPECT_THAT(FilesOf(name_), IsEmpty());
  for (const int fd : {begun[0], begun[1], ended[0], ended[1]}) ::close(fd);
}

// ---- Killed before and after each system call -------------------------------
//
// Nobody living has it open then, so nobody may open it, though it was whole.

TEST_F(LifetimeTest, WhoIsKilledAnywhereFromCreatingToClosingLeavesNobodys) {
  int killed = 0;
  const auto create_and_close = [&] {
    (void)Segment::OpenOrCreate(name_, Options());
  };
  for (; KilledAtStop(killed + 1, create_and_close); ++killed) {
    if (killed % 3 == 0) {
      EXPECT_EQ(SegmentReader::Open(name_).error().code, ErrorCode::kNotFound)
          << killed;
      EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound) << killed;
    } else if (killed % 3 == 1) {
      if (const auto found = LookUp(name_)) {
        EXPECT_TRUE(*ClearAway(*found, Clear::kUnused))
            << killed << ": " << found->why;
      }
    } else {
      const auto next = Segment::OpenOrCreate(name_, Options());
      ASSERT_TRUE(next) << killed << next.error().Message().c_str();
      EXPECT_TRUE(next->was_created()) << killed;
      EXPECT_TRUE(next->Check()) << killed;
      EXPECT_THAT(FilesOf(name_), SizeIs(3)) << "leaked at " << killed;
    }
    ASSERT_THAT(FilesOf(name_), IsEmpty()) << "leaked at " << killed;
  }
  EXPECT_THAT(FilesOf(name_), IsEmpty());
  std::printf("killed at %d stops\n", killed);
  EXPECT_GT(killed, 100);
}

// The same of one who finds what another has left.
TEST_F(LifetimeTest, WhoIsKilledAtReplacingALeftoverIsReplaced) {
  int killed = 0;
  const std::function<void()> attempts[] = {
      [&] { (void)Segment::OpenOrCreate(name_, Options()); },
      [&] { (void)Segment::Open(name_); },
      [&] { (void)Segment::Unlink(name_); },
      [&] { (void)ClearAway(*LookUp(name_), Clear::kOrphans); }};
  for (const auto& attempt : attempts) {
    for (int stop = 1;; ++stop) {
      LeaveOne();
      const bool is_killed = KilledAtStop(stop, attempt);
      EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound) << stop;
      ASSERT_THAT(FilesOf(name_), IsEmpty()) << "leaked at " << stop;
      if (!is_killed) break;
      ++killed;
    }
  }
  std::printf("killed at %d stops\n", killed);
  EXPECT_GT(killed, 200);
}

// ---- Stopped before each system call ----------------------------------------

// One opens while another takes away what nobody has open: wherever both are in
// that, the first gets a whole segment that stays, or none.
class TwoAtOnceTest : public LifetimeTest {
 protected:
  TwoAtOnceTest() {
    void* const shared =
        ::mmap(nullptr, sizeof(*outcome_), PROT_READ | PROT_WRITE,
               MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) std::abort();
    outcome_ = new (shared) std::atomic<Outcome>(kNone);
  }
  ~TwoAtOnceTest() override { ::munmap(outcome_, sizeof(*outcome_)); }

  static CreateSegmentOptions Impatient() {
    CreateSegmentOptions options = Options();
    options.patience_ms = 0;
    return options;
  }

  // `other` comes after somebody who had it open and is killed then; without
  // that it has it open itself at its SIGSTOP. `stride`: which of its stops,
  // entries to and returns from system calls; others for each of the opener's.
  void PlayAll(const std::function<void()>& other, bool is_killed_before,
               int stride) {
    std::array<int, kFailed + 1> outcomes{};
    bool is_opening = true;
    for (int opened = 1; is_opening; opened += 2) {
      bool is_other_there = true;
      for (int done = 1 + opened % stride; is_other_there; done += stride) {
        *outcome_ = kNone;
        {
          std::optional<Holder> holder;
          if (is_killed_before) holder.emplace(name_, Options());
          Stoppable second(other);
          if (!is_killed_before) second.GoOn();
          Stoppable first([this] { Open(); });
          first.GoToStop(opened);
          if (holder) holder->Kill();
          second.GoToStop(done);
          is_opening = *outcome_ == kNone;
          is_other_there = second.IsHere();
          first.GoOn();  // to kStopped
          while (second.IsHere()) second.GoOn();
          while (first.IsHere()) first.GoOn();
        }
        ++outcomes[*outcome_];
        ASSERT_TRUE(*outcome_ == kWhole || *outcome_ == kRefused)
            << *outcome_ << " at " << opened << " and " << done;
        EXPECT_EQ(WhyNotOpen(), ErrorCode::kNotFound);
        ASSERT_THAT(FilesOf(name_), IsEmpty())
            << "leaked at " << opened << " and " << done;
      }
    }
    std::printf("%d times whole, %d times none\n", outcomes[kWhole],
                outcomes[kRefused]);
    EXPECT_GT(outcomes[kWhole], 20);
    EXPECT_GT(outcomes[kRefused], 20);
  }

 private:
  enum Outcome : std::uint32_t {
    kNone,
    kStopped,  // has opened it, or not
    kRefused,
    kWhole,
    kTakenAway,
    kFailed,
  };

  void Open() const {
    OpenSegmentOptions impatient;
    impatient.patience_ms = 0;
    const auto segment = Segment::Open(name_, impatient);
    *outcome_ = kStopped;
    ::raise(SIGSTOP);
    if (segment) {
      const bool is_whole = segment->Check() && !segment->IsRetired();
      *outcome_ = is_whole ? kWhole : kTakenAway;
    } else {
      const ErrorCode why = segment.error().code;
      const bool is_refused =
          why == ErrorCode::kNotFound || why == ErrorCode::kTimedOut;
      *outcome_ = is_refused ? kRefused : kFailed;
    }
  }

  std::atomic<Outcome>* outcome_ = nullptr;
};

TEST_F(TwoAtOnceTest, TheLastCloses) {
  PlayAll(
      [&] {
        auto segment = Segment::OpenOrCreate(name_, Options());
        ::raise(SIGSTOP);
        if (segment) *segment = Segment();
      },
      /*is_killed_before=*/false, /*stride=*/3);
}

TEST_F(TwoAtOnceTest, WhatTheKilledLeftIsReplaced) {
  PlayAll([&] { (void)Segment::OpenOrCreate(name_, Impatient()); },
          /*is_killed_before=*/true, /*stride=*/15);
}

// Whatever is killed beside somebody who has it open, he keeps it.
TEST_F(LifetimeTest, WhoIsKilledAtOpeningOrClosingTakesNothingFromOthers) {
  auto held = Segment::Create(name_, Options());
  ASSERT_TRUE(held);
  int killed = 0;
  const auto open_and_close = [&] { (void)Segment::Open(name_); };
  for (; KilledAtStop(killed + 1, open_and_close); ++killed) {
    ASSERT_TRUE(held->Check()) << killed;
    ASSERT_FALSE(held->IsRetired()) << killed;
    ASSERT_EQ(Segment::Open(name_)->id(), held->id()) << killed;
  }
  *held = Segment();
  EXPECT_THAT(FilesOf(name_), IsEmpty());
  EXPECT_GT(killed, 50);
}

}  // namespace
}  // namespace placid
