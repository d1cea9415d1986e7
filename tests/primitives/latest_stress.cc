// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <thread>

#include "placid/primitives/latest.h"
#include "tests/primitives/newest_value.h"
#include "tests/support/checked_value.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::uint64_t kStores = kIsTsan ? 20'000 : 300'000;
constexpr std::size_t kReaders = 3;

template <typename Type>
struct ValueOf;
template <typename Value, std::uint64_t kCells>
struct ValueOf<Latest<Value, kCells>> {
  using T = Value;
};

template <typename Type>
class LatestStress : public ::testing::Test {};
using Types =
    ::testing::Types<Latest<CheckedValue<1>, 2>, Latest<CheckedValue<7>>,
                     Latest<CheckedValue<16>, 2>, Latest<CheckedValue<128>, 4>>;
TYPED_TEST_SUITE(LatestStress, Types);

// A read that misses a store in progress gives a torn value; one that accepts
// an older copy goes back.
TYPED_TEST(LatestStress, ReadersSeeWholeValuesInOrder) {
  using T = typename ValueOf<TypeParam>::T;
  const std::uint64_t seed = DrawSeed();
  const GuardedBytes guarded(TypeParam::SizeFor());
  const auto view = TypeParam::Attach(guarded.bytes());
  ASSERT_TRUE(view);
  auto writer = view->ClaimWriter();
  ASSERT_TRUE(writer);
  std::array<ReadCounts, kReaders> counts;
  std::array<std::thread, kReaders> readers;
  for (std::size_t i = 0; i < kReaders; ++i) {
    readers[i] = std::thread([&, i] {
      counts[i] = ReadAll<T>(view->MakeReader(), kStores, seed + 1 + i);
    });
  }
  StoreAll<T>(*std::move(writer), kStores, seed);
  for (std::thread& reader : readers) reader.join();
  for (const ReadCounts& count : counts) {
    EXPECT_GT(count.whole, 0u);
    std::printf("%llu reads, %llu of a new value, %llu refused\n",
                static_cast<unsigned long long>(count.whole),
                static_cast<unsigned long long>(count.changes),
                static_cast<unsigned long long>(count.refused));
  }
}

}  // namespace
}  // namespace placid::testing
