// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/latest.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
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

// Each cell is whole lines.
static_assert(Latest<std::uint8_t>::SizeFor() == 0x100 + 4 * 128);
static_assert(Latest<CheckedValue<17>, 2>::SizeFor() == 0x100 + 2 * 256);
static_assert(!std::is_copy_constructible_v<Latest<int>::Writer>);
static_assert(Latest<int>::kGuarantees.crash == Crash::kClean);

template <typename Value, std::uint64_t kNumber>
struct Case {
  using T = Value;
  static constexpr std::uint64_t kCells = kNumber;
  using Type = Latest<T, kCells>;
};

template <typename Case>
class LatestTest : public ::testing::Test {
 protected:
  using T = typename Case::T;
  using Type = typename Case::Type;
  using Memory = typename Type::Memory;
  static constexpr std::uint64_t kCells = Case::kCells;

  [[nodiscard]] Memory& memory() const {
    return *reinterpret_cast<Memory*>(guarded_.bytes().data());
  }
  // The cell that value `number` lies in.
  [[nodiscard]] T& CellOf(std::uint64_t number) const {
    auto* cells = reinterpret_cast<typename Type::Cell*>(
        guarded_.bytes().data() + Type::kCellsOffset);
    return cells[number % kCells].value;
  }
  void ExpectLoads(typename Type::Reader& reader, std::uint64_t number) {
    T value = T::Of(0);
    ASSERT_EQ(reader.TryLoad(value), RingResult::kOk);
    EXPECT_TRUE(value.IsWhole());
    EXPECT_EQ(value.number(), number);
  }

  GuardedBytes guarded_{Type::SizeFor()};
  Type latest_ = *Type::Attach(guarded_.bytes());
  typename Type::Reader reader_ = latest_.MakeReader();
};
using Cases =
    ::testing::Types<Case<CheckedValue<1>, 4>, Case<CheckedValue<3>, 2>,
                     Case<CheckedValue<600>, 4>, Case<CheckedValue<40>, 16>>;
TYPED_TEST_SUITE(LatestTest, Cases);

TYPED_TEST(LatestTest, IsEmptyUntilTheFirstStore) {
  typename TypeParam::T value;
  EXPECT_EQ(this->reader_.TryLoad(value), RingResult::kEmpty);
  EXPECT_EQ(this->reader_.Version(), 0u);
  auto writer = this->latest_.ClaimWriter();
  EXPECT_EQ(this->reader_.TryLoad(value), RingResult::kEmpty);
  writer->Store(TypeParam::T::Of(1));
  this->ExpectLoads(this->reader_, 1);
}

// Several laps over all cells.
TYPED_TEST(LatestTest, ReadersSeeEachStore) {
  auto writer = this->latest_.ClaimWriter();
  for (std::uint64_t number = 1; number <= 3 * this->kCells; ++number) {
    writer->Store(TypeParam::T::Of(number));
    this->ExpectLoads(this->reader_, number);
    EXPECT_EQ(this->reader_.Version(), number);
  }
}

TYPED_TEST(LatestTest, UpdateChangesAPrivateCopyAndStoresIt) {
  auto writer = this->latest_.ClaimWriter();
  const auto next = [this](typename TypeParam::T& value) {
    this->ExpectLoads(this->reader_, value.number());
    value = TypeParam::T::Of(value.number() + 1);
  };
  EXPECT_EQ(writer->Update(next), RingResult::kEmpty);
  writer->Store(TypeParam::T::Of(1));
  for (std::uint64_t number = 2; number <= 2 * this->kCells; ++number) {
    EXPECT_EQ(writer->Update(next), RingResult::kOk);
    this->ExpectLoads(this->reader_, number);
  }
}

// Where counts of 32 bits, an index that forgets its cell, or a count that came
// back to "none yet" would show.
TYPED_TEST(LatestTest, NumbersCross32And64Bits) {
  for (const std::uint64_t start :
       {(std::uint64_t{1} << 32) - 8, std::uint64_t{0} - 8}) {
    this->memory().newest.store(start, kRelaxed);
    this->CellOf(start) = TypeParam::T::Of(100);
    auto writer = this->latest_.ClaimWriter();
    ASSERT_TRUE(writer);
    this->ExpectLoads(this->reader_, 100);
    for (std::uint64_t number = 101; number <= 101 + 2 * this->kCells + 16;
         ++number) {
      ASSERT_EQ(writer->Update([&](auto& value) {
        EXPECT_EQ(value.number(), number - 1);
        value = TypeParam::T::Of(number);
      }),
                RingResult::kOk);
      this->ExpectLoads(this->reader_, number);
    }
  }
}

