// SPDX-License-Identifier: Apache-2.0
//
// None, as on most systems, so that callers show that they can do without.
#include "placid/os/peer_fence.h"

namespace placid::os {

bool JoinPeerFences() { return false; }

bool FencePeers() { return false; }

}  // namespace placid::os
