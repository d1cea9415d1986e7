// SPDX-License-Identifier: Apache-2.0
//
// Blocking rings out of parts: a ring of placid's, two event counts beside it,
// and a waiter for each side. Take it as it is, or as a pattern: anything that
// tries and returns at once can be waited for in this way.
//
//   ring's side     waits for  notifies
//   BlockingProducer  popped     pushed, after each push and Close
//   BlockingConsumer  pushed     popped, after whatever gives room back
//
// The notifiers are asymmetric: while nobody sleeps, a push costs one more load
// than a push that could not wake anybody.
#ifndef PLACID_EXAMPLES_BLOCKING_RING_H_
#define PLACID_EXAMPLES_BLOCKING_RING_H_

#include <utility>

#include "placid/base/cache_line.h"
#include "placid/primitives/ring_result.h"
#include "placid/wait/event_count.h"
#include "placid/wait/waiter.h"

namespace placid::example {

// What lies beside the ring, in the same mapping. All zero is valid. Each in a
// line of its own: the one is read by each push, the other by each pop.
struct RingEvents {
  alignas(kLineBytes) EventCount::Storage pushed;
  alignas(kLineBytes) EventCount::Storage popped;
};

// Of an SpscRing or an SpscByteRing.
template <typename Producer>
class BlockingProducer {
 public:
  BlockingProducer(Producer producer, RingEvents& events)
      : producer_(std::move(producer)),
        pushed_(EventCount::Attach(events.pushed)->MakeAsymmetricNotifier()),
        waiter_(*EventCount::Attach(events.popped)) {}

  // Waits while the ring is full. A record that no empty ring could carry would
  // wait for ever: see MostRecordBytes.
  template <typename Item>
  Waited<RingResult> Push(const Item& item,
                          Deadline deadline = Deadline::Never(),
                          const StopToken& stop = {}) {
    const auto pushed =
        waiter_.Until([&] { return producer_.TryPush(item); }, deadline, stop);
    if (pushed.result == RingResult::kOk) pushed_.Notify();
    return pushed;
  }

  // A consumer that waits is told that nothing more will come.
  void Close() {
    producer_.Close();
    pushed_.Notify();
  }

 private:
  Producer producer_;
  EventCount::Notifier<Publisher::kAsymmetric> pushed_;
  Waiter waiter_;
};

// The consumer is one of Pace::kPrompt: one that streams gives room back later
// than its pops say.
template <typename Consumer>
class BlockingConsumer {
 public:
  BlockingConsumer(Consumer consumer, RingEvents& events)
      : consumer_(std::move(consumer)),
        popped_(EventCount::Attach(events.popped)->MakeAsymmetricNotifier()),
        waiter_(*EventCount::Attach(events.pushed)) {}
  BlockingConsumer(const BlockingConsumer&) = delete;
  BlockingConsumer& operator=(const BlockingConsumer&) = delete;
  ~BlockingConsumer() { GiveBack(); }

  // Waits while the ring is empty. `item` is a value of an SpscRing, or the
  // SharedBytes of an SpscByteRing's record; it is retired by the next call.
  template <typename Item>
  Waited<RingResult> Pop(Item& item, Deadline deadline = Deadline::Never(),
                         const StopToken& stop = {}) {
    return waiter_.Until([&] { return TryPop(item); }, deadline, stop);
  }

  // Gives back at once what was popped last, for a producer that waits for room
  // while this side does something else.
  void GiveBack() {
    if constexpr (requires { consumer_.Retire(); }) consumer_.Retire();
    consumer_.Publish();
    if (std::exchange(has_in_hand_, false)) popped_.Notify();
  }

  void Close() {
    consumer_.Close();
    popped_.Notify();
  }

 private:
  template <typename Item>
  RingResult TryPop(Item& item) {
    RingResult result;
    if constexpr (requires { consumer_.TryFront(item); }) {
      result = consumer_.TryFront(item);
    } else {
      result = consumer_.TryPop(item);
    }
    // Each try retires what the one before has popped: there is room then, also
    // if there is nothing to pop.
    if (std::exchange(has_in_hand_, result == RingResult::kOk)) {
      popped_.Notify();
    }
    return result;
  }

  Consumer consumer_;
  EventCount::Notifier<Publisher::kAsymmetric> popped_;
  Waiter waiter_;
  bool has_in_hand_ = false;
};

}  // namespace placid::example

#endif  // PLACID_EXAMPLES_BLOCKING_RING_H_
