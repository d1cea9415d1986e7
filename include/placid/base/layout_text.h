// SPDX-License-Identifier: Apache-2.0
//
// The layout of an element as text: what kElementLayout writes and others, who
// were built without the type, can read. It lies beside the values, so that two
// programs that disagree can say on what, and an inspector can show values.
//
//   layout  =  "u" bits | "i" bits | "f" bits | "o" bytes
//           |  layout "[" count "]"
//           |  "{" name ":" layout { "," name ":" layout } "}"
//
//   {position:{x:f64,y:f64},frame:i32[3],flags:u8,rest:o3}
//
// Fields follow one another without a gap (fields.h), so sizes give offsets.
// All of this reads text that a peer may have written: it looks at nothing past
// its end, and at no more than kMostLayoutDepth types within types.
#ifndef PLACID_BASE_LAYOUT_TEXT_H_
#define PLACID_BASE_LAYOUT_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "placid/base/error.h"

namespace placid {

inline constexpr int kMostLayoutDepth = 16;

// Bytes of a value of that layout. nullopt: the text is none, or too deep.
[[nodiscard]] constexpr std::optional<std::uint64_t> LayoutSize(
    std::string_view layout, int depth = 0);

struct LayoutField {
  std::string_view name;
  std::string_view layout;
};

// The fields of a struct, one after the other.
class LayoutFields {
 public:
  // Of what is no struct: none.
  explicit constexpr LayoutFields(std::string_view layout);

  // nullopt: no more, or the text ends in the midst of one.
  [[nodiscard]] constexpr std::optional<LayoutField> Next();

