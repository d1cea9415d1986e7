// SPDX-License-Identifier: Apache-2.0
#include "placid/wait/doorbells.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/os/bell.h"
#include "placid/os/futex.h"
#include "tests/support/die.h"
#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

static_assert(Placeable<Doorbells>);
static_assert(sizeof(Doorbells::Storage) == 65 * kLineBytes);

constexpr std::int64_t kPast = 0;
constexpr OwnerId kAnn = *OwnerId::Of(1, 1);
constexpr OwnerId kBob = *OwnerId::Of(2, 1);

// Long enough for any machine; a ring that is lost fails then.
std::int64_t Soon() { return os::MonotonicNow() + 5'000'000'000; }

class DoorbellsTest : public ::testing::TestWithParam<WakeBy> {
 protected:
  Doorbells::Doorbell Claim(OwnerId by = OwnerId::Unowned()) {
    auto doorbell = doorbells_.Claim(by, GetParam());
    EXPECT_TRUE(doorbell) << doorbell.error().Message().c_str();
    return std::move(*doorbell);
  }
  Atomic<std::uint32_t>& Rings(std::uint32_t index) {
    return reinterpret_cast<Doorbells::Storage*>(guarded_.bytes().data())
        ->rows[index]
        .rings;
  }

  testing::GuardedBytes guarded_{sizeof(Doorbells::Storage), kLineBytes};
  const Doorbells doorbells_ = *Doorbells::Attach(guarded_.bytes());
  os::BellRope rope_;
};
INSTANTIATE_TEST_SUITE_P(By, DoorbellsTest,
                         ::testing::Values(WakeBy::kFutex, WakeBy::kEvent));

TEST_P(DoorbellsTest, EachWaiterHasOneOfItsOwnAndGivesItBack) {
  auto one = Claim();
  auto two = Claim();
  EXPECT_EQ(one.index(), 0u);
  EXPECT_EQ(two.index(), 1u);
  EXPECT_EQ(one.bit(), 1u);
  EXPECT_EQ(two.bit(), 2u);
  EXPECT_FALSE(doorbells_.Holder(0).is_free());
  { const auto dropped = std::move(one); }
  EXPECT_TRUE(doorbells_.Holder(0).is_free());
  EXPECT_EQ(Claim().index(), 0u);
}

TEST_P(DoorbellsTest, AnEventComesWithTheWish) {
  const auto doorbell = Claim();
  const bool has_event = doorbell.event() != os::kNoHandle;
  EXPECT_EQ(has_event, GetParam() == WakeBy::kEvent || !os::HasFutex());
}

TEST_P(DoorbellsTest, TheSixtyFifthWaiterIsRefused) {
  std::vector<Doorbells::Doorbell> all;
  for (std::uint32_t i = 0; i < Doorbells::kMost; ++i) {
    all.push_back(Claim());
    EXPECT_EQ(all.back().index(), i);
  }
  const auto one_more = doorbells_.Claim();
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error().code, ErrorCode::kNoSpace);
  all.erase(all.begin() + 40);
  EXPECT_EQ(Claim().index(), 40u);
}

TEST_P(DoorbellsTest, WhoWasRungSinceItLookedDoesNotSleep) {
  for (const std::uint32_t from : {0u, UINT32_MAX - 7, UINT32_MAX}) {
    auto doorbell = Claim();
    Rings(doorbell.index()).store(from, kRelaxed);
    EXPECT_EQ(doorbell.rings(), from);
    doorbells_.Ring(doorbell.index(), rope_);
    EXPECT_TRUE(doorbell.Sleep(from, Soon()));
    doorbell.Silence();
    const std::uint32_t now = doorbell.rings();
    EXPECT_EQ(now, doorbell.event() == os::kNoHandle ? from + 1 : from);
    EXPECT_FALSE(doorbell.Sleep(now, kPast));
    doorbell.Ring();
    EXPECT_TRUE(doorbell.Sleep(now, Soon()));
    doorbell.Silence();
  }
}

// Whatever index a mask of lies leads to.
TEST_P(DoorbellsTest, AnIndexBeyondTheTableWrapsIntoIt) {
  auto doorbell = Claim();
  doorbells_.Ring(Doorbells::kMost, rope_);
  EXPECT_TRUE(doorbell.Sleep(0, Soon()));
  doorbells_.Ring(UINT32_MAX, rope_);
  EXPECT_EQ(Rings(63).load(kRelaxed), 1u);
}

TEST_P(DoorbellsTest, RecoverGivesBackWhatTheDeadHadAndRingsTheOthers) {
  testing::Die(Claim(kAnn));
  auto bobs = Claim(kBob);
  testing::Die(Claim(kAnn));
  const std::uint32_t before = bobs.rings();
  EXPECT_EQ(doorbells_.Recover(DeadOwner::Attested(kAnn)), 2u);
  EXPECT_TRUE(doorbells_.Holder(0).is_free());
  EXPECT_FALSE(doorbells_.Holder(1).is_free());
  EXPECT_TRUE(doorbells_.Holder(2).is_free());
  EXPECT_TRUE(bobs.Sleep(before, Soon())) << "it was rung";
  EXPECT_EQ(Rings(2).load(kRelaxed), 0u) << "nobody is there";
  EXPECT_EQ(doorbells_.Recover(DeadOwner::Attested(kAnn)), 0u);
}

