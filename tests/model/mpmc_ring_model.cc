// SPDX-License-Identifier: Apache-2.0
//
// MpmcRing: what is pushed is popped, once, whole and in the order of its
// claims, whoever dies; what a dead consumer had in hand is lost or comes again,
// as it had asked for, and nothing else is.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/mpmc_ring.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

struct Plan {
  int pushes = 2;  // of each producer
  int before = 0;  // values of producer 0 pushed in set-up
  bool is_in_place = false;
  bool aborts = false;         // producer 0 gives a slot up before its first
  bool closes = false;         // producer 0, after its last
  bool consumers_leave = false;  // after the first value
  bool is_one_dead = false;      // consumer 0, with the first value in hand
  Delivery delivery = Delivery::kAtMostOnce;
  // Rounds of offers there were before: newcomers begin by looking for more.
  std::uint64_t rounds = 0;
};

// Producer p pushes p * 100, p * 100 + 1, ... Each thread says after each call
// what its future depends on: its role's private words and what it has noted.
template <std::uint64_t kCapacity>
class Client {
 public:
  using Ring = MpmcRing<std::uint64_t, kCapacity>;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;
  static constexpr std::size_t kMost = 2;

  explicit Client(const Plan& plan) : plan_(plan) {}

  static OwnerId ProducerId(std::size_t p) { return *OwnerId::Of(p + 1, 1); }
  static OwnerId ConsumerId(std::size_t c) { return *OwnerId::Of(c + 11, 1); }

  void SetUp() {
    storage_ = {};
    ring_ = *Ring::Attach(storage_);
    storage_.memory.offers.store(plan_.rounds, kRelaxed);
    pushed_ = {};
    ended_ = {};
    logs_ = {};
    hands_ = {};
    recovered_ = Atomic<std::uint64_t>(0);
    lost_ = 0;
    auto producer = *ring_.ClaimProducer(ProducerId(0));
    for (; pushed_[0] < plan_.before; ++pushed_[0]) {
      Check(producer.TryPush(Value(0)) == RingResult::kOk, "set-up fits");
    }
    if (plan_.is_one_dead) {
      auto* dead = new (&consumers_[0])
          Consumer(*ring_.ClaimConsumer(plan_.delivery, ConsumerId(0)));
      std::uint64_t value = 0;
      Check(dead->TryPop(value) == RingResult::kOk, "there is one");
    }
  }

  // ---- Producing

  void Produce(std::size_t p) {
    auto producer = *ring_.ClaimProducer(ProducerId(p));
    if (plan_.aborts && p == 0) {
      std::uint64_t* slot = nullptr;
      while (producer.TryReserve(slot) != RingResult::kOk) Pause();
      machine::CopyIn(*slot, std::uint64_t{9999});
      Check(producer.Abort(), "what is reserved can be given up");
    }
    const int up_to = plan_.pushes + (p == 0 ? plan_.before : 0);
    while (pushed_[p] < up_to) {
      Summarise(producer, pushed_[p]);
      const RingResult result = Push(producer, p);
      if (result == RingResult::kOk) {
        CountOperation();
        continue;
      }
      See("push: " + std::string(ToString(result)));
      if (result == RingResult::kClosed) {
        Check(plan_.closes || plan_.consumers_leave, "somebody has closed");
        break;
      }
      Check(result == RingResult::kFull || result == RingResult::kContended,
            "full and contended are the only other answers");
      Pause();
    }
    if (plan_.closes && p == 0) {
      while (producer.Close() != RingResult::kOk) Pause();
    }
    ended_[p] = true;
  }

  RingResult Push(Producer& producer, std::size_t p) {
    if (!plan_.is_in_place) {
      const RingResult result = producer.TryPush(Value(p));
      pushed_[p] += result == RingResult::kOk ? 1 : 0;
      return result;
    }
    std::uint64_t* slot = nullptr;
    const RingResult result = producer.TryReserve(slot);
    if (result != RingResult::kOk) return result;
    machine::CopyIn(*slot, Value(p));
    Check(producer.Commit(), "what is reserved can be committed");
    ++pushed_[p];
    return result;
  }

  // ---- Consuming

