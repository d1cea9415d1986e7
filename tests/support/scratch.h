// SPDX-License-Identifier: Apache-2.0
//
// Scratch: names and paths that no other test or run has, taken away with it.
#ifndef PLACID_TESTS_SUPPORT_SCRATCH_H_
#define PLACID_TESTS_SUPPORT_SCRATCH_H_

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"

namespace placid::testing {

class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    for (const os::Name& name : names_) (void)os::SharedObject::Unlink(name);
    for (const std::string& path : paths_) {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  }

  os::Name NewName() {
    names_.push_back(*os::Name::Parse(Unique("scratch")));
    return names_.back();
  }

  std::string NewPath() {
    paths_.push_back(
        (std::filesystem::temp_directory_path() / Unique("placid-scratch"))
            .string());
    return paths_.back();
  }

 private:
  // Another run's leftovers have another time.
  static std::string Unique(const std::string& stem) {
    static int count = 0;
    return stem + "-" + std::to_string(os::ThisProcess()->pid) + "-" +
           std::to_string(os::MonotonicNow()) + "-" + std::to_string(++count);
  }

  std::vector<os::Name> names_;
  std::vector<std::string> paths_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SUPPORT_SCRATCH_H_
