// SPDX-License-Identifier: Apache-2.0
//
// BroadcastRing: reading and writing in place, read-only pages, roles and
// deaths, and counts that lie.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_ring.h"
#include "tests/primitives/broadcast_ring_fixture.h"
#include "tests/support/die.h"

namespace placid::testing {
namespace {

template <typename Case>
class BroadcastRingPlaceTest : public BroadcastRingTest<Case> {};
TYPED_TEST_SUITE(BroadcastRingPlaceTest, BroadcastCases);

// ---- In place

TYPED_TEST(BroadcastRingPlaceTest, ReservedSlotsAreSeenOnceCommitted) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    auto reader = this->ring_.MakeReader();
    EXPECT_TRUE(writer->Reserve(0).empty());
    EXPECT_EQ(writer->Commit(1), 0u);
    std::uint64_t next = start;
    for (std::uint64_t round = 0; round < 3 * this->kCapacity; ++round) {
      const auto slots = writer->Reserve(2);
      ASSERT_GE(slots.size(), 1u);
      ASSERT_LE(slots.size(), 2u);
      for (std::size_t i = 0; i < slots.size(); ++i) {
        slots[i] = TypeParam::T::Of(next + i);
      }
      this->ExpectReadGives(reader, RingResult::kEmpty);
      EXPECT_EQ(writer->Commit(99), slots.size());
      EXPECT_EQ(writer->Commit(1), 0u) << "committed twice";
      for (std::size_t i = 0; i < slots.size(); ++i) {
        this->ExpectReads(reader, next++);
      }
    }
  }
}

TYPED_TEST(BroadcastRingPlaceTest, AReservationIsAtMostAnEighthAndInARow) {
  for (std::uint64_t at = 0; at < 2 * this->kCapacity; ++at) {
    this->StartFrom(at);
    auto writer = this->ring_.ClaimWriter();
    const std::uint64_t in_row = this->kCapacity - at % this->kCapacity;
    EXPECT_EQ(writer->Reserve(1000).size(), std::min(this->kStep, in_row));
    EXPECT_EQ(this->Oldest(), at) << "gave up values without need";
  }
}

// The same as a death: what was in the slots is lost, the next value takes the
// position.
TYPED_TEST(BroadcastRingPlaceTest, WhatIsNotCommittedIsForgotten) {
  auto writer = this->ring_.ClaimWriter();
  this->Push(*writer, this->kCapacity);
  auto reader = this->ring_.MakeReader(StartAt::kOldest, StartAt::kOldest);
  auto slots = writer->Reserve(1);
  slots[0] = TypeParam::T::Of(5);
  EXPECT_EQ(writer->Commit(0), 0u);
  slots = writer->Reserve(1);
  this->Push(*writer, 1);
  EXPECT_EQ(writer->Commit(1), 0u) << "any other call ends a reservation";
  for (std::uint64_t i = this->kStep; i <= this->kCapacity; ++i) {
    this->ExpectReads(reader, i, i == this->kStep ? this->kStep : 0);
  }
  this->ExpectReadGives(reader, RingResult::kEmpty);
}

TYPED_TEST(BroadcastRingPlaceTest, PeekedValuesAreReadOnceValidated) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    auto reader = this->ring_.MakeReader();
    SharedSpan<typename TypeParam::T> values;
    std::uint64_t lost = 99;
    EXPECT_EQ(reader.TryPeek(0, values, lost), RingResult::kOk);
    EXPECT_EQ(reader.TryPeek(1, values, lost), RingResult::kEmpty);
    EXPECT_TRUE(values.empty());
    EXPECT_TRUE(reader.Validate(1)) << "of nothing nothing is torn";
    this->Push(*writer, this->kCapacity);
    std::uint64_t next = start;
    while (next != start + this->kCapacity) {
      ASSERT_EQ(reader.TryPeek(1000, values, lost), RingResult::kOk);
      const std::uint64_t in_row = this->kCapacity - next % this->kCapacity;
      ASSERT_EQ(values.size(),
                std::min(in_row, start + this->kCapacity - next));
      EXPECT_EQ(values[0].Load().number(), next);
      // Looked at again it is still there; validated, it is not.
      ASSERT_EQ(reader.TryPeek(1, values, lost), RingResult::kOk);
      EXPECT_EQ(values[0].Load().number(), next);
      EXPECT_TRUE(reader.Validate(7));
      EXPECT_EQ(reader.position(), ++next);
      EXPECT_TRUE(reader.Validate(1));
      EXPECT_EQ(reader.position(), next) << "validated twice";
    }
    EXPECT_EQ(reader.TryPeek(1, values, lost), RingResult::kEmpty);
  }
}

