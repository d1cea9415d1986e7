// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "bench/benches.h"
#include "bench/harness.h"

int main(int argc, char** argv) {
  CLI::App app{"Placid's benchmarks: two pinned cores, interleaved rounds"};
  int rounds = 21;
  std::string stem = "build/bench-report";
  bool all = false;
  app.add_option("--rounds", rounds, "pairs per row")
      ->check(CLI::Range(3, 999));
  app.add_option("--report", stem, "where to write <stem>.md and <stem>.json");
  app.add_flag("--all", all, "also the rows that have no target yet");
  std::string only;
  app.add_option("--only", only, "only rows whose name contains this");
  bool policies = false;
  app.add_flag("--policies", policies,
               "only how long a waiter should look before it sleeps");
  CLI11_PARSE(app, argc, argv);

  if (policies) {
    placid::bench::RunWaitPolicies(app.count("--rounds") > 0 ? rounds : 3);
    return 0;
  }

  placid::bench::Report report(rounds, only);
  RunSpsc(report, all);
  RunMpsc(report, all);
  RunMpmc(report, all);
  RunMpscRecords(report, all);
  RunLanes(report, all);
  RunNewestValue(report, all);
  RunBroadcast(report, all);
  RunWaiting(report, all);
  const bool written = report.WriteTo(stem);
  if (report.missed() > 0) {
    std::printf("%d target(s) missed\n", report.missed());
  }
  return written && report.missed() == 0 ? 0 : 1;
}
