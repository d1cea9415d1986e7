// SPDX-License-Identifier: Apache-2.0
#include "placid/os/name_list.h"

#include <vector>

#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"

namespace placid::os {

bool CanListNames() { return false; }

Result<std::vector<ListedObject>> ListNames() {
  return internal::Operation{"ListNames", {}}.Failed(
      ErrorCode::kUnsupported, "a list of names",
      "Windows does not list a session's shared memory: ask by name");
}

}  // namespace placid::os
