// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/spsc_ring.h"
#include "tests/crash/queue_play.h"
#include "tests/support/checked_value.h"

namespace placid::crash {
namespace {

using testing::CheckedValue;

template <std::size_t kWords, std::uint64_t kExtent, std::uint64_t kSlots,
          Pace kConsumerPace, std::uint64_t kCountsFrom>
struct RingCast {
  using T = CheckedValue<kWords>;
  using Queue = SpscRing<T, kExtent>;
  static constexpr std::uint64_t kCapacity = kSlots;
  static constexpr Pace kPace = kConsumerPace;
  static constexpr std::uint64_t kLag =
      kPace == Pace::kStreaming ? kSlots / 8 : 0;
  static constexpr bool kPublishRetires = true;

  static Result<Queue> Create(Bytes bytes) {
    auto queue = Queue::Create(bytes, kSlots);
    auto* memory = reinterpret_cast<typename Queue::Memory*>(bytes.data());
    memory->tail.store(kCountsFrom, kRelaxed);
    memory->head.store(kCountsFrom, kRelaxed);
    return queue;
  }
  static RingResult Push(typename Queue::Producer& producer,
                         std::uint64_t value) {
    return producer.TryPush(T::Of(value));
  }
  static RingResult Pop(typename Queue::Consumer& consumer,
                        std::uint64_t& value) {
    T found;
    const RingResult result = consumer.TryPop(found);
    if (result == RingResult::kOk) value = NumberOf(found);
    return result;
  }
  static std::uint64_t NumberOf(const T& found) {
    Expect(found.IsWhole(), "a torn value was delivered");
    return found.number();
  }
  static std::uint64_t Weight(std::uint64_t) { return 1; }
  static constexpr std::uint64_t kPlain = 1;
  static bool Fits(int count) { return count == static_cast<int>(kSlots); }
};

template <typename Cast>
struct Operations {
  using P = QueuePlay<Cast>;
  using Role = typename P::Role;
  using T = typename Cast::T;
  static constexpr std::size_t kBatch = 3;

  static void PushSome(P& play) {
    const std::uint64_t first = Book().NewValues(kBatch);
    std::array<T, kBatch> values;
    for (std::size_t i = 0; i < kBatch; ++i) values[i] = T::Of(first + i);
    std::size_t pushed = 0;
    Book().Begin(first, kBatch);
    const RingResult result = play.producer().TryPushSome(values, pushed);
    Book().Done(pushed);
    Expect((result == RingResult::kOk) == (pushed > 0), "pushed, or not?");
  }
  static void ReserveAndCommit(P& play) {
    const std::uint64_t first = Book().NewValues(kBatch);
    std::span<T> slots;
    Book().Begin(first, kBatch);
    const RingResult result = play.producer().TryReserve(kBatch, slots);
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = T::Of(first + i);
    // One fewer than was reserved.
    const std::size_t wanted = slots.size() - (slots.size() > 1 ? 1 : 0);
    Book().Done(play.producer().Commit(wanted));
    Expect((result == RingResult::kOk) == !slots.empty(), "reserved, or not?");
  }
  static void PopSome(P& play) {
    std::array<T, kBatch> values;
    std::size_t popped = 0;
    Book().Look();
    const RingResult result = play.consumer().TryPopSome(values, popped);
    for (std::size_t i = 0; i < popped; ++i) {
      Book().Took(Cast::NumberOf(values[i]));
    }
    Expect((result == RingResult::kOk) == (popped > 0), "popped, or not?");
  }
  static void PeekAndRetire(P& play) {
    SharedSpan<T> values;
    Book().Look();
    const RingResult result = play.consumer().TryPeek(kBatch, values);
    const std::size_t wanted = values.size() - (values.size() > 1 ? 1 : 0);
    for (std::size_t i = 0; i < wanted; ++i) {
      Book().Took(Cast::NumberOf(values[i].Load()));
    }
    Expect(play.consumer().Retire(wanted) == wanted, "retired something else");
    Expect((result == RingResult::kOk) == !values.empty(), "peeked, or not?");
  }

  static std::vector<typename P::Operation> All() {
    return {
        {"ClaimProducer, TryPush, drop", true, Role::kFree,
         [](P& play, Bytes bytes) {
           play.TakeProducer(bytes);
           play.Push();
           play.DropProducer();
         }},
        {"TryPush twice", true, Role::kMine,
         [](P& play, Bytes) {
           play.Push();
           play.Push();
         }},
        {"TryPushSome", true, Role::kMine,
         [](P& play, Bytes) { PushSome(play); }},
        {"TryReserve, Commit", true, Role::kMine,
         [](P& play, Bytes) { ReserveAndCommit(play); }},
        {"TryPush, Close", true, Role::kMine,
         [](P& play, Bytes) {
           play.Push();
           play.CloseProducer();
         }},
        {"TakeOverProducer, TryPush", true, Role::kOfTheDead,
         [](P& play, Bytes bytes) {
           play.TakeProducer(bytes);
           play.Push();
         }},
        {"ClaimConsumer, TryPop, drop", false, Role::kFree,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
           play.DropConsumer();
         }},
        {"TryPop three times", false, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.Pop();
           play.Pop();
         }},
        {"TryPopSome, TryPop", false, Role::kMine,
         [](P& play, Bytes) {
           PopSome(play);
           play.Pop();
         }},
        {"TryPeek, Retire", false, Role::kMine,
         [](P& play, Bytes) { PeekAndRetire(play); }},
        {"TryPop, Publish", false, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.Publish();
         }},
        {"TryPop, Close", false, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.CloseConsumer();
         }},
        {"TakeOverConsumer, TryPop", false, Role::kOfTheDead,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
         }},
    };
  }
};

template <std::size_t kWords, std::uint64_t kExtent, std::uint64_t kSlots,
          Pace kPace, std::uint64_t kCountsFrom>
void Add(std::vector<Scenario>& scenarios, const char* variant,
         const std::vector<QueueStart>& starts) {
  using Cast = RingCast<kWords, kExtent, kSlots, kPace, kCountsFrom>;
  AddQueueScenarios<Cast>(
      scenarios, "SpscRing", variant,
      static_cast<std::size_t>(Cast::Queue::SizeFor(kSlots)),
      Operations<Cast>::All(), starts);
}

const Registration kSpscRing([](std::vector<Scenario>& scenarios) {
  constexpr std::uint64_t kNearWrap = UINT64_MAX - 3;
  Add<2, 4, 4, Pace::kPrompt, kNearWrap>(scenarios, "<16 bytes, 4>",
                                         {{3, 2}, {1, 4}});
  Add<1, 1, 1, Pace::kPrompt, 0>(scenarios, "<8 bytes, 1>", {{0, 0}});
  Add<3, kDynamic, 16, Pace::kStreaming, 0>(
      scenarios, "<24 bytes>, 16, streaming", {{15, 8}});
});

}  // namespace
}  // namespace placid::crash
