// SPDX-License-Identifier: Apache-2.0
//
// What can be learnt of a segment without a right to write to it.
#ifndef PLACID_SRC_SEGMENT_READ_ONLY_H_
#define PLACID_SRC_SEGMENT_READ_ONLY_H_

#include <cstdint>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/segment/segment_id.h"

namespace placid {

// What a record says, read once into private memory: to attach to a virgin one
// would be to write, and to map it to die if somebody cuts it short. Errors as those of SegmentView::Open.
Result<SegmentId> ReadRecord(const os::Name& name,
                             const os::SharedObject& object);

// Lock byte `byte`: by the object where the system can, else by its name.
Result<os::LockState> ProbeLock(const os::SharedObject& object,
                                const os::Name& name, std::uint32_t byte);

// Whether a living process holds that. kUnknown: the system would not say.
[[nodiscard]] os::Liveness LookAtLock(const os::SharedObject& object,
                                      const os::Name& name, std::uint32_t byte);

// What Check of a segment asks for each of its objects: that all bytes are
// there still, without touching any, and that the name leads there still, where
// the system can say.
Result<void> CheckWhole(const os::SharedObject& object);
Result<void> CheckNamed(const os::SharedObject& object, const os::Name& name);

// What Check says of one without names, which nothing else can befall.
[[nodiscard]] Error RetiredUnnamed();

}  // namespace placid

#endif  // PLACID_SRC_SEGMENT_READ_ONLY_H_
