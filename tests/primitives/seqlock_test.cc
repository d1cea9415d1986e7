// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/seqlock.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "tests/support/checked_value.h"
#include "tests/support/die.h"
#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

using testing::CheckedValue;
using testing::Die;
using testing::GuardedBytes;

struct Pose {
  double x, y;
  std::uint64_t time_ns;
};
PLACID_FIELDS(Pose, x, y, time_ns)

struct alignas(16) Wide {
  std::array<std::uint64_t, 2> words;
};

// Small values share the sequence's line, others begin a line of their own.
static_assert(Seqlock<std::uint8_t>::SizeFor() == 0x089);
static_assert(Seqlock<CheckedValue<15>>::SizeFor() == 0x100);
static_assert(Seqlock<CheckedValue<16>>::SizeFor() == 0x180);
static_assert(Seqlock<Wide>::SizeFor() == 0x110);

static_assert(!std::is_copy_constructible_v<Seqlock<Pose>::Writer>);
static_assert(std::is_move_constructible_v<Seqlock<Pose>::Writer>);
static_assert(std::is_copy_constructible_v<Seqlock<Pose>::Reader>);

// Of all sizes that the layout and the copies tell apart.
template <typename T>
class SeqlockTest : public ::testing::Test {
 protected:
  using Lock = Seqlock<T>;
  using Memory = typename Lock::Memory;

  [[nodiscard]] Memory& memory() const {
    return *reinterpret_cast<Memory*>(guarded_.bytes().data());
  }
  // Sets the count as if so many values had been stored.
  void SetSequence(std::uint64_t sequence) const {
    memory().sequence.store(sequence, kRelaxed);
  }
  void ExpectLoads(typename Lock::Reader& reader, std::uint64_t number) {
    T value = T::Of(0);
    ASSERT_EQ(reader.TryLoad(value), RingResult::kOk);
    EXPECT_TRUE(value.IsWhole());
    EXPECT_EQ(value.number(), number);
  }

  GuardedBytes guarded_{Lock::SizeFor()};
  Lock lock_ = *Lock::Attach(guarded_.bytes());
  typename Lock::Reader reader_ = lock_.MakeReader();
};
using Values =
    ::testing::Types<CheckedValue<1>, CheckedValue<3>, CheckedValue<15>,
                     CheckedValue<16>, CheckedValue<600>>;
TYPED_TEST_SUITE(SeqlockTest, Values);

TYPED_TEST(SeqlockTest, IsEmptyUntilTheFirstStore) {
  TypeParam value;
  EXPECT_EQ(this->reader_.TryLoad(value), RingResult::kEmpty);
  EXPECT_EQ(this->reader_.Version(), 0u);
  auto writer = this->lock_.ClaimWriter();
  ASSERT_TRUE(writer);
  EXPECT_EQ(this->reader_.TryLoad(value), RingResult::kEmpty);
  writer->Store(TypeParam::Of(1));
  this->ExpectLoads(this->reader_, 1);
}

TYPED_TEST(SeqlockTest, ReadersSeeEachStore) {
  auto writer = this->lock_.ClaimWriter();
  ASSERT_TRUE(writer);
  for (std::uint64_t number = 1; number <= 20; ++number) {
    writer->Store(TypeParam::Of(number));
    this->ExpectLoads(this->reader_, number);
    this->ExpectLoads(this->reader_, number);
    EXPECT_EQ(this->reader_.Version(), number);
  }
}

TYPED_TEST(SeqlockTest, LookReadsInPlace) {
  auto writer = this->lock_.ClaimWriter();
  writer->Store(TypeParam::Of(9));
  std::uint64_t number = 0;
  EXPECT_EQ(this->reader_.TryRead([&](SharedRef<TypeParam> shared) {
    number = shared.Load(&TypeParam::words)[0];
  }),
            RingResult::kOk);
  EXPECT_EQ(number, 9u);
}

