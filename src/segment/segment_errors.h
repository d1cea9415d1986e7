// SPDX-License-Identifier: Apache-2.0
//
// What whoever wants a segment is told when there is none to be had, in the
// same words whether it wants to create it, to open it or only to read it.
#ifndef PLACID_SRC_SEGMENT_SEGMENT_ERRORS_H_
#define PLACID_SRC_SEGMENT_SEGMENT_ERRORS_H_

#include <cstdint>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"

namespace placid {

// The same failure, of what the caller asked for.
[[nodiscard]] Error Said(const char* operation, const os::Name& name,
                         Error error);

// Nobody has made it, or whoever had is dead or has closed it.
[[nodiscard]] Error NobodyHasIt();

// Somebody has had the creation lock for as long as we waited.
[[nodiscard]] Error BeingChangedTooLong();

// That its bytes are laid out as we want them. `wanted` 0: in any way. Errors:
// kWrongElement.
Result<void> CheckFingerprint(std::uint64_t wanted, std::uint64_t found);

}  // namespace placid

#endif  // PLACID_SRC_SEGMENT_SEGMENT_ERRORS_H_
