// SPDX-License-Identifier: Apache-2.0
//
// The demo's acts with helpers that lie, fall silent or die: each claim that
// then is not so is named, and no act waits for ever. The helpers are shell
// scripts in the place of the program.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cli/crc32c.h"
#include "cli/demo.h"
#include "cli/demo_stage.h"
#include "cli/system.h"
#include "cli/tar.h"
#include "cli/text.h"
#include "tests/os/linux/deny.h"
#include "tests/os/linux/in_child.h"

namespace placid::cli {
namespace {

namespace fs = std::filesystem;

#ifdef SYS_readlink
constexpr long kReadLink = SYS_readlink;
#else
constexpr long kReadLink = SYS_readlinkat;
#endif

using Act = std::function<void(Stage&)>;
using Failures = std::vector<std::string>;

class DemoLiarsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(tree_);
    std::ofstream(tree_ / "file") << "content";
  }
  void TearDown() override { fs::remove_all(folder_); }

  // What `act` finds not to be so with helpers that run the `cases` of a
  // shell's `case $role in`. They find our folder in $here, their arguments in
  // $4 and on, and their standard input as 3, too: as 0 a pipe's is other.
  void Expect(const Act& act, const std::string& cases,
              const Failures& failures) {
    const fs::path script = folder_ / "helper";
    std::ofstream(script) << "#!/bin/sh\nexec 3<&0\nhere=" << folder_.string()
                          << "\ncase $3 in\n"
                          << cases << "\nesac\n";
    fs::permissions(script, fs::perms::owner_all);
    os::InChild([&] {
      // Where /proc does not say which program we are, the first word does.
      os::Deny(kReadLink, ENOENT);
      std::string path = script.string();
      char* words[] = {path.data()};
      EXPECT_TRUE(Arguments(1, words).empty());
      ASSERT_EQ(OwnProgram(), path);
      SurviveBrokenPipes();
      Stage stage(/*is_silent=*/true);
      act(stage);
      EXPECT_EQ(stage.is_verified(), failures.empty());
      if (failures.empty()) return;
      EXPECT_EQ(stage.facts["failures"], Json(failures)) << cases;
    });
  }

  void ExpectOfTree(const std::string& cases, const Failures& failures) {
    Expect([this](Stage& stage) { ShowTree(stage, tree_.string()); }, cases,
           failures);
  }

  // What an honest helper of the first act would report, in the end.
  [[nodiscard]] Json TreeReport() const {
    TarWriter tar(tree_.string(), UINT64_MAX);
    std::vector<std::byte> bytes(tar.size_bytes());
    for (auto rest = std::span(bytes); !rest.empty();) {
      rest = rest.subspan(tar.Read(rest));
    }
    return {{"ok", true},
            {"message", ""},
            {"bytes", bytes.size()},
            {"crc32c", FormatCrc(ExtendCrc32c(0, bytes))},
            {"files", 1},
            {"seconds", 0.5},
            {"is_whole", true}};
  }

  const fs::path folder_ =
      fs::path(::testing::TempDir()) / ("liars-" + std::to_string(::getpid()));
  const fs::path tree_ = folder_ / "tree";
};

std::string Says(const char* role, const Json& report,
                 const std::string& before = "") {
  return Concat(role, ") ", before, " echo '", report.dump(), "' ;;\n");
}

Json With(Json report, const char* key, const Json& value) {
  report[key] = value;
  return report;
}

TEST_F(DemoLiarsTest, ATreeThatArrivesIsVerified) {
  const Json truth = TreeReport();
  ExpectOfTree(Says("send-tree", truth) + Says("receive-tree", truth), {});
}

TEST_F(DemoLiarsTest, ATreeThatDoesNotArriveIsNotVerified) {
  const Json truth = TreeReport();
  const std::string sent = Says("send-tree", truth);
  const auto received = [&](const char* key, const Json& value) {
    return sent + Says("receive-tree", With(truth, key, value));
  };
  const char* const disagree = "the two processes disagree about the bytes";
  const char* const not_whole = "what arrived is not the whole archive";
  const char* const not_same = "what arrived is not what is on the disk";
  ExpectOfTree(received("crc32c", "00000000"), {disagree, not_same});
  ExpectOfTree(received("bytes", 1), {disagree, not_same});
  ExpectOfTree(received("is_whole", false), {not_whole});
  ExpectOfTree(received("files", 2), {not_whole});
  ExpectOfTree(Says("*", With(truth, "crc32c", "00000000")), {not_same});
  Json failed = With(truth, "ok", false);
  failed["message"] = "no more";
  ExpectOfTree(sent + Says("receive-tree", failed), {"no more"});
}

