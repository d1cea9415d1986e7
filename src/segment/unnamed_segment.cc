// SPDX-License-Identifier: Apache-2.0
//
// Segments whose objects no name leads to: made here, or received.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_id.h"
#include "placid/segment/segment_reader.h"
#include "segment/segment_errors.h"
#include "segment/segment_maker.h"

namespace placid {
namespace {

using os::FileLock;
using os::SharedObject;

// Which segment an object says that it belongs to. Whoever attaches to it with
// that finds out whether the rest agrees.
SegmentId IdIn(std::span<const std::byte> bytes) {
  using Memory = SegmentHeader::Memory;
  if (bytes.size() < sizeof(Memory)) return SegmentId();
  const auto* const memory = reinterpret_cast<const Memory*>(bytes.data());
  return SegmentId(
      memory->id.load(kRelaxed));  // sync: none, Attach looks again
}

// Whoever sent it could cut short what is not sealed while we touch it.
Result<os::Mapping> MapSealed(const SharedObject& object, os::Access access) {
  if (!object.is_sealed()) {
    return Error{.code = ErrorCode::kNotPlacid,
                 .field = "an object that can be made smaller",
                 .advice =
                     "no segment is made of these: find out who serves "
                     "this name"};
  }
  return object.Map({.access = access});
}

// nullopt: of any segment.
Result<SegmentHeader> AttachTo(const os::Mapping& mapping,
                               std::optional<SegmentId> id,
                               SegmentHeader::Kind kind) {
  const SegmentId expected = id.value_or(IdIn(mapping.bytes()));
  auto header = SegmentHeader::Attach(mapping.bytes(), expected, kind);
  if (!header || !expected.is_none()) return header;
  return Error{.code = ErrorCode::kCorrupt,
               .field = "id",
               .advice = "no segment has none: find out who serves this name"};
}

}  // namespace

Result<os::Name> SegmentMaker::MeetingName() const {
  if (auto valid = CheckRequest({.opens = true, .options = {}}); !valid) {
    return valid.error();
  }
  return os::Name::Parse(std::string(name_.text()) + ".rendezvous");
}

void SegmentMaker::Retire(const Segment& segment) {
  segment.data_.header->Retire();
}

// ---- Made -------------------------------------------------------------------

Result<Segment> SegmentMaker::MakeUnnamed(
    const CreateSegmentOptions& options) const {
  if (auto valid = CheckRequest({.creates = true, .options = options});
      !valid) {
    return valid.error();
  }
  if (!os::CanSealAnonymous()) {
    return Failed(ErrorCode::kUnsupported, "memory without a name",
                  "here whoever receives it could make it smaller: use "
                  "Segment::Create");
  }
  if (options.lifetime == Lifetime::kUntilUnlinked) {
    return Failed(ErrorCode::kUnsupported, "a lifetime until it is unlinked",
                  "what has no name goes with the last that has it open: use "
                  "Segment::Create, or have a process keep it open");
  }
  const SegmentId id = SegmentId().Next(DrawNonce());
  const std::uint64_t control_bytes =
      SegmentHeader::SizeFor(Participants::SizeFor(options.participants));
  auto control = MakePart(MakeControl(id, control_bytes), id, Kind::kControl,
                          options.fingerprint);
  if (!control) return control.error();
  const auto participants =
      Participants::Create(control->header->bytes(), options.participants);
  if (!participants) return participants.error();
  auto data = MakePart(
      SharedObject::CreateAnonymous(SegmentHeader::SizeFor(options.size_bytes)),
      id, Kind::kData, options.fingerprint);
  if (!data) return data.error();
  return Finish(
      Assemble(id, *std::move(data), *std::move(control), *participants),
      options);
}

Result<Segment::Part> SegmentMaker::MakePart(Result<SharedObject> object,
                                             SegmentId id, Kind kind,
                                             std::uint64_t fingerprint) const {
  if (!object) return object.error();
  auto mapping = object->Map();
  if (!mapping) return mapping.error();
  const auto header =
      SegmentHeader::Create(mapping->bytes(), id, kind, fingerprint);
  if (!header) return header.error();
  return Segment::Part{*std::move(object), *std::move(mapping), *header};
}

// Where locks go by names the object has one, after all: Windows takes it away
// with the last handle, so that it leaves as little behind.
Result<SharedObject> SegmentMaker::MakeControl(SegmentId id,
                                               std::uint64_t bytes) const {
  auto object = SharedObject::CreateAnonymous(bytes);
  if (!object) return object;
  const auto lock = FileLock::Probe(*object, kCreationLock);
  if (lock) return object;
  if (lock.error().code != ErrorCode::kUnsupported) return lock.error();
  const os::Name name = ObjectName(name_, id, Kind::kControl);
  auto named = SharedObject::Create(name, bytes);
  if (!named) return named;
  if (SharedObject::Unlink(name)) return lock.error();  // or it would stay
  return named;
}

// ---- Received ---------------------------------------------------------------

Result<Segment> SegmentMaker::Adopt(SharedObject data, SharedObject control,
                                    const Request& request) const {
  auto data_part = AdoptPart(std::move(data), std::nullopt, Kind::kData);
  if (!data_part) return data_part.error();
  const SegmentId id = IdIn(data_part->mapping.bytes());
  auto control_part = AdoptPart(std::move(control), id, Kind::kControl);
  if (!control_part) return control_part.error();
  const auto participants = Participants::Attach(control_part->header->bytes());
  if (!participants) return participants.error();
  Segment segment = Assemble(id, *std::move(data_part),
                             *std::move(control_part), *participants);
  if (auto fits = CheckFits(segment, request); !fits) return fits.error();
  return segment;
}

Result<Segment::Part> SegmentMaker::AdoptPart(SharedObject object,
                                              std::optional<SegmentId> id,
                                              Kind kind) const {
  auto mapping = MapSealed(object, os::Access::kReadWrite);
  if (!mapping) return mapping.error();
  const auto header = AttachTo(*mapping, id, kind);
  if (!header) return header.error();
  return Segment::Part{std::move(object), *std::move(mapping), *header};
}

Result<SegmentReader> SegmentMaker::AdoptReader(
    SharedObject data, std::uint64_t fingerprint) const {
  auto mapping = MapSealed(data, os::Access::kReadOnly);
  if (!mapping) return mapping.error();
  const auto header = AttachTo(*mapping, std::nullopt, Kind::kData);
  if (!header) return header.error();
  if (auto same = CheckFingerprint(fingerprint, header->fingerprint()); !same) {
    return same.error();
  }
  SegmentReader reader;
  reader.name_ = name_;
  reader.id_ = IdIn(mapping->bytes());
  reader.data_ = std::move(data);
  reader.mapping_ = *std::move(mapping);
  reader.header_ = *header;
  return reader;
}

}  // namespace placid
