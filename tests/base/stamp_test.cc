// SPDX-License-Identifier: Apache-2.0
#include "placid/base/stamp.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "placid/base/cache_line.h"

namespace placid {
namespace {

constexpr Stamp kStamp(TypeId::kSpscRing, 2, 0x1234'5678'9ABC'DEF0);

std::uint64_t SwapBytes(std::uint64_t word) {
  std::uint64_t swapped = 0;
  for (int i = 0; i < 8; ++i) {
    swapped = swapped << 8 | (word & 0xFF);
    word >>= 8;
  }
  return swapped;
}

// The word as it lies in memory, so that other programs and releases find it.
TEST(StampTest, TheWordIsMarksHashTypeAndVersion) {
  EXPECT_EQ(kStamp.word() >> 56, 0x1Cu);
  EXPECT_EQ(kStamp.word() >> 16 & 0xFFFF, 3u);
  EXPECT_EQ(kStamp.word() >> 8 & 0xFF, 2u);
  EXPECT_EQ(kStamp.word() & 0xFF, 0xC1u);
  EXPECT_NE(kStamp.word(), 0u);
}

// A hash folded from its low bits alone would miss half of all changes.
TEST(StampTest, EveryBitOfTheFingerprintCounts) {
  for (int bit = 0; bit < 64; ++bit) {
    const Stamp other(TypeId::kSpscRing, 2,
                      0x1234'5678'9ABC'DEF0 ^ std::uint64_t{1} << bit);
    EXPECT_NE(other.word(), kStamp.word()) << bit;
  }
}

struct Mismatch {
  std::uint64_t found;
  ErrorCode code;
  std::string_view field;
};

// One code for all of these would leave the user to guess.
TEST(StampTest, ExplainNamesWhatDiffers) {
  const std::array<Mismatch, 7> mismatches = {{
      {0, ErrorCode::kNotInitialized, ""},
      {42, ErrorCode::kNotPlacid, "stamp"},
      {UINT64_MAX, ErrorCode::kNotPlacid, "stamp"},
      {SwapBytes(kStamp.word()), ErrorCode::kWrongByteOrder, "stamp"},
      {Stamp(TypeId::kSeqlock, 2, 0).word(), ErrorCode::kWrongType, "type"},
      {Stamp(TypeId::kSpscRing, 3, 0x1234'5678'9ABC'DEF0).word(),
       ErrorCode::kWrongVersion, "layout version"},
      {Stamp(TypeId::kSpscRing, 2, 0).word(), ErrorCode::kWrongElement,
       "fingerprint"},
  }};
  for (const Mismatch& mismatch : mismatches) {
    const Error error = kStamp.Explain(mismatch.found, "Op");
    EXPECT_EQ(error.code, mismatch.code) << std::hex << mismatch.found;
    EXPECT_EQ(error.field == nullptr ? "" : std::string_view(error.field),
              mismatch.field);
    EXPECT_NE(error.advice, nullptr) << std::hex << mismatch.found;
    EXPECT_STREQ(error.operation, "Op");
  }
}

TEST(StampTest, ExplainGivesTheValuesOfTheFieldItNames) {
  const Error version = kStamp.Explain(
      Stamp(TypeId::kSpscRing, 3, 0x1234'5678'9ABC'DEF0).word(), "Op");
  EXPECT_EQ(version.expected, 2u);
  EXPECT_EQ(version.found, 3u);
  EXPECT_EQ(std::string(version.Message().view()),
            "Op: wrong layout version: layout version is 3, expected 2; run "
            "both sides with the same release of placid");
}

TEST(StampTest, AWritingAttacherStampsTheVirginAndAcceptsItself) {
  Atomic<std::uint64_t> word(0);
  EXPECT_TRUE(StampOrCheck(word, kStamp, "Op"));
  EXPECT_EQ(word.load(kRelaxed), kStamp.word());
  EXPECT_TRUE(StampOrCheck(word, kStamp, "Op"));
  word.store(42, kRelaxed);
  EXPECT_EQ(StampOrCheck(word, kStamp, "Op").error().code,
            ErrorCode::kNotPlacid);
  EXPECT_EQ(word.load(kRelaxed), 42u) << "a refusal writes nothing";
}

TEST(StampTest, CheckStampRefusesTheVirgin) {
  Atomic<std::uint64_t> word(0);
  EXPECT_EQ(CheckStamp(word, kStamp, "Op").error().code,
            ErrorCode::kNotInitialized);
  SetStamp(word, kStamp);
  EXPECT_TRUE(CheckStamp(word, kStamp, "Op"));
  word.store(42, kRelaxed);
  EXPECT_EQ(CheckStamp(word, kStamp, "Op").error().code, ErrorCode::kNotPlacid);
}

TEST(StampTest, AReaderMayMeetTheVirgin) {
  Atomic<std::uint64_t> word(0);
  const auto virgin = CheckUnlessVirgin(word, kStamp, "Op");
  ASSERT_TRUE(virgin);
  EXPECT_FALSE(*virgin);
  EXPECT_EQ(word.load(kRelaxed), 0u) << "a reader writes nothing";
  SetStamp(word, kStamp);
  const auto stamped = CheckUnlessVirgin(word, kStamp, "Op");
  ASSERT_TRUE(stamped);
  EXPECT_TRUE(*stamped);
  word.store(42, kRelaxed);
  EXPECT_EQ(CheckUnlessVirgin(word, kStamp, "Op").error().code,
            ErrorCode::kNotPlacid);
}

TEST(StampTest, CreateRefusesWhateverIsThere) {
  Atomic<std::uint64_t> word(0);
  EXPECT_TRUE(RefuseStamped(word, "Op"));
  for (const std::uint64_t found : {kStamp.word(), std::uint64_t{1}}) {
    word.store(found, kRelaxed);
    EXPECT_EQ(RefuseStamped(word, "Op").error().code,
              ErrorCode::kAlreadyExists);
  }
}

TEST(StampTest, PlaceMustBeLargeEnoughAndAligned) {
  alignas(kLineBytes) std::array<std::byte, 256> bytes;
  EXPECT_TRUE(CheckPlace(bytes, 256, kLineBytes, "Op"));
  EXPECT_TRUE(CheckPlace({}, 0, kLineBytes, "Op"));
  const Error small = CheckPlace(bytes, 257, kLineBytes, "Op").error();
  EXPECT_EQ(small.code, ErrorCode::kTooSmall);
  EXPECT_EQ(small.expected, 257u);
  EXPECT_EQ(small.found, 256u);
  const Error crooked =
      CheckPlace(std::span(bytes).subspan(8), 8, kLineBytes, "Op").error();
  EXPECT_EQ(crooked.code, ErrorCode::kMisaligned);
  EXPECT_EQ(crooked.found, 8u);
  // SizeFor says "more than there are" for what can never be.
  EXPECT_EQ(CheckPlace(bytes, UINT64_MAX, kLineBytes, "Op").error().code,
            ErrorCode::kTooSmall);
}

}  // namespace
}  // namespace placid
