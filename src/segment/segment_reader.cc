// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/segment_reader.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "segment/patience.h"
#include "segment/read_only.h"
#include "segment/segment_errors.h"
#include "segment/segment_maker.h"

namespace placid {
namespace {

using os::Access;
using os::SharedObject;
constexpr auto kData = SegmentHeader::Kind::kData;
constexpr auto kControl = SegmentHeader::Kind::kControl;

}  // namespace

Result<SegmentReader> SegmentReader::Open(const os::Name& name,
                                          const OpenSegmentOptions& options) {
  constexpr const char* kOperation = "SegmentReader::Open";
  for (const Patience patience(options.patience_ms);;) {
    auto record = SharedObject::Open(name, Access::kReadOnly, options.owner);
    if (!record) return Said(kOperation, name, record.error());
    // First whether somebody is at it: who was not then has not begun, or has
    // left what there is to be seen.
    const bool is_being_changed =
        LookAtLock(*record, name, kCreationLock) != os::Liveness::kDead;
    SegmentReader reader;
    reader.name_ = name;
    reader.record_ = *std::move(record);
    const auto attached = reader.Attach(options);
    if (attached) return reader;
    if (!IsUnready(attached.error())) {
      return Said(kOperation, name, attached.error());
    }
    if (!is_being_changed) return Said(kOperation, name, NobodyHasIt());
    if (!patience.Pause()) {
      return Said(kOperation, name, BeingChangedTooLong());
    }
  }
}

Result<void> SegmentReader::Attach(const OpenSegmentOptions& options) {
  const auto id = ReadRecord(name_, record_);
  if (!id) return id.error();
  if (id->is_none()) return NobodyHasIt();
  auto data = SharedObject::Open(ObjectName(name_, *id, kData),
                                 Access::kReadOnly, options.owner);
  if (!data) return data.error();
  auto mapping = data->Map({.access = Access::kReadOnly});
  if (!mapping) return mapping.error();
  const auto header = SegmentHeader::Attach(mapping->bytes(), *id, kData);
  if (!header) return header.error();
  if (os::NamesPersist() && header->lifetime() == Lifetime::kWhileOpen) {
    const auto state =
        os::FileLock::Probe(ObjectName(name_, *id, kControl), kOpenLock);
    if (!state) return state.error();
    if (*state != os::LockState::kShared) return NobodyHasIt();
  }
  if (auto same = CheckFingerprint(options.fingerprint, header->fingerprint());
      !same) {
    return same;
  }
  id_ = *id;
  data_ = *std::move(data);
  mapping_ = *std::move(mapping);
  header_ = *header;
  return Ok();
}

std::span<const std::byte> SegmentReader::bytes() const {
  return header_ ? header_->bytes() : std::span<std::byte>();
}

bool SegmentReader::IsRetired() const {
  return header_ && header_->IsRetired();
}

Result<void> SegmentReader::Check() const {
  constexpr const char* kOperation = "SegmentReader::Check";
  if (!record_.is_open() && data_.is_open()) {  // see rendezvous.h
    if (!IsRetired()) return Ok();
    return Said(kOperation, name_, RetiredUnnamed());
  }
  // First that all of it may be touched.
  for (const SharedObject* object : {&record_, &data_}) {
    if (auto whole = CheckWhole(*object); !whole) {
      return Said(kOperation, name_, whole.error());
    }
  }
  const auto id = ReadRecord(name_, record_);
  for (const Result<void>& checked :
       {CheckNamed(record_, name_),
        CheckNamed(data_, ObjectName(name_, id_, kData)),
        id ? Ok() : Result<void>(id.error())}) {
    if (!checked) return Said(kOperation, name_, checked.error());
  }
  if (*id == id_ && !IsRetired()) return Ok();
  return Said(kOperation, name_,
              {.code = ErrorCode::kUnlinked,
               .field = "segment under the name",
               .expected = id_.word(),
               .found = id->word(),
               .advice = "it was unlinked: go on with it, or open what is "
                         "there now"});
}

}  // namespace placid
