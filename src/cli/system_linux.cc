// SPDX-License-Identifier: Apache-2.0
//
// What Linux does its own way.
#include <sched.h>

#include <cstddef>

#include "cli/system.h"

namespace placid::cli {

void StayOnCore(unsigned index) {
  cpu_set_t allowed;
  if (::sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  auto left = index % static_cast<unsigned>(CPU_COUNT(&allowed));
  std::size_t core = 0;
  while (!CPU_ISSET(core, &allowed) || left-- > 0) ++core;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(core, &one);
  ::sched_setaffinity(0, sizeof(one), &one);
}

}  // namespace placid::cli
