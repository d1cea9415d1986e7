// SPDX-License-Identifier: Apache-2.0
#include "tests/support/finish.h"

namespace placid::testing {

int Finish(int result) { return result; }

}  // namespace placid::testing
