// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/segment.h"

#include <cstdint>
#include <utility>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/name_record.h"
#include "segment/read_only.h"
#include "segment/segment_maker.h"

namespace placid {
namespace {

// Whoever lets others in trusts them with the names, too.
os::Owner OwnerFor(const CreateSegmentOptions& options) {
  return options.mode == CreateSegmentOptions().mode ? os::Owner::kSelf
                                                     : os::Owner::kAnyone;
}

}  // namespace

Result<Segment> Segment::Create(const os::Name& name,
                                const CreateSegmentOptions& options) {
  return SegmentMaker("Segment::Create", name)
      .Make({.creates = true, .options = options, .owner = OwnerFor(options)});
}

Result<Segment> Segment::Open(const os::Name& name,
                              const OpenSegmentOptions& options) {
  CreateSegmentOptions wanted;
  wanted.fingerprint = options.fingerprint;
  wanted.patience_ms = options.patience_ms;
  return SegmentMaker("Segment::Open", name)
      .Make({.opens = true, .options = wanted, .owner = options.owner});
}

Result<Segment> Segment::OpenOrCreate(const os::Name& name,
                                      const CreateSegmentOptions& options) {
  return SegmentMaker("Segment::OpenOrCreate", name)
      .Make({.creates = true,
             .opens = true,
             .options = options,
             .owner = OwnerFor(options)});
}

Result<void> Segment::Unlink(const os::Name& name, std::int64_t patience_ms) {
  return SegmentMaker("Segment::Unlink", name).Unlink(patience_ms);
}

std::uint64_t Segment::SpaceFor(const CreateSegmentOptions& options,
                                std::uint64_t page_bytes) {
  const auto in_pages = [page_bytes](std::uint64_t bytes) {
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
  };
  return in_pages(NameRecord::SizeFor()) +
         in_pages(SegmentHeader::SizeFor(options.size_bytes)) +
         in_pages(SegmentHeader::SizeFor(
             Participants::SizeFor(options.participants)));
}

Segment::~Segment() { SegmentMaker::Close(*this); }

void Segment::swap(Segment& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(id_, other.id_);
  std::swap(was_created_, other.was_created_);
  record_.swap(other.record_);
  record_mapping_.swap(other.record_mapping_);
  std::swap(data_, other.data_);
  std::swap(control_, other.control_);
  std::swap(participants_, other.participants_);
  hold_.swap(other.hold_);
}

bool Segment::IsRetired() const {
  return data_.header && data_.header->IsRetired();
}

os::Name Segment::control_name() const {
  return ObjectName(name_, id_, SegmentHeader::Kind::kControl);
}

Result<void> Segment::Check() const {
  const auto said = [this](const Error& error) {
    Error failed = error;
    failed.operation = "Segment::Check";
    failed.subject = name_.text();
    return failed;
  };
  if (!has_name() && data_.object.is_open()) {
    return IsRetired() ? said(RetiredUnnamed()) : Ok();
  }
  // First that all of it may be touched.
  for (const os::SharedObject* object :
       {&record_, &data_.object, &control_.object}) {
    if (auto whole = CheckWhole(*object); !whole) return said(whole.error());
  }
  const os::Name data = ObjectName(name_, id_, SegmentHeader::Kind::kData);
  for (const auto& named :
       {CheckNamed(record_, name_), CheckNamed(data_.object, data),
        CheckNamed(control_.object, control_name())}) {
    if (!named) return said(named.error());
  }
  const auto record = NameRecord::Attach(record_mapping_.bytes());
  if (!record) return said(record.error());
  if (record->Current() == id_ && !IsRetired()) return Ok();
  return said({.code = ErrorCode::kUnlinked,
               .field = "segment under the name",
               .expected = id_.word(),
               .found = record->Current().word(),
               .advice = "it was unlinked: go on with it, or open what is "
                         "there now"});
}

}  // namespace placid
