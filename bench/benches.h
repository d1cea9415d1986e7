// SPDX-License-Identifier: Apache-2.0
//
// The benchmarks: one function for each kind of type, one file for each.
#ifndef PLACID_BENCH_BENCHES_H_
#define PLACID_BENCH_BENCHES_H_

#include "bench/harness.h"

namespace placid::bench {

// `all`: also the rows that have no target yet and take long.
void RunSpsc(Report& report, bool all);         // spsc_bench.cc
void RunMpsc(Report& report, bool all);         // mpsc_bench.cc
void RunMpmc(Report& report, bool all);         // mpmc_bench.cc
void RunMpscRecords(Report& report, bool all);  // mpsc_byte_bench.cc
void RunLanes(Report& report, bool all);        // lane_bench.cc
void RunNewestValue(Report& report, bool all);  // newest_value_bench.cc
void RunBroadcast(Report& report, bool all);    // broadcast_bench.cc
void RunWaiting(Report& report, bool all);      // event_count_bench.cc

// Tables of what each policy of waiting costs; a minute for each round.
void RunWaitPolicies(int rounds);  // wait_policy_bench.cc

}  // namespace placid::bench

#endif  // PLACID_BENCH_BENCHES_H_
