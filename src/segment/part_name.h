// SPDX-License-Identifier: Apache-2.0
//
// PartName: the name of a segment's data or control object, taken apart.
#ifndef PLACID_SRC_SEGMENT_PART_NAME_H_
#define PLACID_SRC_SEGMENT_PART_NAME_H_

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "placid/os/name.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_id.h"
#include "segment/segment_maker.h"

namespace placid {

struct PartName {
  os::Name segment;
  SegmentId id;
  SegmentHeader::Kind kind;

  // name.generation.nonce.data or .control, both numbers in 8 small hexadecimal
  // digits. nullopt: it is none.
  static std::optional<PartName> Parse(std::string_view text) {
    const std::string_view whole = text;
    const bool is_data = text.ends_with(".data");
    if (!is_data && !text.ends_with(".control")) return std::nullopt;
    text.remove_suffix(is_data ? 5 : 8);
    const auto nonce = TakeNumber(text);
    const auto generation = nonce ? TakeNumber(text) : std::nullopt;
    const auto name = os::Name::Parse(text);
    if (!generation || *nonce == 0 || !name ||
        text.size() > Segment::kMostNameBytes) {
      return std::nullopt;
    }
    const PartName part{
        *name, SegmentId(std::uint64_t{*generation} << 32 | *nonce),
        is_data ? SegmentHeader::Kind::kData : SegmentHeader::Kind::kControl};
    // In the very form that we write it.
    return part.text() == whole ? std::optional(part) : std::nullopt;
  }

  [[nodiscard]] os::Name object() const {
    return ObjectName(segment, id, kind);
  }
  [[nodiscard]] std::string text() const {
    return std::string(object().text());
  }

 private:
  // The number behind the last dot, taken off.
  static std::optional<std::uint32_t> TakeNumber(std::string_view& text) {
    constexpr std::size_t kDigits = 8;
    const auto dot = text.rfind('.');
    if (dot == std::string_view::npos || text.size() - dot != 1 + kDigits) {
      return std::nullopt;
    }
    std::uint32_t number = 0;
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + dot + 1, end, number, 16);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    text = text.substr(0, dot);
    return number;
  }
};

}  // namespace placid

#endif  // PLACID_SRC_SEGMENT_PART_NAME_H_
