// SPDX-License-Identifier: Apache-2.0
//
// SendMerged, ReceiveMerged: many senders into one receiver, whose lines stay
// whole and in the order of each.
#ifndef PLACID_SRC_CLI_MERGE_H_
#define PLACID_SRC_CLI_MERGE_H_

#include <cstdint>
#include <string>

#include "cli/cutter.h"
#include "cli/outcome.h"
#include "placid/os/name.h"

namespace placid::cli {

struct MergeOptions {
  os::Name name = *os::Name::Parse("unnamed");
  std::string file;            // empty or "-": standard input or output
  std::uint64_t capacity = 0;  // of each sender's lane; 0: the default
  Framing framing = Framing::kLines;
  bool is_quiet = false;
  // Of a receiver: it ends when so many have come and none is there any more.
  std::uint64_t senders = 1;
};

Outcome SendMerged(const MergeOptions& options);
Outcome ReceiveMerged(const MergeOptions& options);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_MERGE_H_
