// SPDX-License-Identifier: Apache-2.0
#include "../peer.h"

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "src/os/fake/fake.h"

namespace placid::os::conformance {
namespace {

class SimulatedPeer final : public Peer {
 public:
  ~SimulatedPeer() override {
    Kill();
    if (answer_.valid()) answer_.wait();
  }

  // In a thread of its own, so that steps of several peers run at once, and one
  // may wait for another.
  void Begin(std::string_view step) override {
    answer_ = std::async(std::launch::async, [this, text = std::string(step)] {
      if (!process_) return std::string(kDied);
      if (text.starts_with("write ") && DiesOf(text)) {
        process_->Kill();
        return std::string(kDied);
      }
      const fake::Process::Scope scope(*process_);
      return steps_.Do(text);
    });
  }

  std::string Answer() override { return answer_.get(); }

  void Kill() override {
    if (process_) process_->Kill();
  }
  void Reap() override { process_.reset(); }

 private:
  // A fault would end this whole program: so a copy of it tries first.
  bool DiesOf(const std::string& step) {
    const pid_t copy = ::fork();
    if (copy == 0) {
      ::signal(SIGSEGV, SIG_DFL);
      ::signal(SIGBUS, SIG_DFL);
      (void)steps_.Do(step);
      ::_exit(0);
    }
    int status = 0;
    return ::waitpid(copy, &status, 0) == copy && WIFSIGNALED(status);
  }

  std::optional<fake::Process> process_{std::in_place};
  Steps steps_;
  std::future<std::string> answer_;
};

}  // namespace

}  // namespace placid::os::conformance

std::unique_ptr<placid::testing::Peer> placid::testing::Peer::Spawn() {
  return std::make_unique<os::conformance::SimulatedPeer>();
}
