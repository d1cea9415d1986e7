// SPDX-License-Identifier: Apache-2.0
#include "placid/os/process.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <sstream>
#include <thread>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/error.h"
#include "placid/os/futex.h"

namespace placid::os::conformance {
namespace {

using ProcessConformance = Conformance;

constexpr std::int64_t kLongMs = 10'000;

ProcessIdentity IdentityOf(Peer& peer) {
  std::istringstream words(peer.Do("identity"));
  ProcessIdentity identity;
  words >> identity.pid >> identity.start_time >> identity.boot_high >>
      identity.boot_low;
  return identity;
}

TEST_F(ProcessConformance, ThisProcessIsOneAndAlive) {
  const auto self = ThisProcess();
  ASSERT_TRUE(Succeeds(self));
  EXPECT_NE(self->pid, 0U);
  EXPECT_NE(self->boot_high | self->boot_low, 0U);
  EXPECT_EQ(*self, *ThisProcess());
  const auto again = IdentifyProcess(self->pid);
  ASSERT_TRUE(Succeeds(again));
  EXPECT_EQ(*self, *again);
  auto watch = ProcessWatch::Open(*self);
  ASSERT_TRUE(Succeeds(watch));
  EXPECT_EQ(watch->Poll(), Liveness::kAlive);
  EXPECT_EQ(watch->identity(), *self);
}

TEST_F(ProcessConformance, APeerSeesItselfAsWeSeeIt) {
  const auto peer = Peer::Spawn();
  const ProcessIdentity identity = IdentityOf(*peer);
  EXPECT_NE(identity.pid, ThisProcess()->pid);
  EXPECT_EQ(identity.boot_high, ThisProcess()->boot_high);
  EXPECT_EQ(identity.boot_low, ThisProcess()->boot_low);
  const auto seen = IdentifyProcess(identity.pid);
  ASSERT_TRUE(Succeeds(seen));
  EXPECT_EQ(*seen, identity);
}

TEST_F(ProcessConformance, AKilledPeerIsDeadBeforeAndAfterItIsReaped) {
  const auto peer = Peer::Spawn();
  const ProcessIdentity identity = IdentityOf(*peer);
  auto watch = ProcessWatch::Open(identity);
  ASSERT_TRUE(Succeeds(watch));
  EXPECT_EQ(watch->Poll(), Liveness::kAlive);
  peer->Kill();
  EXPECT_EQ(watch->Poll(), Liveness::kDead);
  EXPECT_EQ(watch->WaitForDeath(0), Liveness::kDead);
  EXPECT_EQ(ProcessWatch::Open(identity)->Poll(), Liveness::kDead);
  peer->Reap();
  EXPECT_EQ(watch->Poll(), Liveness::kDead);
  EXPECT_EQ(ProcessWatch::Open(identity)->Poll(), Liveness::kDead);
}

// Neither may pass for the living process that has the pid now.
TEST_F(ProcessConformance, AReusedPidDoesNotPassForTheDead) {
  const auto peer = Peer::Spawn();
  const ProcessIdentity identity = IdentityOf(*peer);
  ProcessIdentity predecessor = identity;
  predecessor.start_time -= 1;
  EXPECT_EQ(ProcessWatch::Open(predecessor)->Poll(), Liveness::kDead);
  ProcessIdentity before_boot = identity;
  before_boot.boot_high ^= 1;
  EXPECT_EQ(ProcessWatch::Open(before_boot)->Poll(), Liveness::kDead);
  EXPECT_EQ(ProcessWatch::Open(identity)->Poll(), Liveness::kAlive);
}

TEST_F(ProcessConformance, ADeathIsSeenWhileItIsWaitedFor) {
  const auto peer = Peer::Spawn();
  auto watch = ProcessWatch::Open(IdentityOf(*peer));
  ASSERT_TRUE(Succeeds(watch));
  EXPECT_EQ(watch->WaitForDeath(1), Liveness::kAlive);
  const std::int64_t begin = MonotonicNow();
  std::thread killer([&peer] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    peer->Kill();
  });
  EXPECT_EQ(watch->WaitForDeath(kLongMs), Liveness::kDead);
  EXPECT_LT(MonotonicNow() - begin, kLongMs * 1'000'000 / 2);
  killer.join();
}

TEST_F(ProcessConformance, WhatIsNoProcessIsAnError) {
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "ProcessWatch::Open", "",
                        ProcessWatch::Open(ProcessIdentity{})));
  for (const std::uint64_t pid :
       {std::uint64_t{0}, std::uint64_t{0x7ffffff0}, ~std::uint64_t{0}}) {
    EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "IdentifyProcess", "",
                          IdentifyProcess(pid)))
        << pid;
  }
}

}  // namespace
}  // namespace placid::os::conformance
