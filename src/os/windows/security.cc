// SPDX-License-Identifier: Apache-2.0
#include "security.h"

#include <aclapi.h>
#include <sddl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "system.h"

namespace placid::os::internal {
namespace {

// The user that a process runs as.
class User {
 public:
  // ERROR_SUCCESS, or why the system would not say.
  DWORD Read(HANDLE process) {
    HANDLE opened = nullptr;
    if (!::OpenProcessToken(process, TOKEN_QUERY, &opened)) {
      return ::GetLastError();
    }
    const UniqueHandle token(opened);
    DWORD size = 0;
    return ::GetTokenInformation(token.get(), TokenUser, &memory_,
                                 sizeof(memory_), &size)
               ? ERROR_SUCCESS
               : ::GetLastError();
  }
  [[nodiscard]] PSID sid() const { return memory_.user.User.Sid; }

 private:
  struct {
    TOKEN_USER user;
    std::byte sid[SECURITY_MAX_SID_SIZE];
  } memory_{};
};

bool LetsEverybodyIn(PACL list) {
  for (DWORD i = 0; i < list->AceCount; ++i) {
    void* entry = nullptr;
    if (!::GetAce(list, i, &entry)) return false;
    auto* const allowed = static_cast<ACCESS_ALLOWED_ACE*>(entry);
    if (allowed->Header.AceType == ACCESS_ALLOWED_ACE_TYPE &&
        ::IsWellKnownSid(&allowed->SidStart, WinWorldSid)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<Security> Security::Of(const Operation& operation, std::uint32_t mode) {
  const bool is_ours_alone = mode == 0600;
  if (!is_ours_alone && mode != 0660 && mode != 0666) {
    return operation.Failed(ErrorCode::kInvalidArgument, "the mode",
                            "Windows has 0600 (our user), 0660 and 0666 "
                            "(everybody) only");
  }
  User user;
  if (const DWORD error = user.Read(::GetCurrentProcess());
      error != ERROR_SUCCESS) {
    return operation.Failed(error);
  }
  wchar_t* sid = nullptr;
  if (!::ConvertSidToStringSidW(user.sid(), &sid)) {
    return operation.Failed(::GetLastError());
  }
  // Protected (P): nothing is inherited from the folder of a file.
  const std::wstring text = std::wstring(L"D:P(A;;GA;;;") + sid + L")" +
                            (is_ours_alone ? L"" : L"(A;;GRGW;;;WD)");
  ::LocalFree(sid);
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  if (!::ConvertStringSecurityDescriptorToSecurityDescriptorW(
          text.c_str(), SDDL_REVISION_1, &descriptor, nullptr)) {
    return operation.Failed(::GetLastError());
  }
  return Security(descriptor);
}

Permissions PermissionsOf(HANDLE object) {
  PSID owner = nullptr;
  PACL list = nullptr;
  PSECURITY_DESCRIPTOR descriptor = nullptr;
  if (::GetSecurityInfo(object, SE_KERNEL_OBJECT,
                        OWNER_SECURITY_INFORMATION | DACL_SECURITY_INFORMATION,
                        &owner, nullptr, &list, nullptr,
                        &descriptor) != ERROR_SUCCESS) {
    return {};
  }
  const std::unique_ptr<void, FreeLocal> freeing(descriptor);
  Permissions found;
  if (owner != nullptr) {
    const DWORD count = *::GetSidSubAuthorityCount(owner);
    found.owner = count == 0 ? 0 : *::GetSidSubAuthority(owner, count - 1);
  }
  // No list at all lets everybody do everything.
  found.mode = list == nullptr || LetsEverybodyIn(list) ? 0666 : 0600;
  return found;
}

DWORD CheckSameUser(DWORD pid) {
  const UniqueHandle process(
      ::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
  if (!process) return ::GetLastError();
  User ours;
  User theirs;
  if (const DWORD error = ours.Read(::GetCurrentProcess());
      error != ERROR_SUCCESS) {
    return error;
  }
  if (const DWORD error = theirs.Read(process.get()); error != ERROR_SUCCESS) {
    return error;
  }
  return ::EqualSid(ours.sid(), theirs.sid()) ? ERROR_SUCCESS
                                              : ERROR_ACCESS_DENIED;
}

}  // namespace placid::os::internal
