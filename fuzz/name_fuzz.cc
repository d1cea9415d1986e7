// SPDX-License-Identifier: Apache-2.0
//
// os::Name: any text, against the rules of the header written a second time.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/check.h"
#include "placid/os/name.h"

namespace placid::fuzz {
namespace {

using os::Name;

constexpr std::size_t kHashBytes = 17;  // "-" and 16 digits

bool IsPortable(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}
bool IsName(std::string_view text) {
  return !text.empty() && text.size() <= Name::kMaxBytes && text[0] != '.' &&
         std::all_of(text.begin(), text.end(), IsPortable);
}

void CheckRefusal(const Result<Name>& name) {
  PLACID_FUZZ_CHECK(name.error().code == ErrorCode::kInvalidArgument);
  PLACID_FUZZ_CHECK(name.error().advice != nullptr);
  PLACID_FUZZ_CHECK(!name.error().Message().view().empty());
}

void CheckParse(std::string_view text) {
  const auto name = Name::Parse(text);
  PLACID_FUZZ_CHECK(name.has_value() == IsName(text));
  if (!name) return CheckRefusal(name);
  PLACID_FUZZ_CHECK(name->text() == text);
  PLACID_FUZZ_CHECK(!name->is_raw());
}

void CheckSanitize(std::string_view text) {
  const auto name = Name::Sanitize(text);
  PLACID_FUZZ_CHECK(name.has_value() == !text.empty());
  if (!name) return CheckRefusal(name);
  const std::string_view made = name->text();
  PLACID_FUZZ_CHECK(IsName(made) && !name->is_raw());
  PLACID_FUZZ_CHECK(Name::Parse(made)->text() == made);
  PLACID_FUZZ_CHECK(*Name::Sanitize(text) == *name);
  if (IsName(text)) {
    PLACID_FUZZ_CHECK(made == text);
    return;
  }
  PLACID_FUZZ_CHECK(made.size() > kHashBytes);
  const std::string_view hash = made.substr(made.size() - kHashBytes);
  PLACID_FUZZ_CHECK(hash[0] == '-');
  PLACID_FUZZ_CHECK(hash.substr(1).find_first_not_of("0123456789abcdef") ==
                    std::string_view::npos);
  // What comes before it is the text, as far as it went.
  const std::string_view kept = made.substr(0, made.size() - kHashBytes);
  PLACID_FUZZ_CHECK(kept.size() ==
                    std::min(text.size(), Name::kMaxBytes - kHashBytes));
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const bool stays = IsPortable(text[i]) && !(i == 0 && text[i] == '.');
    PLACID_FUZZ_CHECK(kept[i] == (stays ? text[i] : '_'));
  }
}

void CheckRaw(std::string_view text) {
  const auto name = Name::Raw(text);
  const bool is_name = !text.empty() && text.size() <= Name::kMaxBytes &&
                       text.find('\0') == std::string_view::npos;
  PLACID_FUZZ_CHECK(name.has_value() == is_name);
  if (!name) return CheckRefusal(name);
  PLACID_FUZZ_CHECK(name->text() == text && name->is_raw());
  const auto parsed = Name::Parse(text);
  PLACID_FUZZ_CHECK(!parsed || !(*parsed == *name));
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  placid::fuzz::CheckParse(text);
  placid::fuzz::CheckSanitize(text);
  placid::fuzz::CheckRaw(text);
  return 0;
}
