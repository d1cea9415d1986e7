// SPDX-License-Identifier: Apache-2.0
#include "placid/os/shared_object.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include "deny.h"
#include "gtest/gtest.h"
#include "in_child.h"
#include "placid/base/error.h"
#include "placid/os/file_lock.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "tests/support/child.h"

namespace placid::os {
namespace {

using placid::testing::Child;

constexpr std::uint64_t kBytes = 4 * kGranuleBytes;

class LinuxSharedObjectTest : public ::testing::Test {
 protected:
  void TearDown() override { (void)::unlink(path_.c_str()); }

  // All that bears our name, be it for a moment.
  [[nodiscard]] std::set<std::string> Ours() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
      const std::string name = entry.path().filename().string();
      if (name.find(name_.text()) != std::string::npos) names.insert(name);
    }
    return names;
  }

  static mode_t ModeOf(const SharedObject& object) {
    struct stat status = {};
    EXPECT_EQ(::fstat(static_cast<int>(object.handle()), &status), 0);
    return status.st_mode & 07777;
  }

  const Name name_ = *Name::Parse("linux-test-" + std::to_string(::getpid()));
  const std::string path_ = "/dev/shm/placid." + std::string(name_.text());
};

TEST_F(LinuxSharedObjectTest, TheModeIsExactWhateverTheUmask) {
  InChild([this] {
    ::umask(0777);
    EXPECT_EQ(ModeOf(*SharedObject::CreateAnonymous(1)), 0600U);
    EXPECT_EQ(ModeOf(*SharedObject::Create(name_, 1)), 0600U);
    (void)SharedObject::Unlink(name_);
    EXPECT_EQ(ModeOf(*SharedObject::Create(name_, 1, {.mode = 0666})), 0666U);
  });
}

TEST_F(LinuxSharedObjectTest, AMemoryFileIsSealedForAll) {
  const auto object = *SharedObject::CreateAnonymous(kBytes);
  const int fd = static_cast<int>(object.handle());
  EXPECT_EQ(::ftruncate(fd, 1), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd, 2 * kBytes), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
  EXPECT_EQ(errno, EPERM);
}

// A sandbox or a file system without O_TMPFILE; and one without the link, or
// the rename, on top.
TEST_F(LinuxSharedObjectTest, WithoutUnnamedFilesANameStillAppearsAllAtOnce) {
  constexpr std::uint32_t kTemporaryFile = O_TMPFILE & ~O_DIRECTORY;
  for (int denied = 1; denied <= 3; ++denied) {
    InChild([this, denied] {
      if (denied != 2) {
        Deny(SYS_openat, EOPNOTSUPP, 2, kTemporaryFile);
      }
      if (denied == 2) Deny(SYS_linkat, EPERM);
      if (denied == 3) Deny(SYS_renameat2, EINVAL);
      {
        const auto object = SharedObject::Create(name_, kBytes);
        ASSERT_TRUE(object) << object.error().Message().c_str();
        EXPECT_EQ(ModeOf(*object), 0600U);
        struct stat status = {};
        ASSERT_EQ(::stat(path_.c_str(), &status), 0);
        EXPECT_EQ(status.st_size, kBytes);
        EXPECT_EQ(status.st_nlink, 1U);
        EXPECT_TRUE(object->StillNamed(name_));
      }
      EXPECT_EQ(SharedObject::Create(name_, kBytes).error().code,
                ErrorCode::kAlreadyExists);
      EXPECT_EQ(Ours().size(), 1U);
      EXPECT_TRUE(SharedObject::Unlink(name_));
    });
  }
}