TYPED_TEST(SeqlockTest, LookIsNotCalledWhenThereIsNothing) {
  bool is_called = false;
  EXPECT_EQ(
      this->reader_.TryRead([&](SharedRef<TypeParam>) { is_called = true; }),
      RingResult::kEmpty);
  EXPECT_FALSE(is_called);
}

TYPED_TEST(SeqlockTest, UpdateChangesAPrivateCopyAndStoresIt) {
  auto writer = this->lock_.ClaimWriter();
  const auto next = [this](TypeParam& value) {
    // Readers still have the old one.
    this->ExpectLoads(this->reader_, value.number());
    value = TypeParam::Of(value.number() + 1);
  };
  EXPECT_EQ(writer->Update(next), RingResult::kEmpty);
  writer->Store(TypeParam::Of(1));
  EXPECT_EQ(writer->Update(next), RingResult::kOk);
  EXPECT_EQ(writer->Update(next), RingResult::kOk);
  this->ExpectLoads(this->reader_, 3);
}

// A sequence of 32 bits, or one that came back to "never written".
TYPED_TEST(SeqlockTest, SequenceCrosses32And64Bits) {
  for (const std::uint64_t start :
       {(std::uint64_t{1} << 32) - 8, std::uint64_t{0} - 8}) {
    this->SetSequence(start);
    auto writer = this->lock_.ClaimWriter();
    ASSERT_TRUE(writer);
    std::uint64_t last = this->reader_.Version();
    for (std::uint64_t number = 1; number <= 8; ++number) {
      writer->Store(TypeParam::Of(number));
      this->ExpectLoads(this->reader_, number);
      EXPECT_NE(this->reader_.Version(), last);
      last = this->reader_.Version();
    }
    EXPECT_EQ(writer->Update([](TypeParam&) {}), RingResult::kOk);
  }
}

// A writer that died inside Store, at any of the places where others can tell.
TYPED_TEST(SeqlockTest, ADeathInsideStoreIsPendingUntilASuccessorStores) {
  for (const std::uint64_t odd : {std::uint64_t{1}, std::uint64_t{7},
                                  std::numeric_limits<std::uint64_t>::max()}) {
    this->SetSequence(odd - 1);
    Die(*this->lock_.ClaimWriter());
    this->SetSequence(odd);
    TypeParam value;
    EXPECT_EQ(this->reader_.TryLoad(value), RingResult::kPending);
    EXPECT_EQ(this->reader_.TryLoad(value), RingResult::kPending);

    EXPECT_EQ(this->lock_.ClaimWriter().error().code, ErrorCode::kRoleTaken);
    auto successor =
        this->lock_.TakeOverWriter(AttestedDeath(this->lock_.WriterHolder()));
    ASSERT_TRUE(successor);
    EXPECT_EQ(this->reader_.TryLoad(value), RingResult::kPending);
    EXPECT_EQ(successor->Update([](TypeParam&) {}), RingResult::kEmpty)
        << "a torn value is none";
    successor->Store(TypeParam::Of(5));
    this->ExpectLoads(this->reader_, 5);
    EXPECT_EQ(successor->Update([](TypeParam&) {}), RingResult::kOk);
  }
}

TYPED_TEST(SeqlockTest, ADeathBetweenStoresLosesNothing) {
  auto writer = this->lock_.ClaimWriter();
  writer->Store(TypeParam::Of(4));
  Die(*std::move(writer));
  this->ExpectLoads(this->reader_, 4);
  auto successor =
      this->lock_.TakeOverWriter(AttestedDeath(this->lock_.WriterHolder()));
  ASSERT_TRUE(successor);
  EXPECT_EQ(successor->Update([](TypeParam& value) {
    value = TypeParam::Of(value.number() + 1);
  }),
            RingResult::kOk);
  this->ExpectLoads(this->reader_, 5);
  EXPECT_EQ(this->reader_.Version(), 2u);
}

