// SPDX-License-Identifier: Apache-2.0
//
// What can be wished of a mapping, and whether it came true.
#include "placid/os/mapping.h"

#include <mach/vm_inherit.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "../posix/port.h"

namespace placid::os::internal {

// Huge pages and nodes are not for programs to choose here.
std::uint64_t HugePageBytes(int /*fd*/) { return 1; }
std::uint64_t Alignment(int /*fd*/, const MapOptions& /*options*/) { return 1; }
int MapFlags(const MapOptions& /*options*/) { return 0; }

Granted GrantWishes(const Mapping& mapping, std::size_t object_size, int /*fd*/,
                    const MapOptions& options) {
  Granted granted;
  const auto grant = [&granted](Wish wish, bool is_granted) {
    granted.Set(wish, is_granted ? Grant::kGranted : Grant::kRefused,
                is_granted ? 0 : errno);
  };
  // To lock the pages brings them in, and where one cannot be had that is an
  // error, while to touch it would be a SIGBUS. A mirror has entries of its own
  // in the page table.
  if (options.prefault) {
    const bool is_in = ::mlock(mapping.data(), mapping.size_bytes()) == 0;
    grant(Wish::kPrefault, is_in);
    if (is_in) ::munlock(mapping.data(), mapping.size_bytes());
  }
  if (options.lock) {
    grant(Wish::kLock, ::mlock(mapping.data(), object_size) == 0);
  }
  if (options.dont_fork) {
    grant(Wish::kDontFork, ::minherit(mapping.data(), mapping.size_bytes(),
                                      VM_INHERIT_NONE) == 0);
  }
  if (options.huge_pages) granted.Set(Wish::kHugePages, Grant::kUnsupported);
  if (options.dont_dump) granted.Set(Wish::kDontDump, Grant::kUnsupported);
  if (options.numa_node >= 0) {
    granted.Set(Wish::kNumaNode, Grant::kUnsupported);
  }
  return granted;
}

}  // namespace placid::os::internal
