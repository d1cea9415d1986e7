// SPDX-License-Identifier: Apache-2.0
#include <isa-l/crc.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "cli/crc32c.h"

namespace placid::cli {

// ISA-L takes the register, which RFC 3720 inverts before and after, and
// lengths that fit an int.
std::uint32_t ExtendCrc32c(std::uint32_t crc,
                           std::span<const std::byte> bytes) {
  constexpr std::size_t kMost = std::size_t{1} << 30;
  std::uint32_t state = ~crc;
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kMost));
    // It only reads, but is declared without const.
    auto* const data = const_cast<std::byte*>(piece.data());
    state = crc32_iscsi(reinterpret_cast<unsigned char*>(data),
                        static_cast<int>(piece.size()), state);
    bytes = bytes.subspan(piece.size());
  }
  return ~state;
}

}  // namespace placid::cli
