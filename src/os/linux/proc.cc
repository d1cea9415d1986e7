// SPDX-License-Identifier: Apache-2.0
#include "proc.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <string>

#include "../posix/fd.h"

namespace placid::os::internal {

std::string ReadProc(const std::string& path) {
  constexpr std::size_t kMostBytes = 4096;
  const UniqueFd fd(
      Retry([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!fd) return {};
  std::string text(kMostBytes, '\0');
  // One read gives a consistent text.
  const auto n =
      Retry([&] { return ::read(fd.get(), text.data(), text.size()); });
  text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return text;
}

}  // namespace placid::os::internal
