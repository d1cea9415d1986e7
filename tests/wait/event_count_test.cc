// SPDX-License-Identifier: Apache-2.0
#include "placid/wait/event_count.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

static_assert(Placeable<EventCount>);
static_assert(EventCount::SizeFor() == 8);
static_assert(sizeof(EventCount::Storage) == 8);
static_assert(EventCount::kSliceNs <= 100'000'000, "what a lost wake may cost");

constexpr std::int64_t kNever = INT64_MAX;

// Of the word of wakes, from zero and across its end: 8 below 2^32.
class EventCountTest : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  EventCountTest() { memory().state.store(GetParam(), kRelaxed); }

  EventCount::Memory& memory() {
    return *reinterpret_cast<EventCount::Memory*>(guarded_.bytes().data());
  }
  std::uint32_t State() { return memory().state.load(kRelaxed) - GetParam(); }

  testing::GuardedBytes guarded_{8, /*alignment=*/8};
  const EventCount event_ = *EventCount::Attach(guarded_.bytes());
  EventCount::Sleeper sleeper_ = event_.MakeSleeper();
};
INSTANTIATE_TEST_SUITE_P(From, EventCountTest,
                         ::testing::Values(0, UINT32_MAX - 7, UINT32_MAX - 1));

TEST_P(EventCountTest, NotifyingNobodyStoresNothing) {
  event_.MakeNotifier().Notify();
  EXPECT_EQ(State(), 0u);
  auto asymmetric = event_.MakeAsymmetricNotifier();
  asymmetric.Notify();
  EXPECT_EQ(State(), 0u);
}

TEST_P(EventCountTest, SleepersShareOneFlagThatTheWakerClears) {
  auto other = event_.MakeSleeper();
  sleeper_.Arm();
  other.Arm();
  sleeper_.Arm();
  EXPECT_EQ(State(), 1u);
  event_.MakeNotifier().Notify();
  EXPECT_EQ(State(), 2u);
  event_.MakeNotifier().Notify();
  EXPECT_EQ(State(), 2u) << "nobody is armed any more";
  sleeper_.Arm();
  auto asymmetric = event_.MakeAsymmetricNotifier();
  asymmetric.Notify();
  EXPECT_EQ(State(), 4u);
}

// A wake between arming and sleeping must not be slept through, by whomever.
TEST_P(EventCountTest, WhoWasWokenBeforeItSleepsDoesNot) {
  sleeper_.Arm();
  event_.MakeNotifier().Notify();
  EXPECT_TRUE(sleeper_.Sleep(kNever) || !os::HasFutex());
  sleeper_.Arm();
  event_.MakeAsymmetricNotifier().Notify();
  EXPECT_TRUE(sleeper_.Sleep(kNever) || !os::HasFutex());
  sleeper_.Arm();
  event_.WakeAll();
  EXPECT_TRUE(sleeper_.Sleep(kNever) || !os::HasFutex());
}

TEST_P(EventCountTest, ASleepEndsAtItsDeadline) {
  sleeper_.Arm();
  const std::int64_t until = os::MonotonicNow() + 5'000'000;
  while (os::MonotonicNow() < until) EXPECT_FALSE(sleeper_.Sleep(until));
  EXPECT_FALSE(sleeper_.Sleep(0)) << "a deadline long past";
}

// What a peer that never wakes costs.
TEST_P(EventCountTest, ASleepWithoutDeadlineEndsWithItsSlice) {
  sleeper_.Arm();
  const std::int64_t before = os::MonotonicNow();
  EXPECT_FALSE(sleeper_.Sleep(kNever));
  const std::int64_t took = os::MonotonicNow() - before;
  EXPECT_TRUE(took >= EventCount::kSliceNs || !os::HasFutex()) << took;
  EXPECT_EQ(State(), 1u) << "still armed: the next publisher wakes";
}

TEST_P(EventCountTest, WakingAllMovesOnWhateverThereIs) {
  event_.WakeAll();
  EXPECT_EQ(State(), 1u) << "as if armed: one wake for nothing";
  sleeper_.Arm();
  EXPECT_EQ(State(), 1u);
  event_.WakeAll();
  EXPECT_EQ(State(), 2u);
}