// The rule that makes a read whole, at both its sides: a value is first touched
// after the writer has moved oldest past it.
TYPED_TEST(BroadcastRingPlaceTest, NoValueThatWasTouchedIsValid) {
  for (const std::uint64_t start : kStarts) {
    for (std::uint64_t pushes = 0; pushes <= 2 * this->kCapacity; ++pushes) {
      this->StartFrom(start);
      auto writer = this->ring_.ClaimWriter();
      this->Push(*writer, this->kCapacity);
      auto reader = this->ring_.MakeReader(StartAt::kOldest);
      SharedSpan<typename TypeParam::T> values;
      std::uint64_t lost = 0;
      ASSERT_EQ(reader.TryPeek(1, values, lost), RingResult::kOk);
      this->Push(*writer, pushes);
      // One more is under way.
      const auto slots = writer->Reserve(1);
      slots[0] = TypeParam::T::Of(start - 5);
      EXPECT_NE(values[0].Load().number(), start);
      EXPECT_FALSE(reader.Validate(1));
      EXPECT_EQ(reader.position(), start);
    }
  }
}

// A writer that is elsewhere disturbs nobody.
TYPED_TEST(BroadcastRingPlaceTest, AValueThatIsNotTouchedIsValid) {
  if (this->kCapacity < 2) return;
  auto writer = this->ring_.ClaimWriter();
  this->Push(*writer, this->kCapacity);
  auto reader = this->ring_.MakeReader(StartAt::kOldest);
  SharedSpan<typename TypeParam::T> values;
  std::uint64_t lost = 0;
  for (std::uint64_t i = 0; i < this->kStep; ++i) this->ExpectReads(reader, i);
  this->Push(*writer, this->kStep);
  ASSERT_EQ(reader.TryPeek(1, values, lost), RingResult::kOk);
  EXPECT_EQ(lost, 0u);
  EXPECT_EQ(values[0].Load().number(), this->kStep);
  EXPECT_TRUE(reader.Validate(1));
}

// ---- Read-only pages

// Store-free: one store would end the test.
TYPED_TEST(BroadcastRingPlaceTest, ReadersWorkOnReadOnlyPages) {
  auto writer = this->ring_.ClaimWriter();
  this->Push(*writer, this->kCapacity + 2);
  (*std::move(writer)).Close();
  this->guarded_.MakeReadOnly();
  auto reader = TypeParam::Ring::AttachReadOnly(
      this->guarded_.bytes(), StartAt::kNewest, StartAt::kOldest);
  ASSERT_TRUE(reader);
  this->ExpectReads(*reader, this->kCapacity + 1);
  this->ExpectReadGives(*reader, RingResult::kClosed);
  auto all = *TypeParam::Ring::AttachReadOnly(this->guarded_.bytes());
  std::vector<typename TypeParam::T> values(this->kCapacity);
  std::size_t read = 0;
  std::uint64_t lost = 0;
  EXPECT_EQ(all.TryReadSome(values, read, lost), RingResult::kOk);
  EXPECT_EQ(read, this->Tail() - this->Oldest());
  SharedSpan<typename TypeParam::T> peeked;
  EXPECT_EQ(all.TryPeek(1, peeked, lost), RingResult::kClosed);
  EXPECT_TRUE(all.Validate(1));
}

TYPED_TEST(BroadcastRingPlaceTest, AReaderMayComeBeforeEverybodyElse) {
  GuardedBytes guarded(TypeParam::Ring::SizeFor(this->kCapacity));
  guarded.MakeReadOnly();
  auto reader = TypeParam::Ring::AttachReadOnly(guarded.bytes());
  if (!TypeParam::kIsFixed) {
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().code, ErrorCode::kNotInitialized);
    return;
  }
  ASSERT_TRUE(reader);
  this->ExpectReadGives(*reader, RingResult::kEmpty);
  EXPECT_EQ(reader->position(), 0u);
  guarded.MakeWritable();
  {
    auto writer = TypeParam::Ring::Attach(guarded.bytes())->ClaimWriter();
    this->Push(*writer, 1);
  }
  guarded.MakeReadOnly();
  this->ExpectReads(*reader, 0);
}

