// SPDX-License-Identifier: Apache-2.0
#include "placid/os/file_lock.h"

#include <cstdint>
#include <utility>

#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "system.h"

namespace placid::os {

using fake::Guard;
using fake::KeyOf;
using fake::System;
using internal::Operation;

struct FileLockPort {
  static FileLock Make(NativeHandle handle) {
    FileLock lock;
    lock.handle_ = handle;
    return lock;
  }
};

namespace {

// All who have a byte have it in the same way.
LockState StateOf(const fake::Object& object, std::uint32_t index) {
  const auto held = object.locks.find(index);
  return held == object.locks.end() ? LockState::kFree : held->second.state;
}

Result<FileLock> Take(System& system, const Operation& operation,
                      const Result<fake::ObjectPtr>& object,
                      std::uint32_t index, LockMode mode) {
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  if (!object) return object.error();
  const auto wanted =
      mode == LockMode::kShared ? LockState::kShared : LockState::kHeld;
  const LockState state = StateOf(**object, index);
  const bool can_share =
      wanted == LockState::kShared && state == LockState::kShared;
  if (state != LockState::kFree && !can_share) {
    return operation.Failed(ErrorCode::kBusy, nullptr,
                            "a living process holds it: end that one first");
  }
  fake::Handle handle;
  handle.object = *object;
  const NativeHandle number = system.Add(std::move(handle));
  (*object)->locks.emplace(index, fake::HeldLock{number, wanted});
  return FileLockPort::Make(number);
}

Result<LockState> Look(System& system, const Operation& operation,
                       const Result<fake::ObjectPtr>& object,
                       std::uint32_t index) {
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  if (!object) return object.error();
  return StateOf(**object, index);
}

}  // namespace

FileLock::~FileLock() { fake::CloseHandle(handle_); }

Result<FileLock> FileLock::TryLock(const Name& name, std::uint32_t index,
                                   LockMode mode) {
  const Operation operation{"FileLock::TryLock", name.text()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  return Take(system, operation, system.Find(operation, KeyOf(name)), index,
              mode);
}

Result<FileLock> FileLock::TryLock(const SharedObject& object,
                                   std::uint32_t index, LockMode mode) {
  const Operation operation{"FileLock::TryLock", {}};
  System& system = System::Get();
  const Guard guard(system.mutex);
  return Take(system, operation, system.ObjectOf(operation, object.handle()),
              index, mode);
}

Result<LockState> FileLock::Probe(const Name& name, std::uint32_t index) {
  const Operation operation{"FileLock::Probe", name.text()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  return Look(system, operation, system.Find(operation, KeyOf(name)), index);
}

Result<LockState> FileLock::Probe(const SharedObject& object,
                                  std::uint32_t index) {
  const Operation operation{"FileLock::Probe", {}};
  System& system = System::Get();
  const Guard guard(system.mutex);
  return Look(system, operation, system.ObjectOf(operation, object.handle()),
              index);
}

}  // namespace placid::os
