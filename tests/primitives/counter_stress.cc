// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>

#include "placid/primitives/counter.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

constexpr std::size_t kThreads = 4;
constexpr int kSteps = kIsTsan ? 20'000 : 200'000;

// An addition that is lost, or done twice after a failed swap, shows in the
// sum.
TEST(CounterStress, NoAdditionIsLost) {
  const std::uint64_t seed = DrawSeed();
  const GuardedBytes guarded(Counter::SizeFor(), /*alignment=*/4);
  const auto counter = Counter::Attach(guarded.bytes());
  ASSERT_TRUE(counter);
  std::array<std::int64_t, kThreads> sums{};
  std::array<std::thread, kThreads> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads[i] = std::thread([&, i] {
      std::minstd_rand random(static_cast<unsigned>(seed + i));
      for (int step = 0; step < kSteps; ++step) {
        const std::int32_t by = static_cast<std::int32_t>(random() % 21) - 10;
        std::int32_t count = 0;
        const RingResult result = counter->Add(by, count);
        if (result == RingResult::kOk) sums[i] += by;
        if (result == RingResult::kContended) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::int64_t sum = 0;
  for (const std::int64_t part : sums) sum += part;
  EXPECT_EQ(counter->Load(), sum);
}

// What a thread did before it counted is seen by whoever reads that count: here
// plain words, which ThreadSanitizer watches.
TEST(CounterStress, ACountCarriesWhatWasDoneBefore) {
  const std::uint64_t seed = DrawSeed();
  const int rounds = 200 + static_cast<int>(seed % 10);
  for (int round = 0; round < rounds; ++round) {
    const GuardedBytes guarded(Counter::SizeFor(), /*alignment=*/4);
    const auto counter = Counter::Attach(guarded.bytes());
    std::array<int, 2> done{};
    const auto work = [&](std::size_t i) {
      done[i] = 1;
      std::int32_t count = 0;
      while (counter->Increment(count) != RingResult::kOk) {
        std::this_thread::yield();
      }
    };
    std::thread first(work, 0);
    std::thread second(work, 1);
    while (counter->Load() != 2) std::this_thread::yield();
    EXPECT_EQ(done[0] + done[1], 2);
    first.join();
    second.join();
  }
}

}  // namespace
}  // namespace placid::testing
