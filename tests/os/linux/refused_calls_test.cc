// SPDX-License-Identifier: Apache-2.0
//
// Each operation of this port while the kernel refuses one of its calls, with
// every error that such a call may give: it succeeds another way or says what
// happened, and leaves no descriptor behind.
#include "refused_calls.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/futex.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"

namespace placid::os {
namespace {

constexpr std::uint64_t kBytes = 4 * kGranuleBytes;

// What an operation said of its failure; true if there was none.
using Attempt = std::function<Result<void>()>;

template <typename T>
Result<void> Forget(const Result<T>& result) {
  if (!result) return result.error();
  return Ok();
}

// An operation may also find, or no longer find, what an earlier try left; and
// a descriptor that /proc does not show counts as closed.
void CheckError(const Error& error, int number) {
  EXPECT_NE(std::string_view(error.operation), "");
  EXPECT_FALSE(error.Message().view().empty());
  EXPECT_NE(error.advice, nullptr) << error.Message().view();
  EXPECT_TRUE(error.system_error == number || error.system_error == 0 ||
              error.code == ErrorCode::kAlreadyExists ||
              error.code == ErrorCode::kNotFound ||
              (number == ENOENT && error.system_error == EBADF))
      << error.Message().view() << " instead of " << number;
}

class RefusedCallsTest : public ::testing::Test {
 protected:
  void TearDown() override {
    for (const Name& name : {there_, new_}) (void)SharedObject::Unlink(name);
    ::unlink(path_.c_str());
  }

  // With every call refused: it says why or succeeds, and leaves nothing open.
  static void Sweep(const Attempt& attempt) {
    WithEachCallRefused([] { return NextDescriptor(); },
                        [&](long before, const Call&, int error) {
                          const auto result = attempt();
                          if (!result) CheckError(result.error(), error);
                          EXPECT_EQ(NextDescriptor(), before);
                        });
  }

  const std::string base_ = "refused-" + std::to_string(::getpid());
  const Name there_ = *Name::Parse(base_ + "-there");
  const Name new_ = *Name::Parse(base_ + "-new");
  const Name spot_ = *Name::Parse(base_ + "-spot");
  const std::string path_ = "/dev/shm/" + base_;
  const SharedObject object_ = *SharedObject::Create(there_, kBytes);
};

TEST_F(RefusedCallsTest, WhoCreatesHearsWhyNot) {
  Sweep([] { return Forget(SharedObject::CreateAnonymous(kBytes)); });
  Sweep([] {
    return Forget(SharedObject::CreateAnonymous(kBytes, {.huge_pages = true}));
  });
  Sweep([this] {
    const auto made = SharedObject::Create(new_, kBytes);
    if (made) (void)SharedObject::Unlink(new_);
    return Forget(made);
  });
  Sweep([this] {
    const auto made = SharedObject::OpenOrCreate(new_, kBytes);
    if (made) (void)SharedObject::Unlink(new_);
    return Forget(made);
  });
  Sweep([this] {
    const auto made = SharedObject::CreateAtPath(path_, kBytes);
    if (made) ::unlink(path_.c_str());
    return Forget(made);
  });
}

TEST_F(RefusedCallsTest, WhoOpensHearsWhyNot) {
  Sweep([this] {
    return Forget(SharedObject::Open(there_, Access::kReadWrite));
  });
  Sweep([this] { return Forget(SharedObject::OpenOrCreate(there_, kBytes)); });
  Sweep([this] {
    return Forget(SharedObject::OpenAtPath(
        "/dev/shm/placid." + std::string(there_.text()), Access::kReadOnly));
  });
  Sweep([this] {
    const long fd = ::syscall(SYS_dup, object_.handle());
    auto adopted = SharedObject::Adopt(fd, Access::kReadWrite);
    if (!adopted) ::close(static_cast<int>(fd));
    return Forget(adopted);
  });
  Sweep([this] { return object_.StillNamed(there_); });
  Sweep([this] {
    (void)SharedObject::Create(new_, kBytes);
    return SharedObject::Unlink(new_);
  });
}

TEST_F(RefusedCallsTest, WhoMapsHearsWhyNot) {
  const MapOptions everything{.prefault = true,
                              .lock = true,
                              .huge_pages = true,
                              .dont_dump = true,
                              .dont_fork = true,
                              .numa_node = 0};
  MapOptions mirrored;
  mirrored.mirror_offset = kGranuleBytes;
  Sweep([&] { return Forget(object_.Map(everything)); });
  Sweep([&] { return Forget(object_.Map(mirrored)); });
  Sweep([&] { return Forget(Mapping::Anonymous(kBytes, everything)); });
}

TEST_F(RefusedCallsTest, WhoLocksHearsWhyNot) {
  Sweep([this] { return Forget(FileLock::TryLock(there_, 1)); });
  Sweep([this] { return Forget(FileLock::TryLock(object_, 1)); });
  Sweep([this] { return Forget(FileLock::Probe(there_, 1)); });
  Sweep([this] { return Forget(FileLock::Probe(object_, 1)); });
}

// Nothing that the kernel refuses proves a death.
TEST_F(RefusedCallsTest, WhoIsNotSeenIsNotSaidToBeDead) {
  const auto parent = static_cast<std::uint64_t>(::getpid());
  const auto identity = IdentifyProcess(parent);
  ASSERT_TRUE(identity);
  Sweep([] { return Forget(ThisProcess()); });
  Sweep([&] {
    const auto seen = IdentifyProcess(parent);
    // Where both /proc and kill say so, it is gone.
    return seen || seen.error().code == ErrorCode::kNotFound ? Ok()
                                                             : Forget(seen);
  });
  WithEachCallRefused(
      [] { return 0; },
      [&](int, const Call& call, int) {
        if (call.number == SYS_pidfd_open || call.number == SYS_kill) return;
        auto watch = ProcessWatch::Open(*identity);
        if (!watch) return;
        EXPECT_NE(watch->Poll(), Liveness::kDead);
        EXPECT_NE(watch->WaitForDeath(1), Liveness::kDead);
      });
}

TEST_F(RefusedCallsTest, WhoHandsOverHearsWhyNot) {
  Sweep([this] { return Forget(HandoverListener::Listen(spot_)); });
  Sweep([this] { return Forget(ReceiveHandover(spot_, 1)); });
  Sweep([this] {
    auto listener = HandoverListener::Listen(spot_);
    if (!listener) return Forget(listener);
    auto given = listener->GiveTo(object_, Access::kReadOnly, 1);
    EXPECT_FALSE(given);
    return given.error().code == ErrorCode::kTimedOut ? Ok() : given;
  });
}

// As some sandboxes have it: who would sleep is told to poll.
TEST_F(RefusedCallsTest, WithoutFutexesNobodySleepsAndNobodyIsWoken) {
  InChild([] {
    for (const int error : {ENOSYS, EPERM}) {
      Deny(SYS_futex, error);
      std::uint32_t word = 1;
      EXPECT_EQ(FutexWait(&word, 1, INT64_MAX), WaitResult::kUnsupported);
      EXPECT_EQ(FutexWake(&word, 1), 0);
      EXPECT_EQ(FutexBumpAndWake(&word, 1), 0);
    }
  });
}

// The other side of a handover: a thread that was there before, so that nothing
// is refused to it.
class OtherSide {
 public:
  explicit OtherSide(std::function<void()> turn)
      : thread_([this, turn = std::move(turn)] {
          while (!is_over_) turn();
        }) {}
  ~OtherSide() {
    is_over_ = true;
    thread_.join();
  }
  OtherSide(const OtherSide&) = delete;
  OtherSide& operator=(const OtherSide&) = delete;

