// SPDX-License-Identifier: Apache-2.0
#include "tests/model/mutation.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <tuple>
#include <utility>

namespace placid::model {
namespace {

// They kill most, at once.
constexpr std::uint64_t kWalks = 300;
// Of a mutant's time, what each model gets for one that is listed as equivalent.
constexpr double kEquivalentShare = 1.0 / 40;

struct Named {
  Mutant mutant;
  int which;  // of those that Equivalent would otherwise name alike
};

bool AreNamedAlike(const Mutant& a, const Mutant& b) {
  const SiteText& left = AllSites().Text(a.use.site);
  const SiteText& right = AllSites().Text(b.use.site);
  return left.file == right.file && left.function == right.function &&
         left.object == right.object && Change(a) == Change(b);
}

std::vector<Named> AllMutants(const std::vector<OrderUse>& uses) {
  std::vector<Named> mutants;
  for (const OrderUse& use : uses) {
    for (const Mutant& mutant : MutantsOf(use)) {
      const auto alike = std::count_if(
          mutants.begin(), mutants.end(), [&](const Named& other) {
            return AreNamedAlike(other.mutant, mutant);
          });
      mutants.push_back({mutant, static_cast<int>(alike)});
    }
  }
  return mutants;
}

const Equivalent* Find(const Named& named,
                       std::span<const Equivalent> equivalents) {
  const SiteText& text = AllSites().Text(named.mutant.use.site);
  for (const Equivalent& known : equivalents) {
    if (text.file.ends_with(known.file) && text.function == known.function &&
        text.object == known.object && Change(named.mutant) == known.change &&
        named.which == known.which) {
      return &known;
    }
  }
  return nullptr;
}

bool Meets(const Report& report, const OrderUse& use) {
  return std::find(report.uses.begin(), report.uses.end(), use) !=
         report.uses.end();
}

void Try(std::span<const Baseline> baselines, double seconds,
         Verdict& verdict) {
  for (const bool search : {false, true}) {
    for (const Baseline& baseline : baselines) {
      const Model& model = *baseline.model;
      if (!Meets(baseline.report, verdict.mutant.use)) continue;
      const Program program = model.program();
      Options options = model.options;
      options.mutant = &verdict.mutant;
      options.walks = search ? 0 : kWalks;
      options.search = search;
      options.seconds = seconds * (verdict.equivalent ? kEquivalentShare : 1);
      const Report report = Explore(program, options);
      verdict.executions += report.executions + report.cut;
      if (!report.has_failed) continue;
      verdict.is_killed = true;
      verdict.by = model.type + "." + model.name + ": " + report.failure;
      return;
    }
  }
}

}  // namespace

std::string Change(const Mutant& mutant) {
  if (mutant.is_dropped) return "left out";
  return std::string(ToString(mutant.use.order)) + " -> " +
         ToString(mutant.weaker);
}

std::string Verdict::ToString() const {
  const SiteText& text = AllSites().Text(mutant.use.site);
  std::string_view file = text.file;
  constexpr std::string_view kRoot = "include/placid/";
  if (file.starts_with(kRoot)) file.remove_prefix(kRoot.size());
  const char* verdict = is_killed    ? "dead"
                        : equivalent ? "equivalent"
                                     : "ALIVE";
  const std::string why = is_killed    ? by
                          : equivalent ? equivalent->reason
                                       : "no model notices";
  char line[256];
  std::snprintf(line, sizeof(line), "%-10s %-31s %-24s %-16s %-19s %-22s ",
                verdict,
                (std::string(file) + ":" + std::to_string(text.line)).c_str(),
                text.function.c_str(), text.object.substr(0, 16).c_str(),
                Change(mutant).c_str(), text.edge.substr(0, 22).c_str());
  return line + why;
}

std::vector<OrderUse> UsesIn(const std::string& file,
                             std::span<const Baseline> baselines) {
  std::vector<OrderUse> uses;
  for (const Baseline& baseline : baselines) {
    for (const OrderUse& use : baseline.report.uses) {
      if (std::find(uses.begin(), uses.end(), use) == uses.end() &&
          AllSites().Text(use.site).file.ends_with(file)) {
        uses.push_back(use);
      }
    }
  }
  std::sort(uses.begin(), uses.end(), [](const auto& a, const auto& b) {
    return std::tuple(AllSites().Text(a.site).line, a.operation,
                      a.is_failure_order) <
           std::tuple(AllSites().Text(b.site).line, b.operation,
                      b.is_failure_order);
  });
  return uses;
}

std::vector<Verdict> Mutate(const std::vector<OrderUse>& uses,
                            std::span<const Baseline> baselines,
                            std::span<const Equivalent> equivalents,
                            double seconds) {
  // The quick ones first.
  std::vector<Baseline> sorted(baselines.begin(), baselines.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const Baseline& a, const Baseline& b) {
              return a.report.seconds < b.report.seconds;
            });
  std::vector<Verdict> verdicts;
  for (const Named& named : AllMutants(uses)) {
    Verdict verdict;
    verdict.mutant = named.mutant;
    verdict.equivalent = Find(named, equivalents);
    Try(sorted, seconds, verdict);
    verdicts.push_back(std::move(verdict));
  }
  return verdicts;
}

}  // namespace placid::model
