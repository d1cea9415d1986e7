// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "placid/primitives/spsc_byte_ring.h"
#include "tests/crash/queue_play.h"

namespace placid::crash {
namespace {

// Record `value` is 8 bytes of number and up to two words derived from it,
// behind kZeros zeros.
template <std::size_t kZeros>
struct Record {
  static constexpr std::size_t kMostBytes = kZeros + 24;

  static std::size_t LengthOf(std::uint64_t value) {
    return kZeros + 8 + value % 3 * 5;
  }
  static std::array<std::byte, kMostBytes> Of(std::uint64_t value) {
    const std::array<std::uint64_t, 3> words{value, ~value, value * 3};
    std::array<std::byte, kMostBytes> bytes{};
    std::memcpy(bytes.data() + kZeros, words.data(), sizeof(words));
    return bytes;
  }
  static std::uint64_t ValueIn(const std::array<std::byte, kMostBytes>& bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes.data() + kZeros, sizeof(value));
    return value;
  }
};

template <std::uint64_t kBytes, Pace kConsumerPace, std::uint64_t kCountsFrom,
          std::size_t kZeros = 0,
          SpscByteRing::Wrap kWrap = SpscByteRing::Wrap::kPadding>
struct ByteRingCast : Record<kZeros> {
  using Queue = SpscByteRing;
  using Content = Record<kZeros>;
  static constexpr std::uint64_t kCapacity = kBytes;
  static constexpr Pace kPace = kConsumerPace;
  static constexpr std::uint64_t kLag =
      kPace == Pace::kStreaming ? kBytes / 8 : 0;
  // Publish leaves the record in hand where it is.
  static constexpr bool kPublishRetires = false;
  static constexpr bool kIsMirrored = kWrap == SpscByteRing::Wrap::kMirrored;

  static Result<Queue> Create(Bytes bytes) {
    auto queue = Queue::Create(bytes, kBytes, kWrap);
    auto* memory = reinterpret_cast<Queue::Memory*>(bytes.data());
    memory->tail.store(kCountsFrom, kRelaxed);
    memory->head.store(kCountsFrom, kRelaxed);
    return queue;
  }
  static RingResult Push(Queue::Producer& producer, std::uint64_t value) {
    const auto record = Content::Of(value);
    return producer.TryPush(std::span(record).first(Content::LengthOf(value)));
  }
  static RingResult Pop(Queue::Consumer& consumer, std::uint64_t& value) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result != RingResult::kOk) return result;
    std::array<std::byte, Content::kMostBytes> found{};
    record.CopyOut(found);
    value = Content::ValueIn(found);
    Expect(record.size() == Content::LengthOf(value),
           "a record of another length");
    const auto expected = Content::Of(value);
    Expect(std::memcmp(found.data(), expected.data(), record.size()) == 0,
           "a torn record was delivered");
    return result;
  }
  static std::uint64_t Weight(std::uint64_t value) {
    return 8 + (Content::LengthOf(value) + 7) / 8 * 8;
  }
  // Those take 16 bytes each, and the zeros; but where they begin 8 bytes off,
  // one has to skip the last 8, which costs it its place, if they are not
  // mirrored.
  static constexpr std::uint64_t kPlain = 3;
  static bool Fits(int count) {
    constexpr int kWhole = static_cast<int>(kBytes / (16 + kZeros));
    return count == kWhole || (!kIsMirrored && count == kWhole - 1);
  }
};

template <typename Cast>
struct Operations {
  using P = QueuePlay<Cast>;
  using Role = typename P::Role;
  using Content = typename Cast::Content;

