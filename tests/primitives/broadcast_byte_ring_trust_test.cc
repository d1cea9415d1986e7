// SPDX-License-Identifier: Apache-2.0
//
// BroadcastByteRing and what cannot be: lengths, numbers, counts, capacities.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "placid/primitives/broadcast_byte_ring.h"
#include "tests/primitives/broadcast_byte_ring_fixture.h"
#include "tests/support/die.h"
#include "tests/support/guarded_bytes.h"

namespace placid::testing {
namespace {

using BroadcastByteRingTrustTest = BroadcastByteRingTest;
INSTANTIATE_TEST_SUITE_P(Capacities, BroadcastByteRingTrustTest,
                         ::testing::Values(256, 1024, 8192));

TEST_P(BroadcastByteRingTrustTest, LengthsAndKindsThatCannotBeAreCorrupt) {
  for (const std::uint64_t lie :
       {std::uint64_t{0}, std::uint64_t{1} << 32 | 0xFFFF'FFFF,
        std::uint64_t{1} << 32 | capacity_, std::uint64_t{2} << 32,
        std::uint64_t{3} << 32, UINT64_MAX}) {
    StartFrom(0);
    auto writer = ring_.ClaimWriter();
    auto reader = ring_.MakeReader();
    Write(*writer, 1);
    Word(8).store(lie, kRelaxed);
    ExpectReadGives(reader, RingResult::kCorrupt);
    ExpectReadGives(reader, RingResult::kCorrupt);
    Die(*std::move(writer));
    const auto heir = ring_.TakeOverWriter(AttestedDeath(ring_.WriterHolder()));
    ASSERT_FALSE(heir);
    EXPECT_EQ(heir.error().code, ErrorCode::kCorrupt);
    EXPECT_TRUE(ring_.WriterHolder().is_free()) << "the claim was kept";
  }
}

TEST_P(BroadcastByteRingTrustTest, NumbersAndCountsThatLieAreCorrupt) {
  StartFrom(0);
  auto writer = *ring_.ClaimWriter();
  auto reader = ring_.MakeReader();
  Write(writer, 1);
  Word(0).store(5, kRelaxed);
  ExpectReadGives(reader, RingResult::kCorrupt);
  Word(0).store(0, kRelaxed);
  const std::uint64_t tail = memory().tail.load(kRelaxed);
  for (const std::uint64_t lie :
       {tail + 8, std::uint64_t{0} - 16, std::uint64_t{1} << 63}) {
    memory().tail.store(lie, kRelaxed);
    auto fresh = ring_.MakeReader();
    ExpectReadGives(fresh, RingResult::kCorrupt);
  }
  memory().tail.store(tail, kRelaxed);
  memory().oldest.store(tail + 16, kRelaxed);
  ExpectReadGives(reader, RingResult::kCorrupt);
  memory().oldest.store(0, kRelaxed);
  ExpectReads(reader, 0);
}

TEST(BroadcastByteRingCapacityTest, ImpossibleCapacitiesAreRefused) {
  using Ring = BroadcastByteRing;
  const GuardedBytes bytes(64 * 1024);
  for (const std::uint64_t capacity :
       {std::uint64_t{0}, std::uint64_t{128}, std::uint64_t{768},
        kMaxCapacity * 2, UINT64_MAX}) {
    const auto ring = Ring::Create(bytes.bytes(), capacity);
    ASSERT_FALSE(ring);
    EXPECT_EQ(ring.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(Ring::SizeFor(capacity), UINT64_MAX);
  }
  ASSERT_TRUE(Ring::Create(bytes.bytes(), 256));
  auto& memory = *reinterpret_cast<Ring::Memory*>(bytes.bytes().data());
  for (const std::uint64_t lie : {std::uint64_t{128}, std::uint64_t{1} << 20}) {
    memory.capacity.store(lie, kRelaxed);
    EXPECT_EQ(Ring::Attach(bytes.bytes()).error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(Ring::AttachReadOnly(bytes.bytes()).error().code,
              ErrorCode::kCorrupt);
  }
}

}  // namespace
}  // namespace placid::testing
