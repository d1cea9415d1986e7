// SPDX-License-Identifier: Apache-2.0
#include "placid/primitives/role.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <type_traits>
#include <utility>

#include "tests/support/die.h"

namespace placid {
namespace {

using testing::Die;

using Word = Atomic<std::uint64_t>;
constexpr std::uint64_t kMostClaims = (std::uint64_t{1} << 48) - 1;

static_assert(!std::is_copy_constructible_v<RoleClaim>);
static_assert(!std::is_copy_assignable_v<RoleClaim>);

TEST(RoleClaimTest, AFreeRoleIsTakenOnceAtATime) {
  Word word(0);
  EXPECT_TRUE(RoleClaim::Holder(word).is_free());
  const auto claim = RoleClaim::Take(word, "Op");
  ASSERT_TRUE(claim);
  EXPECT_TRUE(claim->is_held());
  EXPECT_FALSE(RoleClaim::Holder(word).is_free());
  EXPECT_EQ(word.load(kRelaxed), std::uint64_t{0xFFFF} << 48 | 1);
  const auto second = RoleClaim::Take(word, "Op");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kRoleTaken);
  EXPECT_STREQ(second.error().operation, "Op");
}

TEST(RoleClaimTest, ADroppedRoleIsFreeAgainAndRemembersItsClaims) {
  Word word(0);
  for (std::uint64_t claims = 1; claims <= 3; ++claims) {
    const auto claim = RoleClaim::Take(word, "Op");
    ASSERT_TRUE(claim);
    EXPECT_EQ(RoleClaim::Holder(word).claims(), claims);
  }
  EXPECT_TRUE(RoleClaim::Holder(word).is_free());
  EXPECT_EQ(word.load(kRelaxed), 3u);
}

TEST(RoleClaimTest, ReleaseEndsItEarlyAndOnlyOnce) {
  Word word(0);
  auto claim = RoleClaim::Take(word, "Op");
  claim->Release();
  EXPECT_FALSE(claim->is_held());
  const auto next = RoleClaim::Take(word, "Op");
  ASSERT_TRUE(next);
  claim->Release();
  EXPECT_FALSE(RoleClaim::Holder(word).is_free()) << "it released another's";
}

TEST(RoleClaimTest, AMovedClaimIsHeldByItsNewPlaceAlone) {
  Word word(0);
  RoleClaim claim;
  EXPECT_FALSE(claim.is_held());
  {
    RoleClaim first = *RoleClaim::Take(word, "Op");
    claim = std::move(first);
  }
  EXPECT_TRUE(claim.is_held());
  EXPECT_FALSE(RoleClaim::Holder(word).is_free());
  const RoleClaim second(std::move(claim));
  EXPECT_TRUE(second.is_held());
  EXPECT_FALSE(RoleClaim::Holder(word).is_free());
}

TEST(RoleClaimTest, OneOfTwoSuccessorsWins) {
  Word word(0);
  Die(*RoleClaim::Take(word, "Op"));
  const AttestedDeath death(RoleClaim::Holder(word));
  const auto successor = RoleClaim::TakeOver(word, death, "Op");
  ASSERT_TRUE(successor);
  EXPECT_EQ(RoleClaim::Holder(word).claims(), 2u);
  // The second attests the same death, a moment later.
  const auto late = RoleClaim::TakeOver(word, death, "Op");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kRoleTaken);
}

TEST(RoleClaimTest, ALateAttemptAgainstAFormerHolderIsRefused) {
  Word word(0);
  Die(*RoleClaim::Take(word, "Op"));
  const AttestedDeath death(RoleClaim::Holder(word));
  // The successor comes, goes, and another comes: neither is the dead one.
  { const auto successor = RoleClaim::TakeOver(word, death, "Op"); }
  EXPECT_FALSE(RoleClaim::TakeOver(word, death, "Op"));
  const auto third = RoleClaim::Take(word, "Op");
  ASSERT_TRUE(third);
  EXPECT_FALSE(RoleClaim::TakeOver(word, death, "Op"));
  EXPECT_EQ(RoleClaim::Holder(word).claims(), 3u);
}

