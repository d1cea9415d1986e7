// SPDX-License-Identifier: Apache-2.0
//
// `placid ls`, `clean` and `doctor` where something is in their way: what the
// kernel refuses, what others own, what somebody living still needs. Those
// without names run in a /dev/shm of their own.
#include "cli/housekeeping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "cli/inventory.h"
#include "cli/outcome.h"
#include "cli/report.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "cli/stream_look.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/segment/discovery.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment.h"
#include "tests/os/linux/refused_calls.h"
#include "tests/segment/linux/segment_files.h"
#include "tests/segment/posix/member.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid::cli {
namespace {

using os::Call;
using os::InChild;
using os::WithCallRefused;
using os::WithEachCallRefused;
using placid::testing::Child;
using placid::testing::Member;
using placid::testing::SegmentFiles;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Command = Outcome (*)(const HousekeepingOptions&);

int Nothing() { return 0; }

// Runs f() as a user without rights. Only the superuser can.
template <typename F>
void AsStranger(F f) {
  constexpr uid_t kStranger = 54321;  // no system's own
  if (::geteuid() != 0) return;
  InChild([&] {
    ASSERT_EQ(::setuid(kStranger), 0);
    f();
  });
}

// Runs f() where /dev/shm has nothing in it. Only the superuser can, and not in
// every container.
template <typename F>
void InOwnShm(F f) {
  InChild([&] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=64m,mode=1777") != 0) {
      std::puts("not permitted here: a /dev/shm of one's own");
      return;
    }
    f();
  });
}

class CommandsTest : public ::testing::Test {
 protected:
  struct Ran {
    Outcome outcome;
    std::string output;
    [[nodiscard]] Json json() const { return Json::parse(output); }
  };
  static Ran Run(Command command, const HousekeepingOptions& options) {
    ::testing::internal::CaptureStdout();
    Outcome outcome = command(options);
    std::fflush(stdout);
    return {std::move(outcome), ::testing::internal::GetCapturedStdout()};
  }
  // {name: action} of a cleaning.
  static std::map<std::string, std::string> Actions(const Ran& ran) {
    std::map<std::string, std::string> actions;
    const Json json = ran.json();
    for (const Json& line : json["actions"]) {
      actions[line["name"]] = line["action"];
    }
    return actions;
  }
  static HousekeepingOptions AsJson(HousekeepingOptions options = {}) {
    options.is_json = true;
    return options;
  }
  // Of our own name alone.
  [[nodiscard]] HousekeepingOptions Ours(bool is_json = true) const {
    return {.is_json = is_json, .names = {std::string(name_.text())}};
  }
  [[nodiscard]] std::string Action(bool is_dry_run = false) const {
    HousekeepingOptions options = Ours();
    options.is_dry_run = is_dry_run;
    return Actions(Run(RunClean, options))[options.names.front()];
  }

