// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/crc/crc32c.h"
#include "absl/strings/string_view.h"
#include "cli/crc32c.h"

namespace placid::cli {

std::uint32_t ExtendCrc32c(std::uint32_t crc,
                           std::span<const std::byte> bytes) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes.data()),
                               bytes.size());
  return static_cast<std::uint32_t>(
      absl::ExtendCrc32c(absl::crc32c_t{crc}, text));
}

}  // namespace placid::cli
