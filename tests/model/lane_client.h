// SPDX-License-Identifier: Apache-2.0
//
// LaneClient<Form>: programs about rings with lanes, of either form. A Form says
// how the ring is called:
//
//   using Ring
//   Bytes                       what it lies in
//   Make(bytes)                 an empty one: Ring
//   Push(producer, number)      one value: RingResult
//   Pop(consumer, number)       one value, in hand until the next call
//
// Value n of party p is 100 p + n, for n = 1, 2, 3, ...: whatever is popped says
// itself whether it is the right one. What a dead party had done and did not
// live to note its heirs and the end of the program allow for.
#ifndef PLACID_TESTS_MODEL_LANE_CLIENT_H_
#define PLACID_TESTS_MODEL_LANE_CLIENT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/cache_line.h"
#include "placid/base/result.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "tests/model/model.h"

namespace placid::model {

struct LanePlan {
  int values = 2;     // of each producer
  int of_heirs = -1;  // of each party but 0; negative: as many
  int before = 0;  // lanes with one value each in set-up, of parties 4, 5, ...
  Pace pace = Pace::kPrompt;
  bool seals = false;           // a producer, once it has given its lane back
  bool has_identity = true;     // party 0
  int consumer_takes = -1;      // so many; negative: to the end
  int consumer_leaves_at = -1;  // closes after so many
};

template <typename Form>
class LaneClient {
 public:
  using Ring = typename Form::Ring;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;
  static constexpr std::size_t kParties = 8;

  explicit LaneClient(const LanePlan& plan) : plan_(plan) {}

  void SetUp() {
    bytes_ = {};
    ring_ = Form::Make(bytes_);
    pushed_ = popped_ = {};
    may_have_died_ = {};
    again_ = 0;
    is_done_ = false;
    std::array<std::unique_ptr<Producer>, 4> producers;
    for (std::size_t i = 0; i < static_cast<std::size_t>(plan_.before); ++i) {
      producers[i] = std::make_unique<Producer>(*ring_.ClaimProducer());
      Check(PushOne(*producers[i], 4 + static_cast<int>(i)) == RingResult::kOk,
            "set-up fits");
    }
  }

  // ---- Producing

  void Produce(int party) {
    auto producer = ring_.ClaimProducer(OwnerOf(party));
    while (!producer) {
      if (producer.error().code == ErrorCode::kClosed) {
        See("claim: sealed");
        return;
      }
      Check(producer.error().code == ErrorCode::kRoleTaken,
            "every lane is taken, or the ring is sealed");
      See("claim: no lane");
      Pause();
      producer = ring_.ClaimProducer(OwnerOf(party));
    }
    Push(*std::move(producer), party);
    if (plan_.seals) ring_.Seal();
  }

  // The kernel says that thread `dead`, as which party 0 acted, died.
  void ProduceAfter(int dead, int party) {
    if (!AwaitEnd(dead)) return;
    may_have_died_[0] = true;
    if (ring_.Recover(DeadOwner::Attested(OwnerOf(0)))) See("recovered a lane");
    Produce(party);
  }

  // The same of a party without an identity, in a ring of one lane.
  void TakeLaneOver(int dead, int party) {
    if (!AwaitEnd(dead)) return;
    may_have_died_[0] = true;
    const RoleHolder holder = ring_.LaneHolder(0);
    if (holder.is_free()) return Produce(party);
    auto producer = ring_.TakeOverProducer(0, AttestedDeath(holder));
    if (!producer && producer.error().code == ErrorCode::kClosed) {
      See("takeover: sealed");
      return;
    }
    Check(producer.has_value(), "the dead one's lane can be had");
    See("a lane was taken over");
    Push(*std::move(producer), party);
    if (plan_.seals) ring_.Seal();
  }

  void Seal() {
    ring_.Seal();
    CountOperation();
  }

  // ---- Consuming

  void Consume() {
    auto consumer = ring_.ClaimConsumer(plan_.pace, OwnerOf(1));
    while (!consumer) {
      Pause();
      consumer = ring_.ClaimConsumer(plan_.pace, OwnerOf(1));
    }
    Pop(*consumer, /*most_again=*/0);
  }
  void ConsumeAfter(int dead) {
    if (!AwaitEnd(dead)) return;
    if (ring_.Recover(DeadOwner::Attested(OwnerOf(1)))) {
      See("recovered the consumer's role");
    }
    auto consumer = ring_.ClaimConsumer(plan_.pace, OwnerOf(2));
    Check(consumer.has_value(), "the dead one's role can be had");
    Pop(*consumer, /*most_again=*/1);
  }

  // ---- Afterwards

