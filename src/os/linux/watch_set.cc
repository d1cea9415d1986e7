// SPDX-License-Identifier: Apache-2.0
#include "placid/os/watch_set.h"

#include <sys/epoll.h>

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
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return Operation{"WatchSet::Make", {}}.Failed(errno);
  WatchSet set;
  set.handle_ = fd;
  return set;
}

// A descriptor leaves the set by itself when it is closed.
Result<void> WatchSet::Add(const ProcessWatch& watch) {
  const Operation operation{"WatchSet::Add", {}};
  if (watch.event() == kNoHandle) {
    return operation.Failed(ErrorCode::kUnsupported, "the watch",
                            "it has no event: poll it");
  }
  epoll_event event{};
  event.events = EPOLLIN;
  if (::epoll_ctl(static_cast<int>(handle_), EPOLL_CTL_ADD,
                  static_cast<int>(watch.event()), &event) == 0) {
    return Ok();
  }
  return operation.Failed(errno);
}

bool WatchSet::Wait(std::int64_t timeout_ms) const {
  const auto timeout =
      static_cast<int>(std::clamp<std::int64_t>(timeout_ms, 0, INT_MAX));
  epoll_event event{};
  return ::epoll_wait(static_cast<int>(handle_), &event, 1, timeout) == 1;
}

}  // namespace placid::os
