// SPDX-License-Identifier: Apache-2.0
#include "tests/support/peer.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

extern char** environ;

namespace placid::testing {
namespace {

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::abort();
}

struct Pipe {
  int read_end;
  int write_end;
};

Pipe MakePipe() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) Die("pipe");
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
  return {ends[0], ends[1]};
}

class ProcessPeer final : public Peer {
 public:
  ProcessPeer() {
    // A peer that died must not take us along when we write to it.
    ::signal(SIGPIPE, SIG_IGN);
    const Pipe to = MakePipe();
    const Pipe from = MakePipe();
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, to.read_end, STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, from.write_end, STDOUT_FILENO);
    std::vector<std::string> words = peer_command;
    words.emplace_back("--peer");
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    errno = ::posix_spawnp(&pid_, arguments[0], &actions, nullptr,
                           arguments.data(), environ);
    if (errno != 0) Die("posix_spawn");
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(to.read_end);
    ::close(from.write_end);
    steps_ = to.write_end;
    answers_ = from.read_end;
  }

  ~ProcessPeer() override {
    Kill();
    Reap();
    ::close(steps_);
    ::close(answers_);
  }

  void Begin(std::string_view step) override {
    const std::string line = std::string(step) + '\n';
    // A failure shows in the answer.
    (void)!::write(steps_, line.data(), line.size());
  }

  std::string Answer() override {
    std::string line;
    for (char c = 0;;) {
      const ssize_t n = ::read(answers_, &c, 1);
      if (n == -1 && errno == EINTR) continue;
      if (n != 1) return std::string(kDied);
      if (c == '\n') return line;
      line += c;
    }
  }

  void Kill() override {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    siginfo_t info;
    while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) ==
               -1 &&
           errno == EINTR) {
    }
  }

  void Reap() override {
    if (pid_ == 0) return;
    while (::waitpid(pid_, nullptr, 0) == -1 && errno == EINTR) {
    }
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  int steps_ = -1;
  int answers_ = -1;
};

}  // namespace

std::unique_ptr<Peer> Peer::Spawn() { return std::make_unique<ProcessPeer>(); }

}  // namespace placid::testing