  void Finish() const {
    Check(is_done_, "somebody consumed to the end");
    if (plan_.consumer_leaves_at >= 0) return;
    int popped = 0;
    for (std::size_t party = 0; party < kParties; ++party) {
      popped += popped_[party];
      const int unnoted = popped_[party] - pushed_[party];
      Check(unnoted <= (may_have_died_[party] ? 1 : 0),
            "what was popped was pushed");
      if (plan_.consumer_takes < 0) {
        Check(unnoted >= 0, "all that was pushed was popped");
      }
    }
    if (plan_.consumer_takes >= 0) {
      Check(popped == plan_.consumer_takes, "so many were popped");
    }
  }

  Program MakeProgram(std::vector<ThreadSpec> threads) {
    Program program;
    program.set_up = [this] { SetUp(); };
    program.threads = std::move(threads);
    program.finish = [this] { Finish(); };
    program.regions = {{"ring", &bytes_, sizeof(bytes_)}};
    return program;
  }

 private:
  [[nodiscard]] OwnerId OwnerOf(int party) const {
    if (party == 0 && !plan_.has_identity) return OwnerId::Unowned();
    return *OwnerId::Of(static_cast<std::uint64_t>(party) + 1, 7);
  }

  RingResult PushOne(Producer& producer, int party) {
    int& pushed = pushed_[static_cast<std::size_t>(party)];
    const RingResult result = Form::Push(
        producer, static_cast<std::uint64_t>(100 * party + pushed + 1));
    if (result == RingResult::kOk) ++pushed;
    return result;
  }
  void Push(Producer producer, int party) {
    const int values =
        party != 0 && plan_.of_heirs >= 0 ? plan_.of_heirs : plan_.values;
    while (pushed_[static_cast<std::size_t>(party)] < values) {
      const RingResult result = PushOne(producer, party);
      if (result == RingResult::kOk) {
        CountOperation();
        continue;
      }
      if (result == RingResult::kClosed) {
        Check(plan_.consumer_leaves_at >= 0, "the consumer has closed");
        See("push: closed");
        return;
      }
      Check(result == RingResult::kFull, "full is the only other answer");
      See("full");
      Pause();
    }
  }

  void Pop(Consumer& consumer, int most_again) {
    int popped = 0;
    while (popped != plan_.consumer_takes) {
      std::uint64_t value = 0;
      const RingResult result = Form::Pop(consumer, value);
      if (result == RingResult::kEmpty) {
        See("empty");
        Pause();
        continue;
      }
      if (result == RingResult::kClosed) {
        See("pop: closed");
        break;
      }
      Check(result == RingResult::kOk, "there is something, or nothing");
      CountOperation();
      const auto party = static_cast<std::size_t>(value / 100);
      const int number = static_cast<int>(value % 100);
      Check(party < kParties, "the value is somebody's");
      if (number == popped_[party] && again_ < most_again) {
        See("delivered again");
        ++again_;
      } else {
        Check(number == popped_[party] + 1,
              "the party's next value comes next");
        popped_[party] = number;
        ++popped;
      }
      if (popped == plan_.consumer_leaves_at) {
        consumer.Close();
        break;
      }
    }
    is_done_ = true;
  }

  typename Form::Bytes bytes_{};
  Ring ring_ = Form::Make(bytes_);
  LanePlan plan_;
  std::array<int, kParties> pushed_{};
  std::array<int, kParties> popped_{};
  std::array<bool, kParties> may_have_died_{};
  int again_ = 0;
  bool is_done_ = false;
};

// The one client of a program; programs follow one another.
template <typename Form>
LaneClient<Form>* NewLaneClient(const LanePlan& plan) {
  static std::unique_ptr<LaneClient<Form>> client;
  client = std::make_unique<LaneClient<Form>>(plan);
  return client.get();
}

// Of a run-time capacity: Create and Attach themselves.
template <typename Ring, std::uint64_t kCapacity>
Program CreateAndAttach() {
  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, Ring::SizeFor(kCapacity)> bytes;
  };
  static Bytes created;
  Program program;
  program.set_up = [] { created = {}; };
  program.threads = {
      {"creator",
       [] {
         Check(Ring::Create(created.bytes, kCapacity).has_value(), "created");
         CountOperation();
       },
       true},
      {"attacher", [] {
         const auto attached = Ring::Attach(created.bytes);
         CountOperation();
         if (!attached) {
           See("not yet");
           Check(attached.error().code == ErrorCode::kNotInitialized,
                 "it is virgin until it is whole");
           return;
         }
         See("attached");
         Check(attached->capacity() == kCapacity, "its capacity is seen");
       }}};
  program.regions = {{"ring", &created, sizeof(created)}};
  return program;
}

// The programs that both forms must pass; OneLane and TwoLanes are Forms, and
// Dynamic is a ring with a run-time capacity, such as kCapacity.
template <typename OneLane, typename TwoLanes, typename Dynamic,
          std::uint64_t kCapacity>
