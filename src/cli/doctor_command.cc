// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "cli/doctor.h"
#include "cli/housekeeping.h"
#include "cli/inventory.h"
#include "cli/outcome.h"
#include "cli/report.h"
#include "cli/system_facts.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/segment/discovery.h"

namespace placid::cli {
namespace {

std::optional<std::string> ReadBelow(const std::string& root,
                                     const std::string& path) {
  constexpr std::streamsize kMostBytes = 1 << 20;
  std::ifstream file(root + path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(static_cast<std::size_t>(kMostBytes), '\0');
  file.read(text.data(), kMostBytes);
  if (file.bad()) return std::nullopt;
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

std::vector<std::string> ListBelow(const std::string& root,
                                   const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(root + folder, error), end;
       !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

// The whole way of a named object. Empty: it went well.
std::string TryNamedObject() {
  const auto name = os::Name::Sanitize(
      Concat("doctor-", os::ThisProcess().value_or(os::ProcessIdentity{}).pid,
             "-", os::MonotonicNow()));
  const auto said = [](const char* step, const Error& error) {
    return Concat(step, ": ", Explain(error));
  };
  if (!name) return said("naming", name.error());
  const auto object = os::SharedObject::Create(*name, os::kGranuleBytes);
  if (!object) return said("making", object.error());
  std::string failed;
  const auto mapping = object->Map({.prefault = true});
  if (!mapping) failed = said("mapping", mapping.error());
  const auto lock = os::FileLock::TryLock(*name, 0);
  if (!lock) failed = said("locking", lock.error());
  auto again = os::FileLock::TryLock(*object, 0);
  if (!again && again.error().code != ErrorCode::kBusy &&
      again.error().code != ErrorCode::kUnsupported) {
    failed = said("reopening", again.error());
  }
  const auto done = os::SharedObject::Unlink(*name);
  if (!done && done.error().code != ErrorCode::kUnsupported) {
    failed = said("removing", done.error());
  }
  return failed;
}

std::optional<Leftovers> CountLeftovers() {
  const auto entries = TakeInventory();
  if (!entries) return std::nullopt;
  Leftovers left;
  for (const Entry& entry : *entries) {
    if (entry.found.fate != Found::Fate::kGo) continue;
    ++left.orphans;
    left.bytes += entry.found.allocated_bytes;
  }
  return left;
}

const char* ToString(Verdict verdict) {
  switch (verdict) {
    case Verdict::kOk: return "ok";
    case Verdict::kNote: return "note";
    case Verdict::kTrouble: break;
  }
  return "trouble";
}

std::string ToText(const std::vector<Check>& checks) {
  std::vector<std::vector<std::string>> rows{{"VERDICT", "WHAT", "FOUND"}};
  for (const Check& check : checks) {
    rows.push_back({ToString(check.verdict), check.name, check.found});
  }
  std::string text = FormatTable(rows);
  for (const Check& check : checks) {
    if (check.verdict == Verdict::kOk || check.meaning.empty()) continue;
    text += Concat("\n", ToString(check.verdict), ": ", check.name, ": ",
                   check.found, "\n  It means: ", check.meaning,
                   ".\n  To do: ", check.advice, ".\n");
  }
  return text;
}

Json ToJson(const std::vector<Check>& checks) {
  Json json = Json::array();
  for (const Check& check : checks) {
    Json line{{"name", check.name},
              {"verdict", ToString(check.verdict)},
              {"found", check.found}};
    if (!check.meaning.empty()) line["meaning"] = check.meaning;
    if (!check.advice.empty()) line["advice"] = check.advice;
    json.push_back(std::move(line));
  }
  return json;
}

}  // namespace

Outcome RunDoctor(const HousekeepingOptions& options) {
  std::string root = options.root;
  while (root.ends_with('/')) root.pop_back();
  const Machine machine{
      .system = AskSystem(),
      .read = [&](const std::string& path) { return ReadBelow(root, path); },
      .list = [&](const std::string& path) { return ListBelow(root, path); },
      .leftovers = CountLeftovers(),
      .trial_error = TryNamedObject()};
  const std::vector<Check> checks = Diagnose(machine);
  const auto troubles =
      std::ranges::count(checks, Verdict::kTrouble, &Check::verdict);
  const Outcome printed =
      options.is_json
          ? PrintJson(Json{{"troubles", troubles}, {"checks", ToJson(checks)}})
          : Print(ToText(checks));
  if (!printed.is_ok() || troubles == 0) return printed;
  return {ExitCode::kTrouble, options.is_json
                                  ? ""
                                  : Concat("there is trouble: ", troubles,
                                           troubles == 1 ? " check" : " checks",
                                           " of ", checks.size())};
}

}  // namespace placid::cli
