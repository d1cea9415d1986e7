// SPDX-License-Identifier: Apache-2.0
#include "placid/os/process.h"

#include <fcntl.h>
#include <libproc.h>
#include <poll.h>
#include <sys/event.h>
#include <sys/proc.h>
#include <sys/proc_info.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "../posix/fd.h"
#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/futex.h"

namespace placid::os {

using internal::Operation;
using internal::UniqueFd;

struct ProcessPort {
  static ProcessWatch Make(const ProcessIdentity& identity, UniqueFd queue,
                           bool is_dead) {
    ProcessWatch watch;
    watch.identity_ = identity;
    watch.handle_ = queue ? queue.Release() : kNoHandle;
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

// The UUID of this boot, which, other than kern.boottime, does not change when
// the clock is set. Zero where it is not given.
Boot ThisBoot() {
  std::array<char, 64> text{};
  std::size_t size = text.size() - 1;
  if (::sysctlbyname("kern.bootsessionuuid", text.data(), &size, nullptr, 0) !=
      0) {
    return {};
  }
  std::string digits = text.data();
  std::erase(digits, '-');
  if (digits.size() != 32) return {};
  Boot boot;
  const char* const middle = digits.data() + 16;
  const auto high = std::from_chars(digits.data(), middle, boot.high, 16);
  const auto low = std::from_chars(middle, middle + 16, boot.low, 16);
  if (high.ptr != middle || low.ptr != middle + 16) return {};
  return boot;
}

struct Facts {
  Liveness liveness = Liveness::kUnknown;
  std::uint64_t start_time = 0;  // unless it is dead or unknown
};

// A zombie is not found, which is right: it is dead.
Facts LookUp(std::uint64_t pid) {
  if (pid == 0 || pid > INT_MAX) return {.liveness = Liveness::kDead};
  const auto id = static_cast<pid_t>(pid);
  proc_bsdinfo info = {};
  if (::proc_pidinfo(id, PROC_PIDTBSDINFO, 0, &info, sizeof(info)) ==
      static_cast<int>(sizeof(info))) {
    if (info.pbi_status == SZOMB) return {.liveness = Liveness::kDead};
    return {
        .liveness = Liveness::kAlive,
        .start_time = info.pbi_start_tvsec * 1'000'000 + info.pbi_start_tvusec};
  }
  return {.liveness = errno == ESRCH ? Liveness::kDead : Liveness::kUnknown};
}

Liveness LookFor(const ProcessIdentity& identity) {
  const Facts facts = LookUp(identity.pid);
  if (facts.liveness == Liveness::kAlive &&
      facts.start_time != identity.start_time) {
    return Liveness::kDead;
  }
  return facts.liveness;
}

// A queue that becomes readable, and stays so, when the process that has `pid`
// now ends. No descriptor: errno is ESRCH where there is no such process.
UniqueFd WatchById(std::uint64_t pid) {
  UniqueFd queue(::kqueue());
  if (!queue || ::fcntl(queue.get(), F_SETFD, FD_CLOEXEC) == -1) return {};
  struct kevent exit = {};
  EV_SET(&exit, static_cast<uintptr_t>(pid), EVFILT_PROC, EV_ADD, NOTE_EXIT, 0,
         nullptr);
  if (internal::Retry([&] {
        return ::kevent(queue.get(), &exit, 1, nullptr, 0, nullptr);
      }) == -1) {
    return {};
  }
  return queue;
}

// The event is looked at, never taken out: so the queue stays readable.
Liveness PollQueue(int queue, std::int64_t timeout_ms) {
  pollfd event{.fd = queue, .events = POLLIN, .revents = 0};
  const auto timeout =
      static_cast<int>(std::clamp<std::int64_t>(timeout_ms, 0, INT_MAX));
  const int n = ::poll(&event, 1, timeout);
  if (n < 0 && errno != EINTR) return Liveness::kUnknown;
  return n == 1 && (event.revents & POLLIN) != 0 ? Liveness::kDead
                                                 : Liveness::kAlive;
}

Result<ProcessIdentity> Identify(const Operation& operation,
                                 std::uint64_t pid) {
  const Facts facts = LookUp(pid);
  switch (facts.liveness) {
    case Liveness::kAlive: break;
    case Liveness::kDead:
      return operation.Failed(ErrorCode::kNotFound, "the process",
                              "no process has this pid now");
    case Liveness::kUnknown:
      return operation.Failed(ErrorCode::kPermissionDenied, "the process",
                              "run as its user: the system does not tell "
                              "others when it was started");
  }
  const Boot boot = ThisBoot();
  return ProcessIdentity{.pid = pid,
                         .start_time = facts.start_time,
                         .boot_high = boot.high,
                         .boot_low = boot.low};
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
  const Boot boot = ThisBoot();
  const bool are_known = (boot.high | boot.low) != 0 &&
                         (identity.boot_high | identity.boot_low) != 0;
  if (identity.pid > INT_MAX ||
      (are_known &&
       (boot.high != identity.boot_high || boot.low != identity.boot_low))) {
    return dead();
  }
  UniqueFd queue = WatchById(identity.pid);
  if (!queue && errno == ESRCH) return dead();
  if (!queue && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
    Error error = operation.Failed(errno);
    error.code = ErrorCode::kSystem;
    return error;
  }
  // The queue is about whoever has the pid now; is that the process we mean?
  switch (LookFor(identity)) {
    case Liveness::kDead: return dead();
    case Liveness::kAlive:
      return ProcessPort::Make(identity, std::move(queue), /*is_dead=*/false);
    case Liveness::kUnknown: break;
  }
  // Nothing can be said of a queue that may be about another: but each Poll
  // looks anew.
  return ProcessPort::Make(identity, UniqueFd(), /*is_dead=*/false);
}

Liveness ProcessWatch::Poll() {
  if (is_dead_) return Liveness::kDead;
  const Liveness liveness = handle_ != kNoHandle
                                ? PollQueue(static_cast<int>(handle_), 0)
                                : LookFor(identity_);
  is_dead_ = liveness == Liveness::kDead;
  return liveness;
}

Liveness ProcessWatch::WaitForDeath(std::int64_t timeout_ms) {
  constexpr std::int64_t kSliceMs = 10;  // without a queue
  const std::int64_t end =
      MonotonicNow() +
      std::clamp<std::int64_t>(timeout_ms, 0, INT_MAX) * kMillisecond;
  for (;;) {
    const Liveness liveness = Poll();
    const std::int64_t left_ns = end - MonotonicNow();
    if (liveness == Liveness::kDead || left_ns <= 0) return liveness;
    const std::int64_t left_ms = left_ns / kMillisecond + 1;
    if (handle_ != kNoHandle) {
      (void)PollQueue(static_cast<int>(handle_), left_ms);
    } else {
      std::this_thread::sleep_for(
          std::chrono::milliseconds(std::min(left_ms, kSliceMs)));
    }
  }
}

}  // namespace placid::os
