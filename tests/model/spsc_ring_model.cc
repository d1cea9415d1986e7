// SPDX-License-Identifier: Apache-2.0
//
// SpscRing: what is pushed is popped, once, whole and in order, whoever dies.
//
// The values are 1, 2, 3, ...: whatever is popped says itself whether it is the
// right one. A successor goes on from what the dead one had noted.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/spsc_ring.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

enum class Way { kSingle, kBatch, kInPlace };

// What one kind of program does; the rest is the same for all.
struct Plan {
  int values = 2;
  int before = 0;  // values pushed in set-up
  Way way = Way::kSingle;
  Pace pace = Pace::kPrompt;
  bool closes = false;          // the producer, after the last
  int consumer_leaves_at = 99;  // closes after so many
};

template <std::uint64_t kCapacity>
class Client {
 public:
  using Ring = SpscRing<std::uint64_t, kCapacity>;

  explicit Client(const Plan& plan) : plan_(plan) {}

  void SetUp() {
    storage_ = {};
    ring_ = *Ring::Attach(storage_);
    pushed_ = popped_ = 0;
    is_done_ = false;
    auto producer = ring_.ClaimProducer();
    while (pushed_ < plan_.before) {
      Check(PushOne(*producer) == RingResult::kOk, "set-up fits");
    }
  }

  // ---- Producing

  void Produce(int up_to) {
    auto producer = ring_.ClaimProducer();
    while (!producer) {  // a predecessor has it still
      Pause();
      producer = ring_.ClaimProducer();
    }
    Push(*producer, up_to);
  }

  // The kernel says that thread `dead` died; take over and finish its work.
  void ProduceAfter(int dead, int up_to) {
    if (!AwaitEnd(dead)) return;
    const RoleHolder holder = ring_.ProducerHolder();
    auto producer = holder.is_free()
                        ? ring_.ClaimProducer()
                        : ring_.TakeOverProducer(AttestedDeath(holder));
    Check(producer.has_value(), "the dead one's role can be had");
    See("a producer took over");
    // The dead one may have pushed what it did not live to note.
    const int tail = static_cast<int>(storage_.memory.tail.load(kRelaxed));
    Check(tail >= pushed_, "what was pushed is there");
    pushed_ = tail;
    if (storage_.memory.producer_closed.load(kRelaxed) != 0) {
      See("the dead one had closed");
      Check(producer->TryPush(0) == RingResult::kClosed, "closed is for ever");
      return;
    }
    Push(*producer, up_to);
  }

  void Push(typename Ring::Producer& producer, int up_to) {
    while (pushed_ < up_to) {
      const RingResult result = PushSome(producer, up_to);
      if (result == RingResult::kOk) CountOperation();
      if (result == RingResult::kOk) continue;
      if (result == RingResult::kClosed) {
        Check(plan_.consumer_leaves_at < 99, "the consumer has closed");
        See("push: closed");
        return;
      }
      Check(result == RingResult::kFull, "full is the only other answer");
      See("full");
      Pause();
    }
    if (plan_.closes) producer.Close();
  }

  RingResult PushOne(typename Ring::Producer& producer) {
    const RingResult result =
        producer.TryPush(static_cast<std::uint64_t>(pushed_) + 1);
    if (result == RingResult::kOk) ++pushed_;
    return result;
  }

  RingResult PushSome(typename Ring::Producer& producer, int up_to) {
    if (plan_.way == Way::kSingle) return PushOne(producer);
    const auto wanted = static_cast<std::size_t>(up_to - pushed_);
    std::array<std::uint64_t, 4> values;
    for (std::size_t i = 0; i < wanted; ++i) {
      values[i] = static_cast<std::uint64_t>(pushed_) + 1 + i;
    }
    std::size_t count = 0;
    RingResult result = RingResult::kOk;
    if (plan_.way == Way::kBatch) {
      result = producer.TryPushSome({values.data(), wanted}, count);
    } else {
      std::span<std::uint64_t> slots;
      result = producer.TryReserve(wanted, slots);
      if (result != RingResult::kOk) return result;
      machine::CopyIn(slots.data(), values.data(), slots.size_bytes());
      count = producer.Commit(slots.size());
    }
    if (count > 1) See("several pushed at once");
    pushed_ += static_cast<int>(count);
    return result;
  }

  // ---- Consuming

  void Consume(int up_to) {
    auto consumer = ring_.ClaimConsumer(plan_.pace);
    while (!consumer) {
      Pause();
      consumer = ring_.ClaimConsumer(plan_.pace);
    }
    Pop(*consumer, up_to, /*least=*/popped_ + 1);
  }

