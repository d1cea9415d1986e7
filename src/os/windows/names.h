// SPDX-License-Identifier: Apache-2.0
//
// What names become in the system's own name spaces.
#ifndef PLACID_SRC_OS_WINDOWS_NAMES_H_
#define PLACID_SRC_OS_WINDOWS_NAMES_H_

#include <string>
#include <string_view>

#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/name.h"

namespace placid::os::internal {

// UTF-8 to UTF-16. kInvalidArgument: malformed, or a zero byte in it.
Result<std::wstring> Widen(const Operation& operation, std::string_view text);

// Of a section: Local\placid.<name>, where our session alone sees it; of a raw
// name exactly the text.
Result<std::wstring> SectionName(const Operation& operation, const Name& name);

// Of a pipe that belongs to `name`. `purpose` keeps several apart. The name
// space of pipes is the whole machine's: the number of our session makes it
// ours, unless the raw name is a global one.
Result<std::wstring> PipeName(const Operation& operation, const Name& name,
                              const std::wstring& purpose);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_WINDOWS_NAMES_H_
