// SPDX-License-Identifier: Apache-2.0
//
// The system's headers, and the few tools that all of this port needs.
#ifndef PLACID_SRC_OS_WINDOWS_SYSTEM_H_
#define PLACID_SRC_OS_WINDOWS_SYSTEM_H_

#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <cstdint>
#include <utility>

#include "placid/os/shared_object.h"

namespace placid::os::internal {

[[nodiscard]] inline HANDLE ToHandle(NativeHandle handle) {
  return reinterpret_cast<HANDLE>(handle);
}

// A handle that closes itself. Some calls of the system fail with a null
// handle, some with INVALID_HANDLE_VALUE: both are none here.
class UniqueHandle {
 public:
  UniqueHandle() = default;
  explicit UniqueHandle(HANDLE handle)
      : handle_(handle == INVALID_HANDLE_VALUE ? nullptr : handle) {}
  UniqueHandle(UniqueHandle&& other) noexcept
      : handle_(std::exchange(other.handle_, nullptr)) {}
  UniqueHandle& operator=(UniqueHandle&& other) noexcept {
    UniqueHandle(std::move(other)).swap(*this);
    return *this;
  }
  // Keeps the last error, which the failure that led here may still be in.
  ~UniqueHandle() {
    if (handle_ == nullptr) return;
    const DWORD error = ::GetLastError();
    ::CloseHandle(handle_);
    ::SetLastError(error);
  }

  [[nodiscard]] HANDLE get() const { return handle_; }
  [[nodiscard]] explicit operator bool() const { return handle_ != nullptr; }
  // Requires a handle.
  [[nodiscard]] NativeHandle Release() {
    return reinterpret_cast<NativeHandle>(std::exchange(handle_, nullptr));
  }
  void swap(UniqueHandle& other) noexcept { std::swap(handle_, other.handle_); }

 private:
  HANDLE handle_ = nullptr;
};

// A function that not every version of the system has, or nullptr. `module` is
// one of those that every process has loaded.
template <typename Function>
[[nodiscard]] Function LookUp(const wchar_t* module, const char* name) {
  const HMODULE loaded = ::GetModuleHandleW(module);
  if (loaded == nullptr) return nullptr;
  return reinterpret_cast<Function>(
      reinterpret_cast<void (*)()>(::GetProcAddress(loaded, name)));
}

[[nodiscard]] constexpr DWORD HighWord(std::uint64_t number) {
  return static_cast<DWORD>(number >> 32);
}
[[nodiscard]] constexpr DWORD LowWord(std::uint64_t number) {
  return static_cast<DWORD>(number & 0xffffffff);
}

}  // namespace placid::os::internal

#endif  // PLACID_SRC_OS_WINDOWS_SYSTEM_H_
