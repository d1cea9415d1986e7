// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/owner_id.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>

namespace placid {
namespace {

static_assert(sizeof(OwnerId) == 8);
static_assert(std::is_trivially_copyable_v<OwnerId>);

constexpr std::uint64_t kLast = OwnerId::kGenerations - 1;

TEST(OwnerIdTest, AWordHoldsIndexAndGeneration) {
  const auto id = OwnerId::Of(0x123, 0x456789ABCDEF);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->word(), 0x0123'4567'89AB'CDEFu);
  EXPECT_EQ(id->index(), 0x123u);
  EXPECT_EQ(id->generation(), 0x456789ABCDEFu);
  EXPECT_TRUE(id->is_participant());
  EXPECT_EQ(OwnerId::FromWord(id->word()), id);
}

TEST(OwnerIdTest, NobodyAndTheUnownedAreNoParticipants) {
  EXPECT_EQ(OwnerId().word(), 0u);
  EXPECT_TRUE(OwnerId().is_nobody());
  EXPECT_FALSE(OwnerId().is_participant());
  EXPECT_FALSE(OwnerId::Unowned().is_nobody());
  EXPECT_FALSE(OwnerId::Unowned().is_participant());
  EXPECT_EQ(OwnerId::FromWord(0), OwnerId());
  EXPECT_EQ(OwnerId::FromWord(OwnerId::Unowned().word()), OwnerId::Unowned());
}

// An index that passed here would be one past the table.
TEST(OwnerIdTest, OnlyRowsThatATableCanHaveAreIndexes) {
  EXPECT_FALSE(OwnerId::Of(0, 1));
  EXPECT_TRUE(OwnerId::Of(1, 0));
  EXPECT_TRUE(OwnerId::Of(OwnerId::kMostOwners, kLast));
  EXPECT_FALSE(OwnerId::Of(OwnerId::kMostOwners + 1, 0));
  EXPECT_FALSE(OwnerId::Of(0xFFFF, 0));
  EXPECT_FALSE(OwnerId::Of(1, OwnerId::kGenerations));
  EXPECT_FALSE(OwnerId::FromWord(1)) << "a generation of nobody";
  EXPECT_FALSE(OwnerId::FromWord(OwnerId::Unowned().word() | 1));
  EXPECT_FALSE(OwnerId::FromWord((OwnerId::kMostOwners + 1) << 48));
  EXPECT_FALSE(OwnerId::FromWord(~std::uint64_t{0}));
}

// A generation that ran over into the index would name another row.
TEST(OwnerIdTest, GenerationsWrapBelowTheIndex) {
  for (const std::uint64_t index : {std::uint64_t{1}, OwnerId::kMostOwners}) {
    OwnerId id = *OwnerId::Of(index, kLast - 7);
    for (std::uint64_t i = 0; i < 7; ++i) {
      const OwnerId next = id.Next();
      EXPECT_NE(next, id);
      EXPECT_EQ(next.generation(), id.generation() + 1);
      id = next;
    }
    EXPECT_EQ(id.generation(), kLast);
    EXPECT_EQ(id.Next(), OwnerId::Of(index, 0));
  }
}

}  // namespace
}  // namespace placid