  // So many values, or the end; and once somebody has cleared up after the dead,
  // as many as there are.
  void Consume(std::size_t c, int most) {
    // Where its padding is zero: two equal states must be equal bytes.
    auto* mine = new (&consumers_[c])
        Consumer(*ring_.ClaimConsumer(plan_.delivery, ConsumerId(c)));
    Log& log = logs_[c];
    while (log.size < most) {
      Summarise(consumers_[c], log);
      const bool is_last = recovered_.load(kAcquire) != 0;  // sync: test (acquire)
      std::uint64_t value = 0;
      const RingResult result = Pop(*mine, value, hands_[c]);
      if (result == RingResult::kOk) {
        CountOperation();
        Take(log, value);
        if (plan_.consumers_leave) mine->Close();
        if (plan_.consumers_leave) break;
        continue;
      }
      See("pop: " + std::string(ToString(result)));
      if (result == RingResult::kClosed) {
        Check(plan_.closes, "somebody has closed");
        break;
      }
      Check(result == RingResult::kEmpty || result == RingResult::kPending ||
                result == RingResult::kContended,
            "there is no other answer");
      if (is_last && !plan_.closes && result == RingResult::kEmpty) break;
      Pause();
    }
    std::destroy_at(mine);
    log.has_ended = true;
  }

  // `is_in_hand`: a value may be, in a consumer that dies now.
  RingResult Pop(Consumer& consumer, std::uint64_t& value, bool& is_in_hand) {
    is_in_hand = true;
    if (!plan_.is_in_place) return consumer.TryPop(value);
    SharedSpan<std::uint64_t> values;
    const RingResult result = consumer.TryPeek(values);
    if (result == RingResult::kOk) machine::CopyOut(value, values.TrustPeer()[0]);
    return result;
  }

  // ---- Deaths

  void RecoverAfter(int thread, OwnerId dead) {
    if (!AwaitEnd(thread)) return;
    See("somebody died");
    Recover(dead);
    recovered_.store(1, kRelease);  // sync: test (release)
  }
  void Recover(OwnerId dead) {
    const auto found = ring_.Recover(DeadOwner::Attested(dead));
    if (found.voided > 0) See("a push was given up");
    if (found.lost > 0) See("a value was lost");
    if (found.offered > 0) See("a value was offered again");
    Check(found.voided + found.lost + found.offered <= 1,
          "nobody holds more than one slot");
    lost_ += static_cast<int>(found.lost);
  }

  // ---- Afterwards

  // All that was pushed was popped, or is left, but what died in a hand.
  void Finish(std::size_t producers, std::size_t consumers) {
    for (std::size_t p = 0; p < producers; ++p) {
      if (!ended_[p]) Recover(ProducerId(p));
    }
    for (std::size_t c = 0; c < consumers; ++c) {
      if (!logs_[c].has_ended) Recover(ConsumerId(c));
    }
    auto consumer = *ring_.ClaimConsumer();
    Log left;
    std::uint64_t value = 0;
    RingResult result = consumer.TryPop(value);
    for (; result == RingResult::kOk; result = consumer.TryPop(value)) {
      Take(left, value);
    }
    Check(result != RingResult::kPending, "no claim has leaked");
    int missing = 0;
    for (std::size_t p = 0; p < producers; ++p) {
      for (int i = 0; i < pushed_[p]; ++i) {
        const int found = Count(p * 100 + static_cast<std::uint64_t>(i), left);
        missing += found == 0 ? 1 : 0;
        Check(found <= 1 || plan_.delivery == Delivery::kAtLeastOnce,
              "nothing comes twice");
        Check(found <= 2, "nothing comes again but what was in hand");
        if (found == 2) See("delivered again");
      }
      const int more =
          Count(p * 100 + static_cast<std::uint64_t>(pushed_[p]), left);
      Check(more == 0 || !ended_[p], "what was popped was pushed");
      if (more > 0) See("pushed and not noted");
    }
    const bool is_noted_late =
        std::any_of(logs_.begin(), logs_.begin() + static_cast<long>(consumers),
                    [](const Log& log) { return !log.has_ended; });
    // A dead consumer may have popped, and not come to note it.
    Check(missing == 0 || missing <= lost_ + (is_noted_late ? 1 : 0),
          "what was pushed was popped");
    if (plan_.consumers_leave) return;
    if (plan_.closes && ended_[0]) {
      Check(result == RingResult::kClosed, "closed is for ever");
      return;
    }
    if (plan_.closes) return;
    Check(result == RingResult::kEmpty, "empty at last");
    UseAll(consumer);
  }

