// SPDX-License-Identifier: Apache-2.0
#include "placid/os/watch_set.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/process.h"
#include "system.h"

namespace placid::os {

WatchSet::~WatchSet() = default;

Result<WatchSet> WatchSet::Make() { return WatchSet(); }

Result<void> WatchSet::Add(const ProcessWatch& /*watch*/) {
  return internal::Operation{"WatchSet::Add", {}}.Failed(
      ErrorCode::kUnsupported, nullptr,
      "on Windows no one event stands for many processes: poll");
}

bool WatchSet::Wait(std::int64_t timeout_ms) const {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  ::Sleep(static_cast<DWORD>(std::clamp<std::int64_t>(timeout_ms, 0, kMost)));
  return false;
}

}  // namespace placid::os
