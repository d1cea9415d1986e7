// SPDX-License-Identifier: Apache-2.0
//
// What lies in a segment's bytes, told by the stamps at the places where an
// object can begin. The bytes are hostile: each word is read once, none is used
// as an address or a bound before it was checked, and nothing is written.
#ifndef PLACID_SRC_CLI_DECODE_H_
#define PLACID_SRC_CLI_DECODE_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "cli/report.h"

namespace placid::cli {

// So many are described, and the rest counted.
inline constexpr std::size_t kMostDecoded = 256;

// {"objects": [...], "more": N}. `bytes` begin on a line. What was placed
// without a stamp (Counter, one's own structs) cannot be told apart from
// anything; what lies inside an element may look like an object.
[[nodiscard]] Json DecodeObjects(std::span<std::byte> bytes);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_DECODE_H_
