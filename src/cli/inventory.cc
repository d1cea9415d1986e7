// SPDX-License-Identifier: Apache-2.0
#include "cli/inventory.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/report.h"
#include "cli/stream_look.h"
#include "cli/system.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/discovery.h"

namespace placid::cli {
namespace {

using Fate = Found::Fate;
using FoundState = Found::State;

void Say(Found& found, FoundState state, Fate fate, const char* why) {
  found.state = state;
  found.fate = os::NamesPersist() ? fate : Fate::kKeep;
  found.why = why;
}

void JudgeStream(const StreamLook& look, Found& found) {
  found.error.reset();
  found.rows = 2;
  for (const SideLook* side : {&look.sender, &look.receiver}) {
    const bool was_there = side->state != StreamState::kAbsent;
    if (side->is_alive) ++found.living;
    if (!side->is_alive && was_there) ++found.dead;
  }
  if (look.IsAlive()) {
    Say(found, FoundState::kReady, Fate::kKeep, "in use");
  } else if (look.is_being_changed) {
    Say(found, FoundState::kBeingMade, Fate::kKeep,
        "a living process is joining or leaving it");
  } else if (look.is_virgin) {
    Say(found, FoundState::kOrphaned, Fate::kIfUnused,
        "empty: a stream whose maker has not gone on, or somebody's new "
        "object");
  } else {
    Say(found, FoundState::kOrphaned, Fate::kGo,
        "sender and receiver are dead, or never came");
  }
}

Entry Complete(Found found) {
  Entry entry{.found = std::move(found), .stream = std::nullopt};
  const auto name = os::Name::Parse(entry.found.name);
  // What was made and not written to has the size of a record or of a stream.
  if (entry.found.kind != Found::Kind::kOther || !name) return entry;
  auto look = LookAtStream(*name);
  if (look) {
    JudgeStream(*look, entry.found);
    entry.stream = *std::move(look);
  } else if (look.error().code == ErrorCode::kWrongVersion) {
    entry.found.error = look.error();
    Say(entry.found, FoundState::kUnreadable, Fate::kKeep,
        "a stream of another release of placid, which may use it");
  }
  return entry;
}

const char* FateText(Fate fate) {
  switch (fate) {
    case Fate::kKeep: return "stays";
    case Fate::kIfUnused: return "goes if it is named, or with --unused";
    case Fate::kGo: return "goes";
  }
  return "";
}

}  // namespace

std::string Entry::Kind() const {
  if (stream) return "stream";
  switch (found.kind) {
    case Found::Kind::kSegment: return "segment";
    case Found::Kind::kPart:
      return found.name.ends_with(".data") ? "data object" : "control object";
    case Found::Kind::kOther: break;
  }
  return "foreign";
}

std::string Entry::State() const {
  if (found.state == FoundState::kUnknown) return "-";
  return std::string(ToString(found.state));
}

Json Entry::ToJson() const {
  Json json;
  json["name"] = Escaped(found.name);
  json["kind"] = Kind();
  json["state"] = State();
  json["why"] = found.why;
  json["clean"] = FateText(found.fate);
  if (found.error) json["error"] = Explain(*found.error);
  json["size_bytes"] = found.size_bytes;
  if (found.is_listed) {
    json["allocated_bytes"] = found.allocated_bytes;
    json["owner"] = UserName(found.owner);
    json["owner_id"] = found.owner;
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::system_clock::now().time_since_epoch());
    if (found.made_at != 0) json["age_seconds"] = now.count() - found.made_at;
  }
  if (found.rows > 0) {
    json["living"] = found.living;
    json["dead"] = found.dead;
  }
  return json;
}

Result<std::vector<Entry>> TakeInventory() {
  auto all = Discover();
  if (!all) return all.error();
  std::vector<Entry> entries;
  for (Found& found : *all) entries.push_back(Complete(std::move(found)));
  return entries;
}

Result<Entry> LookUpEntry(const os::Name& name) {
  auto found = LookUp(name);
  if (!found) return found.error();
  return Complete(*std::move(found));
}

Result<bool> ClearEntry(const Entry& entry, Clear what) {
  if (!entry.stream) return ClearAway(entry.found, what);
  if (entry.found.is_listed && !entry.found.may_unlink) {
    return Error{.code = ErrorCode::kPermissionDenied,
                 .operation = "ClearEntry",
                 .advice =
                     "another user made it: that user or the superuser "
                     "can remove it"};
  }
  const auto name = os::Name::Parse(entry.found.name);
  if (!name) return name.error();
  return ClearStream(*name, what == Clear::kUnused);
}

}  // namespace placid::cli
