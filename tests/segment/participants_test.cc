// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/participants.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "src/segment/mint.h"
#include "tests/support/die.h"

namespace placid {
namespace {

using Participant = Participants::Participant;
using Recovery = Participants::Recovery;
using Phase = RowState::Phase;
using testing::Die;

static_assert(Placeable<Participants>);
static_assert(!std::is_copy_constructible_v<Participant>);
static_assert(!std::is_copy_constructible_v<Recovery>);
// A program cannot make a proof of its own.
static_assert(!std::is_default_constructible_v<ProofOfDeath>);
static_assert(
    !std::is_constructible_v<ProofOfDeath, std::uint64_t, std::uint64_t>);

constexpr os::ProcessIdentity kIdentity{11, 12, 13, 14};

class ParticipantsTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kRows = 5;

  [[nodiscard]] std::span<std::byte> Bytes() {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    const std::size_t skew = (kLineBytes - address % kLineBytes) % kLineBytes;
    return std::span(memory_).subspan(skew, kBytes);
  }
  Participants Create() { return *Participants::Create(Bytes(), kRows); }
  Participants::Row& Row(std::uint64_t index) {
    return reinterpret_cast<Participants::Row*>(
        Bytes().data() + Participants::kRowsOffset)[index - 1];
  }
  static ProofOfDeath ProofOf(const Participants& table, std::uint64_t index) {
    return ProofOfDeathMint::Make(index, table.Look(index).word());
  }
  // An owner of row `index`, dead.
  static OwnerId MakeDead(const Participants& table, std::uint64_t index) {
    auto dead = *table.Join(index, kIdentity);
    const OwnerId id = dead.id();
    Die(std::move(dead));
    return id;
  }

  static constexpr std::size_t kBytes = Participants::SizeFor(kRows);
  std::vector<std::byte> memory_ =
      std::vector<std::byte>(kBytes + kLineBytes, std::byte{0});
};

TEST_F(ParticipantsTest, CreateMakesFreeRowsOfAnyBytes) {
  std::ranges::fill(Bytes().subspan(8), std::byte{0xA5});
  const auto table = Create();
  EXPECT_EQ(table.count(), kRows);
  for (std::uint64_t index = 1; index <= kRows; ++index) {
    EXPECT_EQ(table.Look(index), RowState(0));
  }
  EXPECT_EQ(Participants::Create(Bytes(), kRows).error().code,
            ErrorCode::kAlreadyExists);
  ASSERT_TRUE(Participants::Reset(Bytes(), NobodyUsesIt()));
  EXPECT_TRUE(Participants::Create(Bytes(), kRows));
}

TEST_F(ParticipantsTest, ATableHasOneRowTo4096) {
  for (const std::uint64_t count :
       {std::uint64_t{0}, OwnerId::kMostOwners + 1, ~std::uint64_t{0}}) {
    const auto table = Participants::Create(Bytes(), count);
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(table.error().found, count);
  }
  EXPECT_EQ(Participants::Create(Bytes(), kRows + 1).error().code,
            ErrorCode::kTooSmall);
  EXPECT_EQ(Participants::SizeFor(OwnerId::kMostOwners), 0x80u + 0x80 * 4096);
}

TEST_F(ParticipantsTest, AttachRefusesWhatIsNoTable) {
  EXPECT_EQ(Participants::Attach(Bytes()).error().code,
            ErrorCode::kNotInitialized);
  Create();
  EXPECT_EQ(Participants::Attach(Bytes())->count(), kRows);
  EXPECT_EQ(Participants::Attach(Bytes().first(0x80)).error().code,
            ErrorCode::kTooSmall);
  EXPECT_EQ(Participants::Attach(Bytes().first(0x100)).error().code,
            ErrorCode::kCorrupt)
      << "five rows in the bytes of one";
  auto* memory = reinterpret_cast<Participants::Memory*>(Bytes().data());
  for (const std::uint64_t count :
       {std::uint64_t{0}, kRows + 1, std::uint64_t{1} << 60}) {
    memory->count.store(count, kRelaxed);
    const auto table = Participants::Attach(Bytes());
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(table.error().found, count);
  }
}

TEST_F(ParticipantsTest, ARowHasOneOwnerAtATimeAndEachIsAnother) {
  const auto table = Create();
  std::optional<OwnerId> before;
  for (std::uint64_t generation = 1; generation <= 3; ++generation) {
    const auto owner = table.Join(2, kIdentity);
    ASSERT_TRUE(owner);
    EXPECT_TRUE(owner->is_joined());
    EXPECT_EQ(owner->id(), OwnerId::Of(2, generation));
    EXPECT_EQ(table.Look(2).phase(), Phase::kAnnounced);
    EXPECT_EQ(table.IdentityOf(owner->id()), kIdentity);
    EXPECT_FALSE(before && table.IdentityOf(*before)) << "another's identity";
    const auto second = table.Join(2, kIdentity);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kBusy);
    before = owner->id();
  }
  EXPECT_EQ(table.Look(2).phase(), Phase::kFree);
  EXPECT_EQ(table.Look(2).generation(), 3u);
  EXPECT_FALSE(table.IdentityOf(*before)) << "it has left";
}

