// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_byte_ring.h"
#include "tests/primitives/broadcast_byte_traffic.h"
#include "tests/primitives/posix/killing_ledger.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kCapacity = 4096;
using Ring = BroadcastByteRing;

// Writers are killed wherever they happen to be, and replaced, beside readers in
// other processes, on pages they cannot write: for each of them all that it read
// and all that it lost is all that was ever written.
TEST(BroadcastByteRingKillStress, ReadersCountExactlyThroughTheDeathsOfWriters) {
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
    readers.push_back(std::make_unique<Child>([&views, seed, i] {
      auto reader = Ring::AttachReadOnly(views.second(), StartAt::kOldest,
                                         static_cast<StartAt>(i % 4));
      ASSERT_TRUE(reader);
      BroadcastCounts counts;
      const std::uint64_t start = reader->number();
      std::minstd_rand dice(static_cast<unsigned>(seed + 1) +
                            static_cast<unsigned>(i));
      for (;;) {
        const RingResult result = ReadRecord(*reader, dice(), counts);
        if (result == RingResult::kClosed || ::testing::Test::HasFailure()) {
          break;
        }
        if (result != RingResult::kOk) std::this_thread::yield();
        if (dice() % 64 == 0 && result == RingResult::kOk) {
          Child::AnotherMinute();
        }
      }
      EXPECT_EQ(counts.read + counts.lost, reader->number() - start);
      EXPECT_GT(counts.read, 0u);
      EXPECT_EQ(Ring::AttachReadOnly(views.second(), StartAt::kNext)->number(),
                reader->number());
    }));
  }
  const auto number = [&] {
    return ring->MakeReader(StartAt::kNext).number();
  };
  std::uint64_t written = 0;
  std::uint64_t idle = 0;
  for (int kill = 0; kill < kills; ++kill) {
    Child child([&] {
      const RoleHolder holder = ring->WriterHolder();
      auto writer = holder.is_free()
                        ? ring->ClaimWriter()
                        : ring->TakeOverWriter(AttestedDeath(holder));
      ASSERT_TRUE(writer);
      WriteUntil(*writer, UINT64_MAX, seed + static_cast<unsigned>(kill));
    });
    // Most of them once they write, some at any time.
    if (random() % 8 != 0) {
      while (number() == written) std::this_thread::yield();
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
    }
    child.Kill();
    EXPECT_GE(number(), written) << "what was written is lost";
    idle += number() == written;
    written = number();
  }
  const RoleHolder holder = ring->WriterHolder();
  auto last = holder.is_free() ? ring->ClaimWriter()
                               : ring->TakeOverWriter(AttestedDeath(holder));
  ASSERT_TRUE(last);
  std::move(*last).Close();
  for (auto& reader : readers) EXPECT_TRUE(reader->EndsWell());
  std::printf("%d writers killed, %llu of them before they had written; %llu "
              "records\n",
              kills, static_cast<unsigned long long>(idle),
              static_cast<unsigned long long>(written));
  EXPECT_LT(idle, static_cast<std::uint64_t>(kills));
}

}  // namespace
}  // namespace placid::testing
