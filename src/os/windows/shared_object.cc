// SPDX-License-Identifier: Apache-2.0
//
// Sections: named ones, of the page file or of a file on disk. A section keeps
// its file, so that is closed at once and the section is the only handle.
#include "placid/os/shared_object.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>

#include "../hash.h"
#include "names.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "port.h"
#include "section.h"
#include "security.h"
#include "session_names.h"
#include "system.h"

namespace placid::os {

using internal::Announce;
using internal::HighWord;
using internal::Inspect;
using internal::LookUp;
using internal::LowWord;
using internal::Operation;
using internal::RightsOf;
using internal::Security;
using internal::ToHandle;
using internal::UniqueHandle;

namespace {

Result<void> CheckSize(const Operation& operation, std::uint64_t size) {
  if (size != 0 && size <= SharedObject::kMaxBytes) return Ok();
  Error error = operation.Failed(ErrorCode::kInvalidArgument, "the size",
                                 "give a size of 1 byte to 64 TiB");
  error.expected = size == 0 ? 1 : SharedObject::kMaxBytes;
  error.found = size;
  return error;
}

// ---- Sections of the page file ----------------------------------------------

// Makes one, or opens what has the name: GetLastError() is ERROR_ALREADY_EXISTS
// then. `name` nullptr: without one.
UniqueHandle MakeSection(const wchar_t* name, std::uint64_t size,
                         const Security& security) {
  SECURITY_ATTRIBUTES attributes = security.attributes();
  ::SetLastError(ERROR_SUCCESS);
  return UniqueHandle(::CreateFileMappingW(
      INVALID_HANDLE_VALUE, &attributes, PAGE_READWRITE | SEC_COMMIT,
      HighWord(size), LowWord(size), name));
}

Result<SharedObject> Adopted(const Operation& operation, UniqueHandle section,
                             Access access) {
  const auto facts = Inspect(operation, section.get(), access);
  if (!facts) return facts.error();
  return SharedObjectPort::Make(operation, std::move(section), facts->size,
                                access,
                                /*was_created=*/false, facts->is_sealed);
}

SharedObject Created(const Operation& operation, UniqueHandle section,
                     std::uint64_t size) {
  return SharedObjectPort::Make(operation, std::move(section), size,
                                Access::kReadWrite,
                                /*was_created=*/true, /*is_sealed=*/true);
}

Result<SharedObject> OpenNamed(const Operation& operation,
                               const std::wstring& name, Access access) {
  UniqueHandle section(
      ::OpenFileMappingW(RightsOf(access), FALSE, name.c_str()));
  if (!section) return operation.Failed(::GetLastError());
  return Adopted(operation, std::move(section), access);
}

// ---- Sections of files ------------------------------------------------------

constexpr DWORD kShareAll =
    FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

bool IsDirectory(const std::wstring& path) {
  const DWORD attributes = ::GetFileAttributesW(path.c_str());
  return attributes != INVALID_FILE_ATTRIBUTES &&
         (attributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

Error NotAFile(const Operation& operation) {
  return operation.Failed(ErrorCode::kInvalidArgument, "the kind of file",
                          "only regular files can be shared: choose another");
}

Result<SharedObject> OpenAt(const Operation& operation,
                            const std::wstring& path, Access access,
                            bool was_created) {
  const bool writes = access == Access::kReadWrite;
  const UniqueHandle file(::CreateFileW(
      path.c_str(), writes ? GENERIC_READ | GENERIC_WRITE : GENERIC_READ,
      kShareAll, nullptr, OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr));
  if (!file) {
    const DWORD error = ::GetLastError();
    if (IsDirectory(path)) return NotAFile(operation);
    return operation.Failed(error);
  }
  if (::GetFileType(file.get()) != FILE_TYPE_DISK) return NotAFile(operation);
  LARGE_INTEGER size{};
  if (!::GetFileSizeEx(file.get(), &size)) {
    return operation.Failed(::GetLastError());
  }
  if (size.QuadPart <= 0) {
    return operation.Failed(ErrorCode::kTruncated, "a size of 0 bytes",
                            "its creator has not sized it yet, or somebody "
                            "emptied it: try later, or remove it");
  }
  UniqueHandle section(::CreateFileMappingW(
      file.get(), nullptr, writes ? PAGE_READWRITE : PAGE_READONLY, 0, 0,
      nullptr));
  if (!section) return operation.Failed(::GetLastError());
  return SharedObjectPort::Make(operation, std::move(section),
                                static_cast<std::uint64_t>(size.QuadPart),
                                access, was_created, /*is_sealed=*/false);
}

std::wstring TemporaryBeside(const std::wstring& path) {
  std::random_device random;
  const auto digits = internal::ToHex(std::uint64_t{random()} << 32 | random());
  const auto end_of_folder = path.find_last_of(L"\\/:");
  return path.substr(0, end_of_folder + 1) + L".placid." +
         std::wstring(digits.begin(), digits.end());
}

// Makes a file of `size` zero bytes under a name that the system takes away
// when we close it, or die, and gives it `path` by a second link as the last
// step. So nobody sees it half-made, and no failure leaves anything behind.
// ERROR_SUCCESS or why not.
DWORD MakeFile(const std::wstring& path, std::uint64_t size,
               const Security& security) {
  SECURITY_ATTRIBUTES attributes = security.attributes();
  const std::wstring temporary = TemporaryBeside(path);
  const UniqueHandle file(::CreateFileW(
      temporary.c_str(), GENERIC_READ | GENERIC_WRITE | DELETE, kShareAll,
      &attributes, CREATE_NEW,
      FILE_ATTRIBUTE_NORMAL | FILE_FLAG_DELETE_ON_CLOSE, nullptr));
  if (!file) return ::GetLastError();
  // Takes the clusters, too, on the file systems that have hard links.
  FILE_END_OF_FILE_INFO end{};
  end.EndOfFile.QuadPart = static_cast<LONGLONG>(size);
  if (!::SetFileInformationByHandle(file.get(), FileEndOfFileInfo, &end,
                                    sizeof(end))) {
    return ::GetLastError();
  }
  return ::CreateHardLinkW(path.c_str(), temporary.c_str(), nullptr)
             ? ERROR_SUCCESS
             : ::GetLastError();
}

}  // namespace

SharedObject::~SharedObject() {
  if (is_open()) ::CloseHandle(ToHandle(handle_));
}

bool CanSealAnonymous() { return true; }
bool NamesPersist() { return false; }

Result<SharedObject> SharedObject::CreateAnonymous(
    std::uint64_t size_bytes, const CreateOptions& options) {
  const Operation operation{"SharedObject::CreateAnonymous", {}};
  if (auto valid = CheckSize(operation, size_bytes); !valid) {
    return valid.error();
  }
  const auto security = Security::Of(operation, options.mode);
  if (!security) return security.error();
  UniqueHandle section = MakeSection(nullptr, size_bytes, *security);
  if (!section) return operation.Failed(::GetLastError());
  return Created(operation, std::move(section), size_bytes);
}

Result<SharedObject> SharedObject::Create(const Name& name,
                                          std::uint64_t size_bytes,
                                          const CreateOptions& options) {
  const Operation operation{"SharedObject::Create", name.text()};
  if (auto valid = CheckSize(operation, size_bytes); !valid) {
    return valid.error();
  }
  const auto text = internal::SectionName(operation, name);
  if (!text) return text.error();
  const auto security = Security::Of(operation, options.mode);
  if (!security) return security.error();
  UniqueHandle section = MakeSection(text->c_str(), size_bytes, *security);
  if (!section || ::GetLastError() == ERROR_ALREADY_EXISTS) {
    return operation.Failed(::GetLastError());
  }
  Announce(name, /*was_created=*/true);
  return Created(operation, std::move(section), size_bytes);
}

Result<SharedObject> SharedObject::Open(const Name& name, Access access,
                                        Owner /*owner*/) {
  const Operation operation{"SharedObject::Open", name.text()};
  const auto text = internal::SectionName(operation, name);
  if (!text) return text.error();
  auto opened = OpenNamed(operation, *text, access);
  if (opened) Announce(name, /*was_created=*/false);
  return opened;
}

Result<SharedObject> SharedObject::OpenOrCreate(const Name& name,
                                                std::uint64_t size_bytes,
                                                const CreateOptions& options) {
  const Operation operation{"SharedObject::OpenOrCreate", name.text()};
  if (auto valid = CheckSize(operation, size_bytes); !valid) {
    return valid.error();
  }
  const auto text = internal::SectionName(operation, name);
  if (!text) return text.error();
  const auto security = Security::Of(operation, options.mode);
  if (!security) return security.error();

  constexpr int kAttempts = 32;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    // One call does either. But it asks for every right to what is there, which
    // another user's object does not grant: then reading and writing will do.
    UniqueHandle section = MakeSection(text->c_str(), size_bytes, *security);
    const DWORD error = ::GetLastError();
    if (section && error != ERROR_ALREADY_EXISTS) {
      Announce(name, /*was_created=*/true);
      return Created(operation, std::move(section), size_bytes);
    }
    if (!section && error != ERROR_ACCESS_DENIED) {
      return operation.Failed(error);
    }
    auto opened =
        section ? Adopted(operation, std::move(section), Access::kReadWrite)
                : OpenNamed(operation, *text, Access::kReadWrite);
    if (opened) Announce(name, /*was_created=*/false);
    if (opened || opened.error().code != ErrorCode::kNotFound) return opened;
  }
  return operation.Failed(ErrorCode::kContended, nullptr,
                          "others create and close this name all the time: "
                          "try again");
}

Result<void> SharedObject::Unlink(const Name& name) {
  const Operation operation{"SharedObject::Unlink", name.text()};
  const auto text = internal::SectionName(operation, name);
  if (!text) return text.error();
  const UniqueHandle section(
      ::OpenFileMappingW(SECTION_MAP_READ, FALSE, text->c_str()));
  if (!section && ::GetLastError() == ERROR_FILE_NOT_FOUND) {
    return operation.Failed(ERROR_FILE_NOT_FOUND);
  }
  return operation.Failed(ErrorCode::kUnsupported, nullptr,
                          "on Windows a name goes by itself when the last "
                          "handle and view of its object are closed: go on as "
                          "if it were done");
}

Result<SharedObject> SharedObject::CreateAtPath(std::string_view path,
                                                std::uint64_t size_bytes,
                                                const CreateOptions& options) {
  const Operation operation{"SharedObject::CreateAtPath", path};
  if (auto valid = CheckSize(operation, size_bytes); !valid) {
    return valid.error();
  }
  const auto text = internal::Widen(operation, path);
  if (!text) return text.error();
  const auto security = Security::Of(operation, options.mode);
  if (!security) return security.error();
  // Only to say so before all the space is reserved in vain.
  if (::GetFileAttributesW(text->c_str()) != INVALID_FILE_ATTRIBUTES) {
    return operation.Failed(ERROR_FILE_EXISTS);
  }
  const DWORD error = MakeFile(*text, size_bytes, *security);
  if (error == ERROR_INVALID_FUNCTION || error == ERROR_NOT_SUPPORTED) {
    Error failed = operation.Failed(ErrorCode::kUnsupported, nullptr,
                                    "this file system has no hard links: use "
                                    "another, or make the file by other means "
                                    "and open it");
    failed.system_error = static_cast<std::int32_t>(error);
    return failed;
  }
  if (error != ERROR_SUCCESS) return operation.Failed(error);
  auto object =
      OpenAt(operation, *text, Access::kReadWrite, /*was_created=*/true);
  if (!object) ::DeleteFileW(text->c_str());
  return object;
}

Result<SharedObject> SharedObject::OpenAtPath(std::string_view path,
                                              Access access) {
  const Operation operation{"SharedObject::OpenAtPath", path};
  const auto text = internal::Widen(operation, path);
  if (!text) return text.error();
  return OpenAt(operation, *text, access, /*was_created=*/false);
}

Result<SharedObject> SharedObject::Adopt(NativeHandle handle, Access access,
                                         std::uint64_t size_bytes) {
  const Operation operation{"SharedObject::Adopt", {}};
  if (handle == kNoHandle) return operation.Failed(ERROR_INVALID_HANDLE);
  const auto facts = Inspect(operation, ToHandle(handle), access);
  if (!facts && facts.error().code == ErrorCode::kPermissionDenied) {
    return operation.Failed(ErrorCode::kPermissionDenied,
                            "the access of the handle",
                            "have the other side hand it over read-write, or "
                            "adopt it read-only");
  }
  if (!facts) return facts.error();
  if (size_bytes > facts->size) {
    Error error = operation.Failed(ErrorCode::kTruncated, "the size",
                                   "the object is smaller than promised: do "
                                   "not trust who sent it");
    error.expected = size_bytes;
    error.found = facts->size;
    return error;
  }
  if (!::SetHandleInformation(ToHandle(handle), HANDLE_FLAG_INHERIT, 0)) {
    return operation.Failed(::GetLastError());
  }
  internal::KeepRegistry();
  return SharedObjectPort::Make(operation, UniqueHandle(ToHandle(handle)),
                                size_bytes == 0 ? facts->size : size_bytes,
                                access, /*was_created=*/false,
                                facts->is_sealed);
}

Result<void> SharedObject::StillNamed(const Name& name) const {
  const Operation operation{"SharedObject::StillNamed", name.text()};
  const auto text = internal::SectionName(operation, name);
  if (!text) return text.error();
  // From Windows 10.
  const auto is_same = LookUp<BOOL(WINAPI*)(HANDLE, HANDLE)>(
      L"kernelbase.dll", "CompareObjectHandles");
  if (is_same == nullptr) {
    return operation.Failed(ErrorCode::kUnsupported, nullptr,
                            "Windows 10 or later can tell; here a name leads "
                            "to its object for as long as that is open");
  }
  const UniqueHandle there(
      ::OpenFileMappingW(SECTION_MAP_READ, FALSE, text->c_str()));
  if (!there && ::GetLastError() != ERROR_FILE_NOT_FOUND) {
    return operation.Failed(::GetLastError());
  }
  if (there && is_same(ToHandle(handle_), there.get())) return Ok();
  return operation.Failed(ErrorCode::kUnlinked, nullptr,
                          "the name leads nowhere or to another object: create "
                          "it anew, or open what is there now");
}

}  // namespace placid::os