TEST_F(ParticipantsTest, OnlyRowsOfTheTableCanBeHad) {
  const auto table = Create();
  for (const std::uint64_t index :
       {std::uint64_t{0}, kRows + 1, ~std::uint64_t{0}}) {
    EXPECT_EQ(table.Join(index, kIdentity).error().code,
              ErrorCode::kInvalidArgument);
    EXPECT_EQ(table.Look(index), RowState(0));
  }
  EXPECT_FALSE(table.IdentityOf(OwnerId()));
  EXPECT_FALSE(table.IdentityOf(OwnerId::Unowned()));
  EXPECT_TRUE(table.Join(1, kIdentity));
  EXPECT_TRUE(table.Join(kRows, kIdentity));
}

TEST_F(ParticipantsTest, GenerationsWrapBelowTheHand) {
  const auto table = Create();
  constexpr std::uint64_t kLast = OwnerId::kGenerations - 1;
  Row(1).state.store(kLast - 8, kRelaxed);
  for (std::uint64_t i = 1; i <= 12; ++i) {
    const auto owner = table.Join(1, kIdentity);
    ASSERT_TRUE(owner);
    EXPECT_EQ(owner->id(), OwnerId::Of(1, (kLast - 8 + i) % (kLast + 1)));
    EXPECT_TRUE(table.IdentityOf(owner->id()));
  }
}

TEST_F(ParticipantsTest, AMovedOwnerLeavesOnce) {
  const auto table = Create();
  Participant owner;
  EXPECT_FALSE(owner.is_joined());
  {
    Participant first = *table.Join(1, kIdentity);
    owner = std::move(first);
  }
  EXPECT_EQ(table.Look(1).phase(), Phase::kAnnounced);
  owner.Leave();
  EXPECT_FALSE(owner.is_joined());
  const auto next = table.Join(1, kIdentity);
  owner.Leave();
  EXPECT_EQ(table.Look(1).phase(), Phase::kAnnounced) << "it left for another";
}

TEST_F(ParticipantsTest, TheDeadKeepTheirRowUntilRecoverHasRun) {
  const auto table = Create();
  const auto survivor = *table.Join(2, kIdentity);
  const OwnerId dead = MakeDead(table, 1);
  EXPECT_EQ(table.Join(1, kIdentity).error().code, ErrorCode::kBusy);
  auto recovery = table.Recover(ProofOf(table, 1), survivor);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->dead().id(), dead);
  EXPECT_EQ(table.Look(1).phase(), Phase::kRecovering);
  EXPECT_EQ(table.Look(1).hand(), 2u);
  EXPECT_FALSE(table.IdentityOf(dead));
  EXPECT_EQ(table.Join(1, kIdentity).error().code, ErrorCode::kBusy);
  ASSERT_TRUE(recovery->Finish());
  EXPECT_EQ(table.Join(1, kIdentity)->id(), dead.Next());
  EXPECT_EQ(recovery->Finish().error().code, ErrorCode::kRoleTaken);
}

