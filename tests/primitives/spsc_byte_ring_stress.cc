// SPDX-License-Identifier: Apache-2.0
//
// Two threads, one mapping. ThreadSanitizer sees a slot that is overwritten
// before its last read or read before its last write; the contents show it
// elsewhere.
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>

#include "placid/base/platform.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "tests/primitives/byte_stream.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

using testing::ByteStream;
using testing::GuardedBytes;
using Ring = SpscByteRing;

struct Case {
  std::uint64_t capacity;
  std::uint64_t start;
  Pace pace;
};

// Fewer where each access costs a hundred times more.
constexpr std::uint64_t kCount = kIsTsan ? 20'000 : 100'000;

class SpscByteRingStress : public ::testing::TestWithParam<Case> {};

TEST_P(SpscByteRingStress, RecordsArriveWholeAndInOrder) {
  const auto [capacity, start, pace] = GetParam();
  const std::uint64_t seed = testing::DrawSeed();
  const GuardedBytes guarded(Ring::SizeFor(capacity));
  const auto ring = Ring::Create(guarded.bytes(), capacity);
  ASSERT_TRUE(ring);
  auto* memory = reinterpret_cast<Ring::Memory*>(guarded.bytes().data());
  memory->tail.store(start, kRelaxed);
  memory->head.store(start, kRelaxed);

  std::thread writer([&ring, seed] {
    ByteStream::Write(*ring->ClaimProducer(), seed, kCount);
  });
  const std::uint64_t read = ByteStream::Read(*ring->ClaimConsumer(pace), seed,
                                              ring->MostRecordBytes());
  // A reader that gave up must not leave the writer waiting.
  if (read != kCount) ring->ClaimConsumer()->Close();
  writer.join();
  EXPECT_EQ(read, kCount);
}

INSTANTIATE_TEST_SUITE_P(
    Rings, SpscByteRingStress,
    ::testing::Values(Case{64, 0, Pace::kPrompt},
                      Case{64, std::uint64_t{0} - 4096, Pace::kStreaming},
                      Case{4096, std::uint64_t{1} << 32, Pace::kPrompt},
                      Case{4096, std::uint64_t{0} - 8, Pace::kStreaming},
                      Case{65536, 8, Pace::kStreaming}));

}  // namespace
}  // namespace placid
