// SPDX-License-Identifier: Apache-2.0
//
// Member: a process that takes part in a segment until it is killed.
#ifndef PLACID_TESTS_SEGMENT_POSIX_MEMBER_H_
#define PLACID_TESTS_SEGMENT_POSIX_MEMBER_H_

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <utility>

#include "placid/os/name.h"
#include "placid/primitives/owner_id.h"
#include "placid/segment/membership.h"
#include "placid/segment/segment.h"

namespace placid::testing {

class Member {
 public:
  // Joins; then, in that process, does `then`, and waits to be killed.
  explicit Member(
      const os::Name& name,
      const std::function<void(const Segment&, Membership&)>& then =
          [](const Segment&, Membership&) {}) {
    int pipes[2];
    if (::pipe(pipes) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(120);
      auto segment = Segment::Open(name);
      if (!segment) ::_exit(1);
      auto member = Membership::Join(*segment);
      if (!member) ::_exit(1);
      const std::uint64_t id = member->id().word();
      if (::write(pipes[1], &id, sizeof(id)) != sizeof(id)) ::_exit(1);
      then(*segment, *member);
      for (;;) ::pause();
    }
    ::close(pipes[1]);
    std::uint64_t id = 0;
    if (::read(pipes[0], &id, sizeof(id)) == sizeof(id)) {
      id_ = *OwnerId::FromWord(id);
    }
    ::close(pipes[0]);
  }
  Member(Member&& other) noexcept
      : pid_(std::exchange(other.pid_, 0)), id_(other.id_) {}
  Member& operator=(Member&&) = delete;
  ~Member() {
    if (pid_ > 0) {
      Kill();
      Reap();
    }
  }

  // Nobody: it could not join.
  [[nodiscard]] OwnerId id() const { return id_; }
  [[nodiscard]] pid_t pid() const { return pid_; }

  void Stop() const {
    ::kill(pid_, SIGSTOP);
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WSTOPPED | WNOWAIT);
  }
  // On return it is a zombie.
  void Kill() const {
    ::kill(pid_, SIGKILL);
    AwaitEnd();
  }
  // The same, without waiting for it.
  void KillSoon() const { ::kill(pid_, SIGKILL); }
  void AwaitEnd() const {
    siginfo_t info;
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  void Reap() {
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  OwnerId id_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_POSIX_MEMBER_H_
