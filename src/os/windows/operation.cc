// SPDX-License-Identifier: Apache-2.0
#include "operation.h"

#include <cstdint>

#include "placid/base/error.h"

namespace placid::os::internal {
namespace {

struct Meaning {
  ErrorCode code;
  const char* advice;
};

Meaning MeaningOf(DWORD system_error) {
  switch (system_error) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_DRIVE:
      return {ErrorCode::kNotFound,
              "start the process that creates it first, or check the name"};
    case ERROR_ALREADY_EXISTS:
    case ERROR_FILE_EXISTS:
      return {ErrorCode::kAlreadyExists,
              "choose another name, or open what is there"};
    case ERROR_ACCESS_DENIED:
    case ERROR_PRIVILEGE_NOT_HELD:
    case ERROR_WRITE_PROTECT:
      return {ErrorCode::kPermissionDenied,
              "run as the user who made it, or have that user let others in"};
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
    case ERROR_COMMITMENT_LIMIT:
    case ERROR_COMMITMENT_MINIMUM:
    case ERROR_NO_SYSTEM_RESOURCES:
    case ERROR_PAGEFILE_QUOTA:
    case ERROR_NOT_ENOUGH_QUOTA:
    case ERROR_INVALID_ADDRESS:
      return {ErrorCode::kNoSpace,
              "ask for less, free memory or address space, or enlarge the "
              "page file"};
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
    case ERROR_FILE_TOO_LARGE:
      return {ErrorCode::kNoSpace,
              "ask for less, or remove what is not needed from the disk"};
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
      return {ErrorCode::kBusy,
              "another program keeps the file to itself: close it there"};
    case ERROR_TOO_MANY_OPEN_FILES:
      return {ErrorCode::kSystem, "too many handles are open: close some"};
    case ERROR_INVALID_HANDLE:
      return {ErrorCode::kInvalidArgument,
              "the handle, or what has that name, is no shared object"};
    case ERROR_INVALID_NAME:
    case ERROR_BAD_PATHNAME:
    case ERROR_FILENAME_EXCED_RANGE:
    case ERROR_DIRECTORY:
      return {ErrorCode::kInvalidArgument,
              "the system knows no such name or path: check its spelling and "
              "its length"};
    case ERROR_INVALID_PARAMETER:
      return {ErrorCode::kInvalidArgument, "the system refuses the arguments"};
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA:
    case ERROR_PIPE_NOT_CONNECTED:
      return {ErrorCode::kPeerDied, "start the other side again"};
    case WAIT_TIMEOUT:
    case ERROR_SEM_TIMEOUT:
      return {ErrorCode::kTimedOut,
              "nobody came, or the other side is slow: wait longer"};
    default: return {ErrorCode::kSystem, "look the system's error number up"};
  }
}

}  // namespace

Error Operation::Failed(DWORD system_error) const {
  const Meaning meaning = MeaningOf(system_error);
  Error error = Failed(meaning.code, nullptr, meaning.advice);
  error.system_error = static_cast<std::int32_t>(system_error);
  return error;
}

}  // namespace placid::os::internal
