// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_ring.h"
#include "tests/primitives/broadcast_traffic.h"
#include "tests/primitives/posix/killing_ledger.h"
#include "tests/support/checked_value.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kValues = kIsTsan ? 20'000 : 200'000;
constexpr std::uint64_t kCapacity = 64;
using T = CheckedValue<9>;
using Ring = BroadcastRing<T>;

// Nothing in the bytes may mean an address, and readers may not need to write:
// they have other addresses, read-only, in other processes.
TEST(BroadcastRingForkStress, ReadersInOtherProcessesKnowWhatTheyRead) {
  const std::uint64_t seed = DrawSeed();
  TwoViews views(Ring::SizeFor(kCapacity));
  const auto ring = Ring::Create(views.first(), kCapacity);
  ASSERT_TRUE(ring);
  views.MakeSecondReadOnly();
  const auto read = [&](std::uint64_t reader_seed) {
    const auto reader = Ring::AttachReadOnly(views.second());
    ASSERT_TRUE(reader);
    EXPECT_GT(ReadToTheEnd<T>(*reader, kValues, reader_seed).read, 0u);
  };
  Child first([&] { read(seed + 1); });
  Child second([&] { read(seed + 2); });
  auto writer = ring->ClaimWriter();
  ASSERT_TRUE(writer);
  PushUntil<T>(*writer, kValues, seed);
  std::move(*writer).Close();
  EXPECT_TRUE(first.EndsWell());
  EXPECT_TRUE(second.EndsWell());
}

// Stopped, not dead: readers read what is there and then find nothing, for as
// long as it lasts.
TEST(BroadcastRingForkStress, AStoppedWriterLeavesReadersWithNothingNew) {
  const std::uint64_t seed = DrawSeed();
  const TwoViews views(Ring::SizeFor(kCapacity));
  const auto ring = Ring::Create(views.first(), kCapacity);
  ASSERT_TRUE(ring);
  Child child([&] {
    auto writer = Ring::Attach(views.second())->ClaimWriter();
    ASSERT_TRUE(writer);
    PushUntil<T>(*writer, UINT64_MAX, seed);
  });
  auto reader = ring->MakeReader();
  BroadcastCounts counts;
  const auto read_until = [&](RingResult wanted) {
    std::minstd_rand random(static_cast<unsigned>(seed + 1));
    while (ReadSome<T>(reader, random(), counts) != wanted &&
           !::testing::Test::HasFailure()) {
    }
  };
  for (int stop = 0; stop < 20; ++stop) {
    read_until(RingResult::kOk);
    child.Stop();
    // The stop may fall anywhere in a push.
    read_until(RingResult::kEmpty);
    for (int look = 0; look < 100; ++look) {
      ASSERT_EQ(ReadSome<T>(reader, 0, counts), RingResult::kEmpty);
    }
    EXPECT_EQ(ring->ClaimWriter().error().code, ErrorCode::kRoleTaken);
    child.Signal(SIGCONT);
  }
  read_until(RingResult::kOk);
  child.Kill();
}

// Writers are killed wherever they happen to be, and replaced: for each reader
// all that it read and all that it lost is all that was ever pushed.
TEST(BroadcastRingKillStress, ReadersCountExactlyThroughTheDeathsOfWriters) {
  constexpr int kReaders = 10;
  const std::uint64_t seed = DrawSeed();
  std::minstd_rand random(static_cast<unsigned>(seed));
  const int kills = static_cast<int>(Kills());
  TwoViews views(Ring::SizeFor(kCapacity));
  const auto ring = Ring::Create(views.first(), kCapacity);
  ASSERT_TRUE(ring);
  views.MakeSecondReadOnly();
  std::vector<std::unique_ptr<Child>> readers;
  for (int i = 0; i < kReaders; ++i) {
    readers.push_back(std::make_unique<Child>([&views, &random, i] {
      auto reader = Ring::AttachReadOnly(views.second(), StartAt::kOldest,
                                         static_cast<StartAt>(i % 4));
      ASSERT_TRUE(reader);
      BroadcastCounts counts;
      const std::uint64_t start = reader->position();
      std::minstd_rand dice(static_cast<unsigned>(random()) +
                            static_cast<unsigned>(i));
      for (;;) {
        const RingResult result = ReadSome<T>(*reader, dice(), counts);
        if (result == RingResult::kClosed || ::testing::Test::HasFailure()) {
          break;
        }
        if (result != RingResult::kOk) std::this_thread::yield();
        if (dice() % 64 == 0 && result == RingResult::kOk) {
          Child::AnotherMinute();
        }
      }
      EXPECT_EQ(counts.read + counts.lost, reader->position() - start);
      EXPECT_GT(counts.read, 0u);
      EXPECT_EQ(Ring::AttachReadOnly(views.second(), StartAt::kNext)
                    ->position(),
                reader->position());
    }));
  }
  const auto position = [&] {
    return ring->MakeReader(StartAt::kNext).position();
  };
  std::uint64_t pushed = 0;
  std::uint64_t idle = 0;
  for (int kill = 0; kill < kills; ++kill) {
    Child child([&] {
      const RoleHolder holder = ring->WriterHolder();
      auto writer = holder.is_free()
                        ? ring->ClaimWriter()
                        : ring->TakeOverWriter(AttestedDeath(holder));
      ASSERT_TRUE(writer);
      PushUntil<T>(*writer, UINT64_MAX, seed + static_cast<unsigned>(kill));
    });
    // Most of them once they push, some at any time.
    if (random() % 8 != 0) {
      while (position() == pushed) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
    }
    child.Kill();
    EXPECT_GE(position(), pushed) << "what was pushed is lost";
    idle += position() == pushed;
    pushed = position();
  }
  const RoleHolder holder = ring->WriterHolder();
  auto last = holder.is_free() ? ring->ClaimWriter()
                               : ring->TakeOverWriter(AttestedDeath(holder));
  ASSERT_TRUE(last);
  std::move(*last).Close();
  for (auto& reader : readers) EXPECT_TRUE(reader->EndsWell());
  std::printf("%d writers killed, %llu of them before they had pushed; %llu "
              "values\n",
              kills, static_cast<unsigned long long>(idle),
              static_cast<unsigned long long>(pushed));
  EXPECT_LT(idle, static_cast<std::uint64_t>(kills));
}

}  // namespace
}  // namespace placid::testing
