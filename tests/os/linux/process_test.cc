// SPDX-License-Identifier: Apache-2.0
#include "placid/os/process.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <thread>

#include "deny.h"
#include "gtest/gtest.h"
#include "in_child.h"
#include "placid/base/error.h"
#include "placid/os/shared_object.h"

namespace placid::os {
namespace {

// A process that waits to be killed; its states can be had one by one.
class Sleeper {
 public:
  // Where it is told to, its first thread ends and a second one sleeps on.
  explicit Sleeper(bool first_thread_ends = false) : pid_(::fork()) {
    if (pid_ < 0) std::abort();
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (first_thread_ends) {
      std::thread([] {
        for (;;) ::pause();
      }).detach();
      ::syscall(SYS_exit, 0);
    }
    for (;;) ::pause();
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() {
    Kill();
    Reap();
  }

  [[nodiscard]] ProcessIdentity identity() const {
    return *IdentifyProcess(static_cast<std::uint64_t>(pid_));
  }
  void Stop() {
    ::kill(pid_, SIGSTOP);
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOWAIT);
  }
  // Leaves a zombie.
  void Kill() {
    ::kill(pid_, SIGKILL);
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void Reap() { ::waitpid(pid_, nullptr, 0); }

 private:
  pid_t pid_;
};

// What must hold with and without a pidfd.
void ExpectEachStateIsSeen() {
  Sleeper sleeper;
  const ProcessIdentity identity = sleeper.identity();
  auto watch = *ProcessWatch::Open(identity);
  EXPECT_EQ(watch.Poll(), Liveness::kAlive);
  EXPECT_EQ(watch.WaitForDeath(5), Liveness::kAlive);
  sleeper.Stop();
  EXPECT_EQ(watch.Poll(), Liveness::kAlive);
  EXPECT_EQ(ProcessWatch::Open(identity)->Poll(), Liveness::kAlive);
  sleeper.Kill();  // and is a zombie
  EXPECT_EQ(ProcessWatch::Open(identity)->Poll(), Liveness::kDead);
  EXPECT_EQ(watch.WaitForDeath(1000), Liveness::kDead);
  sleeper.Reap();
  EXPECT_EQ(ProcessWatch::Open(identity)->Poll(), Liveness::kDead);
  EXPECT_EQ(watch.Poll(), Liveness::kDead);
}

void WaitUntilZombieLeader(const ProcessIdentity& identity) {
  const std::string path = "/proc/" + std::to_string(identity.pid) + "/stat";
  for (std::string text; text.find(") Z ") == std::string::npos;) {
    std::FILE* const file = std::fopen(path.c_str(), "re");
    ASSERT_NE(file, nullptr);
    text.assign(512, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file));
    std::fclose(file);
  }
}

// Its state in /proc is that of a zombie, yet its other thread goes on: to call
// it dead would be a false proof of death.
void ExpectLivesOnWithoutItsFirstThread() {
  Sleeper sleeper(/*first_thread_ends=*/true);
  const ProcessIdentity identity = sleeper.identity();
  WaitUntilZombieLeader(identity);
  auto watch = *ProcessWatch::Open(identity);
  EXPECT_EQ(watch.Poll(), Liveness::kAlive);
  sleeper.Kill();
  EXPECT_EQ(watch.WaitForDeath(1000), Liveness::kDead);
}

TEST(LinuxProcessTest, StoppedIsAliveAndAZombieIsDead) {
  ExpectEachStateIsSeen();
}

TEST(LinuxProcessTest, APidfdIsAnEvent) {
  Sleeper sleeper;
  const auto watch = *ProcessWatch::Open(sleeper.identity());
  ASSERT_NE(watch.event(), kNoHandle);
  pollfd event{static_cast<int>(watch.event()), POLLIN, 0};
  EXPECT_EQ(::poll(&event, 1, 0), 0);
  sleeper.Kill();
  EXPECT_EQ(::poll(&event, 1, 1000), 1);
}

TEST(LinuxProcessTest, WithoutPidfdEachStateIsSeenToo) {
  for (const int error : {EPERM, ENOSYS}) {
    InChild([error] {
      Deny(SYS_pidfd_open, error);
      EXPECT_EQ(ProcessWatch::Open(*ThisProcess())->event(), kNoHandle);
      ExpectEachStateIsSeen();
    });
  }
}

TEST(LinuxProcessTest, AProcessLivesOnWithoutItsFirstThread) {
  ExpectLivesOnWithoutItsFirstThread();
}

TEST(LinuxProcessTest, WithoutPidfdItLivesOnWithoutItsFirstThreadToo) {
  InChild([] {
    Deny(SYS_pidfd_open, EPERM);
    ExpectLivesOnWithoutItsFirstThread();
  });
}

// The name in /proc/<pid>/stat is the process's own choice.
TEST(LinuxProcessTest, ANameThatLooksLikeOtherFieldsMisleadsNobody) {
  InChild([] {
    const ProcessIdentity before = *ThisProcess();
    ::prctl(PR_SET_NAME, ") Z 1 2 (3 4 5");
    EXPECT_EQ(*ThisProcess(), before);
    Deny(SYS_pidfd_open, EPERM);
    EXPECT_EQ(ProcessWatch::Open(before)->Poll(), Liveness::kAlive);
  });
}

TEST(LinuxProcessTest, AThreadIsNoProcess) {
  std::uint64_t thread_id = 0;
  std::thread([&thread_id] {
    thread_id = static_cast<std::uint64_t>(::syscall(SYS_gettid));
    ProcessIdentity identity = *ThisProcess();
    identity.pid = thread_id;
    EXPECT_EQ(ProcessWatch::Open(identity)->Poll(), Liveness::kDead);
  }).join();
}

// Which errors of pidfd_open say that there is no such process, which that it
// may be had later, and which that it is to be looked up elsewhere.
TEST(LinuxProcessTest, EachErrorOfAPidfdMeansWhatItSays) {
  InChild([] {
    const ProcessIdentity self = *ThisProcess();
    for (const int error : {ESRCH, EINVAL, ENOENT}) {
      Deny(SYS_pidfd_open, error);
      EXPECT_EQ(ProcessWatch::Open(self)->Poll(), Liveness::kDead) << error;
    }
    for (const int error : {EMFILE, ENFILE, ENOMEM}) {
      Deny(SYS_pidfd_open, error);
      const auto watch = ProcessWatch::Open(self);
      ASSERT_FALSE(watch) << error;
      EXPECT_EQ(watch.error().code, ErrorCode::kSystem);
      EXPECT_EQ(watch.error().system_error, error);
    }
    for (const int error : {EPERM, ENOSYS, EIO}) {
      Deny(SYS_pidfd_open, error);
      EXPECT_EQ(ProcessWatch::Open(self)->Poll(), Liveness::kAlive) << error;
    }
  });
}

// With neither a pidfd nor /proc there is still the pid.
TEST(LinuxProcessTest, WithoutSightOnlyAPidThatIsFreeIsDead) {
  InChild([] {
    Sleeper sleeper;
    Deny(SYS_pidfd_open, EPERM);
    auto watch = *ProcessWatch::Open(sleeper.identity());
    Deny(SYS_openat, EACCES);
    EXPECT_EQ(watch.Poll(), Liveness::kUnknown);
    sleeper.Kill();
    EXPECT_EQ(watch.Poll(), Liveness::kUnknown) << "it may be a zombie";
    sleeper.Reap();
    EXPECT_EQ(watch.Poll(), Liveness::kDead);
  });
}

TEST(LinuxProcessTest, AnotherBootsProcessIsDead) {
  const ProcessIdentity self = *ThisProcess();
  ProcessIdentity high = self;
  high.boot_high ^= 1;
  ProcessIdentity low = self;
  low.boot_low ^= 1;
  EXPECT_EQ(ProcessWatch::Open(high)->Poll(), Liveness::kDead);
  EXPECT_EQ(ProcessWatch::Open(low)->Poll(), Liveness::kDead);
  EXPECT_EQ(ProcessWatch::Open(self)->Poll(), Liveness::kAlive);
}

TEST(LinuxProcessTest, OutOfDescriptorsIsAnErrorNotADeath) {
  InChild([] {
    const ProcessIdentity self = *ThisProcess();
    rlimit limit = {};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit none{3, limit.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
    const auto watch = ProcessWatch::Open(self);
    ::setrlimit(RLIMIT_NOFILE, &limit);  // reports need descriptors too
    ASSERT_FALSE(watch);
    EXPECT_EQ(watch.error().code, ErrorCode::kSystem);
    EXPECT_EQ(watch.error().system_error, EMFILE);
  });
}

}  // namespace
}  // namespace placid::os
