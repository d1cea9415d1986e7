// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"
#include "cli/outcome.h"
#include "cli/system.h"
#include "placid/base/error.h"

namespace placid::cli {
namespace {

constexpr std::array kUnits = {" bytes", " KiB", " MiB",
                               " GiB",   " TiB", " PiB"};

// Three digits, but none behind the point of a whole number of bytes.
std::string InUnits(double value) {
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  const int decimals = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return Concat(absl::StrFormat("%.*f", decimals, value), kUnits[unit]);
}

}  // namespace

std::string FormatBytes(std::uint64_t bytes) {
  if (bytes == 1) return "1 byte";
  return InUnits(static_cast<double>(bytes));
}

std::string FormatRate(double bytes_per_second) {
  return Concat(InUnits(bytes_per_second), "/s");
}

std::string FormatSeconds(double seconds) {
  if (seconds < 9.95) {
    return absl::StrFormat("%.*f s", seconds < 0.1 ? 3 : 2, seconds);
  }
  return seconds < 60 ? absl::StrFormat("%.1f s", seconds)
                      : FormatClock(seconds);
}

std::string FormatClock(double seconds) {
  constexpr double kMost = 1e9;
  const auto whole =
      static_cast<std::uint64_t>(std::lround(std::min(seconds, kMost)));
  const std::uint64_t hours = whole / 3600;
  const std::uint64_t minutes = whole / 60 % 60;
  if (hours == 0) return absl::StrFormat("%d:%02d", minutes, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", hours, minutes, whole % 60);
}

std::string FormatCrc(std::uint32_t crc32c) {
  return absl::StrFormat("%08x", crc32c);
}

std::string FormatCount(std::uint64_t count) {
  const std::string digits = std::to_string(count);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

Outcome InputOutput(std::string_view what, const Error& error) {
  return {ExitCode::kInputOutput,
          Concat(what, ": ",
                 error.system_error != 0 ? SystemErrorText(error.system_error)
                                         : std::string(ToString(error.code)))};
}

void PrintMessage(std::string_view command, std::string_view message) {
  // In one piece: the other side may write to the same terminal.
  std::fputs(Concat("placid ", command, ": ", message, "\n").c_str(), stderr);
}

}  // namespace placid::cli
