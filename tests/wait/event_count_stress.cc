// SPDX-License-Identifier: Apache-2.0
//
// Threads of one process, through one mapping, for ThreadSanitizer.
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <random>
#include <thread>

#include "placid/base/cache_line.h"
#include "placid/os/futex.h"
#include "placid/wait/event_count.h"
#include "placid/wait/waiter.h"
#include "tests/support/seed.h"

namespace placid::testing {
namespace {

struct alignas(kLineBytes) Channel {
  Atomic<std::uint64_t> tail;
  EventCount::Storage event;
  std::uint64_t data;  // plain: ordered by tail
};

template <Publisher kKind>
auto MakeNotifierOf(EventCount event) {
  if constexpr (kKind == Publisher::kFencing) {
    return event.MakeNotifier();
  } else {
    return event.MakeAsymmetricNotifier();
  }
}

template <typename Kind>
class EventCountStress : public ::testing::Test {};
using Kinds =
    ::testing::Types<std::integral_constant<Publisher, Publisher::kFencing>,
                     std::integral_constant<Publisher, Publisher::kAsymmetric>>;
TYPED_TEST_SUITE(EventCountStress, Kinds);

// Each waits for the other, always asleep: one lost wake-up costs a slice, and
// many of them the patience of whoever runs this.
TYPED_TEST(EventCountStress, APingPongOfSleepersLosesNoWake) {
  const std::uint64_t seed = DrawSeed();
  const std::uint64_t rounds =
      (os::HasFutex() ? (kIsTsan ? 3'000 : 20'000) : 200) + seed % 8;
  static Channel there, back;
  there = {};
  back = {};
  std::uint64_t late = 0;
  const auto send = [](Channel& channel, auto& notifier, std::uint64_t i) {
    channel.data = i;
    channel.tail.store(i, kRelease);
    notifier.Notify();
  };
  const auto receive = [](Channel& channel, EventCount::Sleeper& sleeper,
                          std::uint64_t i) {
    std::uint64_t slices = 0;
    while (channel.tail.load(kAcquire) != i) {
      sleeper.Arm();
      if (channel.tail.load(kAcquire) == i) break;
      slices += sleeper.Sleep(INT64_MAX) ? 0 : 1;
    }
    EXPECT_EQ(channel.data, i);
    return slices;
  };
  const EventCount to = *EventCount::Attach(there.event);
  const EventCount from = *EventCount::Attach(back.event);
  std::thread other([&] {
    auto notifier = MakeNotifierOf<TypeParam::value>(from);
    auto sleeper = to.MakeSleeper();
    for (std::uint64_t i = 1; i <= rounds; ++i) {
      receive(there, sleeper, i);
      send(back, notifier, i);
    }
  });
  auto notifier = MakeNotifierOf<TypeParam::value>(to);
  auto sleeper = from.MakeSleeper();
  for (std::uint64_t i = 1; i <= rounds; ++i) {
    send(there, notifier, i);
    late += receive(back, sleeper, i);
  }
  other.join();
  if (!os::HasFutex()) return;  // there every wait is slices
  std::printf("slices slept through: %llu of %llu\n",
              static_cast<unsigned long long>(late),
              static_cast<unsigned long long>(rounds));
  EXPECT_LE(late, rounds / 100);
}

// Several publishers and several waiters with every policy, and pauses between:
// all see all.
TYPED_TEST(EventCountStress, AllWaitersSeeAllThatIsPublished) {
  const std::uint64_t seed = DrawSeed();
  constexpr std::size_t kPublishers = 2;
  constexpr std::uint64_t kEach = kIsTsan ? 1'000 : 4'000;
  static Channel channel;
  channel = {};
  const EventCount event = *EventCount::Attach(channel.event);
  std::array<std::thread, kPublishers> publishers;
  for (std::size_t p = 0; p < kPublishers; ++p) {
    publishers[p] = std::thread([&, p] {
      std::minstd_rand random(static_cast<unsigned>(seed + p));
      auto notifier = MakeNotifierOf<TypeParam::value>(event);
      for (std::uint64_t i = 0; i < kEach; ++i) {
        channel.tail.fetch_add(1, kRelease);
        notifier.Notify();
        if (random() % 64 == 0) {
          std::this_thread::sleep_for(std::chrono::microseconds(random() % 50));
        }
      }
    });
  }
  std::array<std::thread, 3> waiters;
  const std::array<WaitPolicy, 3> policies{
      WaitPolicy{}, WaitPolicy::Park(),
      WaitPolicy{.most_spin_ns = 5'000, .is_adaptive = false}};
  for (std::size_t w = 0; w < waiters.size(); ++w) {
    waiters[w] = std::thread([&, w] {
      Waiter waiter(event, policies[w]);
      for (std::uint64_t seen = 0; seen < kPublishers * kEach;) {
        const auto waited = waiter.Until(
            [&] {
              const std::uint64_t now = channel.tail.load(kAcquire);
              const bool is_new = now != seen;
              seen = now;
              return is_new;
            },
            Deadline::After(std::chrono::seconds(60)));
        ASSERT_EQ(waited.end, WaitEnd::kAnswered);
      }
    });
  }
  for (std::thread& thread : publishers) thread.join();
  for (std::thread& thread : waiters) thread.join();
  EXPECT_EQ(channel.tail.load(kAcquire), kPublishers * kEach);
}

// Many, so that they wake each other, while the next publish comes at any time:
// most are behind by several when they are woken, and all get the last. As in
// the ping-pong, a wake that is lost costs a slice.
TYPED_TEST(EventCountStress, AHerdWakesItselfWhilePublishesGoOn) {
  const std::uint64_t seed = DrawSeed();
  constexpr std::size_t kHerd = 32;
  constexpr std::uint64_t kBursts = kIsTsan ? 40 : 200;
  static Channel channel;
  channel = {};
  channel.event.mode.store(2, kRelaxed);  // a herd was met before
  const EventCount event = *EventCount::Attach(channel.event);
  static Atomic<std::uint64_t> at_end;  // how many have seen a burst's last
  at_end.store(0, kRelaxed);
  std::uint64_t published = 0;
  std::array<std::uint64_t, kBursts> last{};
  std::minstd_rand random(static_cast<unsigned>(seed));
  for (std::uint64_t& each : last) each = published += 1 + random() % 4;
  std::array<std::thread, kHerd> herd;
  std::array<std::uint64_t, kHerd> late{};
  for (std::size_t i = 0; i < kHerd; ++i) {
    herd[i] = std::thread([&, i] {
      auto sleeper = event.MakeSleeper();
      for (const std::uint64_t goal : last) {
        while (channel.tail.load(kAcquire) < goal) {
          sleeper.Arm();
          if (channel.tail.load(kAcquire) >= goal) break;
          if (!sleeper.Sleep(INT64_MAX) && channel.tail.load(kAcquire) >= goal) {
            ++late[i];
          }
        }
        at_end.fetch_add(1, kRelease);
      }
    });
  }
  auto notifier = MakeNotifierOf<TypeParam::value>(event);
  std::uint64_t awaited = 0;
  for (const std::uint64_t goal : last) {
    if (random() % 2 == 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 500));
    }
    while (channel.tail.load(kRelaxed) < goal) {
      channel.tail.fetch_add(1, kRelease);
      notifier.Notify();
    }
    awaited += kHerd;
    while (at_end.load(kAcquire) < awaited) std::this_thread::yield();
  }
  for (std::thread& thread : herd) thread.join();
  if (!os::HasFutex()) return;
  const std::uint64_t all_late =
      std::accumulate(late.begin(), late.end(), std::uint64_t{0});
  std::printf("slices slept through: %llu of %llu\n",
              static_cast<unsigned long long>(all_late),
              static_cast<unsigned long long>(kBursts * kHerd));
  EXPECT_LE(all_late, kBursts * kHerd / 10);
}

}  // namespace
}  // namespace placid::testing
