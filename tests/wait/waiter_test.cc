// SPDX-License-Identifier: Apache-2.0
#include "placid/wait/waiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

#include "placid/base/stop.h"
#include "placid/os/futex.h"
#include "placid/primitives/ring_result.h"

namespace placid {
namespace {

using namespace std::chrono_literals;  // NOLINT

class WaiterTest : public ::testing::TestWithParam<WaitPolicy> {
 protected:
  EventCount::Storage storage_{};
  const EventCount event_ = *EventCount::Attach(storage_);
  Waiter waiter_{event_, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Policies, WaiterTest,
                         ::testing::Values(WaitPolicy{}, WaitPolicy::Park(),
                                           WaitPolicy{.most_spin_ns = 20'000,
                                                      .is_adaptive = false,
                                                      .yields = 10}));

TEST_P(WaiterTest, WhatIsThereIsTakenByOneTry) {
  int tries = 0;
  const auto waited = waiter_.Until([&] {
    ++tries;
    return RingResult::kOk;
  });
  EXPECT_EQ(waited.end, WaitEnd::kAnswered);
  EXPECT_EQ(waited.result, RingResult::kOk);
  EXPECT_EQ(tries, 1);
  EXPECT_EQ(storage_.state.load(kRelaxed), 0u) << "nobody armed";
}

// What will not change by waiting is told at once, as the try says it.
TEST_P(WaiterTest, ClosedAndCorruptAreAnswers) {
  for (const RingResult answer : {RingResult::kClosed, RingResult::kCorrupt}) {
    const auto waited = waiter_.Until([&] { return answer; });
    EXPECT_EQ(waited.end, WaitEnd::kAnswered);
    EXPECT_EQ(waited.result, answer);
  }
}

TEST_P(WaiterTest, ADeadlineInThePastStillTriesOnce) {
  int tries = 0;
  const auto waited = waiter_.Until(
      [&] {
        ++tries;
        return RingResult::kFull;
      },
      Deadline::At(0));
  EXPECT_EQ(waited.end, WaitEnd::kTimedOut);
  EXPECT_EQ(waited.result, RingResult::kFull);
  EXPECT_EQ(tries, 1);
}

TEST_P(WaiterTest, InVainItEndsAtTheDeadlineAndNotBefore) {
  for (const RingResult result :
       {RingResult::kEmpty, RingResult::kPending, RingResult::kContended}) {
    const std::int64_t until = os::MonotonicNow() + 10'000'000;
    const auto waited =
        waiter_.Until([&] { return result; }, Deadline::At(until));
    EXPECT_EQ(waited.end, WaitEnd::kTimedOut);
    EXPECT_EQ(waited.result, result);
    EXPECT_GE(os::MonotonicNow(), until);
  }
}

// Nobody will notify: who lost a race tries again until it wins.
TEST_P(WaiterTest, WhoWasOutrunTriesAgainWithoutSleeping) {
  int tries = 0;
  const auto waited = waiter_.Until([&] {
    return ++tries < 1000 ? RingResult::kContended : RingResult::kOk;
  });
  EXPECT_EQ(waited.end, WaitEnd::kAnswered);
  EXPECT_EQ(tries, 1000);
  EXPECT_EQ(storage_.state.load(kRelaxed), 0u);
}

TEST_P(WaiterTest, ATryMayAnswerYesOrNo) {
  int tries = 0;
  const auto waited = waiter_.Until([&] { return ++tries == 4; });
  EXPECT_EQ(waited.end, WaitEnd::kAnswered);
  EXPECT_TRUE(waited.result);
  EXPECT_EQ(tries, 4);
}

TEST_P(WaiterTest, ANotificationEndsTheWait) {
  Atomic<std::uint32_t> flag{0};
  std::thread publisher([&] {
    std::this_thread::sleep_for(5ms);
    flag.store(1, kRelease);
    event_.MakeNotifier().Notify();
  });
  const auto waited = waiter_.Until([&] { return flag.load(kAcquire) != 0; },
                                    Deadline::After(60s));
  EXPECT_EQ(waited.end, WaitEnd::kAnswered);
  publisher.join();
}

// One that forgets to notify, or lies, or died before: a slice, and no more.
TEST_P(WaiterTest, APublisherThatDoesNotNotifyCostsASlice) {
  Atomic<std::uint32_t> flag{0};
  std::thread publisher([&] {
    std::this_thread::sleep_for(5ms);
    flag.store(1, kRelease);
  });
  const auto waited = waiter_.Until([&] { return flag.load(kAcquire) != 0; },
                                    Deadline::After(60s));
  EXPECT_EQ(waited.end, WaitEnd::kAnswered);
  publisher.join();
}

// It wakes all the time for nothing, and clears what was armed.
TEST_P(WaiterTest, APeerThatWakesForNothingDelaysNobody) {
  Atomic<std::uint32_t> flag{0};
  std::thread liar([&] {
    for (std::uint32_t i = 0; i < 2000; ++i) {
      storage_.state.store(i * 0x9E37'79B9, kRelaxed);
      storage_.mode.store(i, kRelaxed);
      if (i % 100 == 0) std::this_thread::yield();
    }
    flag.store(1, kRelease);
  });
  const auto waited = waiter_.Until([&] { return flag.load(kAcquire) != 0; },
                                    Deadline::After(60s));
  EXPECT_EQ(waited.end, WaitEnd::kAnswered);
  liar.join();
}

#ifdef __cpp_lib_jthread

TEST_P(WaiterTest, AStopThatWasRequestedBeforeEndsTheWaitAfterOneTry) {
  std::stop_source source;
  source.request_stop();
  int tries = 0;
  auto waited = waiter_.Until(
      [&] {
        ++tries;
        return RingResult::kEmpty;
      },
      Deadline::Never(), source.get_token());
  EXPECT_EQ(waited.end, WaitEnd::kStopped);
  EXPECT_EQ(waited.result, RingResult::kEmpty);
  EXPECT_EQ(tries, 1);
  waited = waiter_.Until([] { return RingResult::kOk; }, Deadline::Never(),
                         source.get_token());
  EXPECT_EQ(waited.end, WaitEnd::kAnswered) << "what is there is still taken";
}

// Not by the slice's end: the best of some rounds is well below it.
TEST_P(WaiterTest, AStopWakesASleeperAtOnce) {
  std::int64_t best = INT64_MAX;
  for (int round = 0; round < 10; ++round) {
    std::stop_source source;
    std::int64_t requested = 0;
    std::thread stopper([&] {
      std::this_thread::sleep_for(3ms);
      requested = os::MonotonicNow();
      source.request_stop();
    });
    const auto waited = waiter_.Until([] { return RingResult::kEmpty; },
                                      Deadline::Never(), source.get_token());
    const std::int64_t ended = os::MonotonicNow();
    stopper.join();
    EXPECT_EQ(waited.end, WaitEnd::kStopped);
    best = std::min(best, ended - requested);
  }
  EXPECT_LT(best, EventCount::kSliceNs / 2);
}

#endif

}  // namespace
}  // namespace placid
