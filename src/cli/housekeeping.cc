// SPDX-License-Identifier: Apache-2.0
#include "cli/housekeeping.h"

#include <optional>
#include <string>

#include "CLI/CLI.hpp"
#include "cli/housekeeping_commands.h"
#include "cli/outcome.h"
#include "cli/system.h"
#include "cli/text.h"

namespace placid::cli {
namespace {

constexpr const char* kExitCodes =
    "Exit codes:\n"
    "  0  all is well\n"
    "  2  the command line makes no sense\n"
    "  6  shared memory cannot be read, or NAME is not there\n"
    "  9  clean: something is left that should go; doctor: trouble\n";

}  // namespace

HousekeepingCommands::HousekeepingCommands(CLI::App& app) {
  CLI::App* ls = Add(app, "ls", "List what lies in shared memory", RunLs);
  ls->footer(kExitCodes);
  CLI::App* inspect =
      Add(app, "inspect", "Show all that can be read of one name", RunInspect);
  inspect->add_option("NAME", options_.names, "As `placid ls` has it")
      ->required()
      ->expected(1)
      ->type_name("");
  CLI::App* clean =
      Add(app, "clean", "Remove what nobody can need any more", RunClean);
  clean
      ->add_option("NAME", options_.names,
                   "Only these; they also go if nobody living has joined")
      ->type_name("");
  clean->add_flag("-n,--dry-run", options_.is_dry_run,
                  "Say what would go, and remove nothing");
  clean->add_flag("--unused", options_.is_unused_too,
                  "Also what is whole but joined by nobody living");
  CLI::App* doctor =
      Add(app, "doctor", "Check whether this machine suits Placid", RunDoctor);
  doctor
      ->add_option("--root", options_.root,
                   "Read /etc, /proc and /sys below this directory")
      ->type_name("DIRECTORY");
}

CLI::App* HousekeepingCommands::Add(CLI::App& app, const char* name,
                                    const char* about, Command command) {
  CLI::App* added = app.add_subcommand(name, about);
  added->add_flag("--json", options_.is_json, "Print it as JSON");
  added->footer(kExitCodes);
  commands_.push_back({added, name, command});
  return added;
}

std::optional<int> HousekeepingCommands::Run() const {
  for (const auto& [app, name, command] : commands_) {
    if (!app->parsed()) continue;
    // Whoever cuts short what `clean` is removing would kill us without a word.
    CatchInterruptions();
    const Outcome outcome = command(options_);
    if (!outcome.message.empty()) PrintMessage(name, outcome.message);
    return static_cast<int>(outcome.code);
  }
  return std::nullopt;
}

}  // namespace placid::cli
