// SPDX-License-Identifier: Apache-2.0
//
// The names of our session, in a registry (placid/os/name_registry.h) under a
// name that everybody in it knows, and nobody's object can have. It goes with
// the last process that has it open: so each keeps it from its first named
// object on, for as long as it lives.
//
// Whoever has an object open has written its name down, not its maker alone: a
// maker may be killed before it comes to that. Nothing but a listing rests on
// it, so no failure here is one of the caller's.
#ifndef PLACID_SRC_OS_WINDOWS_SESSION_NAMES_H_
#define PLACID_SRC_OS_WINDOWS_SESSION_NAMES_H_

#include "placid/os/name.h"

namespace placid::os::internal {

// Of the registry itself.
Name RegistryName();

// Writes down the name of an object that is open here; of a raw one nothing.
void Announce(const Name& name, bool was_created);

// Of an object that came without its name: its maker's note stays.
void KeepRegistry();

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_WINDOWS_SESSION_NAMES_H_
