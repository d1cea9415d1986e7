// SPDX-License-Identifier: Apache-2.0
//
// Blocking rings out of parts: a ring of placid's, two event counts beside it,
// and a waiter for each side. Take it as it is, or as a pattern: anything that
// tries and returns at once can be waited for in this way.
//
//   ring's side       waits for  notifies
//   BlockingProducer  popped     pushed, after each push, Close, and its end
//   BlockingConsumer  pushed     popped, after whatever gives room back
//   NotifyingWriter   nothing    pushed, after each push and Close
//   BlockingReader    pushed     nobody
//
// The first two are for rings of one or many producers and consumers, of values
// or of records, the others for broadcasts. Notifiers are asymmetric: while
// nobody sleeps, a push costs one more load than a push that could not wake
// anybody.
//
// A consumer that finds the claim of another (kPending) sleeps while that one
// lives: whoever recovers the dead (segment/monitor.h) ends with the line
//
//   EventCount::Attach(events.pushed)->WakeAll();
#ifndef PLACID_EXAMPLES_BLOCKING_RING_H_
#define PLACID_EXAMPLES_BLOCKING_RING_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
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

// Notifies once more when it goes, after what is declared behind it.
class LastNotifier {
 public:
  explicit LastNotifier(EventCount::Storage& event)
      : notifier_(EventCount::Attach(event)->MakeAsymmetricNotifier()) {}
  LastNotifier(const LastNotifier&) = delete;
  LastNotifier& operator=(const LastNotifier&) = delete;
  ~LastNotifier() { Notify(); }

  void Notify() { notifier_.Notify(); }

 private:
  EventCount::Notifier<Publisher::kAsymmetric> notifier_;
};

template <typename Producer>
class BlockingProducer {
 public:
  BlockingProducer(Producer producer, RingEvents& events)
      : pushed_(events.pushed),
        producer_(std::move(producer)),
        waiter_(*EventCount::Attach(events.popped)) {}

  // Waits while the ring is full. A record that no empty ring could carry would
  // wait for ever: see MostRecordBytes.
  template <typename Item>
  Waited<RingResult> Push(const Item& item,
                          Deadline deadline = Deadline::Never(),
                          const StopToken& stop = {}) {
    return NotifyIfDone(
        waiter_.Until([&] { return producer_.TryPush(item); }, deadline, stop));
  }

  // A consumer that waits is told that nothing more will come. Where the end
  // takes a slot, as with many producers, it waits for one. Lanes are closed by
  // whoever seals their ring.
  Waited<RingResult> Close(Deadline deadline = Deadline::Never(),
                           const StopToken& stop = {}) {
    return NotifyIfDone(
        waiter_.Until([&] { return TryClose(); }, deadline, stop));
  }

 private:
  RingResult TryClose() {
    if constexpr (std::is_void_v<decltype(producer_.Close())>) {
      producer_.Close();
      return RingResult::kOk;
    } else {
      return producer_.Close();
    }
  }
  Waited<RingResult> NotifyIfDone(Waited<RingResult> waited) {
    if (waited.result == RingResult::kOk) pushed_.Notify();
    return waited;
  }

  LastNotifier pushed_;  // to go is to give up what is reserved, or a lane
  Producer producer_;
  Waiter waiter_;
};

// The consumer is one of Pace::kPrompt: one that streams gives room back later
// than its pops say.
template <typename Consumer>
class BlockingConsumer {
 public:
  BlockingConsumer(Consumer consumer, RingEvents& events)
      : popped_(events.popped),
        consumer_(std::move(consumer)),
        waiter_(*EventCount::Attach(events.pushed)) {}

  // Waits while the ring is empty, or the next one is being written. `item` is
  // a value, or the SharedBytes of a record; it is retired by the next call.
  template <typename Item>
  Waited<RingResult> Pop(Item& item, Deadline deadline = Deadline::Never(),
                         const StopToken& stop = {}) {
    return waiter_.Until([&] { return TryPop(item); }, deadline, stop);
  }

  // Gives back at once what was popped last, for a producer that waits for room
  // while this side does something else.
  void GiveBack() {
    if constexpr (requires { consumer_.Retire(); }) consumer_.Retire();
    if constexpr (requires { consumer_.Publish(); }) consumer_.Publish();
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
    // One of several consumers gives most slots back before it returns.
    if constexpr (!requires { consumer_.Publish(); }) {
      if (result == RingResult::kOk) popped_.Notify();
    }
    return result;
  }

  LastNotifier popped_;  // to go is to give back what is in hand
  Consumer consumer_;
  Waiter waiter_;
  bool has_in_hand_ = false;
};

// Of a BroadcastRing or a BroadcastByteRing: it never waits for its readers.
template <typename Writer>
class NotifyingWriter {
 public:
  NotifyingWriter(Writer writer, RingEvents& events)
      : pushed_(events.pushed), writer_(std::move(writer)) {}

  // What the writer's Push or TryPush says.
  template <typename Item>
  RingResult Push(const Item& item) {
    RingResult result = RingResult::kOk;
    if constexpr (requires { writer_.Push(item); }) {
      writer_.Push(item);
    } else {
      result = writer_.TryPush(item);
    }
    pushed_.Notify();
    return result;
  }

  // A reader that waits is told that nothing more will come.
  void Close() && {
    std::move(writer_).Close();
    pushed_.Notify();
  }

 private:
  LastNotifier pushed_;
  Writer writer_;
};

// Its pages may be read-only but for the event that it sleeps on.
template <typename Reader>
class BlockingReader {
 public:
  BlockingReader(Reader reader, RingEvents& events)
      : reader_(std::move(reader)),
        waiter_(*EventCount::Attach(events.pushed)) {}

  // Waits while all has been read. `lost`: how many were overwritten before.
  template <typename T>
  Waited<RingResult> Read(T& value, std::uint64_t& lost,
                          Deadline deadline = Deadline::Never(),
                          const StopToken& stop = {}) {
    return waiter_.Until([&] { return reader_.TryRead(value, lost); }, deadline,
                         stop);
  }

  // The same for a record, of which `length` bytes are copied into `to`.
  Waited<RingResult> Read(std::span<std::byte> to, std::size_t& length,
                          std::uint64_t& lost,
                          Deadline deadline = Deadline::Never(),
                          const StopToken& stop = {}) {
    return waiter_.Until([&] { return reader_.TryRead(to, length, lost); },
                         deadline, stop);
  }

 private:
  Reader reader_;
  Waiter waiter_;
};

}  // namespace placid::example

#endif  // PLACID_EXAMPLES_BLOCKING_RING_H_
