// SPDX-License-Identifier: Apache-2.0
//
// MpscRing: what is pushed is popped, once, whole and in the order of its
// claims, whoever dies, and nobody but the consumer waits for the dead.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/mpsc_ring.h"
#include "tests/model/many_producers.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

template <std::uint64_t kCapacity>
auto* NewClient(const ManyPlan& plan) {
  return NewManyProducers<MpscRing<std::uint64_t, kCapacity>>(plan);
}

// So many producers, and a consumer of all that they push.
template <std::uint64_t kCapacity>
Program Producers(int count, const ManyPlan& plan) {
  auto* c = NewClient<kCapacity>(plan);
  std::vector<ThreadSpec> threads;
  std::vector<int> all;
  for (int p = 0; p < count; ++p) {
    threads.push_back(
        {"producer " + std::to_string(p), [c, p] { c->Produce(p); }});
    all.push_back(p);
  }
  threads.push_back({"consumer", [c, all] { c->Consume(all); }});
  return c->MakeProgram(count, std::move(threads));
}

// The first of two producers may die; the consumer waits for the second alone.
template <std::uint64_t kCapacity>
Program ProducerDies(const ManyPlan& plan) {
  auto* c = NewClient<kCapacity>(plan);
  return c->MakeProgram(2, {{"producer 0", [c] { c->Produce(0); }, true},
                            {"producer 1", [c] { c->Produce(1); }},
                            {"consumer", [c] { c->Consume({1}); }},
                            {"recoverer", [c] { c->RecoverAfter(0, 0); }}});
}

const std::vector<std::string> kFullAndEmpty = {"full", "pop: empty"};

Model Of(const char* name, Program (*program)(), Options options,
         std::vector<std::string> must_see) {
  return {.type = "MpscRing",
          .header = "primitives/mpsc_ring.h",
          .name = name,
          .program = program,
          .options = options,
          .must_see = std::move(must_see)};
}

// ---- Two threads, two operations each

const Registration kOneSlot(Of(
    "OneSlotIsUsedAgainAndAgain", [] { return Producers<1>(1, {.pushes = 3}); },
    {}, kFullAndEmpty));
const Registration kTwoSlots(Of("TwoSlotsGoRound",
                                [] { return Producers<2>(1, {.pushes = 4}); },
                                {}, {"full", "pop: empty", "pop: pending"}));
const Registration kBatches(
    Of("BatchesWrap",
       [] { return Producers<2>(1, {.pushes = 4, .way = ManyPlan::kBatch}); },
       {}, {"full", "pop: empty", "several pushed at once"}));
const Registration kInPlace(Of(
    "SlotsAreWrittenAndReadInPlace",
    [] { return Producers<2>(1, {.pushes = 3, .way = ManyPlan::kInPlace}); },
    {}, kFullAndEmpty));
const Registration kAbort(Of(
    "WhatIsGivenUpIsSkipped",
    [] { return Producers<1>(1, {.pushes = 2, .way = ManyPlan::kAbortFirst}); },
    {}, {"aborted", "pop: empty"}));
const Registration kStreaming(Of(
    "StreamingConsumerGivesBackBeforeItWaits",
    [] {
      return Producers<8>(1,
                          {.pushes = 2, .before = 8, .pace = Pace::kStreaming});
    },
    {}, kFullAndEmpty));
const Registration kFinish(Of("WhatTheCloserDidIsSeen",
                              [] {
                                return Producers<1>(
                                    1, {.pushes = 1, .closes = true});
                              },
                              {}, {"pop: closed", "close: full"}));
const Registration kLeave(Of("ClosedConsumerIsNoticed",
                             [] {
                               return Producers<1>(
                                   1, {.pushes = 3, .consumer_leaves = true});
                             },
                             {}, {"push: closed"}));

// Both are producers: what they leave is popped afterwards.
const Registration kTwoProducers(
    Of("TwoProducersAndADeath",
       [] {
         auto* c = NewClient<4>({.pushes = 2});
         return c->MakeProgram(2, {{"producer 0", [c] { c->Produce(0); }, true},
                                   {"producer 1", [c] { c->Produce(1); }}});
       },
       {.deaths = 1}, {"pushed and not noted"}));
const Registration kDyingProducer(Of(
    "ProducerDiesAndConsumerGoesOn",
    [] {
      auto* c = NewClient<1>({.pushes = 2, .may_die = true});
      return c->MakeProgram(1, {{"producer", [c] { c->Produce(0); }, true},
                                {"consumer", [c] { c->Consume({0}); }},
                                {"recoverer", [c] { c->RecoverAfter(0, 0); }}});
    },
    {.deaths = 1}, {"a producer died", "a claim was voided"}));
const Registration kDyingConsumer(
    Of("SuccessorOfConsumerGetsWhatWasInHand",
       [] {
         auto* c = NewClient<1>({.pushes = 2});
         return c->MakeProgram(
             1, {{"producer", [c] { c->Produce(0); }},
                 {"consumer", [c] { c->Consume({0}); }, true},
                 {"successor", [c] { c->ConsumeAfter(1, {0}); }}});
       },
       {.deaths = 1}, {"the consumer died", "delivered again"}));
