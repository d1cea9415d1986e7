// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_SRC_OS_DARWIN_DIRECTORY_H_
#define PLACID_SRC_OS_DARWIN_DIRECTORY_H_

#include <string>

#include "../posix/operation.h"
#include "placid/base/result.h"

namespace placid::os::internal {

// The directory of this user's named objects, with a slash at its end; made
// with mode 0700 if it is not there. kPermissionDenied: it is there, but
// another user could reach into it.
//
// It lies in the user's cache directory, not the temporary one, where the
// system removes files that were not opened for three days.
Result<std::string> UserDirectory(const Operation& operation);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_DARWIN_DIRECTORY_H_
