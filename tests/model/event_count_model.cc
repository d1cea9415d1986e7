// SPDX-License-Identifier: Apache-2.0
//
// EventCount: nobody sleeps while what it waits for is there. Sleepers of the
// model sleep until they are woken, so a lost wake-up is a program that is
// stuck. Where a death may cost a slice, the slice's end is a thread that wakes
// without a bump once the dead are dead, and is needed then only. Two sleepers
// are a herd already where shares are of one.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "placid/wait/event_count.h"
#include "tests/model/explore.h"
#include "tests/model/model.h"
#include "tests/model/os_port.h"

namespace placid::model {
namespace {

constexpr const char* kHeader = "wait/event_count.h";
constexpr std::int64_t kNever = INT64_MAX;

EventCount::Storage storage;
std::uint64_t data[2];
Atomic<std::uint32_t> items[2];  // what is published: 1, and the data with it
Atomic<std::uint32_t> is_done;   // the sleeper's, with what it waits for

[[nodiscard]] EventCount Event() { return *EventCount::Attach(storage); }

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

template <typename Notifier>
void Publish(Notifier notifier, std::initializer_list<int> what) {
  for (const int item : what) {
    Put(item);
    notifier.Notify();
    CountOperation();
  }
}

void Await(EventCount::Sleeper& sleeper, int item) {
  while (!Take(item)) {
    sleeper.Arm();
    if (Take(item)) {
      See("found after arming");
      break;
    }
    if (sleeper.Sleep(kNever)) See("woken");
  }
  CountOperation();
}

// ---- Threads

ThreadSpec Fencing(std::initializer_list<int> what, bool can_die = false) {
  return {"publisher",
          [items = std::vector(what)] {
            for (const int item : items)
              Publish(Event().MakeNotifier(), {item});
          },
          can_die};
}

ThreadSpec Asymmetric(std::initializer_list<int> what, bool can_die = false) {
  return {"asymmetric",
          [items = std::vector(what)] {
            auto notifier = Event().MakeAsymmetricNotifier();
            See(notifier.fences() ? "fences after all" : "does not fence");
            for (const int item : items) Publish(notifier, {item});
          },
          can_die};
}

ThreadSpec Sleeping(std::initializer_list<int> what, bool can_die = false) {
  return {"sleeper",
          [items = std::vector(what)] {
            auto sleeper = Event().MakeSleeper();
            for (const int item : items) Await(sleeper, item);
          },
          can_die};
}

// Where it wakes one only, and each of those one more.
constexpr OsPort kHerds{.shares = {1, 1}};
constexpr std::uint32_t kHerd = 2;  // of mode

Program MakeProgram(std::vector<ThreadSpec> threads, OsPort port = {},
                    std::uint32_t state = 0, std::uint32_t mode = 0) {
  Program program;
  program.set_up = [port, state, mode] {
    SetOsPort(port);
    storage = {};
    storage.state = Atomic<std::uint32_t>(state);
    storage.mode = Atomic<std::uint32_t>(mode);
    is_done = Atomic<std::uint32_t>(0);
    for (int i : {0, 1}) {
      data[i] = 0;
      items[i] = Atomic<std::uint32_t>(0);
    }
  };
  program.threads = std::move(threads);
  program.regions = {{"event", &storage, sizeof(storage)},
                     {"items", items, sizeof(items)},
                     {"data", data, sizeof(data)}};
  return program;
}

Model MakeModel(const char* name, std::function<Program()> program,
                Options options = {},
                std::vector<std::string> must_see = {"woken"}) {
  return {.type = "EventCount",
          .header = kHeader,
          .name = name,
          .program = std::move(program),
          .options = options,
          .must_see = std::move(must_see)};
}

// ---- Publishers that fence

const Registration kStream(
    MakeModel("ASleeperMissesNothingOfAStream",
              [] {
                return MakeProgram({Fencing({0, 1}), Sleeping({0, 1})});
              },
              {}, {"woken", "found after arming"}));

const Registration kTwoPublishers(
    MakeModel("ASleeperNeedsBothOfTwoPublishers", [] {
      return MakeProgram({Fencing({0}), Fencing({1}), Sleeping({0, 1})});
    }));

const Registration kTwoSleepers(MakeModel("APublisherWakesAllWhoSleep", [] {
  return MakeProgram({Fencing({0}), Sleeping({0}), Sleeping({0})});
}));

const Registration kTwoOfEach(
    MakeModel("SleepersOfDifferentItemsDoNotTakeEachOthersWakes", [] {
      return MakeProgram({Fencing({0, 1}), Sleeping({0}), Sleeping({1})});
    }));

// The last armed state of all, and the next.
const Registration kWrap(MakeModel("TheCountOfWakesWraps", [] {
  return MakeProgram({Fencing({0, 1}), Sleeping({0, 1})}, {}, UINT32_MAX - 1);
}));

// Left behind by the dead, or by two wakers at once: it costs one wake.
const Registration kLeftArmed(
    MakeModel("AStateThatWasLeftArmedLosesNothing", [] {
      return MakeProgram({Fencing({0, 1}), Sleeping({0, 1})}, {}, 1);
    }));

// ---- Publishers that do not

const Registration kAsymmetricStream(
    MakeModel("AnAsymmetricStreamIsNotMissed",
              [] {
                return MakeProgram({Asymmetric({0, 1}), Sleeping({0, 1})});
              },
              {}, {"woken", "found after arming", "does not fence"}));

const Registration kBothKinds(MakeModel("PublishersOfBothKindsAreHeard", [] {
  return MakeProgram({Asymmetric({0}), Fencing({1}), Sleeping({0, 1})});
}));

const Registration kTwoAsymmetric(
    MakeModel("TwoAsymmetricPublishersAreHeard", [] {
      return MakeProgram({Asymmetric({0}), Asymmetric({1}), Sleeping({0, 1})});
    }));

const Registration kAsymmetricSleepers(
    MakeModel("AnAsymmetricPublisherWakesAllWhoSleep", [] {
      return MakeProgram({Asymmetric({0}), Sleeping({0}), Sleeping({0})});
    }));

const Registration kDenied(
    MakeModel("WhereNobodyCanBeFencedAsymmetricPublishersFence",
              [] {
                return MakeProgram({Asymmetric({0, 1}), Sleeping({0, 1})},
                                   {.has_peer_fences = false});
              },
              {}, {"woken", "fences after all"}));

// ---- Deaths

// The end of a slice, which only a death may need.
ThreadSpec SliceEndsAfterDeathOf(int thread) {
  return {"clock", [thread] {
            if (!AwaitEnd(thread)) return;
            while (is_done.load(kRelaxed) == 0) {  // sync: none, only a flag
              if (Wake(&storage.state, 1) > 0) {
                return See("slept until the slice's end");
              }
              Pause();
            }
          }};
}

// It may die between its publish and its wake, or in the midst of anything.
Program APublisherDies(ThreadSpec mortal) {
  return MakeProgram({std::move(mortal),
                      {"next",
                       [] {
                         AwaitEnd(0);
                         Publish(Event().MakeNotifier(), {1});
                       }},
                      Sleeping({1})});
}
const Registration kPublisherDies(MakeModel(
    "ADeadPublisherDoesNotHideASleeperFromTheNext",
    [] { return APublisherDies(Fencing({0}, true)); }, {.deaths = 1}));
const Registration kAsymmetricDies(MakeModel(
    "ADeadAsymmetricPublisherDoesNotHideASleeperFromTheNext",
    [] { return APublisherDies(Asymmetric({0}, true)); }, {.deaths = 1}));

// Racing, not after it.
const Registration kPublisherDiesBeside(MakeModel(
    "APublisherThatDiesBesideAnotherTakesNoWakeWithIt",
    [] {
      return MakeProgram({Fencing({0}, true), Fencing({1}), Sleeping({1})});
    },
    {.deaths = 1}));

Program OnlyPublisherDies(ThreadSpec mortal) {
  return MakeProgram({std::move(mortal),
                      {"sleeper",
                       [] {
                         auto sleeper = Event().MakeSleeper();
                         sleeper.Arm();
                         if (!Take(0)) sleeper.Sleep(kNever);
                         See(Take(0) ? "found it" : "died before");
                         is_done.store(1, kRelaxed);  // sync: none, only a flag
                       }},
                      SliceEndsAfterDeathOf(0)});
}
const std::vector<std::string> kSlices = {"slept until the slice's end",
                                          "found it", "died before"};
const Registration kSlice(MakeModel(
    "ADeadPublishersSleeperWaitsForTheSlicesEnd",
    [] { return OnlyPublisherDies(Fencing({0}, true)); }, {.deaths = 1},
    kSlices));
const Registration kAsymmetricSlice(MakeModel(
    "ADeadAsymmetricPublishersSleeperWaitsForTheSlicesEnd",
    [] { return OnlyPublisherDies(Asymmetric({0}, true)); }, {.deaths = 1},
    kSlices));

const Registration kSleeperDies(MakeModel(
    "ADeadSleeperTakesNobodysWake",
    [] {
      return MakeProgram({Fencing({0}), Sleeping({0}, true), Sleeping({0})});
    },
    {.deaths = 1}));
const Registration kAsymmetricSleeperDies(MakeModel(
    "ADeadSleeperTakesNobodysWakeOfAnAsymmetricPublisher",
    [] {
      return MakeProgram({Asymmetric({0}), Sleeping({0}, true), Sleeping({0})});
    },
    {.deaths = 1}));

// Whoever finds a dead publisher finishes for it and wakes all.
const Registration kReaper(MakeModel("AReaperWakesTheSleepersOfTheDead",
                                     [] {
                                       return MakeProgram({Fencing({0}, true),
                                                           {"reaper",
                                                            [] {
                                                              if (!AwaitEnd(0))
                                                                return;
                                                              if (!Take(0))
                                                                Put(0);
                                                              Event().WakeAll();
                                                            }},
                                                           Sleeping({0})});
                                     },
                                     {.deaths = 1}));

// ---- Herds

// Of those that were met before.
Program Herd(std::vector<ThreadSpec> threads, std::uint32_t state = 0) {
  return MakeProgram(std::move(threads), kHerds, state, kHerd);
}

// What a pass would be hollow without.
Program AndSeeHerd(Program program) {
  program.finish = [] {
    if ((storage.mode.load(kRelaxed) & kHerd) != 0) See("a herd");
  };
  return program;
}

// Bounds of programs with four threads.
constexpr Options kFour{.max_switches = 1, .walks = 20'000};
constexpr Options kFourAndADeath{.deaths = 1, .max_switches = 2};

const Registration kHerdOfTwo(MakeModel("WhoIsWokenOfAHerdWakesTheOther", [] {
  return Herd({Fencing({0}), Sleeping({0}), Sleeping({0})});
}));
const Registration kAsymmetricHerd(
    MakeModel("WhoIsWokenOfAnAsymmetricPublishersHerdWakesTheOther", [] {
      return Herd({Asymmetric({0}), Sleeping({0}), Sleeping({0})});
    }));
const Registration kHerdOfThree(MakeModel(
    "AHerdWakesItselfOneByOne",
    [] {
      return Herd({Fencing({0}), Sleeping({0}), Sleeping({0}), Sleeping({0})});
    },
    kFour));
const Registration kHerdAtTheWrap(MakeModel(
    "AHerdWakesItselfWhereTheCountOfWakesWraps",
    [] {
      return Herd({Fencing({0, 1}), Sleeping({0, 1}), Sleeping({0})},
                  UINT32_MAX - 1);
    },
    {.max_switches = 2}));

// The first wake is for all, and the second for one that wakes the other.
const Registration kHerdIsMet(MakeModel(
    "AHerdIsWokenWholeOnceAndWakesItselfFromThenOn",
    [] {
      return AndSeeHerd(MakeProgram(
          {Fencing({0, 1}), Sleeping({0, 1}), Sleeping({0, 1})}, kHerds));
    },
    {.max_switches = 2}, {"woken", "a herd"}));
const Registration kAsymmetricHerdIsMet(MakeModel(
    "AnAsymmetricPublisherMeetsAHerd",
    [] {
      return AndSeeHerd(MakeProgram(
          {Asymmetric({0, 1}), Sleeping({0, 1}), Sleeping({0, 1})}, kHerds));
    },
    {.max_switches = 2}, {"woken", "a herd"}));

// Two are behind and one has come since, for the next item. Whoever the second
// wake is given to, all get theirs.
const Registration kNewcomer(MakeModel(
    "ANewcomerIsNotForgottenForThoseWhoAreBehind",
    [] {
      return Herd(
          {Fencing({0, 1}), Sleeping({0}), Sleeping({0}), Sleeping({1})});
    },
    kFour));
// Nor is who is behind forgotten for it: it may take the wake of the first.
const Registration kNewcomers(MakeModel(
    "TwoPublishersOfAHerdLeaveNobodyBehind",
    [] {
      return Herd(
          {Fencing({0}), Fencing({1}), Sleeping({0, 1}), Sleeping({0, 1})});
    },
    kFour));

// Whoever passes on is woken itself, and may die before: only then does anybody
// need a slice's end.
const Registration kWokenDies(MakeModel(
    "WhoDiesBeforeItPassesOnCostsTheOthersASlice",
    [] {
      return Herd({Fencing({0}),
                   Sleeping({0}, true),
                   {"behind",
                    [] {
                      auto sleeper = Event().MakeSleeper();
                      Await(sleeper, 0);
                      is_done.store(1, kRelaxed);  // sync: none, only a flag
                    }},
                   SliceEndsAfterDeathOf(1)});
    },
    kFourAndADeath, {"woken", "slept until the slice's end"}));
// Or until whoever finds it dead wakes all.
const Registration kSurvivor(MakeModel(
    "ASurvivorWakesWhomTheDeadOneOfAHerdDidNot",
    [] {
      return Herd({Fencing({0}),
                   Sleeping({0}, true),
                   Sleeping({0}),
                   {"survivor", [] {
                      AwaitEnd(0);
                      AwaitEnd(1);
                      Event().WakeAll();
                    }}});
    },
    kFourAndADeath));

// ---- What the models must not accept

bool Fails(const Program& program, Options options = {}) {
  options.seconds = 20;
  const Report report = Explore(program, options);
  return report.has_failed && report.failure.find("stuck") == 0;
}

// The fence that stands in the system, and no mutant reaches.
TEST(EventCountModel, AnAsymmetricPublisherWhomNobodyFencesIsMissed) {
  EXPECT_TRUE(
      Fails(MakeProgram({Asymmetric({0}), Sleeping({0})}, {.has_joined = 0})));
  EXPECT_TRUE(
      Fails(MakeProgram({Asymmetric({0}), Asymmetric({1}), Sleeping({0, 1})},
                        {.has_joined = 1 << 0})));
}

// Why it is one system call.
TEST(EventCountModel, ADeathBetweenBumpAndWakeHidesASleeper) {
  using Bump = OsPort::Bump;
  const auto with = [](Bump bump) {
    return MakeProgram({Fencing({0}, true),
                        {"next",
                         [] {
                           AwaitEnd(0);
                           Publish(Event().MakeNotifier(), {1});
                         }},
                        Sleeping({1})},
                       {.bump = bump});
  };
  EXPECT_TRUE(Fails(with(Bump::kThenWake), {.deaths = 1}));
  EXPECT_FALSE(Fails(with(Bump::kThenWake)));
  EXPECT_TRUE(Fails(with(Bump::kWithoutWake)));
  EXPECT_TRUE(Fails(with(Bump::kAfterWake)));
}

TEST(EventCountModel, ASleeperThatDoesNotLookAgainIsLost) {
  const auto hasty = [] {
    auto sleeper = Event().MakeSleeper();
    while (!Take(0)) {
      sleeper.Arm();
      sleeper.Sleep(kNever);
    }
  };
  EXPECT_TRUE(Fails(MakeProgram({Fencing({0}), {"hasty", hasty}})));
}

// And where a bump and its wake are two steps, that others come between.
TEST(EventCountModel, AHerdThatNobodyPassesOnToSleepsOn) {
  using Bump = OsPort::Bump;
  const auto with = [](int by_woken, Bump bump) {
    return MakeProgram({Fencing({0}), Sleeping({0}), Sleeping({0})},
                       {.bump = bump, .shares = {1, by_woken}}, 0, kHerd);
  };
  EXPECT_TRUE(Fails(with(0, Bump::kOneStep)));
  EXPECT_FALSE(Fails(with(2, Bump::kOneStep)));
  EXPECT_FALSE(Fails(with(2, Bump::kThenWake)));
}

// A wake that leaves the state as it was can come just before the sleep.
TEST(EventCountModel, AReaperThatOnlyWakesMissesASleeper) {
  EXPECT_TRUE(Fails(MakeProgram({Fencing({0}, true),
                                 {"reaper",
                                  [] {
                                    if (!AwaitEnd(0)) return;
                                    if (!Take(0)) Put(0);
                                    Wake(&storage.state, 99);
                                  }},
                                 Sleeping({0})}),
                    {.deaths = 1}));
}

}  // namespace
}  // namespace placid::model
