// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "placid/primitives/mpsc_byte_ring.h"
#include "tests/crash/many_play.h"

namespace placid::crash {
namespace {

constexpr std::size_t kGranule = MpscByteRing::kGranuleBytes;

// Record `value` is its number and ~number; odd ones have both again at their
// end, in a second granule.
constexpr std::size_t kWordsBytes = 16;
std::size_t LengthOf(std::uint64_t value) {
  return value % 2 == 0 ? kWordsBytes : kGranule + kWordsBytes;
}
std::array<std::uint64_t, 2> WordsOf(std::uint64_t value) {
  return {value, ~value};
}
void Write(std::span<std::byte> payload, std::uint64_t value) {
  const auto words = WordsOf(value);
  for (const std::size_t at : {std::size_t{0}, LengthOf(value) - kWordsBytes}) {
    std::memcpy(payload.data() + at, words.data(), kWordsBytes);
  }
}

template <std::uint64_t kGranules, Pace kConsumerPace,
          std::uint64_t kCountsFrom>
struct RecordCast {
  using Queue = MpscByteRing;
  static constexpr std::size_t kBytes =
      static_cast<std::size_t>(Queue::SizeFor(kGranules * kGranule));
  static constexpr Pace kPace = kConsumerPace;
  static constexpr std::uint64_t kLag =
      kPace == Pace::kStreaming ? kGranules / 8 : 0;
  // Publish leaves the record in hand where it is.
  static constexpr bool kPublishRetires = false;
  static constexpr bool kIsTotal = true;

  static Result<Queue> Create(Bytes bytes) {
    auto queue = Queue::Create(bytes, kGranules * kGranule);
    auto* memory = reinterpret_cast<Queue::Memory*>(bytes.data());
    memory->head.store(kCountsFrom, kRelaxed);
    const Granules granules(bytes.data() + Queue::kDataOffset,
                            Extent<kDynamic>(kGranules));
    for (std::uint64_t i = kCountsFrom; i != kCountsFrom + kGranules; ++i) {
      granules.WordAt(i).store(granules.laps().Inside(i - kGranules).word(),
                               kRelaxed);
    }
    return queue;
  }
  static Result<Queue::Producer> ClaimProducer(const Queue& queue, OwnerId by) {
    return queue.ClaimProducer(by);
  }
  static RingResult Push(Queue::Producer& producer, std::uint64_t value) {
    if (LengthOf(value) == kWordsBytes) {
      const auto words = WordsOf(value);
      return producer.TryPush(std::as_bytes(std::span(words)));
    }
    std::span<std::byte> payload;
    const RingResult result = producer.TryReserve(LengthOf(value), payload);
    if (result != RingResult::kOk) return result;
    Write(payload, value);
    Expect(producer.Commit(payload.size()), "what was reserved is gone");
    return result;
  }
  static RingResult Pop(Queue::Consumer& consumer, std::uint64_t& value) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result != RingResult::kOk) return result;
    Expect(record.size() >= kWordsBytes, "a record of another length");
    std::memcpy(&value, record.TrustPeer().data(), sizeof(value));
    Expect(record.size() == LengthOf(value), "a record of another length");
    const auto words = WordsOf(value);
    for (const std::size_t at : {std::size_t{0}, record.size() - kWordsBytes}) {
      Expect(std::memcmp(record.TrustPeer().data() + at, words.data(),
                         kWordsBytes) == 0,
             "a torn record was delivered");
    }
    return result;
  }
  static std::uint64_t Weight(std::uint64_t value) {
    return Granules::For(LengthOf(value));
  }
  // Those take a granule each.
  static constexpr std::uint64_t kPlain = 2;
  static bool Fits(int count) { return count == static_cast<int>(kGranules); }
};

template <typename Cast>
struct Operations {
  using P = ManyPlay<Cast>;
  using Role = typename P::Role;

  // Reserves more than the record takes in the end.
  static void ReserveAndCommit(P& play) {
    const std::uint64_t value = Book().NewValues();
    std::span<std::byte> payload;
    Book().Begin(value);
    const std::size_t most = 3 * kGranule;
    if (play.producer().TryReserve(most, payload) == RingResult::kOk) {
      Write(payload, value);
    }
    Book().Done(play.producer().Commit(LengthOf(value)) ? 1 : 0);
  }
  static void ReserveAndAbort(P& play) {
    std::span<std::byte> payload;
    const RingResult result = play.producer().TryReserve(kGranule + 1, payload);
    if (!payload.empty()) payload[0] = std::byte{0x66};
    Expect(play.producer().Abort() == (result == RingResult::kOk), "reserved?");
  }
  static void PushSome(P& play) {
    const std::uint64_t first = Book().NewValues(2);
    std::array<std::array<std::byte, kGranule + kWordsBytes>, 2> bytes{};
    std::array<std::span<const std::byte>, 2> records;
    for (std::size_t i = 0; i < 2; ++i) {
      Write(bytes[i], first + i);
      records[i] = std::span(bytes[i]).first(LengthOf(first + i));
    }
    std::size_t pushed = 0;
    Book().Begin(first, 2);
    const RingResult result = play.producer().TryPushSome(records, pushed);
    Book().Done(pushed);
    Expect((result == RingResult::kOk) == (pushed > 0), "pushed, or not?");
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
        {"ClaimConsumer, TryFront, drop", kConsumer, Role::kFree,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
           play.DropConsumer();
         }},
        {"TryFront three times", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.Pop();
           play.Pop();
         }},
        {"TryFront, Retire, Publish", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.consumer().Retire();
           play.Publish();
           Book().Note(What::kRetired);
         }},
        {"TryFront, Close", kConsumer, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.CloseConsumer();
         }},
        {"TakeOverConsumer, TryFront", kConsumer, Role::kOfTheDead,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
         }},
    };
  }
};

const Registration kMpscByteRing([](std::vector<Scenario>& scenarios) {
  using Prompt = RecordCast<8, Pace::kPrompt, UINT64_MAX - 6>;
  using Streaming = RecordCast<8, Pace::kStreaming, 0>;
  const auto add = [&]<typename Cast>(const char* variant, Cast,
                                      auto operations, QueueStart start) {
    AddManyScenarios<Cast>(scenarios, "MpscByteRing", variant, Cast::kBytes,
                           operations, {start});
  };
  add("<512>", Prompt(), Operations<Prompt>::OfProducers(), {2, 3});
  add("<512>", Prompt(), Operations<Prompt>::OfConsumers(), {2, 3});
  // What a streaming consumer keeps to itself comes again.
  auto of_consumers = Operations<Streaming>::OfConsumers();
  of_consumers.resize(2);
  add("<512>, streaming", Streaming(), of_consumers, {3, 4});
});

}  // namespace
}  // namespace placid::crash