// Then nobody can say what should have arrived.
TEST_F(DemoLiarsTest, ATreeThatChangesMeanwhileRefutesNothing) {
  const Json truth = TreeReport();
  ExpectOfTree(Says("send-tree", truth, "echo more >> $here/tree/file;") +
                   Says("receive-tree", truth),
               {});
}

// The other one waits for it, and would for ever.
TEST_F(DemoLiarsTest, AHelperThatEndsWithoutAWordTakesItsPeerWithIt) {
  const Failures failed = {"a helper process failed"};
  const std::string waits = "exec sleep 1000 ;;\n";
  ExpectOfTree("send-tree) exit 0 ;; receive-tree) " + waits, failed);
  ExpectOfTree("receive-tree) exit 0 ;; send-tree) " + waits, failed);
  ExpectOfTree("*) kill -9 $$ ;;", failed);
  ExpectOfTree("*) echo 'no JSON' ;;", failed);
  ExpectOfTree("*) echo '{}'; exit 3 ;;", failed);
}

const Failures kNothingCameThrough = {
    "not all messages came through the placid ring",
    "not all messages came through the pipe",
    "not all messages came through the Unix socket"};

TEST_F(DemoLiarsTest, MessagesThatNobodyCountsDidNotComeThrough) {
  Expect(ShowRings, "*) exit 1 ;;", kNothingCameThrough);
}

// All of a ring's capacity, or a pipe's, is sent before that shows.
TEST_F(DemoLiarsTest, ASinkThatDiesWedgesNobody) {
  Expect(ShowRings, "sink-*) exec <&- 3<&-; echo ready ;;",
         kNothingCameThrough);
}

TEST_F(DemoLiarsTest, ASinkThatMiscountsIsCaught) {
  Expect(ShowRings,
         "sink-of-file) echo ready; cat > /dev/null; echo '{\"bytes\":1}' ;;",
         kNothingCameThrough);
}

// One sends back something else, the other what it has not got yet: the second
// ping finds nobody.
TEST_F(DemoLiarsTest, AnEchoOfSomethingElseIsCaught) {
  Expect(ShowRings, "echo-of-file) exec cat /dev/zero ;;", kNothingCameThrough);
  Expect(ShowRings, "echo-of-file) exec <&- 3<&-; head -c 64 /dev/zero ;;",
         kNothingCameThrough);
}

Json ReaderReport() {
  return {{"reads", 5},     {"retries", 0},     {"torn", 0},
          {"backwards", 0}, {"last_number", 7}, {"longest_gap_ms", 0.5}};
}

const std::string kWriterOf7 =
    "write-seqlock) echo ready; echo '{\"last_number\":7}' ;;\n";

TEST_F(DemoLiarsTest, ReadersThatAgreeAreBelieved) {
  Expect(ShowReaders,
         kWriterOf7 + Says("read-seqlock", ReaderReport(), "echo ready;"), {});
}

TEST_F(DemoLiarsTest, EachComplaintOfAReaderIsHeard) {
  const auto expect = [&](const Json& report, const Failures& failures) {
    Expect(ShowReaders,
           kWriterOf7 + Says("read-seqlock", report, "echo ready;"), failures);
  };
  const Json well = ReaderReport();
  expect(With(well, "torn", 1), {"a reader saw a torn value"});
  expect(With(well, "backwards", 1),
         {"a reader saw an older value after a newer"});
  expect(With(well, "last_number", 6), {"a reader missed the last value"});
  expect(With(well, "reads", 0), {"nobody read anything"});
}

TEST_F(DemoLiarsTest, ReadersAndWritersThatFailAreNoticed) {
  Failures wedged(10, "a reader was wedged or failed");
  wedged.insert(wedged.end(),
                {"a reader missed the last value", "nobody read anything"});
  Expect(ShowReaders, kWriterOf7 + "read-seqlock) echo ready; exit 1 ;;",
         wedged);
  Expect(ShowReaders, "read-seqlock) echo unready ;;",
         {"the readers could not be started"});
  Expect(ShowReaders,
         Says("read-seqlock", ReaderReport(), "echo ready;") +
             "write-seqlock) exit 1 ;;",
         {"the writer failed"});
}

// ---- The writer that dies ---------------------------------------------------
//
// A Latest of 16 KiB: the newest value's number at 128, cell 1 at 256 + 16384
// and cell 2 behind it, each in 256-byte blocks from the 65th and the 129th.

const std::string kReadersOf7 =
    Says("read-latest", ReaderReport(), "echo ready;");
