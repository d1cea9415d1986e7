// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/housekeeping.h"
#include "cli/inventory.h"
#include "cli/outcome.h"
#include "cli/report.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/shared_object.h"
#include "placid/segment/discovery.h"

namespace placid::cli {
namespace {

using Fate = Found::Fate;

class Cleaning {
 public:
  explicit Cleaning(const HousekeepingOptions& options) : options_(options) {}

  // What may go, one by one, and each name that was given.
  void Judge(const Entry& entry) {
    const bool is_named = std::ranges::find(options_.names, entry.found.name) !=
                          options_.names.end();
    if (!options_.names.empty() && !is_named) return;
    const Clear what =
        is_named || options_.is_unused_too ? Clear::kUnused : Clear::kOrphans;
    const bool may_go =
        entry.found.fate == Fate::kGo ||
        (entry.found.fate == Fate::kIfUnused && what == Clear::kUnused);
    if (!may_go) {
      if (is_named) {
        Note(entry, "left", WhyLeft(entry));
      } else if (entry.found.fate == Fate::kKeep && IsSpoilt(entry)) {
        Note(entry, "kept", entry.found.why);
      }
      return;
    }
    if (options_.is_dry_run) {
      is_left_ = true;
      return Note(entry, "would remove", entry.found.why);
    }
    const auto removed = ClearEntry(entry, what);
    if (!removed) {
      Note(entry, "left",
           Concat(entry.found.why, "; but ", Explain(removed.error())));
    } else if (*removed) {
      Note(entry, "removed", entry.found.why);
    } else if (is_named) {
      Note(entry, "left", "somebody has come to it meanwhile");
    }
    // Else it was joined, or removed, while we looked: all is well.
  }

  void NoteMissing(std::string_view name) {
    lines_.push_back({{"action", "absent"},
                      {"name", Escaped(name)},
                      {"why", "no such name"}});
  }

  Outcome End() const {
    const Outcome outcome =
        is_left_
            ? Outcome{ExitCode::kTrouble,
                      options_.is_dry_run ? "this is what would go"
                                          : "something is left that should go"}
            : Outcome{};
    if (options_.is_json) {
      const Json json{{"dry_run", options_.is_dry_run}, {"actions", lines_}};
      const Outcome printed = PrintJson(json);
      return printed.is_ok() ? Outcome{outcome.code, ""} : printed;
    }
    std::string text;
    for (const Json& line : lines_) {
      text += Concat(line["action"].get<std::string>(), " ",
                     line["name"].get<std::string>(),
                     line.contains("kind")
                         ? Concat(" (", line["kind"].get<std::string>(), ")")
                         : "",
                     ": ", line["why"].get<std::string>(), "\n");
    }
    if (lines_.empty()) {
      PrintMessage("clean", "there is nothing to clean");
      return outcome;
    }
    const Outcome printed = Print(text);
    return printed.is_ok() ? outcome : printed;
  }

 private:
  // An orphan that nobody can remove yet, or that nobody can judge.
  static bool IsSpoilt(const Entry& entry) {
    return entry.found.state == Found::State::kOrphaned;
  }

  static const char* WhyLeft(const Entry& entry) {
    if (!os::NamesPersist()) {
      return "it goes with the last process that has it open: end that";
    }
    return entry.Kind() == "foreign" ? "nothing that placid made: remove it "
                                       "yourself if nobody needs it"
                                     : entry.found.why;
  }

  void Note(const Entry& entry, const char* action, std::string_view why) {
    if (std::string_view(action) == "left") is_left_ = true;
    Json line = entry.ToJson();
    Json first{{"action", action}, {"name", line["name"]}};
    line["why"] = why;
    line.erase("name");
    first.update(line);
    lines_.push_back(std::move(first));
  }

  const HousekeepingOptions& options_;
  Json lines_ = Json::array();
  bool is_left_ = false;
};

}  // namespace

Outcome RunClean(const HousekeepingOptions& options) {
  Cleaning cleaning(options);
  const auto entries = TakeInventory();
  if (!entries && entries.error().code == ErrorCode::kUnsupported) {
    // There a name goes with the last process that has it open.
    return cleaning.End();
  }
  if (!entries) {
    return {ExitCode::kInputOutput,
            Concat("cannot list: ", Explain(entries.error()))};
  }
  for (const Entry& entry : *entries) cleaning.Judge(entry);
  for (const std::string& name : options.names) {
    const bool is_there = std::ranges::any_of(
        *entries, [&](const Entry& entry) { return entry.found.name == name; });
    if (!is_there) cleaning.NoteMissing(name);
  }
  return cleaning.End();
}

}  // namespace placid::cli
