// SPDX-License-Identifier: Apache-2.0
//
// The example of blocking rings, of every ring there is: through a tiny one, in
// which each side sleeps again and again for want of the other.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "examples/blocking_ring.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "placid/primitives/mpmc_ring.h"
#include "placid/primitives/mpsc_byte_ring.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "tests/support/guarded_bytes.h"

namespace placid::example {
namespace {

using testing::GuardedBytes;

constexpr std::uint64_t kEach = 1'000;

Deadline Soon() { return Deadline::After(std::chrono::milliseconds(5)); }

// What goes through: a number, as a value or as a record of 8 to 40 bytes.
struct Values {
  using Item = std::uint64_t;
  using Sample = std::uint64_t;
  template <typename Side>
  static RingResult Push(Side& side, std::uint64_t number) {
    if constexpr (requires { side.Push(number).result; }) {
      return side.Push(number).result;
    } else {
      return side.Push(number);
    }
  }
  static std::uint64_t NumberOf(Item item) { return item; }
};
struct Records {
  using Item = SharedBytes;
  using Sample = std::array<std::byte, 8>;
  template <typename Side>
  static RingResult Push(Side& side, std::uint64_t number) {
    std::array<std::byte, 40> bytes{};
    std::memcpy(bytes.data(), &number, sizeof(number));
    const auto record = std::span<const std::byte>(bytes).first(
        static_cast<std::size_t>(8 + number % 33));
    if constexpr (requires { side.Push(record).result; }) {
      return side.Push(record).result;
    } else {
      return side.Push(record);
    }
  }
  static std::uint64_t NumberOf(const Item& item) {
    const std::uint64_t number = item.Load<std::uint64_t>(0).value_or(0);
    EXPECT_EQ(item.size(), 8 + number % 33);
    return number;
  }
};

template <typename RingType, typename Content, std::uint64_t kCapacity,
          int kMostProducers, int kMostConsumers,
          Delivery kDelivery = Delivery::kAtMostOnce>
struct Case : Content {
  using Ring = RingType;
  static constexpr int kProducers = kMostProducers;
  static constexpr int kConsumers = kMostConsumers;

  explicit Case(std::span<std::byte> bytes)
      : ring(*Ring::Create(bytes, kCapacity)) {}
  static std::uint64_t Size() { return Ring::SizeFor(kCapacity); }

  auto Consumer() {
    if constexpr (requires { ring.ClaimConsumer(kDelivery); }) {
      return *ring.ClaimConsumer(kDelivery);
    } else {
      return *ring.ClaimConsumer();
    }
  }
  // Whoever comes last of the producers.
  void Close(RingEvents& events) {
    if constexpr (requires { ring.Seal(); }) {
      ring.Seal();
      EventCount::Attach(events.pushed)->WakeAll();
    } else {
      BlockingProducer producer(*ring.ClaimProducer(), events);
      EXPECT_EQ(producer.Close().result, RingResult::kOk);
    }
  }