 private:
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

constexpr std::int64_t kShortMs = 20;

TEST_F(RefusedCallsTest, WhoGivesToSomebodyHearsWhyNot) {
  struct Giver {
    HandoverListener listener;
    std::unique_ptr<OtherSide> receiver;
  };
  WithEachCallRefused(
      [&] {
        return Giver{*HandoverListener::Listen(spot_),
                     std::make_unique<OtherSide>(
                         [&] { (void)ReceiveHandover(spot_, kShortMs); })};
      },
      [&](Giver& giver, const Call&, int error) {
        const auto given =
            giver.listener.GiveTo(object_, Access::kReadOnly, kShortMs);
        if (!given && given.error().code != ErrorCode::kPeerDied) {
          CheckError(given.error(), error);
        }
      });
}

TEST_F(RefusedCallsTest, WhoReceivesFromSomebodyHearsWhyNot) {
  WithEachCallRefused(
      [&] {
        auto listener = std::make_shared<HandoverListener>(
            *HandoverListener::Listen(spot_));
        return std::make_unique<OtherSide>([this, listener] {
          (void)listener->GiveTo(object_, Access::kReadWrite, kShortMs);
        });
      },
      [&](std::unique_ptr<OtherSide>&, const Call&, int error) {
        const auto received = ReceiveHandover(spot_, kShortMs);
        if (!received && received.error().code != ErrorCode::kPeerDied) {
          CheckError(received.error(), error);
        }
      });
}

// What the kernel's number means to a caller, whatever the operation.
TEST_F(RefusedCallsTest, EachErrorHasItsCode) {
  const std::pair<int, ErrorCode> codes[] = {
      {EPERM, ErrorCode::kPermissionDenied},
      {EACCES, ErrorCode::kPermissionDenied},
      {EROFS, ErrorCode::kPermissionDenied},
      {ENOSPC, ErrorCode::kNoSpace},
      {EDQUOT, ErrorCode::kNoSpace},
      {EFBIG, ErrorCode::kNoSpace},
      {ENOMEM, ErrorCode::kNoSpace},
      {EOVERFLOW, ErrorCode::kNoSpace},
      {EMFILE, ErrorCode::kSystem},
      {ENFILE, ErrorCode::kSystem},
      {ELOOP, ErrorCode::kInvalidArgument},
      {EISDIR, ErrorCode::kInvalidArgument},
      {ENOTDIR, ErrorCode::kInvalidArgument},
      {ENAMETOOLONG, ErrorCode::kInvalidArgument},
      {EINVAL, ErrorCode::kInvalidArgument},
      {EIO, ErrorCode::kSystem},
  };
  InChild([&] {
    for (const auto& [number, code] : codes) {
      Deny(SYS_openat, number);
      const auto opened = SharedObject::Open(there_, Access::kReadOnly);
      ASSERT_FALSE(opened);
      EXPECT_EQ(opened.error().code, code) << number;
      EXPECT_EQ(opened.error().system_error, number);
    }
  });
}

}  // namespace
}  // namespace placid::os
