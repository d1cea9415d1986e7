// SPDX-License-Identifier: Apache-2.0
//
// HousekeepingCommands: their part of the command line.
#ifndef PLACID_SRC_CLI_HOUSEKEEPING_COMMANDS_H_
#define PLACID_SRC_CLI_HOUSEKEEPING_COMMANDS_H_

#include <optional>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/housekeeping.h"
#include "cli/outcome.h"

namespace placid::cli {

class HousekeepingCommands {
 public:
  explicit HousekeepingCommands(CLI::App& app);

  // The exit code, if one of them was given.
  [[nodiscard]] std::optional<int> Run() const;

 private:
  using Command = Outcome (*)(const HousekeepingOptions&);
  struct Added {
    CLI::App* app;
    const char* name;
    Command command;
  };
  CLI::App* Add(CLI::App& app, const char* name, const char* about,
                Command command);

  HousekeepingOptions options_;
  std::vector<Added> commands_;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_HOUSEKEEPING_COMMANDS_H_
