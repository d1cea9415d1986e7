// SPDX-License-Identifier: Apache-2.0
//
// What a section is that somebody else may have made.
#ifndef PLACID_SRC_OS_WINDOWS_SECTION_H_
#define PLACID_SRC_OS_WINDOWS_SECTION_H_

#include <cstdint>

#include "operation.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "system.h"

namespace placid::os::internal {

struct SectionFacts {
  std::uint64_t size = 0;
  bool is_sealed = false;  // its memory is the page file's: it cannot grow
};

// Checks that it is one that can be used with `access`, and says what it is.
// Errors: kInvalidArgument (an image, or its memory is reserved only), and
// those of the system.
Result<SectionFacts> Inspect(const Operation& operation, HANDLE section,
                             Access access);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_WINDOWS_SECTION_H_
