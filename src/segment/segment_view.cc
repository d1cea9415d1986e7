// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/segment_view.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
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
  const auto bytes = part.mapping.bytes();
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
  auto mapping = object->Map({.access = os::Access::kReadOnly});
  part.object = *std::move(object);
  if (!mapping) {
    part.error = mapping.error();
    part.state = State::kUnreadable;
    return part;
  }
  part.mapping = *std::move(mapping);
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
      control_.mapping.bytes().subspan(sizeof(SegmentHeader::Memory)));
  if (table) {
    participants_ = *table;
  } else {
    control_.state = State::kUnreadable;
    control_.error = table.error();
  }
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