// A writer that stores again and again: each look of the reader is disturbed.
TYPED_TEST(SeqlockTest, AReaderThatIsAlwaysDisturbedGivesUp) {
  auto writer = this->lock_.ClaimWriter();
  writer->Store(TypeParam::Of(1));
  std::uint32_t looks = 0;
  EXPECT_EQ(this->reader_.TryRead([&](SharedRef<TypeParam>) {
    ++looks;
    writer->Store(TypeParam::Of(looks));
  }),
            RingResult::kContended);
  EXPECT_EQ(looks, Seqlock<TypeParam>::kTries + 1) << "not bounded as promised";
}

// Accepting a disturbed look is the one thing a seqlock must never do.
TYPED_TEST(SeqlockTest, ADisturbedLookIsRepeated) {
  auto writer = this->lock_.ClaimWriter();
  writer->Store(TypeParam::Of(1));
  int looks = 0;
  std::uint64_t number = 0;
  EXPECT_EQ(this->reader_.TryRead([&](SharedRef<TypeParam> shared) {
    number = shared.Load().number();
    if (++looks == 1) writer->Store(TypeParam::Of(2));
  }),
            RingResult::kOk);
  EXPECT_EQ(looks, 2);
  EXPECT_EQ(number, 2u);
}

TYPED_TEST(SeqlockTest, OneWriterAtATime) {
  {
    const auto writer = this->lock_.ClaimWriter();
    ASSERT_TRUE(writer);
    const auto second = this->lock_.ClaimWriter();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kRoleTaken);
    EXPECT_STREQ(second.error().operation, "Seqlock::ClaimWriter");
  }
  EXPECT_TRUE(this->lock_.WriterHolder().is_free());
  EXPECT_TRUE(this->lock_.ClaimWriter());
  EXPECT_EQ(
      this->lock_.TakeOverWriter(AttestedDeath(this->lock_.WriterHolder()))
          .error()
          .code,
      ErrorCode::kInvalidArgument);
}

TYPED_TEST(SeqlockTest, OnlyOneSuccessorTakesOver) {
  Die(*this->lock_.ClaimWriter());
  const AttestedDeath death(this->lock_.WriterHolder());
  const auto successor = this->lock_.TakeOverWriter(death);
  ASSERT_TRUE(successor);
  EXPECT_EQ(this->lock_.TakeOverWriter(death).error().code,
            ErrorCode::kRoleTaken);
}

TYPED_TEST(SeqlockTest, CloseMakesTheValueFinal) {
  auto writer = this->lock_.ClaimWriter();
  writer->Store(TypeParam::Of(6));
  EXPECT_FALSE(this->reader_.IsClosed());
  (*std::move(writer)).Close();
  EXPECT_TRUE(this->reader_.IsClosed());
  this->ExpectLoads(this->reader_, 6);
  const auto next = this->lock_.ClaimWriter();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::kClosed);
  EXPECT_TRUE(this->lock_.WriterHolder().is_free())
      << "the refused claim was kept";
}

// Store-free: one store would end the test.
TYPED_TEST(SeqlockTest, ReadersWorkOnReadOnlyPages) {
  auto writer = this->lock_.ClaimWriter();
  writer->Store(TypeParam::Of(3));
  this->guarded_.MakeReadOnly();
  auto reader = Seqlock<TypeParam>::AttachReadOnly(this->guarded_.bytes());
  ASSERT_TRUE(reader);
  this->ExpectLoads(*reader, 3);
  EXPECT_EQ(reader->TryRead([](SharedRef<TypeParam>) {}), RingResult::kOk);
  EXPECT_FALSE(reader->IsClosed());
  // An odd sequence must not tempt the reader to repair it either.
  this->guarded_.MakeWritable();
  this->SetSequence(5);
  this->guarded_.MakeReadOnly();
  TypeParam value;
  EXPECT_EQ(reader->TryLoad(value), RingResult::kPending);
  this->guarded_.MakeWritable();
}

