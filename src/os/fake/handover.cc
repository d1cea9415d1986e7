// SPDX-License-Identifier: Apache-2.0
#include "placid/os/handover.h"

#include <cerrno>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>

#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "system.h"

namespace placid::os {

using fake::Guard;
using fake::KeyOf;
using fake::System;
using internal::Operation;

struct HandoverPort {
  static HandoverListener Make(NativeHandle handle, const Name& name) {
    HandoverListener listener;
    listener.handle_ = handle;
    listener.name_ = name;
    return listener;
  }
};

HandoverListener::~HandoverListener() { fake::CloseHandle(handle_); }

bool CanGiveAnonymousReadOnly() { return true; }

Result<HandoverListener> HandoverListener::Listen(const Name& name) {
  const Operation operation{"HandoverListener::Listen", name.text()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  auto& listener = system.listeners[KeyOf(name)];
  if (listener) return operation.Failed(EEXIST);
  listener = std::make_shared<fake::Listener>();
  fake::Handle handle;
  handle.listener = listener;
  return HandoverPort::Make(system.Add(std::move(handle)), name);
}

Result<void> HandoverListener::GiveTo(const SharedObject& object, Access access,
                                      std::int64_t timeout_ms) {
  const Operation operation{"HandoverListener::GiveTo", name_.text()};
  System& system = System::Get();
  Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  const auto given = system.ObjectOf(operation, object.handle());
  if (!given) return given.error();
  const auto found = system.handles.find(handle_);
  if (found == system.handles.end()) return operation.Failed(EBADF);
  const auto listener = found->second.listener;
  if (!system.changed.wait_until(guard, fake::EndOf(timeout_ms),
                                 [&] { return !listener->waiting.empty(); })) {
    return operation.Failed(ErrorCode::kTimedOut, nullptr,
                            "nobody came to receive it: wait longer");
  }
  fake::Receiver& receiver = *listener->waiting.front();
  listener->waiting.pop_front();
  fake::Handle handle;
  handle.object = *given;
  handle.access = access == Access::kReadWrite ? object.access() : access;
  const Access granted = handle.access;
  const NativeHandle number = system.Add(std::move(handle));
  system.handles[number].pid = receiver.pid;
  receiver.object = SharedObjectPort::Make(
      {operation.name, {}}, number, object.size_bytes(), granted,
      /*was_created=*/false, (*given)->is_sealed);
  receiver.is_served = true;
  system.changed.notify_all();
  return Ok();
}

Result<SharedObject> ReceiveHandover(const Name& name,
                                     std::int64_t timeout_ms) {
  const Operation operation{"ReceiveHandover", name.text()};
  System& system = System::Get();
  Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  const auto found = system.listeners.find(KeyOf(name));
  if (found == system.listeners.end()) return operation.Failed(ENOENT);
  const auto listener = found->second;
  fake::Receiver receiver{
      .pid = fake::current_pid, .object = {}, .is_served = false};
  listener->waiting.push_back(&receiver);
  system.changed.notify_all();
  system.changed.wait_until(guard, fake::EndOf(timeout_ms), [&] {
    return receiver.is_served || listener->is_closed;
  });
  if (receiver.is_served) return std::move(receiver.object);
  std::erase(listener->waiting, &receiver);
  return listener->is_closed
             ? operation.Failed(ErrorCode::kPeerDied, nullptr,
                                "the giver ended before it gave: try again")
             : operation.Failed(ErrorCode::kTimedOut, nullptr,
                                "the giver was not ready: wait longer");
}

}  // namespace placid::os
