// SPDX-License-Identifier: Apache-2.0
//
// What both rings with lanes are put through: ManyPlay's operations, and
// SealPlay, in which the ring comes to its end. A Cast is one of ManyPlay's.
#ifndef PLACID_TESTS_CRASH_LANE_PLAY_H_
#define PLACID_TESTS_CRASH_LANE_PLAY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "tests/crash/many_play.h"
#include "tests/crash/play.h"
#include "tests/crash/queue_ledger.h"
#include "tests/support/die.h"

namespace placid::crash {

template <typename Cast>
struct LaneOperations {
  using P = ManyPlay<Cast>;
  using Role = typename P::Role;
  using All = std::vector<typename P::Operation>;

  static All OfProducers() {
    constexpr Side kProducer = Side::kProducer;
    return {
        {"ClaimProducer, push, drop", kProducer, Role::kFree,
         [](P& play, Bytes bytes) {
           play.TakeProducer(bytes);
           play.Push();
           play.DropProducer();
         }},
        {"push twice", kProducer, Role::kMine,
         [](P& play, Bytes) {
           play.Push();
           play.Push();
         }},
    };
  }
  static All OfConsumers() {
    constexpr Side kConsumer = Side::kConsumer;
    return {
        {"ClaimConsumer, pop, drop", kConsumer, Role::kFree,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
           play.DropConsumer();
         }},
        {"pop three times", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.Pop();
           play.Pop();
         }},
        {"pop, Publish", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.Publish();
         }},
        {"pop, Close", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.CloseConsumer();
         }},
        {"TakeOverConsumer, pop", kConsumer, Role::kOfTheDead,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
         }},
    };
  }
};

// A producer leases a lane, pushes, gives the lane back and seals the ring,
// beside a consumer, which must be told of the end exactly then: not before all
// that was pushed is popped, and not never.
template <typename Cast>
class SealPlay : public Play {
 public:
  using Queue = typename Cast::Queue;

  void SetUp(Bytes bytes) override {
    const Queue queue = Need(Cast::Create(bytes));
    consumer_ = Need(queue.ClaimConsumer(Cast::kPace, Id(Who::kOther)));
  }
  void Act(Bytes bytes) override { LeaseAndSeal(bytes); }
  bool Other(Bytes) override {
    (void)Pop();
    return true;
  }
  void Recover(Bytes bytes) override {
    ClearUp(bytes, Book().who());
    LeaseAndSeal(bytes);
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    ClearUp(bytes, Who::kChecker);
    const Queue queue = Need(Queue::Attach(bytes));
    if (is_other_dead) {
      testing::Die(*std::exchange(consumer_, {}));
      Expect(queue.Recover(DeadOwner::Attested(Id(Who::kOther))),
             "the consumer's role was not given back");
      consumer_ = Need(queue.ClaimConsumer(Cast::kPace, Id(Who::kChecker)));
    }
    Book().Speak(is_other_dead ? Who::kChecker : Who::kOther);
    const bool was_sealed = queue.IsSealed();
    RingResult result = RingResult::kOk;
    while (result == RingResult::kOk) result = Pop();
    Expect(result == (was_sealed ? RingResult::kClosed : RingResult::kEmpty),
           "no lane is held: it is the end if it was sealed, else not");
    queue.Seal();
    Expect(Pop() == RingResult::kClosed, "it was sealed and is not closed");
    QueueRules rules;
    rules.lag = Cast::kLag;
    rules.weight = &Cast::Weight;
    rules.has_many_producers = true;
    rules.is_total = false;
    VerifyQueue(Book().Events(), rules);
  }

 private:
  static OwnerId Id(Who who) {
    return *OwnerId::Of(static_cast<std::uint64_t>(who) + 1, 1);
  }
  static void ClearUp(Bytes bytes, Who whom) {
    const Queue queue = Need(Queue::Attach(bytes));
    for (const Who dead :
         {Who::kVictim, Who::kRecoverer, Who::kSecondRecoverer}) {
      if (dead == whom) break;
      (void)queue.Recover(DeadOwner::Attested(Id(dead)));
    }
  }
  static void LeaseAndSeal(Bytes bytes) {
    const Queue queue = Need(Queue::Attach(bytes));
    auto producer = queue.ClaimProducer(Id(Book().who()));
    if (!producer) {
      Expect(producer.error().code == ErrorCode::kClosed && queue.IsSealed(),
             "a lane is free, or the ring is sealed");
      return;
    }
    {
      auto lane = *std::move(producer);
      const std::uint64_t value = Book().NewValues();
      Book().Begin(value);
      Book().Done(Cast::Push(lane, value) == RingResult::kOk ? 1 : 0);
    }
    queue.Seal();
  }
  RingResult Pop() {
    Book().Look();
    std::uint64_t value = 0;
    const RingResult result = Cast::Pop(*consumer_, value);
    if (result == RingResult::kOk) Book().Took(value);
    return result;
  }

  std::optional<typename Queue::Consumer> consumer_;
};

template <typename Cast>
void AddSealScenario(std::vector<Scenario>& scenarios, const std::string& type,
                     std::size_t bytes) {
  scenarios.push_back({type, type + " ClaimProducer, push, drop, Seal", bytes,
                       [] { return std::make_unique<SealPlay<Cast>>(); }});
}

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_LANE_PLAY_H_
