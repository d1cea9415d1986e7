// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_SRC_OS_LINUX_PROC_H_
#define PLACID_SRC_OS_LINUX_PROC_H_

#include <string>

namespace placid::os::internal {

// The beginning, at most 4 KiB, of a file that the kernel writes. Empty, with
// errno set, where it cannot be read.
std::string ReadProc(const std::string& path);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_LINUX_PROC_H_
