// SPDX-License-Identifier: Apache-2.0
#include "placid/wait/event_count.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>

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
