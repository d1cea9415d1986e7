// SPDX-License-Identifier: Apache-2.0
#include "placid/os/bell.h"

#include <cstdint>
#include <string>
#include <thread>
#include <utility>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/os/futex.h"

namespace placid::os::conformance {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kPast = 0;

class BellConformance : public Conformance {
 protected:
  static Bell NewBell() {
    auto bell = Bell::Make();
    EXPECT_TRUE(Succeeds(bell));
    return bell ? std::move(*bell) : Bell();
  }
  static std::string Ring(const Bell& bell) {
    return "ring " + std::to_string(bell.number());
  }
  // Signals may end a wait too early.
  static bool WaitFor(Bell& bell) {
    const std::int64_t until = MonotonicNow() + 60'000 * kMillisecond;
    while (MonotonicNow() < until) {
      if (bell.Wait(until)) return true;
    }
    return false;
  }
};

TEST_F(BellConformance, BellsHaveNumbersOfTheirOwn) {
  const Bell one = NewBell();
  const Bell two = NewBell();
  EXPECT_NE(one.number(), 0u);
  EXPECT_NE(two.number(), 0u);
  EXPECT_NE(one.number(), two.number());
  EXPECT_EQ(Bell().number(), 0u);
}

TEST_F(BellConformance, WithoutARingAWaitEndsAtItsDeadline) {
  Bell bell = NewBell();
  EXPECT_FALSE(bell.Wait(kPast));
  const std::int64_t until = MonotonicNow() + 20 * kMillisecond;
  EXPECT_FALSE(bell.Wait(until));
  EXPECT_GE(MonotonicNow(), until - kMillisecond);
}

// A ring is kept for who comes to wait later, and several are one.
TEST_F(BellConformance, ARingIsKeptUntilItIsWaitedFor) {
  Bell bell = NewBell();
  BellRope rope;
  EXPECT_TRUE(rope.Ring(bell.number()));
  EXPECT_TRUE(rope.Ring(bell.number()));
  EXPECT_TRUE(bell.Wait(kPast));
  EXPECT_FALSE(bell.Wait(kPast));
  bell.Ring();
  EXPECT_TRUE(bell.Wait(kPast));
  EXPECT_FALSE(bell.Wait(kPast));
}

TEST_F(BellConformance, WhatWasSilencedIsForgotten) {
  Bell bell = NewBell();
  bell.Ring();
  bell.Ring();
  bell.Silence();
  EXPECT_FALSE(bell.Wait(kPast));
  bell.Silence();
  bell.Ring();
  EXPECT_TRUE(bell.Wait(kPast));
}

TEST_F(BellConformance, APeerRingsUsAndWeRingIt) {
  Bell bell = NewBell();
  const auto peer = Peer::Spawn();
  EXPECT_EQ(peer->Do(Ring(bell)), "rang");
  EXPECT_TRUE(WaitFor(bell));
  const std::uint64_t theirs = std::stoull(peer->Do("bell"));
  EXPECT_NE(theirs, bell.number());
  EXPECT_TRUE(BellRope().Ring(theirs));
}

TEST_F(BellConformance, APeerWakesASleeper) {
  Bell bell = NewBell();
  const auto peer = Peer::Spawn();
  for (int round = 0; round < 20; ++round) {
    std::thread ringer([&] { EXPECT_EQ(peer->Do(Ring(bell)), "rang"); });
    EXPECT_TRUE(WaitFor(bell));
    ringer.join();
    bell.Silence();
  }
}

TEST_F(BellConformance, NobodyHearsANumberThatNoBellHas) {
  std::uint64_t gone = 0;
  {
    const Bell bell = NewBell();
    gone = bell.number();
  }
  EXPECT_FALSE(BellRope().Ring(gone));
  EXPECT_FALSE(BellRope().Ring(0));
  const auto peer = Peer::Spawn();
  EXPECT_EQ(peer->Do("ring " + std::to_string(gone)), "nobody");
}

// Whoever was killed leaves no bell behind that would still be rung.
TEST_F(BellConformance, ABellGoesWithItsProcess) {
  auto peer = Peer::Spawn();
  const std::uint64_t theirs = std::stoull(peer->Do("bell"));
  peer->Kill();
  peer->Reap();
  EXPECT_FALSE(BellRope().Ring(theirs));
}

// One who never listens keeps nobody from ringing others, or from going on.
TEST_F(BellConformance, ABellThatNobodyListensToSilencesNoOther) {
  const Bell deaf = NewBell();
  const Bell deafer = NewBell();
  Bell bell = NewBell();
  BellRope rope;
  for (int i = 0; i < 2000; ++i) {
    EXPECT_TRUE(rope.Ring(deaf.number()));
    EXPECT_TRUE(rope.Ring(deafer.number()));
  }
  EXPECT_TRUE(rope.Ring(bell.number()));
  EXPECT_TRUE(bell.Wait(kPast));
}

TEST_F(BellConformance, AMovedBellKeepsItsNumberAndItsRings) {
  Bell bell = NewBell();
  const std::uint64_t number = bell.number();
  bell.Ring();
  Bell moved(std::move(bell));
  EXPECT_EQ(bell.number(), 0u);  // NOLINT: what is left is no bell
  EXPECT_EQ(moved.number(), number);
  EXPECT_TRUE(moved.Wait(kPast));
  BellRope rope;
  EXPECT_TRUE(rope.Ring(number));
  BellRope also(std::move(rope));
  EXPECT_TRUE(also.Ring(number));
  rope = std::move(also);
  EXPECT_TRUE(rope.Ring(number));
}

}  // namespace
}  // namespace placid::os::conformance