TEST_F(ParticipantsTest, OneProofElectsOneRecoverer) {
  const auto table = Create();
  const auto one = *table.Join(2, kIdentity);
  const auto other = *table.Join(3, kIdentity);
  MakeDead(table, 1);
  const ProofOfDeath death = ProofOf(table, 1);
  auto recovery = table.Recover(death, one);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(table.Recover(death, other).error().code, ErrorCode::kRoleTaken);
  ASSERT_TRUE(recovery->Finish());
  EXPECT_EQ(table.Recover(death, other).error().code, ErrorCode::kRoleTaken);
  const auto next = table.Join(1, kIdentity);
  EXPECT_EQ(table.Recover(death, other).error().code, ErrorCode::kRoleTaken)
      << "a late proof hits the next owner";
}

TEST_F(ParticipantsTest, ADroppedRecoveryFallsToAnother) {
  const auto table = Create();
  const auto one = *table.Join(2, kIdentity);
  const auto other = *table.Join(3, kIdentity);
  const OwnerId dead = MakeDead(table, 1);
  { const auto recovery = table.Recover(ProofOf(table, 1), one); }
  EXPECT_EQ(table.Look(1).phase(), Phase::kOwned);
  EXPECT_FALSE(table.IdentityOf(dead));
  auto again = table.Recover(ProofOf(table, 1), other);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->dead().id(), dead);
  EXPECT_TRUE(again->Finish());
}

