// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_errors.h"

#include <cstdint>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"

namespace placid {

Error Said(const char* operation, const os::Name& name, Error error) {
  error.operation = operation;
  error.subject = name.text();
  return error;
}

Error NobodyHasIt() {
  return {.code = ErrorCode::kNotFound,
          .advice = "start the process that creates it first"};
}

Error BeingChangedTooLong() {
  return {.code = ErrorCode::kTimedOut,
          .field = "the creation lock",
          .advice =
              "a living process has been creating or unlinking it all "
              "the time; if that is stopped, continue or end it"};
}

Result<void> CheckFingerprint(std::uint64_t wanted, std::uint64_t found) {
  if (wanted == 0 || wanted == found) return Ok();
  return Error{.code = ErrorCode::kWrongElement,
               .field = "fingerprint",
               .expected = wanted,
               .found = found,
               .advice =
                   "build both sides with the same layout, or unlink "
                   "the segment of the other"};
}

}  // namespace placid
