// SPDX-License-Identifier: Apache-2.0
#include "cli/report.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "cli/outcome.h"
#include "cli/system.h"
#include "cli/text.h"
#include "placid/base/error.h"

namespace placid::cli {
namespace {

using Row = std::vector<std::string>;

std::string Capitals(std::string_view key) {
  std::string text(key);
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (c == '_') c = ' ';
  }
  return text;
}

// A key without its unit, which the value then has.
std::string_view Stem(std::string_view key) {
  for (const std::string_view unit : {"_bytes", "_seconds"}) {
    if (key.ends_with(unit)) return key.substr(0, key.size() - unit.size());
  }
  return key;
}

std::string FormatValue(std::string_view key, const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "yes" : "no";
  if (value.is_null()) return "-";
  if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (key.ends_with("_bytes")) {
      return FormatBytes(static_cast<std::uint64_t>(number));
    }
    if (key.ends_with("_seconds")) return FormatAge(number);
  }
  return value.dump();
}

bool IsTable(const Json& json) {
  return json.is_array() && !json.empty() &&
         std::ranges::all_of(json,
                             [](const Json& row) { return row.is_object(); });
}

void Indent(std::string_view text, std::size_t by, std::string& to) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1) + 1;
    to += std::string(by, ' ');
    to += text.substr(0, end);
    text.remove_prefix(end);
  }
}

std::string LabelOf(std::string_view key) {
  std::string label(Stem(key));
  std::ranges::replace(label, '_', ' ');
  return label;
}

constexpr std::size_t kStep = 2;

// What is a table itself stands in its cell as a number of rows, and below, by
// what the row begins with.
// NOLINTNEXTLINE(misc-no-recursion): as deep as there are tables in tables
std::string TableOf(const Json& json) {
  std::vector<std::string> keys;
  for (const Json& row : json) {
    for (const auto& [key, value] : row.items()) {
      if (std::ranges::find(keys, key) == keys.end()) keys.push_back(key);
    }
  }
  std::vector<Row> rows(json.size() + 1);
  std::string below;
  for (const std::string& key : keys) {
    const bool has_tables = std::ranges::any_of(json, [&](const Json& row) {
      return row.contains(key) && IsTable(row[key]);
    });
    const bool is_number = std::ranges::all_of(json, [&](const Json& row) {
      return !row.contains(key) || row[key].is_number();
    });
    rows[0].push_back(
        Concat(is_number || has_tables ? ">" : "", Capitals(Stem(key))));
    for (std::size_t i = 0; i < json.size(); ++i) {
      std::string& cell = rows[i + 1].emplace_back();
      if (!json[i].contains(key)) continue;
      const Json& value = json[i][key];
      cell = has_tables ? Concat(value.size()) : FormatValue(key, value);
      if (!IsTable(value)) continue;
      below += Concat(LabelOf(key), ", ", LabelOf(keys[0]), " ",
                      rows[i + 1][0], "\n");
      Indent(TableOf(value), kStep, below);
    }
  }
  return FormatTable(rows) + below;
}

}  // namespace

std::string Escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string escaped;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      escaped += c;
    } else {
      escaped += "\\x";
      escaped += kDigits[byte >> 4];
      escaped += kDigits[byte & 0xf];
    }
  }
  return escaped;
}

std::string FormatAge(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  seconds = std::max<std::int64_t>(seconds, 0);  // a clock was set back
  if (seconds < 2 * kMinute) return Concat(seconds, " s");
  if (seconds < 2 * kHour) return Concat(seconds / kMinute, " min");
  if (seconds < 2 * kDay) return Concat(seconds / kHour, " h");
  return Concat(seconds / kDay, " d");
}

std::string Explain(const Error& error) {
  std::string text(ToString(error.code));
  if (error.field != nullptr) text += Concat(", ", error.field);
  if (error.system_error != 0) {
    text += Concat(" (", SystemErrorText(error.system_error), ")");
  }
  return text;
}

std::string FormatTable(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  std::vector<bool> is_right;
  for (const std::string& head : rows.front()) {
    is_right.push_back(head.starts_with('>'));
    widths.push_back(head.size() - (is_right.back() ? 1 : 0));
  }
  for (std::size_t i = 1; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < rows[i].size(); ++k) {
      widths[k] = std::max(widths[k], rows[i][k].size());
    }
  }
  std::string text;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::string line;
    for (std::size_t k = 0; k < rows[i].size(); ++k) {
      std::string_view cell = rows[i][k];
      if (i == 0 && is_right[k]) cell.remove_prefix(1);
      const std::string blanks(widths[k] - cell.size(), ' ');
      if (k > 0) line += "  ";
      if (is_right[k]) line += blanks;
      line += cell;
      if (!is_right[k]) line += blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string FormatTree(const Json& json) {
  std::size_t width = 0;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_structured()) width = std::max(width, Stem(key).size());
  }
  std::string text;
  for (const auto& [key, value] : json.items()) {
    const std::string label = LabelOf(key);
    if (value.is_object() || IsTable(value)) {
      text += label + "\n";
      Indent(value.is_object() ? FormatTree(value) : TableOf(value), kStep,
             text);
      continue;
    }
    if (value.is_array()) {
      for (const Json& line : value) {
        text += label + "  " + FormatValue(key, line) + "\n";
      }
      continue;
    }
    text += label + std::string(width - label.size() + kStep, ' ') +
            FormatValue(key, value) + "\n";
  }
  return text;
}

Outcome Print(std::string_view text) {
  const bool is_written =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
      std::fflush(stdout) == 0;
  if (is_written) return {};
  return {ExitCode::kInputOutput, "cannot write the output"};
}

}  // namespace placid::cli
