// SPDX-License-Identifier: Apache-2.0
#include "segment/read_only.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "placid/base/cache_line.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/os/snapshot.h"
#include "placid/segment/name_record.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_id.h"

namespace placid {

Result<SegmentId> ReadRecord(const os::Name& name,
                             const os::SharedObject& object) {
  const auto failed = [&](ErrorCode code, const char* advice) {
    return Error{.code = code,
                 .operation = "SegmentView::Open",
                 .advice = advice,
                 .subject = name.text()};
  };
  if (name.is_raw() || name.text().size() > Segment::kMostNameBytes) {
    return failed(ErrorCode::kNotPlacid, "no segment can have this name");
  }
  alignas(kLineBytes) std::array<std::byte, NameRecord::SizeFor()> copy{};
  auto snapshot = os::Snapshot::Of(object);
  if (!snapshot) return snapshot.error();
  if (auto copied = snapshot->Copy(object, 0, copy.size()); !copied) {
    return copied.error();
  }
  const auto bytes = snapshot->bytes();
  const SharedBytes shared(bytes.data(), bytes.size());
  if (shared.CopyOut(copy) < copy.size()) {
    return failed(ErrorCode::kTooSmall, "it is no segment's record");
  }
  const bool is_virgin =
      std::ranges::all_of(copy, [](std::byte b) { return b == std::byte{}; });
  if (is_virgin && shared.size() == copy.size()) {
    return failed(ErrorCode::kNotInitialized,
                  "who made it has not written to it yet, or died");
  }
  if (is_virgin) {
    return failed(ErrorCode::kNotPlacid, "it is no segment's record");
  }
  const auto record = NameRecord::Attach(copy);
  if (record) return record->Current();
  Error error = record.error();
  error.subject = name.text();
  return error;
}

Result<os::LockState> ProbeLock(const os::SharedObject& object,
                                const os::Name& name, std::uint32_t byte) {
  auto state = os::FileLock::Probe(object, byte);
  if (!state && state.error().code == ErrorCode::kUnsupported) {
    state = os::FileLock::Probe(name, byte);
  }
  return state;
}

os::Liveness LookAtLock(const os::SharedObject& object, const os::Name& name,
                        std::uint32_t byte) {
  const auto state = ProbeLock(object, name, byte);
  if (!state) return os::Liveness::kUnknown;
  return *state == os::LockState::kFree ? os::Liveness::kDead
                                        : os::Liveness::kAlive;
}

Result<void> CheckWhole(const os::SharedObject& object) {
  const auto mapping = object.Map({.access = os::Access::kReadOnly});
  return mapping ? Ok() : Result<void>(mapping.error());
}

Result<void> CheckNamed(const os::SharedObject& object, const os::Name& name) {
  auto named = object.StillNamed(name);
  const bool is_unknown =
      !named && named.error().code == ErrorCode::kUnsupported;
  return is_unknown ? Ok() : named;
}

Error RetiredUnnamed() {
  return {.code = ErrorCode::kUnlinked,
          .advice = "it was retired: go on with it, or open what is served "
                    "under the name now"};
}

}  // namespace placid