  static Segment CreateSegment(const os::Name& name,
                               std::uint32_t mode = 0600) {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.lifetime = Lifetime::kUntilUnlinked;
    options.participants = 4;
    options.mode = mode;
    return *Segment::Create(name, options);
  }
  // A stream whose only side has been killed.
  static void LeaveStream(const os::Name& name) {
    Child child([&] {
      (void)Stream::Join(name, Side::kSender, StreamHeader::kLeastCapacity);
      ::_exit(0);  // without a word
    });
    ASSERT_TRUE(child.EndsWell());
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  SegmentFiles files_{name_};
};

// ---- Everything there is ----------------------------------------------------

TEST_F(CommandsTest, WhereThereIsNothingAllSaySo) {
  InOwnShm([] {
    EXPECT_THAT(Run(RunLs, AsJson()).json()["objects"], IsEmpty());
    EXPECT_THAT(Run(RunLs, {}).output, IsEmpty());
    const Ran cleaned = Run(RunClean, AsJson());
    EXPECT_TRUE(cleaned.outcome.is_ok());
    EXPECT_THAT(cleaned.json()["actions"], IsEmpty());
  });
}

TEST_F(CommandsTest, CleanTakesTheOrphansAndWithUnusedTheWholeOnesToo) {
  InOwnShm([] {
    const auto name = [](const char* text) { return *os::Name::Parse(text); };
    { const Segment unused = CreateSegment(name("unused")); }
    const Segment used = CreateSegment(name("used"));
    const Member member(name("used"));
    LeaveStream(name("dead"));
    // Joined by somebody living, but nobody else can open it any more.
    const Segment spoilt = CreateSegment(name("spoilt"));
    const Member survivor(name("spoilt"));
    const SegmentFiles files(name("spoilt"));
    ASSERT_TRUE(std::filesystem::remove(files.Data()));

    const Json listed = Run(RunLs, AsJson()).json()["objects"];
    std::map<std::string, std::string> states;
    for (const Json& entry : listed) states[entry["name"]] = entry["state"];
    EXPECT_EQ(states,
              (std::map<std::string, std::string>{{"dead", "orphaned"},
                                                  {"spoilt", "orphaned"},
                                                  {"unused", "ready"},
                                                  {"used", "ready"}}));

    using Expected = std::map<std::string, std::string>;
    Ran ran = Run(RunClean, AsJson({.names = {}, .is_dry_run = true}));
    EXPECT_EQ(ran.outcome.code, ExitCode::kTrouble);
    EXPECT_EQ(Actions(ran),
              (Expected{{"dead", "would remove"}, {"spoilt", "kept"}}));
    ran = Run(RunClean, AsJson());
    EXPECT_TRUE(ran.outcome.is_ok());
    EXPECT_EQ(Actions(ran),
              (Expected{{"dead", "removed"}, {"spoilt", "kept"}}));
    ran = Run(RunClean, AsJson({.names = {}, .is_unused_too = true}));
    EXPECT_TRUE(ran.outcome.is_ok());
    EXPECT_EQ(Actions(ran),
              (Expected{{"spoilt", "kept"}, {"unused", "removed"}}));
    EXPECT_TRUE(used.Check()) << "somebody living has joined it";
    const Ran as_text = Run(RunClean, {});
    EXPECT_THAT(as_text.output, HasSubstr("kept spoilt (segment): not whole"));
  });
}

// ---- One name ---------------------------------------------------------------

TEST_F(CommandsTest, AWholeSegmentGoesIfItIsNamedAndNobodyHasItOpen) {
  std::optional<Segment> segment = CreateSegment(name_);
  {
    const Member member(name_);
    const Ran ran = Run(RunClean, Ours());
    EXPECT_EQ(ran.outcome.code, ExitCode::kTrouble);
    EXPECT_EQ(ran.json()["actions"][0]["why"], "in use");
    EXPECT_EQ(Action(), "left");
  }
  EXPECT_EQ(Action(), "left") << "we have it open";
  EXPECT_TRUE(segment->Check());
  segment.reset();
  EXPECT_EQ(Action(/*is_dry_run=*/true), "would remove");
  EXPECT_EQ(Action(), "removed");
  const Ran again = Run(RunClean, Ours(/*is_json=*/false));
  EXPECT_TRUE(again.outcome.is_ok());
  EXPECT_EQ(again.output,
            "absent " + std::string(name_.text()) + ": no such name\n");
}

// Its last look at a leftover is under the lock of those who create: where one
// has that, it is left to him.
TEST_F(CommandsTest, WhatSomebodyComesToMeanwhileIsLeft) {
  { const Segment old = CreateSegment(name_); }
  const std::string part = files_.NameOf(files_.Data());
  ASSERT_TRUE(std::filesystem::remove(files_.Record()));
  const Segment next = CreateSegment(name_);
  const HousekeepingOptions options{.is_json = true, .names = {part}};
  {
    constexpr std::uint32_t kCreationLock = 0;
    const auto lock = os::FileLock::TryLock(name_, kCreationLock);
    ASSERT_TRUE(lock);
    const Ran ran = Run(RunClean, options);
    EXPECT_EQ(ran.outcome.code, ExitCode::kTrouble);
    EXPECT_EQ(ran.json()["actions"][0]["why"],
              "somebody has come to it meanwhile");
  }
  EXPECT_EQ(Actions(Run(RunClean, options))[part], "removed");
  EXPECT_TRUE(next.Check());
}

// ---- Streams ----------------------------------------------------------------

TEST_F(CommandsTest, AStreamThatSomebodyJoinsAtThisMomentStays) {
  LeaveStream(name_);
  EXPECT_EQ(Action(/*is_dry_run=*/true), "would remove");
  {
    constexpr std::uint32_t kSetupByte = 0;
    const auto lock = os::FileLock::TryLock(name_, kSetupByte);
    ASSERT_TRUE(lock);
    EXPECT_EQ(Action(), "left");
    const auto cleared = ClearStream(name_, /*may_be_virgin=*/true);
    ASSERT_TRUE(cleared);
    EXPECT_FALSE(*cleared) << "who looked before that comes too late";
  }
  EXPECT_EQ(Action(), "removed");
  EXPECT_FALSE(*ClearStream(name_, /*may_be_virgin=*/true)) << "it is gone";
}

TEST_F(CommandsTest, AStreamOfAnotherReleaseIsLeft) {
  LeaveStream(name_);
  files_.Write(files_.Record(), 1, std::uint8_t{200});  // the stamp's version
  const Ran ran = Run(RunInspect, Ours());
  EXPECT_EQ(ran.json()["state"], "unreadable");
  EXPECT_THAT(ran.json()["why"].get<std::string>(), HasSubstr("release"));
  EXPECT_THAT(ran.json()["error"].get<std::string>(), HasSubstr("version"));
  EXPECT_EQ(Action(), "left");
}

// What nobody has written to has the size of a stream, and nothing else does.
TEST_F(CommandsTest, AnEmptyObjectIsAStreamsByItsSizeAlone) {
  constexpr std::uint64_t kData = StreamHeader::kDataOffset;
  constexpr std::uint64_t kLeast = StreamHeader::kLeastCapacity;
  const auto kind_of = [this](std::uint64_t size) {
    std::ofstream(files_.Record()) << "";
    std::filesystem::resize_file(files_.Record(), size);
    return Run(RunInspect, Ours()).json()["kind"].get<std::string>();
  };
  for (const std::uint64_t capacity : {kLeast, 2 * kLeast, 1024 * kLeast}) {
    EXPECT_EQ(kind_of(kData + capacity), "stream") << capacity;
  }
  for (const std::uint64_t capacity :
       {std::uint64_t{0}, kLeast / 2, kLeast - 1, 3 * kLeast,
        2 * StreamHeader::kMostCapacity}) {
    EXPECT_EQ(kind_of(kData + capacity), "foreign") << capacity;
  }
  EXPECT_EQ(kind_of(kData - 1), "foreign");
  (void)kind_of(kData + kLeast);
  EXPECT_EQ(Action(), "removed") << "it was asked for by name";
  (void)kind_of(kData + kLeast);
  files_.Write(files_.Record(), 5000, 'x');
  EXPECT_EQ(Run(RunInspect, Ours()).json()["kind"], "foreign");
  EXPECT_EQ(Action(), "left") << "somebody has written to it";
}

// A ring that lies is not followed; what its sides say is shown.
TEST_F(CommandsTest, AStreamWithARingThatCannotBeIsShownWithoutIt) {
  LeaveStream(name_);
  files_.Write(files_.Record(), StreamHeader::kRingOffset, std::uint64_t{5});
  const Json json = Run(RunInspect, Ours()).json();
  EXPECT_EQ(json["kind"], "stream");
  EXPECT_EQ(json["sender"]["life"], "dead");
  EXPECT_EQ(json["ring"]["capacity_bytes"], 0);
}

// ---- Of another user --------------------------------------------------------

TEST_F(CommandsTest, AnotherUsersStreamIsJudgedAndLeft) {
  LeaveStream(name_);
  ASSERT_EQ(::chmod(files_.Record().c_str(), 0644), 0);
  AsStranger([this] {
    const Ran ran = Run(RunClean, Ours());
    EXPECT_EQ(ran.outcome.code, ExitCode::kTrouble);
    const Json action = ran.json()["actions"][0];
    EXPECT_EQ(action["action"], "left");
    EXPECT_EQ(action["kind"], "stream");
    EXPECT_THAT(action["why"].get<std::string>(),
                HasSubstr("dead, or never came; but permission denied"));
  });
  EXPECT_EQ(Action(), "removed") << "its owner can";
}

// ---- What the kernel refuses ------------------------------------------------

// A dead stream is there: whoever cannot see or remove it does not say that all
// is well.
TEST_F(CommandsTest, WhatIsRefusedIsSaidByACodeAndAWord) {
  LeaveStream(name_);
  const auto without_output = [] {
    return std::freopen("/dev/null", "w", stdout) != nullptr;
  };
  WithEachCallRefused(without_output, [&](bool, const Call& call, int error) {
    if (error != EACCES && error != EIO) return;
    for (const Command command : {RunLs, RunInspect, RunClean, RunDoctor}) {
      // It would leave what it tries behind: see TheDoctorNamesTheStepThatFailed.
      if (command == RunDoctor && call.number == SYS_unlink) continue;
      HousekeepingOptions options = Ours();
      options.is_dry_run = true;
      const Outcome outcome = command(options);
      EXPECT_TRUE(outcome.code == ExitCode::kOk ||
                  outcome.code == ExitCode::kTrouble ||
                  outcome.code == ExitCode::kInputOutput)
          << static_cast<int>(outcome.code);
      if (outcome.code == ExitCode::kInputOutput) {
        EXPECT_NE(outcome.message, "");
      }
      if (command == RunClean) {
        EXPECT_FALSE(outcome.is_ok());
      }
    }
  });
  EXPECT_EQ(Action(), "removed") << "a dry run removes nothing";
}

TEST_F(CommandsTest, WhatCannotBeListedIsNotSaidToBeNothing) {
  for (const Call& call :
       {Call{"openat", SYS_openat}, Call{"getdents64", SYS_getdents64}}) {
    WithCallRefused(call, Nothing, [&](int, int error) {
      // So a folder ends that was removed while it was read.
      if (call.number == SYS_getdents64 && error == ENOENT) return;
      for (const Command command : {RunLs, RunClean}) {
        const Outcome outcome = command({});
        EXPECT_EQ(outcome.code, ExitCode::kInputOutput);
        EXPECT_THAT(outcome.message, HasSubstr("cannot list"));
      }
    });
  }
}

// By name it is found all the same; who owns it, and since when, is not known.
TEST_F(CommandsTest, WhatIsNotListedIsShownWithoutAnOwner) {
  LeaveStream(name_);
  EXPECT_TRUE(Run(RunInspect, Ours()).json().contains("owner"));
  InChild([this] {
    os::Deny(SYS_getdents64, EACCES);
    const Json json = Run(RunInspect, Ours()).json();
    EXPECT_EQ(json["kind"], "stream");
    EXPECT_FALSE(json.contains("owner"));
    EXPECT_FALSE(json.contains("age_seconds"));
    EXPECT_TRUE(*ClearEntry(*LookUpEntry(name_), Clear::kOrphans));
  });
}

TEST_F(CommandsTest, WhatCannotBeRemovedIsLeftWithTheReason) {
  LeaveStream(name_);
  InChild([this] {
    os::Deny(SYS_unlink, EROFS);
    const Ran ran = Run(RunClean, Ours(/*is_json=*/false));
    EXPECT_EQ(ran.outcome.code, ExitCode::kTrouble);
    EXPECT_THAT(ran.outcome.message, HasSubstr("left"));
    EXPECT_THAT(ran.output, HasSubstr("; but permission denied (Read-only"));
  });
  EXPECT_EQ(Action(), "removed");
}

// Who cannot ask for the locks does not say that nobody is there.
TEST_F(CommandsTest, AStreamWhoseLocksCannotBeSeenStays) {
  LeaveStream(name_);
  InChild([this] {
    os::Deny(SYS_fcntl, EPERM);
    const Json json = Run(RunInspect, Ours()).json();
    EXPECT_EQ(json["sender"]["life"], "alive");
    EXPECT_EQ(Action(), "left");
  });
  EXPECT_EQ(Action(), "removed");
}

// ---- The doctor -------------------------------------------------------------

// The steps by which a named object comes and goes.
TEST_F(CommandsTest, TheDoctorNamesTheStepThatFailed) {
  for (const auto& [refused, failed] :
       {std::pair(Call{"mmap", SYS_mmap, 3, MAP_SHARED}, "mapping: "),
        std::pair(Call{"fcntl", SYS_fcntl}, "reopening: "),
        std::pair(Call{"unlink", SYS_unlink}, "removing: ")}) {
    InOwnShm([&call = refused, step = failed] {
      os::Deny(call.number, EPERM, call.argument, call.flags);
      const Ran ran = Run(RunDoctor, AsJson());
      EXPECT_EQ(ran.outcome.code, ExitCode::kTrouble);
      const Json json = ran.json();
      for (const Json& check : json["checks"]) {
        if (check["name"] != "a named object") continue;
        EXPECT_EQ(check["verdict"], "trouble") << call.name;
        EXPECT_THAT(check["found"].get<std::string>(), HasSubstr(step));
      }
    });
  }
}

TEST_F(CommandsTest, TheDoctorTellsPeopleWhatItMeansAndWhatToDo) {
  InOwnShm([] {
    os::Deny(SYS_pidfd_open, EPERM);
    const Ran as_json = Run(RunDoctor, AsJson());
    const Ran ran = Run(RunDoctor, {});
    EXPECT_EQ(ran.outcome.code, ExitCode::kTrouble);
    const auto checks = as_json.json()["checks"];
    const auto troubles = as_json.json()["troubles"].get<int>();
    EXPECT_THAT(ran.outcome.message,
                HasSubstr("there is trouble: " + std::to_string(troubles) +
                          (troubles == 1 ? " check of " : " checks of ") +
                          std::to_string(checks.size())));
    for (const Json& check : checks) {
      const auto verdict = check["verdict"].get<std::string>();
      const auto name = check["name"].get<std::string>();
      EXPECT_THAT(ran.output, HasSubstr(verdict)) << name;
      if (verdict == "ok" || !check.contains("meaning")) continue;
      EXPECT_THAT(ran.output, HasSubstr("\n" + verdict + ": " + name + ": "));
      EXPECT_THAT(ran.output,
                  HasSubstr("It means: " + check["meaning"].get<std::string>() +
                            ".\n"));
    }
    EXPECT_THAT(ran.output, HasSubstr("\ntrouble: pidfd_open: "));
  });
}

// As systemd does: the last word counts, and those of a folder come in turn.
TEST_F(CommandsTest, TheDoctorReadsWhatLiesBelowItsRoot) {
  namespace fs = std::filesystem;
  const fs::path root = scratch_.NewPath();
  const fs::path drop_ins = root / "etc/systemd/logind.conf.d";
  fs::create_directories(drop_ins);
  fs::create_directories(root / "var/lib/systemd/linger");
  fs::create_directory_symlink("/proc", root / "proc");
  fs::create_directory_symlink("/sys", root / "sys");
  const auto expect = [&](const char* verdict, const char* found) {
    AsStranger([&] {
      const Ran ran =
          Run(RunDoctor, AsJson({.names = {}, .root = root.string() + "//"}));
      const Json json = ran.json();
      for (const Json& check : json["checks"]) {
        if (check["name"] != "systemd RemoveIPC") continue;
        EXPECT_EQ(check["verdict"], verdict);
        EXPECT_EQ(check["found"], found);
      }
    });
  };
  expect("ok", "there is no logind");
  std::ofstream(root / "etc/systemd/logind.conf") << "RemoveIPC=yes\n";
  expect("trouble", "on");
  std::ofstream(drop_ins / "10-off.conf") << "RemoveIPC=no\n";
  std::ofstream(drop_ins / "20-on.saved") << "RemoveIPC=yes\n";
  expect("ok", "off");
  std::ofstream(drop_ins / "20-on.conf") << "RemoveIPC=1\n";
  expect("trouble", "on");
  std::ofstream(root / "var/lib/systemd/linger" / "54321") << "";
  expect("ok", "on, but this user lingers");
  fs::remove_all(root);
}

}  // namespace
}  // namespace placid::cli