// The rule that makes a read whole, at both its sides: the cell of a reader is
// first touched by the store that follows kCells - 1 others.
TYPED_TEST(LatestTest, AReadSurvivesAllStoresButTheLastOfALap) {
  auto writer = this->latest_.ClaimWriter();
  writer->Store(TypeParam::T::Of(1));
  const auto read_during = [&](std::uint64_t stores, std::uint64_t& looks,
                               std::uint64_t& number) {
    looks = 0;
    return this->reader_.TryRead([&](auto shared) {
      if (++looks == 1) {
        for (std::uint64_t i = 0; i < stores; ++i) {
          writer->Store(TypeParam::T::Of(1000 + i));
        }
      }
      number = shared.Load().number();
    });
  };
  std::uint64_t looks = 0;
  std::uint64_t number = 0;
  writer->Store(TypeParam::T::Of(7));
  EXPECT_EQ(read_during(this->kCells - 2, looks, number), RingResult::kOk);
  EXPECT_EQ(looks, 1u) << "read again without need";
  EXPECT_EQ(number, 7u);
  EXPECT_EQ(read_during(this->kCells - 1, looks, number), RingResult::kOk);
  EXPECT_EQ(looks, 2u) << "the cell may be under the writer's hand";
  EXPECT_EQ(number, 1000u + this->kCells - 2);
}

// The same where numbers begin again, with one more store under way: its bytes
// are there, its number is not. Had it touched what was read, the read must not
// count; a distance taken wrongly across 2^64 would let it.
TYPED_TEST(LatestTest, NoTornReadIsAcceptedAcrossTheWrap) {
  std::uint64_t touched = 0;
  for (std::uint64_t back = 1; back <= this->kCells + 1; ++back) {
    for (std::uint64_t stores = 0; stores <= 2 * this->kCells; ++stores) {
      const std::uint64_t start = std::uint64_t{0} - back;
      this->memory().newest.store(start, kRelaxed);
      this->CellOf(start) = TypeParam::T::Of(5);
      auto writer = this->latest_.ClaimWriter();
      std::uint64_t looks = 0;
      bool is_touched = false;
      ASSERT_EQ(this->reader_.TryRead([&](auto shared) {
        if (++looks > 1) return;
        for (std::uint64_t i = 0; i < stores; ++i) {
          writer->Store(TypeParam::T::Of(1000 + i));
        }
        const std::uint64_t newest = this->memory().newest.load(kRelaxed);
        writer->Store(TypeParam::T::Of(2000));
        this->memory().newest.store(newest, kRelaxed);
        is_touched = shared.Load().number() != 5;
      }),
                RingResult::kOk);
      if (is_touched) {
        EXPECT_GT(looks, 1u) << back << " before the wrap, " << stores;
      }
      touched += is_touched;
    }
  }
  EXPECT_GT(touched, 0u);
}

TYPED_TEST(LatestTest, AReaderThatIsAlwaysOvertakenGivesUp) {
  auto writer = this->latest_.ClaimWriter();
  writer->Store(TypeParam::T::Of(1));
  std::uint32_t looks = 0;
  EXPECT_EQ(this->reader_.TryRead([&](auto) {
    ++looks;
    for (std::uint64_t i = 1; i < this->kCells; ++i) {
      writer->Store(TypeParam::T::Of(i));
    }
  }),
            RingResult::kContended);
  EXPECT_EQ(looks, TypeParam::Type::kTries + 1) << "not bounded as promised";
}

// A writer that died half-way through a value: only its successor notices.
TYPED_TEST(LatestTest, ADeathInsideStoreLeavesTheValueBefore) {
  auto writer = this->latest_.ClaimWriter();
  for (std::uint64_t number = 1; number <= this->kCells; ++number) {
    writer->Store(TypeParam::T::Of(number));
  }
  Die(*std::move(writer));
  this->CellOf(this->kCells + 1).words[0] = 999;
  this->ExpectLoads(this->reader_, this->kCells);

  EXPECT_EQ(this->latest_.ClaimWriter().error().code, ErrorCode::kRoleTaken);
  auto successor =
      this->latest_.TakeOverWriter(AttestedDeath(this->latest_.WriterHolder()));
  ASSERT_TRUE(successor);
  this->ExpectLoads(this->reader_, this->kCells);
  EXPECT_EQ(successor->Update([](auto& value) {
    value = TypeParam::T::Of(value.number() + 1);
  }),
            RingResult::kOk);
  this->ExpectLoads(this->reader_, this->kCells + 1);
  EXPECT_EQ(this->reader_.Version(), this->kCells + 1);
}

