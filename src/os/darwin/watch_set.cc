// SPDX-License-Identifier: Apache-2.0
//
// A queue of queues: each watch has one that becomes readable at a death.
#include "placid/os/watch_set.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/event.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>

#include "../posix/fd.h"
#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/process.h"

namespace placid::os {

using internal::Operation;
using internal::UniqueFd;

WatchSet::~WatchSet() { const UniqueFd closing(static_cast<int>(handle_)); }

Result<WatchSet> WatchSet::Make() {
  UniqueFd queue(::kqueue());
  if (!queue || ::fcntl(queue.get(), F_SETFD, FD_CLOEXEC) == -1) {
    return Operation{"WatchSet::Make", {}}.Failed(errno);
  }
  WatchSet set;
  set.handle_ = queue.Release();
  return set;
}

Result<void> WatchSet::Add(const ProcessWatch& watch) {
  const Operation operation{"WatchSet::Add", {}};
  if (watch.event() == kNoHandle) {
    return operation.Failed(ErrorCode::kUnsupported, "the watch",
                            "it has no event: poll it");
  }
  struct kevent event = {};
  EV_SET(&event, static_cast<uintptr_t>(watch.event()), EVFILT_READ, EV_ADD, 0,
         0, nullptr);
  if (internal::Retry([&] {
        return ::kevent(static_cast<int>(handle_), &event, 1, nullptr, 0,
                        nullptr);
      }) != -1) {
    return Ok();
  }
  return operation.Failed(errno);
}

bool WatchSet::Wait(std::int64_t timeout_ms) const {
  pollfd event{.fd = static_cast<int>(handle_), .events = POLLIN, .revents = 0};
  const auto timeout =
      static_cast<int>(std::clamp<std::int64_t>(timeout_ms, 0, INT_MAX));
  return ::poll(&event, 1, timeout) == 1;
}

}  // namespace placid::os
