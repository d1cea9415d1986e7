// SPDX-License-Identifier: Apache-2.0
#include "operation.h"

#include <cerrno>

#include "placid/base/error.h"

namespace placid::os::internal {
namespace {

struct Meaning {
  ErrorCode code;
  const char* advice;
};

Meaning MeaningOf(int error_number) {
  switch (error_number) {
    case ENOENT:
      return {ErrorCode::kNotFound,
              "start the process that creates it first, or check the name"};
    case EEXIST:
      return {ErrorCode::kAlreadyExists,
              "choose another name, or open or unlink what is there"};
    case EACCES:
    case EPERM:
    case EROFS:
      return {ErrorCode::kPermissionDenied,
              "run as the user who made it, or have that user open its mode"};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {ErrorCode::kNoSpace,
              "ask for less, remove what is not needed, or give the file "
              "system or the quota more room"};
    case ENOMEM:
    case EOVERFLOW:
      return {ErrorCode::kNoSpace,
              "ask for less, or free memory or address space"};
    case EMFILE:
    case ENFILE:
      return {ErrorCode::kSystem,
              "too many descriptors are open: close some, or raise ulimit -n"};
    case ELOOP:
      return {ErrorCode::kInvalidArgument,
              "a symbolic link has that name: remove it"};
    case EISDIR:
      return {ErrorCode::kInvalidArgument, "a directory has that name"};
    case ENOTDIR:
      return {ErrorCode::kInvalidArgument,
              "a part of the path is no directory"};
    case ENAMETOOLONG:
      return {ErrorCode::kInvalidArgument, "shorten the name or the path"};
    case EBADF: return {ErrorCode::kInvalidArgument, "the handle is not open"};
    case EINVAL:
      return {ErrorCode::kInvalidArgument, "the system refuses the arguments"};
    default: return {ErrorCode::kSystem, "look the system's error number up"};
  }
}

}  // namespace

Error Operation::Failed(int error_number) const {
  const Meaning meaning = MeaningOf(error_number);
  Error error = Failed(meaning.code, nullptr, meaning.advice);
  error.system_error = error_number;
  return error;
}

}  // namespace placid::os::internal
