// SPDX-License-Identifier: Apache-2.0
//
// The fake port: the contracts of include/placid/os in one program's memory,
// with failures and deaths on demand. Tests link it in place of a real port.
//
// Objects are real mappings, so read-only pages and mirrors are what they are
// elsewhere. Names, files, processes, locks and handovers exist only here.
#ifndef PLACID_SRC_OS_FAKE_FAKE_H_
#define PLACID_SRC_OS_FAKE_FAKE_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "placid/base/error.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"

namespace placid::os::fake {

// The `nth` call from now of an operation, called as in its errors
// ("SharedObject::Open"), fails, having changed nothing.
void FailNth(std::string_view operation, int nth, ErrorCode code,
             std::int32_t system_error = 0);

// From now on this wish is refused.
void Refuse(Wish wish, std::int32_t system_error);

// How many bytes the objects may have together; what they have counts.
void SetCapacity(std::uint64_t bytes);

// Makes the object of that name smaller, as a hostile peer would.
void Truncate(const Name& name, std::uint64_t size_bytes);

// A second handle of the current process to the same object, for Adopt.
NativeHandle Duplicate(const SharedObject& object);

// Of all processes.
std::size_t CountHandles();
std::size_t CountMappings();

// Forgets names, orders and refusals; the next test begins afresh.
void Reset();

// A simulated process. It acts on threads that are within a Scope of it; all
// other threads belong to the program's own process, which never dies.
class Process {
 public:
  Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  // Kills and reaps.
  ~Process();

  // Takes its locks, handles and listeners away, as the system does. Until
  // Reap it is a zombie: it has a pid, and is dead.
  void Kill();
  void Reap();

  class Scope {
   public:
    explicit Scope(const Process& process);
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();

   private:
    std::uint64_t outer_;
  };

 private:
  std::uint64_t pid_;
};

}  // namespace placid::os::fake

#endif  // PLACID_SRC_OS_FAKE_FAKE_H_
