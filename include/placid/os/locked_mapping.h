// SPDX-License-Identifier: Apache-2.0
//
// LockedMapping: a shared object in this process's address space, and the lock
// of one of its bytes, held for exactly as long: a sign of life that stopping
// does not end and nobody can forge.
//
// Linux: the lock is that of an open file description of our own, which nothing
// but the mapping keeps open. So there is no descriptor that a program could
// close by mistake, hand on, or run out of; and a child made by fork has
// neither the bytes (MADV_DONTFORK) nor the lock, as long as no other thread
// forks while TryMap runs: such a child holds the lock until it execs or ends.
// Windows, Darwin: a FileLock beside a Mapping. Darwin: a child made by fork
// shares the lock until it execs or ends.
#ifndef PLACID_OS_LOCKED_MAPPING_H_
#define PLACID_OS_LOCKED_MAPPING_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os {

class PLACID_API LockedMapping {
 public:
  LockedMapping() = default;
  LockedMapping(LockedMapping&& other) noexcept { swap(other); }
  LockedMapping& operator=(LockedMapping&& other) noexcept {
    LockedMapping(std::move(other)).swap(*this);
    return *this;
  }
  // Unmaps and releases; does nothing in a child made by fork.
  ~LockedMapping();

  // Maps all of an object that was opened read-write, and locks byte `index` of
  // it, as FileLock does; without waiting. `name` is the object's, for systems
  // where locks go by names. Errors: those of FileLock::TryLock (kBusy) and of
  // SharedObject::Map.
  static Result<LockedMapping> TryMap(const SharedObject& object,
                                      const Name& name, std::uint32_t index,
                                      LockMode mode = LockMode::kExclusive);

  [[nodiscard]] std::span<std::byte> bytes() const { return mapping_.bytes(); }
  // False in a child made by fork: there the bytes must not be touched.
  [[nodiscard]] bool is_ours() const;

  void swap(LockedMapping& other) noexcept;

 private:
  Mapping mapping_;
  FileLock lock_;  // Linux: none, the mapping has it
  std::uint64_t process_ = 0;
};

}  // namespace placid::os

#endif  // PLACID_OS_LOCKED_MAPPING_H_
