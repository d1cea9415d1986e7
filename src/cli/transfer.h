// SPDX-License-Identifier: Apache-2.0
//
// Send, Receive: the program's main job.
#ifndef PLACID_SRC_CLI_TRANSFER_H_
#define PLACID_SRC_CLI_TRANSFER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "cli/outcome.h"
#include "cli/stream_header.h"
#include "placid/base/result.h"
#include "placid/os/name.h"

namespace placid::cli {

// Measured: larger than the second-level caches, so that what the sender wrote
// has moved on to the third, where the receiver gets it faster than from the
// other core.
inline constexpr std::uint64_t kDefaultCapacity = std::uint64_t{4} << 20;
// Of a resumable stream: a quarter of it waits for the disk at a time.
inline constexpr std::uint64_t kDefaultResumableCapacity = std::uint64_t{32}
                                                           << 20;

struct TransferOptions {
  os::Name name = *os::Name::Parse("unnamed");
  std::string file;            // empty or "-": standard input or output
  std::uint64_t capacity = 0;  // 0: the default
  std::uint64_t most_bytes = UINT64_MAX;  // of the input that are sent
  bool is_quiet = false;
  bool is_resumable = false;
};

Outcome Send(const TransferOptions& options);
Outcome Receive(const TransferOptions& options);

// The same for bytes that are made or used within the program. A source fills
// some of the span, 0 at the end; a sink takes all of it, unless it was
// interrupted (kBusy).
using Source = std::function<Result<std::size_t>(std::span<std::byte>)>;
using Sink = std::function<Result<void>(std::span<const std::byte>)>;

struct TransferReport {
  Outcome outcome;
  StreamHeader::Total total;
  double seconds = 0;  // from the first byte to the other side's last word
};

TransferReport SendFrom(const TransferOptions& options, const Source& source,
                        std::uint64_t expected_bytes);
// `finish` is called when all has arrived, before the sender is told so.
TransferReport ReceiveInto(const TransferOptions& options, const Sink& sink,
                           const std::function<Result<void>()>& finish);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_TRANSFER_H_
