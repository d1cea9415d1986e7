// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "placid/primitives/mpsc_ring.h"
#include "tests/crash/many_play.h"
#include "tests/support/checked_value.h"

namespace placid::crash {
namespace {

using testing::CheckedValue;

template <std::size_t kWords, std::uint64_t kExtent, std::uint64_t kSlots,
          Pace kConsumerPace, std::uint64_t kCountsFrom>
struct RingCast {
  using T = CheckedValue<kWords>;
  using Queue = MpscRing<T, kExtent>;
  static constexpr Pace kPace = kConsumerPace;
  static constexpr std::uint64_t kLag =
      kPace == Pace::kStreaming ? kSlots / 8 : 0;
  static constexpr bool kPublishRetires = true;
  static constexpr bool kIsTotal = true;

  static Result<Queue> Create(Bytes bytes) {
    auto queue = Queue::Create(bytes, kSlots);
    auto* memory = reinterpret_cast<typename Queue::Memory*>(bytes.data());
    auto* slots = reinterpret_cast<typename Queue::Slot*>(bytes.data() +
                                                          Queue::kSlotsOffset);
    memory->head.store(kCountsFrom, kRelaxed);
    const SlotLaps<kDynamic> laps{Extent<kDynamic>(kSlots)};
    for (std::uint64_t i = kCountsFrom; i != kCountsFrom + kSlots; ++i) {
      slots[i % kSlots].word.store(laps.DoneBefore(i).word(), kRelaxed);
    }
    return queue;
  }
  static Result<typename Queue::Producer> ClaimProducer(const Queue& queue,
                                                        OwnerId by) {
    return queue.ClaimProducer(by);
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
  using P = ManyPlay<Cast>;
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
    const std::uint64_t value = Book().NewValues();
    T* slot = nullptr;
    Book().Begin(value);
    const RingResult result = play.producer().TryReserve(slot);
    if (slot != nullptr) *slot = T::Of(value);
    Book().Done(play.producer().Commit() ? 1 : 0);
    Expect((result == RingResult::kOk) == (slot != nullptr), "reserved?");
  }
  static void ReserveAndAbort(P& play) {
    T* slot = nullptr;
    const RingResult result = play.producer().TryReserve(slot);
    if (slot != nullptr) *slot = T::Of(666);
    Expect(play.producer().Abort() == (result == RingResult::kOk), "reserved?");
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
    SharedSpan<T> value;
    Book().Look();
    const RingResult result = play.consumer().TryPeek(value);
    if (!value.empty()) Book().Took(Cast::NumberOf(value[0].Load()));
    Expect(play.consumer().Retire() == (result == RingResult::kOk), "peeked?");
  }

  static std::vector<typename P::Operation> OfProducers() {
    constexpr Side kProducer = Side::kProducer;
    return {
        {"ClaimProducer, TryPush, drop", kProducer, Role::kFree,
         [](P& play, Bytes bytes) {
           play.TakeProducer(bytes);
           play.Push();
           play.DropProducer();
         }},
        {"TryPush twice", kProducer, Role::kMine,
         [](P& play, Bytes) {
           play.Push();
           play.Push();
         }},
        {"TryPushSome", kProducer, Role::kMine,
         [](P& play, Bytes) { PushSome(play); }},
        {"TryReserve, Commit", kProducer, Role::kMine,
         [](P& play, Bytes) { ReserveAndCommit(play); }},
        {"TryReserve, Abort", kProducer, Role::kMine,
         [](P& play, Bytes) { ReserveAndAbort(play); }},
        {"TryPush, Close", kProducer, Role::kMine,
         [](P& play, Bytes) {
           play.Push();
           play.CloseProducer();
         }},
    };
  }

  static std::vector<typename P::Operation> OfConsumers() {
    constexpr Side kConsumer = Side::kConsumer;
    return {
        {"ClaimConsumer, TryPop, drop", kConsumer, Role::kFree,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
           play.DropConsumer();
         }},
        {"TryPop three times", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.Pop();
           play.Pop();
         }},
        {"TryPopSome, TryPop", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           PopSome(play);
           play.Pop();
         }},
        {"TryPeek, Retire", kConsumer, Role::kMine,
         [](P& play, Bytes) { PeekAndRetire(play); }},
        {"TryPop, Publish", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.Publish();
         }},
        {"TryPop, Close", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.CloseConsumer();
         }},
        {"TakeOverConsumer, TryPop", kConsumer, Role::kOfTheDead,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
         }},
    };
  }
};

template <std::size_t kWords, std::uint64_t kExtent, std::uint64_t kSlots,
          Pace kPace, std::uint64_t kCountsFrom>
void Add(std::vector<Scenario>& scenarios, const char* variant, Side victims,
         QueueStart start) {
  using Cast = RingCast<kWords, kExtent, kSlots, kPace, kCountsFrom>;
  AddManyScenarios<Cast>(scenarios, "MpscRing", variant,
                         static_cast<std::size_t>(Cast::Queue::SizeFor(kSlots)),
                         victims == Side::kProducer
                             ? Operations<Cast>::OfProducers()
                             : Operations<Cast>::OfConsumers(),
                         {start});
}

const Registration kMpscRing([](std::vector<Scenario>& scenarios) {
  constexpr std::uint64_t kNearWrap = UINT64_MAX - 3;
  for (const Side victims : {Side::kProducer, Side::kConsumer}) {
    Add<2, 4, 4, Pace::kPrompt, kNearWrap>(scenarios, "<16 bytes, 4>", victims,
                                           {3, 2});
    Add<1, 1, 1, Pace::kPrompt, 0>(scenarios, "<8 bytes, 1>", victims, {0, 0});
  }
  Add<3, kDynamic, 8, Pace::kStreaming, 0>(
      scenarios, "<24 bytes>, 8, streaming", Side::kConsumer, {7, 4});
});

}  // namespace
}  // namespace placid::crash