// Without unnamed files, and then each further step fails too.
TEST_F(LinuxSharedObjectTest, AFailureBehindATemporaryNameLeavesNothing) {
  constexpr std::uint32_t kTemporaryFile = O_TMPFILE & ~O_DIRECTORY;
  struct Step {
    long call;
    int error;
    long other_way = -1;  // refused with ENOSPC
  };
  const Step steps[] = {
      {SYS_fallocate, ENOSPC},
      {SYS_fchmod, EPERM},
      {SYS_renameat2, EIO},
#ifdef SYS_link
      {SYS_renameat2, ENOSYS, SYS_link},
#endif
  };
  for (const Step& step : steps) {
    InChild([&] {
      Deny(SYS_openat, EOPNOTSUPP, 2, kTemporaryFile);
      Deny(step.call, step.error);
      if (step.other_way != -1) Deny(step.other_way, ENOSPC);
      const auto object = SharedObject::Create(name_, kBytes);
      ASSERT_FALSE(object) << step.call;
      EXPECT_EQ(object.error().system_error,
                step.other_way != -1 ? ENOSPC : step.error);
    });
    EXPECT_TRUE(Ours().empty()) << step.call;
  }
}

// Relative ones, and in the root, where only the superuser can make any.
TEST_F(LinuxSharedObjectTest, APathNeedsNoDirectoryInIt) {
  constexpr std::uint32_t kTemporaryFile = O_TMPFILE & ~O_DIRECTORY;
  const auto check = [this] {
    ASSERT_EQ(::chdir("/dev/shm"), 0);
    const std::string path = path_.substr(path_.rfind('/') + 1);
    EXPECT_TRUE(SharedObject::CreateAtPath(path, kBytes));
    EXPECT_TRUE(SharedObject::OpenAtPath(path_, Access::kReadWrite));
    EXPECT_EQ(Ours(), std::set{path});
    ASSERT_EQ(::unlink(path.c_str()), 0);
    const std::string in_root = "/" + path;
    const auto object = SharedObject::CreateAtPath(in_root, kBytes);
    EXPECT_EQ(object.has_value(), ::unlink(in_root.c_str()) == 0);
  };
  InChild(check);
  InChild([&] {
    Deny(SYS_openat, EOPNOTSUPP, 2, kTemporaryFile);
    check();
  });
}

// However often one kills it: what has a name has its full size.
TEST_F(LinuxSharedObjectTest, AKilledCreatorLeavesNothingHalfMade) {
  constexpr std::uint64_t kLarge = std::uint64_t{64} << 20;
  constexpr int kKills = 40;
  int appeared = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    Child creator([this] { (void)SharedObject::Create(name_, kLarge); });
    ::usleep(static_cast<useconds_t>(kill * 500));
    creator.Kill();
    struct stat status = {};
    if (::stat(path_.c_str(), &status) == 0) {
      EXPECT_EQ(status.st_size, kLarge);
      EXPECT_EQ(static_cast<std::uint64_t>(status.st_blocks) * 512, kLarge);
      ++appeared;
      EXPECT_TRUE(SharedObject::Unlink(name_));
    }
    EXPECT_TRUE(Ours().empty());
  }
  ::testing::Test::RecordProperty("appeared", appeared);
}

