// SPDX-License-Identifier: Apache-2.0
//
// ListNames: which named objects there are, for people who look after a
// machine. No protocol rests on it: what is listed may be gone by the next line.
//
// Linux: the files in /dev/shm that are called as ours are, whoever made them.
// Darwin: those of the user's own directory. Windows: the system does not list
// a session's sections.
#ifndef PLACID_OS_NAME_LIST_H_
#define PLACID_OS_NAME_LIST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "placid/base/platform.h"
#include "placid/base/result.h"

namespace placid::os {

// Whether names can be listed here. A value, not a macro: Windows cannot.
[[nodiscard]] PLACID_API bool CanListNames();

struct ListedObject {
  enum class Kind : std::uint8_t {
    kObject,      // what SharedObject makes, or looks like it
    kUnfinished,  // what a creator had not given its name yet
    kForeign,     // a link, a directory, a pipe: nothing that we make
  };

  // As Name::text() has it. Anybody may have made the file: it can have bytes
  // that no Name has, and be longer.
  std::string name;
  Kind kind = Kind::kForeign;
  std::uint64_t size_bytes = 0;
  // Of memory that it really takes.
  std::uint64_t allocated_bytes = 0;
  std::uint64_t owner = 0;   // the system's number of a user
  std::uint32_t mode = 0;    // permission bits
  bool may_unlink = false;   // our effective user made it, or may do anything
  std::int64_t made_at = 0;  // seconds after 1970: made, or last written to by
                             // other means than a mapping
};

// All of them, by name. Errors: kUnsupported (not here), kNotFound,
// kPermissionDenied (there is no place for named objects, or it is closed to
// us), kSystem.
[[nodiscard]] PLACID_API Result<std::vector<ListedObject>> ListNames();

}  // namespace placid::os

#endif  // PLACID_OS_NAME_LIST_H_
