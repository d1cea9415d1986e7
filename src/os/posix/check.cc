// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <cstdint>
#include <string_view>

#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"

namespace placid::os::internal {

Result<void> CheckCreate(const Operation& operation, std::uint64_t size,
                         const CreateOptions& options) {
  if (size == 0 || size > SharedObject::kMaxBytes) {
    Error error = operation.Failed(ErrorCode::kInvalidArgument, "the size",
                                   "give a size of 1 byte to 64 TiB");
    error.expected = size == 0 ? 1 : SharedObject::kMaxBytes;
    error.found = size;
    return error;
  }
  constexpr std::uint32_t kOwnerBits = 0600;
  constexpr std::uint32_t kAllBits = 0666;
  if ((options.mode & kOwnerBits) != kOwnerBits ||
      (options.mode & ~kAllBits) != 0) {
    return operation.Failed(ErrorCode::kInvalidArgument, "the mode",
                            "use 0600, and add 0040, 0020, 0004 or 0002 to "
                            "let others read or write");
  }
  return Ok();
}

Result<void> CheckMap(const Operation& operation, const SharedObject& object,
                      const MapOptions& options) {
  if (!object.is_open()) {
    return operation.Failed(ErrorCode::kInvalidArgument, "the object",
                            "it is not open: create or open it first");
  }
  if (options.access == Access::kReadWrite &&
      object.access() == Access::kReadOnly) {
    return operation.Failed(ErrorCode::kPermissionDenied, "the access",
                            "the object was opened read-only: open it "
                            "read-write, or map it read-only");
  }
  const std::uint64_t mirror = options.mirror_offset;
  if (mirror != 0 && (mirror % kGranuleBytes != 0 ||
                      object.size_bytes() % kGranuleBytes != 0 ||
                      mirror >= object.size_bytes())) {
    return operation.Failed(ErrorCode::kInvalidArgument, "mirror_offset",
                            "let it and the object's size be multiples of 64 "
                            "KiB, the offset below the size");
  }
  return Ok();
}

Result<void> CheckPath(const Operation& operation) {
  const std::string_view path = operation.subject;
  if (!path.empty() && path.find('\0') == std::string_view::npos) return Ok();
  return operation.Failed(ErrorCode::kInvalidArgument, "the path",
                          "give a path of at least one byte and without zero "
                          "bytes");
}

Result<void> CheckSize(const Operation& operation, std::uint64_t expected,
                       std::uint64_t found) {
  if (found >= expected) return Ok();
  Error error = operation.Failed(ErrorCode::kTruncated, "the size",
                                 "somebody made it smaller: unlink it and "
                                 "create it anew");
  error.expected = expected;
  error.found = found;
  return error;
}

}  // namespace placid::os::internal
