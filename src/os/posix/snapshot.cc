// SPDX-License-Identifier: Apache-2.0
#include "placid/os/snapshot.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "check.h"
#include "copy_file.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"

namespace placid::os {

Result<Snapshot> Snapshot::Of(const SharedObject& object) {
  const ShortText label = object.label();
  const internal::Operation operation{"Snapshot::Of", label.view()};
  const MapOptions options{.access = Access::kReadOnly};
  if (auto valid = internal::CheckMap(operation, object, options); !valid) {
    return valid.error();
  }
  struct stat status;
  if (::fstat(static_cast<int>(object.handle()), &status) != 0) {
    return operation.Failed(errno);
  }
  if (auto whole =
          internal::CheckSize(operation, object.size_bytes(),
                              static_cast<std::uint64_t>(status.st_size));
      !whole) {
    return whole.error();
  }
  auto memory = internal::ReserveCopy(operation, object.size_bytes());
  if (!memory) return memory.error();
  return Snapshot(*std::move(memory));
}

Result<void> Snapshot::Copy(const SharedObject& object, std::uint64_t offset,
                            std::uint64_t size) {
  const ShortText label = object.label();
  const internal::Operation operation{"Snapshot::Copy", label.view()};
  const std::uint64_t all = memory_.size_bytes();
  if (offset >= all) return Ok();
  return internal::CopyFile(operation, static_cast<int>(object.handle()),
                            memory_, offset, std::min(size, all - offset));
}

}  // namespace placid::os
