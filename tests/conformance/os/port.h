// SPDX-License-Identifier: Apache-2.0
//
// What the conformance suite needs of a system besides the contracts it tests.
// Each port has a folder here that supplies it.
#ifndef PLACID_TESTS_CONFORMANCE_OS_PORT_H_
#define PLACID_TESTS_CONFORMANCE_OS_PORT_H_

#include <cstddef>
#include <cstdint>

#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os::conformance {

// Of this process: what leaks would make grow. Mappings of shared objects only:
// a sanitizer makes others of its own.
std::size_t CountOpenHandles();
std::size_t CountMappings();

// Rounds of the leak check: 10,000 where a round takes microseconds.
int LeakRounds();

// Makes an object smaller behind the library's back. False: nobody can here.
bool TruncateFromOutside(const Name& name, std::uint64_t size_bytes);

// A second handle to the same object, for Adopt.
NativeHandle Duplicate(const SharedObject& object);
// Closes a handle that Adopt did not take.
void CloseHandleOf(NativeHandle handle);

// Before each test.
void Reset();

}  // namespace placid::os::conformance

#endif  // PLACID_TESTS_CONFORMANCE_OS_PORT_H_