const Registration kDyingBatchConsumer(
    Of("SuccessorOfBatchConsumerGetsWhatWasInHand",
       [] {
         auto* c =
             NewClient<2>({.pushes = 2, .before = 1, .way = ManyPlan::kBatch});
         return c->MakeProgram(
             1, {{"producer", [c] { c->Produce(0); }},
                 {"consumer", [c] { c->Consume({0}); }, true},
                 {"successor", [c] { c->ConsumeAfter(1, {0}); }}});
       },
       {.deaths = 1}, {"the consumer died", "delivered again"}));

// ---- More threads

const Registration kTwoAndOne(Of("TwoProducersShareOneSlot",
                                 [] { return Producers<1>(2, {.pushes = 1}); },
                                 {}, {"full", "pop: empty", "pop: pending"}));
const Registration kAbortAndReuse(Of(
    "ASlotThatWasGivenUpIsAnothersNext",
    [] { return Producers<1>(2, {.pushes = 1, .way = ManyPlan::kAbortFirst}); },
    {.max_switches = 3, .seconds = 3}, {"aborted", "full", "pop: empty"}));
const Registration kTwoByTwo(
    Of("TwoProducersGoRoundTwoSlots",
       [] { return Producers<2>(2, {.pushes = 2}); },
       {.max_switches = 3, .seconds = 3, .walks = 5000},
       {"full", "pop: empty", "pop: pending"}));
const Registration kThree(Of("ThreeProducersGoRoundTwoSlots",
                             [] { return Producers<2>(3, {.pushes = 1}); },
                             {.max_switches = 3, .seconds = 3, .walks = 5000},
                             {"full", "pop: pending"}));
const Registration kInOrder(Of(
    "WhatFollowsComesLater",
    [] { return Producers<4>(2, {.pushes = 1, .one_after_the_other = true}); },
    {}, {"pop: empty"}));
const Registration kTwoAndADeath(
    Of("AnotherProducerDoesNotNoticeADeath",
       [] { return ProducerDies<2>({.pushes = 1}); },
       {.deaths = 1, .max_switches = 3, .seconds = 3, .walks = 5000},
       {"a producer died", "a claim was voided", "pop: pending"}));
const Registration kRoundAndADeath(
    Of("AVoidedSlotIsUsedAgain", [] { return ProducerDies<1>({.pushes = 1}); },
       {.deaths = 1, .max_switches = 3, .seconds = 3, .walks = 5000},
       {"a producer died", "a claim was voided", "pop: pending", "full"}));
const Registration kTwoRecoverers(
    Of("RecoverersMayDieAndMeet",
       [] {
         auto* c = NewClient<2>({.pushes = 1});
         return c->MakeProgram(
             2, {{"producer 0", [c] { c->Produce(0); }, true},
                 {"producer 1", [c] { c->Produce(1); }},
                 {"recoverer", [c] { c->RecoverAfter(0, 0); }, true},
                 {"another", [c] { c->RecoverAfter(0, 0); }}});
       },
       {.deaths = 2, .max_switches = 3, .seconds = 3},
       {"a producer died", "a claim was voided"}));
const Registration kRecoveredOnce(
    Of("ASlotIsVoidedOnceAndThenAnothers",
       [] {
         auto* c = NewClient<1>({.pushes = 2, .has_dead_claim = true});
         return c->MakeProgram(1, {{"living", [c] { c->PushAndPop(0); }},
                                   {"recoverer", [c] { c->RecoverAtOnce(); }},
                                   {"another", [c] { c->RecoverAtOnce(); }}});
       },
       {}, {"a claim was voided"}));
const Registration kCloserDies(
    Of("ACloserDiesBeforeOrAfterItsEnd",
       [] {
         auto* c = NewClient<4>({.pushes = 1, .closes = true});
         return c->MakeProgram(2, {{"closer", [c] { c->Produce(0); }, true},
                                   {"producer 1", [c] { c->Produce(1); }}});
       },
       {.deaths = 1}, {"push: closed"}));

// Of a run-time capacity: Create and Attach themselves.
using Created = MpscRing<std::uint64_t>;
struct alignas(kLineBytes) CreatedBytes {
  std::array<std::byte, Created::SizeFor(2)> bytes;
};
CreatedBytes created;

const Registration kCreated(
    Of("CreatedRingIsAttachedWholeOrNotAtAll",
       [] {
         Program program;
         program.set_up = [] {
           created.bytes.fill(std::byte{0x55});
           reinterpret_cast<Created::Memory*>(created.bytes.data())
               ->stamp.store(0, kRelaxed);
         };
         program.threads = {
             {"creator",
              [] {
                Check(Created::Create(created.bytes, 2).has_value(), "created");
                CountOperation();
              },
              true},
             {"attacher", [] {
                const auto attached = Created::Attach(created.bytes);
                CountOperation();
                if (!attached) {
                  See("not yet");
                  Check(attached.error().code == ErrorCode::kNotInitialized,
                        "it is virgin until it is whole");
                  return;
                }
                See("attached");
                Check(attached->capacity() == 2, "its capacity is seen");
                Check(attached->ClaimProducer()->TryPush(1) == RingResult::kOk,
                      "its slots are seen to be free");
              }}};
         program.regions = {{"ring", &created, sizeof(created)}};
         return program;
       },
       {.deaths = 1}, {"not yet", "attached"}));

}  // namespace
}  // namespace placid::model
