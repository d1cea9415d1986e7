// SPDX-License-Identifier: Apache-2.0
#include "section.h"

#include <cstdint>

#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "system.h"

namespace placid::os::internal {
namespace {

// The first of the classes of NtQuerySection.
struct SectionBasicInformation {
  void* base;
  ULONG attributes;
  LARGE_INTEGER size;
};
using NtQuerySectionFunction = LONG(NTAPI*)(HANDLE section, int information,
                                            void* buffer, SIZE_T buffer_size,
                                            SIZE_T* returned);

// What a handle without the right to query still shows: a view's extent.
Result<SectionFacts> InspectView(const Operation& operation, HANDLE section,
                                 Access access) {
  void* const view = ::MapViewOfFile(
      section, access == Access::kReadWrite ? FILE_MAP_WRITE : FILE_MAP_READ, 0,
      0, 0);
  if (view == nullptr) return operation.Failed(::GetLastError());
  MEMORY_BASIC_INFORMATION facts{};
  ::VirtualQuery(view, &facts, sizeof(facts));
  ::UnmapViewOfFile(view);
  if (facts.State == MEM_COMMIT) return SectionFacts{.size = facts.RegionSize};
  return operation.Failed(ErrorCode::kInvalidArgument, "the kind of section",
                          "its memory is reserved only: have its creator "
                          "commit it");
}

}  // namespace

Result<SectionFacts> Inspect(const Operation& operation, HANDLE section,
                             Access access) {
  const auto query =
      LookUp<NtQuerySectionFunction>(L"ntdll.dll", "NtQuerySection");
  SectionBasicInformation found{};
  if (query == nullptr ||
      query(section, 0, &found, sizeof(found), nullptr) != 0) {
    return InspectView(operation, section, access);
  }
  // A page of a reserved section may be a hole; an image has its own layout.
  if ((found.attributes & (SEC_RESERVE | SEC_IMAGE)) != 0) {
    return operation.Failed(ErrorCode::kInvalidArgument, "the kind of section",
                            "it is an image, or its memory is reserved only: "
                            "have its creator commit it");
  }
  void* const view = ::MapViewOfFile(
      section, access == Access::kReadWrite ? FILE_MAP_WRITE : FILE_MAP_READ, 0,
      0, 1);
  if (view == nullptr) return operation.Failed(::GetLastError());
  ::UnmapViewOfFile(view);
  // A section of a file can grow with it.
  return SectionFacts{.size = static_cast<std::uint64_t>(found.size.QuadPart),
                      .is_sealed = (found.attributes & SEC_FILE) == 0};
}

}  // namespace placid::os::internal
