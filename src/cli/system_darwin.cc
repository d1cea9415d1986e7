// SPDX-License-Identifier: Apache-2.0
//
// What macOS does its own way.
#include "cli/system.h"

namespace placid::cli {

// Its threads go where it wants.
void StayOnCore(unsigned /*index*/) {}

}  // namespace placid::cli