TEST_P(EventCountTest, AnAsymmetricPublisherDeclaresItselfWhereItNeedNotFence) {
  EXPECT_EQ(memory().mode.load(kRelaxed), 0u);
  (void)event_.MakeNotifier();
  EXPECT_EQ(memory().mode.load(kRelaxed), 0u) << "publishers fence";
  const auto notifier = event_.MakeAsymmetricNotifier();
  EXPECT_EQ(notifier.fences(), !os::FencePeers());
  EXPECT_EQ(memory().mode.load(kRelaxed), notifier.fences() ? 0u : 1u);
}

TEST_P(EventCountTest, ASleeperIsWokenByEitherKindOfPublisher) {
  Atomic<std::uint32_t> item{0};
  const auto await = [&](std::uint32_t number) {
    auto sleeper = event_.MakeSleeper();
    while (item.load(kAcquire) < number) {
      sleeper.Arm();
      if (item.load(kAcquire) < number) (void)sleeper.Sleep(kNever);
    }
  };
  std::thread first([&] { await(1); });
  std::thread second([&] { await(2); });
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  item.store(1, kRelease);
  event_.MakeNotifier().Notify();
  first.join();
  item.store(2, kRelease);
  event_.MakeAsymmetricNotifier().Notify();
  second.join();
}

// ---- Herds

constexpr std::uint32_t kHerd = 2;  // of mode

// As many threads as make a herd, each asleep until an item is there.
class Herd {
 public:
  static constexpr std::uint32_t kSize = 64;

  explicit Herd(EventCount event) : event_(event) {
    for (std::uint32_t i = 0; i < kSize; ++i) {
      threads_.emplace_back([this] { Sleep(); });
    }
  }
  ~Herd() {
    for (std::thread& thread : threads_) thread.join();
  }
  Herd(const Herd&) = delete;
  Herd& operator=(const Herd&) = delete;

