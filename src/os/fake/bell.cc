// SPDX-License-Identifier: Apache-2.0
#include "placid/os/bell.h"

#include <chrono>
#include <cstdint>

#include "placid/base/result.h"
#include "placid/os/futex.h"
#include "system.h"

namespace placid::os {

struct BellPort {
  // The bell that this handle stands for; nullptr: its process was killed.
  static fake::Handle* Of(fake::System& system, NativeHandle handle) {
    const auto found = system.handles.find(handle);
    return found == system.handles.end() ? nullptr : &found->second;
  }
  static bool Ring(std::uint64_t number) {
    fake::System& system = fake::System::Get();
    const fake::Guard guard(system.mutex);
    for (auto& [_, handle] : system.handles) {
      if (handle.bell != number) continue;
      handle.is_rung = true;
      system.changed.notify_all();
      return true;
    }
    return false;
  }
  static Bell Make(NativeHandle handle, std::uint64_t number) {
    Bell bell;
    bell.handle_ = handle;
    bell.number_ = number;
    return bell;
  }
};

Result<Bell> Bell::Make() {
  fake::System& system = fake::System::Get();
  const fake::Guard guard(system.mutex);
  if (auto error = system.TakeOrder({"Bell::Make", {}})) return *error;
  const auto number = static_cast<std::uint64_t>(system.next_handle);
  fake::Handle handle;
  handle.bell = number;
  return BellPort::Make(system.Add(handle), number);
}

Bell::~Bell() {
  if (handle_ != kNoHandle) fake::CloseHandle(handle_);
}

bool Bell::Wait(std::int64_t deadline_ns) {
  fake::System& system = fake::System::Get();
  fake::Guard guard(system.mutex);
  const auto left = std::chrono::nanoseconds(deadline_ns - MonotonicNow());
  const auto is_rung = [&] {
    const fake::Handle* bell = BellPort::Of(system, handle_);
    return bell != nullptr && bell->is_rung;
  };
  if (!system.changed.wait_for(guard, left, is_rung)) return false;
  BellPort::Of(system, handle_)->is_rung = false;
  return true;
}

void Bell::Silence() {
  fake::System& system = fake::System::Get();
  const fake::Guard guard(system.mutex);
  fake::Handle* bell = BellPort::Of(system, handle_);
  if (bell != nullptr) bell->is_rung = false;
}

void Bell::Ring() const { BellPort::Ring(number_); }

BellRope::~BellRope() = default;

bool BellRope::Ring(std::uint64_t number) {
  return number != 0 && BellPort::Ring(number);
}

}  // namespace placid::os