  void UseAll(Consumer& consumer) {
    auto producer = *ring_.ClaimProducer(ProducerId(0));
    std::uint64_t value = 0;
    for (int lap = 0; lap < 2; ++lap) {
      for (std::uint64_t i = 0; i < kCapacity; ++i) {
        Check(producer.TryPush(i) == RingResult::kOk, "all slots can be used");
      }
      Check(producer.TryPush(0) == RingResult::kFull, "and no more than all");
      for (std::uint64_t i = 0; i < kCapacity; ++i) {
        Check(consumer.TryPop(value) == RingResult::kOk && value == i,
              "all that was pushed comes");
      }
      Check(consumer.TryPop(value) == RingResult::kEmpty, "and no more");
    }
  }

  Program MakeProgram(std::size_t producers, std::size_t consumers,
                      std::vector<ThreadSpec> threads) {
    Program program;
    program.set_up = [this] { SetUp(); };
    program.threads = std::move(threads);
    program.finish = [this, producers, consumers] {
      Finish(producers, consumers);
    };
    program.regions = {{"ring", &storage_, sizeof(storage_)}};
    return program;
  }

 private:
  struct Log {
    std::array<std::uint64_t, 8> values{};
    int size = 0;
    bool has_ended = false;
    std::array<std::uint8_t, 3> pad{};
  };

  // Each consumer meets each producer's values in their order, unless one comes
  // again out of a dead hand.
  void Take(Log& log, std::uint64_t value) {
    const auto end = log.values.begin() + log.size;
    const bool is_late =
        std::any_of(log.values.begin(), end, [value](std::uint64_t before) {
          return before / 100 == value / 100 && before >= value;
        });
    Check(!is_late || plan_.delivery == Delivery::kAtLeastOnce,
          "each producer's values come in their order");
    if (is_late) See("out of order");
    log.values[static_cast<std::size_t>(log.size++)] = value;
  }
  [[nodiscard]] int Count(std::uint64_t value, const Log& left) const {
    int count = 0;
    const auto add = [&](const Log& log) {
      count += static_cast<int>(std::count(
          log.values.begin(), log.values.begin() + log.size, value));
    };
    for (const Log& log : logs_) add(log);
    add(left);
    return count;
  }
  [[nodiscard]] std::uint64_t Value(std::size_t p) const {
    return p * 100 + static_cast<std::uint64_t>(pushed_[p]);
  }

  typename Ring::Storage storage_{};
  Ring ring_ = *Ring::Attach(storage_);
  Plan plan_;
  std::array<int, kMost> pushed_{};
  std::array<bool, kMost> ended_{};
  std::array<Log, kMost> logs_{};
  std::array<bool, kMost> hands_{};
  Atomic<std::uint64_t> recovered_{0};
  int lost_ = 0;
  struct alignas(Consumer) Place {
    std::array<std::byte, sizeof(Consumer)> bytes;
  };
  std::array<Place, kMost> consumers_{};
};

template <std::uint64_t kCapacity>
Client<kCapacity>* NewClient(const Plan& plan) {
  static std::unique_ptr<Client<kCapacity>> client;
  client = std::make_unique<Client<kCapacity>>(plan);
  return client.get();
}

// So many of each; every consumer takes `share` values.
template <std::uint64_t kCapacity>
Program Parties(std::size_t producers, std::size_t consumers, int share,
                const Plan& plan) {
  auto* c = NewClient<kCapacity>(plan);
  std::vector<ThreadSpec> threads;
  for (std::size_t p = 0; p < producers; ++p) {
    threads.push_back(
        {"producer " + std::to_string(p), [c, p] { c->Produce(p); }});
  }
  for (std::size_t i = 0; i < consumers; ++i) {
    threads.push_back({"consumer " + std::to_string(i),
                       [c, i, share] { c->Consume(i, share); }});
  }
  return c->MakeProgram(producers, consumers, std::move(threads));
}

