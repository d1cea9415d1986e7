// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/slot_word.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace placid {
namespace {

TEST(SlotWordTest, AllThatIsPutInComesOut) {
  constexpr std::uint64_t kMostLap = (std::uint64_t{1} << 46) - 1;
  for (const std::uint64_t lap :
       {std::uint64_t{0}, std::uint64_t{1}, kMostLap}) {
    for (const std::uint64_t owner : {0u, 1u, 4096u, 0xFFFFu}) {
      for (const SlotState state : {SlotState::kDone, SlotState::kClaimed,
                                    SlotState::kVoid, SlotState::kEnd}) {
        const SlotWord word(SlotWord(lap, state, owner).word());
        EXPECT_EQ(word.lap(), lap);
        EXPECT_EQ(word.owner(), owner);
        EXPECT_EQ(word.state(), state);
        EXPECT_EQ(word.Voided().lap(), lap);
        EXPECT_EQ(word.Voided().owner(), 0u);
        EXPECT_EQ(word.Voided().state(), SlotState::kVoid);
        EXPECT_EQ(word.IsClaimedBy(owner), state == SlotState::kClaimed);
        EXPECT_FALSE(word.IsClaimedBy(owner + 1));
      }
    }
  }
}

TEST(SlotWordTest, ZeroIsDoneForTheLapBeforeTheFirst) {
  const SlotLaps<kDynamic> laps{Extent<kDynamic>(8)};
  for (std::uint64_t position = 0; position < 8; ++position) {
    EXPECT_EQ(laps.DoneBefore(position).word(), 0u);
    EXPECT_EQ(laps.Behind(SlotWord(0), position), 1);
    EXPECT_EQ(laps.Behind(SlotWord(0), position - 8), 0);
  }
}

// With every capacity, around every power of two, 2^64 among them: positions
// that are so many laps apart are so many laps apart.
TEST(SlotWordTest, LapsAreComparedAcrossEveryWrap) {
  for (int shift = 0; shift <= 40; ++shift) {
    const std::uint64_t capacity = std::uint64_t{1} << shift;
    const SlotLaps<kDynamic> laps{Extent<kDynamic>(capacity)};
    for (int bit = shift; bit <= 64; ++bit) {
      const std::uint64_t end = bit == 64 ? 0 : std::uint64_t{1} << bit;
      for (std::int64_t from = -3; from <= 3; ++from) {
        const std::uint64_t position =
            end + static_cast<std::uint64_t>(from) * capacity;
        const SlotWord word = laps.Word(position, SlotState::kVoid);
        for (std::int64_t by = -3; by <= 3; ++by) {
          EXPECT_EQ(
              laps.Behind(word,
                          position + static_cast<std::uint64_t>(by) * capacity),
              by)
              << shift << " " << bit << " " << from;
        }
        EXPECT_EQ(laps.DoneBefore(position + capacity).word(),
                  laps.Word(position, SlotState::kDone).word());
      }
    }
  }
}

TEST(SlotWordTest, ExtentsFixedAndChosenAgree) {
  constexpr SlotLaps<16> kFixed{Extent<16>()};
  const SlotLaps<kDynamic> chosen{Extent<kDynamic>(16)};
  for (const std::uint64_t position :
       {std::uint64_t{0}, std::uint64_t{17}, std::uint64_t{0} - 1}) {
    EXPECT_EQ(kFixed.Word(position, SlotState::kClaimed, 7).word(),
              chosen.Word(position, SlotState::kClaimed, 7).word());
    EXPECT_EQ(kFixed.Behind(SlotWord(0), position),
              chosen.Behind(SlotWord(0), position));
  }
}

}  // namespace
}  // namespace placid
