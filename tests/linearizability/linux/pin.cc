// SPDX-License-Identifier: Apache-2.0
#include "tests/linearizability/pin.h"

#include <sched.h>

#include <cstddef>

namespace placid::linearizability {
namespace {

// What the process was started with.
const cpu_set_t& Allowed() {
  static const cpu_set_t allowed = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    return set;
  }();
  return allowed;
}

}  // namespace

bool PinThisThread(unsigned which) {
  const cpu_set_t& allowed = Allowed();
  const int count = CPU_COUNT(&allowed);
  if (count == 0) return false;
  int skip = static_cast<int>(which % static_cast<unsigned>(count));
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed) || skip-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    return sched_setaffinity(0, sizeof(one), &one) == 0;
  }
  return false;
}

void UnpinThisThread() { sched_setaffinity(0, sizeof(cpu_set_t), &Allowed()); }

}  // namespace placid::linearizability
