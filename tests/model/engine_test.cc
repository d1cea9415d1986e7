// SPDX-License-Identifier: Apache-2.0
//
// The checker's own abilities, each on a program small enough to know the
// answer: data races, deaths, sleep, fairness, bounds, and traces.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/atomic.h"
#include "tests/model/explore.h"

namespace placid::model {
namespace {

Atomic<std::uint64_t> flag, word;
std::uint64_t bytes[2];

Program Threads(std::vector<ThreadSpec> threads) {
  Program program;
  program.set_up = [] {
    flag = word = Atomic<std::uint64_t>(0);
    bytes[0] = bytes[1] = 0;
  };
  program.threads = std::move(threads);
  return program;
}

void Write(std::uint64_t value) { machine::CopyIn(bytes[0], value); }
std::uint64_t Read() {
  std::uint64_t value = 0;
  machine::CopyOut(value, bytes[0]);
  return value;
}

std::string Failure(const Program& program, Options options = {}) {
  const Report report = Explore(program, options);
  EXPECT_TRUE(report.has_failed || report.is_complete);
  return report.failure;
}
Options Deaths(int deaths) { return {.deaths = deaths}; }

// ---- Data races

Program Publish(std::memory_order store, std::memory_order load) {
  return Threads({{"writer",
                   [store] {
                     Write(1);
                     flag.store(1, store);
                   }},
                  {"reader", [load] {
                     if (flag.load(load) == 1) Check(Read() == 1, "published");
                   }}});
}

// Catches a race detector that follows what was read instead of what is
// ordered.
TEST(RaceTest, PlainBytesNeedAnEdge) {
  EXPECT_EQ(Failure(Publish(kRelease, kAcquire)), "");
  EXPECT_EQ(Failure(Publish(kRelaxed, kAcquire)),
            "data race: a plain read, and an access by writer");
  EXPECT_EQ(Failure(Publish(kRelease, kRelaxed)),
            "data race: a plain read, and an access by writer");
}

TEST(RaceTest, ReadersDoNotRaceAndWritersDo) {
  EXPECT_EQ(Failure(Threads({{"a", [] { Read(); }}, {"b", [] { Read(); }}})),
            "");
  EXPECT_NE(
      Failure(Threads({{"a", [] { Write(1); }}, {"b", [] { Write(1); }}})), "");
  EXPECT_NE(Failure(Threads({{"a", [] { Read(); }}, {"b", [] { Write(1); }}})),
            "");
}

// Catches a consumer that gives a slot back before its last read of it.
TEST(RaceTest, SlotFreedBeforeItsLastReadIsARace) {
  EXPECT_NE(Failure(Threads({{"consumer",
                              [] {
                                flag.store(1, kRelease);
                                Read();
                              }},
                             {"producer",
                              [] {
                                if (flag.load(kAcquire) == 1) Write(2);
                              }}})),
            "");
}

TEST(RaceTest, AtomicAccessRacesWithPlainOneButNotWithAtomicOne) {
  auto* shared = reinterpret_cast<Atomic<std::uint64_t>*>(bytes);
  const auto store = [shared] { shared->store(1, kRelaxed); };
  const auto racy = [] {
    std::uint64_t value = 0;
    machine::RacyCopyOut(&value, bytes, sizeof(value));
  };
  EXPECT_NE(Failure(Threads({{"a", store}, {"b", [] { Read(); }}})), "");
  EXPECT_NE(Failure(Threads({{"a", racy}, {"b", [] { Write(1); }}})), "");
  EXPECT_EQ(Failure(Threads({{"a", store}, {"b", racy}})), "");
}

// A relaxed read shows the value but orders nothing.
TEST(RaceTest, SeqCstFencesAloneOrderNoPlainBytes) {
  EXPECT_NE(Failure(Threads({{"a",
                              [] {
                                Write(1);
                                Fence(kSeqCst);
                              }},
                             {"b",
                              [] {
                                Fence(kSeqCst);
                                Read();
                              }}})),
            "");
}

// Words of a racy copy are each some value that was there; torn is allowed.
TEST(RacyCopyTest, MayBeTorn) {
  Program program =
      Threads({{"writer",
                [] {
                  const std::uint64_t value[2] = {1, 1};
                  machine::RacyCopyIn(bytes, value, sizeof(value));
                }},
               {"reader", [] {
                  std::uint64_t value[2];
                  machine::RacyCopyOut(value, bytes, sizeof(value));
                  See(std::to_string(value[0]) + std::to_string(value[1]));
                }}});
  const Report report = Explore(program, {});
  EXPECT_EQ(report.seen, (std::set<std::string>{"00", "01", "10", "11"}));
}

// ---- Deaths

TEST(DeathTest, ComesAfterEveryStep) {
  Program program = Threads({{"mortal",
                              [] {
                                word.store(1, kRelaxed);
                                word.store(2, kRelaxed);
                                word.store(3, kRelaxed);
                              },
                              true},
                             {"observer", [] {
                                const bool is_dead = AwaitEnd(0);
                                See((is_dead ? "dead " : "ended ") +
                                    std::to_string(word.load(kRelaxed)));
                              }}});
  const Report report = Explore(program, Deaths(1));
  // Before its first step it is as if it had never been.
  EXPECT_EQ(report.seen,
            (std::set<std::string>{"dead 1", "dead 2", "dead 3", "ended 3"}));
  EXPECT_GT(report.tally.deaths, 0u);
  EXPECT_EQ(Explore(program, Deaths(0)).seen, std::set<std::string>{"ended 3"});
}

TEST(DeathTest, ComesInTheMiddleOfACopy) {
  Program program =
      Threads({{"mortal",
                [] {
                  flag.store(1, kRelaxed);
                  const std::uint64_t value[2] = {1, 1};
                  machine::CopyIn(bytes, value, sizeof(value));
                },
                true},
               {"observer", [] {
                  AwaitEnd(0);
                  std::uint64_t value[2];
                  machine::CopyOut(value, bytes, sizeof(value));
                  See(std::to_string(value[0]) + std::to_string(value[1]));
                }}});
  EXPECT_EQ(Explore(program, Deaths(1)).seen,
            (std::set<std::string>{"00", "10", "11"}));
}

// Catches a recoverer that is handed more than the kernel's word.
TEST(DeathTest, ProofIsAnEdgeAndHearsayIsNone) {
  const auto program = [](bool is_proof) {
    return Threads({{"mortal",
                     [] {
                       Write(1);
                       flag.store(1, kRelaxed);
                       flag.store(2, kRelaxed);
                     },
                     true},
                    {"recoverer", [is_proof] {
                       is_proof ? AwaitEnd(0) : AwaitEndUnordered(0);
                       if (flag.load(kRelaxed) == 0) return;
                       Check(Read() == 1, "what the dead one did is there");
                     }}});
  };
  EXPECT_EQ(Failure(program(true), Deaths(1)), "");
  EXPECT_NE(Failure(program(false), Deaths(1)), "");
}

// ---- Waiting

Program Rendezvous(bool publishes_first, std::memory_order fence) {
  return Threads({{"publisher",
                   [publishes_first, fence] {
                     if (publishes_first) word.store(1, kRelease);
                     Fence(fence);
                     if (flag.load(kRelaxed) == 1) {
                       flag.store(0, kRelaxed);
                       Wake(&flag, 1);
                     }
                     if (!publishes_first) word.store(1, kRelease);
                   }},
                  {"waiter", [fence] {
                     while (word.load(kAcquire) == 0) {
                       flag.store(1, kRelaxed);
                       Fence(fence);
                       if (word.load(kAcquire) != 0) return;
                       Sleep(&flag, sizeof(flag), 1);
                     }
                   }}});
}

TEST(SleepTest, LostWakeUpsAreFound) {
  EXPECT_EQ(Failure(Rendezvous(true, kSeqCst)), "");
  EXPECT_TRUE(Failure(Rendezvous(true, kAcqRel)).starts_with("stuck"));
  EXPECT_TRUE(Failure(Rendezvous(false, kSeqCst)).starts_with("stuck"));
}

TEST(SleepTest, WakeUpMayBeWastedOnTheDying) {
  const auto sleep = [] { Sleep(&flag, sizeof(flag), 0); };
  Program program = Threads(
      {{"mortal", sleep, true}, {"other", sleep}, {"waker", [] {
                                                     flag.store(1, kRelaxed);
                                                     Wake(&flag, 1);
                                                   }}});
  EXPECT_TRUE(Failure(program, Deaths(1)).starts_with("stuck"));
}

TEST(SleepTest, AWakeIsForSoManyAtMostAndForThoseWhoGoByItsBits) {
  const auto with = [](int most, std::uint32_t bits) {
    const auto by = [](std::uint32_t own) {
      return [own] { Sleep(&flag, sizeof(flag), 0, own); };
    };
    return Threads({{"one", by(1)}, {"two", by(2)}, {"waker", [most, bits] {
                                                       flag.store(1, kRelaxed);
                                                       Wake(&flag, most, bits);
                                                     }}});
  };
  EXPECT_EQ(Failure(with(2, 3)), "");
  EXPECT_TRUE(Failure(with(1, 3)).starts_with("stuck"));
  EXPECT_TRUE(Failure(with(2, 1)).starts_with("stuck"));
}

// Of that word only: what else its waker did must be ordered by other means.
TEST(SleepTest, WhoIsWokenSeesTheWordAsItsWakerDid) {
  const auto sees = [](const Atomic<std::uint64_t>& what) {
    return Threads({{"sleeper",
                     [&what] {
                       if (Sleep(&flag, sizeof(flag), 0)) {
                         Check(what.load(kRelaxed) == 1, "what was stored");
                       }
                     }},
                    {"waker", [] {
                       word.store(1, kRelaxed);
                       flag.store(1, kRelaxed);
                       Wake(&flag, 1);
                     }}});
  };
  EXPECT_EQ(Failure(sees(flag)), "");
  EXPECT_NE(Failure(sees(word)), "");
}

TEST(FairnessTest, PollingEndsOnceTheValueIsThere) {
  Program program = Threads({{"poller",
                              [] {
                                while (flag.load(kRelaxed) == 0) Pause();
                              }},
                             {"setter", [] { flag.store(1, kRelaxed); }}});
  EXPECT_EQ(Failure(program), "");
}

// Catches a cache that takes a thread's next look for the last one.
TEST(FairnessTest, TwoPollersForWhatNeverComesAreFound) {
  const auto poll = [] {
    while (flag.load(kRelaxed) == 0) Pause();
  };
  const Program program = Threads({{"a", poll}, {"b", poll}});
  EXPECT_TRUE(Failure(program).starts_with("stuck"));
}

TEST(FairnessTest, PollingForWhatNeverComesIsFound) {
  Program program = Threads({{"poller", [] {
                                while (flag.load(kRelaxed) == 0) Pause();
                              }}});
  EXPECT_TRUE(Failure(program).starts_with("stuck"));
  program = Threads({{"spinner", [] {
                        while (flag.load(kRelaxed) == 0) {
                        }
                      }}});
  EXPECT_TRUE(Failure(program).starts_with("more than Options::max_steps"));
}

// ---- Bounds and limits

TEST(LimitTest, WhatIsNotModelledIsRefused) {
  EXPECT_NE(Failure(Threads({{"a", [] { (void)flag.load(kSeqCst); }}})), "");
  EXPECT_NE(Failure(Threads({{"a",
                              [] {
                                machine::CopyIn(bytes, "abcd", 4);
                                Read();
                              }}})),
            "");
  EXPECT_NE(Failure(Threads({{"a",
                              [] {
                                for (int i = 0; i < kMaxMessages; ++i) {
                                  flag.store(1, kRelaxed);
                                }
                              }}})),
            "");
}

// Each on a word of its own.
Program FourStepsEach() {
  static Atomic<std::uint64_t> words[3];
  Program program;
  for (Atomic<std::uint64_t>& own : words) {
    program.threads.push_back({std::string(1, "abc"[&own - words]), [&own] {
                                 for (int i = 0; i < 4; ++i) {
                                   own.store(1, kRelease);
                                 }
                               }});
  }
  return program;
}

TEST(BoundTest, BoundedSearchSaysSo) {
  const Report some = Explore(FourStepsEach(), {.max_executions = 10});
  EXPECT_FALSE(some.is_complete);
  EXPECT_EQ(some.executions + some.cut, 10u);
  EXPECT_NE(some.ToString({}).find("BOUNDED"), std::string::npos);
  EXPECT_TRUE(Explore(FourStepsEach(), {}).is_complete);
}

// 12! / (4! 4! 4!) interleavings; with the cache, no more than there are
// states.
TEST(BoundTest, UncachedSearchVisitsEachInterleavingOnce) {
  Program program = FourStepsEach();
  const Report all = Explore(program, {.cache = false});
  EXPECT_EQ(all.executions, 34650u);
  const Report cached = Explore(program, {});
  EXPECT_LE(cached.states, 125u);
  EXPECT_LE(cached.executions + cached.cut, 3 * 125u);
}

// Without a forced switch threads run one after another, in any order: 3! ways.
// Catches a bound that is not kept, or that a cached state forgets.
TEST(BoundTest, ForcedSwitchesAreBounded) {
  const auto executions = [](int most, bool cache) {
    return Explore(FourStepsEach(), {.max_switches = most, .cache = cache})
        .executions;
  };
  EXPECT_EQ(executions(0, false), 6u);
  EXPECT_GT(executions(1, false), executions(0, false));
  EXPECT_GT(executions(2, false), executions(1, false));
  EXPECT_EQ(executions(11, false), 34650u);
  // What is left is the same with the cache and without.
  Program program = Threads({{"a",
                              [] {
                                word.store(1, kRelaxed);
                                flag.fetch_add(1, kAcqRel);
                                word.store(2, kRelaxed);
                              }},
                             {"b", [] {
                                flag.fetch_add(1, kAcqRel);
                                See(std::to_string(word.load(kRelaxed)));
                                flag.fetch_add(1, kAcqRel);
                                See("+" + std::to_string(word.load(kRelaxed)));
                              }}});
  for (int most = 0; most < 4; ++most) {
    EXPECT_EQ(Explore(program, {.max_switches = most, .cache = true}).seen,
              Explore(program, {.max_switches = most, .cache = false}).seen)
        << most;
  }
}

TEST(WalkTest, SameSeedSameWalks) {
  const auto outcomes = [](std::uint64_t seed) {
    Program program = FourStepsEach();
    std::string order;
    for (ThreadSpec& thread : program.threads) {
      thread.run = [run = thread.run, &thread, &order] {
        order += thread.name;
        run();
        order += thread.name;
      };
    }
    (void)Explore(program, {.walks = 50, .seed = seed, .search = false});
    return order;
  };
  EXPECT_EQ(outcomes(1), outcomes(1));
  EXPECT_NE(outcomes(1), outcomes(2));
}

// ---- Traces

// Catches a trace that names the wrong step or leaves needless ones in.
TEST(TraceTest, ShortestFailureNamesItsEdges) {
  Program program =
      Threads({{"writer",
                [] {
                  for (int i = 0; i < 3; ++i) word.fetch_add(1, kRelaxed);
                  word.store(9, kRelaxed);
                  flag.store(1, kRelaxed);  // sync: publish (it should release)
                }},
               {"reader", [] {
                  if (flag.load(kAcquire) == 0)
                    return;  // sync: publish (acquire)
                  Check(word.load(kRelaxed) == 9, "the word was published");
                }}});
  program.regions = {{"word", &word, sizeof(word)}};
  const Report report = Explore(program, {.walks = 200});
  EXPECT_EQ(report.failure, "not so: the word was published");
  EXPECT_NE(report.trace.find("sync: publish (it should release)"),
            std::string::npos);
  EXPECT_NE(report.trace.find("flag"), std::string::npos);
  EXPECT_NE(report.trace.find("word (word+0x000)"), std::string::npos);
  EXPECT_NE(report.trace.find("STALE"), std::string::npos);
  EXPECT_EQ(std::count(report.trace.begin(), report.trace.end(), '\n'), 7);
}

// Catches a model build in which versions cannot stand still.
TEST(MutantTest, BumpLeftOutIsNoticed) {
  Program program =
      Threads({{"a", [] { word.store(Bump(word.load(kRelaxed)), kRelaxed); }}});
  program.finish = [] { Check(word.load(kRelaxed) == 1, "moved on"); };
  const Report report = Explore(program, {});
  EXPECT_FALSE(report.has_failed);
  int killed = 0;
  for (const OrderUse& use : report.uses) {
    if (use.operation != Operation::kBump) continue;
    for (const Mutant& mutant : MutantsOf(use)) {
      Options options;
      options.mutant = &mutant;
      killed += Explore(program, options).has_failed ? 1 : 0;
    }
  }
  EXPECT_EQ(killed, 1);
  static_assert(Bump(std::uint64_t{1}) == 2);
}

TEST(MutantTest, WeakenedOrderAndMissingStoreAreNoticed) {
  const Program program = Publish(kRelease, kAcquire);
  const Report report = Explore(program, {});
  int killed = 0;
  for (const OrderUse& use : report.uses) {
    for (const Mutant& mutant : MutantsOf(use)) {
      Options options;
      options.mutant = &mutant;
      killed += Explore(program, options).has_failed ? 1 : 0;
    }
  }
  // release -> relaxed and acquire -> relaxed. Nobody misses the flag itself.
  EXPECT_EQ(killed, 2);
}

}  // namespace
}  // namespace placid::model
