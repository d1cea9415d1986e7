// SPDX-License-Identifier: Apache-2.0
//
// WatchSet: one event for the deaths of many processes.
//
// Linux: an epoll descriptor. Darwin: a kqueue. Windows has no such thing for
// more than 64 handles: event() is kNoHandle and Add is kUnsupported there, and
// whoever wants to know polls.
#ifndef PLACID_OS_WATCH_SET_H_
#define PLACID_OS_WATCH_SET_H_

#include <cstdint>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"

namespace placid::os {

class PLACID_API WatchSet {
 public:
  WatchSet() = default;
  WatchSet(WatchSet&& other) noexcept { swap(other); }
  WatchSet& operator=(WatchSet&& other) noexcept {
    WatchSet(std::move(other)).swap(*this);
    return *this;
  }
  ~WatchSet();

  // Errors: kSystem (out of descriptors).
  static Result<WatchSet> Make();

  // From now on event() tells of this process, too, until the watch is
  // destroyed. Errors: kUnsupported (the watch has no event, or no set has),
  // kSystem.
  Result<void> Add(const ProcessWatch& watch);

  // Readable as long as one of the processes is dead and its watch still there.
  [[nodiscard]] NativeHandle event() const { return handle_; }

  // Waits until event() is readable or `timeout_ms` have passed; which of the
  // two. Where there is no event: the latter.
  [[nodiscard]] bool Wait(std::int64_t timeout_ms) const;

  void swap(WatchSet& other) noexcept { std::swap(handle_, other.handle_); }

 private:
  NativeHandle handle_ = kNoHandle;
};

}  // namespace placid::os

#endif  // PLACID_OS_WATCH_SET_H_
