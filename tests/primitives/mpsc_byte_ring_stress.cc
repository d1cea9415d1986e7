// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "placid/primitives/mpsc_byte_ring.h"
#include "tests/primitives/many_traffic.h"
#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"
#include "tests/support/value_records.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kRecordProducers = 3;
constexpr std::uint64_t kRecords = kIsTsan ? 6'000 : 40'000;

template <std::size_t kWords, std::size_t kMostBehind, std::uint64_t kNumber,
          Pace kHow>
struct RecordCase {
  using T = CheckedValue<kWords>;
  using Ring = ValueRecords<T, kMostBehind>;
  static constexpr std::uint64_t kGranules = kNumber;
  static constexpr Pace kPace = kHow;
};

template <typename Case>
class MpscByteRingStress : public ::testing::Test {};
using RecordCases = ::testing::Types<RecordCase<1, 40, 1, Pace::kPrompt>,
                                     RecordCase<1, 200, 8, Pace::kPrompt>,
                                     RecordCase<9, 100, 64, Pace::kStreaming>,
                                     RecordCase<2, 30, 1024, Pace::kStreaming>>;
TYPED_TEST_SUITE(MpscByteRingStress, RecordCases);

// A granule of two producers, or one that is published before it is written or
// written before it is read, shows as a record that is not whole; a lost or
// repeated one in the numbers. All threads through one mapping, which
// ThreadSanitizer watches; a fourth clears up after dead who had nothing.
TYPED_TEST(MpscByteRingStress, RecordsArriveWholeAndInEachProducersOrder) {
  using T = typename TypeParam::T;
  const std::uint64_t seed = DrawSeed();
  const GuardedBytes guarded(TypeParam::Ring::SizeFor(TypeParam::kGranules));
  const auto ring =
      TypeParam::Ring::Create(guarded.bytes(), TypeParam::kGranules);
  ASSERT_TRUE(ring);
  auto consumer = ring->ClaimConsumer(TypeParam::kPace);
  ASSERT_TRUE(consumer);
  std::vector<std::thread> others;
  for (std::uint64_t i = 0; i < kRecordProducers; ++i) {
    others.emplace_back([&, i] {
      auto producer = ring->ClaimProducer(*OwnerId::Of(i + 1, 1));
      ASSERT_TRUE(producer);
      PushStream<T>(*producer, i, kRecords, seed);
    });
  }
  others.emplace_back([&] {
    for (int i = 0; i < 200; ++i) {
      EXPECT_FALSE(ring->Recover(DeadOwner::Attested(*OwnerId::Of(9, 1))));
      std::this_thread::yield();
    }
  });
  PopStreams<T>(*consumer, kRecordProducers, kRecords, seed);
  // Lets producers go that would wait for a consumer that has given up.
  consumer->Close();
  for (std::thread& other : others) other.join();
}

}  // namespace
}  // namespace placid::testing
