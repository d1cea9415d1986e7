// SPDX-License-Identifier: Apache-2.0
//
// Pipes of which there is one at a time. Such a pipe exists exactly while its
// maker has it open, and, other than an event or a mutex, it is neither opened
// by an attempt to make it that fails nor by a look whether it is there. So
// nobody but its maker ever keeps it in being.
#ifndef PLACID_SRC_OS_WINDOWS_PIPE_H_
#define PLACID_SRC_OS_WINDOWS_PIPE_H_

#include <string>

#include "security.h"
#include "system.h"

namespace placid::os::internal {

// The end of the maker, for overlapped messages. No handle: GetLastError() is
// ERROR_ALREADY_EXISTS where the pipe is there, else why it cannot be made.
UniqueHandle MakeOnlyPipe(const std::wstring& name, const Security& security);

bool PipeExists(const std::wstring& name);

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_WINDOWS_PIPE_H_
