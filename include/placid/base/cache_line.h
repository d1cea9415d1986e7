// SPDX-License-Identifier: Apache-2.0
//
// The line constant. Words with different writers lie this far apart.
#ifndef PLACID_BASE_CACHE_LINE_H_
#define PLACID_BASE_CACHE_LINE_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace placid {

// An ABI constant: two 64-byte lines, because x86 fetches them in pairs and
// some Arm and POWER lines are 128 bytes. Not the standard's
// hardware_destructive_interference_size, which varies with compiler and flags.
inline constexpr std::size_t kLineBytes = 128;

// What one prefetch instruction brings in on most machines.
inline constexpr std::size_t kFetchBytes = 64;

// Explicit padding: zero, reserved, and part of the layout table.
template <std::size_t kBytes>
using Padding = std::array<std::byte, kBytes>;

[[nodiscard]] constexpr std::uint64_t RoundUpToLine(std::uint64_t bytes) {
  return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes;
}

}  // namespace placid

#endif  // PLACID_BASE_CACHE_LINE_H_