TEST_F(ParticipantsTest, ARecovererThatDiesIsRecoveredWithWhatItWasAt) {
  const auto table = Create();
  const auto last = *table.Join(5, kIdentity);
  // Row 4 died while it recovered 1 and 3.
  auto recoverer = *table.Join(4, kIdentity);
  const OwnerId first = MakeDead(table, 1);
  const OwnerId third = MakeDead(table, 3);
  Die(*table.Recover(ProofOf(table, 1), recoverer));
  Die(*table.Recover(ProofOf(table, 3), recoverer));
  Die(std::move(recoverer));

  auto recovery = table.Recover(ProofOf(table, 4), last);
  ASSERT_TRUE(recovery);
  for (const OwnerId dead : {first, third}) {
    const auto early = recovery->Finish();
    ASSERT_FALSE(early);
    EXPECT_EQ(early.error().code, ErrorCode::kBusy);
    EXPECT_EQ(early.error().found, dead.index());
    auto inherited = recovery->Inherit();
    ASSERT_TRUE(inherited);
    EXPECT_EQ(inherited->dead().id(), dead);
    EXPECT_TRUE(inherited->Finish());
  }
  EXPECT_EQ(recovery->Inherit().error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(recovery->Finish());
  for (const std::uint64_t index : {1u, 3u, 4u}) {
    EXPECT_EQ(table.Look(index).phase(), Phase::kFree);
  }
}

// The row that the dead recoverer was at, without its own.
TEST_F(ParticipantsTest, ARecoveryIsTakenOverFromADeadRecoverer) {
  const auto table = Create();
  const auto last = *table.Join(5, kIdentity);
  auto recoverer = *table.Join(4, kIdentity);
  MakeDead(table, 1);
  Die(*table.Recover(ProofOf(table, 1), recoverer));
  EXPECT_EQ(table.Look(1).ActorOf(1), 4u);
  auto recovery = table.Recover(ProofOf(table, 1), last);
  ASSERT_TRUE(recovery);
  EXPECT_TRUE(recovery->Finish());
}

TEST_F(ParticipantsTest, WhoHasNoRowRecoversInPlace) {
  const auto table = Create();
  for (std::uint64_t index = 1; index <= kRows; ++index) {
    MakeDead(table, index);
  }
  auto recovery = table.RecoverInPlace(ProofOf(table, 3));
  ASSERT_TRUE(recovery);
  EXPECT_EQ(table.Look(3).ActorOf(3), 3u);
  auto successor = recovery->Succeed({21, 22, 23, 24});
  ASSERT_TRUE(successor);
  EXPECT_EQ(successor->id(), OwnerId::Of(3, 2));
  EXPECT_EQ(table.IdentityOf(successor->id())->pid, 21u);
  EXPECT_FALSE(recovery->Succeed(kIdentity));
  // And goes on with the others as anybody does.
  auto other = table.Recover(ProofOf(table, 1), *successor);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->Succeed(kIdentity).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(other->Finish());
}

TEST_F(ParticipantsTest, ASuccessorInPlaceInheritsFirst) {
  const auto table = Create();
  auto recoverer = *table.Join(4, kIdentity);
  const OwnerId dead = MakeDead(table, 1);
  Die(*table.Recover(ProofOf(table, 1), recoverer));
  Die(std::move(recoverer));
  auto recovery = table.RecoverInPlace(ProofOf(table, 4));
  ASSERT_TRUE(recovery);
  EXPECT_EQ(recovery->Succeed(kIdentity).error().code, ErrorCode::kBusy);
  auto inherited = recovery->Inherit();
  ASSERT_TRUE(inherited);
  EXPECT_EQ(inherited->dead().id(), dead);
  EXPECT_TRUE(inherited->Finish());
  EXPECT_TRUE(recovery->Succeed(kIdentity));
}

TEST_F(ParticipantsTest, NobodyIsNotRecovered) {
  const auto table = Create();
  const auto survivor = *table.Join(2, kIdentity);
  const auto code = [&](std::uint64_t index, std::uint64_t state) {
    return table.Recover(ProofOfDeathMint::Make(index, state), survivor)
        .error()
        .code;
  };
  EXPECT_EQ(code(1, 0), ErrorCode::kInvalidArgument) << "a free row";
  EXPECT_EQ(code(1, std::uint64_t{0x7777} << 48), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(0, table.Look(2).word()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code(kRows + 1, table.Look(2).word()), ErrorCode::kInvalidArgument);
  EXPECT_EQ(table.Recover(ProofOf(table, 2), Participant()).error().code,
            ErrorCode::kInvalidArgument)
      << "by nobody";
}

// One that the kernel wrongly called dead, were there such a kernel.
TEST_F(ParticipantsTest, WhoComesBackFromTheDeadSpoilsNothing) {
  const auto table = Create();
  const auto survivor = *table.Join(2, kIdentity);
  auto owner = *table.Join(1, kIdentity);
  auto recovery = *table.Recover(ProofOf(table, 1), survivor);
  owner.Leave();
  EXPECT_EQ(table.Look(1).phase(), Phase::kRecovering);
  EXPECT_TRUE(recovery.Finish());
  EXPECT_EQ(table.Look(1).generation(), 1u);
}

TEST_F(ParticipantsTest, EveryRowOfTheLargestTableCanBeOwned) {
  std::vector<std::byte> memory(
      static_cast<std::size_t>(Participants::SizeFor(OwnerId::kMostOwners)) +
      kLineBytes);
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  const auto bytes = std::span(memory).subspan(
      (kLineBytes - address % kLineBytes) % kLineBytes);
  const auto table = *Participants::Create(bytes, OwnerId::kMostOwners);
  std::vector<Participant> owners;
  for (std::uint64_t index = 1; index <= table.count(); ++index) {
    owners.push_back(*table.Join(index, kIdentity));
    ASSERT_EQ(owners.back().id(), OwnerId::Of(index, 1));
  }
  // The last one recovers the one before it: no index is cut.
  Die(std::move(owners[4094]));
  auto recovery = table.Recover(ProofOf(table, 4095), owners[4095]);
  ASSERT_TRUE(recovery);
  EXPECT_EQ(table.Look(4095).hand(), OwnerId::kMostOwners);
  EXPECT_TRUE(recovery->Finish());
}

}  // namespace
}  // namespace placid
