// SPDX-License-Identifier: Apache-2.0
//
// MpscByteRing: what is pushed is read, once, whole and in the order of its
// claims, whoever dies, and nobody but the consumer waits for the dead.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/mpsc_byte_ring.h"
#include "tests/model/many_producers.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

// The ring as one of values: a value is its record's first word.
enum Lengths {
  kMixed,  // odd ones take two granules, and their last word is the value again
  kShort,  // one granule each
  kSpared,  // mixed, and even ones are reserved a granule more than they need
};
template <std::uint64_t kGranules, Lengths kLengths = kMixed>
class RecordRing {
 public:
  static constexpr std::uint64_t kBytes =
      kGranules * MpscByteRing::kGranuleBytes;
  static constexpr std::size_t kLong = MpscByteRing::kGranuleBytes + 8;
  static constexpr std::size_t kSpare =
      kLengths == kSpared ? MpscByteRing::kGranuleBytes : 0;
  static constexpr std::uint64_t kFirstFiller = 1000;  // as the client's

  struct alignas(kLineBytes) Storage {
    std::array<std::byte, MpscByteRing::SizeFor(kBytes)> bytes;
  };
  static Result<RecordRing> Attach(Storage& storage) {
    storage = {};
    return RecordRing(*MpscByteRing::Create(storage.bytes, kBytes));
  }

  class Producer {
   public:
    explicit Producer(MpscByteRing::Producer producer)
        : producer_(std::move(producer)) {}

    RingResult TryPush(std::uint64_t value) {
      const std::size_t spare = value % 2 == 0 ? kSpare : 0;
      if (value >= kFirstFiller || LengthOf(value) + spare == 8) {
        return producer_.TryPush(std::as_bytes(std::span(&value, 1)));
      }
      std::span<std::byte> payload;
      const RingResult result =
          producer_.TryReserve(LengthOf(value) + spare, payload);
      if (result != RingResult::kOk) return result;
      machine::CopyIn(payload.data(), &value, 8);
      if (LengthOf(value) == kLong) {
        machine::CopyIn(payload.data() + kLong - 8, &value, 8);
      }
      Check(producer_.Commit(LengthOf(value)), "what is reserved is committed");
      return result;
    }
    RingResult TryPushSome(std::span<const std::uint64_t> values,
                           std::size_t& pushed) {
      std::array<std::span<const std::byte>, 4> records;
      for (std::size_t i = 0; i < values.size(); ++i) {
        records[i] = std::as_bytes(values.subspan(i, 1));
      }
      return producer_.TryPushSome({records.data(), values.size()}, pushed);
    }
    RingResult TryReserve(std::uint64_t*& slot) {
      std::span<std::byte> payload;
      const RingResult result = producer_.TryReserve(8 + kSpare, payload);
      slot = reinterpret_cast<std::uint64_t*>(payload.data());
      return result;
    }
    bool Commit() { return producer_.Commit(8); }
    bool Abort() { return producer_.Abort(); }
    RingResult Close() { return producer_.Close(); }

   private:
    MpscByteRing::Producer producer_;
  };

  class Consumer {
   public:
    explicit Consumer(MpscByteRing::Consumer consumer)
        : consumer_(std::move(consumer)) {}

    RingResult TryPop(std::uint64_t& value) {
      SharedSpan<std::uint64_t> first;
      const RingResult result = TryPeek(first);
      if (result != RingResult::kOk) return result;
      machine::CopyOut(value, *first.TrustPeer().data());
      return result;
    }
    RingResult TryPopSome(std::span<std::uint64_t> values, std::size_t& count) {
      const RingResult result = TryPop(values[0]);
      count = result == RingResult::kOk ? 1 : 0;
      return result;
    }
    RingResult TryPeek(SharedSpan<std::uint64_t>& value) {
      SharedBytes record;
      value = {};
      const RingResult result = consumer_.TryFront(record);
      has_one_ = result == RingResult::kOk ? 1 : 0;
      if (result != RingResult::kOk) return result;
      const std::byte* bytes = record.TrustPeer().data();
      std::uint64_t first = 0;
      machine::CopyOut(&first, bytes, 8);
      Check(record.size() == LengthOf(first), "a record has its length");
      if (record.size() == kLong) {
        std::uint64_t last = 0;
        machine::CopyOut(&last, bytes + kLong - 8, 8);
        Check(first == last, "a record is whole");
      }
      value = {reinterpret_cast<const std::uint64_t*>(bytes), 1};
      return result;
    }
    bool Retire() {
      consumer_.Retire();
      return std::exchange(has_one_, 0) == 1;
    }
    [[nodiscard]] std::uint64_t blocker() const { return consumer_.blocker(); }
    void Close() { consumer_.Close(); }