  // Returns once all have armed, and have had time to fall asleep.
  void Settle() const {
    while (armed_.load(kRelaxed) < kSize) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  // Returns once all have seen it.
  void Publish() {
    armed_.store(0, kRelaxed);
    const std::uint32_t item = item_.load(kRelaxed) + 1;
    item_.store(item, kRelease);
    event_.MakeNotifier().Notify();
    while (seen_.load(kRelaxed) < item * kSize) std::this_thread::yield();
  }
  void PublishLast() {
    is_last_.store(1, kRelaxed);
    Publish();
  }

 private:
  void Sleep() {
    auto sleeper = event_.MakeSleeper();
    for (std::uint32_t seen = 0;;) {
      bool has_armed = false;
      while (item_.load(kAcquire) == seen) {
        sleeper.Arm();
        if (item_.load(kAcquire) != seen) break;
        if (!std::exchange(has_armed, true)) armed_.fetch_add(1, kRelaxed);
        (void)sleeper.Sleep(kNever);
      }
      ++seen;
      const bool is_last = is_last_.load(kRelaxed) != 0;
      seen_.fetch_add(1, kRelease);
      if (is_last) return;
    }
  }

  const EventCount event_;
  Atomic<std::uint32_t> item_{0};
  Atomic<std::uint32_t> seen_{0};
  Atomic<std::uint32_t> armed_{0};
  Atomic<std::uint32_t> is_last_{0};
  std::vector<std::thread> threads_;
};

// From the first on; whenever it is that more than a publisher's share are found
// asleep. That no wake is lost shows in the model; here, that all go on.
TEST_P(EventCountTest, AllOfAHerdAreWokenByEachPublish) {
  Herd herd(event_);
  const bool has_shares = os::SharesOfHerd().by_waker != os::kAllSleepers;
  for (int i = 0; i < 3 || (has_shares && memory().mode.load(kRelaxed) == 0);
       ++i) {
    herd.Settle();
    herd.Publish();
  }
  EXPECT_EQ(memory().mode.load(kRelaxed), has_shares ? kHerd : 0);
  herd.Settle();
  herd.PublishLast();
}

// Sleepers who tell how they woke, and wake nobody else: those that the
// publisher has woken itself.
TEST_P(EventCountTest, APublisherWakesItsShareOfAHerdThatWasMetBefore) {
  const int share = os::SharesOfHerd().by_waker;
  memory().mode.store(kHerd, kRelaxed);
  sleeper_.Arm();
  const std::uint32_t armed = memory().state.load(kRelaxed);
  Atomic<std::uint32_t> woken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 32; ++i) {
    threads.emplace_back([&] {
      if (os::FutexWait(&memory().state, armed,
                        os::MonotonicNow() + EventCount::kSliceNs) ==
          os::WaitResult::kWoken) {
        woken.fetch_add(1, kRelaxed);
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  event_.MakeNotifier().Notify();
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(static_cast<int>(woken.load(kRelaxed)), share);
  EXPECT_EQ(State(), 2u);
}

// Also those of whom no newer wake knows any more. Tried again where one of them
// came too late to sleep.
TEST_P(EventCountTest, WhoIsWokenOfAHerdWakesTwoWhoAreBehindAndNobodyElse) {
  if (os::SharesOfHerd().by_waker == os::kAllSleepers) return;
  memory().mode.store(kHerd, kRelaxed);
  constexpr std::int64_t kLong = 10'000'000'000;
  constexpr std::int64_t kShort = 30'000'000;
  const auto settle = [] {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  };
  const auto bit_of = [](std::uint32_t state) {
    return std::uint32_t{1} << (state / 2 % 32);
  };
  const auto arm = [&](EventCount::Sleeper& sleeper) {
    sleeper.Arm();
    return memory().state.load(kRelaxed);
  };
  const auto sleep_on = [&](std::uint32_t state, std::int64_t time_ns) {
    return os::FutexWait(&memory().state, state, os::MonotonicNow() + time_ns,
                         bit_of(state)) == os::WaitResult::kWoken;
  };
  int passed_on = 0;
  for (int round = 0; round < 50 && passed_on < 2; ++round) {
    const std::uint32_t old = arm(sleeper_);
    std::thread first([&] { (void)sleeper_.Sleep(kNever); });
    settle();
    Atomic<std::uint32_t> woken{0};
    std::vector<std::thread> behind;
    for (int i = 0; i < 4; ++i) {
      behind.emplace_back([&] {
        if (sleep_on(old, kLong)) woken.fetch_add(1, kRelaxed);
      });
    }
    settle();
    memory().state.fetch_add(1, kRelaxed);  // a wake that has reached nobody yet
    auto other = event_.MakeSleeper();
    const std::uint32_t armed = arm(other);
    bool was_disturbed = false;
    std::thread newcomer([&] { was_disturbed = sleep_on(armed, kShort); });
    settle();
    os::FutexWake(&memory().state, 1, bit_of(old));  // the first
    first.join();
    const int rest =
        os::FutexWake(&memory().state, os::kAllSleepers, bit_of(old));
    for (std::thread& thread : behind) thread.join();
    newcomer.join();
    EXPECT_FALSE(was_disturbed);
    passed_on = static_cast<int>(woken.load(kRelaxed)) - rest;
    EXPECT_LE(passed_on, 2);
  }
  EXPECT_EQ(passed_on, 2);
}

TEST(EventCountPlaceTest, BadPlacesAreRefused) {
  const testing::GuardedBytes more(16, /*alignment=*/8);
  EXPECT_EQ(EventCount::Attach(more.bytes().first(7)).error().code,
            ErrorCode::kTooSmall);
  EXPECT_EQ(EventCount::Attach(more.bytes().subspan(4, 8)).error().code,
            ErrorCode::kMisaligned);
  EXPECT_TRUE(EventCount::Attach(more.bytes().subspan(8)));
  EXPECT_TRUE(std::ranges::all_of(
      more.bytes(), [](std::byte byte) { return byte == std::byte{}; }));
}

// Whatever a peer left there: a deadline ends the wait, a notification wakes.
TEST(EventCountPlaceTest, AnyBytesAreAnEventCount) {
  const testing::GuardedBytes guarded(8, /*alignment=*/8);
  for (const int fill : {0x00, 0x01, 0xA5, 0xFE, 0xFF}) {
    std::ranges::fill(guarded.bytes(), static_cast<std::byte>(fill));
    const EventCount event = *EventCount::Attach(guarded.bytes());
    auto sleeper = event.MakeSleeper();
    sleeper.Arm();
    EXPECT_FALSE(sleeper.Sleep(os::MonotonicNow() + 1'000'000));
    event.MakeNotifier().Notify();
    EXPECT_TRUE(sleeper.Sleep(kNever) || !os::HasFutex());
  }
}

}  // namespace
}  // namespace placid
