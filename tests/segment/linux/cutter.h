// SPDX-License-Identifier: Apache-2.0
//
// Cutter: a process that cuts files short and writes them anew, all the time,
// while its parent looks at them. Whoever has touched a page of theirs through
// a mapping by then is dead within milliseconds.
#ifndef PLACID_TESTS_SEGMENT_LINUX_CUTTER_H_
#define PLACID_TESTS_SEGMENT_LINUX_CUTTER_H_

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/support/child.h"

namespace placid::testing {

class Cutter {
 public:
  // Until it goes; the files have their bytes then, or the first of them.
  Cutter(const std::vector<std::string>& paths, std::uint64_t seed)
      : child_([&paths, seed] { Cut(paths, seed); }) {}

 private:
  struct File {
    explicit File(const std::string& path)
        : fd(::open(path.c_str(), O_RDWR | O_CLOEXEC)) {
      std::ifstream file(path, std::ios::binary);
      bytes.assign(std::istreambuf_iterator<char>(file), {});
      if (fd < 0 || bytes.empty()) std::abort();
    }
    int fd;
    std::string bytes;
  };

  [[noreturn]] static void Cut(const std::vector<std::string>& paths,
                               std::uint64_t seed) {
    const std::vector<File> files(paths.begin(), paths.end());
    std::mt19937_64 random(seed);
    for (;;) {
      const File& file = files[random() % files.size()];
      // Often to nothing: a page of which a byte is left is there.
      const auto size = random() % 2 == 0
                            ? off_t{0}
                            : static_cast<off_t>(random() % file.bytes.size());
      if (::ftruncate(file.fd, size) != 0 ||
          ::pwrite(file.fd, file.bytes.data(), file.bytes.size(), 0) < 0) {
        std::abort();
      }
    }
  }

  Child child_;
};

}  // namespace placid::testing

#endif  // PLACID_TESTS_SEGMENT_LINUX_CUTTER_H_
