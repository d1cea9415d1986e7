// SPDX-License-Identifier: Apache-2.0
//
// What the commands that look around have to say, as JSON and as text.
#ifndef PLACID_SRC_CLI_REPORT_H_
#define PLACID_SRC_CLI_REPORT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/outcome.h"
#include "nlohmann/json.hpp"
#include "placid/base/error.h"

namespace placid::cli {

using Json = nlohmann::ordered_json;

// A text that others chose, safe to print: a byte that is no printable ASCII,
// and the backslash, becomes \xNN.
[[nodiscard]] std::string Escaped(std::string_view text);

// "12 s", "5 min", "3 h", "40 d".
[[nodiscard]] std::string FormatAge(std::int64_t seconds);

// What `error` says and what to do, without the name of a function of ours.
[[nodiscard]] std::string Explain(const Error& error);

// Columns as wide as what is in them. The first row is the heading, whose first
// byte aligns its column: '>' to the right, else to the left.
[[nodiscard]] std::string FormatTable(
    const std::vector<std::vector<std::string>>& rows);

// A JSON object as lines of "key  value", what lies in it indented; arrays of
// objects as tables, those within a table below it. Keys that end in _bytes and
// _seconds read as such.
[[nodiscard]] std::string FormatTree(const Json& json);

// To standard output, at once; kInputOutput if nobody can read it.
Outcome Print(std::string_view text);
inline Outcome PrintJson(const Json& json) {
  return Print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_REPORT_H_
