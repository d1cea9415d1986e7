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

// Record `value` is 8 bytes of number and up to two words derived from it.
constexpr std::size_t kMostBytes = 24;

std::size_t LengthOf(std::uint64_t value) { return 8 + value % 3 * 5; }
std::array<std::byte, kMostBytes> RecordOf(std::uint64_t value) {
  const std::array<std::uint64_t, 3> words{value, ~value, value * 3};
  std::array<std::byte, kMostBytes> bytes;
  std::memcpy(bytes.data(), words.data(), bytes.size());
  return bytes;
}

template <std::uint64_t kBytes, Pace kConsumerPace, std::uint64_t kCountsFrom>
struct ByteRingCast {
  using Queue = SpscByteRing;
  static constexpr std::uint64_t kCapacity = kBytes;
  static constexpr Pace kPace = kConsumerPace;
  static constexpr std::uint64_t kLag =
      kPace == Pace::kStreaming ? kBytes / 8 : 0;
  // Publish leaves the record in hand where it is.
  static constexpr bool kPublishRetires = false;

  static Result<Queue> Create(Bytes bytes) {
    auto queue = Queue::Create(bytes, kBytes);
    auto* memory = reinterpret_cast<Queue::Memory*>(bytes.data());
    memory->tail.store(kCountsFrom, kRelaxed);
    memory->head.store(kCountsFrom, kRelaxed);
    return queue;
  }
  static RingResult Push(Queue::Producer& producer, std::uint64_t value) {
    const auto record = RecordOf(value);
    return producer.TryPush(std::span(record).first(LengthOf(value)));
  }
  static RingResult Pop(Queue::Consumer& consumer, std::uint64_t& value) {
    SharedBytes record;
    const RingResult result = consumer.TryFront(record);
    if (result != RingResult::kOk) return result;
    std::array<std::byte, kMostBytes> found{};
    record.CopyOut(found);
    std::memcpy(&value, found.data(), sizeof(value));
    Expect(record.size() == LengthOf(value), "a record of another length");
    const auto expected = RecordOf(value);
    Expect(std::memcmp(found.data(), expected.data(), record.size()) == 0,
           "a torn record was delivered");
    return result;
  }
  static std::uint64_t Weight(std::uint64_t value) {
    return 8 + (LengthOf(value) + 7) / 8 * 8;
  }
  // Those take 16 bytes each; but where they begin 8 bytes off, one has
  // to skip the last 8, which costs it its place.
  static constexpr std::uint64_t kPlain = 3;
  static bool Fits(int count) {
    constexpr int kWhole = static_cast<int>(kBytes / 16);
    return count == kWhole || count == kWhole - 1;
  }
};

template <typename Cast>
struct Operations {
  using P = QueuePlay<Cast>;
  using Role = typename P::Role;

  static void Write(std::span<std::byte> payload, std::uint64_t value) {
    const auto record = RecordOf(value);
    std::memcpy(payload.data(), record.data(), payload.size());
  }
  // Reserves more than the record takes in the end.
  static void ReserveAndCommit(P& play) {
    const std::uint64_t value = Book().NewValues();
    std::span<std::byte> payload;
    Book().Begin(value);
    if (play.producer().TryReserve(kMostBytes, payload) != RingResult::kOk) {
      return Book().Done(0);
    }
    Write(payload, value);
    Book().Done(play.producer().Commit(LengthOf(value)) ? 1 : 0);
  }
  // Two records that become visible together, the second behind one aborted.
  static void StageTwo(P& play) {
    const std::uint64_t first = Book().NewValues(2);
    std::uint64_t staged = 0;
    Book().Begin(first, 2);
    for (std::uint64_t value = first; value < first + 2; ++value) {
      std::span<std::byte> payload;
      if (play.producer().TryReserve(LengthOf(value), payload) !=
          RingResult::kOk) {
        break;
      }
      Write(payload, value);
      if (value > first) {
        play.producer().Abort();
        if (play.producer().TryReserve(LengthOf(value), payload) !=
            RingResult::kOk) {
          break;
        }
        Write(payload, value);
      }
      staged += play.producer().Stage(LengthOf(value)) ? 1u : 0u;
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

template <std::uint64_t kBytes, Pace kPace, std::uint64_t kCountsFrom>
void Add(std::vector<Scenario>& scenarios, const char* variant,
         const std::vector<QueueStart>& starts) {
  using Cast = ByteRingCast<kBytes, kPace, kCountsFrom>;
  AddQueueScenarios<Cast>(
      scenarios, "SpscByteRing", variant,
      static_cast<std::size_t>(SpscByteRing::SizeFor(kBytes)),
      Operations<Cast>::All(), starts);
}

const Registration kSpscByteRing([](std::vector<Scenario>& scenarios) {
  constexpr std::uint64_t kNearWrap = UINT64_MAX - 71;
  Add<64, Pace::kPrompt, kNearWrap>(scenarios, "<64>", {{1, 0}, {1, 2}});
  Add<256, Pace::kStreaming, 0>(scenarios, "<256, streaming>", {{8, 4}});
});

}  // namespace
}  // namespace placid::crash
