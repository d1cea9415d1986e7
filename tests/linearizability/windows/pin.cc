// SPDX-License-Identifier: Apache-2.0
#include "tests/linearizability/pin.h"

#include <windows.h>

namespace placid::linearizability {
namespace {

DWORD_PTR Allowed() {
  DWORD_PTR process = 0;
  DWORD_PTR system = 0;
  GetProcessAffinityMask(GetCurrentProcess(), &process, &system);
  return process;
}

}  // namespace

bool PinThisThread(unsigned which) {
  DWORD_PTR left = Allowed();
  unsigned count = 0;
  for (DWORD_PTR bits = left; bits != 0; bits &= bits - 1) ++count;
  if (count == 0) return false;
  for (unsigned skip = which % count; skip > 0; --skip) left &= left - 1;
  return SetThreadAffinityMask(GetCurrentThread(), left & (~left + 1)) != 0;
}

void UnpinThisThread() { SetThreadAffinityMask(GetCurrentThread(), Allowed()); }

}  // namespace placid::linearizability