   private:
    MpscByteRing::Consumer consumer_;
    std::uint64_t has_one_ = 0;
  };

  [[nodiscard]] std::uint64_t capacity() const { return kGranules; }
  [[nodiscard]] Result<Producer> ClaimProducer(OwnerId by) const {
    auto producer = ring_.ClaimProducer(by);
    if (!producer) return producer.error();
    return Producer(*std::move(producer));
  }
  [[nodiscard]] Result<Consumer> ClaimConsumer(
      Pace pace = Pace::kPrompt, OwnerId by = OwnerId::Unowned()) const {
    auto consumer = ring_.ClaimConsumer(pace, by);
    if (!consumer) return consumer.error();
    return Consumer(*std::move(consumer));
  }
  bool Recover(const DeadOwner& dead) const { return ring_.Recover(dead); }

 private:
  explicit RecordRing(const MpscByteRing& ring) : ring_(ring) {}

  static std::size_t LengthOf(std::uint64_t value) {
    return kLengths != kShort && value < kFirstFiller && value % 2 == 1 ? kLong
                                                                        : 8;
  }

  MpscByteRing ring_;
};

template <std::uint64_t kGranules, Lengths kLengths = kMixed>
auto* NewClient(const ManyPlan& plan) {
  return NewManyProducers<RecordRing<kGranules, kLengths>>(plan);
}

