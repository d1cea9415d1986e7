// SPDX-License-Identifier: Apache-2.0
//
// WaitMask, Doorbells and WaitSet: nobody sleeps while what it waits for is
// there, at any of its sources. Sleepers of the model sleep until they are
// woken, so a lost ring is a program that is stuck.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "placid/wait/doorbells.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"
#include "tests/model/explore.h"
#include "tests/model/model.h"
#include "tests/model/os_port.h"

namespace placid::model {
namespace {

constexpr std::int64_t kNever = INT64_MAX;
constexpr OwnerId kMortal = *OwnerId::Of(1, 1);

Doorbells::StorageOf<2> rows;
WaitMask::Storage masks[2];
std::uint64_t data[2];
Atomic<std::uint32_t> items[2];  // what is published: 1, and the data with it

// Not on the stack of a thread, which may die before it gives back their heap.
std::optional<WaitSet> sets[2];

[[nodiscard]] Doorbells TheDoorbells() { return *Doorbells::Attach(rows); }
[[nodiscard]] WaitMask MaskOf(int source) {
  return *WaitMask::Attach(masks[source]);
}

// What a thread publishes, and at which source.
struct Deed {
  int item;
  int source;
};

void Put(int item) {
  machine::CopyIn(data[item], std::uint64_t{7});
  items[item].store(1, kRelease);  // sync: item (release)
}

bool Take(int item) {
  if (items[item].load(kAcquire) == 0) return false;  // sync: item (acquire)
  std::uint64_t value = 0;
  machine::CopyOut(value, data[item]);
  Check(value == 7, "what was published is there");
  return true;
}

WaitSet& MakeSet(int which, OwnerId by, WakeBy wake_by, int sources = 2) {
  sets[which].emplace(std::move(*TheDoorbells().Claim(by, wake_by)));
  for (int i = 0; i < sources; ++i) sets[which]->Add(MaskOf(i));
  return *sets[which];
}

void Await(WaitSet& set, int item) {
  while (!Take(item)) {
    set.Arm();
    const bool is_there = Take(item);
    if (is_there) See("found after arming");
    if (!is_there && set.Sleep(kNever)) See("woken");
    set.Disarm();
    if (is_there) break;
  }
  CountOperation();
}

// ---- Threads

template <typename Notifier>
void Publish(Notifier& notifier, int item) {
  Put(item);
  notifier.Notify();
  CountOperation();
}

ThreadSpec Fencing(std::vector<Deed> deeds, bool can_die = false) {
  return {"publisher",
          [deeds] {
            for (const Deed& deed : deeds) {
              auto notifier = MaskOf(deed.source).MakeNotifier(TheDoorbells());
              Publish(notifier, deed.item);
            }
          },
          can_die};
}

ThreadSpec Asymmetric(std::vector<Deed> deeds, bool can_die = false) {
  return {"asymmetric",
          [deeds] {
            for (const Deed& deed : deeds) {
              auto notifier =
                  MaskOf(deed.source).MakeAsymmetricNotifier(TheDoorbells());
              See(notifier.fences() ? "fences after all" : "does not fence");
              Publish(notifier, deed.item);
            }
          },
          can_die};
}

// With a set that is there from the start.
ThreadSpec Waiting(int which, std::vector<int> what, bool can_die = false) {
  return {"waiter",
          [which, what] {
            for (const int item : what) Await(*sets[which], item);
          },
          can_die};
}

// With one that it makes.
ThreadSpec Joining(WakeBy wake_by, std::vector<int> what) {
  return {"joiner", [wake_by, what] {
            WaitSet& set = MakeSet(0, OwnerId::Unowned(), wake_by);
            for (const int item : what) Await(set, item);
          }};
}

struct Setting {
  int waiters = 1;
  int sources = 2;  // of each
  WakeBy wake_by = WakeBy::kFutex;
  OwnerId by = OwnerId::Unowned();
  std::uint32_t rings = 0;
  OsPort port = {};
};

Program MakeProgram(std::vector<ThreadSpec> threads, Setting setting = {}) {
  Program program;
  program.set_up = [setting] {
    for (auto& set : sets) set.reset();
    SetOsPort(setting.port);
    rows = {};
    for (int i : {0, 1}) {
      masks[i] = {};
      data[i] = 0;
      items[i] = Atomic<std::uint32_t>(0);
      rows.rows[static_cast<std::size_t>(i)].rings =
          Atomic<std::uint32_t>(setting.rings);
    }
    (void)TheDoorbells();
    for (int i = 0; i < setting.waiters; ++i) {
      MakeSet(i, setting.by, setting.wake_by, setting.sources);
    }
  };
  program.threads = std::move(threads);
  program.regions = {{"doorbells", &rows, sizeof(rows)},
                     {"masks", masks, sizeof(masks)},
                     {"items", items, sizeof(items)},
                     {"data", data, sizeof(data)},
                     BellRegion()};
  return program;
}

Model MakeModel(const char* type, const char* header, const char* name,
                std::function<Program()> program, Options options = {},
                std::vector<std::string> must_see = {"woken"}) {
  return {.type = type,
          .header = header,
          .name = name,
          .program = std::move(program),
          .options = options,
          .must_see = std::move(must_see)};
}

Model OfMask(const char* name, std::function<Program()> program,
             Options options = {},
             std::vector<std::string> must_see = {"woken"}) {
  return MakeModel("WaitMask", "wait/wait_mask.h", name, std::move(program),
                   options, std::move(must_see));
}

// ---- One source, and several

const Registration kStream(OfMask(
    "AWaiterMissesNothingOfAStream",
    [] {
      return MakeProgram({Fencing({{0, 0}, {1, 0}}), Waiting(0, {0, 1})});
    },
    {}, {"woken", "found after arming"}));

const Registration kSourceToSource(
    OfMask("AWaiterHearsOneSourceAfterTheOther", [] {
      return MakeProgram({Fencing({{0, 0}, {1, 1}}), Waiting(0, {0, 1})});
    }));

const Registration kTwoPublishers(OfMask("AWaiterNeedsBothOfTwoSources", [] {
  return MakeProgram(
      {Fencing({{0, 0}}), Fencing({{1, 1}}), Waiting(0, {0, 1})});
}));

const Registration kTwoWaiters(OfMask("APublisherRingsForAllWhoSleep", [] {
  return MakeProgram({Fencing({{0, 0}}), Waiting(0, {0}), Waiting(1, {0})},
                     {.waiters = 2, .sources = 1});
}));

const Registration kWrap(OfMask("TheCountOfRingsWraps", [] {
  return MakeProgram({Fencing({{0, 0}, {1, 0}}), Waiting(0, {0, 1})},
                     {.rings = UINT32_MAX});
}));

const Registration kBells(OfMask("AStreamIsHeardByABell", [] {
  return MakeProgram({Fencing({{0, 0}, {1, 1}}), Waiting(0, {0, 1})},
                     {.wake_by = WakeBy::kEvent});
}));

// Its bell is told to whoever takes its bit, also to a notifier that is late: it
// takes the bit from under the next one.
const Registration kJoiner(OfMask("WhoJoinsLateIsRungByTheRightBell", [] {
  return MakeProgram(
      {Fencing({{0, 0}, {1, 0}}), Joining(WakeBy::kEvent, {0, 1})},
      {.waiters = 0});
}));

// ---- Publishers that do not fence

const Registration kAsymmetricStream(OfMask(
    "AnAsymmetricStreamIsNotMissed",
    [] {
      return MakeProgram({Asymmetric({{0, 0}, {1, 0}}), Waiting(0, {0, 1})});
    },
    {}, {"woken", "found after arming", "does not fence"}));

const Registration kBothKinds(OfMask("PublishersOfBothKindsAreHeard", [] {
  return MakeProgram(
      {Asymmetric({{0, 0}}), Fencing({{1, 1}}), Waiting(0, {0, 1})});
}));

const Registration kDenied(OfMask(
    "WhereNobodyCanBeFencedAsymmetricPublishersFence",
    [] {
      return MakeProgram({Asymmetric({{0, 0}, {1, 0}}), Waiting(0, {0, 1})},
                         {.port = {.has_peer_fences = false}});
    },
    {}, {"woken", "fences after all"}));

// ---- Deaths

const Registration kWaiterDies(OfMask("ADeadWaiterTakesNobodysRing",
                                      [] {
                                        return MakeProgram(
                                            {Fencing({{0, 0}}),
                                             Waiting(0, {0}, true),
                                             Waiting(1, {0})},
                                            {.waiters = 2, .sources = 1});
                                      },
                                      {.deaths = 1}));

// Whoever finds a dead publisher finishes for it and rings for all, though the
// dead one may have taken their bits.
ThreadSpec Reaping() {
  return {"reaper", [] {
            if (!AwaitEnd(0)) return;
            if (!Take(0)) Put(0);
            TheDoorbells().Recover(DeadOwner::Attested(kMortal));
          }};
}
const Registration kReaper(OfMask(
    "AReaperRingsForThoseWhomTheDeadLeftAsleep",
    [] {
      return MakeProgram({Fencing({{0, 0}}, true), Reaping(), Waiting(0, {0})});
    },
    {.deaths = 1}));
const Registration kAsymmetricReaper(
    OfMask("AReaperRingsForThoseWhomADeadAsymmetricPublisherLeftAsleep",
           [] {
             return MakeProgram(
                 {Asymmetric({{0, 0}}, true), Reaping(), Waiting(0, {0})});
           },
           {.deaths = 1}));

// ---- Of the other two headers

Model OfDoorbells(const char* name, std::function<Program()> program,
                  Options options = {},
                  std::vector<std::string> must_see = {"woken"}) {
  return MakeModel("Doorbells", "wait/doorbells.h", name, std::move(program),
                   options, std::move(must_see));
}

const Registration kTwoJoiners(OfDoorbells("WhoClaimsADoorbellIsRungByIt", [] {
  return MakeProgram(
      {Fencing({{0, 0}, {1, 0}}), Joining(WakeBy::kEvent, {0, 1})},
      {.waiters = 0});
}));

// The next waiter at a dead one's doorbell is woken another way.
const Registration kSuccessor(OfDoorbells(
    "TheDoorbellOfTheDeadGoesToTheNext",
    [] {
      return MakeProgram({Waiting(0, {0}, true),
                          {"successor",
                           [] {
                             if (!AwaitEnd(0)) return;
                             const auto dead = DeadOwner::Attested(kMortal);
                             Check(TheDoorbells().Recover(dead) == 1,
                                   "what the dead one had is given back");
                             WaitSet& set =
                                 MakeSet(1, OwnerId::Unowned(), WakeBy::kEvent);
                             See("succeeded");
                             Await(set, 0);
                           }},
                          Fencing({{0, 0}})},
                         {.by = kMortal});
    },
    {.deaths = 1}, {"woken", "succeeded"}));

// Without a mask: by who has changed something and is no publisher.
const Registration kReaperRings(OfDoorbells(
    "WhoRecoversTheDeadRingsAllOthers",
    [] {
      return MakeProgram({Fencing({{0, 0}}, true), Reaping(), Waiting(0, {0})});
    },
    {.deaths = 1}));
const Registration kWaker(OfDoorbells("AWakerIsHeardWheneverItCalls", [] {
  return MakeProgram({{"waker",
                       [] {
                         Put(0);
                         sets[0]->Waker()();
                       }},
                      Waiting(0, {0})});
}));
const Registration kWakerByBell(
    OfDoorbells("AWakerIsHeardByABellWheneverItCalls", [] {
      return MakeProgram({{"waker",
                           [] {
                             Put(0);
                             sets[0]->Waker()();
                           }},
                          Waiting(0, {0})},
                         {.wake_by = WakeBy::kEvent});
    }));

Model OfSet(const char* name, std::function<Program()> program) {
  return MakeModel("WaitSet", "wait/wait_set.h", name, std::move(program));
}
const Registration kSetOfFencing(OfSet("ASetSleepsOnlyForNothing", [] {
  return MakeProgram({Fencing({{0, 0}, {1, 1}}), Waiting(0, {0, 1})});
}));
const Registration kSetOfAsymmetric(OfSet("ASetHearsThoseWhoDoNotFence", [] {
  return MakeProgram({Asymmetric({{0, 0}, {1, 1}}), Waiting(0, {0, 1})});
}));

// ---- What the models must not accept

bool Fails(const Program& program, Options options = {}) {
  options.seconds = 20;
  const Report report = Explore(program, options);
  return report.has_failed && report.failure.find("stuck") == 0;
}

TEST(WaitMaskModel, AWaiterThatDoesNotLookAgainIsLost) {
  const auto hasty = [] {
    while (!Take(0)) {
      sets[0]->Arm();
      sets[0]->Sleep(kNever);
      sets[0]->Disarm();
    }
  };
  EXPECT_TRUE(Fails(MakeProgram({Fencing({{0, 0}}), {"hasty", hasty}})));
}

TEST(WaitMaskModel, AnAsymmetricPublisherWhomNobodyFencesIsMissed) {
  EXPECT_TRUE(Fails(MakeProgram({Asymmetric({{0, 0}}), Waiting(0, {0})},
                                {.port = {.has_joined = 0}})));
}

// What a slice is for: nobody else knows whom the dead one was about to ring.
TEST(WaitMaskModel, WithoutARecoveryTheDeadLeaveSomebodyAsleep) {
  const auto next = [] {
    if (!AwaitEnd(0)) return;
    if (!Take(0)) Put(0);
  };
  EXPECT_TRUE(Fails(
      MakeProgram({Fencing({{0, 0}}, true), {"next", next}, Waiting(0, {0})}),
      {.deaths = 1}));
}

}  // namespace
}  // namespace placid::model