// A producer, a consumer and a recoverer of whichever may die; the other
// consumer, where there is one, takes what is left.
template <std::uint64_t kCapacity>
Program ProducerDies(const Plan& plan) {
  auto* c = NewClient<kCapacity>(plan);
  return c->MakeProgram(
      1, 1,
      {{"producer", [c] { c->Produce(0); }, true},
       {"consumer", [c, plan] { c->Consume(0, plan.pushes); }},
       {"recoverer", [c] { c->RecoverAfter(0, c->ProducerId(0)); }}});
}
template <std::uint64_t kCapacity>
Program ConsumerDies(const Plan& plan, int share) {
  auto* c = NewClient<kCapacity>(plan);
  return c->MakeProgram(
      1, 2,
      {{"producer", [c] { c->Produce(0); }},
       {"consumer 0", [c, share] { c->Consume(0, share); }, true},
       {"recoverer", [c] {
          c->RecoverAfter(1, c->ConsumerId(0));
          c->Consume(1, 99);
        }}});
}

Model Of(const char* name, std::function<Program()> program, Options options,
         std::vector<std::string> must_see) {
  return {.type = "MpmcRing",
          .header = "primitives/mpmc_ring.h",
          .name = name,
          .program = std::move(program),
          .options = options,
          .must_see = std::move(must_see)};
}

const std::vector<std::string> kFullAndEmpty = {"push: full", "pop: empty"};

// ---- Two threads, two operations each

const Registration kOneSlot(
    Of("OneSlotIsUsedAgainAndAgain",
       [] { return Parties<1>(1, 1, 3, {.pushes = 3}); }, {}, kFullAndEmpty));
const Registration kTwoSlots(
    Of("TwoSlotsGoRound", [] { return Parties<2>(1, 1, 4, {.pushes = 4}); }, {},
       {"push: full", "pop: empty", "pop: pending"}));
const Registration kBorrowed(Of("WhatIsBorrowedIsGivenBackByTheNextCall",
                                [] {
                                  return Parties<2>(
                                      1, 1, 4,
                                      {.pushes = 4,
                                       .delivery = Delivery::kAtLeastOnce});
                                },
                                {}, kFullAndEmpty));
const Registration kInPlace(
    Of("SlotsAreWrittenAndReadInPlace",
       [] { return Parties<1>(1, 1, 3, {.pushes = 3, .is_in_place = true}); },
       {}, kFullAndEmpty));
const Registration kAbort(
    Of("WhatIsGivenUpIsPassedOver",
       [] { return Parties<1>(1, 1, 2, {.pushes = 2, .aborts = true}); }, {},
       {"pop: empty"}));
const Registration kFinish(
    Of("WhatWasPushedBeforeTheEndIsPopped",
       [] { return Parties<2>(1, 1, 99, {.pushes = 2, .closes = true}); }, {},
       {"pop: closed"}));
const Registration kLeave(
    Of("ClosedConsumersAreNoticed",
       [] {
         return Parties<1>(1, 1, 99, {.pushes = 3, .consumers_leave = true});
       },
       {}, {"push: closed"}));
const Registration kTwoProducers(
    Of("TwoProducersAndADeath",
       [] {
         auto* c = NewClient<4>({.pushes = 2});
         return c->MakeProgram(2, 0, {{"producer 0", [c] { c->Produce(0); }, true},
                                      {"producer 1", [c] { c->Produce(1); }}});
       },
       {.deaths = 1}, {"pushed and not noted", "a push was given up"}));

Program TwoConsumers(Delivery delivery) {
  auto* c = NewClient<4>({.pushes = 0, .before = 4, .delivery = delivery});
  return c->MakeProgram(1, 2, {{"consumer 0", [c] { c->Consume(0, 2); }, true},
                               {"consumer 1", [c] { c->Consume(1, 2); }}});
}
const Registration kTwoConsumers(
    Of("TwoConsumersAndALoss",
       [] { return TwoConsumers(Delivery::kAtMostOnce); }, {.deaths = 1},
       {"a value was lost"}));
const Registration kTwoBorrowers(
    Of("TwoConsumersAndWhatWasInHand",
       [] { return TwoConsumers(Delivery::kAtLeastOnce); }, {.deaths = 1},
       {"a value was offered again", "delivered again"}));

// ---- More threads

const Registration kDyingProducer(
    Of("ProducerDiesAndConsumerGoesOn",
       [] { return ProducerDies<1>({.pushes = 2}); }, {.deaths = 1},
       {"somebody died", "a push was given up", "pop: pending"}));
