// SPDX-License-Identifier: Apache-2.0
//
// The specification of rings with lanes against histories made by hand: it says
// no where such a ring would be wrong.
#include <gtest/gtest.h>

#include <initializer_list>

#include "tests/linearizability/by_hand.h"
#include "tests/linearizability/lane_fifo.h"

namespace placid::linearizability {
namespace {

using Lanes = LaneFifo<2>;
constexpr Lanes kOfTwo{{.capacity = 2}};

Lanes::Event In(std::uint8_t lane, Fifo::Kind kind, std::uint32_t value = 0) {
  return {.kind = Lanes::kInLane, .lane = lane, .event = {kind, value}};
}
bool IsOfLanes(std::initializer_list<Lanes::Event> events) {
  return Check(kOfTwo, {}, {InTurn(events)});
}

TEST(LaneFifoTest, OrderIsKeptInALaneAndNowhereElse) {
  const auto first = In(0, Fifo::kPut, 1);
  const auto second = In(0, Fifo::kPut, 2);
  const auto other = In(1, Fifo::kPut, 3);
  EXPECT_TRUE(IsOfLanes({first, second, other, In(1, Fifo::kTake, 3),
                         In(0, Fifo::kTake, 1)}));
  EXPECT_FALSE(IsOfLanes({first, second, other, In(0, Fifo::kTake, 2)}));
  EXPECT_FALSE(IsOfLanes({first, In(1, Fifo::kTake, 1)}));
  EXPECT_TRUE(IsOfLanes({first, second, In(0, Fifo::kNoRoom), other}));
  EXPECT_FALSE(IsOfLanes({first, second, In(1, Fifo::kNoRoom)}));
}

TEST(LaneFifoTest, ALaneHasOneHolderAtATime) {
  EXPECT_FALSE(IsOfLanes({{Lanes::kLease, 0, 0}, {Lanes::kLease, 0, 1}}));
  EXPECT_TRUE(IsOfLanes(
      {{Lanes::kLease, 0, 0}, {Lanes::kGiveBack, 0}, {Lanes::kLease, 0, 1}}));
  EXPECT_FALSE(IsOfLanes({{Lanes::kGiveBack, 0}}));
}

TEST(LaneFifoTest, NoLaneIsToBeHadWhereEachWasFoundLeased) {
  const Lanes::Event find = {Lanes::kFindLeased, 0, 1};
  EXPECT_FALSE(IsOfLanes({{Lanes::kLease, 0, 0}, find, find}));
  EXPECT_TRUE(IsOfLanes(
      {{Lanes::kLease, 0, 0}, {Lanes::kLease, 1, 0}, find, find}));
  // One after the other: never both at a time.
  EXPECT_TRUE(IsOfLanes({{Lanes::kLease, 0, 0},
                         find,
                         {Lanes::kGiveBack, 0},
                         {Lanes::kLease, 1, 0},
                         find}));
}

TEST(LaneFifoTest, NothingIsToBeTakenWhereEachWasFoundEmpty) {
  const Lanes::Event find = {Lanes::kFindEmpty};
  const Lanes::Event more = {Lanes::kMayGetMore};
  const auto put = In(0, Fifo::kPut, 1);
  EXPECT_TRUE(IsOfLanes({find, find, more}));
  EXPECT_FALSE(IsOfLanes({put, find, find, more}));
  EXPECT_TRUE(IsOfLanes({find, put, find, more}));
}

TEST(LaneFifoTest, TheEndIsToldOnceSealedFreeAndEmptyAndNotBefore) {
  const Lanes::Event end = {Lanes::kFindTheEnd};
  const Lanes::Event seal = {Lanes::kSeal};
  const Lanes::Event lease = {Lanes::kLease, 1, 0};
  const Lanes::Event back = {Lanes::kGiveBack, 1};
  EXPECT_TRUE(IsOfLanes({seal, end}));
  EXPECT_FALSE(IsOfLanes({end}));
  EXPECT_FALSE(IsOfLanes({lease, seal, end}));
  EXPECT_TRUE(IsOfLanes({lease, seal, {Lanes::kMayGetMore}, back, end}));
  EXPECT_FALSE(IsOfLanes({lease, seal, back, {Lanes::kMayGetMore}}));
  EXPECT_FALSE(
      IsOfLanes({lease, In(1, Fifo::kPut, 1), seal, back, end}));
  EXPECT_FALSE(IsOfLanes({seal, lease}));
}

// Two who are refused may see each other's attempt, and so may the consumer.
TEST(LaneFifoTest, WhoIsRefusedForTheSealHasALaneMeanwhile) {
  const Lanes::Event seal = {Lanes::kSeal};
  const Lanes::Event tries = {Lanes::kTry, 0, 0};
  const Lanes::Event sees = {Lanes::kSeeSealed, 0, 0};
  const Lanes::Event more = {Lanes::kMayGetMore};
  EXPECT_TRUE(IsOfLanes({seal, tries, more, sees}));
  EXPECT_FALSE(IsOfLanes({seal, tries, sees, more}));
  EXPECT_FALSE(IsOfLanes({tries, sees}));
  EXPECT_FALSE(IsOfLanes(
      {{Lanes::kLease, 0, 1}, {Lanes::kLease, 1, 1}, seal, tries, sees}));
}

}  // namespace
}  // namespace placid::linearizability
