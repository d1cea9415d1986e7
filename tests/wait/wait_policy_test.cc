// SPDX-License-Identifier: Apache-2.0
#include "placid/wait/wait_policy.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>

#include "placid/os/futex.h"
#include "placid/wait/deadline.h"

namespace placid {
namespace {

constexpr WaitPolicy kPolicy{.least_spin_ns = 2'000, .most_spin_ns = 50'000};

void LearnMany(SpinBudget& budget, std::int64_t took_ns, bool has_slept) {
  for (int i = 0; i < 100; ++i) budget.Learn(took_ns, has_slept);
}

TEST(SpinBudgetTest, AWaiterThatKnowsNothingSpinsTheLeast) {
  EXPECT_EQ(SpinBudget(kPolicy).Next(), 2'000);
}

TEST(SpinBudgetTest, ShortWaitsAreSpunForFourTimesAsLongAsTheyTake) {
  SpinBudget budget(kPolicy);
  LearnMany(budget, 8'000, false);
  EXPECT_NEAR(static_cast<double>(budget.Next()), 32'000, 100);
  LearnMany(budget, 40'000, false);
  EXPECT_EQ(budget.Next(), 50'000) << "never longer than the most";
}

// Spinning for what will not come in time is pure loss.
TEST(SpinBudgetTest, LongWaitsAreHardlySpunFor) {
  SpinBudget budget(kPolicy);
  LearnMany(budget, 1'000'000, true);
  EXPECT_EQ(budget.Next(), 2'000);
}

TEST(SpinBudgetTest, OneLongSilenceIsForgottenAfterAFewShortWaits) {
  SpinBudget budget(kPolicy);
  LearnMany(budget, 5'000, false);
  budget.Learn(3'600'000'000'000, true);
  for (int i = 0; i < 12; ++i) budget.Learn(5'000, false);
  EXPECT_GT(budget.Next(), 10'000);
  EXPECT_LE(budget.Next(), 50'000);
}

// A wait that slept took longer because it slept.
TEST(SpinBudgetTest, WhatASleepCostsIsNotExpectedOfTheNextWait) {
  SpinBudget budget(kPolicy);
  LearnMany(budget, 26'000, true);
  EXPECT_LE(budget.Next(), 4'000);
  LearnMany(budget, -5, true);
  EXPECT_EQ(budget.Next(), 2'000) << "a clock that stood still";
}

TEST(SpinBudgetTest, APolicyThatIsNotAdaptiveSpinsTheMost) {
  SpinBudget spin({.most_spin_ns = 7'000, .is_adaptive = false});
  SpinBudget park(WaitPolicy::Park());
  LearnMany(spin, 100, false);
  LearnMany(park, 100, false);
  EXPECT_EQ(spin.Next(), 7'000);
  EXPECT_EQ(park.Next(), 0);
}

TEST(DeadlineTest, NeverIsNeverOver) {
  EXPECT_FALSE(Deadline::Never().IsOver(INT64_MAX - 1));
  EXPECT_FALSE(
      Deadline::After(std::chrono::nanoseconds::max()).IsOver(INT64_MAX - 1));
}

TEST(DeadlineTest, ItIsOverOnceItsTimeHasCome) {
  EXPECT_FALSE(Deadline::At(100).IsOver(99));
  EXPECT_TRUE(Deadline::At(100).IsOver(100));
  const std::int64_t now = os::MonotonicNow();
  const auto later = Deadline::After(std::chrono::milliseconds(5));
  EXPECT_FALSE(later.IsOver(now + 4'999'999));
  EXPECT_TRUE(Deadline::After(std::chrono::nanoseconds::min() / 2)
                  .IsOver(os::MonotonicNow()));
  EXPECT_TRUE(
      Deadline::After(std::chrono::seconds(0)).IsOver(os::MonotonicNow()));
}

}  // namespace
}  // namespace placid
