// SPDX-License-Identifier: Apache-2.0
#include "pipe.h"

#include <string>

#include "security.h"
#include "system.h"

namespace placid::os::internal {

UniqueHandle MakeOnlyPipe(const std::wstring& name, const Security& security) {
  constexpr DWORD kBufferBytes = 256;
  SECURITY_ATTRIBUTES attributes = security.attributes();
  // It may go between our attempt and the look at it: then try again.
  constexpr int kAttempts = 16;
  DWORD error = ERROR_SUCCESS;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    UniqueHandle pipe(::CreateNamedPipeW(
        name.c_str(),
        PIPE_ACCESS_DUPLEX | FILE_FLAG_FIRST_PIPE_INSTANCE |
            FILE_FLAG_OVERLAPPED,
        PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE | PIPE_REJECT_REMOTE_CLIENTS,
        /*nMaxInstances=*/1, kBufferBytes, kBufferBytes,
        /*nDefaultTimeOut=*/0, &attributes));
    if (pipe) return pipe;
    error = ::GetLastError();
    // One pipe too many, or no permission to add one to those of another user:
    // which of them comes for a pipe that is there differs between versions.
    if (error != ERROR_ACCESS_DENIED && error != ERROR_PIPE_BUSY) break;
    if (PipeExists(name)) {
      error = ERROR_ALREADY_EXISTS;
      break;
    }
  }
  ::SetLastError(error);
  return {};
}

// Waits for an instance that nobody has connected to, which says at once when
// there is no pipe of that name, and opens nothing.
bool PipeExists(const std::wstring& name) {
  constexpr DWORD kShortestWaitMs = 1;
  return ::WaitNamedPipeW(name.c_str(), kShortestWaitMs) ||
         ::GetLastError() != ERROR_FILE_NOT_FOUND;
}

}  // namespace placid::os::internal
