// SPDX-License-Identifier: Apache-2.0
//
// Snapshot: a shared object's bytes for whoever only looks, and must not die of
// it when somebody cuts the object short at that moment.
//
// Linux, Darwin: addresses as many as the object has bytes, of private memory,
// into which the system reads as much as is asked for; the rest is zero and
// takes no memory. Windows, where nobody can cut a section or a mapped file
// short and no handle reads a section: a read-only view of the object itself,
// which goes on changing.
//
// The bytes are as hostile as the object's own: they may be of several moments,
// and words that belong together may not be of one.
#ifndef PLACID_OS_SNAPSHOT_H_
#define PLACID_OS_SNAPSHOT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"

namespace placid::os {

class PLACID_API Snapshot {
 public:
  Snapshot() = default;

  // Of no bytes yet. Errors: kInvalidArgument (the object is not open), kNoSpace
  // (address space), those of SharedObject::Map.
  static Result<Snapshot> Of(const SharedObject& object);

  // Copies `size` bytes from `offset` on, of the object that it is of, over what
  // was copied before; what would lie behind size_bytes() is left out. Errors:
  // kTruncated (the object has become smaller; what is there still was copied),
  // kNoSpace, kPermissionDenied, kSystem.
  Result<void> Copy(const SharedObject& object, std::uint64_t offset,
                    std::uint64_t size);

  // size_bytes() of the object, on pages that cannot be written and that
  // nobody can take away.
  [[nodiscard]] std::span<std::byte> bytes() const { return memory_.bytes(); }

 private:
  explicit Snapshot(Mapping memory) : memory_(std::move(memory)) {}

  Mapping memory_;
};

}  // namespace placid::os

#endif  // PLACID_OS_SNAPSHOT_H_