TYPED_TEST(SeqlockTest, AReaderMayComeBeforeEverybodyElse) {
  GuardedBytes guarded(Seqlock<TypeParam>::SizeFor());
  guarded.MakeReadOnly();
  auto reader = Seqlock<TypeParam>::AttachReadOnly(guarded.bytes());
  ASSERT_TRUE(reader);
  TypeParam value;
  EXPECT_EQ(reader->TryLoad(value), RingResult::kEmpty);
  guarded.MakeWritable();
  const auto lock = Seqlock<TypeParam>::Attach(guarded.bytes());
  EXPECT_EQ(reader->TryLoad(value), RingResult::kEmpty);
  lock->ClaimWriter()->Store(TypeParam::Of(8));
  guarded.MakeReadOnly();
  this->ExpectLoads(*reader, 8);
}

TYPED_TEST(SeqlockTest, VirginBytesThatBecameSomethingElseAreCorrupt) {
  const GuardedBytes guarded(Seqlock<TypeParam>::SizeFor());
  auto reader = Seqlock<TypeParam>::AttachReadOnly(guarded.bytes());
  auto& memory = *reinterpret_cast<typename Seqlock<TypeParam>::Memory*>(
      guarded.bytes().data());
  TypeParam value;
  // Bytes without a stamp hold no value, whatever lies in the sequence.
  memory.sequence.store(2, kRelaxed);
  EXPECT_EQ(reader->TryLoad(value), RingResult::kEmpty);
  memory.stamp.store(42, kRelaxed);
  EXPECT_EQ(reader->TryLoad(value), RingResult::kCorrupt);
  memory.sequence.store(0, kRelaxed);
  EXPECT_EQ(reader->TryLoad(value), RingResult::kCorrupt);
}

// The writer's own count is private: a peer that changes the shared one can
// spoil a value, not lead the writer astray.
TYPED_TEST(SeqlockTest, TheWriterIgnoresALyingSequence) {
  auto writer = this->lock_.ClaimWriter();
  writer->Store(TypeParam::Of(1));
  this->SetSequence(999);
  writer->Store(TypeParam::Of(2));
  EXPECT_EQ(this->reader_.Version(), 2u);
  this->ExpectLoads(this->reader_, 2);
}

TYPED_TEST(SeqlockTest, AMovedWriterGoesOn) {
  auto first = this->lock_.ClaimWriter();
  first->Store(TypeParam::Of(1));
  typename Seqlock<TypeParam>::Writer second(*std::move(first));
  second.Store(TypeParam::Of(2));
  this->ExpectLoads(this->reader_, 2);
  EXPECT_FALSE(this->lock_.WriterHolder().is_free());
}

TEST(SeqlockFieldsTest, AReaderBuiltAgainstOtherFieldsIsRefused) {
  struct Other {
    double x, y;
    std::int64_t time_ns;
  };
  static_assert(!Element<Other>, "floats need PLACID_FIELDS");
  const GuardedBytes guarded(Seqlock<Pose>::SizeFor());
  ASSERT_TRUE(Seqlock<Pose>::Attach(guarded.bytes()));
  EXPECT_EQ(
      (Seqlock<std::array<double, 3>>::Attach(guarded.bytes()).error().code),
      ErrorCode::kWrongElement);
}

// Two opaque types of one size, of which one is aligned to a line of its own.
TEST(SeqlockFieldsTest, ThePlaceOfTheValueIsPartOfTheStamp) {
  const GuardedBytes guarded(0x200);
  ASSERT_TRUE(Seqlock<Wide>::Attach(guarded.bytes()));
  EXPECT_EQ(Seqlock<CheckedValue<2>>::Attach(guarded.bytes()).error().code,
            ErrorCode::kWrongElement);
}

}  // namespace
}  // namespace placid
