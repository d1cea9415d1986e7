// SPDX-License-Identifier: Apache-2.0
#include "tests/support/finish.h"

#include <windows.h>

#include <cstdio>
#include <iostream>

namespace placid::testing {

// Wine's loader now and then fails an assertion of its own while a process that
// returned from main gives its libraries back: one of some ten thousand tests
// that passed would end as failed.
int Finish(int result) {
  std::cout.flush();
  std::fflush(nullptr);
  TerminateProcess(GetCurrentProcess(), static_cast<UINT>(result));
  return result;
}

}  // namespace placid::testing
