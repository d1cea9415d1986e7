// SPDX-License-Identifier: Apache-2.0
//
// Darwin takes no thread to a processor.
#include "tests/linearizability/pin.h"

namespace placid::linearizability {

bool PinThisThread(unsigned /*which*/) { return false; }

void UnpinThisThread() {}

}  // namespace placid::linearizability
