// SPDX-License-Identifier: Apache-2.0
//
// Lifetime: how long a segment is there under its name.
//
//   lifetime        it goes with                    Linux, Darwin  Windows
//   kWhileOpen      the last that has it open       yes            yes
//   kUntilUnlinked  Segment::Unlink, and that alone yes            no
//
// Who has it open
//   a Segment                    yes: of any process and user, in any PID
//                                namespace, running or stopped
//   a Membership                 no: by the Segment that it joined
//   SegmentReader, SegmentView   no: nobody knows of them
//   a child made by fork         no: it opens the segment for itself
//   a program started by exec    no
// Whoever does not goes on with the bytes that it has mapped, when the segment
// is gone; IsRetired() tells it, as if somebody had unlinked it. Darwin: a
// child made by fork has it open until it execs or ends.
//
// Nothing of this is counted in shared bytes. Each Segment shares one lock of
// the system's with all others, for as long as it has the segment mapped
// (os/locked_mapping.h), so that it may die at any instruction. One that closes
// and then can have that lock alone is the last, and takes the names away. One
// that is killed takes nothing away. If it was the last, its segment is in
// nobody's way: for Open and Unlink there is none any more, Create and
// OpenOrCreate make the next generation; Open and these remove it. So does
// `placid clean` (discovery.h), which says why. Until then it takes its space.
//
// Of a segment that several users have open: if the last of them may not take
// the names away, as in /dev/shm, what is left is for the next one who may.
//
// Windows: the system itself takes each object away with the last handle and
// view of it, and tells nobody.
#ifndef PLACID_SEGMENT_LIFETIME_H_
#define PLACID_SEGMENT_LIFETIME_H_

#include <cstdint>

namespace placid {

// As it stands in a SegmentHeader.
enum class Lifetime : std::uint32_t { kWhileOpen = 0, kUntilUnlinked = 1 };

}  // namespace placid

#endif  // PLACID_SEGMENT_LIFETIME_H_