  static void Write(std::span<std::byte> payload, std::uint64_t value) {
    const auto record = Content::Of(value);
    std::memcpy(payload.data(), record.data(), payload.size());
  }
  // Reserves more than the record takes in the end.
  static void ReserveAndCommit(P& play) {
    const std::uint64_t value = Book().NewValues();
    std::span<std::byte> payload;
    Book().Begin(value);
    if (play.producer().TryReserve(Content::kMostBytes, payload) !=
        RingResult::kOk) {
      return Book().Done(0);
    }
    Write(payload, value);
    Book().Done(play.producer().Commit(Content::LengthOf(value)) ? 1 : 0);
  }
  // Two records that become visible together, the second behind one aborted.
  static void StageTwo(P& play) {
    const std::uint64_t first = Book().NewValues(2);
    std::uint64_t staged = 0;
    Book().Begin(first, 2);
    for (std::uint64_t value = first; value < first + 2; ++value) {
      std::span<std::byte> payload;
      if (play.producer().TryReserve(Content::LengthOf(value), payload) !=
          RingResult::kOk) {
        break;
      }
      Write(payload, value);
      if (value > first) {
        play.producer().Abort();
        if (play.producer().TryReserve(Content::LengthOf(value), payload) !=
            RingResult::kOk) {
          break;
        }
        Write(payload, value);
      }
      staged += play.producer().Stage(Content::LengthOf(value)) ? 1u : 0u;
    }
    play.producer().Publish();
    Book().Done(staged);
  }

  static std::vector<typename P::Operation> All() {
    return {
        {"ClaimProducer, TryPush, drop", true, Role::kFree,
         [](P& play, Bytes bytes) {
           play.TakeProducer(bytes);
           play.Push();
           play.DropProducer();
         }},
        {"TryPush three times", true, Role::kMine,
         [](P& play, Bytes) {
           play.Push();
           play.Push();
           play.Push();
         }},
        {"TryReserve, Commit", true, Role::kMine,
         [](P& play, Bytes) { ReserveAndCommit(play); }},
        {"Stage, Abort, Stage, Publish", true, Role::kMine,
         [](P& play, Bytes) { StageTwo(play); }},
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
        {"ClaimConsumer, TryFront, drop", false, Role::kFree,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
           play.DropConsumer();
         }},
        {"TryFront three times", false, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.Pop();
           play.Pop();
         }},
        {"TryFront, Retire, Publish", false, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.consumer().Retire();
           play.Publish();
           Book().Note(What::kRetired);
         }},
        {"TryFront, Close", false, Role::kMine,
         [](P& play, Bytes) {
           play.Pop();
           play.CloseConsumer();
         }},
        {"TakeOverConsumer, TryFront", false, Role::kOfTheDead,
         [](P& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
         }},
    };
  }
};

template <typename Cast>
void Add(std::vector<Scenario>& scenarios, const char* variant,
         const std::vector<QueueStart>& starts) {
  constexpr std::size_t kMirrored = SpscByteRing::kMirroredDataOffset;
  constexpr std::size_t kDataOffset =
      Cast::kIsMirrored ? kMirrored : SpscByteRing::kDataOffset;
  auto operations = Operations<Cast>::All();
  // It differs in where records lie, not in what the roles do.
  if constexpr (Cast::kIsMirrored) {
    std::erase_if(operations, [](const auto& operation) {
      return operation.role != QueuePlay<Cast>::Role::kOfTheDead;
    });
  }
  AddQueueScenarios<Cast>(
      scenarios, "SpscByteRing", variant,
      kDataOffset + static_cast<std::size_t>(Cast::kCapacity), operations,
      starts, Cast::kIsMirrored ? kMirrored : 0);
}

const Registration kSpscByteRing([](std::vector<Scenario>& scenarios) {
  constexpr std::uint64_t kNearWrap = UINT64_MAX - 71;
  Add<ByteRingCast<64, Pace::kPrompt, kNearWrap>>(scenarios, "<64>",
                                                  {{1, 0}, {1, 2}});
  Add<ByteRingCast<256, Pace::kStreaming, 0>>(scenarios, "<256, streaming>",
                                              {{8, 4}});
  // The second record's number lies across the end.
  constexpr std::uint64_t kAcross = UINT64_MAX - 1063;
  Add<ByteRingCast<0x10000, Pace::kPrompt, kAcross, 512,
                   SpscByteRing::Wrap::kMirrored>>(scenarios, "<mirrored>",
                                                   {{1, 0}});
});

}  // namespace
}  // namespace placid::crash
