// SPDX-License-Identifier: Apache-2.0
//
// ManyPlay<Cast>: plays of a queue with several producers at a time and one
// consumer, whose parties all have identities. The second party is another
// producer, or the other side. A Cast says how the type is called, as for
// QueuePlay (queue_play.h), and besides
//
//   kIsTotal            as QueueRules means it
//   ClaimProducer(queue, by)  the right to push: Result<Producer>
#ifndef PLACID_TESTS_CRASH_MANY_PLAY_H_
#define PLACID_TESTS_CRASH_MANY_PLAY_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/result.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "tests/crash/play.h"
#include "tests/crash/queue_ledger.h"
#include "tests/crash/queue_play.h"
#include "tests/support/die.h"

namespace placid::crash {

enum class Side { kProducer, kConsumer };

template <typename Cast>
class ManyPlay : public Play {
 public:
  using Queue = typename Cast::Queue;
  using Producer = typename Queue::Producer;
  using Consumer = typename Queue::Consumer;

  // How the victim's role is when it acts.
  enum class Role { kFree, kMine, kOfTheDead };
  struct Operation {
    const char* name;
    Side victim;
    Role role;
    void (*act)(ManyPlay&, Bytes);
  };
  ManyPlay(const Operation& operation, Side other, QueueStart start)
      : operation_(operation), other_side_(other), start_(start) {}

  void SetUp(Bytes bytes) override {
    const Queue queue = Need(Cast::Create(bytes));
    mine_.producer = Need(Cast::ClaimProducer(queue, Id(Who::kSetUp)));
    mine_.consumer = Need(queue.ClaimConsumer(Cast::kPace));
    for (int i = 0; i < start_.moved; ++i) {
      Push();
      Pop();
      Publish();
    }
    for (int i = 0; i < start_.filled; ++i) Push();
    mine_.producer.reset();
    if (operation_.role == Role::kOfTheDead) {
      testing::Die(*std::exchange(mine_.consumer, {}));
    }
    mine_.consumer.reset();
    if (other_side_ == Side::kProducer) {
      other_.producer = Need(Cast::ClaimProducer(queue, Id(Who::kOther)));
    } else {
      other_.consumer = Need(queue.ClaimConsumer(Cast::kPace, Id(Who::kOther)));
    }
  }

  void Prepare(Bytes bytes) override {
    if (operation_.role == Role::kMine) TakeRole(bytes);
  }
  void Act(Bytes bytes) override { operation_.act(*this, bytes); }

  bool Other(Bytes) override {
    const auto as_other = SwapHands();
    other_side_ == Side::kProducer ? Push() : Pop();
    return true;
  }

  void Recover(Bytes bytes) override {
    mine_ = {};
    ClearUp(bytes, Book().who());
    TakeRole(bytes);
    operation_.victim == Side::kProducer ? Push() : Pop();
    operation_.victim == Side::kProducer ? DropProducer() : DropConsumer();
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    mine_ = {};
    if (is_other_dead && other_.producer) {
      testing::Die(*std::exchange(other_.producer, {}));
    }
    if (is_other_dead && other_.consumer) {
      testing::Die(*std::exchange(other_.consumer, {}));
    }
    const Who producing = other_.producer ? Who::kOther : Who::kChecker;
    const Who consuming = other_.consumer ? Who::kOther : Who::kChecker;
    ClearUp(bytes, Who::kChecker);
    const Queue queue = Need(Queue::Attach(bytes));
    if (is_other_dead) {
      (void)queue.Recover(DeadOwner::Attested(Id(Who::kOther)));
    }
    std::swap(mine_, other_);
    TakeProducer(bytes);
    TakeConsumer(bytes);
    const bool can_be_closed = Noted(What::kClosing);

    Book().Speak(consuming);
    const RingResult after_all = PopAll();
    Publish();
    Book().Speak(producing);
    int fitted = 0;
    RingResult when_full = TryPush(Plain());
    for (; when_full == RingResult::kOk && fitted < kMostPops; ++fitted) {
      when_full = TryPush(Plain());
    }
    const bool is_closed = when_full == RingResult::kClosed;
    if (!is_closed && (when_full != RingResult::kFull || !Cast::Fits(fitted))) {
      Fail("an empty queue took " + std::to_string(fitted) + " values, then " +
           std::string(ToString(when_full)));
    }
    Expect(!is_closed || can_be_closed, "closed, and nobody had closed it");
    Expect(
        after_all == (is_closed ? RingResult::kClosed : RingResult::kEmpty) ||
            (is_closed && fitted > 0),
        "the two sides do not agree whether it is closed");
    Book().Speak(consuming);
    Expect(PopAll() == after_all, "the end of the queue has changed");
    DropConsumer();
    Book().Speak(producing);
    DropProducer();
    Verify(bytes, is_closed);
  }

  // ---- What operations are made of

  void TakeRole(Bytes bytes) {
    operation_.victim == Side::kProducer ? TakeProducer(bytes)
                                         : TakeConsumer(bytes);
  }
  void TakeProducer(Bytes bytes) {
    if (mine_.producer) return;
    const Queue queue = Need(Queue::Attach(bytes));
    mine_.producer = Need(Cast::ClaimProducer(queue, Id(Book().who())));
  }
  // Unless it is in hand: from whoever held it, who is dead.
  void TakeConsumer(Bytes bytes) {
    if (mine_.consumer) return;
    const Queue queue = Need(Queue::Attach(bytes));
    const RoleHolder holder = queue.ConsumerHolder();
    mine_.consumer =
        Need(holder.is_free()
                 ? queue.ClaimConsumer(Cast::kPace, Id(Book().who()))
                 : queue.TakeOverConsumer(AttestedDeath(holder), Cast::kPace,
                                          Id(Book().who())));
  }
  void DropProducer() { mine_.producer.reset(); }
  void DropConsumer() {
    mine_.consumer.reset();
    Book().Note(What::kRetired);
  }

