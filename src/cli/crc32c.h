// SPDX-License-Identifier: Apache-2.0
//
// Crc32c: the Castagnoli checksum (RFC 3720, appendix B.4), by the processor's
// own instructions where it has them. CMake chooses whose implementation.
#ifndef PLACID_SRC_CLI_CRC32C_H_
#define PLACID_SRC_CLI_CRC32C_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace placid::cli {

// The checksum of what `crc` is the checksum of (0: of nothing), followed by
// `bytes`.
[[nodiscard]] std::uint32_t ExtendCrc32c(std::uint32_t crc,
                                         std::span<const std::byte> bytes);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_CRC32C_H_
