// SPDX-License-Identifier: Apache-2.0
//
// Deaths between the system calls of an operation.
#ifndef PLACID_TESTS_SEGMENT_LINUX_KILLED_AT_STOP_H_
#define PLACID_TESTS_SEGMENT_LINUX_KILLED_AT_STOP_H_

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace placid::testing {

// Runs f() in a process that is killed at the `stop`th entry to or return from
// a system call; false: it came to its end before.
inline bool KilledAtStop(int stop, const std::function<void()>& f) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    f();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  for (int i = 0; i < stop && WIFSTOPPED(status); ++i) {
    ::ptrace(PTRACE_SYSCALL, pid, nullptr, nullptr);
    ::waitpid(pid, &status, 0);
  }
  if (!WIFSTOPPED(status)) return false;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, &status, 0);
  return true;
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_LINUX_KILLED_AT_STOP_H_
