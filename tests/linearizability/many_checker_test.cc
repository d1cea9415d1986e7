// SPDX-License-Identifier: Apache-2.0
//
// The queues of many producers, and of many consumers, against histories made by
// hand: each of them says no where a ring would be wrong.
#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "tests/linearizability/by_hand.h"
#include "tests/linearizability/many_fifo.h"
#include "tests/linearizability/shared_fifo.h"

namespace placid::linearizability {
namespace {

// ---- One consumer

using Many = ManyFifo;
constexpr Many kManyTwo{.capacity = 2};

bool IsOfMany(std::initializer_list<Many::Event> events) {
  return Check(kManyTwo, {}, {InTurn(events)});
}

TEST(ManyFifoTest, ExactlyTheCapacityFits) {
  EXPECT_TRUE(
      IsOfMany({{Many::kClaim, 1}, {Many::kClaim, 2}, {Many::kNoRoom}}));
  EXPECT_FALSE(
      IsOfMany({{Many::kClaim, 1}, {Many::kClaim, 2}, {Many::kClaim, 3}}));
  EXPECT_FALSE(IsOfMany({{Many::kClaim, 1}, {Many::kNoRoom}}));
}

TEST(ManyFifoTest, WhatIsClaimedFirstIsTakenFirst) {
  EXPECT_TRUE(IsOfMany({{Many::kClaim, 1},
                        {Many::kClaim, 2},
                        {Many::kCommit, 2},
                        {Many::kFindPending},
                        {Many::kCommit, 1},
                        {Many::kTake, 1},
                        {Many::kTake, 2}}));
  EXPECT_FALSE(IsOfMany({{Many::kClaim, 1},
                         {Many::kClaim, 2},
                         {Many::kCommit, 2},
                         {Many::kTake, 2}}));
  EXPECT_FALSE(IsOfMany({{Many::kClaim, 1}, {Many::kFindNothing}}));
  EXPECT_FALSE(IsOfMany({{Many::kClaim, 1}, {Many::kTake, 1}}));
  EXPECT_FALSE(IsOfMany({{Many::kClaim, 1},
                         {Many::kCommit, 1},
                         {Many::kTake, 1},
                         {Many::kTake, 1}}));
}

TEST(ManyFifoTest, WhatIsGivenUpIsSkippedAndNeverTaken) {
  EXPECT_TRUE(IsOfMany({{Many::kClaim, 1},
                        {Many::kGiveUp, 1},
                        {Many::kClaim, 2},
                        {Many::kCommit, 2},
                        {Many::kTake, 2}}));
  EXPECT_FALSE(
      IsOfMany({{Many::kClaim, 1}, {Many::kGiveUp, 1}, {Many::kTake, 1}}));
  EXPECT_FALSE(
      IsOfMany({{Many::kClaim, 1}, {Many::kGiveUp, 1}, {Many::kFindPending}}));
  // Whose claim was given up cannot commit it.
  EXPECT_FALSE(
      IsOfMany({{Many::kClaim, 1}, {Many::kGiveUp, 1}, {Many::kCommit, 1}}));
}

TEST(ManyFifoTest, WhatIsInHandKeepsItsPlace) {
  const auto after = [](std::initializer_list<Many::Event> events) {
    std::vector<Many::Event> all = {{Many::kClaim, 1},
                                    {Many::kCommit, 1},
                                    {Many::kClaim, 2},
                                    {Many::kTake, 1}};
    all.insert(all.end(), events);
    std::vector<Timed<Many::Event>> history;
    for (const Many::Event& event : all) {
      const std::uint64_t now = 2 * history.size();
      history.push_back({{now, now + 1}, event});
    }
    return Check(kManyTwo, {}, {history});
  };
  EXPECT_TRUE(after({{Many::kNoRoom}}));
  EXPECT_FALSE(after({{Many::kClaim, 3}}));
  EXPECT_TRUE(after({{Many::kGiveAll}, {Many::kClaim, 3}}));
  EXPECT_FALSE(after({{Many::kGiveAll}, {Many::kNoRoom}}));
  // A successor is handed it again.
  EXPECT_TRUE(after({{Many::kTakeOver}, {Many::kTake, 1}}));
  EXPECT_FALSE(after({{Many::kTakeOver}, {Many::kFindPending}}));
}

TEST(ManyFifoTest, TheEndComesAfterAllAndForEver) {
  EXPECT_TRUE(IsOfMany({{Many::kClose}, {Many::kFindTheEnd}}));
  EXPECT_FALSE(IsOfMany({{Many::kClose}, {Many::kClaim, 1}}));
  EXPECT_FALSE(IsOfMany({{Many::kClose}, {Many::kFindNothing}}));
  EXPECT_FALSE(IsOfMany({{Many::kFindTheEnd}}));
  EXPECT_FALSE(IsOfMany({{Many::kSeeClosed}}));
  EXPECT_FALSE(IsOfMany({{Many::kClaim, 1},
                         {Many::kCommit, 1},
                         {Many::kClose},
                         {Many::kFindTheEnd}}));
}

// ---- Many consumers

using Shared = SharedFifo;
constexpr Shared kSharedTwo{.capacity = 2};

// As consumer `who` looks for what is offered before anything else.
std::vector<Timed<Shared::Event>> ShareInTurn(
    std::initializer_list<Shared::Event> events) {
  std::vector<Timed<Shared::Event>> history;
  std::uint64_t now = 0;
  for (const Shared::Event& event : events) {
    const bool looks = event.kind == Shared::kTake ||
                       event.kind == Shared::kFindNothing ||
                       event.kind == Shared::kFindPending ||
                       event.kind == Shared::kFindNothingOrEnd;
    if (looks) {
      history.push_back(
          {{now, now + 1}, {Shared::kLookForOffer, 0, event.who}});
      now += 2;
    }
    history.push_back({{now, now + 1}, event});
    now += 2;
  }
  return history;
}
bool IsShared(std::initializer_list<Shared::Event> events) {
  return Check(kSharedTwo, {}, {ShareInTurn(events)});
}

TEST(SharedFifoTest, EachValueIsTakenOnceAndInOrder) {
  EXPECT_TRUE(IsShared({{Shared::kClaim, 1},
                        {Shared::kCommit, 1},
                        {Shared::kClaim, 2},
                        {Shared::kCommit, 2},
                        {Shared::kTake, 1, 0},
                        {Shared::kTake, 2, 1},
                        {Shared::kFindNothing, 0, 1}}));
  EXPECT_FALSE(IsShared({{Shared::kClaim, 1},
                         {Shared::kCommit, 1},
                         {Shared::kTake, 1, 0},
                         {Shared::kTake, 1, 1}}));
  EXPECT_FALSE(IsShared({{Shared::kClaim, 1},
                         {Shared::kCommit, 1},
                         {Shared::kClaim, 2},
                         {Shared::kCommit, 2},
                         {Shared::kTake, 2, 1}}));
  EXPECT_FALSE(IsShared({{Shared::kClaim, 1},
                         {Shared::kClaim, 2},
                         {Shared::kCommit, 2},
                         {Shared::kTake, 2, 1}}));
  EXPECT_FALSE(IsShared({{Shared::kClaim, 1},
                         {Shared::kCommit, 1},
                         {Shared::kFindNothing, 0, 1}}));
}

// The slots go back in any order; a claim needs its own.
TEST(SharedFifoTest, AClaimWaitsForItsOwnSlot) {
  const auto after = [](std::initializer_list<Shared::Event> events) {
    auto history = ShareInTurn({{Shared::kClaim, 1},
                                {Shared::kCommit, 1},
                                {Shared::kClaim, 2},
                                {Shared::kCommit, 2},
                                {Shared::kTake, 1, 0},
                                {Shared::kTake, 2, 1}});
    std::uint64_t now = 100;
    for (const Shared::Event& event : events) {
      history.push_back({{now, now + 1}, event});
      now += 2;
    }
    return Check(kSharedTwo, {}, {history});
  };
  EXPECT_TRUE(after({{Shared::kNoRoom}}));
  EXPECT_FALSE(after({{Shared::kClaim, 3}}));
  const Shared::Event seen{Shared::kHaveGivenBack, 0, 0};
  EXPECT_TRUE(after({{Shared::kGiveBack, 0, 1}, {Shared::kNoRoom}}));
  EXPECT_FALSE(after({{Shared::kGiveBack, 0, 1}, {Shared::kClaim, 3}}));
  EXPECT_TRUE(after({{Shared::kGiveBack, 0, 0}, {Shared::kClaim, 3}}));
  EXPECT_TRUE(after({{Shared::kGiveBack, 0, 0}, {Shared::kNoRoom}, seen}));
  EXPECT_FALSE(after({{Shared::kGiveBack, 0, 0}, seen, {Shared::kNoRoom}}));
  EXPECT_FALSE(after(
      {{Shared::kGiveBack, 0, 0}, {Shared::kClaim, 3}, {Shared::kClaim, 4}}));
}

TEST(SharedFifoTest, WhatIsOfferedGoesToOneWhoBeginsLater) {
  const auto after = [](std::initializer_list<Shared::Event> events) {
    std::vector<Timed<Shared::Event>> history =
        ShareInTurn({{Shared::kClaim, 1},
                     {Shared::kCommit, 1},
                     {Shared::kClaim, 2},
                     {Shared::kCommit, 2},
                     {Shared::kTake, 1, 0}});
    std::uint64_t now = 100;
    for (const Timed<Shared::Event>& one : ShareInTurn(events)) {
      history.push_back({{now, now + 1}, one.event});
      now += 2;
    }
    return Check(kSharedTwo, {}, {history});
  };
  const Shared::Event offer{Shared::kOffer, 0, 0};
  const Shared::Event tell{Shared::kTell};
  EXPECT_TRUE(after({offer, tell, {Shared::kTake, 1, 1}}));
  EXPECT_FALSE(after({offer, tell, {Shared::kTake, 2, 1}}));
  EXPECT_FALSE(after({{Shared::kTake, 1, 1}}));
  EXPECT_TRUE(after({offer, {Shared::kTake, 2, 1}}));
  EXPECT_FALSE(
      after({offer, tell, {Shared::kTake, 1, 1}, {Shared::kTake, 1, 0}}));
  // It still has its slot; what is lost has not.
  EXPECT_TRUE(after({offer, tell, {Shared::kNoRoom}}));
  EXPECT_FALSE(after({{Shared::kLose, 0, 0}, {Shared::kNoRoom}}));
  EXPECT_FALSE(after({{Shared::kLose, 0, 0}, {Shared::kTake, 1, 1}}));
}

// Whoever looked before it was told of may miss it.
TEST(SharedFifoTest, WhoLookedBeforeAnOfferMayMissIt) {
  Shared::State state;
  state.entries[0] = {1, Shared::Fate::kInHand, 0};
  state.entries[1] = {2, Shared::Fate::kDone};
  state.entry_count = 2;
  state.taken = 1;
  using Events = std::vector<Timed<Shared::Event>>;
  const Events recover = {{{10, 20}, {Shared::kOffer, 0, 0}},
                          {{10, 20}, {Shared::kTell}}};
  const auto take = [](std::uint64_t call) {
    return Events{{{call, 30}, {Shared::kLookForOffer, 0, 1}},
                  {{call, 30}, {Shared::kTake, 2, 1}}};
  };
  EXPECT_TRUE(Check(kSharedTwo, state, {recover, take(15)}));
  EXPECT_FALSE(Check(kSharedTwo, state, {recover, take(21)}));
}

TEST(SharedFifoTest, TheEndComesAfterAllAndForEver) {
  const Shared::Event finds_end{Shared::kFindNothingOrEnd, 0, 1};
  EXPECT_TRUE(IsShared({{Shared::kClose}, finds_end, {Shared::kSeeClosed}}));
  EXPECT_FALSE(IsShared({{Shared::kClose}, {Shared::kClaim, 1}}));
  EXPECT_FALSE(IsShared({{Shared::kClose}, {Shared::kFindNothing, 0, 1}}));
  EXPECT_FALSE(IsShared({finds_end, {Shared::kSeeClosed}}));
  EXPECT_FALSE(IsShared({{Shared::kClaim, 1},
                         {Shared::kCommit, 1},
                         {Shared::kClose},
                         finds_end}));
  EXPECT_FALSE(
      IsShared({{Shared::kCloseConsumers}, {Shared::kFindNothing, 0, 1}}));
}

TEST(SharedFifoTest, WhatIsGivenUpIsPassedOver) {
  EXPECT_TRUE(IsShared({{Shared::kClaim, 1},
                        {Shared::kGiveUp, 1},
                        {Shared::kClaim, 2},
                        {Shared::kCommit, 2},
                        {Shared::kNoRoom},
                        {Shared::kTake, 2, 0},
                        {Shared::kClaim, 3}}));
  EXPECT_FALSE(IsShared(
      {{Shared::kClaim, 1}, {Shared::kGiveUp, 1}, {Shared::kTake, 1, 0}}));
  EXPECT_FALSE(IsShared({{Shared::kClaim, 1},
                         {Shared::kGiveUp, 1},
                         {Shared::kFindPending, 0, 0}}));
}

}  // namespace
}  // namespace placid::linearizability
