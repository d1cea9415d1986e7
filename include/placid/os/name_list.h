// SPDX-License-Identifier: Apache-2.0
//
// ListNames: which named objects there are, for people who look after a
// machine. No protocol rests on it: what is listed may be gone by the next line.
//
// Linux: the files in /dev/shm that are called as ours are, whoever made them.
// Darwin: those of the user's own directory. Windows, where the system does not
// list a session's sections: those that a registry of the session names
// (name_registry.h), which every process of ours that has a named object open
// keeps. It has room for 4,096 names at a time; and whoever lists has each
// object open for a moment.
#ifndef PLACID_OS_NAME_LIST_H_
#define PLACID_OS_NAME_LIST_H_

#include <cstdint>
#include <string>
#include <vector>

#include "placid/base/platform.h"
#include "placid/base/result.h"

namespace placid::os {

// Whether names can be listed here. A value, not a macro: a port may not be able
// to.
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
  std::uint64_t owner = 0;   // the system's number of a user; Windows: the last
                             // number of the owner's SID
  std::uint32_t mode = 0;    // permission bits; Windows: 0600 or 0666
  bool may_unlink = false;   // our effective user made it, or may do anything;
                             // Windows: nobody may
  std::int64_t made_at = 0;  // seconds after 1970: made, or last written to by
                             // other means than a mapping; 0: nobody knows
};

// All of them, by name. Errors: kUnsupported (not here), kNotFound,
// kPermissionDenied (there is no place for named objects, or it is closed to
// us), kSystem. Windows: kNotPlacid, and those of SharedObject::Open and
// NameRegistry::AttachReadOnly (another program has the registry's name, or has
// spoilt it).
[[nodiscard]] PLACID_API Result<std::vector<ListedObject>> ListNames();

}  // namespace placid::os

#endif  // PLACID_OS_NAME_LIST_H_
