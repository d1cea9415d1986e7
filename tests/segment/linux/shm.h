// SPDX-License-Identifier: Apache-2.0
//
// What lies in /dev/shm under a name.
#ifndef PLACID_TESTS_SEGMENT_LINUX_SHM_H_
#define PLACID_TESTS_SEGMENT_LINUX_SHM_H_

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "placid/os/name.h"

namespace placid::testing {

// Paths of every file whose name has that of `name` in it: its objects, locks
// and temporary files.
inline std::vector<std::string> FilesOf(const os::Name& name) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator("/dev/shm", ignored)) {
    const std::string path = entry.path().string();
    if (path.find(name.text()) != std::string::npos) found.push_back(path);
  }
  return found;
}

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_LINUX_SHM_H_
