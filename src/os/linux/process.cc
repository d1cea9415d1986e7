// SPDX-License-Identifier: Apache-2.0
#include "placid/os/process.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "../posix/fd.h"
#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/futex.h"
#include "proc.h"

namespace placid::os {

using internal::Operation;
using internal::ReadProc;
using internal::UniqueFd;

struct ProcessPort {
  static ProcessWatch Make(const ProcessIdentity& identity, UniqueFd pidfd,
                           bool is_dead) {
    ProcessWatch watch;
    watch.identity_ = identity;
    watch.handle_ = pidfd ? pidfd.Release() : kNoHandle;
    watch.is_dead_ = is_dead;
    return watch;
  }
};

namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

struct Boot {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
};

// "94259494-77f5-4e19-8b2c-b556b201f699", as 128 bits. nullopt: not given, as
// in some sandboxes.
std::optional<Boot> ThisBoot() {
  std::string digits = ReadProc("/proc/sys/kernel/random/boot_id");
  std::erase_if(digits, [](char c) { return c == '-' || c == '\n'; });
  if (digits.size() != 32) return std::nullopt;
  Boot boot;
  const char* const middle = digits.data() + 16;
  const auto high = std::from_chars(digits.data(), middle, boot.high, 16);
  const auto low = std::from_chars(middle, middle + 16, boot.low, 16);
  if (high.ptr != middle || low.ptr != middle + 16) return std::nullopt;
  return boot;
}

struct Stat {
  char state = 0;
  std::uint64_t threads = 0;
  std::uint64_t start_time = 0;

  // The state is the first thread's: it is a zombie, too, where that thread
  // alone has ended and others go on.
  [[nodiscard]] bool IsDead() const {
    return state == 'X' || (state == 'Z' && threads <= 1);
  }
};

// Fields 3, 20 and 22 of /proc/<pid>/stat, counted from behind the last ')':
// the name in field 2 is the process's to choose and may hold spaces and ')'.
std::optional<Stat> ParseStat(std::string_view text) {
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  text.remove_prefix(name_end + 1);
  Stat stat;
  for (int field = 3;; ++field) {
    const auto begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos) return std::nullopt;
    text.remove_prefix(begin);
    const auto end = std::min(text.find(' '), text.size());
    const char* const last = text.data() + end;
    if (field == 3) stat.state = text.front();
    if (field == 20) std::from_chars(text.data(), last, stat.threads);
    if (field == 22) {
      const auto parsed = std::from_chars(text.data(), last, stat.start_time);
      if (parsed.ec != std::errc()) return std::nullopt;
      return stat;
    }
    text.remove_prefix(end);
  }
}

std::optional<Stat> StatOf(std::uint64_t pid) {
  return ParseStat(ReadProc("/proc/" + std::to_string(pid) + "/stat"));
}

// Where /proc does not show a process, it may hide it (hidepid=2).
bool IsNoProcess(std::uint64_t pid) {
  return pid > INT_MAX ||
         (::kill(static_cast<pid_t>(pid), 0) == -1 && errno == ESRCH);
}

// Without a pidfd.
Liveness LookInProc(const ProcessIdentity& identity) {
  const auto stat = StatOf(identity.pid);
  if (stat) {
    const bool is_same = stat->start_time == identity.start_time;
    return is_same && !stat->IsDead() ? Liveness::kAlive : Liveness::kDead;
  }
  return IsNoProcess(identity.pid) ? Liveness::kDead : Liveness::kUnknown;
}

// Readable: dead, a zombie included.
Liveness PollDescriptor(int pidfd, std::int64_t timeout_ms) {
  pollfd event{.fd = pidfd, .events = POLLIN, .revents = 0};
  const auto timeout =
      static_cast<int>(std::clamp<std::int64_t>(timeout_ms, 0, INT_MAX));
  const int n = ::poll(&event, 1, timeout);
  if (n < 0 && errno != EINTR) return Liveness::kUnknown;
  return n == 1 && (event.revents & POLLIN) != 0 ? Liveness::kDead
                                                 : Liveness::kAlive;
}

