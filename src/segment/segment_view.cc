// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/segment_view.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/os/snapshot.h"
#include "placid/primitives/owner_id.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/participants.h"
#include "segment/read_only.h"
#include "segment/segment_maker.h"

namespace placid {
namespace {

using os::SharedObject;
using Kind = SegmentHeader::Kind;
using State = PartView::State;

// State by what Attach says of it.
void ReadHeader(PartView& part, SegmentId id, Kind kind) {
  const auto bytes = part.snapshot.bytes();
  const auto header = SegmentHeader::Attach(bytes, id, kind);
  if (header) {
    part.state = State::kReady;
  } else if (header.error().code == ErrorCode::kNotInitialized) {
    part.state = State::kBeingMade;
  } else if (header.error().code == ErrorCode::kUnlinked) {
    part.state = State::kRetired;
  } else {
    part.state = State::kUnreadable;
    part.error = header.error();
    return;
  }
  const auto& words =
      *reinterpret_cast<const SegmentHeader::Memory*>(bytes.data());
  part.stated_size = words.size.load(kRelaxed);  // sync: none, for people
  part.fingerprint =
      words.fingerprint.load(kRelaxed);  // sync: none, for people
  part.lifetime = static_cast<Lifetime>(
      words.lifetime.load(kRelaxed));  // sync: none, for people
}

// Of an object: as much as it takes to judge it.
std::uint64_t BytesToJudge(Kind kind) {
  return SegmentHeader::SizeFor(
      kind == Kind::kControl ? Participants::SizeFor(OwnerId::kMostOwners) : 0);
}

PartView OpenPart(const os::Name& name, SegmentId id, Kind kind) {
  PartView part;
  auto object = SharedObject::Open(ObjectName(name, id, kind),
                                   os::Access::kReadOnly, os::Owner::kAnyone);
  if (!object) {
    part.error = object.error();
    const bool is_missing = object.error().code == ErrorCode::kNotFound;
    part.state = is_missing ? State::kMissing : State::kUnreadable;
    return part;
  }
  part.object = *std::move(object);
  auto snapshot = os::Snapshot::Of(part.object);
  const auto copied = snapshot
                          ? snapshot->Copy(part.object, 0, BytesToJudge(kind))
                          : Result<void>(snapshot.error());
  if (!copied) {
    part.error = copied.error();
    part.state = State::kUnreadable;
    return part;
  }
  part.snapshot = *std::move(snapshot);
  ReadHeader(part, id, kind);
  return part;
}

}  // namespace

Result<SegmentView> SegmentView::Open(const os::Name& name) {
  auto object =
      SharedObject::Open(name, os::Access::kReadOnly, os::Owner::kAnyone);
  if (!object) return object.error();
  const auto id = ReadRecord(name, *object);
  if (!id) return id.error();
  SegmentView view(name);
  view.record_ = *std::move(object);
  view.OpenParts(*id);
  return view;
}

void SegmentView::OpenParts(SegmentId id) {
  id_ = id;
  if (id.is_none()) return;
  data_ = OpenPart(name_, id, Kind::kData);
  control_ = OpenPart(name_, id, Kind::kControl);
  if (control_.state != State::kReady) return;
  const auto table = Participants::Attach(
      control_.snapshot.bytes().subspan(sizeof(SegmentHeader::Memory)));
  if (table) {
    participants_ = *table;
  } else {
    control_.state = State::kUnreadable;
    control_.error = table.error();
  }
}

Result<void> SegmentView::CopyData(std::uint64_t offset, std::uint64_t size) {
  constexpr std::uint64_t kHeader = sizeof(SegmentHeader::Memory);
  if (offset > UINT64_MAX - kHeader) return Ok();
  return data_.snapshot.Copy(data_.object, kHeader + offset, size);
}

// A snapshot is copied upwards, the state before the words that it governs. So
// where a later copy has the same state, they are whose that says.
std::optional<os::ProcessIdentity> SegmentView::IdentityOf(
    std::uint64_t row) const {
  if (!participants_) return std::nullopt;
  const RowState state = participants_->Look(row);
  const auto id = OwnerId::Of(row, state.generation());
  const auto identity = id ? participants_->IdentityOf(*id) : std::nullopt;
  if (!identity) return std::nullopt;
  const std::uint64_t offset = sizeof(SegmentHeader::Memory) +
                               Participants::kRowsOffset +
                               (row - 1) * sizeof(Participants::Row);
  auto later = os::Snapshot::Of(control_.object);
  if (!later ||
      !later->Copy(control_.object, offset, sizeof(Participants::Row))) {
    return std::nullopt;
  }
  const auto& words = *reinterpret_cast<const Participants::Row*>(
      later->bytes().data() + offset);
  const std::uint64_t word =
      words.state.load(kRelaxed);  // sync: none, copied later than the rest
  return word == state.word() ? identity : std::nullopt;
}

bool SegmentView::IsBeingChanged() const {
  return LookAtLock(record_, name_, kCreationLock) != os::Liveness::kDead;
}

os::Liveness SegmentView::LifeOf(std::uint64_t row) const {
  return LookAtLock(control_.object, ObjectName(name_, id_, Kind::kControl),
                    static_cast<std::uint32_t>(row));
}

os::Liveness SegmentView::IsOpen() const {
  if (!os::NamesPersist() || !control_.object.is_open()) {
    return os::Liveness::kUnknown;
  }
  return LookAtLock(control_.object, ObjectName(name_, id_, Kind::kControl),
                    kOpenLock);
}

bool SegmentView::MayBeJoined() const {
  // Nobody joins without it, or before it is ready.
  if (control_.state == State::kMissing ||
      control_.state == State::kBeingMade) {
    return false;
  }
  if (!control_.object.is_open()) return true;
  // A table that cannot be read has no more rows than there is room for.
  const std::uint64_t rows =
      participants_
          ? participants_->count()
          : std::min(OwnerId::kMostOwners,
                     control_.object.size_bytes() / sizeof(Participants::Row));
  for (std::uint64_t row = 1; row <= rows; ++row) {
    if (LifeOf(row) != os::Liveness::kDead) return true;
  }
  return false;
}

}  // namespace placid
