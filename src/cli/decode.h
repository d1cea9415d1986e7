// SPDX-License-Identifier: Apache-2.0
//
// What lies in a segment's bytes, told by the stamps at the places where an
// object can begin. The bytes are hostile: each word is read once, none is used
// as an address or a bound before it was checked, and nothing is written.
#ifndef PLACID_SRC_CLI_DECODE_H_
#define PLACID_SRC_CLI_DECODE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "cli/report.h"
#include "placid/base/result.h"

namespace placid::cli {

// So many are described, and the rest counted.
inline constexpr std::size_t kMostDecoded = 256;

// So much is looked at: of a larger segment what a directory names, and what
// lies at its beginning.
inline constexpr std::uint64_t kMostLookedAt = std::uint64_t{64} << 20;

// Brings so many of the bytes, from an offset on, before they are looked at: no
// more than there are.
using BringBytes =
    std::function<Result<void>(std::uint64_t offset, std::uint64_t size)>;

// {"objects": [...], "more": N}, and "ended": why, where something lies behind
// what was looked at. `bytes` begin on a line; those that `bring` has not
// brought may have any content. What was placed without a stamp (Counter, one's
// own structs) cannot be told apart from anything; what lies inside an element
// may look like an object.
[[nodiscard]] Json DecodeObjects(std::span<std::byte> bytes,
                                 const BringBytes& bring = {});

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_DECODE_H_
