// SPDX-License-Identifier: Apache-2.0
//
// Deaths between the system calls of an operation.
#ifndef PLACID_TESTS_SEGMENT_LINUX_KILLED_AT_STOP_H_
#define PLACID_TESTS_SEGMENT_LINUX_KILLED_AT_STOP_H_

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace placid::testing {

// A process that runs f() under our eyes, and is killed if it does not end before.
class Traced {
 public:
  explicit Traced(const std::function<void()>& f) : pid_(::fork()) {
    if (pid_ == 0) {
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      f();
      ::_exit(0);
    }
    ::waitpid(pid_, &status_, 0);
  }
  Traced(const Traced&) = delete;
  Traced& operator=(const Traced&) = delete;
  ~Traced() {
    if (!IsHere()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
  }

  // False: it has come to its end.
  [[nodiscard]] bool IsHere() const { return WIFSTOPPED(status_); }
  // To the `stop`th entry to or return from a system call from here on.
  void GoToStop(int stop) {
    for (int i = 0; i < stop && IsHere(); ++i) Continue(PTRACE_SYSCALL);
  }

 protected:
  [[nodiscard]] pid_t pid() const { return pid_; }
  void Continue(__ptrace_request how) {
    ::ptrace(how, pid_, nullptr, nullptr);
    ::waitpid(pid_, &status_, 0);
  }

 private:
  pid_t pid_;
  int status_ = 0;
};

// Runs f() in a process that is killed at the `stop`th entry to or return from
// a system call; false: it came to its end before.
inline bool KilledAtStop(int stop, const std::function<void()>& f) {
  Traced process(f);
  process.GoToStop(stop);
  return process.IsHere();
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_LINUX_KILLED_AT_STOP_H_
