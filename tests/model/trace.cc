// SPDX-License-Identifier: Apache-2.0
#include "tests/model/trace.h"

#include <array>
#include <cinttypes>
#include <cstdio>

#include "tests/model/site.h"

namespace placid::model {
namespace {

std::string Number(std::uint64_t value) {
  std::array<char, 32> text;
  // Counts are decimal, stamps and tagged words are not.
  std::snprintf(text.data(), text.size(),
                value < 1'000'000 ? "%" PRIu64 : "0x%" PRIx64, value);
  return text.data();
}

// The name in the source, else where it lies in the program's memory.
std::string Name(const Program& program, const void* at, const SiteText* text) {
  std::string name = text == nullptr ? "" : text->object;
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  for (const Program::Region& region : program.regions) {
    const auto from = reinterpret_cast<std::uintptr_t>(region.from);
    if (address < from || address >= from + region.bytes) continue;
    std::array<char, 32> offset;
    std::snprintf(offset.data(), offset.size(), "+0x%03zx",
                  static_cast<std::size_t>(address - from));
    const std::string place = region.name + offset.data();
    return name.empty() ? place : name + " (" + place + ")";
  }
  if (!name.empty()) return name;
  std::array<char, 32> text_address;
  std::snprintf(text_address.data(), text_address.size(), "%p", at);
  return text_address.data();
}

}  // namespace

std::string Trace::ToString(const Program& program) const {
  std::string all;
  int number = 0;
  for (const Event& event : events_) {
    const SiteText* text =
        event.site < 0 ? nullptr : &AllSites().Text(event.site);
    std::string value;
    if (event.has_old) value = Number(event.old) + " -> ";
    if (event.has_value) value += Number(event.value);
    const auto thread = static_cast<std::size_t>(event.thread);
    std::array<char, 160> line;
    std::snprintf(
        line.data(), line.size(), "%4d  %-12s %-12s %-22s %-14s %-8s %s",
        ++number, program.threads[thread].name.c_str(), event.what,
        event.at == nullptr ? "" : Name(program, event.at, text).c_str(),
        value.c_str(),
        event.order < 0
            ? ""
            : placid::model::ToString(static_cast<MemoryOrder>(event.order)),
        event.remark);
    all += line.data();
    while (all.ends_with(' ')) all.pop_back();
    if (text != nullptr) {
      if (!text->edge.empty()) all += "  sync: " + text->edge;
      all += "  " + text->file + ":" + std::to_string(text->line);
    }
    all += '\n';
  }
  return all;
}

}  // namespace placid::model
