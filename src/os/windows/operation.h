// SPDX-License-Identifier: Apache-2.0
//
// Operation: what is being done to which object, until it has succeeded.
#ifndef PLACID_SRC_OS_WINDOWS_OPERATION_H_
#define PLACID_SRC_OS_WINDOWS_OPERATION_H_

#include <string_view>

#include "placid/base/error.h"
#include "system.h"

namespace placid::os::internal {

struct Operation {
  const char* name;
  std::string_view subject;

  // What a value of GetLastError means to a caller, with advice.
  [[nodiscard]] Error Failed(DWORD system_error) const;

  [[nodiscard]] Error Failed(ErrorCode code, const char* field,
                             const char* advice) const {
    return {.code = code,
            .operation = name,
            .field = field,
            .advice = advice,
            .subject = subject};
  }
};

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_WINDOWS_OPERATION_H_
