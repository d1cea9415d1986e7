// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "placid/primitives/broadcast_byte_ring.h"
#include "tests/primitives/broadcast_byte_traffic.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kRecords = kIsTsan ? 15'000 : 150'000;
constexpr std::size_t kReaders = 3;

// A record that was overwritten while it was read shows as torn or as another; a
// loss that was counted wrongly as one that does not fit its number.
TEST(BroadcastByteRingStress, ReadersKnowWhatTheyRead) {
  for (const std::uint64_t capacity : {1024u, 4096u, 65536u}) {
    const std::uint64_t seed = DrawSeed();
    const GuardedBytes guarded(BroadcastByteRing::SizeFor(capacity));
    const auto ring = BroadcastByteRing::Create(guarded.bytes(), capacity);
    ASSERT_TRUE(ring);
    auto writer = ring->ClaimWriter();
    ASSERT_TRUE(writer);
    static constexpr std::array kAgain = {StartAt::kMiddle, StartAt::kOldest,
                                          StartAt::kNewest};
    std::array<BroadcastCounts, kReaders> counts;
    std::array<std::thread, kReaders> readers;
    for (std::size_t i = 0; i < kReaders; ++i) {
      readers[i] = std::thread([&, i] {
        counts[i] = ReadRecordsToTheEnd(
            ring->MakeReader(StartAt::kOldest, kAgain[i]), kRecords,
            seed + 1 + i);
      });
    }
    WriteUntil(*writer, kRecords, seed);
    std::move(*writer).Close();
    for (std::thread& reader : readers) reader.join();
    for (const BroadcastCounts& count : counts) {
      EXPECT_GT(count.read, 0u);
      std::printf("%llu read, %llu lost, %llu looked at in vain\n",
                  static_cast<unsigned long long>(count.read),
                  static_cast<unsigned long long>(count.lost),
                  static_cast<unsigned long long>(count.refused));
    }
  }
}

}  // namespace
}  // namespace placid::testing
