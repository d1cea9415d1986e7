// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_SRC_OS_POSIX_MAP_FILE_H_
#define PLACID_SRC_OS_POSIX_MAP_FILE_H_

#include <cstddef>
#include <cstdint>

#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"

namespace placid::os {

struct MappingPort {
  static Mapping Make(std::byte* data, std::size_t size, Access access) {
    Mapping mapping;
    mapping.data_ = data;
    mapping.size_ = size;
    mapping.access_ = access;
    return mapping;
  }
  static void SetGranted(Mapping& mapping, const Granted& granted) {
    mapping.granted_ = granted;
  }
};

namespace internal {

struct MapPlan {
  std::uint64_t size;           // of the file's bytes, from its beginning
  std::uint64_t mirror_offset;  // 0: none
  std::uint64_t alignment;      // of the address; 1: any page
  Access access;
  int flags;  // besides those that sharing and placing need
};

Result<Mapping> MapFile(const Operation& operation, int fd,
                        const MapPlan& plan);

}  // namespace internal
}  // namespace placid::os

#endif  // PLACID_SRC_OS_POSIX_MAP_FILE_H_
