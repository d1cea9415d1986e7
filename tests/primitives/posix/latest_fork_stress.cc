// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>

#include "placid/primitives/latest.h"
#include "tests/primitives/newest_value.h"
#include "tests/support/checked_value.h"
#include "tests/support/child.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kStores = kIsTsan ? 20'000 : 200'000;
constexpr int kKills = 40;
using T = CheckedValue<64>;
using Type = Latest<T>;

// Nothing in the bytes may mean an address, and readers may not need to write:
// they have other addresses, read-only, in other processes.
TEST(LatestForkStress, ReadersInOtherProcessesSeeWholeValuesInOrder) {
  const std::uint64_t seed = DrawSeed();
  TwoViews views(Type::SizeFor());
  views.MakeSecondReadOnly();
  const auto read = [&](std::uint64_t reader_seed) {
    const auto reader = Type::AttachReadOnly(views.second());
    ASSERT_TRUE(reader);
    EXPECT_GT(ReadAll<T>(*reader, kStores, reader_seed).whole, 0u);
  };
  Child first([&] { read(seed + 1); });
  Child second([&] { read(seed + 2); });
  auto writer = Type::Attach(views.first())->ClaimWriter();
  ASSERT_TRUE(writer);
  StoreAll<T>(*std::move(writer), kStores, seed);
  EXPECT_TRUE(first.EndsWell());
  EXPECT_TRUE(second.EndsWell());
}

// Killed wherever it happens to be. Readers must not even notice.
TEST(LatestForkStress, AKilledWriterIsSucceeded) {
  std::minstd_rand random(static_cast<unsigned>(DrawSeed()));
  const TwoViews views(Type::SizeFor());
  const auto view = Type::Attach(views.first());
  ASSERT_TRUE(view);
  auto reader = view->MakeReader();
  std::uint64_t last = 0;
  T value;
  for (int kill = 0; kill < kKills; ++kill) {
    Child child([&] {
      auto writer = Type::Attach(views.second())->ClaimWriter();
      ASSERT_TRUE(writer);
      for (std::uint64_t number = last + 1;; ++number) {
        writer->Store(T::Of(number));
      }
    });
    const std::uint64_t before = reader.Version();
    while (reader.Version() == before) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
    child.Kill();

    const RingResult result = reader.TryLoad(value);
    ASSERT_EQ(result, RingResult::kOk) << ToString(result);
    if (result == RingResult::kOk) {
      EXPECT_TRUE(value.IsWhole());
      EXPECT_GE(value.number(), last);
      last = value.number();
    }
    auto successor = view->TakeOverWriter(AttestedDeath(view->WriterHolder()));
    ASSERT_TRUE(successor);
    successor->Store(T::Of(++last));
    ASSERT_EQ(reader.TryLoad(value), RingResult::kOk);
    EXPECT_TRUE(value.IsWhole());
    EXPECT_EQ(value.number(), last);
  }
}

}  // namespace
}  // namespace placid::testing
