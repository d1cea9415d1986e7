// SPDX-License-Identifier: Apache-2.0
//
// Inventory: all that lies in shared memory under our prefix: what the library
// finds (placid/segment/discovery.h), and this program's own streams.
#ifndef PLACID_SRC_CLI_INVENTORY_H_
#define PLACID_SRC_CLI_INVENTORY_H_

#include <optional>
#include <string>
#include <vector>

#include "cli/report.h"
#include "cli/stream_look.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/segment/discovery.h"

namespace placid::cli {

struct Entry {
  Found found;  // of a stream: filled in here, in the same words
  std::optional<StreamLook> stream;

  // "segment", "stream", "data object", "control object", "foreign".
  [[nodiscard]] std::string Kind() const;
  // "ready", ...; "-" of what is foreign.
  [[nodiscard]] std::string State() const;
  [[nodiscard]] Json ToJson() const;
};

// Errors: those of Discover.
Result<std::vector<Entry>> TakeInventory();
// Errors: kNotFound.
Result<Entry> LookUpEntry(const os::Name& name);

// As ClearAway, of streams too.
Result<bool> ClearEntry(const Entry& entry, Clear what);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_INVENTORY_H_