// So many producers, and a consumer of all that they push.
template <std::uint64_t kGranules, Lengths kLengths = kMixed>
Program Producers(int count, const ManyPlan& plan) {
  auto* c = NewClient<kGranules, kLengths>(plan);
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
template <std::uint64_t kGranules, Lengths kLengths = kMixed>
Program ProducerDies(const ManyPlan& plan) {
  auto* c = NewClient<kGranules, kLengths>(plan);
  return c->MakeProgram(2, {{"producer 0", [c] { c->Produce(0); }, true},
                            {"producer 1", [c] { c->Produce(1); }},
                            {"consumer", [c] { c->Consume({1}); }},
                            {"recoverer", [c] { c->RecoverAfter(0, 0); }}});
}

// The only one; the consumer goes on until it has been recovered.
template <std::uint64_t kGranules, Lengths kLengths = kMixed>
Program OnlyProducerDies(const ManyPlan& plan) {
  auto* c = NewClient<kGranules, kLengths>(plan);
  return c->MakeProgram(1, {{"producer", [c] { c->Produce(0); }, true},
                            {"consumer", [c] { c->Consume({0}); }},
                            {"recoverer", [c] { c->RecoverAfter(0, 0); }}});
}

const std::vector<std::string> kFullAndEmpty = {"full", "pop: empty"};

Model Of(const char* name, Program (*program)(), Options options,
         std::vector<std::string> must_see) {
  return {.type = "MpscByteRing",
          .header = "primitives/mpsc_byte_ring.h",
          .name = name,
          .program = program,
          .options = options,
          .must_see = std::move(must_see)};
}

// ---- Two threads, two operations each

const Registration kOneGranule(Of(
    "OneGranuleIsUsedAgainAndAgain",
    [] { return Producers<1, kShort>(1, {.pushes = 3}); }, {}, kFullAndEmpty));
// Of one, two, one and two granules in four: the last one wraps.
const Registration kWrap(Of("RecordsOfTwoLengthsGoRound",
                            [] { return Producers<4>(1, {.pushes = 4}); }, {},
                            {"full", "pop: empty", "pop: pending"}));
const Registration kBatches(
    Of("BatchesWrap",
       [] {
         return Producers<2, kShort>(1, {.pushes = 4, .way = ManyPlan::kBatch});
       },
       {}, {"full", "pop: empty", "several pushed at once"}));
const Registration kInPlace(Of(
    "RecordsAreWrittenAndReadInPlace",
    [] {
      return Producers<2, kShort>(1, {.pushes = 3, .way = ManyPlan::kInPlace});
    },
    {}, kFullAndEmpty));
const Registration kShortened(Of("WhatIsLeftOverIsSkipped",
                                 [] {
                                   return Producers<4, kSpared>(1,
                                                                {.pushes = 2});
                                 },
                                 {}, {"pop: empty"}));
const Registration kAbort(Of("WhatIsGivenUpIsSkipped",
                             [] {
                               return Producers<4, kSpared>(
                                   1,
                                   {.pushes = 2, .way = ManyPlan::kAbortFirst});
                             },
                             {}, {"aborted", "pop: empty"}));
const Registration kStreaming(Of(
    "StreamingConsumerGivesBackBeforeItWaits",
    [] {
      return Producers<8>(1,
                          {.pushes = 2, .before = 5, .pace = Pace::kStreaming});
    },
    {}, kFullAndEmpty));
const Registration kFinish(Of("WhatTheCloserDidIsSeen",
                              [] {
                                return Producers<1, kShort>(
                                    1, {.pushes = 1, .closes = true});
                              },
                              {}, {"pop: closed", "close: full"}));
const Registration kLeave(Of("ClosedConsumerIsNoticed",
                             [] {
                               return Producers<1, kShort>(
                                   1, {.pushes = 3, .consumer_leaves = true});
                             },
                             {}, {"push: closed"}));

// Both are producers: what they leave is popped afterwards.
const Registration kTwoProducers(
    Of("TwoProducersAndADeath",
       [] {
         auto* c = NewClient<8>({.pushes = 2});
         return c->MakeProgram(2, {{"producer 0", [c] { c->Produce(0); }, true},
                                   {"producer 1", [c] { c->Produce(1); }}});
       },
       {.deaths = 1}, {"pushed and not noted"}));
const Registration kDyingProducer(Of(
    "ProducerDiesAndConsumerGoesOn",
    [] { return OnlyProducerDies<1, kShort>({.pushes = 2, .may_die = true}); },
    {.deaths = 1}, {"a producer died", "a claim was voided"}));
const Registration kDyingConsumer(
    Of("SuccessorOfConsumerGetsWhatWasInHand",
       [] {
         auto* c = NewClient<4>({.pushes = 1, .before = 1});
         return c->MakeProgram(
             1, {{"producer", [c] { c->Produce(0); }},
                 {"consumer", [c] { c->Consume({0}); }, true},
                 {"successor", [c] { c->ConsumeAfter(1, {0}); }}});
       },
       {.deaths = 1}, {"the consumer died", "delivered again"}));

// ---- More threads

const Registration kTwoAndOne(Of("TwoProducersShareOneGranule",
                                 [] {
                                   return Producers<1, kShort>(2,
                                                               {.pushes = 1});
                                 },
                                 {}, {"full", "pop: empty", "pop: pending"}));
const Registration kAbortAndReuse(Of("WhatWasGivenUpIsAnothersNext",
                                     [] {
                                       return Producers<1, kShort>(
                                           2, {.pushes = 1,
                                               .way = ManyPlan::kAbortFirst});
                                     },
                                     {.max_switches = 3, .seconds = 2},
                                     {"aborted", "full", "pop: empty"}));
// A record shortened while others walk over it.
const Registration kTwoShorten(
    Of("TwoProducersShortenTheirRecords",
       [] { return Producers<4, kSpared>(2, {.pushes = 1}); },
       {.max_switches = 3, .seconds = 2, .walks = 3000},
       {"pop: empty", "pop: pending"}));
const Registration kTwoByTwo(
    Of("TwoProducersGoRound", [] { return Producers<4>(2, {.pushes = 2}); },
       {.max_switches = 3, .seconds = 2, .walks = 3000},
       {"full", "pop: empty", "pop: pending"}));
const Registration kThree(Of("ThreeProducersGoRoundTwoGranules",
                             [] {
                               return Producers<2, kShort>(3, {.pushes = 1});
                             },
                             {.max_switches = 3, .seconds = 2, .walks = 3000},
                             {"full", "pop: pending"}));
// The set-up has left a hint that leads past several records.
const Registration kHint(Of("AHintLeadsPastWhatIsThere",
                            [] {
                              return Producers<4, kShort>(
                                  1, {.pushes = 1, .before = 4});
                            },
                            {}, {"full"}));
const Registration kInOrder(Of(
    "WhatFollowsComesLater",
    [] { return Producers<4>(2, {.pushes = 1, .one_after_the_other = true}); },
    {}, {"pop: empty"}));
const Registration kTwoAndADeath(
    Of("AnotherProducerDoesNotNoticeADeath",
       [] { return ProducerDies<4, kSpared>({.pushes = 1}); },
       {.deaths = 1, .max_switches = 3, .seconds = 2, .walks = 3000},
       {"a producer died", "a claim was voided", "pop: pending"}));
const Registration kRoundAndADeath(
    Of("AVoidedGranuleIsUsedAgain",
       [] { return ProducerDies<1, kShort>({.pushes = 1}); },
       {.deaths = 1, .max_switches = 3, .seconds = 2, .walks = 3000},
       {"a producer died", "a claim was voided", "pop: pending", "full"}));
const Registration kTwoRecoverers(
    Of("RecoverersMayDieAndMeet",
       [] {
         auto* c = NewClient<4, kSpared>({.pushes = 1});
         return c->MakeProgram(
             2, {{"producer 0", [c] { c->Produce(0); }, true},
                 {"producer 1", [c] { c->Produce(1); }},
                 {"recoverer", [c] { c->RecoverAfter(0, 0); }, true},
                 {"another", [c] { c->RecoverAfter(0, 0); }}});
       },
       {.deaths = 2, .max_switches = 3, .seconds = 2, .walks = 3000},
       {"a producer died", "a claim was voided"}));
const Registration kRecoveredOnce(
    Of("AClaimIsVoidedOnceAndThenAnothers",
       [] {
         auto* c = NewClient<1, kShort>({.pushes = 2, .has_dead_claim = true});
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

// ---- Create and Attach themselves

struct alignas(kLineBytes) CreatedBytes {
  std::array<std::byte, MpscByteRing::SizeFor(128)> bytes;
};
CreatedBytes created;

const Registration kCreated(
    Of("CreatedRingIsAttachedWholeOrNotAtAll",
       [] {
         Program program;
         program.set_up = [] {
           created.bytes.fill(std::byte{0x55});
           reinterpret_cast<MpscByteRing::Memory*>(created.bytes.data())
               ->stamp.store(0, kRelaxed);
         };
         program.threads = {
             {"creator",
              [] {
                Check(MpscByteRing::Create(created.bytes, 128).has_value(),
                      "created");
                CountOperation();
              },
              true},
             {"attacher", [] {
                const auto attached = MpscByteRing::Attach(created.bytes);
                CountOperation();
                if (!attached) {
                  See("not yet");
                  Check(attached.error().code == ErrorCode::kNotInitialized,
                        "it is virgin until it is whole");
                  return;
                }
                See("attached");
                Check(attached->capacity() == 128, "its capacity is seen");
                Check(attached->ClaimProducer()->TryPush({}) == RingResult::kOk,
                      "its granules are seen to be free");
              }}};
         program.regions = {{"ring", &created, sizeof(created)}};
         return program;
       },
       {.deaths = 1}, {"not yet", "attached"}));

}  // namespace
}  // namespace placid::model
