// SPDX-License-Identifier: Apache-2.0
//
// The commands that look after what lies in shared memory.
#ifndef PLACID_SRC_CLI_HOUSEKEEPING_H_
#define PLACID_SRC_CLI_HOUSEKEEPING_H_

#include <string>
#include <vector>

#include "cli/outcome.h"

namespace placid::cli {

struct HousekeepingOptions {
  bool is_json = false;
  std::vector<std::string> names;
  bool is_dry_run = false;     // clean
  bool is_unused_too = false;  // clean
  std::string root = "/";      // doctor: where /etc, /proc and /sys are read
};

// What there is.
Outcome RunLs(const HousekeepingOptions& options);
// All that can be read of the one name.
Outcome RunInspect(const HousekeepingOptions& options);
// Removes what nobody can need. kTrouble: something is left that should go.
Outcome RunClean(const HousekeepingOptions& options);
// Whether this machine suits Placid. kTrouble: it does not.
Outcome RunDoctor(const HousekeepingOptions& options);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_HOUSEKEEPING_H_
