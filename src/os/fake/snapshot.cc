// SPDX-License-Identifier: Apache-2.0
#include "placid/os/snapshot.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "../posix/check.h"
#include "../posix/copy_file.h"
#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"
#include "system.h"

namespace placid::os {

using fake::Guard;
using fake::System;
using internal::Operation;

Result<Snapshot> Snapshot::Of(const SharedObject& object) {
  const ShortText label = object.label();
  const Operation operation{"Snapshot::Of", label.view()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  const MapOptions options{.access = Access::kReadOnly};
  if (auto valid = internal::CheckMap(operation, object, options); !valid) {
    return valid.error();
  }
  const auto found = system.ObjectOf(operation, object.handle());
  if (!found) return found.error();
  if (auto whole =
          internal::CheckSize(operation, object.size_bytes(), (*found)->size);
      !whole) {
    return whole.error();
  }
  auto memory = internal::ReserveCopy(operation, object.size_bytes());
  if (!memory) return memory.error();
  ++system.mappings;
  return Snapshot(*std::move(memory));
}

Result<void> Snapshot::Copy(const SharedObject& object, std::uint64_t offset,
                            std::uint64_t size) {
  const ShortText label = object.label();
  const Operation operation{"Snapshot::Copy", label.view()};
  System& system = System::Get();
  const Guard guard(system.mutex);
  if (auto ordered = system.TakeOrder(operation)) return *ordered;
  const auto found = system.ObjectOf(operation, object.handle());
  if (!found) return found.error();
  const std::uint64_t all = memory_.size_bytes();
  if (offset >= all) return Ok();
  const std::uint64_t end = offset + std::min(size, all - offset);
  const std::uint64_t there = std::clamp((*found)->size, offset, end);
  auto copied = internal::CopyFile(operation, (*found)->memory.get(), memory_,
                                   offset, there - offset);
  if (!copied) return copied;
  return internal::CheckSize(operation, end, (*found)->size);
}

}  // namespace placid::os
