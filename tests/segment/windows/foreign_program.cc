// SPDX-License-Identifier: Apache-2.0
#include "tests/segment/foreign_program.h"

#include <windows.h>

#include <cstddef>
#include <cstdlib>
#include <string>

namespace placid::testing {

ForeignProgram::ForeignProgram(std::size_t size_bytes)
    : name_("Local\\foreign-" + std::to_string(::GetCurrentProcessId())) {
  const HANDLE section =
      ::CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0,
                           static_cast<DWORD>(size_bytes), name_.c_str());
  if (section == nullptr) std::abort();
  void* const at = ::MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  if (at == nullptr) std::abort();
  handle_ = reinterpret_cast<os::NativeHandle>(section);
  bytes_ = {static_cast<std::byte*>(at), size_bytes};
}

ForeignProgram::~ForeignProgram() {
  ::UnmapViewOfFile(bytes_.data());
  ::CloseHandle(reinterpret_cast<HANDLE>(handle_));
}

bool ForeignProgram::CanBeOpened() const {
  const HANDLE section =
      ::OpenFileMappingA(FILE_MAP_WRITE, FALSE, name_.c_str());
  if (section != nullptr) ::CloseHandle(section);
  return section != nullptr;
}

}  // namespace placid::testing
