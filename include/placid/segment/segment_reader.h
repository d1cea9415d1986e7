// SPDX-License-Identifier: Apache-2.0
//
// SegmentReader: a segment's bytes for somebody who takes no part in it.
//
// An anonymous reader has the record and the object `data`, both read-only: it
// needs no right to write anything, is in no table, holds no lock, and nobody
// knows of it. So it cannot be counted, cannot sleep until others publish (it
// polls), and has no say in who is recovered or what is removed: a segment goes
// with the last Segment (lifetime.h), and its readers go on with its bytes. To
// take part in these, open a Segment and join it (membership.h).
//
// Types are attached to read-only, as Seqlock::AttachReadOnly does. What the
// segment layer promises of a foreign `rm`, of files cut short, and of whoever
// is attached when the segment is unlinked, holds here as in segment.h.
#ifndef PLACID_SEGMENT_SEGMENT_READER_H_
#define PLACID_SEGMENT_SEGMENT_READER_H_

#include <cstddef>
#include <optional>
#include <span>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_id.h"

namespace placid {

class PLACID_API SegmentReader {
 public:
  SegmentReader() = default;
  SegmentReader(SegmentReader&&) noexcept = default;
  SegmentReader& operator=(SegmentReader&&) noexcept = default;

  // Waits for whoever is creating it. Errors: kNotFound (there is none, or its
  // creator or the last that had it open was killed: nothing is removed),
  // kTimedOut (a living process has held the creation lock for patience_ms),
  // kPermissionDenied, kWrongElement (another fingerprint), kNotPlacid and its
  // kin, kCorrupt, kTruncated, kInvalidArgument (no segment can have the name),
  // kSystem.
  static Result<SegmentReader> Open(const os::Name& name,
                                    const OpenSegmentOptions& options = {});

  // All that its creator asked for. They begin on a line (128 bytes).
  [[nodiscard]] std::span<const std::byte> bytes() const;
  [[nodiscard]] SegmentId id() const { return id_; }
  [[nodiscard]] const os::Name& name() const { return name_; }

  // Whether somebody unlinked it: one look at shared memory.
  [[nodiscard]] bool IsRetired() const;

  // Asks the system whether the name still leads here and all bytes are there.
  // Errors: kUnlinked, kTruncated (touch no more of it).
  [[nodiscard]] Result<void> Check() const;

 private:
  friend class SegmentMaker;  // src/segment/segment_maker.h

  // The rest of opening, where there is a record.
  Result<void> Attach(const OpenSegmentOptions& options);

  os::Name name_ = *os::Name::Parse("none");
  SegmentId id_;
  // Windows: the name lives as long as this is open.
  os::SharedObject record_;
  os::SharedObject data_;
  os::Mapping mapping_;  // read-only
  std::optional<SegmentHeader> header_;
};

}  // namespace placid

#endif  // PLACID_SEGMENT_SEGMENT_READER_H_