  RingResult TryPush(std::uint64_t value) {
    Book().Begin(value);
    const RingResult result = Cast::Push(producer(), value);
    Book().Done(result == RingResult::kOk ? 1 : 0);
    if (result != RingResult::kOk && result != RingResult::kFull &&
        result != RingResult::kClosed &&
        !(result == RingResult::kContended && IsSoaking())) {
      Fail("a push said " + std::string(ToString(result)));
    }
    return result;
  }
  RingResult TryPop() {
    Book().Look();
    std::uint64_t value = 0;
    const RingResult result = Cast::Pop(consumer(), value);
    if (result == RingResult::kOk) {
      Book().Took(value);
    } else if (result != RingResult::kEmpty && result != RingResult::kPending &&
               result != RingResult::kClosed) {
      Fail("a pop said " + std::string(ToString(result)));
    }
    return result;
  }
  void Push() { (void)TryPush(Book().NewValues()); }
  void Pop() { (void)TryPop(); }
  void Publish() {
    consumer().Publish();
    if constexpr (Cast::kPublishRetires) Book().Note(What::kRetired);
  }
  void CloseProducer() {
    Book().Note(What::kClosing, 0);
    const RingResult result = producer().Close();
    if (result == RingResult::kOk) Book().Note(What::kClosed, 0);
  }
  void CloseConsumer() {
    Book().Note(What::kClosing, 1);
    consumer().Close();
    Book().Note(What::kRetired);
    Book().Note(What::kClosed, 1);
  }

  Producer& producer() { return *mine_.producer; }
  Consumer& consumer() { return *mine_.consumer; }

 private:
  static constexpr int kMostPops = 4096;

  // What a party holds.
  struct Hand {
    std::optional<Producer> producer;
    std::optional<Consumer> consumer;
  };

  // Acts with the second party's hand until it goes.
  [[nodiscard]] auto SwapHands() {
    struct Swapped {
      explicit Swapped(ManyPlay& of) : play(of) {
        std::swap(play.mine_, play.other_);
      }
      Swapped(const Swapped&) = delete;
      Swapped& operator=(const Swapped&) = delete;
      ~Swapped() { std::swap(play.mine_, play.other_); }
      ManyPlay& play;
    };
    return Swapped(*this);
  }

  // A row of the table of participants for each.
  static OwnerId Id(Who who) {
    return *OwnerId::Of(static_cast<std::uint64_t>(who) + 1, 1);
  }

  // In the name of all the dead before `whom`: the victim, and who recovered.
  static void ClearUp(Bytes bytes, Who whom) {
    const Queue queue = Need(Queue::Attach(bytes));
    for (const Who dead :
         {Who::kVictim, Who::kRecoverer, Who::kSecondRecoverer}) {
      if (dead == whom) break;
      (void)queue.Recover(DeadOwner::Attested(Id(dead)));
    }
  }

  // A value of the kind of which it is known how many fit.
  static std::uint64_t Plain() {
    const std::uint64_t first = Book().NewValues(Cast::kPlain);
    return first + (Cast::kPlain - first % Cast::kPlain) % Cast::kPlain;
  }

  RingResult PopAll() {
    for (int i = 0; i < kMostPops; ++i) {
      const RingResult result = TryPop();
      if (result == RingResult::kPending) Fail("a claim has leaked");
      if (result != RingResult::kOk) return result;
    }
    Fail("more was popped than ever fitted in");
  }

  static bool Noted(What what, std::uint64_t value = UINT64_MAX) {
    const std::vector<Event> events = Book().Events();
    return std::any_of(events.begin(), events.end(), [&](const Event& event) {
      return event.what == what &&
             (value == UINT64_MAX || event.value == value);
    });
  }

  void Verify(Bytes bytes, bool is_closed) {
    Expect(is_closed || !Noted(What::kClosed), "it was closed and is open");
    QueueRules rules;
    rules.lag = Cast::kLag;
    rules.weight = &Cast::Weight;
    rules.has_many_producers = true;
    rules.is_total = Cast::kIsTotal;
    // What a consumer that has closed leaves behind nobody will ever take.
    rules.is_drained = !Noted(What::kClosing, 1);
    VerifyQueue(Book().Events(), rules);
    const Queue queue = Need(Queue::Attach(bytes));
    Need(Cast::ClaimProducer(queue, Id(Who::kChecker)));
    Need(queue.ClaimConsumer());
  }

  const Operation operation_;
  const Side other_side_;
  const QueueStart start_;
  Hand mine_;   // of whoever this process acts for
  Hand other_;  // of the second party
};

// One scenario for each operation, second party and start. A consumer has only
// producers beside it.
template <typename Cast>
void AddManyScenarios(
    std::vector<Scenario>& scenarios, const std::string& type,
    const std::string& variant, std::size_t bytes,
    const std::vector<typename ManyPlay<Cast>::Operation>& operations,
    const std::vector<QueueStart>& starts) {
  using P = ManyPlay<Cast>;
  for (const auto& operation : operations) {
    for (const Side other : {Side::kProducer, Side::kConsumer}) {
      if (other == operation.victim && other == Side::kConsumer) continue;
      for (const auto& start : starts) {
        scenarios.push_back(
            {type,
             type + variant + " " + operation.name + ", beside a " +
                 (other == Side::kProducer ? "producer" : "consumer") + ", " +
                 std::to_string(start.filled) + " in it after " +
                 std::to_string(start.moved),
             bytes, [operation, other, start] {
               return std::make_unique<P>(operation, other, start);
             }});
      }
    }
  }
}

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_MANY_PLAY_H_
