// SPDX-License-Identifier: Apache-2.0
#include "placid/os/watch_set.h"

#include <chrono>
#include <cstdint>
#include <thread>

#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/process.h"

namespace placid::os {

WatchSet::~WatchSet() = default;

Result<WatchSet> WatchSet::Make() { return WatchSet(); }

Result<void> WatchSet::Add(const ProcessWatch& /*watch*/) {
  return internal::Operation{"WatchSet::Add", {}}.Failed(
      ErrorCode::kUnsupported, nullptr, "poll");
}

bool WatchSet::Wait(std::int64_t timeout_ms) const {
  std::this_thread::sleep_for(std::chrono::milliseconds(timeout_ms));
  return false;
}

}  // namespace placid::os
