// SPDX-License-Identifier: Apache-2.0
//
// Capacities of SpscRing that do not fit, lie or change.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <numeric>

#include "placid/primitives/spsc_ring.h"
#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

using testing::CheckedValue;
using testing::GuardedBytes;

// The product of a capacity and an element overflows: still too small a place.
TEST(SpscRingCapacityTest, CapacitiesWhoseBytesOverflowDoNotFit) {
  using Ring = SpscRing<CheckedValue<9>>;
  const GuardedBytes bytes(4096);
  EXPECT_EQ(Ring::SizeFor(kMaxCapacity), UINT64_MAX);
  EXPECT_EQ(Ring::Create(bytes.bytes(), kMaxCapacity).error().code,
            ErrorCode::kTooSmall);
  EXPECT_EQ(Ring::Create(bytes.bytes(), 1024).error().code,
            ErrorCode::kTooSmall);
}

TEST(SpscRingCapacityTest, AFixedRingIsCreatedWithItsOwnCapacityOnly) {
  const GuardedBytes bytes(4096);
  EXPECT_EQ(
      (SpscRing<std::uint64_t, 8>::Create(bytes.bytes(), 16)).error().code,
      ErrorCode::kInvalidArgument);
}

// Attaching believes no capacity that the bytes cannot hold.
TEST(SpscRingCapacityTest, ALyingCapacityIsCorrupt) {
  using Ring = SpscRing<std::uint64_t>;
  const GuardedBytes bytes(Ring::SizeFor(8));
  ASSERT_TRUE(Ring::Create(bytes.bytes(), 8));
  auto& memory = *reinterpret_cast<Ring::Memory*>(bytes.bytes().data());
  for (const std::uint64_t lie :
       {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{16}, kMaxCapacity,
        kMaxCapacity * 2, std::uint64_t{1} << 63, UINT64_MAX}) {
    memory.capacity.store(lie, kRelaxed);
    const auto ring = Ring::Attach(bytes.bytes());
    ASSERT_FALSE(ring) << lie;
    EXPECT_EQ(ring.error().code, ErrorCode::kCorrupt);
    EXPECT_STREQ(ring.error().field, "capacity");
    EXPECT_EQ(ring.error().found, lie);
  }
  memory.capacity.store(4, kRelaxed);
  EXPECT_TRUE(Ring::Attach(bytes.bytes())) << "fewer than fit is no lie";
}

// A capacity that changes later is never read again.
TEST(SpscRingCapacityTest, ACapacityThatChangesLaterIsNotLookedAt) {
  using Ring = SpscRing<std::uint64_t>;
  const GuardedBytes bytes(Ring::SizeFor(8));
  const auto ring = Ring::Create(bytes.bytes(), 8);
  auto producer = ring->ClaimProducer();
  auto& memory = *reinterpret_cast<Ring::Memory*>(bytes.bytes().data());
  memory.capacity.store(kMaxCapacity, kRelaxed);
  for (std::uint64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(producer->TryPush(i), RingResult::kOk);
  }
  EXPECT_EQ(producer->TryPush(8), RingResult::kFull);
}

// The pads and the far end are nobody's: the layout says they stay zero.
TEST(SpscRingCapacityTest, UseLeavesThePadsZero) {
  using Ring = SpscRing<std::uint64_t, 8>;
  const GuardedBytes bytes(Ring::SizeFor());
  const auto ring = Ring::Attach(bytes.bytes());
  auto producer = ring->ClaimProducer();
  auto consumer = ring->ClaimConsumer();
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < 100; ++i) {
    (void)producer->TryPush(~std::uint64_t{0});
    (void)consumer->TryPop(value);
  }
  producer->Close();
  consumer->Close();
  const auto& memory =
      *reinterpret_cast<const Ring::Memory*>(bytes.bytes().data());
  const auto sum = [](const auto& pad) {
    return std::accumulate(pad.begin(), pad.end(), 0u,
                           [](unsigned all, std::byte byte) {
                             return all + std::to_integer<unsigned>(byte);
                           });
  };
  EXPECT_EQ(sum(memory.pad0) + sum(memory.pad1) + sum(memory.pad2), 0u);
}

}  // namespace
}  // namespace placid