  Ring ring;
};

template <typename Case>
class BlockingRingsTest : public ::testing::Test {};
using Cases = ::testing::Types<
    Case<SpscRing<std::uint64_t>, Values, 2, 1, 1>,
    Case<SpscByteRing, Records, 64, 1, 1>,
    Case<MpscRing<std::uint64_t>, Values, 2, 3, 1>,
    Case<MpscByteRing, Records, 256, 3, 1>,
    Case<MpmcRing<std::uint64_t>, Values, 2, 3, 3>,
    Case<MpmcRing<std::uint64_t>, Values, 4, 3, 3, Delivery::kAtLeastOnce>,
    Case<LaneRing<std::uint64_t, 3>, Values, 2, 3, 1>,
    Case<LaneByteRing<3>, Records, 64, 3, 1>>;
TYPED_TEST_SUITE(BlockingRingsTest, Cases);

// A doorbell that is forgotten costs a slice each time, minutes in all.
TYPED_TEST(BlockingRingsTest, AllArriveInEachProducersOrderAndThenTheEnd) {
  const GuardedBytes guarded(TypeParam::Size());
  TypeParam subject(guarded.bytes());
  RingEvents events{};
  std::vector<std::thread> producers;
  for (std::uint64_t p = 0; p < TypeParam::kProducers; ++p) {
    producers.emplace_back([&, p] {
      BlockingProducer producer(*subject.ring.ClaimProducer(), events);
      for (std::uint64_t i = 1; i <= kEach; ++i) {
        ASSERT_EQ(TypeParam::Push(producer, p << 32 | i), RingResult::kOk);
      }
    });
  }
  Atomic<std::uint64_t> taken{0};
  std::vector<std::thread> consumers;
  for (int c = 0; c < TypeParam::kConsumers; ++c) {
    consumers.emplace_back([&] {
      BlockingConsumer consumer(subject.Consumer(), events);
      std::array<std::uint64_t, TypeParam::kProducers> last{};
      typename TypeParam::Item item{};
      RingResult result = RingResult::kOk;
      while ((result = consumer.Pop(item).result) == RingResult::kOk) {
        const std::uint64_t number = TypeParam::NumberOf(item);
        std::uint64_t& before = last[static_cast<std::size_t>(number >> 32)];
        ASSERT_GT(number & 0xFFFF'FFFF, before);
        before = number & 0xFFFF'FFFF;
        taken.fetch_add(1, kRelaxed);  // sync: none, joined before it is read
      }
      ASSERT_EQ(result, RingResult::kClosed);
    });
  }
  for (std::thread& producer : producers) producer.join();
  subject.Close(events);
  for (std::thread& consumer : consumers) consumer.join();
  EXPECT_EQ(taken.load(kRelaxed),  // sync: none, joined before it is read
            kEach * TypeParam::kProducers);
}

TYPED_TEST(BlockingRingsTest, DeadlinesEndBothSidesWaits) {
  const GuardedBytes guarded(TypeParam::Size());
  TypeParam subject(guarded.bytes());
  RingEvents events{};
  BlockingConsumer consumer(subject.Consumer(), events);
  typename TypeParam::Item item{};
  const auto popped = consumer.Pop(item, Soon());
  EXPECT_EQ(popped.end, WaitEnd::kTimedOut);
  EXPECT_EQ(popped.result, RingResult::kEmpty);
  BlockingProducer producer(*subject.ring.ClaimProducer(), events);
  auto pushed = producer.Push(typename TypeParam::Sample{});
  while (pushed.result == RingResult::kOk) {
    pushed = producer.Push(typename TypeParam::Sample{}, Soon());
  }
  EXPECT_EQ(pushed.end, WaitEnd::kTimedOut);
  EXPECT_EQ(pushed.result, RingResult::kFull);
}

// ---- A claim of the dead

// The first of two producers dies with a claim. Whoever recovers it wakes the
// consumer, which goes on with what lies behind.
template <typename Ring, typename Content, typename Reserve>
void ConsumerSleepsUntilTheDeadIsRecovered(const Ring& ring,
                                           const Reserve& reserve) {
  RingEvents events{};
  const OwnerId mortal = *OwnerId::Of(7, 1);
  auto dead = *ring.ClaimProducer(mortal);
  EXPECT_EQ(reserve(dead), RingResult::kOk);
  BlockingProducer producer(*ring.ClaimProducer(), events);
  EXPECT_EQ(Content::Push(producer, 5), RingResult::kOk);
  BlockingConsumer consumer(*ring.ClaimConsumer(), events);
  typename Content::Item item{};
  const auto pending = consumer.Pop(item, Soon());
  EXPECT_EQ(pending.end, WaitEnd::kTimedOut);
  EXPECT_EQ(pending.result, RingResult::kPending);
  std::thread recoverer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    (void)ring.Recover(DeadOwner::Attested(mortal));
    EventCount::Attach(events.pushed)->WakeAll();
  });
  EXPECT_EQ(consumer.Pop(item).result, RingResult::kOk);
  EXPECT_EQ(Content::NumberOf(item), 5u);
  recoverer.join();
}

TEST(BlockingRecoveryTest, AConsumerOfValuesSleepsUntilTheDeadIsRecovered) {
  const GuardedBytes guarded(MpscRing<std::uint64_t>::SizeFor(4));
  ConsumerSleepsUntilTheDeadIsRecovered<MpscRing<std::uint64_t>, Values>(
      *MpscRing<std::uint64_t>::Create(guarded.bytes(), 4), [](auto& producer) {
        std::uint64_t* slot = nullptr;
        return producer.TryReserve(slot);
      });
}

TEST(BlockingRecoveryTest, OneOfSeveralConsumersSleepsUntilThatToo) {
  const GuardedBytes guarded(MpmcRing<std::uint64_t>::SizeFor(4));
  ConsumerSleepsUntilTheDeadIsRecovered<MpmcRing<std::uint64_t>, Values>(
      *MpmcRing<std::uint64_t>::Create(guarded.bytes(), 4), [](auto& producer) {
        std::uint64_t* slot = nullptr;
        return producer.TryReserve(slot);
      });
}

TEST(BlockingRecoveryTest, AConsumerOfRecordsSleepsUntilThatToo) {
  const GuardedBytes guarded(MpscByteRing::SizeFor(1024));
  ConsumerSleepsUntilTheDeadIsRecovered<MpscByteRing, Records>(
      *MpscByteRing::Create(guarded.bytes(), 1024), [](auto& producer) {
        std::span<std::byte> payload;
        return producer.TryReserve(24, payload);
      });
}

// ---- Broadcasts

// A reader that sleeps is woken by each value; what it read and what it lost is
// all there was.
TEST(BlockingBroadcastTest, AReaderCountsAllValuesUpToTheEnd) {
  using Ring = BroadcastRing<std::uint64_t>;
  const GuardedBytes guarded(Ring::SizeFor(64));
  const auto ring = *Ring::Create(guarded.bytes(), 64);
  RingEvents events{};
  std::thread other([&] {
    NotifyingWriter writer(*ring.ClaimWriter(), events);
    for (std::uint64_t i = 1; i <= kEach; ++i) {
      EXPECT_EQ(Values::Push(writer, i), RingResult::kOk);
      if (i % 10 == 0) std::this_thread::yield();
    }
    std::move(writer).Close();
  });
  BlockingReader reader(ring.MakeReader(StartAt::kOldest), events);
  std::uint64_t value = 0, lost = 0, seen = 0;
  RingResult result = RingResult::kOk;
  while ((result = reader.Read(value, lost).result) == RingResult::kOk) {
    seen += lost + 1;
    ASSERT_EQ(value, seen);
  }
  EXPECT_EQ(result, RingResult::kClosed);
  EXPECT_EQ(seen + lost, kEach);
  other.join();
}

TEST(BlockingBroadcastTest, AReaderCountsAllRecordsUpToTheEnd) {
  const GuardedBytes guarded(BroadcastByteRing::SizeFor(4096));
  const auto ring = *BroadcastByteRing::Create(guarded.bytes(), 4096);
  RingEvents events{};
  std::thread other([&] {
    NotifyingWriter writer(*ring.ClaimWriter(), events);
    for (std::uint64_t i = 1; i <= kEach; ++i) {
      EXPECT_EQ(Records::Push(writer, i), RingResult::kOk);
      if (i % 10 == 0) std::this_thread::yield();
    }
    std::move(writer).Close();
  });
  BlockingReader reader(ring.MakeReader(StartAt::kOldest), events);
  std::array<std::byte, 40> record{};
  std::size_t length = 0;
  std::uint64_t lost = 0, seen = 0;
  RingResult result = RingResult::kOk;
  while ((result = reader.Read(record, length, lost).result) ==
         RingResult::kOk) {
    seen += lost + 1;
    std::uint64_t number = 0;
    std::memcpy(&number, record.data(), sizeof(number));
    ASSERT_EQ(number, seen);
    ASSERT_EQ(length, 8 + seen % 33);
  }
  EXPECT_EQ(result, RingResult::kClosed);
  EXPECT_EQ(seen + lost, kEach);
  other.join();
}

}  // namespace
}  // namespace placid::example
