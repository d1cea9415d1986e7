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

namespace placid {
namespace {

using os::FileLock;
using os::Name;
using os::SharedObject;

std::uint32_t DrawNonce() {
  std::random_device random;
  for (;;) {
    const std::uint32_t nonce = random();
    if (nonce != 0) return nonce;
  }
}

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

Error BadArgument(const char* field, std::uint64_t expected,
                  std::uint64_t found, const char* advice) {
  return {.code = ErrorCode::kInvalidArgument,
          .field = field,
          .expected = expected,
          .found = found,
          .advice = advice};
}

}  // namespace

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
  Error said = error;
  said.operation = operation_;
  said.subject = name_.text();
  return said;
}

Result<void> SegmentMaker::CheckRequest(const Request& request) const {
  if (name_.is_raw()) {
    return Failed(ErrorCode::kInvalidArgument, "a raw name",
                  "a segment makes names of its own: use Name::Parse or "
                  "Name::Sanitize");
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
  if (id.is_none()) {
    return Failed(ErrorCode::kNotFound, nullptr,
                  "start the process that creates it first");
  }
  auto data = OpenPart(id, Kind::kData, request.owner);
  if (!data) return data.error();
  auto control = OpenPart(id, Kind::kControl, request.owner);
  if (!control) return control.error();
  const auto participants = Participants::Attach(control->header->bytes());
  if (!participants) return participants.error();
  Segment segment;
  segment.name_ = name_;
  segment.id_ = id;
  segment.data_ = *std::move(data);
  segment.control_ = *std::move(control);
  segment.participants_ = *participants;
  return segment;
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
                                            request.options.fingerprint);
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
  const auto participants =
      Participants::Create(control->header->bytes(), options.participants);
  if (!participants) return participants.error();
  auto data = CreatePart(id, Kind::kData, options.size_bytes, request);
  if (!data) return data.error();
  if (options.place) {
    if (auto placed = options.place(data->header->bytes()); !placed) {
      return placed.error();
    }
  }
  control->header->SetReady();
  data->header->SetReady();

  Segment segment;
  segment.name_ = name_;
  segment.id_ = id;
  segment.was_created_ = true;
  segment.data_ = *std::move(data);
  segment.control_ = *std::move(control);
  segment.participants_ = *participants;
  return segment;
}

Result<void> SegmentMaker::RemoveObjects(const Record& record) const {
  const SegmentId id = record.words.Current();
  if (id.is_none()) return Ok();
  for (const Kind kind : {Kind::kData, Kind::kControl}) {
    if (auto done = UnlinkIfThere(ObjectName(name_, id, kind)); !done) {
      return done;
    }
  }
  record.words.PointTo(id.Gone());
  return Ok();
}

// ---- The whole way ----------------------------------------------------------

Result<Segment> SegmentMaker::Make(const Request& request) {
  if (auto valid = CheckRequest(request); !valid) return Said(valid.error());
  for (const Patience patience(request.options.patience_ms);;) {
    auto made = TryOnce(request);
    if (!made) return Said(made.error());
    if (*made) return *std::move(*made);
    if (!patience.Pause()) return TooLong();
  }
}

Result<std::optional<Segment>> SegmentMaker::TryOnce(const Request& request) {
  using Answer = std::optional<Segment>;
  auto record = OpenRecord(request);
  if (!record) {
    if (record.error().code == ErrorCode::kContended) return Answer();
    return record.error();
  }
  std::optional<FileLock> lock;
  auto segment = Attach(*record, request);
  if (!segment && IsUnready(segment.error())) {
    auto taken = TryLock(*record);
    if (!taken) return taken.error();
    if (!*taken) return Answer();
    lock = *std::move(taken);
    segment = Attach(*record, request);  // somebody may have been faster
  }
  if (!segment && IsUnready(segment.error())) {
    // Whoever began this, or was to end it, is dead: we have its lock.
    if (auto done = RemoveObjects(*record); !done) return done.error();
    if (!request.creates) {
      if (auto done = UnlinkIfThere(name_); !done) return done.error();
      return Failed(ErrorCode::kNotFound, nullptr,
                    "start the process that creates it first");
    }
    segment = Create(*record, request);
    if (!segment) {
      (void)RemoveObjects(*record);
      (void)UnlinkIfThere(name_);
      return segment.error();
    }
  } else if (segment && !request.opens) {
    return Failed(ErrorCode::kAlreadyExists, nullptr,
                  "open it, unlink it, or choose another name");
  }
  if (!segment) return segment.error();
  if (auto fits = CheckFits(*segment, request); !fits) return fits.error();
  segment->record_ = std::move(record->object);
  segment->record_mapping_ = std::move(record->mapping);
  return Answer(*std::move(segment));
}

Result<void> SegmentMaker::CheckFits(const Segment& segment,
                                     const Request& request) const {
  const CreateSegmentOptions& wanted = request.options;
  const std::uint64_t fingerprint = segment.data_.header->fingerprint();
  if (wanted.fingerprint != 0 && wanted.fingerprint != fingerprint) {
    return Error{.code = ErrorCode::kWrongElement,
                 .field = "fingerprint",
                 .expected = wanted.fingerprint,
                 .found = fingerprint,
                 .advice =
                     "build both sides with the same layout, or unlink "
                     "the segment of the other"};
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
    if (!patience.Pause()) return TooLong();
  }
}

Result<void> SegmentMaker::UnlinkLocked(const Record& record) const {
  const SegmentId id = record.words.Current();
  bool was_there = false;
  if (!id.is_none()) {
    // Told before it is gone: if we die in between, whoever comes next finds a
    // retired segment and ends this.
    const auto data = OpenPart(id, Kind::kData, os::Owner::kAnyone);
    if (data) data->header->Retire();
    was_there = data || !IsUnready(data.error());  // or it is spoilt
  }
  if (auto done = RemoveObjects(record); !done) return Said(done.error());
  if (auto done = UnlinkIfThere(name_); !done) return Said(done.error());
  if (was_there) return Ok();
  return Failed(ErrorCode::kNotFound, nullptr, "there is nothing to unlink");
}

Error SegmentMaker::TooLong() const {
  return Failed(ErrorCode::kTimedOut, "the creation lock",
                "a living process has been creating or unlinking it all the "
                "time; if that is stopped, continue or end it");
}

}  // namespace placid
