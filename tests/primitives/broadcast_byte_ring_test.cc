// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/broadcast_byte_ring.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <utility>

#include "tests/primitives/broadcast_byte_ring_fixture.h"
#include "tests/support/die.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

static_assert(BroadcastByteRing::kGuarantees.readers == Readers::kStoreFree);

INSTANTIATE_TEST_SUITE_P(Capacities, BroadcastByteRingTest,
                         ::testing::Values(256, 1024, 8192));

TEST_P(BroadcastByteRingTest, EveryReaderReadsEveryRecordInOrder) {
  for (const std::uint64_t start : kByteStarts) {
    StartFrom(start);
    auto writer = *ring_.ClaimWriter();
    auto first = ring_.MakeReader();
    auto second = ring_.MakeReader();
    EXPECT_EQ(first.number(), start);
    ExpectReadGives(first, RingResult::kEmpty);
    for (std::uint64_t number = start; number != start + 300; ++number) {
      Write(writer, 1);
      ExpectReads(first, number);
      ExpectReadGives(first, RingResult::kEmpty);
      if (number % 2 == 1) {
        ExpectReads(second, number - 1);
        ExpectReads(second, number);
      }
    }
  }
}

// At least five eighths of the bytes are whole, and all of them are records.
TEST_P(BroadcastByteRingTest, TheNewestFiveEighthsAreWhole) {
  for (const std::uint64_t start : kByteStarts) {
    StartFrom(start);
    auto writer = *ring_.ClaimWriter();
    for (std::uint64_t i = 1; i <= 300; ++i) {
      const std::uint64_t before = Kept();
      Write(writer, 1);
      EXPECT_LE(Kept(), capacity_ - Ring::kHeaderBytes);
      EXPECT_TRUE(Kept() > before || Kept() + Ring::kHeaderBytes >=
                                         capacity_ / 8 * 5);
      auto reader = ring_.MakeReader(StartAt::kOldest);
      const std::uint64_t oldest = reader.number();
      for (std::uint64_t n = oldest; n != start + i; ++n) {
        ExpectReads(reader, n);
      }
      ExpectReadGives(reader, RingResult::kEmpty);
    }
  }
}

// Lapped or not: all that was read and all that was lost is all there was.
TEST_P(BroadcastByteRingTest, ReadAndLostAddUpToWritten) {
  std::minstd_rand random(static_cast<unsigned>(DrawSeed()));
  for (const std::uint64_t start : kByteStarts) {
    for (const StartAt again : {StartAt::kOldest, StartAt::kMiddle,
                                StartAt::kNewest, StartAt::kNext}) {
      StartFrom(start);
      auto writer = *ring_.ClaimWriter();
      auto reader = ring_.MakeReader(StartAt::kOldest, again);
      std::uint64_t read = 0;
      std::uint64_t lost = 0;
      for (int round = 0; round < 100; ++round) {
        Write(writer, random() % 40);
        for (auto reads = random() % 20; reads > 0; --reads) {
          const RingResult result = Read(reader, lost);
          read += result == RingResult::kOk;
          ASSERT_EQ(reader.number() - start, read + lost);
          if (result != RingResult::kOk) {
            ASSERT_EQ(result, RingResult::kEmpty);
            break;
          }
        }
      }
      const std::uint64_t written = writer.number() - start;
      std::move(writer).Close();
      RingResult result = RingResult::kOk;
      while (result == RingResult::kOk || result == RingResult::kEmpty) {
        result = Read(reader, lost);
        read += result == RingResult::kOk;
      }
      EXPECT_EQ(result, RingResult::kClosed);
      EXPECT_EQ(read + lost, written);
      EXPECT_GT(lost, 0u);
    }
  }
}

TEST_P(BroadcastByteRingTest, AReaderBeginsWhereItWasTold) {
  for (const std::uint64_t start : kByteStarts) {
    StartFrom(start);
    for (const StartAt at : {StartAt::kOldest, StartAt::kMiddle,
                             StartAt::kNewest, StartAt::kNext}) {
      EXPECT_EQ(ring_.MakeReader(at).number(), start);
    }
    auto writer = *ring_.ClaimWriter();
    Write(writer, 300);
    const std::uint64_t end = start + 300;
    const std::uint64_t oldest = ring_.MakeReader(StartAt::kOldest).number();
    const std::uint64_t middle = ring_.MakeReader(StartAt::kMiddle).number();
    EXPECT_LT(end - middle, end - oldest);
    EXPECT_GT(end - middle, 1u);
    EXPECT_EQ(ring_.MakeReader(StartAt::kNewest).number(), end - 1);
    EXPECT_EQ(ring_.MakeReader(StartAt::kNext).number(), end);
    auto reader = ring_.MakeReader(StartAt::kMiddle);
    ExpectReads(reader, middle);
  }
}

