// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/victim.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/crash/stage.h"

#ifndef __x86_64__
#error "the kill-stepper drives the registers of x86-64: see README.md"
#endif

// A system call instruction of this program, for calls on a victim's behalf.
asm(R"(
  .text
  placid_crash_system_call:
    syscall
    int3
)");
extern "C" const char placid_crash_system_call[];

namespace placid::crash {
namespace {

void Trace(__ptrace_request request, pid_t pid, void* data = nullptr) {
  if (ptrace(request, pid, nullptr, data) == 0) return;
  std::perror("ptrace: this program must be allowed to trace its children");
  std::exit(2);
}

std::string SignalText(int number) {
  return std::string("killed by signal: ") + strsignal(number);
}

}  // namespace

pid_t ForkChild() {
  const pid_t pid = fork();
  if (pid < 0) {
    std::perror("fork");
    std::exit(2);
  }
  if (pid == 0) {
    // Nobody is left behind when the tracer dies.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    Stage::Get().is_in_child = true;
  }
  return pid;
}

void KillChild(pid_t pid) {
  kill(pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) continue;
}

Victim::Victim(Pace pace, const std::function<void()>& prepare,
               const std::function<void()>& act)
    : pace_(pace), pid_(ForkChild()) {
  if (pid_ == 0) {
    Stage& stage = Stage::Get();
    prepare();
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(3);
    if (pace == Pace::kAccesses) {
      const Bytes both = stage.Pages();
      mprotect(both.data(), both.size(), PROT_NONE);
      stage.ledger().set_trap(true);
    }
    asm volatile("int3");
    act();
    stage.control().has_ended = 1;
    _exit(0);
  }
  if (Await() != Stop::kTrap) why_ = "before the operation: " + why_;
}

Victim::Stop Victim::Await() {
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) {
    std::perror("waitpid");
    std::exit(2);
  }
  const bool is_stopped = WIFSTOPPED(status);
  if (is_stopped && WSTOPSIG(status) == SIGTRAP) return Stop::kTrap;
  if (is_stopped && WSTOPSIG(status) == SIGSEGV) {
    siginfo_t info;
    Trace(PTRACE_GETSIGINFO, pid_, &info);
    const Bytes both = Stage::Get().Pages();
    const auto* at = static_cast<const std::byte*>(info.si_addr);
    if (pace_ == Pace::kAccesses && at >= both.data() &&
        at < both.data() + both.size()) {
      return Stop::kAccess;
    }
  }
  if (is_stopped) {
    why_ = SignalText(WSTOPSIG(status));
    Kill();
    return Stop::kEnd;
  }
  pid_ = 0;
  const Stage::Control& control = Stage::Get().control();
  if (control.has_ended != 0) return Stop::kEnd;
  why_ = WIFSIGNALED(status) ? SignalText(WTERMSIG(status))
                             : control.verdict.data();
  if (why_.empty()) why_ = "it ended before its operation did";
  return Stop::kEnd;
}

bool Victim::Approach() {
  if (pid_ == 0) return false;
  is_access_ = false;
  if (pace_ == Pace::kAccesses) {
    Trace(PTRACE_CONT, pid_);
    const Stop stop = Await();
    if (stop == Stop::kEnd) return false;
    is_access_ = stop == Stop::kAccess;
  }
  user_regs_struct registers;
  Trace(PTRACE_GETREGS, pid_, &registers);
  pc_ = registers.rip;
  return true;
}

bool Victim::Execute() {
  if (pace_ == Pace::kAccesses && !is_access_) return true;
  if (is_access_) Protect(PROT_READ | PROT_WRITE);
  Trace(PTRACE_SINGLESTEP, pid_);
  const Stop stop = Await();
  if (stop == Stop::kEnd) return false;
  if (is_access_) Protect(PROT_NONE);
  return Stage::Get().control().has_ended == 0;
}

// Has the victim call mprotect, and forget that it did.
void Victim::Protect(int protection) {
  const Bytes both = Stage::Get().Pages();
  user_regs_struct before;
  Trace(PTRACE_GETREGS, pid_, &before);
  user_regs_struct call = before;
  call.rip = reinterpret_cast<std::uint64_t>(&placid_crash_system_call[0]);
  call.rax = SYS_mprotect;
  call.orig_rax = UINT64_MAX;
  call.rdi = reinterpret_cast<std::uint64_t>(both.data());
  call.rsi = both.size();
  call.rdx = static_cast<std::uint64_t>(protection);
  Trace(PTRACE_SETREGS, pid_, &call);
  Trace(PTRACE_SINGLESTEP, pid_);
  if (Await() == Stop::kEnd) return;
  before.orig_rax = UINT64_MAX;
  Trace(PTRACE_SETREGS, pid_, &before);
}

void Victim::Kill() {
  if (pid_ != 0) KillChild(std::exchange(pid_, 0));
}

bool Victim::IsSystemCall() const {
  const auto* code = reinterpret_cast<const unsigned char*>(pc_);
  return code[0] == 0x0F && code[1] == 0x05;
}

std::string RunAside(const std::function<void()>& act, unsigned seconds) {
  const pid_t pid = ForkChild();
  if (pid == 0) {
    alarm(seconds);
    act();
    _exit(0);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return "";
  if (WIFEXITED(status)) return Stage::Get().control().verdict.data();
  if (WTERMSIG(status) == SIGALRM) {
    return "wedged: not done in " + std::to_string(seconds) + " s";
  }
  return SignalText(WTERMSIG(status));
}

}  // namespace placid::crash
