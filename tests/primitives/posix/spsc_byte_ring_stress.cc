// SPDX-License-Identifier: Apache-2.0
//
// Two processes, each with its own view of the bytes at its own address: a
// pointer or anything else of one process in the ring would be found here.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <thread>

#include "placid/base/platform.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "tests/primitives/byte_stream.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

using testing::ByteStream;
using testing::Child;
using testing::TwoViews;
using Ring = SpscByteRing;

constexpr std::uint64_t kCount = kIsTsan ? 20'000 : 100'000;

TEST(SpscByteRingTwoProcesses, RecordsArriveWholeAndInOrder) {
  for (const std::uint64_t capacity : {256u, 16384u}) {
    const std::uint64_t seed = testing::DrawSeed();
    const TwoViews views(Ring::SizeFor(capacity));
    ASSERT_NE(views.first().data(), views.second().data());
    ASSERT_TRUE(Ring::Create(views.first(), capacity));
    Child writer([&views, seed] {
      const auto ring = Ring::Attach(views.second());
      ASSERT_TRUE(ring);
      ByteStream::Write(*ring->ClaimProducer(), seed, kCount);
    });
    const auto ring = Ring::Attach(views.first());
    ASSERT_TRUE(ring);
    EXPECT_EQ(ByteStream::Read(*ring->ClaimConsumer(Pace::kStreaming), seed,
                               ring->MostRecordBytes()),
              kCount);
    EXPECT_TRUE(writer.EndsWell());
  }
}

// What the dead writer had committed arrives; its successor's records follow.
TEST(SpscByteRingTwoProcesses, AKilledWritersCommittedRecordsSurvive) {
  const std::uint64_t seed = testing::DrawSeed();
  for (int round = 0; round < 20; ++round) {
    const TwoViews views(Ring::SizeFor(4096));
    const auto ring = Ring::Create(views.first(), 4096);
    ASSERT_TRUE(ring);
    std::uint64_t next = 0;
    auto consumer = ring->ClaimConsumer();
    // Each record counts on from the one before.
    const auto read_one = [&] {
      SharedBytes record;
      const RingResult result = consumer->TryFront(record);
      if (result == RingResult::kOk) {
        EXPECT_EQ(record.Load<std::uint64_t>(0), next);
        EXPECT_EQ(record.size(), 8 + next % 50);
        ++next;
      }
      return result;
    };
    const auto write = [](Ring::Producer& producer, std::uint64_t n) {
      std::array<std::byte, 58> record{};
      std::memcpy(record.data(), &n, sizeof(n));
      return producer.TryPush(std::span(record).first(8 + n % 50));
    };
    Child writer([&] {
      auto producer = Ring::Attach(views.second())->ClaimProducer();
      for (std::uint64_t n = 0;;) {
        if (write(*producer, n) == RingResult::kOk) ++n;
      }
    });
    const std::uint64_t enough =
        seed % 1000 + static_cast<std::uint64_t>(round) * 50 + 1;
    while (next < enough) {
      if (read_one() != RingResult::kOk) std::this_thread::yield();
    }
    writer.Kill();
    while (read_one() == RingResult::kOk) {
    }
    auto heir = ring->TakeOverProducer(AttestedDeath(ring->ProducerHolder()));
    ASSERT_TRUE(heir);
    EXPECT_EQ(read_one(), RingResult::kEmpty);
    EXPECT_EQ(write(*heir, next), RingResult::kOk);
    EXPECT_EQ(read_one(), RingResult::kOk);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace placid
