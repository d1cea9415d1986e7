// SPDX-License-Identifier: Apache-2.0
#include "tests/model/site.h"

#include <cstring>
#include <fstream>
#include <string_view>

namespace placid::model {
namespace {

constexpr std::string_view kLabel = "// sync:";

std::string_view Trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string BelowRoot(std::string_view path) {
  for (std::string_view root : {"include/placid/", "tests/"}) {
    const std::size_t at = path.rfind(root);
    if (at != std::string_view::npos) return std::string(path.substr(at));
  }
  return std::string(path);
}

// Its lines; none where the source is not at hand.
std::vector<std::string> LinesOf(const char* path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

bool EndsStatement(std::string_view line) {
  return line.substr(0, line.find("//")).find_first_of(";{}") !=
         std::string_view::npos;
}

// The label stands on a line of the statement, or alone above it.
std::string EdgeNear(const std::vector<std::string>& lines, std::size_t at) {
  std::size_t first = at;
  while (first > 0 && !EndsStatement(lines[first - 1]) && at - first < 8) {
    --first;
  }
  for (std::size_t i = first; i < lines.size() && i < at + 8; ++i) {
    const std::size_t label = lines[i].find(kLabel);
    if (label != std::string::npos) {
      return std::string(
          Trimmed(std::string_view(lines[i]).substr(label + kLabel.size())));
    }
    if (i >= at && EndsStatement(lines[i])) break;
  }
  return {};
}

bool IsInName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '_' || c == ':' || c == '~';
}

// What stands before the access: the last name, with its arguments if any.
std::string ObjectIn(std::string_view code) {
  for (std::string_view verb :
       {"compare_exchange(", "load(", "store(", "exchange(", "fetch_"}) {
    const std::size_t at = code.find(verb);
    if (at == std::string_view::npos || at == 0) continue;
    std::size_t end = at;
    while (end > 0 && (code[end - 1] == '.' || code[end - 1] == '>' ||
                       code[end - 1] == '-')) {
      --end;
    }
    int depth = 0;
    std::size_t begin = end;
    for (; begin > 0; --begin) {
      const char c = code[begin - 1];
      if (c == ')' || c == ']') ++depth;
      if (c == '(' || c == '[') --depth;
      if (depth < 0 || (depth == 0 && c != ')' && c != '(' && !IsInName(c))) {
        break;
      }
    }
    return std::string(code.substr(begin, end - begin));
  }
  if (const std::size_t bump = code.find("Bump("); bump != code.npos) {
    return std::string(code.substr(bump, code.rfind(')') + 1 - bump));
  }
  return {};
}

// Producer::Start, of SpscByteRing::Producer::Start.
std::string LastTwo(std::string_view name) {
  const std::size_t last = name.rfind("::");
  if (last == std::string_view::npos || last == 0) {
    return std::string(name.substr(last == 0 ? 2 : 0));
  }
  const std::size_t before = name.rfind("::", last - 1);
  return std::string(
      name.substr(before == std::string_view::npos ? 0 : before + 2));
}

// Whether the first brace or semicolon from here on is a brace: a statement
// ends otherwise.
bool StartsDefinition(const std::vector<std::string>& lines, std::size_t at) {
  for (std::size_t i = at; i < lines.size() && i < at + 12; ++i) {
    const std::string_view line = lines[i];
    const std::string_view code = line.substr(0, line.find("//"));
    const std::size_t end = code.find_first_of("{;");
    if (end == std::string_view::npos) continue;
    const std::string_view first = Trimmed(lines[at]);
    return code[end] == '{' && !first.starts_with("if") &&
           !first.starts_with("for") && !first.starts_with("while") &&
           !first.starts_with("return");
  }
  return false;
}

// The nearest line above with no or little indentation that declares something
// with parameters: by the layout of this tree's headers, a function.
std::string FunctionAround(const std::vector<std::string>& lines,
                           std::size_t at) {
  for (std::size_t i = at + 1; i-- > 0;) {
    const std::string_view line = lines[i];
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent > 2 || line.substr(indent).starts_with("//")) continue;
    const std::size_t parenthesis = line.find('(');
    if (parenthesis == std::string_view::npos || parenthesis == 0) continue;
    if (line.find(" = ") < parenthesis) continue;  // a variable
    std::size_t begin = parenthesis;
    while (begin > 0 && IsInName(line[begin - 1])) --begin;
    const std::string name = LastTwo(line.substr(begin, parenthesis - begin));
    if (indent == 2 && !StartsDefinition(lines, i)) continue;
    if (name.empty() || name == "requires" || name == "static_assert") continue;
    return name;
  }
  return {};
}

}  // namespace

int Sites::Find(Site site) {
  const auto [at, is_new] = numbers_.try_emplace({site.file(), site.line()}, 0);
  if (!is_new) return at->second;
  for (int i = 0; i < size(); ++i) {
    const Site& known = sites_[static_cast<std::size_t>(i)].site;
    if (known.line() == site.line() &&
        std::strcmp(known.file(), site.file()) == 0) {
      return at->second = i;
    }
  }
  sites_.push_back({site, false, {}});
  return at->second = size() - 1;
}

const SiteText& Sites::Text(int site) {
  Entry& entry = sites_[static_cast<std::size_t>(site)];
  if (entry.is_read) return entry.text;
  entry.is_read = true;
  entry.text.path = entry.site.file();
  entry.text.file = BelowRoot(entry.site.file());
  entry.text.line = entry.site.line();
  const std::vector<std::string> lines = LinesOf(entry.site.file());
  const auto at = static_cast<std::size_t>(entry.site.line()) - 1;
  if (at < lines.size()) {
    const std::string_view line = lines[at];
    entry.text.edge = EdgeNear(lines, at);
    entry.text.object = ObjectIn(Trimmed(line.substr(0, line.find("//"))));
    entry.text.function = FunctionAround(lines, at);
  }
  return entry.text;
}

Sites& AllSites() {
  static Sites sites;
  return sites;
}

std::vector<Mutant> MutantsOf(const OrderUse& use) {
  std::vector<Mutant> mutants;
  switch (use.order) {
    case std::memory_order_acquire:
    case std::memory_order_release:
    case std::memory_order_consume:
      mutants.push_back({use, std::memory_order_relaxed});
      break;
    case std::memory_order_acq_rel:
      mutants.push_back({use, std::memory_order_acquire});
      mutants.push_back({use, std::memory_order_release});
      break;
    case std::memory_order_seq_cst:
      mutants.push_back({use, std::memory_order_acq_rel});
      break;
    case std::memory_order_relaxed: break;
  }
  if (use.operation == Operation::kStore || use.operation == Operation::kBump) {
    mutants.push_back({use, use.order, /*is_dropped=*/true});
  }
  return mutants;
}

const char* ToString(MemoryOrder order) {
  switch (order) {
    case std::memory_order_relaxed: return "relaxed";
    case std::memory_order_consume: return "consume";
    case std::memory_order_acquire: return "acquire";
    case std::memory_order_release: return "release";
    case std::memory_order_acq_rel: return "acq_rel";
    case std::memory_order_seq_cst: return "seq_cst";
  }
  return "unknown";
}

const char* ToString(Operation operation) {
  switch (operation) {
    case Operation::kLoad: return "load";
    case Operation::kStore: return "store";
    case Operation::kRmw: return "rmw";
    case Operation::kCompareExchange: return "cas";
    case Operation::kFence: return "fence";
    case Operation::kBump: return "bump";
  }
  return "unknown";
}

}  // namespace placid::model
