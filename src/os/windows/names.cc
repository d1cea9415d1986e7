// SPDX-License-Identifier: Apache-2.0
#include "names.h"

#include <algorithm>
#include <climits>
#include <string>
#include <string_view>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "system.h"

namespace placid::os::internal {

Result<std::wstring> Widen(const Operation& operation, std::string_view text) {
  const bool is_valid = !text.empty() && text.size() <= INT_MAX &&
                        text.find('\0') == std::string_view::npos;
  const int size = static_cast<int>(is_valid ? text.size() : 0);
  const int needed = ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS,
                                           text.data(), size, nullptr, 0);
  if (needed == 0) {
    return operation.Failed(ErrorCode::kInvalidArgument, "the name or path",
                            "give at least one byte of valid UTF-8 without "
                            "zero bytes");
  }
  std::wstring wide(static_cast<std::size_t>(needed), L'\0');
  ::MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text.data(), size,
                        wide.data(), needed);
  return wide;
}

Result<std::wstring> SectionName(const Operation& operation, const Name& name) {
  auto text = Widen(operation, name.text());
  if (!text || name.is_raw()) return text;
  return L"Local\\placid." + *text;
}

Result<std::wstring> PipeName(const Operation& operation, const Name& name,
                              const std::wstring& purpose) {
  auto text = Widen(operation, name.text());
  if (!text) return text;
  std::wstring scope = L"global";
  if (!name.is_raw() || !text->starts_with(L"Global\\")) {
    DWORD session = 0;
    ::ProcessIdToSessionId(::GetCurrentProcessId(), &session);
    scope = std::to_wstring(session);
  }
  // Names of pipes have no backslashes, portable names no exclamation marks.
  std::ranges::replace(*text, L'\\', L'!');
  return L"\\\\.\\pipe\\placid." + scope + L"." + purpose +
         (name.is_raw() ? L"!" : L".") + *text;
}

}  // namespace placid::os::internal
