// SPDX-License-Identifier: Apache-2.0
//
// Compiled and linked, but never run so far.
#include "../port.h"

#include <fcntl.h>
#include <mach/mach.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>

#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"

// Of <mach/mach_vm.h>, which not every set of headers has.
extern "C" kern_return_t mach_vm_region(vm_map_read_t, std::uint64_t*,
                                        std::uint64_t*, vm_region_flavor_t,
                                        vm_region_info_t,
                                        mach_msg_type_number_t*, mach_port_t*);

namespace placid::os::conformance {

std::size_t CountOpenHandles() {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/dev/fd"), {}));
}

std::size_t CountMappings() {
  std::size_t count = 0;
  std::uint64_t address = 0;
  for (std::uint64_t size = 0;; address += size) {
    vm_region_basic_info_data_64_t info;
    mach_msg_type_number_t fields = VM_REGION_BASIC_INFO_COUNT_64;
    mach_port_t object = MACH_PORT_NULL;
    if (mach_vm_region(mach_task_self(), &address, &size,
                       VM_REGION_BASIC_INFO_64,
                       reinterpret_cast<vm_region_info_t>(&info), &fields,
                       &object) != KERN_SUCCESS) {
      return count;
    }
    count += info.shared != 0;
  }
}

int LeakRounds() { return 10'000; }

// Named objects are files, but only their owner finds them: through a
// descriptor, which need not be asked for by path.
bool TruncateFromOutside(const Name& name, std::uint64_t size_bytes) {
  const auto object = SharedObject::Open(name, Access::kReadWrite);
  return object && ::ftruncate(static_cast<int>(object->handle()),
                               static_cast<off_t>(size_bytes)) == 0;
}

NativeHandle Duplicate(const SharedObject& object) {
  return ::fcntl(static_cast<int>(object.handle()), F_DUPFD_CLOEXEC, 0);
}

void CloseHandleOf(NativeHandle handle) { ::close(static_cast<int>(handle)); }

void Reset() {}

}  // namespace placid::os::conformance