TEST_P(BroadcastByteRingTest, WhatIsStagedIsSeenOncePublished) {
  auto writer = *ring_.ClaimWriter();
  auto reader = ring_.MakeReader();
  for (int round = 0; round < 50; ++round) {
    const std::uint64_t first = writer.number();
    for (int i = 0; i < 2; ++i) {
      const Record record = Make(writer.number());
      std::span<std::byte> payload;
      ASSERT_EQ(writer.TryReserve(record.size(), payload), RingResult::kOk);
      ASSERT_EQ(payload.size(), record.size());
      std::ranges::copy(record, payload.begin());
      EXPECT_TRUE(writer.Stage(record.size()));
      EXPECT_FALSE(writer.Stage(record.size())) << "staged twice";
    }
    writer.Publish();
    std::uint64_t lost = 0;
    while (reader.number() != first + 2) {
      ASSERT_EQ(Read(reader, lost), RingResult::kOk);
    }
    EXPECT_EQ(lost, 0u);
    ExpectReadGives(reader, RingResult::kEmpty);
  }
}

// More than the ring holds, staged: it is published before it would lap itself.
TEST_P(BroadcastByteRingTest, StagingMoreThanFitsPublishesByItself) {
  auto writer = *ring_.ClaimWriter();
  auto reader = ring_.MakeReader(StartAt::kOldest, StartAt::kOldest);
  for (int i = 0; i < 200; ++i) {
    const Record record = Make(writer.number());
    std::span<std::byte> payload;
    ASSERT_EQ(writer.TryReserve(record.size(), payload), RingResult::kOk);
    std::ranges::copy(record, payload.begin());
    ASSERT_TRUE(writer.Stage(record.size()));
    EXPECT_LE(Kept(), capacity_);
  }
  writer.Publish();
  std::uint64_t read = 0;
  std::uint64_t lost = 0;
  while (Read(reader, lost) == RingResult::kOk) ++read;
  EXPECT_EQ(read + lost, 200u);
}

TEST_P(BroadcastByteRingTest, AnAbortedRecordIsNothing) {
  auto writer = *ring_.ClaimWriter();
  auto reader = ring_.MakeReader();
  std::span<std::byte> payload;
  for (std::uint64_t number = 0; number < 100; ++number) {
    ASSERT_EQ(writer.TryReserve(9, payload), RingResult::kOk);
    payload[0] = std::byte{1};
    writer.Abort();
    EXPECT_FALSE(writer.Commit(9));
    Write(writer, 1);
    ExpectReads(reader, number);
  }
  // Fewer than were reserved.
  ASSERT_EQ(writer.TryReserve(16, payload), RingResult::kOk);
  payload[0] = std::byte{7};
  EXPECT_TRUE(writer.Commit(1));
  std::array<std::byte, 4> to{};
  std::size_t length = 0;
  std::uint64_t lost = 0;
  EXPECT_EQ(reader.TryRead(to, length, lost), RingResult::kOk);
  EXPECT_EQ(length, 1u);
  EXPECT_EQ(to[0], std::byte{7});
}

TEST_P(BroadcastByteRingTest, TheLongestRecordTakesAnEighth) {
  auto writer = *ring_.ClaimWriter();
  auto reader = ring_.MakeReader();
  EXPECT_EQ(ring_.MostRecordBytes(), capacity_ / 8 - Ring::kHeaderBytes);
  const Record longest(static_cast<std::size_t>(ring_.MostRecordBytes()),
                       std::byte{3});
  const Record too_long(longest.size() + 1);
  for (int i = 0; i < 30; ++i) {
    EXPECT_EQ(writer.TryPush(too_long), RingResult::kFull);
    EXPECT_EQ(writer.TryPush(longest), RingResult::kOk);
    // Cut to what there is room for; the length says so.
    std::array<std::byte, 3> to{};
    std::size_t length = 0;
    std::uint64_t lost = 0;
    EXPECT_EQ(reader.TryRead(to, length, lost), RingResult::kOk);
    EXPECT_EQ(length, longest.size());
    EXPECT_EQ(to[2], std::byte{3});
  }
}

