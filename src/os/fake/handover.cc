// SPDX-License-Identifier: Apache-2.0
#include "placid/os/handover.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <utility>
#include <vector>

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

namespace {

Error PeerDied(const Operation& operation) {
  return operation.Failed(ErrorCode::kPeerDied, nullptr,
                          "the giver ended before it gave: try again");
}

// Whether anybody came, who then has all of `gifts`.
Result<bool> Give(const Operation& operation, NativeHandle handle,
                  std::span<const Gift> gifts, std::int64_t timeout_ms) {
  System& system = System::Get();
  Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  std::vector<fake::ObjectPtr> objects;
  for (const Gift& gift : gifts) {
    auto object = system.ObjectOf(operation, gift.object.handle());
    if (!object) return object.error();
    objects.push_back(*std::move(object));
  }
  const auto found = system.handles.find(handle);
  if (found == system.handles.end()) return operation.Failed(EBADF);
  const auto listener = found->second.listener;
  if (!system.changed.wait_until(guard, fake::EndOf(timeout_ms),
                                 [&] { return !listener->waiting.empty(); })) {
    return false;
  }
  fake::Receiver& receiver = *listener->waiting.front();
  listener->waiting.pop_front();
  for (std::size_t i = 0; i < gifts.size(); ++i) {
    const auto& [object, access] = gifts[i];
    const Access granted =
        access == Access::kReadWrite ? object.access() : access;
    fake::Handle taken;
    taken.object = objects[i];
    taken.access = granted;
    const NativeHandle number = system.Add(std::move(taken));
    system.handles[number].pid = receiver.pid;
    receiver.objects.push_back(SharedObjectPort::Make(
        {operation.name, {}}, number, object.size_bytes(), granted,
        /*was_created=*/false, objects[i]->is_sealed));
  }
  receiver.is_served = true;
  system.changed.notify_all();
  return true;
}

// All that whoever listens under a name gives.
Result<std::vector<SharedObject>> Receive(const Operation& operation,
                                          const Name& name,
                                          std::int64_t timeout_ms) {
  System& system = System::Get();
  Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  const auto found = system.listeners.find(KeyOf(name));
  if (found == system.listeners.end()) return operation.Failed(ENOENT);
  const auto listener = found->second;
  fake::Receiver receiver{
      .pid = fake::current_pid, .objects = {}, .is_served = false};
  listener->waiting.push_back(&receiver);
  system.changed.notify_all();
  system.changed.wait_until(guard, fake::EndOf(timeout_ms), [&] {
    return receiver.is_served || listener->is_closed;
  });
  if (receiver.is_served) return std::move(receiver.objects);
  std::erase(listener->waiting, &receiver);
  return listener->is_closed
             ? PeerDied(operation)
             : operation.Failed(ErrorCode::kTimedOut, nullptr,
                                "the giver was not ready: wait longer");
}

}  // namespace

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
  const Gift gift{object, access};
  const auto given = Give(operation, handle_, {&gift, 1}, timeout_ms);
  if (!given) return given.error();
  if (*given) return Ok();
  return operation.Failed(ErrorCode::kTimedOut, nullptr,
                          "nobody came to receive it: wait longer");
}

Result<Offered> HandoverListener::Offer(std::span<const Gift> gifts,
                                        std::int64_t wait_ms) {
  const Operation operation{"HandoverListener::Offer", name_.text()};
  const auto given = Give(operation, handle_, gifts, wait_ms);
  if (!given) return given.error();
  return *given ? Offered::kGiven : Offered::kNobody;
}

NativeHandle HandoverListener::event() const { return kNoHandle; }

Result<SharedObject> ReceiveHandover(const Name& name,
                                     std::int64_t timeout_ms) {
  auto objects = Receive({"ReceiveHandover", name.text()}, name, timeout_ms);
  if (!objects) return objects.error();
  return std::move(objects->front());
}

Result<std::vector<SharedObject>> TakeOffered(const Name& name,
                                              std::size_t count,
                                              std::int64_t timeout_ms) {
  const Operation operation{"TakeOffered", name.text()};
  auto objects = Receive(operation, name, timeout_ms);
  if (!objects) return objects.error();
  if (objects->size() < count) return PeerDied(operation);
  objects->resize(count);
  return objects;
}

}  // namespace placid::os