TYPED_TEST(BroadcastRingPlaceTest, VirginBytesThatBecameSomethingElseAreCorrupt) {
  if (!TypeParam::kIsFixed) return;
  const GuardedBytes guarded(TypeParam::Ring::SizeFor(this->kCapacity));
  auto reader = TypeParam::Ring::AttachReadOnly(guarded.bytes());
  auto& memory = *reinterpret_cast<typename TypeParam::Ring::Memory*>(
      guarded.bytes().data());
  memory.tail.store(2, kRelaxed);
  this->ExpectReadGives(*reader, RingResult::kEmpty);
  memory.stamp.store(42, kRelaxed);
  this->ExpectReadGives(*reader, RingResult::kCorrupt);
}

// ---- Roles

TYPED_TEST(BroadcastRingPlaceTest, OneWriterAtATime) {
  {
    const auto writer = this->ring_.ClaimWriter();
    ASSERT_TRUE(writer);
    const auto second = this->ring_.ClaimWriter();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kRoleTaken);
    EXPECT_STREQ(second.error().operation, "BroadcastRing::ClaimWriter");
  }
  EXPECT_TRUE(this->ring_.ClaimWriter());
  EXPECT_EQ(
      this->ring_.TakeOverWriter(AttestedDeath(this->ring_.WriterHolder()))
          .error()
          .code,
      ErrorCode::kInvalidArgument);
  Die(*this->ring_.ClaimWriter());
  const AttestedDeath death(this->ring_.WriterHolder());
  EXPECT_TRUE(this->ring_.TakeOverWriter(death));
  EXPECT_EQ(this->ring_.TakeOverWriter(death).error().code,
            ErrorCode::kRoleTaken);
}

// A writer that died half-way through a value that it wrote in place: the value
// is nobody's, and the next takes its position.
TYPED_TEST(BroadcastRingPlaceTest, ASuccessorGoesOnWhereTheDeadOneWas) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto writer = this->ring_.ClaimWriter();
    auto reader = this->ring_.MakeReader(StartAt::kOldest, StartAt::kOldest);
    this->Push(*writer, this->kCapacity);
    writer->Reserve(1)[0] = TypeParam::T::Of(999);
    Die(*std::move(writer));
    EXPECT_EQ(this->Oldest(), start + this->kStep);
    auto late = this->ring_.MakeReader(StartAt::kOldest);

    auto heir =
        this->ring_.TakeOverWriter(AttestedDeath(this->ring_.WriterHolder()));
    ASSERT_TRUE(heir);
    EXPECT_EQ(heir->position(), start + this->kCapacity);
    this->Push(*heir, this->kStep);
    EXPECT_EQ(this->Oldest(), start + this->kStep) << "made room twice";
    for (std::uint64_t i = this->kStep; i < this->kCapacity + this->kStep;
         ++i) {
      this->ExpectReads(reader, start + i, i == this->kStep ? this->kStep : 0);
      this->ExpectReads(late, start + i);
    }
    this->ExpectReadGives(reader, RingResult::kEmpty);
  }
}

TYPED_TEST(BroadcastRingPlaceTest, MovedWritersGoOn) {
  auto writer = this->ring_.ClaimWriter();
  auto reader = this->ring_.MakeReader();
  this->Push(*writer, 1);
  typename TypeParam::Ring::Writer other(*std::move(writer));
  this->ExpectReads(reader, 0);
  this->Push(other, 1);
  this->ExpectReads(reader, 1);
  EXPECT_FALSE(this->ring_.WriterHolder().is_free());
}

// ---- Lies

// A tail behind what was read already; one that is further away than any.
TYPED_TEST(BroadcastRingPlaceTest, ATailThatGoesBackIsCorrupt) {
  for (const std::uint64_t start : kStarts) {
    this->StartFrom(start);
    auto reader = this->ring_.MakeReader();
    for (const std::uint64_t lie :
         {std::uint64_t{0} - 1, std::uint64_t{1} << 63}) {
      this->memory().tail.store(start + lie, kRelaxed);
      this->ExpectReadGives(reader, RingResult::kCorrupt);
      this->ExpectReadGives(reader, RingResult::kCorrupt);
      std::vector<typename TypeParam::T> values(2);
      std::size_t read = 99;
      std::uint64_t lost = 99;
      EXPECT_EQ(reader.TryReadSome(values, read, lost), RingResult::kCorrupt);
      EXPECT_EQ(read + lost, 0u);
      SharedSpan<typename TypeParam::T> peeked;
      EXPECT_EQ(reader.TryPeek(1, peeked, lost), RingResult::kCorrupt);
      EXPECT_TRUE(peeked.empty());
    }
  }
}

