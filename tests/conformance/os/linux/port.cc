// SPDX-License-Identifier: Apache-2.0
#include "../port.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os::conformance {

// The iterator's own descriptor is there at each count.
std::size_t CountOpenHandles() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
}

std::size_t CountMappings() {
  std::ifstream maps("/proc/self/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) {
    const auto has = [&line](const char* text) {
      return line.find(text) != std::string::npos;
    };
    count += has("placid") && (has(" rw-s ") || has(" r--s "));
  }
  return count;
}

int LeakRounds() { return 10'000; }

bool TruncateFromOutside(const Name& name, std::uint64_t size_bytes) {
  std::filesystem::resize_file("/dev/shm/placid." + std::string(name.text()),
                               size_bytes);
  return true;
}

NativeHandle Duplicate(const SharedObject& object) {
  return ::fcntl(static_cast<int>(object.handle()), F_DUPFD_CLOEXEC, 0);
}

void CloseHandleOf(NativeHandle handle) { ::close(static_cast<int>(handle)); }

void Reset() {}

}  // namespace placid::os::conformance
