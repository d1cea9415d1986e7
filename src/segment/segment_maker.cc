// SPDX-License-Identifier: Apache-2.0
#include "segment/segment_maker.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/owner_id.h"
#include "segment/patience.h"
#include "segment/read_only.h"
#include "segment/segment_errors.h"

namespace placid {
namespace {

using os::FileLock;
using os::Name;
using os::SharedObject;

std::string Hex(std::uint32_t number) {
  std::string digits(8, '0');
  for (std::size_t i = digits.size(); i-- > 0; number >>= 4) {
    digits[i] = "0123456789abcdef"[number & 0xf];
  }
  return digits;
}

bool IsUnsupported(const Error& error) {
  return error.code == ErrorCode::kUnsupported;
}

// Takes a name away. Windows takes them away by itself.
Result<void> UnlinkIfThere(const Name& name) {
  auto done = SharedObject::Unlink(name);
  if (done || done.error().code == ErrorCode::kNotFound ||
      IsUnsupported(done.error())) {
    return Ok();
  }
  return done;
}

// Has the lock of all who have it open alone, so that nobody has.
Result<FileLock> TryHoldAlone(const SharedObject& control, const Name& name) {
  auto alone = FileLock::TryLock(control, kOpenLock);
  if (!alone && IsUnsupported(alone.error())) {
    alone = FileLock::TryLock(name, kOpenLock);
  }
  return alone;
}

Error BadArgument(const char* field, std::uint64_t expected,
                  std::uint64_t found, const char* advice) {
  return {.code = ErrorCode::kInvalidArgument,
          .field = field,
          .expected = expected,
          .found = found,
          .advice = advice};
}

}  // namespace

std::uint32_t DrawNonce() {
  std::random_device random;
  for (;;) {
    const std::uint32_t nonce = random();
    if (nonce != 0) return nonce;
  }
}

Name ObjectName(const Name& name, SegmentId id, SegmentHeader::Kind kind) {
  std::string text(name.text());
  for (const std::uint32_t part : {id.generation(), id.nonce()}) {
    text += '.';
    text += Hex(part);
  }
  text += kind == SegmentHeader::Kind::kData ? ".data" : ".control";
  // Of the same letters as the public name, and short enough: see CheckRequest.
  return *Name::Parse(text);
}

Error SegmentMaker::Failed(ErrorCode code, const char* field,
                           const char* advice) const {
  return {.code = code,
          .operation = operation_,
          .field = field,
          .advice = advice,
          .subject = name_.text()};
}

Error SegmentMaker::Said(const Error& error) const {
  return placid::Said(operation_, name_, error);
}

Result<void> SegmentMaker::CheckRequest(const Request& request) const {
  if (name_.is_raw()) {
    return Failed(ErrorCode::kInvalidArgument, "a raw name",
                  "a segment makes names of its own: use Name::Parse or "
                  "Name::Sanitize; types can be placed in an object of that "
                  "very name, see docs/foreign_objects.md");
  }
  if (name_.text().size() > Segment::kMostNameBytes) {
    return BadArgument("the name's length", Segment::kMostNameBytes,
                       name_.text().size(), "shorten it");
  }
  if (!request.creates) return Ok();
  const CreateSegmentOptions& options = request.options;
  constexpr std::uint64_t kMost =
      SharedObject::kMaxBytes - SegmentHeader::SizeFor(0);
  if (options.size_bytes == 0 || options.size_bytes > kMost) {
    return BadArgument("size_bytes", kMost, options.size_bytes,
                       "give a size of 1 byte to nearly 64 TiB");
  }
  if (options.participants == 0 ||
      options.participants > OwnerId::kMostOwners) {
    return BadArgument("participants", OwnerId::kMostOwners,
                       options.participants, "let 1 to 4096 take part");
  }
  if (options.lifetime == Lifetime::kUntilUnlinked && !os::NamesPersist()) {
    return Failed(ErrorCode::kUnsupported, "a lifetime until it is unlinked",
                  "here a segment goes with the last that has it open: have a "
                  "process keep it open, or its content in a file");
  }
  return Ok();
}

// ---- The record -------------------------------------------------------------

auto SegmentMaker::OpenRecord(const Request& request) const -> Result<Record> {
  auto object =
      request.creates
          ? SharedObject::OpenOrCreate(name_, NameRecord::SizeFor(),
                                       {.mode = request.options.mode})
          : SharedObject::Open(name_, os::Access::kReadWrite, request.owner);
  if (!object) return object.error();
  auto mapping = object->Map();
  if (!mapping) return mapping.error();
  const auto words = NameRecord::Attach(mapping->bytes());
  if (!words) return words.error();
  return Record{*std::move(object), *std::move(mapping), *words};
}

Result<std::optional<FileLock>> SegmentMaker::TryLock(
    const Record& record) const {
  auto lock = FileLock::TryLock(record.object, kCreationLock);
  if (!lock && IsUnsupported(lock.error())) {
    lock = FileLock::TryLock(name_, kCreationLock);
  }
  if (!lock) {
    const ErrorCode code = lock.error().code;
    if (code == ErrorCode::kBusy || code == ErrorCode::kNotFound) {
      return std::optional<FileLock>();
    }
    return lock.error();
  }
  // Whoever had the lock before may have taken the record away: then this is
  // the lock of nothing, and somebody else may hold that of the next record.
  const auto named = record.object.StillNamed(name_);
  if (named || IsUnsupported(named.error())) {
    return std::optional<FileLock>(*std::move(lock));
  }
  if (named.error().code == ErrorCode::kUnlinked) {
    return std::optional<FileLock>();
  }
  return named.error();
}

// ---- Attaching --------------------------------------------------------------
//
// Whoever opens sees that the lock of all who have it open is shared, shares it
// too, and then sees that the segment is not retired. Whoever takes away what
// nobody has open has that lock alone while it retires the segment. So one of
// the two sees the other, and nobody opens what nobody has open.

Result<Segment::Part> SegmentMaker::OpenPart(SegmentId id, Kind kind,
                                             os::Owner owner) const {
  auto object = SharedObject::Open(ObjectName(name_, id, kind),
                                   os::Access::kReadWrite, owner);
  if (!object) return object.error();
  auto mapping = object->Map();
  if (!mapping) return mapping.error();
  const auto header = SegmentHeader::Attach(mapping->bytes(), id, kind);
  if (!header) return header.error();
  return Segment::Part{*std::move(object), *std::move(mapping), *header};
}

Result<Segment> SegmentMaker::Attach(const Record& record,
                                     const Request& request) const {
  const SegmentId id = record.words.Current();
  if (id.is_none()) return Said(NobodyHasIt());
  auto data = OpenPart(id, Kind::kData, request.owner);
  if (!data) return data.error();
  auto control = OpenPart(id, Kind::kControl, request.owner);
  if (!control) return control.error();
  const auto participants = Participants::Attach(control->header->bytes());
  if (!participants) return participants.error();
  if (data->header->lifetime() == Lifetime::kWhileOpen) {
    const auto is_held = IsHeld(id, *control);
    if (!is_held) return is_held.error();
    if (!*is_held) return Said(NobodyHasIt());
  }
  auto hold = Hold(id, *control);
  if (!hold) return hold.error();
  if (data->header->IsRetired()) {
    return Failed(ErrorCode::kUnlinked, nullptr, "open the name again");
  }
  Segment segment =
      Assemble(id, *std::move(data), *std::move(control), *participants);
  segment.hold_ = *std::move(hold);
  return segment;
}

Segment SegmentMaker::Assemble(SegmentId id, Segment::Part data,
                               Segment::Part control,
                               const Participants& participants) const {
  Segment segment;
  segment.name_ = name_;
  segment.id_ = id;
  segment.data_ = std::move(data);
  segment.control_ = std::move(control);
  segment.participants_ = participants;
  return segment;
}

Result<bool> SegmentMaker::IsHeld(SegmentId id,
                                  const Segment::Part& control) const {
  if (!os::NamesPersist()) return true;  // or it could not be opened
  const auto state = ProbeLock(
      control.object, ObjectName(name_, id, Kind::kControl), kOpenLock);
  if (!state) return state.error();
  return *state == os::LockState::kShared;
}

Result<os::LockedMapping> SegmentMaker::Hold(
    SegmentId id, const Segment::Part& control) const {
  if (!os::NamesPersist()) return os::LockedMapping();
  auto hold = os::LockedMapping::TryMap(control.object,
                                        ObjectName(name_, id, Kind::kControl),
                                        kOpenLock, os::LockMode::kShared);
  if (!hold && hold.error().code == ErrorCode::kBusy) {
    return Failed(ErrorCode::kNotFound, nullptr, "open the name again");
  }
  return hold;
}

// ---- Creating, with the lock ------------------------------------------------

Result<Segment::Part> SegmentMaker::CreatePart(SegmentId id, Kind kind,
                                               std::uint64_t size_bytes,
                                               const Request& request) const {
  auto object = SharedObject::Create(ObjectName(name_, id, kind),
                                     SegmentHeader::SizeFor(size_bytes),
                                     {.mode = request.options.mode});
  if (!object) return object.error();
  auto mapping = object->Map();
  if (!mapping) return mapping.error();
  const auto header = SegmentHeader::Create(mapping->bytes(), id, kind,
                                            request.options.fingerprint,
                                            request.options.lifetime);
  if (!header) return header.error();
  return Segment::Part{*std::move(object), *std::move(mapping), *header};
}

Result<Segment> SegmentMaker::Create(const Record& record,
                                     const Request& request) const {
  const CreateSegmentOptions& options = request.options;
  const SegmentId id = record.words.Current().Next(DrawNonce());
  record.words.PointTo(id);
  auto control = CreatePart(
      id, Kind::kControl, Participants::SizeFor(options.participants), request);
  if (!control) return control.error();
  auto hold = Hold(id, *control);
  if (!hold) return hold.error();
  const auto participants =
      Participants::Create(control->header->bytes(), options.participants);
  if (!participants) return participants.error();
  auto data = CreatePart(id, Kind::kData, options.size_bytes, request);
  if (!data) return data.error();
  auto segment =
      Finish(Assemble(id, *std::move(data), *std::move(control), *participants),
             options);
  if (segment) segment->hold_ = *std::move(hold);
  return segment;
}

Result<Segment> SegmentMaker::Finish(Segment segment,
                                     const CreateSegmentOptions& options) {
  if (options.place) {
    if (auto placed = options.place(segment.data_.header->bytes()); !placed) {
      return placed.error();
    }
  }
  segment.control_.header->SetReady();
  segment.data_.header->SetReady();
  segment.was_created_ = true;
  return segment;
}

Result<void> SegmentMaker::RemoveObjects(const Record& record) const {
  const SegmentId id = record.words.Current();
  if (id.is_none()) return Ok();
  if (auto done = RemoveParts(id); !done) return done;
  record.words.PointTo(id.Gone());
  return Ok();
}

Result<void> SegmentMaker::RemoveParts(SegmentId id) const {
  for (const Kind kind : {Kind::kData, Kind::kControl}) {
    if (auto done = UnlinkIfThere(ObjectName(name_, id, kind)); !done) {
      return done;
    }
  }
  return Ok();
}

// ---- Closing ----------------------------------------------------------------

bool SegmentMaker::RetireUnlessOpen(const SharedObject& control,
                                    const Name& control_name,
                                    const SegmentHeader& data) {
  if (!os::NamesPersist()) return true;
  const auto alone = TryHoldAlone(control, control_name);
  if (alone) data.Retire();
  return alone.has_value();
}

Result<bool> SegmentMaker::RetireLeftovers(const Record& record) const {
  const SegmentId id = record.words.Current();
  if (id.is_none()) return true;
  const auto data = OpenPart(id, Kind::kData, os::Owner::kAnyone);
  const auto control = OpenPart(id, Kind::kControl, os::Owner::kAnyone);
  for (const auto* const part : {&data, &control}) {
    if (*part) continue;
    if (IsUnready(part->error())) return true;
    return part->error();
  }
  return RetireUnlessOpen(control->object,
                          ObjectName(name_, id, Kind::kControl), *data->header);
}

// Of all who close at once, one has the lock alone: the last that tries. It
// needs no creation lock to take away what only it can name. If somebody has
// that for the record, he sees by himself that this leads nowhere.
void SegmentMaker::Close(Segment& segment) {
  if (segment.hold_.bytes().empty() || !segment.hold_.is_ours()) return;
  segment.hold_ = os::LockedMapping();
  if (segment.lifetime() != Lifetime::kWhileOpen) return;
  const SegmentMaker maker("Segment::~Segment", segment.name_);
  const SegmentId id = segment.id_;
  // What somebody has cut short is not touched.
  for (const SharedObject* object :
       {&segment.record_, &segment.data_.object, &segment.control_.object}) {
    if (!CheckWhole(*object)) return;
  }
  segment.data_.object = SharedObject();  // its descriptor may be the last
  const auto is_held = maker.IsHeld(id, segment.control_);
  if (!is_held || *is_held) return;
  if (!RetireUnlessOpen(segment.control_.object, segment.control_name(),
                        *segment.data_.header)) {
    return;
  }
  if (!maker.RemoveParts(id)) return;
  const auto words = NameRecord::Attach(segment.record_mapping_.bytes());
  if (!words) return;
  const Record record{std::move(segment.record_),
                      std::move(segment.record_mapping_), *words};
  const auto lock = maker.TryLock(record);
  if (!lock || !*lock || words->Current() != id) return;
  if (maker.RemoveObjects(record)) (void)UnlinkIfThere(segment.name_);
}

// ---- The whole way ----------------------------------------------------------

Result<Segment> SegmentMaker::Make(const Request& request) {
  if (auto valid = CheckRequest(request); !valid) return Said(valid.error());
  for (const Patience patience(request.options.patience_ms);;) {
    auto made = TryOnce(request);
    if (!made) return Said(made.error());
    if (*made) return *std::move(*made);
    if (!patience.Pause()) return Said(BeingChangedTooLong());
  }
}

Result<std::optional<Segment>> SegmentMaker::TryOnce(const Request& request) {
  using Answer = std::optional<Segment>;
  auto record = OpenRecord(request);
  if (!record) {
    if (record.error().code == ErrorCode::kContended) return Answer();
    return record.error();
  }
  auto segment = Attach(*record, request);
  std::optional<FileLock> lock;  // goes before a segment that is not wanted
  if (!segment && IsUnready(segment.error())) {
    auto taken = TryLock(*record);
    if (!taken) return taken.error();
    if (!*taken) return Answer();
    lock = *std::move(taken);
    segment = Attach(*record, request);  // somebody may have been faster
  }
  if (!segment && IsUnready(segment.error())) {
    // Whoever began this, or was to end it, is dead: we have its lock. Or
    // whoever had it open last was killed.
    const auto is_over = RetireLeftovers(*record);
    if (!is_over) return is_over.error();
    if (!*is_over) return Answer();
    if (auto done = RemoveObjects(*record); !done) return done.error();
    if (!request.creates) {
      if (auto done = UnlinkIfThere(name_); !done) return done.error();
      return Said(NobodyHasIt());
    }
    segment = Create(*record, request);
    if (!segment) {
      (void)RemoveObjects(*record);
      (void)UnlinkIfThere(name_);
      return segment.error();
    }
  }
  if (!segment) return segment.error();
  segment->record_ = std::move(record->object);
  segment->record_mapping_ = std::move(record->mapping);
  if (!segment->was_created() && !request.opens) {
    return Failed(ErrorCode::kAlreadyExists, nullptr,
                  "open it, unlink it, or choose another name");
  }
  if (auto fits = CheckFits(*segment, request); !fits) return fits.error();
  return Answer(*std::move(segment));
}

Result<void> SegmentMaker::CheckFits(const Segment& segment,
                                     const Request& request) const {
  const CreateSegmentOptions& wanted = request.options;
  if (auto same = CheckFingerprint(wanted.fingerprint,
                                   segment.data_.header->fingerprint());
      !same) {
    return same;
  }
  if (segment.bytes().size() < wanted.size_bytes) {
    return Error{.code = ErrorCode::kTooSmall,
                 .field = "size_bytes",
                 .expected = wanted.size_bytes,
                 .found = segment.bytes().size(),
                 .advice = "ask for what is there, or unlink it first"};
  }
  return Ok();
}

Result<void> SegmentMaker::Unlink(std::int64_t patience_ms) {
  const Request request{.opens = true, .options = {}};
  if (auto valid = CheckRequest(request); !valid) return Said(valid.error());
  for (const Patience patience(patience_ms);;) {
    auto record = OpenRecord(request);
    if (!record) return Said(record.error());
    const auto lock = TryLock(*record);
    if (!lock) return Said(lock.error());
    if (*lock) return UnlinkLocked(*record);
    if (!patience.Pause()) return Said(BeingChangedTooLong());
  }
}

Result<void> SegmentMaker::UnlinkLocked(const Record& record) const {
  const SegmentId id = record.words.Current();
  bool was_there = false;
  if (!id.is_none()) {
    // Told before it is gone: if we die in between, whoever comes next finds a
    // retired segment and ends this.
    const auto data = OpenPart(id, Kind::kData, os::Owner::kAnyone);
    was_there = data || !IsUnready(data.error());  // or it is spoilt
    if (data && data->header->lifetime() == Lifetime::kWhileOpen) {
      const auto control = OpenPart(id, Kind::kControl, os::Owner::kAnyone);
      was_there = control && IsHeld(id, *control).value_or(true);
    }
    if (data) data->header->Retire();
  }
  if (auto done = RemoveObjects(record); !done) return Said(done.error());
  if (auto done = UnlinkIfThere(name_); !done) return Said(done.error());
  if (was_there) return Ok();
  return Failed(ErrorCode::kNotFound, nullptr, "there is nothing to unlink");
}

}  // namespace placid
