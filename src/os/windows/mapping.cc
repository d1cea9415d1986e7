// SPDX-License-Identifier: Apache-2.0
//
// Views of sections, single and double, and what can be wished of them.
#include "placid/os/mapping.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/shared_object.h"
#include "port.h"
#include "system.h"

namespace placid::os {

using internal::HighWord;
using internal::LookUp;
using internal::LowWord;
using internal::Operation;
using internal::ToHandle;

namespace {

// ---- Views ------------------------------------------------------------------

class View {
 public:
  View() = default;
  explicit View(void* data) : data_(static_cast<std::byte*>(data)) {}
  View(View&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  View& operator=(View&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~View() {
    if (data_ == nullptr) return;
    const DWORD error = ::GetLastError();
    ::UnmapViewOfFile(data_);
    ::SetLastError(error);
  }
  [[nodiscard]] explicit operator bool() const { return data_ != nullptr; }
  [[nodiscard]] std::byte* data() const { return data_; }
  std::byte* Release() { return std::exchange(data_, nullptr); }

 private:
  std::byte* data_ = nullptr;
};

// What is mapped where, of which section.
struct Plan {
  HANDLE section;
  Access access;
  DWORD node;
  std::size_t size;
  std::size_t tail;  // of the mirror, right behind; 0: none
  std::uint64_t tail_offset;
};

View MapAt(const Plan& plan, void* address, std::uint64_t offset,
           std::size_t size) {
  const DWORD rights = plan.access == Access::kReadWrite
                           ? FILE_MAP_READ | FILE_MAP_WRITE
                           : FILE_MAP_READ;
  return View(::MapViewOfFileExNuma(plan.section, rights, HighWord(offset),
                                    LowWord(offset), size, address, plan.node));
}

// ---- Double mapping ---------------------------------------------------------

// From Windows 10 1803; older headers and systems do not have them.
constexpr ULONG kReservePlaceholder = 0x40000;
constexpr ULONG kReplacePlaceholder = 0x4000;
constexpr ULONG kPreservePlaceholder = 0x2;
using VirtualAlloc2Function = void*(WINAPI*)(HANDLE process, void* address,
                                             SIZE_T size, ULONG type,
                                             ULONG protection, void* parameters,
                                             ULONG parameter_count);
using MapViewOfFile3Function = void*(WINAPI*)(HANDLE section, HANDLE process,
                                              void* address, ULONG64 offset,
                                              SIZE_T size, ULONG type,
                                              ULONG protection,
                                              void* parameters,
                                              ULONG parameter_count);

// Address space that only a view may replace.
class Placeholder {
 public:
  explicit Placeholder(void* data) : data_(static_cast<std::byte*>(data)) {}
  Placeholder(const Placeholder&) = delete;
  Placeholder& operator=(const Placeholder&) = delete;
  ~Placeholder() {
    if (data_ != nullptr) ::VirtualFree(data_, 0, MEM_RELEASE);
  }
  [[nodiscard]] std::byte* data() const { return data_; }
  void Release() { data_ = nullptr; }

 private:
  std::byte* data_;
};

// Without a race; nullptr where the system cannot. The preferred node of pages
// is not asked for here: plans that have one take the other way.
std::byte* MirrorOverPlaceholders(const Plan& plan) {
  const auto reserve =
      LookUp<VirtualAlloc2Function>(L"kernelbase.dll", "VirtualAlloc2");
  const auto map =
      LookUp<MapViewOfFile3Function>(L"kernelbase.dll", "MapViewOfFile3");
  if (reserve == nullptr || map == nullptr) return nullptr;

  const HANDLE self = ::GetCurrentProcess();
  Placeholder first(reserve(self, nullptr, plan.size + plan.tail,
                            MEM_RESERVE | kReservePlaceholder, PAGE_NOACCESS,
                            nullptr, 0));
  if (first.data() == nullptr) return nullptr;
  // Splits it in two. The flags are meant: release, but keep the place.
  if (!::VirtualFree(first.data(), plan.size,
                     MEM_RELEASE | kPreservePlaceholder)) {
    return nullptr;
  }
  Placeholder second(first.data() + plan.size);
  const ULONG protection =
      plan.access == Access::kReadWrite ? PAGE_READWRITE : PAGE_READONLY;
  View view(map(plan.section, self, first.data(), 0, plan.size,
                kReplacePlaceholder, protection, nullptr, 0));
  if (!view) return nullptr;
  first.Release();
  if (map(plan.section, self, second.data(), plan.tail_offset, plan.tail,
          kReplacePlaceholder, protection, nullptr, 0) == nullptr) {
    return nullptr;
  }
  second.Release();
  return view.Release();
}

// Finds a place, gives it back and maps there, hoping that nobody else took it
// in between; nullptr and GetLastError after a bounded number of tries.
std::byte* MirrorByTrying(const Plan& plan) {
  constexpr int kAttempts = 64;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    void* const place = ::VirtualAlloc(nullptr, plan.size + plan.tail,
                                       MEM_RESERVE, PAGE_NOACCESS);
    if (place == nullptr) return nullptr;
    ::VirtualFree(place, 0, MEM_RELEASE);
    View view = MapAt(plan, place, 0, plan.size);
    if (view) {
      View mirror =
          MapAt(plan, view.data() + plan.size, plan.tail_offset, plan.tail);
      if (mirror) {
        mirror.Release();
        return view.Release();
      }
    }
    if (::GetLastError() != ERROR_INVALID_ADDRESS) return nullptr;
  }
  return nullptr;
}

std::byte* MapAll(const Plan& plan) {
  if (plan.tail == 0) return MapAt(plan, nullptr, 0, plan.size).Release();
  if (plan.node == NUMA_NO_PREFERRED_NODE) {
    if (std::byte* const data = MirrorOverPlaceholders(plan)) return data;
  }
  return MirrorByTrying(plan);
}

// Where the view that holds this byte begins.
std::byte* BeginOfView(const std::byte* at) {
  MEMORY_BASIC_INFORMATION facts{};
  ::VirtualQuery(at, &facts, sizeof(facts));
  return static_cast<std::byte*>(facts.AllocationBase);
}

// ---- Wishes -----------------------------------------------------------------

// Leaves a block out of the reports that the system makes of a crash, which is
// all it offers: a debugger's full dump has every page. From Windows 10 1703.
using ExcludeFunction = HRESULT(WINAPI*)(const void* address, DWORD size);
using IncludeFunction = HRESULT(WINAPI*)(const void* address);

void LeaveOutOfReports(const Plan& plan, const std::byte* data,
                       Granted& granted) {
  const auto exclude = LookUp<ExcludeFunction>(
      L"kernel32.dll", "WerRegisterExcludedMemoryBlock");
  if (exclude == nullptr) {
    granted.Set(Wish::kDontDump, Grant::kUnsupported);
    return;
  }
  const std::uint64_t size = std::uint64_t{plan.size} + plan.tail;
  const HRESULT result = size > std::numeric_limits<DWORD>::max()
                             ? HRESULT_FROM_WIN32(ERROR_INVALID_PARAMETER)
                             : exclude(data, static_cast<DWORD>(size));
  granted.Set(Wish::kDontDump,
              SUCCEEDED(result) ? Grant::kGranted : Grant::kRefused,
              SUCCEEDED(result) ? 0 : result);
}

void BackInReports(const std::byte* data) {
  const auto include = LookUp<IncludeFunction>(
      L"kernel32.dll", "WerUnregisterExcludedMemoryBlock");
  if (include != nullptr) include(data);
}

// Touches every page. PrefetchVirtualMemory would read them in, but still leave
// the first use of each with a fault.
void Prefault(const Plan& plan, std::byte* data) {
  SYSTEM_INFO system{};
  ::GetSystemInfo(&system);
  for (std::size_t at = 0; at < plan.size + plan.tail;
       at += system.dwPageSize) {
    auto* const word = reinterpret_cast<volatile LONG*>(data + at);
    if (plan.access == Access::kReadWrite) {
      // A write that changes nothing, whatever others write meanwhile.
      ::InterlockedCompareExchange(word, 0, 0);
    } else {
      static_cast<void>(*word);
    }
  }
}

// A view at a time: one call may not span two.
bool LockPages(const Plan& plan, std::byte* data) {
  return ::VirtualLock(data, plan.size) != 0 &&
         (plan.tail == 0 || ::VirtualLock(data + plan.size, plan.tail) != 0);
}

DWORD PreferredNode(const MapOptions& options, Granted& granted) {
  if (options.numa_node < 0) return NUMA_NO_PREFERRED_NODE;
  const auto node = static_cast<ULONG>(options.numa_node);
  ULONG highest = 0;
  if (!::GetNumaHighestNodeNumber(&highest)) {
    granted.Set(Wish::kNumaNode, Grant::kRefused,
                static_cast<std::int32_t>(::GetLastError()));
    return NUMA_NO_PREFERRED_NODE;
  }
  if (node > highest) {
    granted.Set(Wish::kNumaNode, Grant::kRefused, ERROR_INVALID_PARAMETER);
    return NUMA_NO_PREFERRED_NODE;
  }
  granted.Set(Wish::kNumaNode, Grant::kGranted);
  return node;
}

void GrantWishes(const Plan& plan, std::byte* data, const MapOptions& options,
                 Granted& granted) {
  if (options.huge_pages) {
    // A section has them from its creation, with a privilege that few
    // processes hold, and is locked in memory then: not offered.
    granted.Set(Wish::kHugePages, Grant::kUnsupported);
  }
  if (options.prefault) {
    Prefault(plan, data);
    granted.Set(Wish::kPrefault, Grant::kGranted);
  }
  if (options.lock) {
    const bool is_locked = LockPages(plan, data);
    granted.Set(Wish::kLock, is_locked ? Grant::kGranted : Grant::kRefused,
                is_locked ? 0 : static_cast<std::int32_t>(::GetLastError()));
  }
  if (options.dont_dump) LeaveOutOfReports(plan, data, granted);
  if (options.dont_fork) {
    // There is no fork: no child ever has the mapping.
    granted.Set(Wish::kDontFork, Grant::kGranted);
  }
}

Result<void> CheckMap(const Operation& operation, const SharedObject& object,
                      const MapOptions& options) {
  if (!object.is_open()) {
    return operation.Failed(ErrorCode::kInvalidArgument, "the object",
                            "it is not open: create or open it first");
  }
  if (options.access == Access::kReadWrite &&
      object.access() == Access::kReadOnly) {
    return operation.Failed(ErrorCode::kPermissionDenied, "the access",
                            "the object was opened read-only: open it "
                            "read-write, or map it read-only");
  }
  const std::uint64_t mirror = options.mirror_offset;
  if (mirror != 0 && (mirror % kGranuleBytes != 0 ||
                      object.size_bytes() % kGranuleBytes != 0 ||
                      mirror >= object.size_bytes())) {
    return operation.Failed(ErrorCode::kInvalidArgument, "mirror_offset",
                            "let it and the object's size be multiples of 64 "
                            "KiB, the offset below the size");
  }
  return Ok();
}

}  // namespace

Mapping::~Mapping() {
  if (data_ == nullptr) return;
  if (granted_[Wish::kDontDump] == Grant::kGranted) BackInReports(data_);
  // Of a double mapping the last byte lies in a view of its own.
  std::byte* const last = BeginOfView(data_ + size_ - 1);
  if (last != data_) ::UnmapViewOfFile(last);
  ::UnmapViewOfFile(data_);
}

Result<Mapping> SharedObject::Map(const MapOptions& options) const {
  const ShortText label = this->label();
  const Operation operation{"SharedObject::Map", label.view()};
  if (auto valid = CheckMap(operation, *this, options); !valid) {
    return valid.error();
  }
  const std::uint64_t tail =
      options.mirror_offset == 0 ? 0 : size_ - options.mirror_offset;
  if (size_ + tail > std::numeric_limits<std::size_t>::max()) {
    return operation.Failed(ERROR_NOT_ENOUGH_MEMORY);
  }
  Granted granted;
  const Plan plan{.section = ToHandle(handle_),
                  .access = options.access,
                  .node = PreferredNode(options, granted),
                  .size = static_cast<std::size_t>(size_),
                  .tail = static_cast<std::size_t>(tail),
                  .tail_offset = options.mirror_offset};
  std::byte* const data = MapAll(plan);
  if (data == nullptr) return operation.Failed(::GetLastError());
  GrantWishes(plan, data, options, granted);
  return MappingPort::Make(data, plan.size + plan.tail, options.access,
                           granted);
}

}  // namespace placid::os