// Puts $1 into the byte at $2.
const char* const kPut =
    "put() { printf \"\\\\$1\" |"
    "dd of=/dev/fd/3 bs=1 seek=$2 conv=notrunc status=none; }\n";
// Makes a whole value of bytes $1 the newest.
const char* const kStore =
    "store() { head -c 16384 /dev/zero |"
    "tr '\\000' \"\\\\$(printf %03o $1)\" |"
    "dd of=/dev/fd/3 bs=256 seek=65 iflag=fullblock conv=notrunc status=none;"
    "put 1 128; }\n";

std::string WriterThat(const std::string& does) {
  return Concat("write-latest) ", kPut, kStore, does, "\n;;\n");
}
const char* const kUntilKilled = "echo ready; exec sleep 1000";

TEST_F(DemoLiarsTest, AWriterThatLeavesNoWholeNewValueIsCaught) {
  const Failures failures = {"after the death there is no whole new value"};
  for (const std::string does : {
           "",                      // nothing
           "put 1 128;",            // the number of a value that is not there
           "store 5; put 6 16700;"  // one that is torn
       }) {
    Expect(ShowDeath, kReadersOf7 + WriterThat(does + kUntilKilled), failures);
  }
}

TEST_F(DemoLiarsTest, AWriterThatCannotBeginIsNoticedAtOnce) {
  Expect(ShowDeath, kReadersOf7 + WriterThat("exit 1"),
         {"a writer could not be started"});
}

// The first is killed with half of its next value written; the second, the
// successor, has half a second.
TEST_F(DemoLiarsTest, ASuccessorThatDoesNotGoOnIsCaught) {
  const std::string first =
      Concat("[ $4 = 500 ] || { store 5; put 6 33024; ", kUntilKilled, "; }\n");
  Expect(ShowDeath, kReadersOf7 + WriterThat(first + "exit 1"),
         {"the successor failed"});
  Expect(ShowDeath,
         kReadersOf7 + WriterThat(first + "echo '{\"last_number\":7}'"),
         {"the successor did not go on"});
}

// None of eight is caught half-way: that is no failure.
TEST_F(DemoLiarsTest, WritersThatDieBetweenTwoValuesAreEnoughOfThem) {
  constexpr std::uint64_t kLast = 0x0909090909090909;
  const std::string does =
      Concat("[ $4 = 500 ] && echo '{\"last_number\":", kLast,
             "}' && exit\n"
             "echo >> $here/count; store $(wc -l < $here/count);",
             kUntilKilled);
  Expect(
      [](Stage& stage) {
        ShowDeath(stage);
        EXPECT_EQ(stage.facts["writers_killed"], 8);
        EXPECT_EQ(stage.facts["killed_half_way"], false);
      },
      Says("read-latest", With(ReaderReport(), "last_number", kLast),
           "echo ready;") +
          WriterThat(does),
      {});
}

TEST_F(DemoLiarsTest, ReadersThatScribbleOverTheValueAreNoticed) {
  Expect(ShowDeath,
         "read-latest) printf scribble 1<>/dev/fd/3; echo ready;"
         "exec sleep 1000 ;;",
         {"the value could not be attached to"});
}

// ---- The system refuses -----------------------------------------------------

TEST_F(DemoLiarsTest, WithoutPipesAndSocketsNoActIsVerified) {
  const std::string honest = "*) exit 0 ;;";
  const auto without = [](const std::vector<long>& calls, const Act& act) {
    return [calls, act](Stage& stage) {
      // A sanitizer looks at each type that it meets through a pipe: let it
      // meet them before.
      Stage rehearsal(/*is_silent=*/true);
      act(rehearsal);
      for (const long call : calls) os::Deny(call, EMFILE);
      act(stage);
    };
  };
  std::vector<long> pipes = {SYS_pipe2};
#ifdef SYS_pipe
  pipes.push_back(SYS_pipe);
#endif
  Expect(without(pipes, ShowRings), honest, kNothingCameThrough);
  Expect(without({SYS_socketpair}, ShowRings), honest, kNothingCameThrough);
  Expect(without(pipes, ShowReaders), honest,
         {"the readers could not be started"});
}

// Nothing can be read of the system's trees, and then they are not even seen.
TEST_F(DemoLiarsTest, WhereNothingCanBeReadNothingIsVerified) {
  Expect(
      [](Stage& stage) {
        os::Deny(SYS_openat, EACCES);
        ShowTree(stage, "");
        os::Deny(SYS_newfstatat, EACCES);
        ShowTree(stage, "");
      },
      "*) exit 0 ;;", Failures(2, "the helper processes could not be started"));
}

}  // namespace
}  // namespace placid::cli
