// SPDX-License-Identifier: Apache-2.0
//
// Holder: a process that has a segment open, and no more, until it is killed.
#ifndef PLACID_TESTS_SEGMENT_POSIX_HOLDER_H_
#define PLACID_TESTS_SEGMENT_POSIX_HOLDER_H_

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "placid/os/name.h"
#include "placid/segment/segment.h"

namespace placid::testing {

class Holder {
 public:
  // Opens or creates it; first, in that process, does `prepare`.
  Holder(
      const os::Name& name, const CreateSegmentOptions& options,
      void (*prepare)() = [] {}) {
    int pipes[2];
    if (::pipe(pipes) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(120);
      prepare();
      const auto segment = Segment::OpenOrCreate(name, options);
      if (!segment || ::write(pipes[1], "x", 1) != 1) ::_exit(1);
      for (;;) ::pause();
    }
    ::close(pipes[1]);
    char byte = 0;
    EXPECT_EQ(::read(pipes[0], &byte, 1), 1) << "it could not open it";
    ::close(pipes[0]);
  }
  Holder(const Holder&) = delete;
  Holder& operator=(const Holder&) = delete;
  ~Holder() { Kill(); }

  void Stop() const {
    ::kill(pid_, SIGSTOP);
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOWAIT);
  }
  void Kill() {
    const pid_t pid = std::exchange(pid_, 0);
    if (pid <= 0) return;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }

 private:
  pid_t pid_ = 0;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_POSIX_HOLDER_H_
