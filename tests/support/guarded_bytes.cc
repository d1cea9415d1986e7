// SPDX-License-Identifier: Apache-2.0
#include "tests/support/guarded_bytes.h"

#include <cstdlib>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace placid::testing {
namespace {

// As far as a wrong index of some thousands goes; whole pages on every system.
constexpr std::size_t kGuardBytes = std::size_t{64} << 10;

enum class Access { kNone, kRead, kWrite };

void Check(bool ok) {
  if (!ok) std::abort();  // a test without its memory has nothing to say
}

#ifdef _WIN32

std::size_t PageBytes() {
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return info.dwPageSize;
}
std::span<std::byte> TakePages(std::size_t size) {
  void* const at =
      VirtualAlloc(nullptr, size, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  Check(at != nullptr);
  return {static_cast<std::byte*>(at), size};
}
void GivePages(std::span<std::byte> pages) {
  VirtualFree(pages.data(), 0, MEM_RELEASE);
}
void Protect(std::span<std::byte> pages, Access access) {
  const DWORD protection = access == Access::kNone   ? PAGE_NOACCESS
                           : access == Access::kRead ? PAGE_READONLY
                                                     : PAGE_READWRITE;
  DWORD before;
  Check(VirtualProtect(pages.data(), pages.size(), protection, &before) != 0);
}

#else

std::size_t PageBytes() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}
std::span<std::byte> TakePages(std::size_t size) {
  void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  Check(at != MAP_FAILED);
  return {static_cast<std::byte*>(at), size};
}
void GivePages(std::span<std::byte> pages) {
  munmap(pages.data(), pages.size());
}
void Protect(std::span<std::byte> pages, Access access) {
  const int protection = access == Access::kNone   ? PROT_NONE
                         : access == Access::kRead ? PROT_READ
                                                   : PROT_READ | PROT_WRITE;
  Check(mprotect(pages.data(), pages.size(), protection) == 0);
}

#endif

std::size_t RoundUp(std::size_t size, std::size_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

}  // namespace

GuardedBytes::GuardedBytes(std::uint64_t size_bytes, std::size_t alignment) {
  const auto size = static_cast<std::size_t>(size_bytes);
  const std::size_t inner = RoundUp(size, PageBytes());
  pages_ = TakePages(inner + 2 * kGuardBytes);
  inner_ = pages_.subspan(kGuardBytes, inner);
  bytes_ = inner_.subspan(inner - RoundUp(size, alignment), size);
  Protect(pages_.first(kGuardBytes), Access::kNone);
  Protect(pages_.last(kGuardBytes), Access::kNone);
}

GuardedBytes::~GuardedBytes() { GivePages(pages_); }

void GuardedBytes::MakeReadOnly() { Protect(inner_, Access::kRead); }
void GuardedBytes::MakeWritable() { Protect(inner_, Access::kWrite); }

}  // namespace placid::testing
