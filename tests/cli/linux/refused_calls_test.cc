// SPDX-License-Identifier: Apache-2.0
//
// The program while the kernel refuses one call after the other: each part says
// what failed, by one of the documented exit codes, and never claims success
// that was not.
#include "tests/os/linux/refused_calls.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/demo.h"
#include "cli/demo_stage.h"
#include "cli/outcome.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "cli/system.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::cli {
namespace {

using os::Call;
using os::WithEachCallRefused;

int Nothing() { return 0; }

class RefusedCallsTest : public ::testing::Test {
 protected:
  void TearDown() override {
    (void)os::SharedObject::Unlink(name_);
    RemoveFile(path_);
  }

  static void ExpectExplained(const Outcome& outcome) {
    EXPECT_TRUE(outcome.code == ExitCode::kNameInUse ||
                outcome.code == ExitCode::kInputOutput)
        << static_cast<int>(outcome.code);
    EXPECT_NE(outcome.message, "");
  }
  // Of those that make files and pipes, and work on them.
  template <typename T>
  static void ExpectExplained(const Result<T>& result, int error) {
    if (result) return;
    EXPECT_NE(std::string_view(result.error().operation), "");
    EXPECT_EQ(result.error().system_error, error);
  }

  const std::string base_ = "cli-refused-" + std::to_string(::getpid());
  const os::Name name_ = *os::Name::Parse(base_);
  const std::string path_ = ::testing::TempDir() + base_;
};

TEST_F(RefusedCallsTest, FilesSayWhatFailed) {
  constexpr Call kFileCalls[] = {
      {"openat", SYS_openat},       {"pipe2", SYS_pipe2},
      {"ftruncate", SYS_ftruncate}, {"lseek", SYS_lseek},
      {"fstat", SYS_newfstatat},    {"socketpair", SYS_socketpair},
      {"fdatasync", SYS_fdatasync}, {"pwrite64", SYS_pwrite64},
#ifdef SYS_pipe
      {"pipe", SYS_pipe},
#endif
#ifdef SYS_fstat
      {"fstat", SYS_fstat},
#endif
  };
  for (const Call& call : kFileCalls) {
    SCOPED_TRACE(call.name);
    os::InChild([&] {
      auto file = *File::OpenToWrite(path_);
      ASSERT_TRUE(file.Write(std::as_bytes(std::span("content"))));
      for (const int error : {EACCES, EINVAL, EMFILE, EIO}) {
        os::Deny(call.number, error);
        ExpectExplained(File::OpenToRead(path_), error);
        ExpectExplained(File::OpenToWrite(path_), error);
        ExpectExplained(File::MakePipe(), error);
        ExpectExplained(File::MakeSocketPair(), error);
        ExpectExplained(file.Truncate(), error);
        ExpectExplained(file.Resize(1), error);
        ExpectExplained(file.WriteAt(0, std::as_bytes(std::span("x"))), error);
        ExpectExplained(file.Sync(), error);
        (void)file.BytesLeft();
      }
    });
  }
}

// Network file systems say only then that the disk was full.
TEST_F(RefusedCallsTest, AFileThatCannotBeClosedSaysSo) {
  os::InChild([&] {
    auto file = *File::OpenToWrite(path_);
    os::Deny(SYS_close, EDQUOT);
    const auto closed = file.Close();
    EXPECT_FALSE(closed);
    ExpectExplained(closed, EDQUOT);
  });
}

// Nobody has joined yet.
TEST_F(RefusedCallsTest, WhoJoinsFirstHearsWhyNot) {
  WithEachCallRefused(Nothing, [&](int, const Call& call, int error) {
    if (error != EACCES && error != ENOSPC) return;
    if (call.number == SYS_fcntl && error == EACCES) return;  // "busy"
    auto stream =
        Stream::Join(name_, Side::kSender, StreamHeader::kLeastCapacity);
    if (!stream) return ExpectExplained(stream.outcome());
    EXPECT_NE(stream->LookAtPeer(), PeerLife::kDead);
    stream->Leave(StreamState::kFailed);
  });
}

// The other side is there and lives: what the kernel refuses is no proof of its
// death.
TEST_F(RefusedCallsTest, WhoJoinsSomebodyHearsWhyNot) {
  auto first =
      Stream::Join(name_, Side::kReceiver, StreamHeader::kLeastCapacity);
  ASSERT_TRUE(first);
  WithEachCallRefused(Nothing, [&](int, const Call& call, int error) {
    if (error != EACCES && error != EMFILE) return;
    if (call.number == SYS_fcntl && error == EACCES) return;  // "busy"
    auto second =
        Stream::Join(name_, Side::kSender, StreamHeader::kLeastCapacity);
    if (!second) return ExpectExplained(second.outcome());
    EXPECT_EQ(second->LookAtPeer(), PeerLife::kPresent);
    second->header().SetState(Side::kSender, StreamState::kAbsent);
  });
  first->Leave(StreamState::kComplete);
}

// And so it is when both have joined. (What the kernel says it cannot find is
// gone, and nobody will be waited for under a name that is.)
TEST_F(RefusedCallsTest, WhoCannotLookDoesNotSayThatThePeerIsDead) {
  struct Pair {
    OrOutcome<Stream> sender;
    OrOutcome<Stream> receiver;
  };
  WithEachCallRefused(
      [&] {
        const std::uint64_t capacity = StreamHeader::kLeastCapacity;
        return Pair{Stream::Join(name_, Side::kSender, capacity),
                    Stream::Join(name_, Side::kReceiver, capacity)};
      },
      [&](Pair& pair, const Call&, int error) {
        if (error == ENOENT || error == ESRCH) return;
        EXPECT_EQ(pair.sender->LookAtPeer(), PeerLife::kPresent);
        EXPECT_EQ(pair.receiver->LookAtPeer(), PeerLife::kPresent);
        EXPECT_TRUE(pair.sender->IsStillNamed());
      });
}

// Their memory comes as standard input, which here is none.
TEST_F(RefusedCallsTest, AHelperWithoutItsMemoryFails) {
  os::InChild([] {
    ::close(STDIN_FILENO);
    for (const char* role : {"sink-of-ring", "echo-of-ring", "read-seqlock",
                             "read-latest", "sink-of-file"}) {
      EXPECT_NE(RunDemoHelper({"0", role}), 0) << role;
    }
    for (const char* role : {"write-seqlock", "write-latest"}) {
      EXPECT_NE(RunDemoHelper({"0", role, "1"}), 0) << role;
    }
  });
  const int usage = static_cast<int>(ExitCode::kUsage);
  EXPECT_EQ(RunDemoHelper({}), usage);
  EXPECT_EQ(RunDemoHelper({"0"}), usage);
  EXPECT_EQ(RunDemoHelper({"0", "sing"}), usage);
  EXPECT_EQ(RunDemoHelper({"0", "write-novels", "1"}), usage);
  EXPECT_EQ(RunDemoHelper({"0", "send-novels", "a", "b"}), usage);
}

// This program is not `placid`, so no helper can be started; and of what comes
// before that, one call after the other is refused.
TEST_F(RefusedCallsTest, AnActThatCannotBeShownIsNotVerified) {
  const std::function<void(Stage&)> acts[] = {
      [](Stage& stage) { ShowTree(stage, "/proc/self/fdinfo"); }, ShowRings,
      ShowReaders, ShowDeath};
  for (const auto& show : acts) {
    WithEachCallRefused(Nothing, [&](int, const Call&, int error) {
      if (error != ENOMEM) return;
      Stage stage(/*is_silent=*/true);
      show(stage);
      EXPECT_FALSE(stage.is_verified());
    });
  }
  os::InChild([] {
    EXPECT_EQ(RunDemo({.is_json = true, .tree = "/proc/self/fdinfo"}).code,
              ExitCode::kDamaged);
  });
}

}  // namespace
}  // namespace placid::cli
