// SPDX-License-Identifier: Apache-2.0
#include "../port.h"

#ifndef NOMINMAX
#define NOMINMAX
#endif
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "placid/os/name.h"
#include "placid/os/shared_object.h"

namespace placid::os::conformance {

// In the list of all processes' handles: GetProcessHandleCount says 0 under
// Wine.
std::size_t CountOpenHandles() {
  struct Handle {
    void* object;
    ULONG_PTR process_id;
    ULONG_PTR handle;
    ULONG access;
    USHORT creator_back_trace;
    USHORT type;
    ULONG attributes;
    ULONG reserved;
  };
  struct Head {
    ULONG_PTR count;
    ULONG_PTR reserved;
  };
  constexpr int kExtendedHandleInformation = 64;
  using Query = LONG(NTAPI*)(int, void*, ULONG, ULONG*);
  const auto query =
      reinterpret_cast<Query>(reinterpret_cast<void (*)()>(::GetProcAddress(
          ::GetModuleHandleW(L"ntdll.dll"), "NtQuerySystemInformation")));
  std::vector<std::byte> bytes(1 << 20);
  while (query(kExtendedHandleInformation, bytes.data(),
               static_cast<ULONG>(bytes.size()), nullptr) != 0) {
    if (bytes.size() > (1U << 28)) std::abort();  // not for want of room
    bytes.resize(2 * bytes.size());
  }
  Head head;
  std::memcpy(&head, bytes.data(), sizeof(head));
  std::size_t ours = 0;
  for (std::size_t i = 0; i < head.count; ++i) {
    Handle handle;
    std::memcpy(&handle, bytes.data() + sizeof(head) + i * sizeof(handle),
                sizeof(handle));
    if (handle.process_id == ::GetCurrentProcessId()) ++ours;
  }
  return ours;
}

// Views, which may consist of several regions.
std::size_t CountMappings() {
  std::size_t count = 0;
  const void* last = nullptr;
  MEMORY_BASIC_INFORMATION region;
  for (const char* at = nullptr;
       ::VirtualQuery(at, &region, sizeof(region)) != 0;
       at = static_cast<const char*>(region.BaseAddress) + region.RegionSize) {
    if (region.Type != MEM_MAPPED || region.AllocationBase == last) continue;
    last = region.AllocationBase;
    ++count;
  }
  return count;
}

int LeakRounds() { return 1000; }

bool TruncateFromOutside(const Name& /*name*/, std::uint64_t /*size_bytes*/) {
  return false;
}

NativeHandle Duplicate(const SharedObject& object) {
  HANDLE handle = nullptr;
  const HANDLE self = ::GetCurrentProcess();
  ::DuplicateHandle(self, reinterpret_cast<HANDLE>(object.handle()), self,
                    &handle, 0, FALSE, DUPLICATE_SAME_ACCESS);
  return reinterpret_cast<NativeHandle>(handle);
}

void CloseHandleOf(NativeHandle handle) {
  ::CloseHandle(reinterpret_cast<HANDLE>(handle));
}

void Reset() {}

}  // namespace placid::os::conformance
