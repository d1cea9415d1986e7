// SPDX-License-Identifier: Apache-2.0
#include "placid/os/name.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include "hash.h"
#include "placid/base/error.h"
#include "placid/base/result.h"

namespace placid::os {
namespace {

// Not isalnum, which depends on the locale.
constexpr bool IsPortable(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

Error Refuse(const char* operation, std::string_view text, const char* field,
             const char* advice) {
  return {.code = ErrorCode::kInvalidArgument,
          .operation = operation,
          .field = field,
          .advice = advice,
          .subject = text};
}

// What no kind of name may be.
Result<void> CheckLength(const char* operation, std::string_view text) {
  if (text.empty()) {
    return Refuse(operation, text, "an empty name",
                  "give a name of at least one byte");
  }
  if (text.size() <= Name::kMaxBytes) return Ok();
  Error error = Refuse(operation, text, "the name's length",
                       "shorten it, or let Name::Sanitize cut it");
  error.expected = Name::kMaxBytes;
  error.found = text.size();
  return error;
}

}  // namespace

Name::Name(std::string_view text, bool is_raw)
    : size_(text.size()), is_raw_(is_raw) {
  std::ranges::copy(text, bytes_.begin());
}

Result<Name> Name::Parse(std::string_view text) {
  constexpr const char* kOperation = "Name::Parse";
  if (auto length = CheckLength(kOperation, text); !length) {
    return length.error();
  }
  if (text.front() == '.') {
    return Refuse(kOperation, text, "a leading dot",
                  "begin with another byte, or use Name::Sanitize");
  }
  const auto bad = std::ranges::find_if_not(text, IsPortable);
  if (bad == text.end()) return Name(text, false);
  Error error = Refuse(kOperation, text, "a byte of the name",
                       "use A-Z a-z 0-9 . _ - only, or Name::Sanitize; the "
                       "byte's value is given, '_' would be valid");
  error.expected = '_';
  error.found = static_cast<unsigned char>(*bad);
  return error;
}

Result<Name> Name::Sanitize(std::string_view text) {
  if (text.empty()) return CheckLength("Name::Sanitize", text).error();
  if (auto valid = Parse(text)) return valid;

  const auto hash = internal::ToHex(internal::HashOf(text));
  constexpr std::size_t kSuffixBytes = 1 + hash.size();
  const std::size_t kept = std::min(text.size(), kMaxBytes - kSuffixBytes);
  std::array<char, kMaxBytes> bytes{};
  auto end =
      std::ranges::transform(text.substr(0, kept), bytes.begin(), [](char c) {
        return IsPortable(c) ? c : '_';
      }).out;
  if (bytes.front() == '.') bytes.front() = '_';
  *end++ = '-';
  std::ranges::copy(hash, end);
  return Name({bytes.data(), kept + kSuffixBytes}, false);
}

Result<Name> Name::Raw(std::string_view text) {
  constexpr const char* kOperation = "Name::Raw";
  if (auto length = CheckLength(kOperation, text); !length) {
    return length.error();
  }
  if (text.find('\0') != std::string_view::npos) {
    return Refuse(kOperation, text, "a zero byte",
                  "no system knows names with zero bytes in them");
  }
  return Name(text, true);
}

}  // namespace placid::os
