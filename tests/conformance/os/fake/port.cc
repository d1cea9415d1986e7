// SPDX-License-Identifier: Apache-2.0
#include "../port.h"

#include <cstddef>
#include <cstdint>

#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "src/os/fake/fake.h"

namespace placid::os::conformance {

std::size_t CountOpenHandles() { return fake::CountHandles(); }
std::size_t CountMappings() { return fake::CountMappings(); }
int LeakRounds() { return 10'000; }

bool TruncateFromOutside(const Name& name, std::uint64_t size_bytes) {
  fake::Truncate(name, size_bytes);
  return true;
}

NativeHandle Duplicate(const SharedObject& object) {
  return fake::Duplicate(object);
}
void CloseHandleOf(NativeHandle handle) {
  (void)SharedObject::Adopt(handle, Access::kReadOnly);
}

void Reset() { fake::Reset(); }

}  // namespace placid::os::conformance
