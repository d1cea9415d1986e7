// SPDX-License-Identifier: Apache-2.0
#include "placid/wait/wait_set.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "placid/base/stop.h"
#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "placid/primitives/ring_result.h"
#include "placid/wait/wait_mask.h"
#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

using namespace std::chrono_literals;  // NOLINT

static_assert(Placeable<WaitMask>);
static_assert(WaitMask::SizeFor() == 16);
static_assert(sizeof(WaitMask::Storage) == 16);
static_assert(WaitSet::kSliceNs <= 100'000'000, "what a lost ring may cost");

constexpr std::int64_t kNever = INT64_MAX;

class WaitSetTest : public ::testing::TestWithParam<WakeBy> {
 protected:
  Doorbells::Doorbell Claim() {
    return std::move(*doorbells_.Claim(OwnerId::Unowned(), GetParam()));
  }
  std::uint64_t Armed(std::size_t source) {
    return storage_[source].armed.load(kRelaxed);
  }

  Doorbells::Storage rows_{};
  std::array<WaitMask::Storage, 2> storage_{};
  const Doorbells doorbells_ = *Doorbells::Attach(rows_);
  const WaitMask one_ = *WaitMask::Attach(storage_[0]);
  const WaitMask two_ = *WaitMask::Attach(storage_[1]);
};
INSTANTIATE_TEST_SUITE_P(By, WaitSetTest,
                         ::testing::Values(WakeBy::kFutex, WakeBy::kEvent));

TEST_P(WaitSetTest, NotifyingNobodyStoresNothing) {
  one_.MakeNotifier(doorbells_).Notify();
  one_.MakeAsymmetricNotifier(doorbells_).Notify();
  EXPECT_EQ(Armed(0), 0u);
  EXPECT_EQ(rows_.rows[0].rings.load(kRelaxed), 0u);
}

TEST_P(WaitSetTest, ArmingTellsEachSourceAndDisarmingTakesItBack) {
  const auto first = Claim();
  WaitSet set(Claim());
  set.Add(one_);
  set.Add(two_);
  set.Arm();
  EXPECT_EQ(Armed(0), 2u);
  EXPECT_EQ(Armed(1), 2u);
  storage_[1].armed.fetch_or(8, kRelaxed);
  set.Disarm();
  EXPECT_EQ(Armed(0), 0u);
  EXPECT_EQ(Armed(1), 8u) << "somebody else's";
  set.Remove(one_);
  set.Arm();
  EXPECT_EQ(Armed(0), 0u);
  EXPECT_EQ(Armed(1), 10u);
}

TEST_P(WaitSetTest, ANotificationOfAnySourceEndsTheSleep) {
  WaitSet set(Claim());
  set.Add(one_);
  set.Add(two_);
  for (const WaitMask& source : {one_, two_}) {
    set.Arm();
    source.MakeNotifier(doorbells_).Notify();
    EXPECT_TRUE(set.Sleep(kNever));
    set.Disarm();
    set.Arm();
    source.MakeAsymmetricNotifier(doorbells_).Notify();
    EXPECT_TRUE(set.Sleep(kNever));
    set.Disarm();
  }
  EXPECT_EQ(Armed(0), 0u);
  EXPECT_EQ(Armed(1), 0u);
}

TEST_P(WaitSetTest, EachOfSeveralWaitersIsRung) {
  WaitSet sets[] = {WaitSet(Claim()), WaitSet(Claim()), WaitSet(Claim())};
  for (WaitSet& set : sets) {
    set.Add(one_);
    set.Arm();
  }
  EXPECT_EQ(Armed(0), 7u);
  one_.MakeNotifier(doorbells_).Notify();
  EXPECT_EQ(Armed(0), 0u);
  for (WaitSet& set : sets) EXPECT_TRUE(set.Sleep(kNever));
}

TEST_P(WaitSetTest, WhoIsNotArmedIsNotRung) {
  WaitSet set(Claim());
  set.Add(one_);
  set.Arm();
  set.Disarm();
  one_.MakeNotifier(doorbells_).Notify();
  EXPECT_EQ(rows_.rows[0].rings.load(kRelaxed), 0u);
}

TEST_P(WaitSetTest, WithoutAPublisherASleepIsASliceOrUntilTheDeadline) {
  WaitSet set(Claim());
  set.Add(one_);
  set.Arm();
  const std::int64_t began = os::MonotonicNow();
  bool was_woken = set.Sleep(began + 5'000'000);
  EXPECT_FALSE(was_woken);
  EXPECT_GE(os::MonotonicNow(), began + 4'000'000);
  was_woken = set.Sleep(kNever);
  EXPECT_FALSE(was_woken);
}

TEST_P(WaitSetTest, ALongerSliceIsOneThatWasAskedFor) {
  constexpr std::int64_t kLonger = 2 * WaitSet::kSliceNs;
  WaitSet set(Claim());
  set.Add(one_);
  set.Arm();
  const std::int64_t began = os::MonotonicNow();
  const bool was_woken = set.Sleep(kNever, kLonger);
  EXPECT_FALSE(was_woken);
  EXPECT_GE(os::MonotonicNow(), began + kLonger - 1'000'000);
}