Result<ProcessIdentity> Identify(const Operation& operation,
                                 std::uint64_t pid) {
  const auto stat = StatOf(pid);
  if (!stat && (pid == 0 || IsNoProcess(pid))) {
    return operation.Failed(ErrorCode::kNotFound, "the process",
                            "no process has this pid now");
  }
  const auto boot = ThisBoot();
  if (!stat || !boot) {
    return operation.Failed(ErrorCode::kUnsupported, "/proc",
                            "mount /proc and let this user read it");
  }
  return ProcessIdentity{.pid = pid,
                         .start_time = stat->start_time,
                         .boot_high = boot->high,
                         .boot_low = boot->low};
}

}  // namespace

Result<ProcessIdentity> ThisProcess() {
  return Identify({"ThisProcess", {}}, static_cast<std::uint64_t>(::getpid()));
}

Result<ProcessIdentity> IdentifyProcess(std::uint64_t pid) {
  return Identify({"IdentifyProcess", {}}, pid);
}

ProcessWatch::~ProcessWatch() {
  const UniqueFd closing(static_cast<int>(handle_));
}

Result<ProcessWatch> ProcessWatch::Open(const ProcessIdentity& identity) {
  const Operation operation{"ProcessWatch::Open", {}};
  if (identity.pid == 0) {
    return operation.Failed(ErrorCode::kInvalidArgument, "a pid of 0",
                            "pass an identity that ThisProcess or "
                            "IdentifyProcess returned");
  }
  const auto dead = [&] {
    return ProcessPort::Make(identity, UniqueFd(), /*is_dead=*/true);
  };
  const auto boot = ThisBoot();
  if (boot &&
      (boot->high != identity.boot_high || boot->low != identity.boot_low)) {
    return dead();
  }
  if (IsNoProcess(identity.pid)) return dead();

  UniqueFd pidfd(static_cast<int>(
      ::syscall(SYS_pidfd_open, static_cast<pid_t>(identity.pid), 0)));
  // EINVAL and ENOENT: the pid is a mere thread's by now.
  if (!pidfd && (errno == ESRCH || errno == EINVAL || errno == ENOENT)) {
    return dead();
  }
  if (!pidfd && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
    Error error = operation.Failed(errno);
    error.code = ErrorCode::kSystem;
    return error;
  }
  // The pidfd is of whoever has the pid now; is that the process we mean?
  const Liveness seen = LookInProc(identity);
  if (seen == Liveness::kDead) return dead();
  // Nothing can be said of a pidfd that may be another's: but each Poll looks
  // anew.
  if (seen == Liveness::kUnknown) pidfd = UniqueFd();
  return ProcessPort::Make(identity, std::move(pidfd), /*is_dead=*/false);
}

Liveness ProcessWatch::Poll() {
  if (is_dead_) return Liveness::kDead;
  const Liveness liveness = handle_ != kNoHandle
                                ? PollDescriptor(static_cast<int>(handle_), 0)
                                : LookInProc(identity_);
  is_dead_ = liveness == Liveness::kDead;
  return liveness;
}

Liveness ProcessWatch::WaitForDeath(std::int64_t timeout_ms) {
  constexpr std::int64_t kSliceMs = 10;  // without a pidfd
  const std::int64_t end =
      MonotonicNow() +
      std::clamp<std::int64_t>(timeout_ms, 0, INT_MAX) * kMillisecond;
  for (;;) {
    const Liveness liveness = Poll();
    const std::int64_t left_ns = end - MonotonicNow();
    if (liveness == Liveness::kDead || left_ns <= 0) return liveness;
    const std::int64_t left_ms = left_ns / kMillisecond + 1;
    if (handle_ != kNoHandle) {
      (void)PollDescriptor(static_cast<int>(handle_), left_ms);
    } else {
      std::this_thread::sleep_for(
          std::chrono::milliseconds(std::min(left_ms, kSliceMs)));
    }
  }
}

}  // namespace placid::os
