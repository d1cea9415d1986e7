// SPDX-License-Identifier: Apache-2.0
#include "system.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "../posix/fd.h"
#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"

namespace placid::os::fake {

// Never destroyed: handles in static objects may be closed after it.
System& System::Get() {
  static System& system = *new System;
  return system;
}

std::uint64_t System::AddProcess() {
  constexpr ProcessIdentity kBoot{0, 0, 0x706c616369642121, 1};
  ProcessRow row{kBoot};
  row.identity.pid = next_pid++;
  row.identity.start_time = next_start_time++;
  processes[row.identity.pid] = row;
  return row.identity.pid;
}

std::optional<Error> System::TakeOrder(const Operation& operation) {
  for (auto order = orders.begin(); order != orders.end(); ++order) {
    if (order->operation != operation.name || --order->calls_left != 0) {
      continue;
    }
    Error error = operation.Failed(order->code, nullptr, "a test ordered it");
    error.system_error = order->system_error;
    orders.erase(order);
    return error;
  }
  return std::nullopt;
}

NativeHandle System::Add(Handle handle) {
  handle.pid = current_pid;
  handles[next_handle] = std::move(handle);
  return next_handle++;
}

void System::Close(NativeHandle handle) {
  const auto found = handles.find(handle);
  if (found == handles.end()) return;  // its process was killed
  if (found->second.object) {
    std::erase_if(found->second.object->locks, [=](const auto& lock) {
      return lock.second.holder == handle;
    });
  }
  if (found->second.listener) {
    found->second.listener->is_closed = true;
    std::erase_if(listeners, [&](const auto& row) {
      return row.second == found->second.listener;
    });
  }
  handles.erase(found);
  changed.notify_all();
}

// The space that an object takes goes back with its last handle and name.
Result<ObjectPtr> System::MakeObject(const Operation& operation,
                                     std::uint64_t size) {
  if (size > capacity - used) return operation.Failed(ENOSPC);
  internal::UniqueFd memory(::memfd_create("placid-fake", MFD_CLOEXEC));
  if (!memory || ::ftruncate(memory.get(), static_cast<off_t>(size)) != 0) {
    return operation.Failed(errno);
  }
  used += size;
  ObjectPtr object(new Object, [this, size](Object* last) {
    used -= size;
    delete last;
  });
  object->memory = std::move(memory);
  object->size = size;
  return object;
}

SharedObject System::HandleTo(const Operation& operation,
                              const ObjectPtr& object, Access access,
                              bool was_created) {
  Handle handle;
  handle.object = object;
  handle.access = access;
  return SharedObjectPort::Make(operation, Add(std::move(handle)), object->size,
                                access, was_created, object->is_sealed);
}

Result<ObjectPtr> System::Find(const Operation& operation,
                               std::string_view key) {
  const auto found = files.find(key);
  if (found == files.end()) return operation.Failed(ENOENT);
  return found->second;
}

Result<ObjectPtr> System::ObjectOf(const Operation& operation,
                                   NativeHandle handle) {
  const auto found = handles.find(handle);
  if (found == handles.end() || !found->second.object) {
    return operation.Failed(EBADF);
  }
  return found->second.object;
}

std::string KeyOf(const Name& name) {
  return (name.is_raw() ? "raw:" : "name:") + std::string(name.text());
}
std::string KeyOf(std::string_view path) { return "file:" + std::string(path); }

Clock::time_point EndOf(std::int64_t timeout_ms) {
  constexpr std::int64_t kLongest = 1'000'000'000;
  return Clock::now() + std::chrono::milliseconds(
                            std::clamp<std::int64_t>(timeout_ms, 0, kLongest));
}

void CloseHandle(NativeHandle handle) {
  if (handle == kNoHandle) return;
  System& system = System::Get();
  const Guard guard(system.mutex);
  system.Close(handle);
}

}  // namespace placid::os::fake
