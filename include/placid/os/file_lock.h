// SPDX-License-Identifier: Apache-2.0
//
// FileLock: a lock that the system itself releases when its holder dies, which
// makes it both a claim ("one sender at a time") and a sign of life; or one
// that several share, a sign that anybody is there.
//
// Linux: one byte of the object, locked through an open file description of our
// own (F_OFD_SETLK), reopened through /proc/self/fd: a descriptor received from
// another process shares its sender's description, and so its locks. Windows: a
// named kernel object that exists exactly while its holder lives, and cannot be
// shared. Darwin: flock on a lock file beside the object.
//
// A lock belongs to its FileLock, not to a thread. A child made by fork shares
// it until exec or exit.
#ifndef PLACID_OS_FILE_LOCK_H_
#define PLACID_OS_FILE_LOCK_H_

#include <cstdint>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os {

enum class LockMode : std::uint8_t { kExclusive, kShared };
enum class LockState : std::uint8_t {
  kFree,
  kHeld,    // by one alone
  kShared,  // by one or more who share it
};

class PLACID_API FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept { swap(other); }
  FileLock& operator=(FileLock&& other) noexcept {
    FileLock(std::move(other)).swap(*this);
    return *this;
  }
  // Releases.
  ~FileLock();

  // Locks byte `index` of the object called `name`, without waiting. The byte
  // need not lie within the object. Errors: kBusy (somebody holds it, and does
  // not share it, or we would not), kNotFound, kPermissionDenied, kUnsupported
  // (to share it, on Windows).
  static Result<FileLock> TryLock(const Name& name, std::uint32_t index,
                                  LockMode mode = LockMode::kExclusive);
  // The same of an object without a name. Windows: kUnsupported. Darwin:
  // kUnsupported if it has none, since the lock lies beside it.
  static Result<FileLock> TryLock(const SharedObject& object,
                                  std::uint32_t index,
                                  LockMode mode = LockMode::kExclusive);

  // Looks without taking. Errors: kNotFound, kPermissionDenied.
  static Result<LockState> Probe(const Name& name, std::uint32_t index);
  static Result<LockState> Probe(const SharedObject& object,
                                 std::uint32_t index);

  [[nodiscard]] bool is_held() const { return handle_ != kNoHandle; }
  void swap(FileLock& other) noexcept;

 private:
  friend struct FileLockPort;

  NativeHandle handle_ = kNoHandle;
};

}  // namespace placid::os

#endif  // PLACID_OS_FILE_LOCK_H_
