// SPDX-License-Identifier: Apache-2.0
//
// Peer: another process, which does one step at a time.
//
// On a real system this program starts itself again with --peer, and the two
// talk over pipes; the main function of such a program is RunTestsOrPeer. The
// variable PLACID_PEER names another command to start in its place: the same
// program for another processor, say, and what runs it. The fake port brings a
// simulated process and a thread instead.
#ifndef PLACID_TESTS_SUPPORT_PEER_H_
#define PLACID_TESTS_SUPPORT_PEER_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace placid::testing {

class Peer {
 public:
  static constexpr std::string_view kDied = "died";

  static std::unique_ptr<Peer> Spawn();

  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  // Kills and reaps.
  virtual ~Peer() = default;

  // Begins a step, one line; every Begin is followed by one Answer.
  virtual void Begin(std::string_view step) = 0;
  // Waits for the step's answer; kDied if the peer died of it.
  virtual std::string Answer() = 0;
  std::string Do(std::string_view step) {
    Begin(step);
    return Answer();
  }

  // Ends it as the system's strongest signal does, and returns when it is dead
  // but, where there is such a state, still a zombie.
  virtual void Kill() = 0;
  // Waits for its end, and lets its pid go.
  virtual void Reap() = 0;
};

// Takes a step, returns its answer.
using StepFunction = std::function<std::string(const std::string&)>;

// main() of a program of tests with peers: with --peer it answers steps until
// "exit", or until whoever asks is gone; else it runs the tests.
int RunTestsOrPeer(int argc, char** argv, const StepFunction& step);

// What Spawn starts, with --peer behind it: words without spaces, or the main
// program's path.
extern std::vector<std::string> peer_command;

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_PEER_H_
