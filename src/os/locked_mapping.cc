// SPDX-License-Identifier: Apache-2.0
#include "placid/os/locked_mapping.h"

#include <cstdint>
#include <utility>

#include "locked_mapping.h"
#include "placid/base/error.h"
#include "placid/base/result.h"

namespace placid::os {
namespace internal {

Result<MappingAndLock> MapBesideLock(const SharedObject& object,
                                     const Name& name, std::uint32_t index,
                                     LockMode mode) {
  auto lock = FileLock::TryLock(object, index, mode);
  if (!lock && lock.error().code == ErrorCode::kUnsupported) {
    lock = FileLock::TryLock(name, index, mode);
  }
  if (!lock) return lock.error();
  auto mapping = object.Map({.dont_fork = true});
  if (!mapping) return mapping.error();
  return MappingAndLock{*std::move(mapping), *std::move(lock)};
}

}  // namespace internal

LockedMapping::~LockedMapping() {
  // In a child there may be something else by now at the same address.
  if (!is_ours()) mapping_.Abandon();
}

Result<LockedMapping> LockedMapping::TryMap(const SharedObject& object,
                                            const Name& name,
                                            std::uint32_t index,
                                            LockMode mode) {
  auto made = internal::MapAndLock(object, name, index, mode);
  if (!made) {
    Error error = made.error();
    error.operation = "LockedMapping::TryMap";
    error.subject = name.text();
    return error;
  }
  LockedMapping locked;
  locked.mapping_ = std::move(made->mapping);
  locked.lock_ = std::move(made->lock);
  locked.process_ = internal::ProcessNumber();
  return locked;
}

bool LockedMapping::is_ours() const {
  return process_ == internal::ProcessNumber();
}

void LockedMapping::swap(LockedMapping& other) noexcept {
  mapping_.swap(other.mapping_);
  lock_.swap(other.lock_);
  std::swap(process_, other.process_);
}

}  // namespace placid::os
