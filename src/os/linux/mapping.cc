// SPDX-License-Identifier: Apache-2.0
//
// What can be wished of a mapping, and whether it came true.
#include "placid/os/mapping.h"

#include <linux/magic.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <string>

#include "../posix/port.h"
#include "proc.h"

namespace placid::os::internal {
namespace {

// From Linux 5.14 and 6.1; older headers do not have them.
constexpr int kPopulateRead = 22;
constexpr int kPopulateWrite = 23;
constexpr int kCollapse = 25;

// Of the pages that the kernel may join to a huge one, on all our machines
// with 4 KiB pages; elsewhere it is a mere alignment.
constexpr std::uint64_t kHugePage = std::uint64_t{2} << 20;

// The magic numbers have 32 bits, the field as many as a register has.
bool IsOf(const struct statfs& system, std::uint32_t magic) {
  return static_cast<std::uint32_t>(system.f_type) == magic;
}

// 0 or an errno.
int Advise(const Mapping& mapping, int advice) {
  return ::madvise(mapping.data(), mapping.bytes().size(), advice) == 0 ? 0
                                                                        : errno;
}

// An advice that the kernel knows succeeds on no bytes at all.
bool KnowsPopulate() { return ::madvise(nullptr, 0, kPopulateRead) == 0; }

int Populate(const Mapping& mapping) {
  if (!KnowsPopulate()) return 0;  // MapFlags asked for it
  return Advise(mapping, mapping.access() == Access::kReadWrite
                             ? kPopulateWrite
                             : kPopulateRead);
}

// Joins the pages that are there now, or else has them joined in time. Where
// tmpfs is set to "never", the mere advice succeeds but does nothing.
int UseHugePages(const Mapping& mapping, int fd) {
  if (HugePageBytes(fd) > 1) return 0;
  if (Advise(mapping, kCollapse) == 0) return 0;
  const int error = errno;
  if (Advise(mapping, MADV_HUGEPAGE) != 0) return errno;
  struct statfs system;
  if (::fstatfs(fd, &system) != 0 || !IsOf(system, TMPFS_MAGIC)) return 0;
  const std::string setting =
      ReadProc("/sys/kernel/mm/transparent_hugepage/shmem_enabled");
  const bool is_off = setting.find("[never]") != std::string::npos ||
                      setting.find("[deny]") != std::string::npos;
  return is_off ? error : 0;
}

// Moves the pages too: reserving their space may have placed them already. Only
// mapped ones can be moved, hence the populating.
int BindToNode(const Mapping& mapping, std::size_t size, std::int32_t node) {
  constexpr std::size_t kWordBits = sizeof(unsigned long) * CHAR_BIT;
  std::array<unsigned long, 1024 / kWordBits> nodes{};
  const auto bit = static_cast<std::size_t>(node);
  if (bit >= nodes.size() * kWordBits) return EINVAL;
  if (const int error = Populate(mapping); error != 0) return error;
  nodes[bit / kWordBits] |= 1UL << bit % kWordBits;
  // The kernel reads one bit less than it is told of.
  return ::syscall(SYS_mbind, mapping.data(), size, MPOL_BIND, nodes.data(),
                   nodes.size() * kWordBits + 1,
                   MPOL_MF_MOVE | MPOL_MF_STRICT) == 0
             ? 0
             : errno;
}

}  // namespace

std::uint64_t HugePageBytes(int fd) {
  struct statfs system;
  if (::fstatfs(fd, &system) != 0 || !IsOf(system, HUGETLBFS_MAGIC)) return 1;
  return static_cast<std::uint64_t>(system.f_bsize);
}

std::uint64_t Alignment(int fd, const MapOptions& options) {
  return std::max(HugePageBytes(fd), options.huge_pages ? kHugePage : 1);
}

int MapFlags(const MapOptions& options) {
  const bool populates = options.prefault || options.numa_node >= 0;
  return populates && !KnowsPopulate() ? MAP_POPULATE : 0;
}

Granted GrantWishes(const Mapping& mapping, std::size_t object_size, int fd,
                    const MapOptions& options) {
  Granted granted;
  const auto grant = [&granted](Wish wish, int error) {
    granted.Set(wish, error == 0 ? Grant::kGranted : Grant::kRefused, error);
  };
  // Where pages come from before that they come, and both before they stay.
  if (options.numa_node >= 0) {
    grant(Wish::kNumaNode, BindToNode(mapping, object_size, options.numa_node));
  }
  if (options.huge_pages) {
    grant(Wish::kHugePages, UseHugePages(mapping, fd));
  }
  if (options.prefault) grant(Wish::kPrefault, Populate(mapping));
  if (options.lock) {
    // Once: a mirror's pages are the same. By number, since the sanitizers'
    // mlock says yes and does nothing.
    const bool is_locked =
        ::syscall(SYS_mlock, mapping.data(), object_size) == 0;
    grant(Wish::kLock, is_locked ? 0 : errno);
  }
  if (options.dont_dump) {
    grant(Wish::kDontDump, Advise(mapping, MADV_DONTDUMP));
  }
  if (options.dont_fork) {
    grant(Wish::kDontFork, Advise(mapping, MADV_DONTFORK));
  }
  return granted;
}

}  // namespace placid::os::internal
