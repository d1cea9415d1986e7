// SPDX-License-Identifier: Apache-2.0
//
// The checker against histories made by hand: a checker that says yes to all,
// or no, is found out here.
#include "tests/linearizability/checker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/linearizability/by_hand.h"
#include "tests/linearizability/clock.h"
#include "tests/linearizability/fifo.h"
#include "tests/linearizability/holding.h"
#include "tests/linearizability/pin.h"
#include "tests/linearizability/register.h"
#include "tests/linearizability/runner.h"
#include "tests/linearizability/sum.h"

namespace placid::linearizability {
namespace {

using Events = std::vector<Timed<Fifo::Event>>;
using Stores = std::vector<Timed<Register::Event>>;
constexpr Fifo kTwo{.capacity = 2};

// ---- Time

// The textbook's queue: the pop begins after both pushes have returned.
TEST(CheckerTest, AnOrderMayNotGoAgainstTime) {
  const Events pushes = {{{0, 1}, {Fifo::kPut, 1}}, {{2, 3}, {Fifo::kPut, 2}}};
  EXPECT_TRUE(Check(kTwo, {}, {pushes, {{{4, 5}, {Fifo::kTake, 1}}}}));
  EXPECT_FALSE(Check(kTwo, {}, {pushes, {{{4, 5}, {Fifo::kTake, 2}}}}));
  EXPECT_FALSE(Check(kTwo, {}, {pushes, {{{4, 5}, {Fifo::kFindNothing}}}}));
}

// An operation may take effect anywhere between its call and its return.
TEST(CheckerTest, WhatOverlapsMayComeInEitherOrder) {
  const Events push = {{{0, 10}, {Fifo::kPut, 1}}};
  EXPECT_TRUE(Check(kTwo, {}, {push, {{{5, 15}, {Fifo::kTake, 1}}}}));
  EXPECT_TRUE(Check(kTwo, {}, {push, {{{5, 15}, {Fifo::kFindNothing}}}}));
  // But not in both: seen, and then not seen.
  const Stores store = {{{0, 100}, {Register::kStore, 7}}};
  EXPECT_TRUE(Check(
      Register(), {},
      {store,
       {{{10, 11}, {Register::kLoad, 0}}, {{20, 21}, {Register::kLoad, 7}}}}));
  EXPECT_FALSE(Check(
      Register(), {},
      {store,
       {{{10, 11}, {Register::kLoad, 7}}, {{20, 21}, {Register::kLoad, 0}}}}));
}

// Two readers that see two stores in different orders: each alone is right.
TEST(CheckerTest, AllThreadsSeeOneOrder) {
  const Stores one = {{{0, 100}, {Register::kStore, 1}}};
  const Stores two = {{{0, 100}, {Register::kStore, 2}}};
  const auto reader = [](std::uint64_t first, std::uint64_t second) {
    return Stores{{{10, 11}, {Register::kLoad, first}},
                  {{20, 21}, {Register::kLoad, second}}};
  };
  EXPECT_TRUE(Check(Register(), {}, {one, two, reader(1, 2), reader(1, 2)}));
  EXPECT_TRUE(Check(Register(), {}, {one, two, reader(1, 2)}));
  EXPECT_TRUE(Check(Register(), {}, {one, two, reader(2, 1)}));
  EXPECT_FALSE(Check(Register(), {}, {one, two, reader(1, 2), reader(2, 1)}));
}

// Greedy search fails here: the first event that can come next must wait.
TEST(CheckerTest, TheSearchGoesBack) {
  const Stores stores = {{{0, 50}, {Register::kStore, 1}},
                         {{51, 60}, {Register::kLoad, 2}}};
  const Stores others = {{{0, 50}, {Register::kStore, 2}}};
  EXPECT_TRUE(Check(Register(), {}, {stores, others}));
  EXPECT_TRUE(Check(Register(), {}, {others, stores}));
}

TEST(CheckerTest, AFailureSaysWhereItStopped) {
  const Stores store = {{{100, 110}, {Register::kStore, 1}}};
  const Stores load = {{{120, 130}, {Register::kLoad, 2}}};
  Checker<Register> checker;
  ASSERT_FALSE(checker.IsLinearizable({}, {}, {&store, &load}));
  EXPECT_NE(checker.Explain().find("> 20 .. 30  load  2"), std::string::npos)
      << checker.Explain();
}

TEST(CheckerTest, OverlapIsCountedWhereTimesMeet) {
  const std::vector<Interval> mine = {{0, 10}, {20, 30}, {40, 50}};
  EXPECT_EQ(CountOverlapping(mine, {{10, 20}, {30, 40}}), 0u);
  EXPECT_EQ(CountOverlapping(mine, {{5, 25}}), 2u);
  EXPECT_EQ(CountOverlapping({{5, 25}}, mine), 1u);
}

// ---- The rings

// One slot too many, or too few.
TEST(FifoTest, ExactlyTheCapacityFits) {
  const Events two = {{{0, 1}, {Fifo::kPut, 1}}, {{2, 3}, {Fifo::kPut, 2}}};
  Events third = two;
  third.push_back({{4, 5}, {Fifo::kPut, 3}});
  Events full = two;
  full.push_back({{4, 5}, {Fifo::kNoRoom}});
  EXPECT_TRUE(Check(kTwo, {}, {full}));
  EXPECT_FALSE(Check(kTwo, {}, {third}));
  EXPECT_FALSE(Check(kTwo, {}, {{{{0, 1}, {Fifo::kNoRoom}}}}));
}

// The value in hand still has its slot; the consumer's next call frees it.
TEST(FifoTest, APromptConsumerFreesASlotByItsNextCall) {
  constexpr Fifo kOne{.capacity = 1};
  const Events pop = {{{2, 3}, {Fifo::kGiveBack}}, {{2, 3}, {Fifo::kTake, 1}}};
  Events pop_again = pop;
  pop_again.push_back({{6, 7}, {Fifo::kGiveBack}});
  pop_again.push_back({{6, 7}, {Fifo::kFindNothing}});
  pop_again.push_back({{6, 7}, {Fifo::kHaveGivenBack}});
  const Timed<Fifo::Event> first = {{0, 1}, {Fifo::kPut, 1}};
  const auto then = [&first](std::uint64_t call, Fifo::Event event) {
    return Events{first, {{call, call + 1}, event}};
  };
  EXPECT_TRUE(Check(kOne, {}, {then(4, {Fifo::kNoRoom}), pop}));
  EXPECT_FALSE(Check(kOne, {}, {then(4, {Fifo::kPut, 2}), pop}));
  EXPECT_TRUE(Check(kOne, {}, {then(8, {Fifo::kPut, 2}), pop_again}));
  EXPECT_FALSE(Check(kOne, {}, {then(8, {Fifo::kNoRoom}), pop_again}));
}

// 8 values, 3 taken: 1 in hand, and of the other 2 one may be kept.
TEST(FifoTest, AStreamingConsumerKeepsAnEighthAndNoMore) {
  constexpr Fifo kEight{.capacity = 8, .lag = 1};
  Fifo::State full;
  for (std::uint32_t i = 0; i < 8; ++i) full.entries[i] = {i + 1, 1};
  full.entry_count = 8;
  Events pops;
  for (std::uint32_t i = 0; i < 3; ++i) {
    pops.push_back({{i, i}, {Fifo::kGiveBack}});
    pops.push_back({{i, i}, {Fifo::kTake, i + 1}});
    pops.push_back({{i, i}, {Fifo::kHaveGivenBack}});
  }
  const auto pushes = [](std::uint32_t count) {
    Events events;
    for (std::uint32_t i = 0; i < count; ++i) {
      events.push_back({{10 + i, 10 + i}, {Fifo::kPut, i + 9}});
    }
    events.push_back({{20, 21}, {Fifo::kNoRoom}});
    return events;
  };
  EXPECT_FALSE(Check(kEight, full, {pushes(0), pops}));  // kept too much
  EXPECT_TRUE(Check(kEight, full, {pushes(1), pops}));   // kept one
  EXPECT_TRUE(Check(kEight, full, {pushes(2), pops}));   // kept none
  EXPECT_FALSE(Check(kEight, full, {pushes(3), pops}));  // gave the one in hand
  pops.push_back({{5, 6}, {Fifo::kGiveAll}});
  EXPECT_FALSE(Check(kEight, full, {pushes(2), pops}));  // Publish gives all
  EXPECT_TRUE(Check(kEight, full, {pushes(3), pops}));
}

TEST(FifoTest, ASuccessorIsHandedWhatWasInHandAndPerhapsWhatWasKept) {
  constexpr Fifo kEight{.capacity = 8, .lag = 1};
  Fifo::State state;
  for (std::uint32_t i = 0; i < 3; ++i) state.entries[i] = {i + 1, 1};
  state.entry_count = 3;
  state.kept = 1;
  state.in_hand = 1;
  const auto next = [](std::uint32_t value) {
    return Events{{{0, 1}, {Fifo::kTakeOver}},
                  {{2, 3}, {Fifo::kGiveBack}},
                  {{2, 3}, {Fifo::kTake, value}}};
  };
  EXPECT_TRUE(Check(kEight, state, {next(1)}));
  EXPECT_TRUE(Check(kEight, state, {next(2)}));
  EXPECT_FALSE(Check(kEight, state, {next(3)}));
}

// Store buffering: each side misses the other's last store.
TEST(FifoTest, WhatAnOperationPutFirstMayBeSeenLast) {
  Fifo::State state;
  state.entries[0] = {1, 1};
  state.entry_count = state.in_hand = 1;
  const auto batch = [](Fifo::Kind kind) {
    return Events{{{0, 10}, {kind, 2}},
                  {{0, 10}, {Fifo::kNoRoom}},
                  {{0, 10}, {Fifo::kShow}}};
  };
  const auto pop = [](std::uint64_t call) {
    return Events{{{call, 20}, {Fifo::kGiveBack}},
                  {{call, 20}, {Fifo::kFindNothing}},
                  {{call, 20}, {Fifo::kHaveGivenBack}}};
  };
  EXPECT_TRUE(Check(kTwo, state, {batch(Fifo::kPutEarly), pop(5)}));
  EXPECT_FALSE(Check(kTwo, state, {batch(Fifo::kPutEarly), pop(11)}));
}

TEST(FifoTest, ABatchTakesAllThatItCan) {
  Fifo::State two;
  two.entries[0] = {1, 1};
  two.entries[1] = {2, 1};
  two.entry_count = 2;
  const auto take = [](std::uint32_t count, std::uint32_t wanted) {
    return Events{
        {{0, 1},
         {.kind = Fifo::kTake, .value = 1, .count = count, .wanted = wanted}}};
  };
  EXPECT_TRUE(Check(kTwo, two, {take(2, 3)}));
  EXPECT_TRUE(Check(kTwo, two, {take(1, 1)}));
  EXPECT_FALSE(Check(kTwo, two, {take(1, 2)}));
  EXPECT_FALSE(Check(kTwo, two, {take(3, 3)}));
}

TEST(FifoTest, ClosedIsForEverAndComesAfterTheLastValue) {
  const Events close = {{{0, 1}, {Fifo::kPut, 1}},
                        {{2, 3}, {Fifo::kCloseProducer}}};
  Events more = close;
  more.push_back({{4, 5}, {Fifo::kPut, 2}});
  EXPECT_FALSE(Check(kTwo, {}, {more}));
  const Timed<Fifo::Event> end = {{8, 9}, {Fifo::kFindTheEnd}};
  EXPECT_TRUE(Check(kTwo, {}, {close, {{{6, 7}, {Fifo::kTake, 1}}, end}}));
  EXPECT_FALSE(Check(kTwo, {}, {close, {end}}));
  EXPECT_FALSE(Check(
      kTwo, {},
      {close, {{{6, 7}, {Fifo::kTake, 1}}, {{8, 9}, {Fifo::kFindNothing}}}}));
}

// 64 bytes, a record of 24 at 48: it does not fit before the end, so 16 bytes
// of padding come first; and with 48 bytes taken up there is room for those
// alone.
TEST(FifoTest, PaddingTakesSpaceOfItsOwn) {
  constexpr Fifo kBytes{.capacity = 64, .is_in_one_piece = true};
  Fifo::State state;
  state.entries[0] = {1, 48};
  state.entry_count = 1;
  state.tail = 48;
  const auto skip = [](std::uint64_t call) {
    return Timed<Fifo::Event>{{call, call + 1},
                              {.kind = Fifo::kSkip, .value = 2, .size = 24}};
  };
  const auto put = [](std::uint64_t call, Fifo::Kind kind) {
    return Timed<Fifo::Event>{{call, call + 1},
                              {.kind = kind, .value = 2, .size = 24}};
  };
  const Timed<Fifo::Event> show = {{0, 1}, {Fifo::kShow}};
  EXPECT_FALSE(Check(kBytes, state, {{skip(0), put(0, Fifo::kPut)}}));
  EXPECT_TRUE(Check(kBytes, state, {{skip(0), put(0, Fifo::kNoRoom)}}));
  EXPECT_FALSE(Check(kBytes, state, {{put(0, Fifo::kPut)}}));
  const Events pops = {
      {{10, 11}, {Fifo::kGiveBack}},
      {{10, 11}, {.kind = Fifo::kTake, .value = 1, .size = 48}},
      {{12, 13}, {Fifo::kGiveAll}}};
  EXPECT_TRUE(Check(
      kBytes, state,
      {{skip(0), put(0, Fifo::kNoRoom), show, skip(14), put(14, Fifo::kPut)},
       pops}));
  EXPECT_FALSE(Check(
      kBytes, state,
      {{skip(0), put(0, Fifo::kNoRoom), show, skip(14), put(14, Fifo::kNoRoom)},
       pops}));
}

// ---- The others

TEST(RegisterTest, OnlyAStoreInProgressDisturbs) {
  const Stores store = {{{0, 10}, {Register::kBegin}},
                        {{0, 10}, {Register::kStore, 1}}};
  const auto disturbed = [](std::uint64_t call) {
    return Stores{{{call, call + 1}, {Register::kDisturbed}}};
  };
  EXPECT_TRUE(Check(Register(), {}, {store, disturbed(5)}));
  EXPECT_FALSE(Check(Register(), {}, {store, disturbed(11)}));
}

TEST(SumTest, NothingIsLostOrRefusedForNothing) {
  using Adds = std::vector<Timed<Sum::Event>>;
  const Adds one = {{{0, 10}, {Sum::kAdd, 1, 1}}};
  EXPECT_TRUE(Check(Sum(), {}, {one, {{{5, 15}, {Sum::kAdd, 1, 2}}}}));
  EXPECT_FALSE(Check(Sum(), {}, {one, {{{5, 15}, {Sum::kAdd, 1, 1}}}}));
  const std::int32_t most = std::numeric_limits<std::int32_t>::max();
  const Adds full = {{{0, 1}, {Sum::kFindFull, 1, most}}};
  EXPECT_TRUE(Check(Sum(), {most}, {full}));
  EXPECT_FALSE(Check(Sum(), {most - 1}, {full}));
}

TEST(HoldingTest, OneHolderAtATimeAndOneSuccessor) {
  using Takes = std::vector<Timed<Holding::Event>>;
  const auto take = [](std::uint64_t call, std::uint8_t who) {
    return Timed<Holding::Event>{{call, call + 1}, {Holding::kTake, 0, who}};
  };
  EXPECT_FALSE(Check(Holding(), {}, {{take(0, 0)}, {take(2, 1)}}));
  EXPECT_TRUE(
      Check(Holding(), {},
            {{take(0, 0), {{2, 3}, {Holding::kRelease, 0, 0}}}, {take(4, 1)}}));
  const std::uint64_t first = Holding::kHolder | 1;
  const Takes over = {{{2, 3}, {Holding::kTakeOver, first, 1}}};
  EXPECT_TRUE(Check(Holding(), {}, {{take(0, 0)}, over}));
  // A former holder's release does not free the successor's.
  const Takes late = {take(0, 0),
                      {{4, 5}, {Holding::kRelease, 0, 0}},
                      {{6, 7}, {Holding::kTake, 0, 0}}};
  EXPECT_FALSE(Check(Holding(), {}, {late, over}));
}

// ---- The clock

// What was stamped, then handed over, is not later than a stamp at the other
// end: else the order of a history would mean nothing here.
TEST(ClockTest, StampsNeverGoBackFromThreadToThread) {
  std::atomic<std::uint64_t> turn{0};
  std::uint64_t stamp = 0;
  std::uint64_t backwards = 0;
  constexpr std::uint64_t kTurns = 4000;
  const auto play = [&](unsigned who) {
    PinThisThread(who);
    for (std::uint64_t mine = who; mine < kTurns; mine += 2) {
      AwaitValue(turn, mine);
      const std::uint64_t call = CallStamp();
      const std::uint64_t ret = ReturnStamp();
      backwards += call < stamp || ret < call ? 1 : 0;
      stamp = ret;
      turn.store(mine + 1, std::memory_order_release);
    }
  };
  std::thread other([&] { play(1); });
  play(0);
  other.join();
  UnpinThisThread();
  EXPECT_EQ(backwards, 0u);
}

}  // namespace
}  // namespace placid::linearizability
