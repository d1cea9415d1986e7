// SPDX-License-Identifier: Apache-2.0
#include "placid/os/peer_fence.h"

#include "fixture.h"
#include "gtest/gtest.h"

namespace placid::os::conformance {
namespace {

using PeerFenceConformance = Conformance;

// Whoever could join relies on being fenced; whoever could not fences itself.
// One answer without the other would leave nobody to do it.
TEST_F(PeerFenceConformance, WhoCanJoinCanBeFenced) {
  const bool has_joined = JoinPeerFences();
  EXPECT_EQ(FencePeers(), has_joined);
  EXPECT_EQ(JoinPeerFences(), has_joined) << "the same answer the second time";
}

}  // namespace
}  // namespace placid::os::conformance
