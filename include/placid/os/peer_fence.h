// SPDX-License-Identifier: Apache-2.0
//
// Peer fences: one side of a fence, paid for by the other.
//
// Two parties that each store to their own word and then look at the other's
// need a full fence between the two, or both may miss what the other stored.
// Where one of them is rare, it can make the other's processor fence at that
// moment, so that the frequent one needs only a compiler's barrier.
//
//   linux    membarrier(GLOBAL_EXPEDITED): each running thread of each process
//            that has joined is interrupted, which took 15 us, or 0.2 us where
//            none was running. A sandbox may refuse it.
//   others   no: FlushProcessWriteBuffers and its like know one process only
#ifndef PLACID_OS_PEER_FENCE_H_
#define PLACID_OS_PEER_FENCE_H_

#include "placid/base/platform.h"

namespace placid::os {

// Lets FencePeers fence this process too. It holds for all its threads and for
// what it forks, until exec. Milliseconds, once, in a process that has threads.
// False: not here; fence yourself.
[[nodiscard]] PLACID_API bool JoinPeerFences();

// A full fence of every process that has joined, between two instructions of
// each of its threads, and of the calling thread. False: none took place.
[[nodiscard]] PLACID_API bool FencePeers();

}  // namespace placid::os

#endif  // PLACID_OS_PEER_FENCE_H_