TEST_P(BroadcastByteRingTest, APeekedRecordIsReadOnceValidated) {
  for (const std::uint64_t start : kByteStarts) {
    StartFrom(start);
    auto writer = *ring_.ClaimWriter();
    auto reader = ring_.MakeReader(StartAt::kOldest, StartAt::kOldest);
    SharedBytes record;
    std::uint64_t lost = 9;
    EXPECT_EQ(reader.TryPeek(record, lost), RingResult::kEmpty);
    EXPECT_TRUE(reader.Validate()) << "of nothing nothing is torn";
    Write(writer, 2);
    ASSERT_EQ(reader.TryPeek(record, lost), RingResult::kOk);
    ASSERT_EQ(reader.TryPeek(record, lost), RingResult::kOk) << "again";
    EXPECT_EQ(record.size(), Make(start).size());
    EXPECT_TRUE(reader.Validate());
    EXPECT_EQ(reader.number(), start + 1);
    // Lapped while it is looked at.
    ASSERT_EQ(reader.TryPeek(record, lost), RingResult::kOk);
    while (ring_.MakeReader().number() - start < 2) Write(writer, 1);
    EXPECT_FALSE(reader.Validate());
    EXPECT_EQ(reader.number(), start + 1);
    const std::uint64_t oldest = ring_.MakeReader().number();
    ExpectReads(reader, oldest, oldest - start - 1);
  }
}

TEST_P(BroadcastByteRingTest, AfterCloseAllIsReadAndThenClosed) {
  auto writer = *ring_.ClaimWriter();
  auto reader = ring_.MakeReader();
  Write(writer, 1);
  std::span<std::byte> payload;
  ASSERT_EQ(writer.TryReserve(4, payload), RingResult::kOk);
  std::move(writer).Close();
  ExpectReads(reader, 0);
  ExpectReadGives(reader, RingResult::kClosed);
  ExpectReadGives(reader, RingResult::kClosed);
  const auto refused = ring_.ClaimWriter();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kClosed);
}

// Its successor knows of each record where it begins.
TEST_P(BroadcastByteRingTest, ASuccessorGoesOnWhereTheDeadOneWas) {
  for (const std::uint64_t start : kByteStarts) {
    StartFrom(start);
    std::uint64_t written = 0;
    auto reader = ring_.MakeReader(StartAt::kOldest, StartAt::kOldest);
    std::uint64_t read = 0;
    std::uint64_t lost = 0;
    for (int life = 0; life < 60; ++life) {
      const RoleHolder holder = ring_.WriterHolder();
      auto writer = holder.is_free()
                        ? ring_.ClaimWriter()
                        : ring_.TakeOverWriter(AttestedDeath(holder));
      ASSERT_TRUE(writer);
      EXPECT_EQ(writer->number(), start + written);
      Write(*writer, static_cast<std::uint64_t>(life % 9));
      written += static_cast<std::uint64_t>(life % 9);
      // It dies with a record in hand, and one staged.
      std::span<std::byte> payload;
      ASSERT_EQ(writer->TryReserve(static_cast<std::size_t>(life % 16), payload),
                RingResult::kOk);
      std::ranges::fill(payload, std::byte{0xEE});
      if (life % 2 == 0) writer->Stage(payload.size());
      Die(*std::move(writer));
      while (life % 3 == 0 && Read(reader, lost) == RingResult::kOk) ++read;
    }
    while (Read(reader, lost) == RingResult::kOk) ++read;
    EXPECT_EQ(read + lost, written);
  }
}

// Store-free: one store would end the test.
TEST_P(BroadcastByteRingTest, ReadersWorkOnReadOnlyPages) {
  {
    auto writer = *ring_.ClaimWriter();
    Write(writer, 100);
    std::move(writer).Close();
  }
  guarded_.MakeReadOnly();
  auto reader = Ring::AttachReadOnly(guarded_.bytes(), StartAt::kOldest);
  ASSERT_TRUE(reader);
  SharedBytes record;
  std::uint64_t lost = 0;
  EXPECT_EQ(reader->TryPeek(record, lost), RingResult::kOk);
  EXPECT_TRUE(reader->Validate());
  while (reader->number() != 100) ExpectReads(*reader, reader->number());
  ExpectReadGives(*reader, RingResult::kClosed);
}

}  // namespace
}  // namespace placid::testing
