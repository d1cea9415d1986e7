// SPDX-License-Identifier: Apache-2.0
#include "fake.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "placid/base/error.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "system.h"

namespace placid::os::fake {

void FailNth(std::string_view operation, int nth, ErrorCode code,
             std::int32_t system_error) {
  System& system = System::Get();
  const Guard guard(system.mutex);
  system.orders.push_back({std::string(operation), nth, code, system_error});
}

void Refuse(Wish wish, std::int32_t system_error) {
  System& system = System::Get();
  const Guard guard(system.mutex);
  system.refusals[static_cast<std::size_t>(wish)] = system_error;
}

void SetCapacity(std::uint64_t bytes) {
  System& system = System::Get();
  const Guard guard(system.mutex);
  system.capacity = std::max(bytes, system.used);
}

void Truncate(const Name& name, std::uint64_t size_bytes) {
  System& system = System::Get();
  const Guard guard(system.mutex);
  const auto found = system.files.find(KeyOf(name));
  if (found != system.files.end()) found->second->size = size_bytes;
}

NativeHandle Duplicate(const SharedObject& object) {
  System& system = System::Get();
  const Guard guard(system.mutex);
  return system.Add(system.handles.at(object.handle()));
}

std::size_t CountHandles() {
  System& system = System::Get();
  const Guard guard(system.mutex);
  return system.handles.size();
}

std::size_t CountMappings() {
  System& system = System::Get();
  const Guard guard(system.mutex);
  return system.mappings;
}

void Reset() {
  System& system = System::Get();
  const Guard guard(system.mutex);
  system.files.clear();
  system.orders.clear();
  system.refusals.fill(0);
  system.capacity = System::kUsualCapacity;
}

Process::Process() {
  System& system = System::Get();
  const Guard guard(system.mutex);
  pid_ = system.AddProcess();
}

Process::~Process() {
  Kill();
  Reap();
}

void Process::Kill() {
  System& system = System::Get();
  const Guard guard(system.mutex);
  const auto row = system.processes.find(pid_);
  if (row == system.processes.end()) return;
  row->second.is_alive = false;
  std::vector<NativeHandle> theirs;
  for (const auto& [number, handle] : system.handles) {
    if (handle.pid == pid_) theirs.push_back(number);
  }
  for (const NativeHandle handle : theirs) system.Close(handle);
  system.changed.notify_all();
}

void Process::Reap() {
  System& system = System::Get();
  const Guard guard(system.mutex);
  system.processes.erase(pid_);
}

Process::Scope::Scope(const Process& process) : outer_(current_pid) {
  current_pid = process.pid_;
}

Process::Scope::~Scope() { current_pid = outer_; }

}  // namespace placid::os::fake
