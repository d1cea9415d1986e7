// SPDX-License-Identifier: Apache-2.0
//
// Numbers and errors as people read them.
#ifndef PLACID_SRC_CLI_TEXT_H_
#define PLACID_SRC_CLI_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "cli/outcome.h"
#include "placid/base/error.h"

namespace placid::cli {

// Texts and whole numbers in a row. (Not absl::StrCat: where Abseil was built
// as C++17 with a string_view of its own, as on Debian, that does not take
// ours.)
template <typename... Parts>
[[nodiscard]] std::string Concat(const Parts&... parts) {
  std::string text;
  const auto append = [&text](const auto& part) {
    if constexpr (std::is_integral_v<std::remove_cvref_t<decltype(part)>>) {
      text += std::to_string(part);
    } else {
      text += part;
    }
  };
  (append(parts), ...);
  return text;
}

// "0 bytes", "1.00 KiB", "12.3 MiB", "456 GiB": three digits and the unit.
[[nodiscard]] std::string FormatBytes(std::uint64_t bytes);
// The same per second.
[[nodiscard]] std::string FormatRate(double bytes_per_second);
// "0.031 s", "4.2 s", "1:05", "2:00:00".
[[nodiscard]] std::string FormatSeconds(double seconds);
// "0:05", "1:05", "2:00:00": for what changes while one looks.
[[nodiscard]] std::string FormatClock(double seconds);
// "98f94189".
[[nodiscard]] std::string FormatCrc(std::uint32_t crc32c);
// "12,345".
[[nodiscard]] std::string FormatCount(std::uint64_t count);

// "cannot open 'x': No such file or directory".
[[nodiscard]] Outcome InputOutput(std::string_view what, const Error& error);

// "placid send: <message>", to standard error.
void PrintMessage(std::string_view command, std::string_view message);

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_TEXT_H_
