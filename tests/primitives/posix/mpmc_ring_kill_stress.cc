// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

#include "placid/primitives/mpmc_ring.h"
#include "tests/primitives/posix/killing.h"
#include "tests/primitives/posix/some_takers.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

template <std::uint64_t kCapacity, Delivery kDelivery>
struct MpmcKillCast {
  using Queue = MpmcRing<KilledValue, kCapacity>;
  static constexpr bool kIsTotal = true;
  static constexpr bool kComesAgain = kDelivery == Delivery::kAtLeastOnce;

  static Result<Queue> Create(std::span<std::byte> bytes) {
    return Queue::Create(bytes);
  }
  static auto ClaimProducer(const Queue& queue, std::size_t, OwnerId by) {
    return queue.ClaimProducer(by);
  }
  static auto ClaimConsumer(const Queue& queue, OwnerId by) {
    return queue.ClaimConsumer(kDelivery, by);
  }
  static RingResult Push(typename Queue::Producer& producer,
                         const KilledValue& value) {
    return producer.TryPush(value);
  }
  static RingResult Pop(typename Queue::Consumer& consumer,
                        KilledValue& value) {
    return consumer.TryPop(value);
  }
  static void Recover(const Queue& queue, const DeadOwner& dead) {
    (void)queue.Recover(dead);
  }
};

template <typename Cast>
class MpmcRingKillStress : public ::testing::Test {};
using MpmcKillCasts = ::testing::Types<MpmcKillCast<64, Delivery::kAtMostOnce>,
                                       MpmcKillCast<4, Delivery::kAtLeastOnce>>;
TYPED_TEST_SUITE(MpmcRingKillStress, MpmcKillCasts);

// A claim that nobody can recover wedges the consumers; one that is given up
// although it was committed is lost; a slot that two take, or that is given back
// and offered as well, shows as a value that comes again.
TYPED_TEST(MpmcRingKillStress, WhatWasCommittedArrivesAsItsDeliverySays) {
  const std::uint64_t seed = DrawSeed();
  const TwoViews views(TypeParam::Queue::SizeFor());
  Killing<TypeParam, SomeTakers<TypeParam>> killing(views.first(), seed);
  ASSERT_TRUE(killing.Run(Kills() / 2));
  // Nothing has leaked: every slot can be used.
  auto producer = *killing.queue().ClaimProducer();
  const KilledValue value{};
  for (std::uint64_t i = 0; i < killing.queue().capacity(); ++i) {
    ASSERT_EQ(producer.TryPush(value), RingResult::kOk);
  }
  EXPECT_EQ(producer.TryPush(value), RingResult::kFull);
}

// What a process has open, and its memory, and the most that a child had.
struct Footprint {
  std::ptrdiff_t descriptors = 0;
  long own_kib = 0;  // not shared: the ledger, which is, grows with each value
  long childs_kib = 0;

  static Footprint Now() {
    rusage childs{};
    getrusage(RUSAGE_CHILDREN, &childs);
    const std::filesystem::directory_iterator open("/dev/fd");
    return {std::distance(begin(open), end(open)), OwnKib(), childs.ru_maxrss};
  }
  static long OwnKib() {
    std::ifstream status("/proc/self/status");
    std::string word;
    long kib = 0;
    while (status >> word) {
      if (word == "RssAnon:") status >> kib;
    }
    return kib;
  }
  void Print(std::uint64_t deaths) const {
    std::printf("%llu deaths: %td descriptors, %ld KiB, a child at most %ld\n",
                static_cast<unsigned long long>(deaths), descriptors, own_kib,
                childs_kib);
  }
};

// Ten producers and ten consumers, each of which may be killed at any moment:
// for ten minutes with PLACID_KILLS=360000. Catches what adds up: a slot, a
// descriptor or a page for each death.
TEST(MpmcRingTenAndTenKillStress, NothingCommittedIsLostAndNothingGrows) {
  const std::uint64_t seed = DrawSeed();
  using Cast = MpmcKillCast<1024, Delivery::kAtLeastOnce>;
  const TwoViews views(Cast::Queue::SizeFor());
  Killing<Cast, SomeTakers<Cast, 10, 20>, 10> killing(views.first(), seed);
  const std::uint64_t deaths = Kills() / 10;
  Footprint early;
  Footprint late;
  const auto look = [&](std::uint64_t death) {
    if (death == deaths / 5) early = Footprint::Now();
    if (death == deaths - 1) late = Footprint::Now();
  };
  ASSERT_TRUE(
      killing.Run(deaths, {.longest_lull_us = 30'000, .after_each = look}));
  early.Print(deaths / 5);
  late.Print(deaths);
  EXPECT_EQ(late.descriptors, early.descriptors);
  constexpr long kNoiseKib = 4096;
  EXPECT_LE(late.own_kib, early.own_kib + kNoiseKib);
  EXPECT_LE(late.childs_kib, early.childs_kib + kNoiseKib);
}

}  // namespace
}  // namespace placid::testing