// The guard pages end the test where something aims outside.
TYPED_TEST(BroadcastRingPlaceTest, AnOldestThatLiesIsCorrupt) {
  for (const std::uint64_t start : kStarts) {
    for (const std::uint64_t lie :
         {this->kCapacity + 2, std::uint64_t{1} << 63, std::uint64_t{0} - 1,
          std::uint64_t{0} - this->kCapacity - 1}) {
      this->StartFrom(start);
      auto writer = this->ring_.ClaimWriter();
      auto reader = this->ring_.MakeReader();
      this->Push(*writer, 1);
      this->memory().oldest.store(start + lie, kRelaxed);
      typename TypeParam::T value;
      std::uint64_t lost = 0;
      const RingResult result = reader.TryRead(value, lost);
      const bool is_possible =
          std::uint64_t{0} - lie < this->kCapacity;  // as if not yet moved on
      EXPECT_EQ(result, is_possible ? RingResult::kOk : RingResult::kCorrupt);
      // The writer knows better.
      this->Push(*writer, this->kCapacity);
      EXPECT_EQ(this->Oldest(), start + this->kStep);
    }
  }
}

TYPED_TEST(BroadcastRingPlaceTest, ContradictingCountsRefuseTheRole) {
  this->memory().oldest.store(1, kRelaxed);
  const auto writer = this->ring_.ClaimWriter();
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(writer.error().found, UINT64_MAX);
  EXPECT_TRUE(this->ring_.WriterHolder().is_free()) << "the claim was kept";
}

// ---- Capacities

TYPED_TEST(BroadcastRingPlaceTest, CapacityIsAsCreated) {
  EXPECT_EQ(this->ring_.capacity(), this->kCapacity);
  EXPECT_EQ(TypeParam::Ring::Attach(this->guarded_.bytes())->capacity(),
            this->kCapacity);
}

TYPED_TEST(BroadcastRingPlaceTest, ImpossibleCapacitiesAreRefused) {
  const GuardedBytes bytes(64 * 1024);
  for (const std::uint64_t capacity :
       {std::uint64_t{0}, std::uint64_t{3}, kMaxCapacity * 2,
        std::uint64_t{1} << 63, kDynamic}) {
    const auto ring = TypeParam::Ring::Create(bytes.bytes(), capacity);
    ASSERT_FALSE(ring) << capacity;
    EXPECT_EQ(ring.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(TypeParam::Ring::SizeFor(capacity), UINT64_MAX);
  }
}

// Attaching believes no capacity that the bytes cannot hold, and none later.
TEST(BroadcastRingCapacityTest, ALyingCapacityIsCorrupt) {
  using Ring = BroadcastRing<std::uint64_t>;
  const GuardedBytes bytes(Ring::SizeFor(8));
  const auto ring = Ring::Create(bytes.bytes(), 8);
  ASSERT_TRUE(ring);
  auto& memory = *reinterpret_cast<Ring::Memory*>(bytes.bytes().data());
  for (const std::uint64_t lie :
       {std::uint64_t{0}, std::uint64_t{7}, std::uint64_t{16}, kMaxCapacity,
        kMaxCapacity * 2, UINT64_MAX}) {
    memory.capacity.store(lie, kRelaxed);
    for (const Error& error :
         {Ring::Attach(bytes.bytes()).error(),
          Ring::AttachReadOnly(bytes.bytes()).error()}) {
      EXPECT_EQ(error.code, ErrorCode::kCorrupt);
      EXPECT_STREQ(error.field, "capacity");
      EXPECT_EQ(error.found, lie);
    }
  }
  auto writer = ring->ClaimWriter();
  for (std::uint64_t i = 0; i < 30; ++i) writer->Push(i);
  memory.capacity.store(4, kRelaxed);
  EXPECT_TRUE(Ring::Attach(bytes.bytes())) << "fewer than fit is no lie";
}

TEST(BroadcastRingCapacityTest, UseLeavesThePadsZero) {
  using Ring = BroadcastRing<std::uint64_t, 8>;
  const GuardedBytes bytes(Ring::SizeFor());
  auto writer = Ring::Attach(bytes.bytes())->ClaimWriter();
  for (std::uint64_t i = 0; i < 100; ++i) writer->Push(~std::uint64_t{0});
  (*std::move(writer)).Close();
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
}  // namespace placid::testing
