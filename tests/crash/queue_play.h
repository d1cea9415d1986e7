// SPDX-License-Identifier: Apache-2.0
//
// QueuePlay<Cast>: plays of a queue with one producer and one consumer. A Cast
// says how the type is called; the operations are functions of the play.
//
//   using Queue; Queue::Producer, Queue::Consumer
//   kCapacity, kLag, kPace   as QueueRules means them
//   kPlain                   its multiples are values of which is known ...
//   Fits(count)              ... whether so many of them fill it
//   Create(bytes)            an empty one: Result<Queue>
//   Push(producer, value)    one value: RingResult
//   Pop(consumer, value)     one value, in hand until the next call
//   Weight(value)            of kLag
//   kPublishRetires          whether Publish gives back what was just popped
#ifndef PLACID_TESTS_CRASH_QUEUE_PLAY_H_
#define PLACID_TESTS_CRASH_QUEUE_PLAY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/result.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "tests/crash/play.h"
#include "tests/crash/queue_ledger.h"
#include "tests/support/die.h"

namespace placid::crash {

struct QueueStart {
  int moved;   // values that went through before
  int filled;  // values in it
};

template <typename Cast>
class QueuePlay : public Play {
 public:
  using Queue = typename Cast::Queue;
  using Producer = typename Queue::Producer;
  using Consumer = typename Queue::Consumer;

  // How the victim's role is when it acts.
  enum class Role { kFree, kMine, kOfTheDead };
  struct Operation {
    const char* name;
    bool is_producer;
    Role role;
    void (*act)(QueuePlay&, Bytes);
  };
  QueuePlay(const Operation& operation, QueueStart start)
      : operation_(operation), start_(start) {}

  void SetUp(Bytes bytes) override {
    const Queue queue = Need(Cast::Create(bytes));
    producer_ = Need(queue.ClaimProducer());
    consumer_ = Need(queue.ClaimConsumer(Cast::kPace));
    for (int i = 0; i < start_.moved; ++i) {
      Push();
      Pop();
      Publish();
    }
    for (int i = 0; i < start_.filled; ++i) Push();
    const bool is_dead = operation_.role == Role::kOfTheDead;
    if (operation_.is_producer) {
      if (is_dead) testing::Die(*std::move(producer_));
      producer_.reset();
    } else {
      if (is_dead) testing::Die(*std::move(consumer_));
      consumer_.reset();
    }
  }

  void Prepare(Bytes bytes) override {
    if (operation_.role == Role::kMine) TakeRole(bytes);
  }
  void Act(Bytes bytes) override { operation_.act(*this, bytes); }

  bool Other(Bytes) override {
    operation_.is_producer ? Pop() : Push();
    return true;
  }

  void Recover(Bytes bytes) override {
    TakeRole(bytes);
    operation_.is_producer ? Push() : Pop();
    operation_.is_producer ? DropProducer() : DropConsumer();
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    // The victim's role is in nobody's hand here, the other's in this play's.
    if (is_other_dead && producer_) testing::Die(*std::exchange(producer_, {}));
    if (is_other_dead && consumer_) testing::Die(*std::exchange(consumer_, {}));
    const Who producing = producer_ ? Who::kOther : Who::kChecker;
    const Who consuming = consumer_ ? Who::kOther : Who::kChecker;
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
    operation_.is_producer ? TakeProducer(bytes) : TakeConsumer(bytes);
  }
  // Unless it is in hand: from whoever held it, who is dead.
  void TakeProducer(Bytes bytes) {
    if (producer_) return;
    const Queue queue = Need(Queue::Attach(bytes));
    const RoleHolder holder = queue.ProducerHolder();
    producer_ =
        Need(holder.is_free() ? queue.ClaimProducer()
                              : queue.TakeOverProducer(AttestedDeath(holder)));
  }
  void TakeConsumer(Bytes bytes) {
    if (consumer_) return;
    const Queue queue = Need(Queue::Attach(bytes));
    const RoleHolder holder = queue.ConsumerHolder();
    consumer_ =
        Need(holder.is_free()
                 ? queue.ClaimConsumer(Cast::kPace)
                 : queue.TakeOverConsumer(AttestedDeath(holder), Cast::kPace));
  }
  void DropProducer() { producer_.reset(); }
  void DropConsumer() {
    consumer_.reset();
    Book().Note(What::kRetired);
  }

  RingResult TryPush(std::uint64_t value) {
    Book().Begin(value);
    const RingResult result = Cast::Push(*producer_, value);
    Book().Done(result == RingResult::kOk ? 1 : 0);
    if (result != RingResult::kOk && result != RingResult::kFull &&
        result != RingResult::kClosed) {
      Fail("a push said " + std::string(ToString(result)));
    }
    return result;
  }
  RingResult TryPop() {
    Book().Look();
    std::uint64_t value = 0;
    const RingResult result = Cast::Pop(*consumer_, value);
    if (result == RingResult::kOk) {
      Book().Took(value);
    } else if (result != RingResult::kEmpty && result != RingResult::kClosed) {
      Fail("a pop said " + std::string(ToString(result)));
    }
    return result;
  }
  void Push() { (void)TryPush(Book().NewValues()); }
  void Pop() { (void)TryPop(); }
  void Publish() {
    consumer_->Publish();
    if constexpr (Cast::kPublishRetires) Book().Note(What::kRetired);
  }
  void CloseProducer() {
    Book().Note(What::kClosing, 0);
    producer_->Close();
    Book().Note(What::kClosed, 0);
  }
  void CloseConsumer() {
    Book().Note(What::kClosing, 1);
    consumer_->Close();
    Book().Note(What::kRetired);
    Book().Note(What::kClosed, 1);
  }

  Producer& producer() { return *producer_; }
  Consumer& consumer() { return *consumer_; }

 private:
  static constexpr int kMostPops = 4096;

  // A value of the kind of which it is known how many fit.
  static std::uint64_t Plain() {
    const std::uint64_t first = Book().NewValues(Cast::kPlain);
    return first + (Cast::kPlain - first % Cast::kPlain) % Cast::kPlain;
  }

  RingResult PopAll() {
    for (int i = 0; i < kMostPops; ++i) {
      const RingResult result = TryPop();
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
    // What a consumer that has closed leaves behind nobody will ever take.
    rules.is_drained = !Noted(What::kClosing, 1);
    VerifyQueue(Book().Events(), rules);
    const Queue queue = Need(Queue::Attach(bytes));
    Need(queue.ClaimProducer());
    Need(queue.ClaimConsumer());
  }

  const Operation operation_;
  const QueueStart start_;
  std::optional<Producer> producer_;
  std::optional<Consumer> consumer_;
};

// One scenario for each operation and start.
template <typename Cast>
void AddQueueScenarios(
    std::vector<Scenario>& scenarios, const std::string& type,
    const std::string& variant, std::size_t bytes,
    const std::vector<typename QueuePlay<Cast>::Operation>& operations,
    const std::vector<QueueStart>& starts) {
  using P = QueuePlay<Cast>;
  for (const auto& operation : operations) {
    for (const auto& start : starts) {
      scenarios.push_back({type,
                           type + variant + " " + operation.name + ", " +
                               std::to_string(start.filled) + " in it after " +
                               std::to_string(start.moved),
                           bytes, [operation, start] {
                             return std::make_unique<P>(operation, start);
                           }});
    }
  }
}

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_QUEUE_PLAY_H_
