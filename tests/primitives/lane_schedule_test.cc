// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/lane_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace placid {
namespace {

// What a consumer does in one call, where lane i holds has[i] values: one look
// after another until something is found. The lane, or kLanes where all are
// empty; `looks` counts each lane's.
template <std::uint64_t kLanes>
struct Model {
  using Schedule = LaneSchedule<kLanes>;

  std::uint64_t Call() {
    typename Schedule::Set looked = 0;
    if (schedule.HasTurn()) {
      const std::uint64_t lane = schedule.lane();
      if (TakeFrom(lane)) return lane;
      schedule.FoundNothing(lane);
      looked = std::uint64_t{1} << lane;
    }
    while (looked != Schedule::kAll) {
      const std::uint64_t lane = schedule.Next(looked);
      EXPECT_LT(lane, kLanes);
      EXPECT_EQ(looked >> lane & 1, 0u) << "looked at twice in one call";
      if (TakeFrom(lane, /*begins=*/true)) return lane;
      schedule.FoundNothing(lane);
      looked |= std::uint64_t{1} << lane;
    }
    return kLanes;
  }
  bool TakeFrom(std::uint64_t lane, bool begins = false) {
    const auto i = static_cast<std::size_t>(lane);
    ++looks[i];
    if (has[i] == 0) return false;
    --has[i];
    if (begins) schedule.Begin(lane);
    schedule.Took(1);
    return true;
  }

  Schedule schedule;
  std::array<std::uint64_t, kLanes> has{};
  std::array<std::uint64_t, kLanes> looks{};
};

TEST(LaneScheduleTest, ACallThatFindsNothingHasLookedAtEachLaneOnce) {
  Model<64> all;
  Model<3> few;
  Model<1> one;
  for (std::uint64_t call = 1; call <= 1000; ++call) {
    EXPECT_EQ(all.Call(), 64u);
    EXPECT_EQ(few.Call(), 3u);
    EXPECT_EQ(one.Call(), 1u);
    for (const std::uint64_t looks : all.looks) ASSERT_EQ(looks, call);
    for (const std::uint64_t looks : few.looks) ASSERT_EQ(looks, call);
    ASSERT_EQ(one.looks[0], call);
  }
}

TEST(LaneScheduleTest, WhatComesIntoOneLaneIsFoundAtOnceWhereTheRestIsIdle) {
  Model<64> model;
  for (std::uint64_t call = 0; call < 5000; ++call) {
    const std::uint64_t lane = call * 29 % 64;
    model.has[static_cast<std::size_t>(lane)] = 1;
    ASSERT_EQ(model.Call(), lane);
    if (call % 3 == 0) {
      ASSERT_EQ(model.Call(), 64u);
    }
  }
}

// Each has its turn of 128 values, one after the other.
TEST(LaneScheduleTest, FullLanesTakeTurns) {
  Model<5> model;
  model.has.fill(UINT64_MAX);
  std::uint64_t last = model.Call();
  std::uint64_t in_row = 1;
  for (int call = 0; call < 5000; ++call) {
    const std::uint64_t lane = model.Call();
    if (lane == last) {
      ASSERT_LE(++in_row, LaneSchedule<5>::kTurn);
    } else {
      ASSERT_EQ(in_row, LaneSchedule<5>::kTurn);
      ASSERT_EQ(lane, (last + 1) % 5) << "somebody was left out";
      in_row = 1;
    }
    last = lane;
  }
}

TEST(LaneScheduleTest, ALaneThatGivesLittleHasItsTurnNonetheless) {
  // Lane 2 gets one value as soon as its last was taken; the others are full.
  Model<4> model;
  model.has = {UINT64_MAX, UINT64_MAX, 1, UINT64_MAX};
  std::uint64_t others = 0;  // values since its last
  for (int call = 0; call < 20000; ++call) {
    if (model.Call() == 2) {
      model.has[2] = 1;
      others = 0;
    } else {
      ASSERT_LE(++others, 3 * LaneSchedule<4>::kTurn);
    }
  }
}

// Two are busy, 62 idle: of those about one is looked at in each turn.
TEST(LaneScheduleTest, IdleLanesCostBusyOnesOneLookATurn) {
  Model<64> model;
  model.has[7] = model.has[40] = UINT64_MAX;
  constexpr std::uint64_t kTurns = 10000;
  for (std::uint64_t i = 0; i < kTurns * LaneSchedule<64>::kTurn; ++i) {
    const std::uint64_t lane = model.Call();
    ASSERT_TRUE(lane == 7 || lane == 40) << lane;
  }
  std::uint64_t idle = 0;
  for (std::size_t lane = 0; lane < 64; ++lane) {
    if (lane == 7 || lane == 40) continue;
    idle += model.looks[lane];
    // Never forgotten either.
    EXPECT_GE(model.looks[lane], kTurns / LaneSchedule<64>::kLongestRest);
  }
  EXPECT_LE(idle, 2 * kTurns);
}

// The first value of an idle lane waits for 64 turns of others and then, where
// all of them are full, for one of each.
TEST(LaneScheduleTest, AnIdleLaneIsFoundWithinSoManyTurns) {
  for (std::uint64_t idle_turns = 1; idle_turns < 300; ++idle_turns) {
    Model<8> model;
    model.has.fill(UINT64_MAX);
    model.has[5] = 0;
    for (std::uint64_t i = 0; i < idle_turns * LaneSchedule<8>::kTurn; ++i) {
      ASSERT_NE(model.Call(), 5u);
    }
    model.has[5] = 1;
    std::uint64_t waited = 0;
    while (model.Call() != 5) ++waited;
    EXPECT_LE(waited,
              (LaneSchedule<8>::kLongestRest + 7) * LaneSchedule<8>::kTurn);
  }
}

TEST(LaneScheduleTest, ABatchThatIsMoreThanATurnEndsIt) {
  LaneSchedule<2> schedule;
  schedule.Begin(1);
  schedule.Took(LaneSchedule<2>::kTurn - 1);
  EXPECT_TRUE(schedule.HasTurn());
  schedule.Took(1000);
  EXPECT_FALSE(schedule.HasTurn());
  EXPECT_EQ(schedule.Next(0), 0u);
}

}  // namespace
}  // namespace placid