TYPED_TEST(LatestTest, OneWriterAtATime) {
  {
    const auto writer = this->latest_.ClaimWriter();
    ASSERT_TRUE(writer);
    const auto second = this->latest_.ClaimWriter();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kRoleTaken);
    EXPECT_STREQ(second.error().operation, "Latest::ClaimWriter");
  }
  EXPECT_TRUE(this->latest_.ClaimWriter());
  EXPECT_EQ(
      this->latest_.TakeOverWriter(AttestedDeath(this->latest_.WriterHolder()))
          .error()
          .code,
      ErrorCode::kInvalidArgument);
}

TYPED_TEST(LatestTest, OnlyOneSuccessorTakesOver) {
  Die(*this->latest_.ClaimWriter());
  const AttestedDeath death(this->latest_.WriterHolder());
  const auto successor = this->latest_.TakeOverWriter(death);
  ASSERT_TRUE(successor);
  EXPECT_EQ(this->latest_.TakeOverWriter(death).error().code,
            ErrorCode::kRoleTaken);
}

TYPED_TEST(LatestTest, CloseMakesTheValueFinal) {
  auto writer = this->latest_.ClaimWriter();
  writer->Store(TypeParam::T::Of(6));
  EXPECT_FALSE(this->reader_.IsClosed());
  (*std::move(writer)).Close();
  EXPECT_TRUE(this->reader_.IsClosed());
  this->ExpectLoads(this->reader_, 6);
  const auto next = this->latest_.ClaimWriter();
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::kClosed);
  EXPECT_TRUE(this->latest_.WriterHolder().is_free());
}

// Store-free: one store would end the test.
TYPED_TEST(LatestTest, ReadersWorkOnReadOnlyPages) {
  this->latest_.ClaimWriter()->Store(TypeParam::T::Of(3));
  this->guarded_.MakeReadOnly();
  auto reader = TypeParam::Type::AttachReadOnly(this->guarded_.bytes());
  ASSERT_TRUE(reader);
  this->ExpectLoads(*reader, 3);
  EXPECT_EQ(reader->TryRead([](auto) {}), RingResult::kOk);
  EXPECT_FALSE(reader->IsClosed());
}

TYPED_TEST(LatestTest, AReaderMayComeBeforeEverybodyElse) {
  GuardedBytes guarded(TypeParam::Type::SizeFor());
  guarded.MakeReadOnly();
  auto reader = TypeParam::Type::AttachReadOnly(guarded.bytes());
  ASSERT_TRUE(reader);
  typename TypeParam::T value;
  EXPECT_EQ(reader->TryLoad(value), RingResult::kEmpty);
  guarded.MakeWritable();
  TypeParam::Type::Attach(guarded.bytes())
      ->ClaimWriter()
      ->Store(TypeParam::T::Of(8));
  guarded.MakeReadOnly();
  this->ExpectLoads(*reader, 8);
}

TYPED_TEST(LatestTest, VirginBytesThatBecameSomethingElseAreCorrupt) {
  const GuardedBytes guarded(TypeParam::Type::SizeFor());
  auto reader = TypeParam::Type::AttachReadOnly(guarded.bytes());
  auto& memory = *reinterpret_cast<typename TypeParam::Type::Memory*>(
      guarded.bytes().data());
  typename TypeParam::T value;
  memory.newest.store(2, kRelaxed);
  EXPECT_EQ(reader->TryLoad(value), RingResult::kEmpty);
  memory.stamp.store(42, kRelaxed);
  EXPECT_EQ(reader->TryLoad(value), RingResult::kCorrupt);
}

// The guard pages end the test where an index is taken as it is.
TYPED_TEST(LatestTest, LyingNumbersStayInsideTheCells) {
  typename TypeParam::T value;
  for (const std::uint64_t number :
       {UINT64_MAX, UINT64_MAX - 1, std::uint64_t{1} << 63,
        (std::uint64_t{1} << 60) + 3}) {
    this->memory().newest.store(number, kRelaxed);
    EXPECT_EQ(this->reader_.TryLoad(value), RingResult::kOk);
    auto writer = this->latest_.ClaimWriter();
    writer->Store(TypeParam::T::Of(1));
    this->memory().newest.store(number + 77, kRelaxed);
    writer->Store(TypeParam::T::Of(2));
    this->ExpectLoads(this->reader_, 2);
  }
}

}  // namespace
}  // namespace placid
