// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "cli/housekeeping.h"
#include "cli/inventory.h"
#include "cli/outcome.h"
#include "cli/report.h"
#include "cli/text.h"

namespace placid::cli {

Outcome RunLs(const HousekeepingOptions& options) {
  const auto entries = TakeInventory();
  if (!entries) {
    return {ExitCode::kInputOutput,
            Concat("cannot list: ", Explain(entries.error()),
                   entries.error().advice == nullptr ? "" : "; ",
                   entries.error().advice == nullptr ? ""
                                                     : entries.error().advice)};
  }
  Json objects = Json::array();
  std::vector<std::vector<std::string>> rows{{"NAME", "KIND", "STATE", ">SIZE",
                                              ">TAKES", "OWNER", ">LIVING",
                                              ">DEAD", ">AGE"}};
  for (const Entry& entry : *entries) {
    const Json json = entry.ToJson();
    const bool has_members = json.contains("living");
    rows.push_back({json["name"].get<std::string>(), entry.Kind(),
                    entry.State(), FormatBytes(entry.found.size_bytes),
                    FormatBytes(entry.found.allocated_bytes),
                    json.value("owner", "-"),
                    has_members ? std::to_string(entry.found.living) : "-",
                    has_members ? std::to_string(entry.found.dead) : "-",
                    json.contains("age_seconds")
                        ? FormatAge(json["age_seconds"].get<std::int64_t>())
                        : "-"});
    objects.push_back(json);
  }
  if (options.is_json) return PrintJson(Json{{"objects", std::move(objects)}});
  if (entries->empty()) {
    PrintMessage("ls", "there is nothing of placid's in shared memory");
    return {};
  }
  return Print(FormatTable(rows));
}

}  // namespace placid::cli
