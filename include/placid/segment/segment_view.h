// SPDX-License-Identifier: Apache-2.0
//
// SegmentView: a segment seen from outside, whole or not.
//
// Where Segment refuses what is not ready, this shows it, and why. It takes no
// lock and no row and writes nothing, so that it is for tools and their tests,
// not for programs that want to use the bytes. It keeps no segment from going
// with the last that has it open (lifetime.h).
//
// What it shows are copies (os/snapshot.h), but for the locks, which are asked
// for at each call: whoever cuts the objects short meanwhile makes an error of
// it, not a SIGBUS. On Windows, where nobody can, they are the objects
// themselves.
#ifndef PLACID_SEGMENT_SEGMENT_VIEW_H_
#define PLACID_SEGMENT_SEGMENT_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <optional>

#include "placid/base/error.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/os/snapshot.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_id.h"

namespace placid {

// One of the two objects of a segment.
struct PartView {
  enum class State : std::uint8_t {
    kMissing,
    kBeingMade,
    kReady,
    kRetired,
    kUnreadable,  // `error` says why
  };
  State state = State::kMissing;
  std::optional<Error> error;
  os::SharedObject object;
  // As long as the object. Copied are the header, and of control the table of
  // participants; the rest is zero until CopyData.
  os::Snapshot snapshot;
  // As its header has them, unchecked: for people.
  std::uint64_t stated_size = 0;
  std::uint64_t fingerprint = 0;
  Lifetime lifetime = Lifetime::kWhileOpen;

  // What lies behind the header; empty where there is none.
  [[nodiscard]] SharedBytes bytes() const {
    const auto all = snapshot.bytes();
    return SharedBytes(all.data(), all.size())
        .Subspan(sizeof(SegmentHeader::Memory));
  }
};

class PLACID_API SegmentView {
 public:
  // Errors: kNotFound; kNotInitialized (a record that says nothing yet, or
  // somebody's new object of that size); kNotPlacid, kWrongType, kTooSmall,
  // kTruncated, kInvalidArgument (something else has the name); kWrongVersion,
  // kWrongByteOrder (another release's, another machine's); kPermissionDenied.
  static Result<SegmentView> Open(const os::Name& name);

  [[nodiscard]] const os::Name& name() const { return name_; }
  // What the record leads to; is_none(): nowhere.
  [[nodiscard]] SegmentId id() const { return id_; }
  // Whether a living process is creating or unlinking under this name, or
  // nobody can say.
  [[nodiscard]] bool IsBeingChanged() const;

  [[nodiscard]] const PartView& data() const { return data_; }
  [[nodiscard]] const PartView& control() const { return control_; }
  // Copies so many of data's bytes, from `offset` behind its header on, over
  // what data() has of them. Errors: those of os::Snapshot::Copy.
  Result<void> CopyData(std::uint64_t offset, std::uint64_t size);
  // Where control is ready and whole.
  [[nodiscard]] const std::optional<Participants>& participants() const {
    return participants_;
  }
  // Whom the row names, if it has been the same one's since the view was opened.
  [[nodiscard]] std::optional<os::ProcessIdentity> IdentityOf(
      std::uint64_t row) const;
  // Whether somebody living has that row's lock: kUnknown where the system
  // would not say.
  [[nodiscard]] os::Liveness LifeOf(std::uint64_t row) const;
  // Whether a Segment of somebody living has it open. kUnknown where the system
  // would not say, as on Windows.
  [[nodiscard]] os::Liveness IsOpen() const;
  // Whether somebody living may have joined, or be about to: any row's lock is
  // held, or nobody can say. Asks for each row.
  [[nodiscard]] bool MayBeJoined() const;

 private:
  friend class ViewOfParts;  // src/segment/discovery.cc

  explicit SegmentView(const os::Name& name) : name_(name) {}
  void OpenParts(SegmentId id);

  os::Name name_;
  SegmentId id_;
  os::SharedObject record_;
  PartView data_;
  PartView control_;
  std::optional<Participants> participants_;
};

}  // namespace placid

#endif  // PLACID_SEGMENT_SEGMENT_VIEW_H_
