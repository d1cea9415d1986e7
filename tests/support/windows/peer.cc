// SPDX-License-Identifier: Apache-2.0
#include "tests/support/peer.h"

#ifndef NOMINMAX
#define NOMINMAX
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace placid::testing {
namespace {

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "%s: error %lu\n", what, ::GetLastError());
  std::abort();
}

// A peer that faults ends at once, instead of in a dialogue or in the debugger
// that Wine starts, which prints into our pipe.
LONG WINAPI EndAtOnce(EXCEPTION_POINTERS* /*exception*/) {
  ::TerminateProcess(::GetCurrentProcess(), 1);
  return EXCEPTION_EXECUTE_HANDLER;
}
[[maybe_unused]] const auto previous_filter =
    std::strstr(::GetCommandLineA(), " --peer") == nullptr
        ? nullptr
        : ::SetUnhandledExceptionFilter(EndAtOnce);

struct Pipe {
  HANDLE read_end = nullptr;
  HANDLE write_end = nullptr;
};

// Neither end is inherited until one is marked so: else each later peer would
// hold the pipes of all before it open.
Pipe MakePipe() {
  Pipe pipe;
  if (!::CreatePipe(&pipe.read_end, &pipe.write_end, nullptr, 0)) {
    Die("CreatePipe");
  }
  return pipe;
}

class ProcessPeer final : public Peer {
 public:
  ProcessPeer() {
    const Pipe to = MakePipe();
    const Pipe from = MakePipe();
    STARTUPINFOA startup = {};
    startup.cb = sizeof(startup);
    startup.dwFlags = STARTF_USESTDHANDLES;
    startup.hStdInput = to.read_end;
    startup.hStdOutput = from.write_end;
    startup.hStdError = ::GetStdHandle(STD_ERROR_HANDLE);
    for (const HANDLE theirs : {to.read_end, from.write_end}) {
      ::SetHandleInformation(theirs, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
    }
    std::string command;
    for (const std::string& word : peer_command) {
      command.append("\"").append(word).append("\" ");
    }
    command.append("--peer");
    PROCESS_INFORMATION started = {};
    if (!::CreateProcessA(nullptr, command.data(), nullptr, nullptr, TRUE, 0,
                          nullptr, nullptr, &startup, &started)) {
      Die("CreateProcess");
    }
    ::CloseHandle(started.hThread);
    ::CloseHandle(to.read_end);
    ::CloseHandle(from.write_end);
    process_ = started.hProcess;
    steps_ = to.write_end;
    answers_ = from.read_end;
  }

  ~ProcessPeer() override {
    Kill();
    Reap();
    ::CloseHandle(steps_);
    ::CloseHandle(answers_);
  }

  void Begin(std::string_view step) override {
    const std::string line = std::string(step) + '\n';
    DWORD written = 0;  // a failure shows in the answer
    ::WriteFile(steps_, line.data(), static_cast<DWORD>(line.size()), &written,
                nullptr);
  }

  std::string Answer() override {
    std::string line;
    for (char c = 0;;) {
      DWORD n = 0;
      if (!::ReadFile(answers_, &c, 1, &n, nullptr) || n != 1) {
        return std::string(kDied);
      }
      if (c == '\n') return line;
      if (c != '\r') line += c;
    }
  }

  void Kill() override {
    if (process_ == nullptr) return;
    ::TerminateProcess(process_, 1);
    ::WaitForSingleObject(process_, INFINITE);
  }

  void Reap() override {
    if (process_ == nullptr) return;
    ::WaitForSingleObject(process_, INFINITE);
    ::CloseHandle(process_);
    process_ = nullptr;
  }

 private:
  HANDLE process_ = nullptr;
  HANDLE steps_ = nullptr;
  HANDLE answers_ = nullptr;
};

}  // namespace

std::unique_ptr<Peer> Peer::Spawn() { return std::make_unique<ProcessPeer>(); }

}  // namespace placid::testing