 private:
  std::string_view rest_;  // from a name on
};

// The first thing in which two layouts differ. All before it is equal, so its
// offset is the same in both.
struct LayoutDifference {
  enum class What : std::uint8_t {
    kNothing,
    kName,   // another field stands here
    kSize,   // of the field
    kKind,   // of the same size
    kCount,  // one of them has no more fields
    kText,   // one of them is none, or too deep
  };
  What what = What::kNothing;
  ShortText path;            // "position.x", "frame[]"; empty: the whole
  std::uint64_t offset = 0;  // of the field, in bytes
  std::string_view ours;     // its layout, or for kName and kCount its name
  std::string_view theirs;
};
[[nodiscard]] constexpr LayoutDifference CompareLayouts(
    std::string_view ours, std::string_view theirs);

// ---- Implementation ---------------------------------------------------------

namespace internal {

[[nodiscard]] constexpr bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// The number that the text begins with, taken off it. nullopt: none, or more
// than any size.
[[nodiscard]] constexpr std::optional<std::uint64_t> TakeNumber(
    std::string_view& text) {
  std::uint64_t number = 0;
  std::size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) {
    if (digits == 15) return std::nullopt;
    number = number * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

// The layout that the text begins with, taken off it. Empty: none.
[[nodiscard]] constexpr std::string_view TakeLayout(std::string_view& text) {
  std::size_t end = 0;
  for (int depth = 0; end < text.size();) {
    const char c = text[end++];
    if (c == '{') ++depth;
    if (c == '}') --depth;
    if (depth < 0) return {};
    if (depth > 0) continue;
    const char next = end < text.size() ? text[end] : ',';
    if (next == ',' || next == '}') break;
    if (next == '{' || next == ':') return {};
  }
  const std::string_view layout = text.substr(0, end);
  text.remove_prefix(end);
  return layout;
}

// Where a layout that begins with a brace closes it; npos: it was cut off.
[[nodiscard]] constexpr std::size_t StructEnd(std::string_view layout) {
  int depth = 0;
  for (std::size_t at = 0; at < layout.size(); ++at) {
    if (layout[at] == '{') ++depth;
    if (layout[at] == '}' && --depth == 0) return at + 1;
  }
  return std::string_view::npos;
}

// Of "f32[4]" the count, and `layout` becomes "f32". nullopt: no array.
[[nodiscard]] constexpr std::optional<std::uint64_t> TakeCount(
    std::string_view& layout) {
  const std::size_t open = layout.rfind('[');
  if (open == std::string_view::npos || layout.back() != ']') {
    return std::nullopt;
  }
  if (layout.front() == '{' && StructEnd(layout) > open) return std::nullopt;
  std::string_view number = layout.substr(open + 1);
  const auto count = TakeNumber(number);
  if (!count || number != "]") return std::nullopt;
  layout = layout.substr(0, open);
  return count;
}

// Also of one that was cut off, for what is left of it.
[[nodiscard]] constexpr bool IsStruct(std::string_view layout) {
  if (layout.empty() || layout.front() != '{') return false;
  const std::size_t end = StructEnd(layout);
  return end == layout.size() || end == std::string_view::npos;
}

[[nodiscard]] constexpr std::optional<std::uint64_t> ScalarSize(
    std::string_view layout) {
  if (layout.empty()) return std::nullopt;
  const char kind = layout.front();
  layout.remove_prefix(1);
  const auto number = TakeNumber(layout);
  if (!number || !layout.empty()) return std::nullopt;
  if (kind == 'o') return number;
  const bool is_float = kind == 'f' && (*number == 32 || *number == 64);
  const bool is_integer =
      (kind == 'u' || kind == 'i') &&
      (*number == 8 || *number == 16 || *number == 32 || *number == 64);
  if (!is_float && !is_integer) return std::nullopt;
  return *number / 8;
}

}  // namespace internal

constexpr LayoutFields::LayoutFields(std::string_view layout)
    : rest_(internal::IsStruct(layout) ? layout.substr(1)
                                       : std::string_view()) {}

constexpr std::optional<LayoutField> LayoutFields::Next() {
  const std::size_t colon = rest_.find(':');
  if (colon == std::string_view::npos) {
    rest_ = {};
    return std::nullopt;
  }
  const std::string_view name = rest_.substr(0, colon);
  rest_.remove_prefix(colon + 1);
  const std::string_view layout = internal::TakeLayout(rest_);
  rest_ = rest_.starts_with(',') ? rest_.substr(1) : std::string_view();
  if (layout.empty()) return std::nullopt;
  return LayoutField{name, layout};
}

// A product or sum too large to be a size is none.
constexpr std::optional<std::uint64_t> LayoutSize(std::string_view layout,
                                                  int depth) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 48;
  if (depth == kMostLayoutDepth) return std::nullopt;
  if (const auto count = internal::TakeCount(layout)) {
    const auto one = LayoutSize(layout, depth + 1);
    if (!one || (*one != 0 && *count > kMost / *one)) return std::nullopt;
    return *one * *count;
  }
  if (!internal::IsStruct(layout)) return internal::ScalarSize(layout);
  if (layout.back() != '}') return std::nullopt;
  std::uint64_t sum = 0;
  LayoutFields fields(layout);
  while (const auto field = fields.Next()) {
    const auto one = LayoutSize(field->layout, depth + 1);
    if (!one || *one > kMost - sum) return std::nullopt;
    sum += *one;
  }
  return sum;
}

constexpr LayoutDifference CompareLayouts(std::string_view ours,
                                          std::string_view theirs) {
  using What = LayoutDifference::What;
  LayoutDifference found;
  ErrorMessage path;  // a text that can grow
  const auto is = [&](What what, std::string_view our, std::string_view their) {
    found.what = what;
    found.path = path.view();
    found.ours = our;
    found.theirs = their;
    return found;
  };
  for (int depth = 0; ours != theirs; ++depth) {
    if (depth == kMostLayoutDepth) return is(What::kText, ours, theirs);
    std::string_view our_one = ours;
    std::string_view their_one = theirs;
    const auto our_count = internal::TakeCount(our_one);
    const auto their_count = internal::TakeCount(their_one);
    if (our_count && their_count && *our_count == *their_count) {
      path.Append("[]");
      ours = our_one;
      theirs = their_one;
      continue;
    }
    if (!internal::IsStruct(ours) || !internal::IsStruct(theirs)) {
      const auto our_size = LayoutSize(ours);
      const auto their_size = LayoutSize(theirs);
      if (!our_size || !their_size) return is(What::kText, ours, theirs);
      return is(*our_size == *their_size ? What::kKind : What::kSize, ours,
                theirs);
    }
    LayoutFields our_fields(ours);
    LayoutFields their_fields(theirs);
    for (;;) {
      const auto our = our_fields.Next();
      const auto their = their_fields.Next();
      if (!our && !their) return is(What::kText, ours, theirs);
      if (!our || !their) {
        return is(What::kCount, our ? our->name : std::string_view(),
                  their ? their->name : std::string_view());
      }
      if (our->name != their->name) {
        return is(What::kName, our->name, their->name);
      }
      if (our->layout == their->layout) {
        found.offset += LayoutSize(our->layout).value_or(0);
        continue;
      }
      if (!path.view().empty()) path.Append(".");
      path.Append(our->name);
      ours = our->layout;
      theirs = their->layout;
      break;
    }
  }
  return found;
}

}  // namespace placid

#endif  // PLACID_BASE_LAYOUT_TEXT_H_