  void ConsumeAfter(int dead, int up_to) {
    if (!AwaitEnd(dead)) return;
    const RoleHolder holder = ring_.ConsumerHolder();
    auto consumer = holder.is_free()
                        ? ring_.ClaimConsumer()
                        : ring_.TakeOverConsumer(AttestedDeath(holder));
    Check(consumer.has_value(), "the dead one's role can be had");
    See("a consumer took over");
    // What the dead one had in hand comes again, and what it kept to itself.
    int again = plan_.way == Way::kSingle ? 1 : 2;
    if (plan_.pace == Pace::kStreaming)
      again += static_cast<int>(kCapacity / 8);
    Pop(*consumer, up_to, popped_ + 1 - again);
  }

  // The first value is at least `least` and at most the next one.
  void Pop(typename Ring::Consumer& consumer, int up_to, int least) {
    bool is_first = true;
    while (popped_ < up_to || plan_.closes) {
      std::array<std::uint64_t, 4> values{};
      std::size_t count = 0;
      const RingResult result = PopSome(consumer, values, count);
      if (result == RingResult::kOk) CountOperation();
      if (result == RingResult::kOk) {
        Check(count > 0, "ok says that there was something");
        const int first = static_cast<int>(values[0]);
        if (is_first && first != popped_ + 1) {
          Check(first >= least && first <= popped_,
                "delivered again is only "
                "what was in hand");
          See("delivered again");
          popped_ = first - 1;
        }
        is_first = false;
        for (std::size_t i = 0; i < count; ++i) {
          Check(values[i] == static_cast<std::uint64_t>(popped_) + 1,
                "the next value comes next");
          ++popped_;
        }
        if (popped_ >= plan_.consumer_leaves_at) {
          consumer.Close();
          return;
        }
        continue;
      }
      if (result == RingResult::kClosed) {
        See("pop: closed");
        Check(plan_.closes, "the producer has closed");
        break;
      }
      Check(result == RingResult::kEmpty, "empty is the only other answer");
      See("empty");
      if (plan_.pace == Pace::kStreaming) {
        Check(storage_.memory.head.load(kRelaxed) ==
                  static_cast<std::uint64_t>(popped_),
              "all space is given back where the ring runs empty");
      }
      Pause();
    }
    is_done_ = true;
  }

  RingResult PopSome(typename Ring::Consumer& consumer,
                     std::array<std::uint64_t, 4>& values, std::size_t& count) {
    if (plan_.way == Way::kSingle) {
      count = 1;
      return consumer.TryPop(values[0]);
    }
    if (plan_.way == Way::kBatch) {
      return consumer.TryPopSome({values.data(), 2}, count);
    }
    SharedSpan<std::uint64_t> some;
    const RingResult result = consumer.TryPeek(2, some);
    if (result != RingResult::kOk) return result;
    count = some.CopyOut(values);
    Check(consumer.Retire(count) == count, "what was peeked can be retired");
    return result;
  }

  // ---- Afterwards

  void Finish(int up_to) const {
    if (plan_.consumer_leaves_at < 99) return;
    Check(is_done_, "somebody consumed to the end");
    Check(popped_ == up_to, "all that was pushed was popped");
  }

  Program MakeProgram(std::vector<ThreadSpec> threads) {
    Program program;
    program.set_up = [this] { SetUp(); };
    program.threads = std::move(threads);
    program.finish = [this] { Finish(plan_.values); };
    program.regions = {{"ring", &storage_, sizeof(storage_)}};
    return program;
  }

 private:
  typename Ring::Storage storage_{};
  Ring ring_ = *Ring::Attach(storage_);
  Plan plan_;
  int pushed_ = 0;
  int popped_ = 0;
  bool is_done_ = false;
};

enum class Who { kProducer, kConsumer };

// The one client of a program; programs follow one another.
template <std::uint64_t kCapacity>
Client<kCapacity>* NewClient(const Plan& plan) {
  static std::unique_ptr<Client<kCapacity>> client;
  client = std::make_unique<Client<kCapacity>>(plan);
  return client.get();
}

// One producer, one consumer.
template <std::uint64_t kCapacity>
Program Pair(const Plan& plan) {
  auto* c = NewClient<kCapacity>(plan);
  const int n = plan.values;
  return c->MakeProgram({{"producer", [c, n] { c->Produce(n); }},
                         {"consumer", [c, n] { c->Consume(n); }}});
}

// One of them may die, and a third takes its role over.
template <std::uint64_t kCapacity>
Program ProducerDies(const Plan& plan) {
  auto* c = NewClient<kCapacity>(plan);
  const int n = plan.values;
  return c->MakeProgram({{"producer", [c, n] { c->Produce(n); }, true},
                         {"consumer", [c, n] { c->Consume(n); }},
                         {"successor", [c, n] { c->ProduceAfter(0, n); }}});
}
template <std::uint64_t kCapacity>
Program ConsumerDies(const Plan& plan) {
  auto* c = NewClient<kCapacity>(plan);
  const int n = plan.values;
  return c->MakeProgram({{"producer", [c, n] { c->Produce(n); }},
                         {"consumer", [c, n] { c->Consume(n); }, true},
                         {"successor", [c, n] { c->ConsumeAfter(1, n); }}});
}

