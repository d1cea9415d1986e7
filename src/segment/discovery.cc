// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/discovery.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/name_list.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_view.h"
#include "segment/part_name.h"
#include "segment/segment_maker.h"

namespace placid {

// A view of objects by their own names, whatever the record says.
class ViewOfParts {
 public:
  static SegmentView Open(const os::Name& name, SegmentId id) {
    SegmentView view(name);
    view.OpenParts(id);
    return view;
  }
};

namespace {

using os::ListedObject;
using os::SharedObject;
using Fate = Found::Fate;
using State = Found::State;
using Part = PartView::State;

void Say(Found& found, State state, Fate fate, const char* why) {
  found.state = state;
  found.fate = os::NamesPersist() ? fate : Fate::kKeep;
  found.why = why;
}

void CountParticipants(const SegmentView& view, Found& found) {
  if (!view.participants()) return;
  found.rows = view.participants()->count();
  for (std::uint64_t row = 1; row <= found.rows; ++row) {
    const RowState state = view.participants()->Look(row);
    if (state.phase() == RowState::Phase::kFree) continue;
    const bool is_dead =
        !state.is_owned() || view.LifeOf(row) == os::Liveness::kDead;
    ++(is_dead ? found.dead : found.living);
  }
}

bool IsDenied(const PartView& part) {
  return part.error && part.error->code == ErrorCode::kPermissionDenied;
}

// Of a whole one: that it has outlived its lifetime.
bool IsAbandoned(const SegmentView& view) {
  return view.data().lifetime == Lifetime::kWhileOpen &&
         view.IsOpen() == os::Liveness::kDead;
}

// Both objects as one state, whoever holds the creation lock.
void JudgeObjects(const SegmentView& view, Found& found) {
  const PartView& data = view.data();
  const PartView& control = view.control();
  if (view.id().is_none()) {
    Say(found, State::kOrphaned, Fate::kGo,
        "its record leads nowhere: who was making or unlinking it is dead");
  } else if (IsDenied(data) || IsDenied(control)) {
    found.error = IsDenied(data) ? data.error : control.error;
    Say(found, State::kUnreadable, Fate::kKeep,
        "another user's: that user or the superuser can look and remove it");
  } else if (data.state == Part::kUnreadable ||
             control.state == Part::kUnreadable) {
    found.error = data.state == Part::kUnreadable ? data.error : control.error;
    const bool is_joined = view.MayBeJoined();
    Say(found, State::kUnreadable, is_joined ? Fate::kKeep : Fate::kIfUnused,
        is_joined ? "spoilt or of another release, and a living process has "
                    "joined it"
                  : "spoilt, or of another release; no living process has "
                    "joined it");
  } else if (data.state == Part::kRetired || control.state == Part::kRetired) {
    Say(found, State::kRetired, Fate::kGo,
        "it was unlinked, and who did that died before it was gone");
  } else if (data.state != Part::kReady || control.state != Part::kReady) {
    const bool is_joined = view.MayBeJoined();
    Say(found, State::kOrphaned, is_joined ? Fate::kKeep : Fate::kGo,
        is_joined ? "not whole any more, but a living process has joined it: "
                    "it can go once that has ended"
                  : "not whole: its creator is dead, or somebody removed a "
                    "part of it");
  } else if (found.living > 0) {
    Say(found, State::kReady, Fate::kKeep, "in use");
  } else if (view.IsOpen() == os::Liveness::kAlive) {
    Say(found, State::kReady, Fate::kKeep, "a living process has it open");
  } else if (IsAbandoned(view)) {
    Say(found, State::kOrphaned, Fate::kGo,
        "nobody has it open: the last process that had was killed");
  } else if (found.dead > 0) {
    Say(found, State::kReady, Fate::kIfUnused,
        "whole; all who had joined are dead, and who joins next recovers "
        "them");
  } else {
    Say(found, State::kReady, Fate::kIfUnused, "whole; nobody has joined it");
  }
}

// What the name leads to. kOther where it is no segment's. nullopt: it is gone.
std::optional<Found> Judge(const os::Name& name) {
  Found found;
  found.name = name.text();
  for (int look = 0;; ++look) {
    const auto view = SegmentView::Open(name);
    if (!view) {
      found.error = view.error();
      switch (view.error().code) {
        case ErrorCode::kNotFound: return std::nullopt;
        case ErrorCode::kNotInitialized:
          found.kind = Found::Kind::kSegment;
          Say(found, State::kOrphaned, Fate::kIfUnused,
              "empty: a segment's name whose maker has not gone on, or "
              "somebody's new object");
          break;
        case ErrorCode::kWrongVersion:
        case ErrorCode::kWrongByteOrder:
          found.kind = Found::Kind::kSegment;
          Say(found, State::kUnreadable, Fate::kKeep,
              "of another release of placid, which may use it");
          break;
        case ErrorCode::kPermissionDenied:
          Say(found, State::kUnreadable, Fate::kKeep,
              "another user's: that user or the superuser can look at it");
          break;
        default: found.why = "no segment"; break;
      }
      return found;
    }
    found.kind = Found::Kind::kSegment;
    found.id = view->id();
    found.size_bytes =
        view->data().object.size_bytes() + view->control().object.size_bytes();
    found.rows = found.living = found.dead = 0;
    CountParticipants(*view, found);
    JudgeObjects(*view, found);
    const bool is_settled =
        found.state != State::kOrphaned && found.state != State::kRetired;
    if (is_settled) return found;
    if (view->IsBeingChanged()) {
      Say(found, State::kBeingMade, Fate::kKeep,
          "a living process is making or unlinking it");
      return found;
    }
    // Who was at it may have come to an end between the two looks.
    if (look > 0) return found;
  }
}

void AddListed(const ListedObject& listed, Found& found) {
  found.allocated_bytes += listed.allocated_bytes;
  if (found.is_listed) return;
  found.is_listed = true;
  found.owner = listed.owner;
  found.mode = listed.mode;
  found.may_unlink = listed.may_unlink;
  found.made_at = listed.made_at;
}

// Whether bytes can be those of a segment's object: its header, or nothing yet.
bool LooksLikePart(const PartView& part) {
  if (part.state != Part::kUnreadable) return part.state != Part::kMissing;
  return part.error && part.error->code == ErrorCode::kCorrupt;
}

// A part that no record leads to; nullopt: one does, or it is gone.
std::optional<Found> JudgePart(const PartName& part_name) {
  const auto record = SegmentView::Open(part_name.segment);
  if (record && record->id() == part_name.id) return std::nullopt;
  const SegmentView view = ViewOfParts::Open(part_name.segment, part_name.id);
  const bool is_data = part_name.kind == SegmentHeader::Kind::kData;
  const PartView& part = is_data ? view.data() : view.control();
  if (part.state == Part::kMissing) return std::nullopt;
  Found found;
  found.name = part_name.text();
  found.id = part_name.id;
  found.size_bytes = part.object.size_bytes();
  if (IsDenied(part)) {
    found.error = part.error;
    Say(found, State::kUnreadable, Fate::kKeep,
        "another user's: that user or the superuser can look at it");
    return found;
  }
  if (!LooksLikePart(part)) {
    found.error = part.error;
    found.why = "no segment";
    return found;
  }
  found.kind = Found::Kind::kPart;
  CountParticipants(view, found);
  const bool is_led = record || record.error().code == ErrorCode::kNotFound;
  if (!is_led) {
    found.error = record.error();
    Say(found, State::kOrphaned, Fate::kKeep,
        "its record cannot be read: nobody can tell whether that leads here");
  } else if (view.MayBeJoined()) {
    Say(found, State::kOrphaned, Fate::kKeep,
        "its name was removed, but a living process has joined it: it can go "
        "once that has ended");
  } else {
    Say(found, State::kOrphaned, Fate::kGo,
        "no record leads to it, and nobody living has joined it");
  }
  return found;
}

// What cannot be opened by a Name at all.
Found Foreign(const ListedObject& listed, const char* why) {
  Found found;
  found.name = listed.name;
  found.size_bytes = listed.size_bytes;
  found.why = why;
  AddListed(listed, found);
  return found;
}

Result<Found> Gone(const os::Name& name) {
  return Error{.code = ErrorCode::kNotFound,
               .operation = "LookUp",
               .advice = "`placid ls` lists what there is",
               .subject = name.text()};
}

}  // namespace

std::string_view ToString(Found::State state) {
  switch (state) {
    case State::kUnknown: return "unknown";
    case State::kBeingMade: return "being made";
    case State::kReady: return "ready";
    case State::kRetired: return "retired";
    case State::kOrphaned: return "orphaned";
    case State::kUnreadable: return "unreadable";
  }
  return "unknown";
}

Result<std::vector<Found>> Discover() {
  const auto listed = os::ListNames();
  if (!listed) return listed.error();
  std::vector<Found> all;
  std::set<std::string, std::less<>> claimed;  // parts that a record leads to
  std::vector<std::pair<const ListedObject*, PartName>> parts;
  for (const ListedObject& object : *listed) {
    const auto name = os::Name::Parse(object.name);
    if (object.kind == ListedObject::Kind::kUnfinished) {
      all.push_back(Foreign(object,
                            "what a creator had not named yet; it cannot be "
                            "told whether that lives"));
      continue;
    }
    if (object.kind == ListedObject::Kind::kForeign || !name) {
      all.push_back(Foreign(object, "no segment"));
      continue;
    }
    auto found = Judge(*name);
    if (!found) continue;  // gone meanwhile
    if (found->kind != Found::Kind::kSegment) {
      if (auto part = PartName::Parse(object.name)) {
        parts.emplace_back(&object, *part);
        continue;
      }
      found->size_bytes = object.size_bytes;
    }
    if (!found->id.is_none()) {
      for (const auto kind :
           {SegmentHeader::Kind::kData, SegmentHeader::Kind::kControl}) {
        claimed.emplace(ObjectName(*name, found->id, kind).text());
      }
    }
    AddListed(object, *found);
    all.push_back(*std::move(found));
  }
  for (const auto& [object, part] : parts) {
    if (claimed.contains(object->name)) {
      const auto owner =
          std::ranges::find(all, part.segment.text(), &Found::name);
      if (owner != all.end()) AddListed(*object, *owner);
      continue;
    }
    auto found = JudgePart(part);
    if (!found) continue;
    AddListed(*object, *found);
    all.push_back(*std::move(found));
  }
  std::ranges::sort(all, {}, &Found::name);
  return all;
}

Result<Found> LookUp(const os::Name& name) {
  auto found = Judge(name);
  if (found && found->kind != Found::Kind::kSegment) {
    if (const auto part = PartName::Parse(name.text())) {
      found = JudgePart(*part);
    }
  }
  if (!found) return Gone(name);
  const auto listed = os::ListNames();
  if (!listed) return *std::move(found);
  for (const ListedObject& object : *listed) {
    const auto part = PartName::Parse(object.name);
    const bool is_its = part && part->segment == name && part->id == found->id;
    if (object.name == name.text()) {
      if (found->kind == Found::Kind::kOther) {
        found->size_bytes = object.size_bytes;
      }
      AddListed(object, *found);
    } else if (is_its) {
      AddListed(object, *found);
    }
  }
  return *std::move(found);
}

// ---- Clearing away ----------------------------------------------------------

namespace {

// Of any owner: whoever may not take its names away was refused before.
const SegmentMaker::Request kAnyRecord{
    .opens = true, .options = {}, .owner = os::Owner::kAnyone};

Result<bool> ClearPart(const PartName& part) {
  // Where there is a record, its lock: nobody creates or unlinks meanwhile.
  const SegmentMaker maker("ClearAway", part.segment);
  std::optional<os::FileLock> lock;
  const auto record = maker.OpenRecord(kAnyRecord);
  if (record) {
    auto taken = maker.TryLock(*record);
    if (!taken) return taken.error();
    if (!*taken) return false;
    lock = *std::move(taken);
  } else if (record.error().code != ErrorCode::kNotFound) {
    return record.error();
  }
  const auto found = JudgePart(part);
  if (!found || found->fate != Fate::kGo) return false;
  const auto done = SharedObject::Unlink(part.object());
  if (!done && done.error().code != ErrorCode::kNotFound) return done.error();
  return done.has_value();
}

// With the creation lock. Control goes first, for a moment: who joins takes its
// row's lock and then looks whether control is ready; we make it unready and
// then look at the locks. So one of the two sees the other.
Result<bool> RetireUnused(const os::Name& name, const SegmentView& view) {
  using Kind = SegmentHeader::Kind;
  struct Opened {
    os::Mapping mapping;
    std::optional<SegmentHeader> header;
  };
  const SegmentId id = view.id();
  const auto open = [&](Kind kind) -> Opened {
    Opened opened;
    const auto object = SharedObject::Open(
        ObjectName(name, id, kind), os::Access::kReadWrite, os::Owner::kAnyone);
    if (!object) return opened;
    if (auto mapping = object->Map()) opened.mapping = *std::move(mapping);
    const auto header = SegmentHeader::Attach(opened.mapping.bytes(), id, kind);
    if (header) opened.header = *header;
    return opened;
  };
  if (view.MayBeJoined()) return false;
  const Opened control = open(Kind::kControl);
  if (control.header) control.header->Retire();
  if (view.MayBeJoined()) {
    if (control.header) control.header->SetReady();
    return false;
  }
  const Opened data = open(Kind::kData);
  if (data.header && control.header) {
    if (SegmentMaker::RetireUnlessOpen(view.control().object,
                                       ObjectName(name, id, Kind::kControl),
                                       *data.header)) {
      return true;
    }
    control.header->SetReady();
    return false;
  }
  if (data.header) data.header->Retire();  // it cannot be opened anyway
  return true;
}

Result<bool> ClearSegment(const os::Name& name, Clear what) {
  const SegmentMaker maker("ClearAway", name);
  const auto record = maker.OpenRecord(kAnyRecord);
  if (!record) {
    if (record.error().code == ErrorCode::kNotFound) return false;
    return record.error();
  }
  const auto lock = maker.TryLock(*record);
  if (!lock) return lock.error();
  if (!*lock) return false;
  const SegmentId id = record->words.Current();
  Found found;
  const SegmentView view = ViewOfParts::Open(name, id);
  CountParticipants(view, found);
  JudgeObjects(view, found);
  const bool may_go = found.fate == Fate::kGo ||
                      (found.fate == Fate::kIfUnused && what == Clear::kUnused);
  if (!may_go) return false;
  const bool is_whole =
      view.data().state == Part::kReady && view.control().state == Part::kReady;
  if (found.fate == Fate::kIfUnused || is_whole) {
    auto retired = RetireUnused(name, view);
    if (!retired || !*retired) return retired;
  }
  if (auto done = maker.RemoveObjects(*record); !done) return done.error();
  const auto done = SharedObject::Unlink(name);
  if (!done && done.error().code != ErrorCode::kNotFound) return done.error();
  return true;
}

}  // namespace

Result<bool> ClearAway(const Found& found, Clear what) {
  const bool may_go = found.fate == Fate::kGo ||
                      (found.fate == Fate::kIfUnused && what == Clear::kUnused);
  if (!may_go || found.kind == Found::Kind::kOther) return false;
  if (found.is_listed && !found.may_unlink) {
    return Error{.code = ErrorCode::kPermissionDenied,
                 .operation = "ClearAway",
                 .advice =
                     "another user made it: that user or the superuser "
                     "can remove it",
                 .subject = std::string_view(found.name)};
  }
  if (found.kind == Found::Kind::kPart) {
    const auto part = PartName::Parse(found.name);
    return part ? ClearPart(*part) : Result<bool>(false);
  }
  const auto name = os::Name::Parse(found.name);
  return name ? ClearSegment(*name, what) : Result<bool>(false);
}

}  // namespace placid