// An asymmetric publisher is said to be there before it publishes.
TEST_P(WaitSetTest, AnAsymmetricPublisherIsWrittenDown) {
  const auto notifier = one_.MakeAsymmetricNotifier(doorbells_);
  EXPECT_EQ(storage_[0].mode.load(kRelaxed), notifier.fences() ? 0u : 1u);
}

TEST_P(WaitSetTest, AnAnswerNeedsNoSleep) {
  WaitSet set(Claim());
  set.Add(one_);
  int tries = 0;
  const auto waited = set.Until([&] {
    ++tries;
    return RingResult::kOk;
  });
  EXPECT_EQ(waited.end, WaitEnd::kAnswered);
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(Armed(0), 0u);
}

TEST_P(WaitSetTest, InVainItEndsAtTheDeadlineAndLeavesNothingArmed) {
  WaitSet set(Claim(), WaitPolicy::Park());
  set.Add(one_);
  const std::int64_t until = os::MonotonicNow() + 10'000'000;
  const auto waited =
      set.Until([] { return RingResult::kEmpty; }, Deadline::At(until));
  EXPECT_EQ(waited.end, WaitEnd::kTimedOut);
  EXPECT_GE(os::MonotonicNow(), until);
  EXPECT_EQ(Armed(0), 0u);
}

TEST_P(WaitSetTest, ItWaitsForWhicheverComesFirst) {
  for (const std::size_t which : {0u, 1u}) {
    WaitSet set(Claim(), WaitPolicy::Park());
    set.Add(one_);
    set.Add(two_);
    std::array<Atomic<std::uint32_t>, 2> flags{};
    std::thread publisher([&] {
      std::this_thread::sleep_for(5ms);
      flags[which].store(1, kRelease);
      (which == 0 ? one_ : two_).MakeNotifier(doorbells_).Notify();
    });
    const auto waited = set.Until(
        [&] {
          return flags[0].load(kAcquire) != 0 || flags[1].load(kAcquire) != 0;
        },
        Deadline::After(60s));
    EXPECT_EQ(waited.end, WaitEnd::kAnswered);
    publisher.join();
  }
}

// Its event is ready from the ring until it disarms, so that a loop that waits
// elsewhere learns of it.
TEST_P(WaitSetTest, AnEventThatWasNotWaitedForIsSilencedByDisarm) {
  WaitSet set(Claim());
  set.Add(one_);
  set.Arm();
  one_.MakeNotifier(doorbells_).Notify();
  set.Disarm();
  set.Arm();
  EXPECT_FALSE(set.Sleep(os::MonotonicNow() + 1'000'000));
}

TEST_P(WaitSetTest, AWakerEndsASleepFromAnotherThread) {
  WaitSet set(Claim(), WaitPolicy::Park());
  set.Add(one_);
  set.Arm();
  std::thread waker(set.Waker());
  EXPECT_TRUE(set.Sleep(kNever));
  waker.join();
}

#ifdef __cpp_lib_jthread

TEST_P(WaitSetTest, AStopWakesASleeper) {
  WaitSet set(Claim(), WaitPolicy::Park());
  set.Add(one_);
  std::stop_source source;
  std::thread stopper([&] {
    std::this_thread::sleep_for(3ms);
    source.request_stop();
  });
  const auto waited = set.Until([] { return RingResult::kEmpty; },
                                Deadline::Never(), source.get_token());
  EXPECT_EQ(waited.end, WaitEnd::kStopped);
  stopper.join();
}

#endif

// It wakes all the time for nothing, and clears what was armed.
TEST_P(WaitSetTest, APeerThatLiesDelaysNobodyForLong) {
  WaitSet set(Claim());
  set.Add(one_);
  Atomic<std::uint32_t> flag{0};
  std::thread liar([&] {
    for (std::uint64_t i = 0; i < 2000; ++i) {
      storage_[0].armed.store(i * 0x9E37'79B9'7F4A'7C15, kRelaxed);
      storage_[0].mode.store(static_cast<std::uint32_t>(i), kRelaxed);
      rows_.rows[0].bell.store(i * 3, kRelaxed);
      rows_.rows[0].rings.fetch_add(static_cast<std::uint32_t>(i), kRelaxed);
      if (i % 100 == 0) std::this_thread::yield();
    }
    flag.store(1, kRelease);
    one_.MakeNotifier(doorbells_).Notify();
  });
  const auto waited =
      set.Until([&] { return flag.load(kAcquire) != 0; }, Deadline::After(60s));
  EXPECT_EQ(waited.end, WaitEnd::kAnswered);
  liar.join();
}

TEST(WaitMask, BadPlacesAreRefused) {
  alignas(16) std::array<std::byte, 32> bytes{};
  const auto code = [](const auto& result) {
    return result ? std::optional<ErrorCode>() : result.error().code;
  };
  EXPECT_EQ(code(WaitMask::Attach(std::span(bytes).first(15))),
            ErrorCode::kTooSmall);
  EXPECT_EQ(code(WaitMask::Attach(std::span(bytes).subspan(4))),
            ErrorCode::kMisaligned);
  EXPECT_TRUE(WaitMask::Attach(std::span(bytes).subspan(8)));
}

}  // namespace
}  // namespace placid
