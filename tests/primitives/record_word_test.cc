// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/record_word.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace placid {
namespace {

TEST(RecordWordTest, AllThatIsPutInComesOut) {
  constexpr std::uint64_t kMostLap = (std::uint64_t{1} << 30) - 1;
  for (const std::uint64_t lap :
       {std::uint64_t{0}, std::uint64_t{1}, kMostLap}) {
    for (const std::uint64_t span : {0u, 1u, 0x8000u, 0xFFFFu}) {
      for (const std::uint64_t owner : {0u, 1u, 64u, 4096u, 0xFFFFu}) {
        for (const SlotState state : {SlotState::kDone, SlotState::kClaimed,
                                      SlotState::kVoid, SlotState::kEnd}) {
          const RecordWord word(RecordWord(lap, state, span, owner).word());
          EXPECT_EQ(word.lap(), lap);
          EXPECT_EQ(word.span(), span);
          EXPECT_EQ(word.owner(), owner);
          EXPECT_EQ(word.spare(), owner);
          EXPECT_EQ(word.state(), state);
          EXPECT_EQ(word.Voided().lap(), lap);
          EXPECT_EQ(word.Voided().span(), span);
          EXPECT_EQ(word.Voided().owner(), 0u);
          EXPECT_EQ(word.Voided().state(), SlotState::kVoid);
          EXPECT_EQ(word.IsClaimedBy(owner), state == SlotState::kClaimed);
          EXPECT_FALSE(word.IsClaimedBy(owner + 1));
        }
      }
    }
  }
}

TEST(RecordWordTest, ZeroSpeaksForNothingInTheLapBeforeTheFirst) {
  const RecordLaps laps{Extent<kDynamic>(8)};
  EXPECT_EQ(RecordWord(0).span(), 0u);
  EXPECT_TRUE(RecordWord(0).IsFinished());
  for (std::uint64_t position = 0; position < 8; ++position) {
    EXPECT_EQ(laps.Inside(position - 8).word(), 0u);
    EXPECT_EQ(laps.Behind(RecordWord(0), position), 1);
    EXPECT_EQ(laps.Behind(RecordWord(0), position - 8), 0);
  }
}

// With every number of granules, around every power of two, 2^64 among them:
// positions that are so many laps apart are so many laps apart.
TEST(RecordWordTest, LapsAreComparedAcrossEveryWrap) {
  for (int shift = 0; shift <= 34; ++shift) {
    const std::uint64_t granules = std::uint64_t{1} << shift;
    const RecordLaps laps{Extent<kDynamic>(granules)};
    for (int bit = shift; bit <= 64; ++bit) {
      const std::uint64_t end = bit == 64 ? 0 : std::uint64_t{1} << bit;
      for (std::int64_t from = -3; from <= 3; ++from) {
        const std::uint64_t position =
            end + static_cast<std::uint64_t>(from) * granules;
        const RecordWord word = laps.Word(position, SlotState::kVoid, 3);
        for (std::int64_t by = -3; by <= 3; ++by) {
          EXPECT_EQ(
              laps.Behind(word,
                          position + static_cast<std::uint64_t>(by) * granules),
              by)
              << shift << " " << bit << " " << from;
        }
      }
    }
  }
}

}  // namespace
}  // namespace placid
