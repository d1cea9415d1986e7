// SPDX-License-Identifier: Apache-2.0
#include "bench/harness.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

namespace placid::bench {
namespace {

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  const double part = at - static_cast<double>(below);
  return values[below] * (1 - part) + values[above] * part;
}

double Median(const std::vector<double>& values) {
  return Quantile(values, 0.5);
}

// The 95 % percentile interval of the median over 2,000 resamples.
struct Interval {
  double low, high;
};
Interval BootstrapMedian(const std::vector<double>& values) {
  std::mt19937_64 random(20'25);
  std::uniform_int_distribution<std::size_t> pick(0, values.size() - 1);
  std::vector<double> medians;
  std::vector<double> sample(values.size());
  for (int i = 0; i < 2000; ++i) {
    for (double& value : sample) value = values[pick(random)];
    medians.push_back(Median(sample));
  }
  return {Quantile(medians, 0.025), Quantile(medians, 0.975)};
}

template <typename... Args>
std::string Format(const char* format, Args... args) {
  char line[512];
  std::snprintf(line, sizeof(line), format, args...);
  return line;
}

void Say(std::string& text, const std::string& line) {
  std::fputs(line.c_str(), stdout);
  std::fflush(stdout);
  text += line;
}

}  // namespace

double LoadAverage() {
  std::ifstream file("/proc/loadavg");
  double load = 0;
  file >> load;
  return load;
}

void PinTo(unsigned core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(core % std::max(1U, std::thread::hardware_concurrency()), &set);
  pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void Report::Run(const Row& row) {
  if (!IsWanted(row.name)) return;
  std::vector<std::vector<double>> runs(row.candidates.size());
  for (const Candidate& candidate : row.candidates) candidate.run();  // warm up
  for (int round = 0; round < rounds_; ++round) {
    for (std::size_t i = 0; i < runs.size(); ++i) {
      runs[i].push_back(row.candidates[i].run());
    }
  }
  Say(text_, Format("\n%s (load %.1f)\n", row.name.c_str(), LoadAverage()));
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Say(text_, Format("  %-34s %8.1f %s  (p10 %.1f, p90 %.1f)  %s\n",
                      row.candidates[i].name.c_str(),
                      Median(runs[i]) * row.scale, row.unit.c_str(),
                      Quantile(runs[i], 0.1) * row.scale,
                      Quantile(runs[i], 0.9) * row.scale,
                      row.candidates[i].promises.c_str()));
  }
  std::vector<double> ratios;
  for (std::size_t round = 0; round < runs[0].size(); ++round) {
    ratios.push_back(runs[0][round] / runs[1][round]);
  }
  Add(row.name + " over " + row.candidates[1].name, ratios, row.target,
      /*less_is_better=*/false, row.note);
}

void Report::Run(const LatencyRow& row) {
  if (!IsWanted(row.name)) return;
  std::vector<std::vector<double>> p50(row.candidates.size());
  std::vector<std::vector<double>> p99(row.candidates.size());
  for (int round = 0; round < rounds_; ++round) {
    for (std::size_t i = 0; i < p50.size(); ++i) {
      const std::vector<double> times = row.candidates[i].run();
      p50[i].push_back(Quantile(times, 0.5));
      p99[i].push_back(Quantile(times, 0.99));
    }
  }
  Say(text_, Format("\n%s (load %.1f)\n", row.name.c_str(), LoadAverage()));
  for (std::size_t i = 0; i < p50.size(); ++i) {
    Say(text_, Format("  %-34s p50 %8.0f ns  p99 %8.0f ns\n",
                      row.candidates[i].name.c_str(), Median(p50[i]),
                      Median(p99[i])));
  }
  std::vector<double> ratios;
  for (std::size_t r = 0; r < p50[0].size(); ++r) {
    ratios.push_back(p50[0][r] / p50[1][r]);
  }
  Add(row.name + " p50 over " + row.candidates[1].name, ratios, row.target,
      true, row.note);
}

void Report::Add(const std::string& name, const std::vector<double>& ratios,
                 double target, bool less_is_better, const std::string& note) {
  const Interval interval = BootstrapMedian(ratios);
  // Missed only when the whole interval lies on the wrong side.
  const bool met = target == 0 || (less_is_better ? interval.low <= target
                                                  : interval.high >= target);
  missed_ += met ? 0 : 1;
  figures_.push_back({name, Median(ratios), interval.low, interval.high, target,
                      met, note});
  std::string verdict;
  if (target > 0) {
    verdict = Format(" target %s %.2f: %s", less_is_better ? "<=" : ">=", target,
                     met ? "met" : "MISSED");
  }
  Say(text_, Format("  => %.2f x  [%.2f, %.2f]%s\n", Median(ratios),
                    interval.low, interval.high, verdict.c_str()));
}

bool Report::WriteTo(const std::string& stem) const {
  nlohmann::json rows = nlohmann::json::array();
  std::string table =
      "# Benchmarks\n\nRatios within one run: median and 95 % bootstrap "
      "interval.\n\n| row | ratio | low | high | target | met | note |\n"
      "| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const Figure& figure : figures_) {
    rows.push_back({{"name", figure.name},
                    {"ratio", figure.ratio},
                    {"low", figure.low},
                    {"high", figure.high},
                    {"target", figure.target},
                    {"met", figure.met},
                    {"note", figure.note}});
    table += Format("| %s | %.2f | %.2f | %.2f | %.2f | %s | %s |\n",
                    figure.name.c_str(), figure.ratio, figure.low, figure.high,
                    figure.target, figure.met ? "yes" : "no",
                    figure.note.c_str());
  }
  std::ofstream(stem + ".md") << table << "\n```\n" << text_ << "```\n";
  std::ofstream json(stem + ".json");
  json << nlohmann::json{{"rounds", rounds_}, {"rows", rows}}.dump(2) << "\n";
  json.close();
  if (json.fail()) {
    std::fprintf(stderr, "cannot write %s.json\n", stem.c_str());
    return false;
  }
  std::printf("\nWritten: %s.md and %s.json\n", stem.c_str(), stem.c_str());
  return true;
}

}  // namespace placid::bench