TEST_F(LinuxSharedObjectTest, ALinkOfThatNameIsNotFollowed) {
  ASSERT_EQ(::symlink("/etc/passwd", path_.c_str()), 0);
  for (const auto& result :
       {SharedObject::Open(name_, Access::kReadOnly).error(),
        SharedObject::OpenOrCreate(name_, kBytes).error()}) {
    EXPECT_EQ(result.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(result.system_error, ELOOP);
  }
  EXPECT_EQ(SharedObject::Create(name_, kBytes).error().code,
            ErrorCode::kAlreadyExists);
}

TEST_F(LinuxSharedObjectTest, ADanglingLinkOfThatNameMakesNoFile) {
  ASSERT_EQ(::symlink((path_ + "-elsewhere").c_str(), path_.c_str()), 0);
  EXPECT_FALSE(SharedObject::OpenOrCreate(name_, kBytes));
  EXPECT_FALSE(SharedObject::Create(name_, kBytes));
  EXPECT_NE(::access((path_ + "-elsewhere").c_str(), F_OK), 0);
}

// Opening a FIFO for reading would wait for ever for a writer.
TEST_F(LinuxSharedObjectTest, WhatIsNoRegularFileIsRefusedAtOnce) {
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(SharedObject::Open(name_, Access::kReadOnly).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(SharedObject::OpenAtPath(path_, Access::kReadWrite).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(SharedObject::OpenAtPath("/dev", Access::kReadOnly).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(
      SharedObject::OpenAtPath("/dev/zero", Access::kReadWrite).error().code,
      ErrorCode::kInvalidArgument);
}

// Only the superuser can give a file away; others find the superuser's own
// accepted, which is the other half of the rule.
TEST_F(LinuxSharedObjectTest, AnotherUsersObjectNeedsToBeAskedFor) {
  constexpr uid_t kStranger = 54321;
  ASSERT_TRUE(SharedObject::Create(name_, kBytes, {.mode = 0666}));
  EXPECT_TRUE(SharedObject::Open(name_, Access::kReadWrite));
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chown(path_.c_str(), kStranger, kStranger), 0);
  const auto refused = SharedObject::Open(name_, Access::kReadWrite);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(refused.error().found, kStranger);
  EXPECT_EQ(SharedObject::OpenOrCreate(name_, kBytes).error().code,
            ErrorCode::kPermissionDenied);
  EXPECT_TRUE(SharedObject::Open(name_, Access::kReadWrite, Owner::kAnyone));
  EXPECT_TRUE(SharedObject::OpenOrCreate(name_, kBytes, {.mode = 0666}));
  InChild([this] {
    ASSERT_EQ(::setuid(kStranger), 0);
    EXPECT_TRUE(SharedObject::Open(name_, Access::kReadWrite));
  });
  ASSERT_EQ(::chown(path_.c_str(), 0, 0), 0);
  InChild([this] {
    ASSERT_EQ(::setuid(kStranger), 0);
    EXPECT_TRUE(SharedObject::Open(name_, Access::kReadWrite));
  });
}

TEST_F(LinuxSharedObjectTest, TheModeKeepsOtherUsersOut) {
  constexpr uid_t kStranger = 54321;
  ASSERT_TRUE(SharedObject::Create(name_, kBytes));
  if (::geteuid() != 0) return;
  InChild([this] {
    ASSERT_EQ(::setuid(kStranger), 0);
    const auto opened =
        SharedObject::Open(name_, Access::kReadOnly, Owner::kAnyone);
    EXPECT_EQ(opened.error().code, ErrorCode::kPermissionDenied);
    EXPECT_EQ(FileLock::Probe(name_, 0).error().code,
              ErrorCode::kPermissionDenied);
    EXPECT_FALSE(SharedObject::Unlink(name_));
  });
}

TEST_F(LinuxSharedObjectTest, ARawNameIsWhatShmOpenWouldUse) {
  const std::string text = "/linux-test-raw-" + std::to_string(::getpid());
  const int fd = ::shm_open(text.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  ASSERT_GE(fd, 0);
  const Name raw = *Name::Raw(text);
  // Its creator has not sized it yet.
  EXPECT_EQ(SharedObject::Open(raw, Access::kReadOnly).error().code,
            ErrorCode::kTruncated);
  ASSERT_EQ(::ftruncate(fd, kBytes), 0);
  ::close(fd);
  EXPECT_EQ(SharedObject::Open(raw, Access::kReadOnly)->size_bytes(), kBytes);
  EXPECT_TRUE(
      SharedObject::Open(*Name::Raw(text.substr(1)), Access::kReadOnly));
  EXPECT_TRUE(SharedObject::Unlink(raw));
  EXPECT_LT(::shm_open(text.c_str(), O_RDWR, 0600), 0);
}

TEST_F(LinuxSharedObjectTest, ARawNameThatShmOpenRefusesIsRefusedByAll) {
  const auto object = *SharedObject::CreateAnonymous(kBytes);
  for (const char* bad : {"/", "//", "a/b", ".", "..", "/../etc/passwd"}) {
    const Name name = *Name::Raw(bad);
    for (const Error& error :
         {SharedObject::Create(name, 1).error(),
          SharedObject::Open(name, Access::kReadOnly).error(),
          SharedObject::OpenOrCreate(name, 1).error(),
          SharedObject::Unlink(name).error(), object.StillNamed(name).error(),
          FileLock::TryLock(name, 0).error(),
          FileLock::Probe(name, 0).error()}) {
      EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << bad;
    }
  }
}

TEST_F(LinuxSharedObjectTest, ANameIsStillOursOnlyIfItLeadsToUs) {
  const auto ours = *SharedObject::Create(name_, kBytes);
  EXPECT_TRUE(ours.StillNamed(name_));
  EXPECT_EQ(
      SharedObject::CreateAnonymous(kBytes)->StillNamed(name_).error().code,
      ErrorCode::kUnlinked);
  InChild([&] {
    constexpr std::uint32_t kNoFollow = AT_SYMLINK_NOFOLLOW;
    Deny(SYS_newfstatat, EACCES, 3, kNoFollow);
    const auto named = ours.StillNamed(name_);
    ASSERT_FALSE(named);
    EXPECT_EQ(named.error().code, ErrorCode::kPermissionDenied)
        << "who may not look does not know that it is gone";
  });
  EXPECT_TRUE(SharedObject::Unlink(name_));
  ASSERT_TRUE(SharedObject::Create(name_, kBytes));
  EXPECT_EQ(ours.StillNamed(name_).error().code, ErrorCode::kUnlinked);
  EXPECT_TRUE(SharedObject::Unlink(name_));
}

TEST_F(LinuxSharedObjectTest, AnAdoptedObjectIsSealedOnlyIfTheKernelSaysSo) {
  const auto object = *SharedObject::CreateAnonymous(kBytes);
  const auto duplicate = [&] {
    return ::dup(static_cast<int>(object.handle()));
  };
  EXPECT_TRUE(
      SharedObject::Adopt(duplicate(), Access::kReadWrite)->is_sealed());
  InChild([&] {
    constexpr std::uint32_t kOfSeals = 0x400;  // bit of F_GET_SEALS
    Deny(SYS_fcntl, EINVAL, 1, kOfSeals);
    const auto adopted = SharedObject::Adopt(duplicate(), Access::kReadWrite);
    ASSERT_TRUE(adopted);
    EXPECT_FALSE(adopted->is_sealed());
  });
}

TEST_F(LinuxSharedObjectTest, WhatCanOnlyBeWrittenCannotBeMapped) {
  ASSERT_TRUE(SharedObject::Create(name_, kBytes));
  const int fd = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  for (const Access access : {Access::kReadOnly, Access::kReadWrite}) {
    EXPECT_EQ(SharedObject::Adopt(fd, access).error().code,
              ErrorCode::kPermissionDenied);
  }
  ::close(fd);
}

// Then the kernel alone says whether it fits.
TEST_F(LinuxSharedObjectTest, ALargeObjectNeedsNoSightOfTheMemory) {
  InChild([] {
    Deny(SYS_openat, EACCES);
    constexpr std::uint64_t kLarge = std::uint64_t{17} << 20;
    EXPECT_TRUE(SharedObject::CreateAnonymous(kLarge));
  });
}

TEST_F(LinuxSharedObjectTest, NoDescriptorSurvivesExec) {
  const auto descriptors = [] {
    std::set<int> open;
    for (int fd = 0; fd < 1024; ++fd) {
      if (::fcntl(fd, F_GETFD) != -1) open.insert(fd);
    }
    return open;
  };
  const auto before = descriptors();
  const auto named = SharedObject::Create(name_, kBytes);
  const auto opened = SharedObject::Open(name_, Access::kReadOnly);
  const auto anonymous = SharedObject::CreateAnonymous(kBytes);
  const auto lock = FileLock::TryLock(name_, 0);
  const auto watch = ProcessWatch::Open(*ThisProcess());
  const auto listener = HandoverListener::Listen(name_);
  const auto adopted = SharedObject::Adopt(
      ::dup(static_cast<int>(anonymous->handle())), Access::kReadWrite);
  ASSERT_TRUE(named && opened && lock && watch && listener && adopted);
  std::size_t ours = 0;
  for (const int fd : descriptors()) {
    if (before.contains(fd)) continue;
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC) << fd;
    ++ours;
  }
  EXPECT_EQ(ours, 7U);
}

// Many kernels' tmpfs undoes a whole fallocate for one signal: taken in one
// piece, a large object would never be done under a timer like a profiler's.
// Here no call for 2 MiB or more is ever done; who repeats it hangs.
TEST_F(LinuxSharedObjectTest, WhatSignalsUndoIsTakenInSmallerPieces) {
  constexpr std::uint64_t kLarge = (std::uint64_t{64} << 20) + 1;
  constexpr std::uint32_t kFromTwoMebibytes = 0xffe00000;
  InChild([&] {
    Deny(SYS_fallocate, EINTR, 3, kFromTwoMebibytes);
    const auto object = SharedObject::Create(name_, kLarge);
    ASSERT_TRUE(object);
    struct stat status = {};
    ASSERT_EQ(::fstat(static_cast<int>(object->handle()), &status), 0);
    EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), kLarge);
    EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, kLarge);
  });
}

