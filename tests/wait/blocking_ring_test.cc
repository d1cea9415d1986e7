// SPDX-License-Identifier: Apache-2.0
//
// The example of blocking rings, and with it the waiter on real rings.
#include "examples/blocking_ring.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <thread>

#include "placid/primitives/spsc_ring.h"

namespace placid::example {
namespace {

using namespace std::chrono_literals;  // NOLINT
using Ring = SpscRing<std::uint64_t, 2>;
constexpr std::uint64_t kCount = 3'000;

class BlockingRingTest : public ::testing::Test {
 protected:
  BlockingProducer<Ring::Producer> MakeProducer() {
    return {*ring_.ClaimProducer(), events_};
  }
  BlockingConsumer<Ring::Consumer> MakeConsumer() {
    return {*ring_.ClaimConsumer(), events_};
  }

  Ring::Storage storage_{};
  RingEvents events_{};
  const Ring ring_ = *Ring::Attach(storage_);
};

TEST_F(BlockingRingTest, WhatFitsIsPushedAndPoppedWithoutWaiting) {
  auto producer = MakeProducer();
  auto consumer = MakeConsumer();
  for (std::uint64_t i = 0; i < 10; ++i) {
    EXPECT_EQ(producer.Push(i).result, RingResult::kOk);
    std::uint64_t value = 0;
    EXPECT_EQ(consumer.Pop(value).result, RingResult::kOk);
    EXPECT_EQ(value, i);
  }
  EXPECT_EQ(events_.pushed.state.load(kRelaxed), 0u) << "nobody armed";
  EXPECT_EQ(events_.popped.state.load(kRelaxed), 0u);
}

TEST_F(BlockingRingTest, DeadlinesEndBothSidesWaits) {
  auto producer = MakeProducer();
  auto consumer = MakeConsumer();
  std::uint64_t value = 0;
  const auto popped = consumer.Pop(value, Deadline::After(5ms));
  EXPECT_EQ(popped.end, WaitEnd::kTimedOut);
  EXPECT_EQ(popped.result, RingResult::kEmpty);
  EXPECT_EQ(producer.Push(std::uint64_t{1}).result, RingResult::kOk);
  EXPECT_EQ(producer.Push(std::uint64_t{2}).result, RingResult::kOk);
  const auto pushed = producer.Push(std::uint64_t{3}, Deadline::After(5ms));
  EXPECT_EQ(pushed.end, WaitEnd::kTimedOut);
  EXPECT_EQ(pushed.result, RingResult::kFull);
}

// The ring is tiny: each side sleeps again and again for want of the other. A
// doorbell that is forgotten costs a slice each time, minutes in all.
TEST_F(BlockingRingTest, ValuesArriveInOrderThroughATinyRing) {
  const auto begin = std::chrono::steady_clock::now();
  std::thread other([&] {
    auto producer = MakeProducer();
    for (std::uint64_t i = 0; i < kCount; ++i) {
      ASSERT_EQ(producer.Push(i).result, RingResult::kOk);
    }
    EXPECT_EQ(producer.Close().result, RingResult::kOk);
  });
  {
    auto consumer = MakeConsumer();
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < kCount; ++i) {
      ASSERT_EQ(consumer.Pop(value).result, RingResult::kOk);
      ASSERT_EQ(value, i);
    }
    EXPECT_EQ(consumer.Pop(value).result, RingResult::kClosed);
  }
  other.join();
  if (os::HasFutex()) {
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 60s);
  }
}

TEST_F(BlockingRingTest, AConsumerThatClosesLetsASleepingProducerGo) {
  auto consumer = MakeConsumer();
  std::thread other([&] {
    auto producer = MakeProducer();
    RingResult result = RingResult::kOk;
    while (result == RingResult::kOk) {
      result = producer.Push(std::uint64_t{1}, Deadline::After(60s)).result;
    }
    EXPECT_EQ(result, RingResult::kClosed);
  });
  std::this_thread::sleep_for(5ms);
  consumer.Close();
  other.join();
}

// What a consumer holds when it goes is room for the producer.
TEST_F(BlockingRingTest, AConsumerThatGoesGivesItsLastValueBack) {
  auto producer = MakeProducer();
  EXPECT_EQ(producer.Push(std::uint64_t{1}).result, RingResult::kOk);
  EXPECT_EQ(producer.Push(std::uint64_t{2}).result, RingResult::kOk);
  std::thread other([&] {
    auto consumer = MakeConsumer();
    std::uint64_t value = 0;
    EXPECT_EQ(consumer.Pop(value).result, RingResult::kOk);
  });
  const auto pushed = producer.Push(std::uint64_t{3}, Deadline::After(60s));
  EXPECT_EQ(pushed.result, RingResult::kOk);
  other.join();
}

}  // namespace
}  // namespace placid::example
