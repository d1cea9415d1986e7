// SPDX-License-Identifier: Apache-2.0
//
// Tee, Watch: one shows what passes through it, and any number look on.
//
// What a tee shows lies in a segment under its name that goes with it, with two
// objects:
//
//   object  type               what
//   tee     Seqlock<TeeState>  who shows, and whether and how that ended
//   shown   BroadcastByteRing  each line; one that is too long for a record, in
//                              several
//
// Who looks on has them on read-only pages: nobody knows of it, waits for it or
// wakes it. It looks again and again, 40 times a second where nothing comes.
#ifndef PLACID_SRC_CLI_TEE_H_
#define PLACID_SRC_CLI_TEE_H_

#include <cstdint>
#include <string>

#include "cli/outcome.h"
#include "placid/os/name.h"

namespace placid::cli {

struct TeeOptions {
  os::Name name = *os::Name::Parse("unnamed");
  std::string file;            // empty or "-": standard input or output
  std::uint64_t capacity = 0;  // of a tee; 0: the default
  bool is_from_oldest = false;  // of who looks on
};

Outcome Tee(const TeeOptions& options);
Outcome Watch(const TeeOptions& options);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_TEE_H_
