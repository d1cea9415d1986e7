// SPDX-License-Identifier: Apache-2.0
#include "tests/model/source_orders.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace placid::model {
namespace {

constexpr std::pair<std::string_view, std::string_view> kWords[] = {
    {"kRelaxed", "relaxed"},
    {"kAcquire", "acquire"},
    {"kRelease", "release"},
    {"kAcqRel", "acq_rel"},
    {"kSeqCst", "seq_cst"},
    {"memory_order_relaxed", "relaxed"},
    {"memory_order_acquire", "acquire"},
    {"memory_order_release", "release"},
    {"memory_order_acq_rel", "acq_rel"},
    {"memory_order_seq_cst", "seq_cst"},
    {"Bump", "bump"},
};

// The lines of a file without their comments; the first is line 1.
std::vector<std::string> CodeOf(const std::string& path) {
  std::vector<std::string> lines = {""};
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line.substr(0, line.find("//")));
  }
  return lines;
}

bool IsInWord(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// The number of the statement that each line belongs to.
std::vector<int> StatementsOf(const std::vector<std::string>& code) {
  std::vector<int> statements;
  int statement = 0;
  for (const std::string& line : code) {
    statements.push_back(statement);
    if (line.find_first_of(";{}") != std::string::npos) ++statement;
  }
  return statements;
}

std::vector<SourceOrder> OrdersOf(const std::vector<std::string>& code) {
  std::vector<SourceOrder> orders;
  for (std::size_t i = 0; i < code.size(); ++i) {
    const std::string& line = code[i];
    for (std::size_t at = 0; at < line.size();) {
      if (!IsInWord(line[at])) {
        ++at;
        continue;
      }
      std::size_t end = at;
      while (end < line.size() && IsInWord(line[end])) ++end;
      const auto word = std::string_view(line).substr(at, end - at);
      for (const auto& [name, order] : kWords) {
        if (word == name) {
          orders.push_back({static_cast<int>(i), std::string(order)});
        }
      }
      at = end;
    }
  }
  return orders;
}

}  // namespace

std::vector<SourceOrder> OrdersIn(const std::string& path) {
  return OrdersOf(CodeOf(path));
}

std::vector<std::string> Differences(const std::string& path,
                                     const std::vector<OrderUse>& uses) {
  const std::vector<std::string> code = CodeOf(path);
  const std::vector<int> statements = StatementsOf(code);
  // Of each statement: how often each order is written, less how often met.
  std::map<std::pair<int, std::string>, int> missing;
  std::map<int, int> first_line;
  for (const SourceOrder& order : OrdersOf(code)) {
    const int statement = statements[static_cast<std::size_t>(order.line)];
    ++missing[{statement, order.word}];
    first_line.try_emplace(statement, order.line);
  }
  for (const OrderUse& use : uses) {
    const SiteText& text = AllSites().Text(use.site);
    if (std::filesystem::path(text.path).filename() !=
            std::filesystem::path(path).filename() ||
        !path.ends_with(text.file)) {
      continue;
    }
    const int statement = statements[static_cast<std::size_t>(text.line)];
    --missing[{statement, use.operation == Operation::kBump
                              ? "bump"
                              : ToString(use.order)}];
    first_line.try_emplace(statement, text.line);
  }
  std::vector<std::string> differences;
  for (const auto& [key, count] : missing) {
    if (count == 0) continue;
    differences.push_back(
        path + ":" + std::to_string(first_line[key.first]) + ": " + key.second +
        (count > 0 ? ": no model gets there"
                   : ": met more often than it is written: two accesses in one "
                     "line, or an order that comes from elsewhere"));
  }
  return differences;
}

std::vector<std::string> HeadersWithOrders(const std::string& folder) {
  std::set<std::string> headers;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(folder)) {
    const std::string name =
        entry.path().lexically_relative(folder).generic_string();
    // What defines orders and accesses, and hands them through.
    if (name == "base/atomic.h" || name == "base/machine.h") continue;
    if (entry.path().extension() == ".h" &&
        !OrdersIn(entry.path().string()).empty()) {
      headers.insert(name);
    }
  }
  return {headers.begin(), headers.end()};
}

}  // namespace placid::model
