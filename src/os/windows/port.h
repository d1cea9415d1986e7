// SPDX-License-Identifier: Apache-2.0
//
// The makers of the public handle types.
#ifndef PLACID_SRC_OS_WINDOWS_PORT_H_
#define PLACID_SRC_OS_WINDOWS_PORT_H_

#include <cstddef>
#include <cstdint>

#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"
#include "system.h"

namespace placid::os {

struct SharedObjectPort {
  // Named by the operation's subject.
  static SharedObject Make(const internal::Operation& operation,
                           internal::UniqueHandle section, std::uint64_t size,
                           Access access, bool was_created, bool is_sealed) {
    SharedObject object;
    object.name_ = operation.subject;
    object.handle_ = section.Release();
    object.size_ = size;
    object.access_ = access;
    object.was_created_ = was_created;
    object.is_sealed_ = is_sealed;
    return object;
  }
};

struct MappingPort {
  static Mapping Make(std::byte* data, std::size_t size, Access access,
                      const Granted& granted) {
    Mapping mapping;
    mapping.data_ = data;
    mapping.size_ = size;
    mapping.access_ = access;
    mapping.granted_ = granted;
    return mapping;
  }
};

namespace internal {

// What the access rights of a section's handle are that is used like this.
// SECTION_QUERY lets whoever opens it learn its size.
[[nodiscard]] constexpr DWORD RightsOf(Access access) {
  constexpr DWORD kRead = SECTION_QUERY | SECTION_MAP_READ;
  return access == Access::kReadWrite ? kRead | SECTION_MAP_WRITE : kRead;
}

}  // namespace internal
}  // namespace placid::os

#endif  // PLACID_SRC_OS_WINDOWS_PORT_H_
