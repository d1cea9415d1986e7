// SPDX-License-Identifier: Apache-2.0
//
// System: what a real system would keep, in one place and under one lock.
#ifndef PLACID_SRC_OS_FAKE_SYSTEM_H_
#define PLACID_SRC_OS_FAKE_SYSTEM_H_

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "../posix/fd.h"
#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"

namespace placid::os {

struct SharedObjectPort {
  // Named by the operation's subject.
  static SharedObject Make(const internal::Operation& operation,
                           NativeHandle handle, std::uint64_t size,
                           Access access, bool was_created, bool is_sealed) {
    SharedObject object;
    object.name_ = operation.subject;
    object.handle_ = handle;
    object.size_ = size;
    object.access_ = access;
    object.was_created_ = was_created;
    object.is_sealed_ = is_sealed;
    return object;
  }
};

namespace fake {

using Clock = std::chrono::steady_clock;
using Guard = std::unique_lock<std::mutex>;
using internal::Operation;

// The simulated process that this thread acts for.
inline constexpr std::uint64_t kOwnPid = 1;
inline thread_local std::uint64_t current_pid = kOwnPid;

struct HeldLock {
  NativeHandle holder;
  LockState state;
};

struct Object {
  internal::UniqueFd memory;
  std::uint64_t size = 0;
  bool is_sealed = false;
  std::multimap<std::uint32_t, HeldLock> locks;  // byte → who holds it
};
using ObjectPtr = std::shared_ptr<Object>;

struct Receiver {
  std::uint64_t pid;
  std::vector<SharedObject> objects;
  bool is_served = false;
};

struct Listener {
  std::deque<Receiver*> waiting;
  bool is_closed = false;
};

// What a number that is given out stands for: an object, a listener, or a bell.
struct Handle {
  std::uint64_t pid = 0;
  ObjectPtr object;
  Access access = Access::kReadOnly;
  std::shared_ptr<Listener> listener;
  std::uint64_t bell = 0;  // its number
  bool is_rung = false;
};

struct ProcessRow {
  ProcessIdentity identity;
  bool is_alive = true;
};

struct Order {
  std::string operation;
  int calls_left;
  ErrorCode code;
  std::int32_t system_error;
};

// Every operation holds the lock from its first line to its last.
struct System {
  static constexpr std::uint64_t kUsualCapacity = std::uint64_t{1} << 40;

  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, ObjectPtr, std::less<>> files;
  std::map<NativeHandle, Handle> handles;
  std::map<std::string, std::shared_ptr<Listener>, std::less<>> listeners;
  std::map<std::uint64_t, ProcessRow> processes;
  std::vector<Order> orders;
  std::array<std::int32_t, kWishes> refusals{};
  std::uint64_t capacity = kUsualCapacity;
  std::uint64_t used = 0;
  std::size_t mappings = 0;
  NativeHandle next_handle = 1;  // never given out twice
  std::uint64_t next_pid = kOwnPid;
  std::uint64_t next_start_time = 1;

  static System& Get();

  std::uint64_t AddProcess();
  // The failure that was ordered for this call.
  std::optional<Error> TakeOrder(const Operation& operation);

  NativeHandle Add(Handle handle);
  void Close(NativeHandle handle);

  Result<ObjectPtr> MakeObject(const Operation& operation, std::uint64_t size);
  SharedObject HandleTo(const Operation& operation, const ObjectPtr& object,
                        Access access, bool was_created);
  Result<ObjectPtr> Find(const Operation& operation, std::string_view key);
  Result<ObjectPtr> ObjectOf(const Operation& operation, NativeHandle handle);

 private:
  System() { AddProcess(); }
};

// The key of a name or path in System::files.
std::string KeyOf(const Name& name);
std::string KeyOf(std::string_view path);

Clock::time_point EndOf(std::int64_t timeout_ms);

// For destructors: takes the lock by itself.
void CloseHandle(NativeHandle handle);

}  // namespace fake
}  // namespace placid::os

#endif  // PLACID_SRC_OS_FAKE_SYSTEM_H_
