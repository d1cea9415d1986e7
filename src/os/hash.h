// SPDX-License-Identifier: Apache-2.0
#ifndef PLACID_SRC_OS_HASH_H_
#define PLACID_SRC_OS_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace placid::os::internal {

// FNV-1a, 64 bits: fixed for ever, since names made with it are found again by
// other builds. It keeps accidents apart, not attackers.
[[nodiscard]] constexpr std::uint64_t HashOf(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3;
  }
  return hash;
}

using HexDigits = std::array<char, 16>;

[[nodiscard]] constexpr HexDigits ToHex(std::uint64_t number) {
  HexDigits digits{};
  for (std::size_t i = digits.size(); i-- > 0; number >>= 4) {
    digits[i] = "0123456789abcdef"[number & 0xf];
  }
  return digits;
}

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_HASH_H_