const std::vector<std::string> kFullAndEmpty = {"full", "empty"};

const Registration kOneSlot({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "OneSlotIsUsedAgainAndAgain",
    .program = [] { return Pair<1>({.values = 3}); },
    .options = {},
    .must_see = kFullAndEmpty,
});
const Registration kTwoSlots({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "TwoSlotsGoRound",
    .program = [] { return Pair<2>({.values = 4}); },
    .options = {},
    .must_see = kFullAndEmpty,
});
const Registration kBatches({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "BatchesWrap",
    .program = [] { return Pair<2>({.values = 4, .way = Way::kBatch}); },
    .options = {},
    .must_see = {"full", "empty", "several pushed at once"},
});
const Registration kInPlace({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "SlotsAreWrittenAndReadInPlace",
    .program = [] { return Pair<2>({.values = 4, .way = Way::kInPlace}); },
    .options = {},
    .must_see = {"full", "empty", "several pushed at once"},
});
const Registration kStreaming({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "StreamingConsumerGivesBackBeforeItWaits",
    .program =
        [] {
          return Pair<8>({.values = 10, .before = 8, .pace = Pace::kStreaming});
        },
    .options = {},
    .must_see = kFullAndEmpty,
});
const Registration kFinish({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "ClosedProducerLosesNothing",
    .program = [] { return Pair<1>({.values = 2, .closes = true}); },
    .options = {},
    .must_see = {"pop: closed"},
});
const Registration kLeave({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "ClosedConsumerIsNoticed",
    .program = [] { return Pair<1>({.values = 3, .consumer_leaves_at = 1}); },
    .options = {},
    .must_see = {"push: closed"},
});
const Registration kProducerDies({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "SuccessorOfProducerGoesOn",
    .program = [] { return ProducerDies<1>({.values = 2}); },
    .options = {.deaths = 1},
    .must_see = {"full", "empty", "a producer took over"},
});
const Registration kClosingProducerDies({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "SuccessorOfClosingProducerKeepsItClosed",
    .program = [] { return ProducerDies<1>({.values = 1, .closes = true}); },
    .options = {.deaths = 1},
    .must_see = {"a producer took over", "the dead one had closed"},
});
const Registration kBatchProducerDies({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "SuccessorOfBatchProducerGoesOn",
    .program =
        [] { return ProducerDies<2>({.values = 3, .way = Way::kBatch}); },
    .options = {.deaths = 1},
    .must_see = {"a producer took over", "several pushed at once"},
});
const Registration kConsumerDies({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "SuccessorOfConsumerGetsWhatWasInHand",
    .program = [] { return ConsumerDies<1>({.values = 2}); },
    .options = {.deaths = 1},
    .must_see = {"a consumer took over", "delivered again"},
});
const Registration kBatchConsumerDies({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "SuccessorOfBatchConsumerGetsWhatWasInHand",
    .program =
        [] {
          return ConsumerDies<2>(
              {.values = 3, .before = 1, .way = Way::kBatch});
        },
    .options = {.deaths = 1},
    .must_see = {"a consumer took over", "delivered again"},
});
const Registration kStreamingConsumerDies({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "SuccessorOfStreamingConsumerGetsWhatWasKept",
    .program =
        [] {
          return ConsumerDies<8>(
              {.values = 9, .before = 8, .pace = Pace::kStreaming});
        },
    .options = {.deaths = 1},
    .must_see = {"a consumer took over", "delivered again"},
});
const Registration kProducersInTurn({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "ProducersHandTheirRoleOver",
    .program =
        [] {
          auto* c = NewClient<2>({.values = 2});
          return c->MakeProgram({{"first", [c] { c->Produce(1); }},
                                 {"second", [c] { c->Produce(2); }},
                                 {"consumer", [c] { c->Consume(2); }}});
        },
    .options = {},
    .must_see = {"empty"},
});
const Registration kConsumersInTurn({
    .type = "SpscRing",
    .header = "primitives/spsc_ring.h",
    .name = "ConsumersHandTheirRoleOver",
    .program =
        [] {
          auto* c = NewClient<1>({.values = 2});
          return c->MakeProgram({{"producer", [c] { c->Produce(2); }},
                                 {"first", [c] { c->Consume(1); }},
                                 {"second", [c] { c->Consume(2); }}});
        },
    .options = {},
    .must_see = kFullAndEmpty,
});

}  // namespace
}  // namespace placid::model
