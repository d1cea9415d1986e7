// SPDX-License-Identifier: Apache-2.0
#include "cli/cutter.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace placid::cli {
namespace {

constexpr std::size_t kLengthBytes = 4;

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::uint64_t LengthOf(std::span<const std::byte> record) {
  std::uint64_t length = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) {
    length = length << 8 | std::to_integer<std::uint64_t>(record[i]);
  }
  return length;
}

}  // namespace

std::span<std::byte> Cutter::Room() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return std::span(buffer_).subspan(end_, buffer_.size() - 1 - end_);
}

std::optional<Cut> Cutter::Next(bool is_over) {
  return framing_ == Framing::kLines ? NextLines(is_over) : NextRecords();
}

void Cutter::EndLine() {
  const bool has_end = begin_ != end_
                           ? buffer_[end_ - 1] == std::byte{'\n'}
                           : unit_bytes_ == 0;
  if (!has_end) buffer_[end_++] = std::byte{'\n'};
}

Cut Cutter::Take(std::size_t bytes, bool is_end) {
  const Cut cut{Held().first(bytes), is_end};
  begin_ += bytes;
  return cut;
}

std::optional<Cut> Cutter::NextLines(bool is_over) {
  const std::string_view text =
      AsText(Held().first(std::min(end_ - begin_, most_bytes_)));
  const std::size_t newline =
      share_ == Share::kOneUnit ? text.find('\n') : text.rfind('\n');
  if (newline != std::string_view::npos) {
    unit_bytes_ = 0;
    return Take(newline + 1, /*is_end=*/true);
  }
  if (text.size() == most_bytes_) {
    unit_bytes_ += text.size();
    return Take(text.size(), /*is_end=*/false);
  }
  if (!is_over || text.empty()) return std::nullopt;
  unit_bytes_ = 0;
  return Take(text.size(), /*is_end=*/true);
}

std::optional<Cut> Cutter::NextRecords() {
  const auto held = Held();
  std::size_t whole = 0;
  while (left_of_record_ == 0 && held.size() - whole >= kLengthBytes) {
    const std::uint64_t record = kLengthBytes + LengthOf(held.subspan(whole));
    const bool may_join = whole == 0 || share_ == Share::kManyUnits;
    const std::uint64_t end = whole + record;
    if (may_join && end <= std::min(held.size(), most_bytes_)) {
      whole += static_cast<std::size_t>(record);
    } else if (whole > 0 || record <= most_bytes_) {
      break;
    } else {
      left_of_record_ = unit_bytes_ = record;
    }
  }
  if (whole > 0) return Take(whole, /*is_end=*/true);
  const std::uint64_t piece =
      std::min<std::uint64_t>(left_of_record_, most_bytes_);
  if (piece == 0 || held.size() < piece) return std::nullopt;
  left_of_record_ -= piece;
  const bool is_end = left_of_record_ == 0;
  if (is_end) unit_bytes_ = 0;
  return Take(static_cast<std::size_t>(piece), is_end);
}

}  // namespace placid::cli
