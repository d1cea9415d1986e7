// SPDX-License-Identifier: Apache-2.0
//
// Discovery: which segments there are, how they are, and which of what lies
// there nobody can need any more.
//
// To look needs no right to write, takes no lock and changes nothing. What is
// found may be another's, spoilt, or hostile: it is shown as far as it can be
// read, and why no further. It is read and not mapped (os/snapshot.h), so that
// nobody who cuts an object short meanwhile ends who looks. ClearAway maps the
// record and what it retires, with the creation lock, for a moment: that is
// done by stores which those who have them mapped are to see.
//
// What is an orphan
//   record  that leads nowhere, or to what is not whole, or retired, while its
//           creation lock is free: whoever was making or unlinking it is dead;
//           or to a segment that was to be there while it is open, and that
//           nobody has open: the last that had was killed
//   part    an object of a segment that no record leads to, as after a foreign
//           `rm` of the record
// One that lives until it is unlinked (lifetime.h) is none, though nobody has
// it open: ClearAway removes it only where it is asked for.
//
// Who takes part, and who has it open, is known by the locks of the living. On
// Windows only who takes part; others go on with what they have if a segment is
// removed. So do readers (segment_reader.h) everywhere.
#ifndef PLACID_SEGMENT_DISCOVERY_H_
#define PLACID_SEGMENT_DISCOVERY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "placid/base/error.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/name_list.h"
#include "placid/segment/segment_id.h"

namespace placid {

// One thing that has a name.
struct Found {
  enum class Kind : std::uint8_t {
    kSegment,  // a record, and what it leads to
    kPart,     // a data or control object that no record leads to
    kOther,    // nothing of this layer: somebody's own object, a foreign file
  };
  enum class State : std::uint8_t {
    kUnknown,     // of what is no segment
    kBeingMade,   // or being unlinked: a living process is at it
    kReady,       // whole
    kRetired,     // unlinked, but for its names: who did it is dead
    kOrphaned,    // nobody can open it any more
    kUnreadable,  // another user's, another release's, or spoilt
  };
  // What ClearAway does with it.
  enum class Fate : std::uint8_t {
    kKeep,      // somebody may need it, or nobody can tell; or nobody could
                // remove it, as on Windows, where names go by themselves
    kIfUnused,  // nobody living uses it: goes if it is asked for
    kGo,        // nobody can need it
  };

  std::string name;  // the public one; of a part its own; perhaps no os::Name
  Kind kind = Kind::kOther;
  State state = State::kUnknown;
  Fate fate = Fate::kKeep;
  const char* why = "";        // state and fate are so, in a sentence
  std::optional<Error> error;  // what the system, or the bytes, said to that

  // Of all its objects. The last five as the system lists the first of them;
  // where it lists none they mean nothing.
  std::uint64_t size_bytes = 0;
  std::uint64_t allocated_bytes = 0;
  bool is_listed = false;
  std::uint64_t owner = 0;
  std::uint32_t mode = 0;
  bool may_unlink = false;
  std::int64_t made_at = 0;  // seconds after 1970

  // Of a segment or a part.
  SegmentId id;
  std::uint64_t rows = 0;  // how many can take part
  std::uint64_t living = 0;
  std::uint64_t dead = 0;
};

[[nodiscard]] PLACID_API std::string_view ToString(Found::State state);

// All that lies there, by name. Errors: those of os::ListNames.
[[nodiscard]] PLACID_API Result<std::vector<Found>> Discover();

// What has this name, or would be removed with it. Errors: kNotFound.
[[nodiscard]] PLACID_API Result<Found> LookUp(const os::Name& name);

enum class Clear : std::uint8_t {
  kOrphans,  // what nobody can need: Fate::kGo
  kUnused,   // and what nobody living uses: Fate::kIfUnused
};

// Looks at a segment or part again, with the creation lock, and removes it if
// it still is what may go: whether it did. Of what has been opened, joined, or
// is being made, meanwhile, nothing is touched; while the last look before the
// removal of an unused one lasts, who joins is told kUnlinked. Errors:
// kPermissionDenied (another user's), kSystem.
PLACID_API Result<bool> ClearAway(const Found& found, Clear what);

}  // namespace placid

#endif  // PLACID_SEGMENT_DISCOVERY_H_