void RegisterLaneModels(const std::string& type) {
  const auto add = [&](std::string name, std::function<Program()> program,
                       Options options, std::vector<std::string> must_see) {
    const Registration registration({.type = type,
                                     .header = "primitives/lanes.h",
                                     .name = std::move(name),
                                     .program = std::move(program),
                                     .options = options,
                                     .must_see = std::move(must_see)});
  };

  add("OneOfTwoLanesIsUsed",
      [] {
        auto* c = NewLaneClient<TwoLanes>({.consumer_takes = 2});
        return c->MakeProgram({{"producer", [c] { c->Produce(0); }},
                               {"consumer", [c] { c->Consume(); }}});
      },
      {}, {"empty"});
  add("EachProducersValuesComeInOrder",
      [] {
        auto* c = NewLaneClient<TwoLanes>({.consumer_takes = 4});
        return c->MakeProgram({{"first", [c] { c->Produce(0); }},
                               {"second", [c] { c->Produce(1); }},
                               {"consumer", [c] { c->Consume(); }}});
      },
      {.max_switches = 1}, {"empty"});
  add("ALaneIsUsedByOneAfterTheOther",
      [] {
        auto* c = NewLaneClient<OneLane>({.values = 1, .consumer_takes = 2});
        return c->MakeProgram({{"first", [c] { c->Produce(0); }},
                               {"second", [c] { c->Produce(1); }},
                               {"consumer", [c] { c->Consume(); }}});
      },
      {}, {"empty", "claim: no lane"});
  add("ALaneIsUsedAgainAfterADeath",
      [] {
        auto* c = NewLaneClient<OneLane>({.values = 1, .seals = true});
        return c->MakeProgram({{"producer", [c] { c->Produce(0); }, true},
                               {"consumer", [c] { c->Consume(); }},
                               {"heir", [c] { c->ProduceAfter(0, 1); }}});
      },
      {.deaths = 1}, {"empty", "recovered a lane", "pop: closed"});
  add("WhatTheDeadPushedIsPopped",
      [] {
        auto* c = NewLaneClient<OneLane>({.of_heirs = 0, .seals = true});
        return c->MakeProgram({{"producer", [c] { c->Produce(0); }, true},
                               {"consumer", [c] { c->Consume(); }},
                               {"heir", [c] { c->ProduceAfter(0, 1); }}});
      },
      {.deaths = 1}, {"empty", "recovered a lane", "pop: closed"});
  add("ALaneIsTakenOverAfterADeath",
      [] {
        auto* c = NewLaneClient<OneLane>(
            {.values = 1, .seals = true, .has_identity = false});
        return c->MakeProgram({{"producer", [c] { c->Produce(0); }, true},
                               {"consumer", [c] { c->Consume(); }},
                               {"heir", [c] { c->TakeLaneOver(0, 1); }}});
      },
      {.deaths = 1}, {"empty", "a lane was taken over", "pop: closed"});
  add("SuccessorOfConsumerGetsWhatWasInHand",
      [] {
        auto* c =
            NewLaneClient<TwoLanes>({.values = 1, .before = 1, .seals = true});
        return c->MakeProgram({{"producer", [c] { c->Produce(0); }},
                               {"consumer", [c] { c->Consume(); }, true},
                               {"heir", [c] { c->ConsumeAfter(1); }}});
      },
      {.deaths = 1},
      {"recovered the consumer's role", "delivered again", "pop: closed"});
  // The look at the lanes and the look at the seal cross each other.
  add("WhatIsLeasedBeforeTheSealIsPopped",
      [] {
        auto* c = NewLaneClient<OneLane>({.values = 1});
        return c->MakeProgram({{"producer", [c] { c->Produce(0); }},
                               {"sealer", [c] { c->Seal(); }},
                               {"consumer", [c] { c->Consume(); }}});
      },
      {}, {"claim: sealed", "empty", "pop: closed"});
  add("WhatWasPushedBeforeTheSealIsPopped",
      [] {
        auto* c = NewLaneClient<TwoLanes>({.seals = true});
        return c->MakeProgram({{"producer", [c] { c->Produce(0); }},
                               {"consumer", [c] { c->Consume(); }}});
      },
      {}, {"empty", "pop: closed"});
  add("TheSealOfOneEndsTheLeasesOfAll",
      [] {
        auto* c = NewLaneClient<TwoLanes>({.values = 1, .seals = true});
        return c->MakeProgram({{"first", [c] { c->Produce(0); }},
                               {"second", [c] { c->Produce(1); }},
                               {"consumer", [c] { c->Consume(); }}});
      },
      {.max_switches = 2}, {"claim: sealed", "pop: closed"});
  add("ClosedConsumerIsNoticed",
      [] {
        auto* c =
            NewLaneClient<TwoLanes>({.values = 6, .consumer_leaves_at = 1});
        return c->MakeProgram({{"producer", [c] { c->Produce(0); }},
                               {"consumer", [c] { c->Consume(); }}});
      },
      {}, {"push: closed"});
  add("CreatedRingIsAttachedWholeOrNotAtAll",
      CreateAndAttach<Dynamic, kCapacity>, {.deaths = 1},
      {"not yet", "attached"});
}

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_LANE_CLIENT_H_