const Registration kDyingTaker(
    Of("ConsumerDiesAndItsValueIsLost",
       [] { return ConsumerDies<1>({.pushes = 2, .closes = true}, 1); },
       {.deaths = 1},
       {"somebody died", "a value was lost"}));
const Registration kDyingBorrower(
    Of("ConsumerDiesAndItsValueComesAgain",
       [] {
         return ConsumerDies<1>({.pushes = 2,
                                  .closes = true,
                                  .delivery = Delivery::kAtLeastOnce},
                                 1);
       },
       {.deaths = 1},
       {"somebody died", "a value was offered again", "delivered again"}));
// Nothing but the ring tells the other consumer.
const Registration kWatcher(
    Of("WhoeverLooksIsToldOfOffers",
       [] {
         auto* c = NewClient<2>({.pushes = 0,
                                 .before = 1,
                                 .is_one_dead = true,
                                 .delivery = Delivery::kAtLeastOnce});
         return c->MakeProgram(
             1, 2, {{"recoverer", [c] { c->Recover(c->ConsumerId(0)); }},
                    {"consumer 1", [c] { c->Consume(1, 1); }}});
       },
       {}, {"a value was offered again", "pop: empty"}));
const Registration kBystander(
    Of("WhatComesAgainIsWhole",
       [] {
         auto* c = NewClient<2>({.pushes = 1,
                                 .closes = true,
                                 .delivery = Delivery::kAtLeastOnce,
                                 .rounds = 1});
         return c->MakeProgram(
             1, 2,
             {{"producer", [c] { c->Produce(0); }},
              {"consumer 0", [c] { c->Consume(0, 1); }, true},
              {"recoverer", [c] { c->RecoverAfter(1, c->ConsumerId(0)); }},
              {"consumer 1", [c] { c->Consume(1, 99); }}});
       },
       {.deaths = 1, .max_switches = 3, .seconds = 4, .walks = 5000},
       {"somebody died", "a value was offered again", "delivered again"}));
const Registration kAbortAmongTwo(
    Of("WhatOneGivesUpAnotherUses",
       [] { return Parties<1>(2, 1, 2, {.pushes = 1, .aborts = true}); }, {},
       {"push: full", "pop: pending"}));
const Registration kTwoAndOne(
    Of("TwoProducersShareOneSlot",
       [] { return Parties<1>(2, 1, 2, {.pushes = 1}); }, {},
       {"push: full", "pop: empty", "pop: pending"}));
const Registration kOneAndTwo(
    Of("TwoConsumersShareOneSlot",
       [] { return Parties<1>(1, 2, 1, {.pushes = 2}); }, {},
       {"push: full", "pop: empty"}));
const Registration kTwoByTwo(
    Of("TwoProducersAndTwoConsumersShareOneSlot",
       [] { return Parties<1>(2, 2, 1, {.pushes = 1}); },
       {.max_switches = 4, .seconds = 20, .walks = 5000},
       {"push: full", "pop: empty", "pop: pending"}));
const Registration kTwoRecoverers(
    Of("RecoverersMayDieAndMeet",
       [] {
         auto* c = NewClient<2>({.pushes = 0,
                                 .before = 2,
                                 .delivery = Delivery::kAtLeastOnce});
         return c->MakeProgram(
             1, 2,
             {{"consumer", [c] { c->Consume(0, 1); }, true},
              {"recoverer", [c] { c->RecoverAfter(0, c->ConsumerId(0)); }, true},
              {"another", [c] {
                 c->RecoverAfter(0, c->ConsumerId(0));
                 c->Consume(1, 1);
               }}});
       },
       {.deaths = 2},
       {"somebody died", "a value was offered again", "delivered again"}));

// Of a run-time capacity: Create and Attach themselves.
using Created = MpmcRing<std::uint64_t>;
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
                Check(attached->ClaimProducer(*OwnerId::Of(1, 1))
                              ->TryPush(1) == RingResult::kOk,
                      "its slots are seen to be free");
              }}};
         program.regions = {{"ring", &created, sizeof(created)}};
         return program;
       },
       {.deaths = 1}, {"not yet", "attached"}));

}  // namespace
}  // namespace placid::model
