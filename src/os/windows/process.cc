// SPDX-License-Identifier: Apache-2.0
#include "placid/os/process.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "deadline.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "system.h"

namespace placid::os {

using internal::Deadline;
using internal::LookUp;
using internal::Operation;
using internal::ToHandle;
using internal::UniqueHandle;

struct ProcessPort {
  static ProcessWatch Make(const ProcessIdentity& identity,
                           UniqueHandle process, bool is_dead) {
    ProcessWatch watch;
    watch.identity_ = identity;
    watch.handle_ = process ? process.Release() : kNoHandle;
    watch.is_dead_ = is_dead;
    return watch;
  }
};

namespace {

// When the system was started, or 0 where it does not tell. The bias takes out
// what has been done to the clock since. A start time alone names a process for
// ever, being a date: this makes doubly sure.
std::uint64_t BootTime() {
  struct TimeOfDay {
    LARGE_INTEGER boot_time;
    LARGE_INTEGER current_time;
    LARGE_INTEGER time_zone_bias;
    ULONG time_zone_id;
    ULONG reserved;
    ULONGLONG boot_time_bias;
    ULONGLONG sleep_time_bias;
  };
  constexpr int kTimeOfDayInformation = 3;
  const auto query = LookUp<LONG(NTAPI*)(int, void*, ULONG, ULONG*)>(
      L"ntdll.dll", "NtQuerySystemInformation");
  TimeOfDay found{};
  if (query == nullptr ||
      query(kTimeOfDayInformation, &found, sizeof(found), nullptr) != 0) {
    return 0;
  }
  return static_cast<std::uint64_t>(found.boot_time.QuadPart) -
         found.boot_time_bias;
}

// 0 where the system does not tell.
std::uint64_t StartTime(HANDLE process) {
  FILETIME created{};
  FILETIME exited{};
  FILETIME kernel{};
  FILETIME user{};
  if (!::GetProcessTimes(process, &created, &exited, &kernel, &user)) return 0;
  return std::uint64_t{created.dwHighDateTime} << 32 | created.dwLowDateTime;
}

bool IsProcessId(std::uint64_t pid) {
  return pid != 0 && pid <= std::numeric_limits<DWORD>::max();
}

// No handle: GetLastError() is ERROR_INVALID_PARAMETER where no process has the
// number.
UniqueHandle OpenById(std::uint64_t pid) {
  if (!IsProcessId(pid)) {
    ::SetLastError(ERROR_INVALID_PARAMETER);
    return {};
  }
  const auto id = static_cast<DWORD>(pid);
  UniqueHandle process(::OpenProcess(
      SYNCHRONIZE | PROCESS_QUERY_LIMITED_INFORMATION, FALSE, id));
  // The last two bits do not count when it is opened, but they do to us.
  if (process && ::GetProcessId(process.get()) != id) {
    process = UniqueHandle();
    ::SetLastError(ERROR_INVALID_PARAMETER);
  }
  return process;
}

// A process that has ended stays there while anyone has a handle to it.
Liveness Look(HANDLE process, DWORD timeout_ms) {
  switch (::WaitForSingleObject(process, timeout_ms)) {
    case WAIT_OBJECT_0: return Liveness::kDead;
    case WAIT_TIMEOUT: return Liveness::kAlive;
    default: return Liveness::kUnknown;
  }
}

// A handle to the very process, and with it whether that lives. Without one:
// kDead, or kUnknown where the system does not let us look.
struct Sight {
  UniqueHandle process;
  Liveness liveness = Liveness::kUnknown;
};
Sight LookFor(const ProcessIdentity& identity) {
  UniqueHandle process = OpenById(identity.pid);
  if (!process) {
    const bool is_gone = ::GetLastError() == ERROR_INVALID_PARAMETER;
    return {.process = {},
            .liveness = is_gone ? Liveness::kDead : Liveness::kUnknown};
  }
  const std::uint64_t start_time = StartTime(process.get());
  if (start_time == 0) return {};
  if (start_time != identity.start_time) {
    return {.process = {}, .liveness = Liveness::kDead};
  }
  const Liveness liveness = Look(process.get(), 0);
  return {.process = std::move(process), .liveness = liveness};
}

}  // namespace

Result<ProcessIdentity> ThisProcess() {
  const Operation operation{"ThisProcess", {}};
  const std::uint64_t start_time = StartTime(::GetCurrentProcess());
  if (start_time == 0) return operation.Failed(::GetLastError());
  return ProcessIdentity{.pid = ::GetCurrentProcessId(),
                         .start_time = start_time,
                         .boot_high = BootTime(),
                         .boot_low = 0};
}

Result<ProcessIdentity> IdentifyProcess(std::uint64_t pid) {
  const Operation operation{"IdentifyProcess", {}};
  const UniqueHandle process = OpenById(pid);
  const bool is_gone = process ? Look(process.get(), 0) == Liveness::kDead
                               : ::GetLastError() == ERROR_INVALID_PARAMETER;
  if (is_gone) {
    return operation.Failed(ErrorCode::kNotFound, "the process",
                            "no process has this pid now");
  }
  if (!process) return operation.Failed(::GetLastError());
  const std::uint64_t start_time = StartTime(process.get());
  if (start_time == 0) return operation.Failed(::GetLastError());
  return ProcessIdentity{.pid = pid,
                         .start_time = start_time,
                         .boot_high = BootTime(),
                         .boot_low = 0};
}

ProcessWatch::~ProcessWatch() { const UniqueHandle closing(ToHandle(handle_)); }

Result<ProcessWatch> ProcessWatch::Open(const ProcessIdentity& identity) {
  const Operation operation{"ProcessWatch::Open", {}};
  if (identity.pid == 0) {
    return operation.Failed(ErrorCode::kInvalidArgument, "a pid of 0",
                            "pass an identity that ThisProcess or "
                            "IdentifyProcess returned");
  }
  const std::uint64_t boot = BootTime();
  if (boot != 0 && identity.boot_high != 0 &&
      (boot != identity.boot_high || identity.boot_low != 0)) {
    return ProcessPort::Make(identity, UniqueHandle(), /*is_dead=*/true);
  }
  Sight sight = LookFor(identity);
  return ProcessPort::Make(identity, std::move(sight.process),
                           sight.liveness == Liveness::kDead);
}

Liveness ProcessWatch::Poll() {
  if (is_dead_) return Liveness::kDead;
  // Without a handle we look anew each time.
  const Liveness liveness = handle_ != kNoHandle ? Look(ToHandle(handle_), 0)
                                                 : LookFor(identity_).liveness;
  is_dead_ = liveness == Liveness::kDead;
  return liveness;
}

Liveness ProcessWatch::WaitForDeath(std::int64_t timeout_ms) {
  constexpr DWORD kSliceMs = 10;  // without a handle
  const Deadline deadline(timeout_ms);
  for (;;) {
    const Liveness liveness = Poll();
    const DWORD left = deadline.LeftMs();
    if (liveness == Liveness::kDead || left == 0) return liveness;
    if (handle_ != kNoHandle) {
      Look(ToHandle(handle_), left);
    } else {
      ::Sleep(std::min(left, kSliceMs));
    }
  }
}

}  // namespace placid::os