TEST_F(LinuxSharedObjectTest, OutOfDescriptorsIsSaidAndLeavesNothing) {
  InChild([name = name_] {
    rlimit limit = {};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit none{3, limit.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const std::array<Error, 4> errors = {
        SharedObject::Create(name, kBytes).error(),
        SharedObject::CreateAnonymous(kBytes).error(),
        SharedObject::OpenOrCreate(name, kBytes).error(),
        HandoverListener::Listen(name).error()};
    ::setrlimit(RLIMIT_NOFILE, &limit);  // reports need descriptors too
    for (const Error& error : errors) {
      EXPECT_EQ(error.code, ErrorCode::kSystem) << error.Message().c_str();
      EXPECT_EQ(error.system_error, EMFILE);
    }
  });
  EXPECT_TRUE(Ours().empty());
}

// A file system with less room than is asked for, and not by much: the space
// must be refused now, and not by a SIGBUS at first touch. Mounting needs a
// privilege that some machines do not give; nothing else is left out there.
TEST_F(LinuxSharedObjectTest, AFullFileSystemIsAnErrorAndNeverASigbus) {
  const std::string directory =
      (std::filesystem::temp_directory_path() /
       ("placid-linux-test-" + std::to_string(::getpid())))
          .string();
  ASSERT_EQ(::mkdir(directory.c_str(), 0700), 0);
  InChild([&directory] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", directory.c_str(), "tmpfs", 0, "size=1m") != 0) {
      return;
    }
    const std::string path = directory + "/object";
    const auto refused =
        SharedObject::CreateAtPath(path, (std::uint64_t{1} << 20) + 1);
    EXPECT_EQ(refused.error().code, ErrorCode::kNoSpace);
    EXPECT_TRUE(std::filesystem::is_empty(directory));
    const auto fits = SharedObject::CreateAtPath(path, 1 << 20);
    ASSERT_TRUE(fits);
    const auto mapping = fits->Map();
    for (std::byte& byte : mapping->bytes()) byte = std::byte{1};
  });
  ::rmdir(directory.c_str());
}

}  // namespace
}  // namespace placid::os
