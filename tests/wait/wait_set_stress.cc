// SPDX-License-Identifier: Apache-2.0
//
// Threads of one process, through one mapping, for ThreadSanitizer.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <type_traits>
#include <utility>

#include "placid/base/cache_line.h"
#include "placid/os/futex.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

struct alignas(kLineBytes) Source {
  Atomic<std::uint64_t> tail;
  WaitMask::Storage mask;
  std::uint64_t data;  // plain: ordered by tail
};

template <Publisher kPublisher, WakeBy kBy>
struct Means {
  static constexpr WakeBy kWakeBy = kBy;
  static auto NotifierOf(Source& source, const Doorbells& doorbells) {
    const WaitMask mask = *WaitMask::Attach(source.mask);
    if constexpr (kPublisher == Publisher::kFencing) {
      return mask.MakeNotifier(doorbells);
    } else {
      return mask.MakeAsymmetricNotifier(doorbells);
    }
  }
};

template <typename Means>
class WaitSetStress : public ::testing::Test {
 protected:
  // One that waits for all `sources`.
  template <std::size_t kSources>
  WaitSet MakeSet(std::array<Source, kSources>& sources,
                  WaitPolicy policy = {}) {
    WaitSet set(
        std::move(*doorbells_.Claim(OwnerId::Unowned(), Means::kWakeBy)),
        policy);
    for (Source& source : sources) set.Add(*WaitMask::Attach(source.mask));
    return set;
  }

  Doorbells::Storage rows_{};
  const Doorbells doorbells_ = *Doorbells::Attach(rows_);
};
using AllMeans =
    ::testing::Types<Means<Publisher::kFencing, WakeBy::kFutex>,
                     Means<Publisher::kAsymmetric, WakeBy::kFutex>,
                     Means<Publisher::kFencing, WakeBy::kEvent>,
                     Means<Publisher::kAsymmetric, WakeBy::kEvent>>;
TYPED_TEST_SUITE(WaitSetStress, AllMeans);

// Each waits for the other, always asleep.
TYPED_TEST(WaitSetStress, APingPongOfSleepersLosesNoRing) {
  const std::uint64_t seed = DrawSeed();
  const std::uint64_t rounds =
      (os::HasFutex() ? (kIsTsan ? 2'000 : 10'000) : 200) + seed % 8;
  std::array<Source, 1> there{}, back{};
  const auto play = [&](auto& from, auto& to, bool is_first) {
    WaitSet set = this->MakeSet(from, WaitPolicy::Park());
    auto notifier = TypeParam::NotifierOf(to[0], this->doorbells_);
    for (std::uint64_t i = 1; i <= rounds; ++i) {
      const auto send = [&] {
        to[0].data = i;
        to[0].tail.store(i, kRelease);
        notifier.Notify();
      };
      if (is_first) send();
      const auto waited =
          set.Until([&] { return from[0].tail.load(kAcquire) == i; },
                    Deadline::After(std::chrono::seconds(60)));
      ASSERT_EQ(waited.end, WaitEnd::kAnswered);
      EXPECT_EQ(from[0].data, i);
      if (!is_first) send();
    }
  };
  std::thread other([&] { play(there, back, false); });
  play(back, there, true);
  other.join();
}

// Several publishers at sources of their own, and several who wait for all of
// them: all see all.
TYPED_TEST(WaitSetStress, EachWaiterSeesAllOfEachSource) {
  const std::uint64_t seed = DrawSeed();
  constexpr std::size_t kSources = 3;
  constexpr std::uint64_t kEach = kIsTsan ? 500 : 3'000;
  std::array<Source, kSources> sources{};
  std::array<std::thread, kSources> publishers;
  for (std::size_t s = 0; s < kSources; ++s) {
    publishers[s] = std::thread([&, s] {
      std::minstd_rand random(static_cast<unsigned>(seed + s));
      auto notifier = TypeParam::NotifierOf(sources[s], this->doorbells_);
      for (std::uint64_t i = 0; i < kEach; ++i) {
        sources[s].tail.fetch_add(1, kRelease);
        notifier.Notify();
        if (random() % 64 == 0) {
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 50));
        }
      }
    });
  }
  std::array<std::thread, 2> waiters;
  for (std::size_t w = 0; w < waiters.size(); ++w) {
    waiters[w] = std::thread([&, w] {
      WaitSet set =
          this->MakeSet(sources, w == 0 ? WaitPolicy() : WaitPolicy::Park());
      for (std::uint64_t seen = 0; seen < kSources * kEach;) {
        const auto waited = set.Until(
            [&] {
              std::uint64_t now = 0;
              for (const Source& source : sources) {
                now += source.tail.load(kAcquire);
              }
              return std::exchange(seen, now) != now;
            },
            Deadline::After(std::chrono::seconds(60)));
        ASSERT_EQ(waited.end, WaitEnd::kAnswered);
      }
    });
  }
  for (std::thread& thread : publishers) thread.join();
  for (std::thread& thread : waiters) thread.join();
}

}  // namespace
}  // namespace placid::testing
