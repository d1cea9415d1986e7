// SPDX-License-Identifier: Apache-2.0
#include "placid/os/mapping.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "check.h"
#include "map_file.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/shared_object.h"
#include "port.h"

namespace placid::os {

Mapping::~Mapping() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

Result<Mapping> SharedObject::Map(const MapOptions& options) const {
  const ShortText label = this->label();
  const internal::Operation operation{"SharedObject::Map", label.view()};
  if (auto valid = internal::CheckMap(operation, *this, options); !valid) {
    return valid.error();
  }
  const int fd = static_cast<int>(handle_);
  struct stat status;
  if (::fstat(fd, &status) != 0) return operation.Failed(errno);
  if (auto valid = internal::CheckSize(
          operation, size_, static_cast<std::uint64_t>(status.st_size));
      !valid) {
    return valid.error();
  }
  auto mapping =
      internal::MapFile(operation, fd,
                        {.size = size_,
                         .mirror_offset = options.mirror_offset,
                         .alignment = internal::Alignment(fd, options),
                         .access = options.access,
                         .flags = internal::MapFlags(options)});
  if (!mapping) return mapping;
  const auto size = static_cast<std::size_t>(size_);
  MappingPort::SetGranted(*mapping,
                          internal::GrantWishes(*mapping, size, fd, options));
  return mapping;
}

}  // namespace placid::os
