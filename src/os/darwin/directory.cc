// SPDX-License-Identifier: Apache-2.0
#include "directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <string>

#include "../posix/operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"

namespace placid::os::internal {

Result<std::string> UserDirectory(const Operation& operation) {
  std::array<char, PATH_MAX> parent{};
  const std::size_t size =
      ::confstr(_CS_DARWIN_USER_CACHE_DIR, parent.data(), parent.size());
  if (size == 0 || size > parent.size()) {
    return operation.Failed(size == 0 ? errno : ENAMETOOLONG);
  }
  std::string path = parent.data();
  if (path.empty() || path.back() != '/') path += '/';
  path += "placid";
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return operation.Failed(errno);
  }
  struct stat found;
  if (::lstat(path.c_str(), &found) != 0) return operation.Failed(errno);
  constexpr mode_t kOthers = 077;
  if (!S_ISDIR(found.st_mode) || found.st_uid != ::geteuid() ||
      (found.st_mode & kOthers) != 0) {
    return operation.Failed(ErrorCode::kPermissionDenied,
                            "the directory of named objects",
                            "remove what is called placid in your user's cache "
                            "directory (getconf DARWIN_USER_CACHE_DIR): others "
                            "may write there");
  }
  return path + "/";
}

}  // namespace placid::os::internal