TEST(RoleClaimTest, NobodyIsNotTakenOver) {
  Word word(0);
  const auto claim =
      RoleClaim::TakeOver(word, AttestedDeath(RoleClaim::Holder(word)), "Op");
  ASSERT_FALSE(claim);
  EXPECT_EQ(claim.error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(RoleClaim::Holder(word).is_free());
}

// A holder that was thought dead comes back and drops its role.
TEST(RoleClaimTest, AHolderTakenOverDoesNotReleaseItsSuccessor) {
  Word word(0);
  auto thought_dead = RoleClaim::Take(word, "Op");
  const auto successor =
      RoleClaim::TakeOver(word, AttestedDeath(RoleClaim::Holder(word)), "Op");
  ASSERT_TRUE(successor);
  thought_dead->Release();
  EXPECT_FALSE(RoleClaim::Holder(word).is_free());
  EXPECT_EQ(RoleClaim::Holder(word).claims(), 2u);
}

// A count that ran over into the holder's bits would give the role away.
TEST(RoleClaimTest, TheCountOfClaimsWrapsBelowTheHolder) {
  Word word(kMostClaims);
  {
    const auto claim = RoleClaim::Take(word, "Op");
    ASSERT_TRUE(claim);
    EXPECT_EQ(word.load(kRelaxed), std::uint64_t{0xFFFF} << 48);
    EXPECT_FALSE(RoleClaim::Holder(word).is_free());
    EXPECT_EQ(RoleClaim::Holder(word).claims(), 0u);
    EXPECT_FALSE(RoleClaim::Take(word, "Op"));
  }
  EXPECT_EQ(word.load(kRelaxed), 0u);
}

// Words that only a hostile peer writes: no holder of ours, but taken.
TEST(RoleClaimTest, ForeignHoldersCountAsHolders) {
  Word word(std::uint64_t{OwnerId::kMostOwners + 1} << 48 | 5);
  EXPECT_FALSE(RoleClaim::Take(word, "Op"));
  const auto successor =
      RoleClaim::TakeOver(word, AttestedDeath(RoleClaim::Holder(word)), "Op");
  ASSERT_TRUE(successor);
  EXPECT_EQ(RoleClaim::Holder(word).claims(), 6u);
}

// ---- Holders with an identity

constexpr OwnerId kFirst = *OwnerId::Of(7, 3);
constexpr OwnerId kSecond = *OwnerId::Of(OwnerId::kMostOwners, 1);

TEST(RoleClaimTest, TheWordNamesItsHolder) {
  Word word(0);
  const auto claim = RoleClaim::Take(word, "Op", kFirst);
  ASSERT_TRUE(claim);
  EXPECT_EQ(word.load(kRelaxed), std::uint64_t{7} << 48 | 1);
  EXPECT_TRUE(RoleClaim::Holder(word).has_identity());
  const auto second = RoleClaim::Take(word, "Op", kSecond);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kRoleTaken);
  EXPECT_EQ(second.error().found, 7u) << "who has it is worth knowing";
}

TEST(RoleClaimTest, NobodyCannotClaim) {
  Word word(0);
  const auto claim = RoleClaim::Take(word, "Op", OwnerId());
  ASSERT_FALSE(claim);
  EXPECT_EQ(claim.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(word.load(kRelaxed), 0u);
  Die(*RoleClaim::Take(word, "Op"));
  const AttestedDeath death(RoleClaim::Holder(word));
  EXPECT_FALSE(RoleClaim::TakeOver(word, death, "Op", OwnerId()));
  EXPECT_EQ(RoleClaim::Holder(word).word(), death.of().word());
}

TEST(RoleClaimTest, WhatTheDeadHeldIsGivenBackAndClaimed) {
  Word word(0);
  Die(*RoleClaim::Take(word, "Op", kFirst));
  EXPECT_TRUE(RoleClaim::Recover(word, DeadOwner::Attested(kFirst)));
  EXPECT_TRUE(RoleClaim::Holder(word).is_free());
  const auto next = RoleClaim::Take(word, "Op", kSecond);
  ASSERT_TRUE(next);
  EXPECT_EQ(RoleClaim::Holder(word).claims(), 2u);
  // Whoever recovers may do it twice.
  EXPECT_FALSE(RoleClaim::Recover(word, DeadOwner::Attested(kFirst)));
  EXPECT_FALSE(RoleClaim::Holder(word).is_free());
}

TEST(RoleClaimTest, WhatTheLivingHoldIsNotGivenBack) {
  Word word(0);
  EXPECT_FALSE(RoleClaim::Recover(word, DeadOwner::Attested(kFirst)));
  const auto unowned = RoleClaim::Take(word, "Op");
  EXPECT_FALSE(RoleClaim::Recover(word, DeadOwner::Attested(kFirst)));
  EXPECT_FALSE(RoleClaim::Holder(word).is_free());
  Word other(0);
  const auto owned = RoleClaim::Take(other, "Op", kSecond);
  EXPECT_FALSE(RoleClaim::Recover(other, DeadOwner::Attested(kFirst)));
  EXPECT_FALSE(RoleClaim::Holder(other).is_free());
}

// Where the kernel can be asked, nobody's word counts.
TEST(RoleClaimTest, AParticipantsDeathIsNotAttested) {
  for (const OwnerId id : {*OwnerId::Of(1, 0), kFirst, kSecond}) {
    Word word(0);
    Die(*RoleClaim::Take(word, "Op", id));
    const AttestedDeath death(RoleClaim::Holder(word));
    const auto claim = RoleClaim::TakeOver(word, death, "Op");
    ASSERT_FALSE(claim);
    EXPECT_EQ(claim.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(RoleClaim::Holder(word).word(), death.of().word());
  }
}

TEST(RoleClaimTest, AParticipantTakesOverFromOneWithoutAnIdentity) {
  Word word(0);
  Die(*RoleClaim::Take(word, "Op"));
  const auto claim = RoleClaim::TakeOver(
      word, AttestedDeath(RoleClaim::Holder(word)), "Op", kFirst);
  ASSERT_TRUE(claim);
  EXPECT_EQ(word.load(kRelaxed), std::uint64_t{7} << 48 | 2);
}

// Recovered by mistake, a holder that comes back leaves its successor alone.
TEST(RoleClaimTest, AHolderRecoveredFromDoesNotReleaseItsSuccessor) {
  Word word(0);
  auto thought_dead = RoleClaim::Take(word, "Op", kFirst);
  EXPECT_TRUE(RoleClaim::Recover(word, DeadOwner::Attested(kFirst)));
  const auto successor = RoleClaim::Take(word, "Op", kFirst);
  ASSERT_TRUE(successor);
  thought_dead->Release();
  EXPECT_FALSE(RoleClaim::Holder(word).is_free());
}

}  // namespace
}  // namespace placid
