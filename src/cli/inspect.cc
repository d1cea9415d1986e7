// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "cli/decode.h"
#include "cli/housekeeping.h"
#include "cli/inventory.h"
#include "cli/outcome.h"
#include "cli/report.h"
#include "cli/stream_header.h"
#include "cli/stream_look.h"
#include "cli/text.h"
#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/segment/discovery.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_view.h"

namespace placid::cli {
namespace {

constexpr const char* kWithoutStamp =
    "Counters, and one's own structs without a stamp, cannot be recognised.";

const char* ToString(PartView::State state) {
  switch (state) {
    case PartView::State::kMissing: return "missing";
    case PartView::State::kBeingMade: return "being made";
    case PartView::State::kReady: return "ready";
    case PartView::State::kRetired: return "retired";
    case PartView::State::kUnreadable: return "unreadable";
  }
  return "";
}

const char* ToString(os::Liveness liveness) {
  switch (liveness) {
    case os::Liveness::kAlive: return "alive";
    case os::Liveness::kDead: return "dead";
    case os::Liveness::kUnknown: break;
  }
  return "unknown";
}

const char* ToString(StreamState state) {
  switch (state) {
    case StreamState::kAbsent: return "has not come";
    case StreamState::kJoined: return "at work";
    case StreamState::kComplete: return "complete";
    case StreamState::kInterrupted: return "was interrupted";
    case StreamState::kFailed: return "failed to read or write";
    case StreamState::kDamaged: return "found the bytes damaged";
    case StreamState::kPeerLost: return "found the other side dead";
  }
  return "says what this release does not know";
}

Json Describe(const PartView& part) {
  Json json;
  json["state"] = ToString(part.state);
  if (part.error && part.state == PartView::State::kUnreadable) {
    json["error"] = Explain(*part.error);
  }
  if (!part.object.is_open()) return json;
  json["object_bytes"] = part.object.size_bytes();
  if (part.state == PartView::State::kUnreadable) return json;
  json["size_bytes"] = part.stated_size;
  json["fingerprint"] = part.fingerprint;
  json["lifetime"] =
      part.lifetime == Lifetime::kWhileOpen ? "while open" : "until unlinked";
  return json;
}

// Whoever has a row, or had it when it died.
Json DescribeRow(const SegmentView& view, std::uint64_t row, RowState state) {
  Json json;
  json["row"] = row;
  json["generation"] = state.generation();
  switch (state.phase()) {
    case RowState::Phase::kFree: json["state"] = "free"; break;
    case RowState::Phase::kOwned: json["state"] = "joining or leaving"; break;
    case RowState::Phase::kAnnounced: json["state"] = "joined"; break;
    case RowState::Phase::kRecovering:
      json["state"] = Concat("dead, recovered by ", state.hand());
      break;
    case RowState::Phase::kForeign: json["state"] = "cannot be"; break;
  }
  const auto identity = view.IdentityOf(row);
  json["pid"] = identity ? Json(identity->pid) : Json();
  json["start_time"] = identity ? Json(identity->start_time) : Json();
  json["life"] = state.is_owned() ? ToString(view.LifeOf(row)) : "dead";
  return json;
}

Json DescribeParticipants(const SegmentView& view) {
  Json rows = Json::array();
  const Participants& table = *view.participants();
  for (std::uint64_t row = 1; row <= table.count(); ++row) {
    const RowState state = table.Look(row);
    if (state.phase() != RowState::Phase::kFree) {
      rows.push_back(DescribeRow(view, row, state));
    }
  }
  return rows;
}

void DescribeSegment(const os::Name& name, Json& json) {
  auto view = SegmentView::Open(name);
  if (!view) return;  // `error` says it
  json["generation"] = view->id().generation();
  json["nonce"] = view->id().nonce();
  json["being_changed"] = view->IsBeingChanged();
  switch (view->IsOpen()) {
    case os::Liveness::kAlive: json["open"] = true; break;
    case os::Liveness::kDead: json["open"] = false; break;
    case os::Liveness::kUnknown: break;
  }
  json["data"] = Describe(view->data());
  json["control"] = Describe(view->control());
  if (view->participants()) {
    json["rows"] = view->participants()->count();
    json["participants"] = DescribeParticipants(*view);
  }
  const auto bytes = view->data().snapshot.bytes();
  if (bytes.size() > sizeof(SegmentHeader::Memory) &&
      view->data().state != PartView::State::kUnreadable) {
    json.update(DecodeObjects(bytes.subspan(sizeof(SegmentHeader::Memory)),
                              [&](std::uint64_t offset, std::uint64_t size) {
                                return view->CopyData(offset, size);
                              }));
    json["note"] = kWithoutStamp;
  }
}

Json DescribeSide(const SideLook& side) {
  Json json;
  json["state"] = ToString(side.state);
  json["life"] = side.is_alive                        ? "alive"
                 : side.state == StreamState::kAbsent ? "not there"
                                                      : "dead";
  if (side.state != StreamState::kAbsent) {
    json["pid"] = side.identity.pid;
    json["start_time"] = side.identity.start_time;
  }
  return json;
}

void DescribeStream(const StreamLook& look, Json& json) {
  json["stream_id"] = absl::StrFormat("%016x%016x", look.id.high, look.id.low);
  json["resumable"] = look.is_resumable;
  if (look.is_resumable) json["recorded_bytes"] = look.recorded_bytes;
  json["sender"] = DescribeSide(look.sender);
  json["receiver"] = DescribeSide(look.receiver);
  json["ring"] = {{"capacity_bytes", look.capacity_bytes},
                  {"ever_sent_bytes", look.sent_bytes},
                  {"held_bytes", look.held_bytes}};
}

}  // namespace

Outcome RunInspect(const HousekeepingOptions& options) {
  const std::string& text = options.names.front();
  const auto name = os::Name::Parse(text);
  if (!name) {
    return {ExitCode::kUsage,
            Concat("'", Escaped(text), "' is no name of placid's")};
  }
  const auto entry = LookUpEntry(*name);
  if (!entry) {
    return {ExitCode::kInputOutput,
            Concat("'", name->text(), "': ", Explain(entry.error()),
                   "; `placid ls` lists what there is")};
  }
  Json json = entry->ToJson();
  if (entry->stream) {
    DescribeStream(*entry->stream, json);
  } else if (entry->found.kind == Found::Kind::kSegment) {
    DescribeSegment(*name, json);
  }
  return options.is_json ? PrintJson(json) : Print(FormatTree(json));
}

}  // namespace placid::cli
