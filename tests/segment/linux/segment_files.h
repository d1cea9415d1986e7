// SPDX-License-Identifier: Apache-2.0
//
// SegmentFiles: the files of a name, to be removed and spoilt by tests. What is
// left of them goes with it.
#ifndef PLACID_TESTS_SEGMENT_LINUX_SEGMENT_FILES_H_
#define PLACID_TESTS_SEGMENT_LINUX_SEGMENT_FILES_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "placid/os/name.h"
#include "tests/segment/linux/shm.h"

namespace placid::testing {

class SegmentFiles {
 public:
  explicit SegmentFiles(const os::Name& name) : name_(name) {}
  SegmentFiles(const SegmentFiles&) = delete;
  SegmentFiles& operator=(const SegmentFiles&) = delete;
  ~SegmentFiles() { RemoveAll(); }

  void RemoveAll() const {
    for (const std::string& path : FilesOf(name_)) {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  }

  // Where the name's record lies, and the objects it leads to; empty: there is
  // none.
  [[nodiscard]] std::string Record() const {
    return kPlace + std::string(name_.text());
  }
  [[nodiscard]] std::string Data() const { return EndingIn(".data"); }
  [[nodiscard]] std::string Control() const { return EndingIn(".control"); }
  // What the object at `path` is called.
  [[nodiscard]] static std::string NameOf(const std::string& path) {
    return path.substr(std::string_view(kPlace).size());
  }

  template <typename Word>
  static void Write(const std::string& path, std::size_t offset, Word word) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(reinterpret_cast<const char*>(&word), sizeof(word));
    file.close();
    ASSERT_TRUE(file.good()) << path;
  }

 private:
  static constexpr const char* kPlace = "/dev/shm/placid.";

  [[nodiscard]] std::string EndingIn(std::string_view suffix) const {
    for (const std::string& path : FilesOf(name_)) {
      if (path.ends_with(suffix)) return path;
    }
    return "";
  }

  os::Name name_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_LINUX_SEGMENT_FILES_H_
