// SPDX-License-Identifier: Apache-2.0
//
// The system has no call that fences another process.
#include "placid/os/peer_fence.h"

namespace placid::os {

bool JoinPeerFences() { return false; }

bool FencePeers() { return false; }

}  // namespace placid::os
