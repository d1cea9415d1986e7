// SPDX-License-Identifier: Apache-2.0
#include "placid/os/locked_mapping.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <optional>
#include <utility>

#include "gtest/gtest.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid::os {
namespace {

using placid::testing::Child;

std::ptrdiff_t OpenDescriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return std::distance(begin(all), end(all));
}

class LinuxLockedMappingTest : public ::testing::Test {
 protected:
  [[nodiscard]] LockState Probe() const { return *FileLock::Probe(object_, 1); }
  [[nodiscard]] LockedMapping Take() const {
    return *LockedMapping::TryMap(object_, name_, 1);
  }

  Name name_ = *Name::Parse("anonymous");
  SharedObject object_ = *SharedObject::CreateAnonymous(8192);
};

// Or a program that closes all descriptors would lose its sign of life.
TEST_F(LinuxLockedMappingTest, ItKeepsNoDescriptor) {
  const auto before = OpenDescriptors();
  const LockedMapping locked = Take();
  EXPECT_EQ(OpenDescriptors(), before);
  EXPECT_EQ(Probe(), LockState::kHeld);
}

TEST_F(LinuxLockedMappingTest, AForkedChildHasNeitherBytesNorLock) {
  std::optional<LockedMapping> locked = Take();
  Child child([&] {
    EXPECT_FALSE(locked->is_ours());
    unsigned char resident = 0;
    EXPECT_EQ(::mincore(locked->bytes().data(), 1, &resident), -1);
    EXPECT_EQ(errno, ENOMEM) << "the bytes are mapped in a child";
    locked.reset();  // does nothing
    ::pause();
  });
  EXPECT_EQ(Probe(), LockState::kHeld);
  locked.reset();
  EXPECT_EQ(Probe(), LockState::kFree) << "the child keeps it";
  child.Kill();
}

// What a child maps in that place is not for an old destructor to unmap.
TEST_F(LinuxLockedMappingTest, AChildsOwnMappingSurvivesTheDestructor) {
  std::optional<LockedMapping> locked = Take();
  Child child([&] {
    std::byte* const at = locked->bytes().data();
    const std::size_t size = locked->bytes().size();
    void* const own =
        ::mmap(at, size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    ASSERT_EQ(own, at);
    locked.reset();
    *at = std::byte{1};
  });
  EXPECT_TRUE(child.EndsWell());
}

TEST_F(LinuxLockedMappingTest, AForkAndExecHaveNoneOfIt) {
  std::optional<LockedMapping> locked = Take();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::execlp("sleep", "sleep", "60", nullptr);
    ::_exit(1);
  }
  locked.reset();
  EXPECT_EQ(Probe(), LockState::kFree);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

// Exec ends a participant as death does, though its process goes on.
TEST_F(LinuxLockedMappingTest, ExecEndsIt) {
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const LockedMapping locked = Take();
    if (::write(pipes[1], "x", 1) != 1) ::_exit(1);
    ::raise(SIGSTOP);
    ::execlp("sleep", "sleep", "60", nullptr);
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(pipes[0], &byte, 1), 1);
  siginfo_t info;
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOWAIT);
  EXPECT_EQ(Probe(), LockState::kHeld) << "a stopped one is alive";
  ::kill(pid, SIGCONT);
  for (int i = 0; i < 5000 && Probe() == LockState::kHeld; ++i) ::usleep(1000);
  EXPECT_EQ(Probe(), LockState::kFree);
  EXPECT_EQ(::kill(pid, 0), 0) << "and the process lives on";
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(pipes[0]);
  ::close(pipes[1]);
}

TEST_F(LinuxLockedMappingTest, AZombieHoldsNothing) {
  int pipes[2];
  ASSERT_EQ(::pipe(pipes), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const LockedMapping locked = Take();
    if (::write(pipes[1], "x", 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(pipes[0], &byte, 1), 1);
  EXPECT_EQ(Probe(), LockState::kHeld);
  ::kill(pid, SIGKILL);
  siginfo_t info;
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  EXPECT_EQ(Probe(), LockState::kFree);
  ::waitpid(pid, nullptr, 0);
  ::close(pipes[0]);
  ::close(pipes[1]);
}

}  // namespace
}  // namespace placid::os
