// SPDX-License-Identifier: Apache-2.0
//
// SegmentMaker: the way from a public name to a segment, or to none.
#ifndef PLACID_SRC_SEGMENT_SEGMENT_MAKER_H_
#define PLACID_SRC_SEGMENT_SEGMENT_MAKER_H_

#include <cstdint>
#include <optional>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/locked_mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/name_record.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_reader.h"

namespace placid {

// Of the record's bytes: the right to create and to unlink.
inline constexpr std::uint32_t kCreationLock = 0;
// Of control's, before those of the rows: shared by all who have it open.
inline constexpr std::uint32_t kOpenLock = 0;

// The objects that a name leads to.
[[nodiscard]] os::Name ObjectName(const os::Name& name, SegmentId id,
                                  SegmentHeader::Kind kind);

// For the id of a new segment.
[[nodiscard]] std::uint32_t DrawNonce();

class SegmentMaker {
 public:
  // What a name is asked for. Where nothing is to be created, the options that
  // say how are not looked at.
  struct Request {
    bool creates = false;
    bool opens = false;
    CreateSegmentOptions options;
    os::Owner owner = os::Owner::kSelf;
  };

  SegmentMaker(const char* operation, const os::Name& name)
      : operation_(operation), name_(name) {}

  Result<Segment> Make(const Request& request);
  Result<void> Unlink(std::int64_t patience_ms);
  static void Close(Segment& segment);

  // ---- Steps. Errors are the system's own; Make and Unlink add who and what.

  struct Record {
    os::SharedObject object;
    os::Mapping mapping;
    NameRecord words;
  };
  Result<Record> OpenRecord(const Request& request) const;
  // nullopt: somebody else has the lock, or the record is no longer the name's.
  Result<std::optional<os::FileLock>> TryLock(const Record& record) const;
  // With the lock: of whatever the record leads to, which then leads nowhere.
  Result<void> RemoveObjects(const Record& record) const;
  // Of what nobody has open, so that nobody can open it any more; false:
  // somebody has.
  static bool RetireUnlessOpen(const os::SharedObject& control,
                               const os::Name& control_name,
                               const SegmentHeader& data);

  // ---- Segments without names (rendezvous.h). Errors as those of steps.

  // Where whoever serves one is met. kInvalidArgument: no segment's name.
  [[nodiscard]] Result<os::Name> MeetingName() const;
  Result<Segment> MakeUnnamed(const CreateSegmentOptions& options) const;
  // Of objects that whoever serves one, or says so, has handed over.
  Result<Segment> Adopt(os::SharedObject data, os::SharedObject control,
                        const Request& request) const;
  Result<SegmentReader> AdoptReader(os::SharedObject data,
                                    std::uint64_t fingerprint) const;
  static void Retire(const Segment& segment);

 private:
  using Kind = SegmentHeader::Kind;

  Result<void> CheckRequest(const Request& request) const;

  // What the record leads to, if that is ready. kNotFound, kNotInitialized,
  // kUnlinked: nothing is, or not yet, or no more.
  Result<Segment> Attach(const Record& record, const Request& request) const;
  Result<Segment::Part> OpenPart(SegmentId id, Kind kind,
                                 os::Owner owner) const;
  // The lock of all who have it open. kNotFound: nobody has, or only the last
  // one, who closes it.
  Result<os::LockedMapping> Hold(SegmentId id,
                                 const Segment::Part& control) const;
  Result<bool> IsHeld(SegmentId id, const Segment::Part& control) const;
  // The objects and the table in them as one segment, which holds no lock yet.
  Segment Assemble(SegmentId id, Segment::Part data, Segment::Part control,
                   const Participants& participants) const;
  // The end of creating: places what is wanted, and says that it is ready. One
  // that fails leaves it unready.
  static Result<Segment> Finish(Segment segment,
                                const CreateSegmentOptions& options);

  // With the lock.
  Result<Segment> Create(const Record& record, const Request& request) const;
  Result<Segment::Part> CreatePart(SegmentId id, Kind kind,
                                   std::uint64_t size_bytes,
                                   const Request& request) const;
  // Of what cannot be opened; false: it can, by now.
  Result<bool> RetireLeftovers(const Record& record) const;
  Result<void> RemoveParts(SegmentId id) const;
  Result<void> UnlinkLocked(const Record& record) const;

  // Without names.
  Result<Segment::Part> MakePart(Result<os::SharedObject> object, SegmentId id,
                                 Kind kind, std::uint64_t fingerprint) const;
  Result<os::SharedObject> MakeControl(SegmentId id, std::uint64_t bytes) const;
  // `id` nullopt: of whichever segment it is.
  Result<Segment::Part> AdoptPart(os::SharedObject object,
                                  std::optional<SegmentId> id, Kind kind) const;

  // nullopt: others are at it, look again.
  Result<std::optional<Segment>> TryOnce(const Request& request);
  Result<void> CheckFits(const Segment& segment, const Request& request) const;

  [[nodiscard]] Error Failed(ErrorCode code, const char* field,
                             const char* advice) const;
  // The same failure, of what the caller asked for.
  [[nodiscard]] Error Said(const Error& error) const;

  const char* operation_;
  const os::Name& name_;
};

}  // namespace placid

#endif  // PLACID_SRC_SEGMENT_SEGMENT_MAKER_H_