TEST_P(DoorbellsTest, AWaiterWithoutAnIdentityIsTakenOver) {
  testing::Die(Claim());
  const RoleHolder dead = doorbells_.Holder(0);
  const auto of_nobody =
      doorbells_.TakeOver(5, AttestedDeath(doorbells_.Holder(5)));
  ASSERT_FALSE(of_nobody);
  EXPECT_EQ(of_nobody.error().code, ErrorCode::kInvalidArgument);
  const auto beyond = doorbells_.TakeOver(64, AttestedDeath(dead));
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::kInvalidArgument);

  auto successor = doorbells_.TakeOver(0, AttestedDeath(dead),
                                       OwnerId::Unowned(), GetParam());
  ASSERT_TRUE(successor);
  EXPECT_EQ(successor->index(), 0u);
  const std::uint32_t before = successor->rings();
  doorbells_.Ring(0, rope_);
  EXPECT_TRUE(successor->Sleep(before, Soon()));
  const auto late = doorbells_.TakeOver(0, AttestedDeath(dead));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kRoleTaken);
}

TEST_P(DoorbellsTest, NobodyClaimsNothing) {
  const auto doorbell = doorbells_.Claim(OwnerId());
  ASSERT_FALSE(doorbell);
  EXPECT_EQ(doorbell.error().code, ErrorCode::kInvalidArgument);
}

// What its last waiter left there does not matter to the next.
TEST_P(DoorbellsTest, TheNextWaiterIsRungItsOwnWay) {
  {
    const auto with_event = doorbells_.Claim(kAnn, WakeBy::kEvent);
    ASSERT_TRUE(with_event);
  }
  auto doorbell = Claim();
  const std::uint32_t before = doorbell.rings();
  doorbells_.Ring(0, rope_);
  EXPECT_TRUE(doorbell.Sleep(before, Soon()));
}

TEST(Doorbells, ASmallTableIsFullSooner) {
  static Doorbells::StorageOf<2> storage;
  static_assert(sizeof(storage) == Doorbells::SizeFor(2));
  const auto doorbells = *Doorbells::Attach(storage);
  EXPECT_EQ(doorbells.count(), 2u);
  const auto one = doorbells.Claim();
  const auto two = doorbells.Claim();
  ASSERT_TRUE(one && two);
  EXPECT_EQ(doorbells.Claim().error().code, ErrorCode::kNoSpace);
  os::BellRope rope;
  doorbells.Ring(3, rope);
  EXPECT_EQ(two->rings(), os::HasFutex() ? 1u : 0u) << "3 modulo 2";
}

TEST(Doorbells, BadPlacesAreRefused) {
  alignas(kLineBytes) static std::array<std::byte, 66 * kLineBytes> bytes{};
  const auto code = [](const auto& result) {
    return result ? std::optional<ErrorCode>() : result.error().code;
  };
  const auto all = std::span(bytes);
  EXPECT_EQ(code(Doorbells::Attach(all.first(Doorbells::SizeFor() - 1))),
            ErrorCode::kTooSmall);
  EXPECT_EQ(code(Doorbells::Attach(all.subspan(8))), ErrorCode::kMisaligned);
  EXPECT_EQ(code(Doorbells::Create(all.subspan(8))), ErrorCode::kMisaligned);
  EXPECT_EQ(code(Doorbells::Reset(all.subspan(8), NobodyUsesIt())),
            ErrorCode::kMisaligned);
  for (const std::uint32_t count : {0u, 65u}) {
    EXPECT_EQ(code(Doorbells::Create(all, count)), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code(Doorbells::Attach(all, count)), ErrorCode::kInvalidArgument);
    EXPECT_EQ(code(Doorbells::Reset(all, NobodyUsesIt(), count)),
              ErrorCode::kInvalidArgument);
  }
  ASSERT_TRUE(Doorbells::Create(all));
  EXPECT_EQ(code(Doorbells::Attach(all, 3)), ErrorCode::kWrongElement);
  EXPECT_EQ(code(Doorbells::Create(all)), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(Doorbells::Attach(all));
  ASSERT_TRUE(Doorbells::Reset(all, NobodyUsesIt()));
  ASSERT_TRUE(Doorbells::Attach(all)) << "and stamped again";
  std::memset(bytes.data(), 0x55, 8);
  EXPECT_EQ(code(Doorbells::Attach(all)), ErrorCode::kNotPlacid);
  EXPECT_EQ(code(Doorbells::Create(all)), ErrorCode::kAlreadyExists);
}

}  // namespace
}  // namespace placid
