// SPDX-License-Identifier: Apache-2.0
//
// Victim: a process that is executed in small steps, and killed.
//
// Either one instruction at a time, or from one access to the object to the
// next: then its pages are out of its reach, the fault stops it before the
// access, and it gets them for that one instruction. No other instruction can
// change the object or learn of a change, so that both ways give the same
// images; the second needs 4 traps an access where the first needs one for each
// of some hundred instructions. A note in the ledger is a stop as well.
#ifndef PLACID_TESTS_CRASH_VICTIM_H_
#define PLACID_TESTS_CRASH_VICTIM_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace placid::crash {

enum class Pace {
  kInstructions,
  kAccesses,
};

class Victim {
 public:
  // A process that runs `prepare` freely and stops before `act`.
  Victim(Pace pace, const std::function<void()>& prepare,
         const std::function<void()>& act);
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  ~Victim() { Kill(); }

  // Runs up to the next instruction to be executed. False: `act` has returned,
  // or the process has ended, which `why` tells.
  bool Approach();
  // Executes it.
  bool Execute();
  // SIGKILL; dead on return.
  void Kill();

  // The instruction that it stands before or, after Execute, has executed.
  [[nodiscard]] std::uint64_t pc() const { return pc_; }
  // Whether that is a system call.
  [[nodiscard]] bool IsSystemCall() const;
  // Whether that is an access to the object, where the pace is kAccesses.
  [[nodiscard]] bool is_access() const { return is_access_; }

  // How it ended where it should not have; empty if `act` returned.
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  enum class Stop { kTrap, kAccess, kEnd };
  Stop Await();
  void Protect(int protection);

  const Pace pace_;
  pid_t pid_;
  std::uint64_t pc_ = 0;
  bool is_access_ = false;
  std::string why_;
};

// fork, or the end of the program. The child dies with its parent.
pid_t ForkChild();
// SIGKILL; dead on return.
void KillChild(pid_t pid);

// Runs `act` in a process of its own, for at most `seconds`. Says what went
// wrong: the verdict of a Fail, a signal, or that it did not end.
std::string RunAside(const std::function<void()>& act, unsigned seconds);

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_VICTIM_H_
