// SPDX-License-Identifier: Apache-2.0
#include "placid/os/futex.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/atomic.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "words.h"

namespace placid::os::conformance {
namespace {

using FutexConformance = Conformance;

constexpr std::int64_t kMillisecond = 1'000'000;

TEST_F(FutexConformance, TheClockGoesForward) {
  const std::int64_t before = MonotonicNow();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const std::int64_t after = MonotonicNow();
  EXPECT_GE(after - before, kMillisecond);
  EXPECT_LT(after - before, 60'000 * kMillisecond);
}

TEST_F(FutexConformance, AWaitEndsWhenTheWordDiffersOrTheTimeIsOver) {
  const auto mapping = Mapping::Anonymous(4096);
  ASSERT_TRUE(Succeeds(mapping));
  StoreWord(*mapping, 0, 1);
  const std::int64_t later = MonotonicNow() + 20 * kMillisecond;
  const WaitResult changed = FutexWait(mapping->data(), 2, later);
  const WaitResult past = FutexWait(mapping->data(), 1, -1);
  const WaitResult waited = FutexWait(mapping->data(), 1, later);
  if (!HasFutex()) {
    EXPECT_EQ(changed, WaitResult::kUnsupported);
    EXPECT_EQ(waited, WaitResult::kUnsupported);
    return;
  }
  EXPECT_EQ(changed, WaitResult::kChanged);
  EXPECT_EQ(past, WaitResult::kTimedOut);
  EXPECT_EQ(waited, WaitResult::kTimedOut);
  EXPECT_GE(MonotonicNow(), later);
}

// We sleep on a view that we cannot write, another process wakes us through its
// own. Without a shared key it could not; without a futex nobody sleeps.
TEST_F(FutexConformance, APeerWakesASleeperOnAReadOnlyView) {
  const Name name = NewName();
  const auto object = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(object));
  const auto view = object->Map({.access = Access::kReadOnly});
  ASSERT_TRUE(Succeeds(view));
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("open", name, "rw")),
            "opened " + std::to_string(kPages));
  ASSERT_EQ(peer->Do("map rw"), "mapped");
  EXPECT_EQ(peer->Do("wake 8"), "0");
  if (!HasFutex()) {
    EXPECT_EQ(FutexWait(view->data() + 8, 0, MonotonicNow() + kMillisecond),
              WaitResult::kUnsupported);
    return;
  }
  std::thread waker([&peer] {
    while (peer->Do("wake 8") != "1") std::this_thread::yield();
  });
  WaitResult result = WaitResult::kInterrupted;
  while (result == WaitResult::kInterrupted) {
    result =
        FutexWait(view->data() + 8, 0, MonotonicNow() + 10'000 * kMillisecond);
  }
  EXPECT_EQ(result, WaitResult::kWoken);
  waker.join();
}

// The word is moved on everywhere, also where nobody can sleep on it, and
// wraps.
TEST_F(FutexConformance, ABumpAddsOneAndTellsHowManyWoke) {
  const auto mapping = Mapping::Anonymous(4096);
  ASSERT_TRUE(Succeeds(mapping));
  StoreWord(*mapping, 8, UINT32_MAX - 1);
  StoreWord(*mapping, 12, 7);
  EXPECT_EQ(FutexBumpAndWake(mapping->data() + 8, kAllSleepers), 0);
  EXPECT_EQ(LoadWord(*mapping, 8), UINT32_MAX);
  EXPECT_EQ(FutexBumpAndWake(mapping->data() + 8, kAllSleepers), 0);
  EXPECT_EQ(LoadWord(*mapping, 8), 0u);
  EXPECT_EQ(FutexBumpAndWake(mapping->data() + 8, kAllSleepers), 0);
  EXPECT_EQ(LoadWord(*mapping, 8), 1u);
  EXPECT_EQ(LoadWord(*mapping, 12), 7u) << "the next word is nobody's business";
}

// All of them, and none sleeps on the value that was: who bumps changes it.
TEST_F(FutexConformance, ABumpByAPeerWakesAllSleepers) {
  const Name name = NewName();
  const auto object = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(object));
  const auto view = object->Map({.access = Access::kReadOnly});
  ASSERT_TRUE(Succeeds(view));
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("open", name, "rw")),
            "opened " + std::to_string(kPages));
  ASSERT_EQ(peer->Do("map rw"), "mapped");
  if (!HasFutex()) {
    EXPECT_EQ(peer->Do("bump 8 0"), "0");
    EXPECT_EQ(LoadWord(*view, 8), 1u);
    return;
  }
  const auto sleep = [&view] {
    WaitResult result = WaitResult::kInterrupted;
    while (result == WaitResult::kInterrupted) {
      result = FutexWait(view->data() + 8, 0,
                         MonotonicNow() + 10'000 * kMillisecond);
    }
    EXPECT_TRUE(result == WaitResult::kWoken || result == WaitResult::kChanged);
    EXPECT_EQ(LoadWord(*view, 8), 1u);
  };
  std::thread first(sleep);
  std::thread second(sleep);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const std::string woken = peer->Do("bump 8 0");
  EXPECT_TRUE(woken == "2" || woken == "1" || woken == "0") << woken;
  first.join();
  second.join();
}

// Threads asleep on a word of 1. Who comes too late to sleep is not woken; those
// who are counted are those whom the system says it woke.
class Sleepers {
 public:
  explicit Sleepers(const void* word) : word_(word) {}
  ~Sleepers() { Join(); }
  Sleepers(const Sleepers&) = delete;
  Sleepers& operator=(const Sleepers&) = delete;

  // Until it is woken, or the word is not 1 any more.
  void Add(std::uint32_t bits) {
    threads_.emplace_back([this, bits] {
      WaitResult result = WaitResult::kInterrupted;
      while (result == WaitResult::kInterrupted) {
        result = FutexWait(word_, 1, MonotonicNow() + 10'000 * kMillisecond,
                           bits);
      }
      if (result == WaitResult::kWoken) woken_.fetch_add(1, kRelaxed);
    });
  }
  // Time for them to fall asleep. Who has not by then is not missed.
  static void Settle() {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  // How many were woken.
  int Join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    return static_cast<int>(woken_.load(kRelaxed));
  }

 private:
  const void* word_;
  Atomic<std::uint32_t> woken_{0};
  std::vector<std::thread> threads_;
};

TEST_F(FutexConformance, ABumpWakesNoMoreThanItsCountWhereItCan) {
  const auto mapping = Mapping::Anonymous(4096);
  ASSERT_TRUE(Succeeds(mapping));
  StoreWord(*mapping, 8, 1);
  std::byte* const word = mapping->data() + 8;
  if (SharesOfHerd().by_waker == kAllSleepers) {
    EXPECT_EQ(SharesOfHerd().by_woken, 0);
    EXPECT_EQ(FutexBumpAndWake(word, 1), 0);
    EXPECT_EQ(LoadWord(*mapping, 8), 2u);
    return;
  }
  EXPECT_GT(SharesOfHerd().by_waker, 0);
  EXPECT_GT(SharesOfHerd().by_woken, 1) << "or all depends on each";
  Sleepers sleepers(word);
  for (int i = 0; i < 5; ++i) sleepers.Add(1);
  Sleepers::Settle();
  const int first = FutexBumpAndWake(word, 2);
  EXPECT_LE(first, 2);
  EXPECT_EQ(LoadWord(*mapping, 8), 2u);
  const int rest = FutexWake(word, kAllSleepers);
  EXPECT_EQ(FutexWake(word, kAllSleepers), 0) << "nobody is left";
  EXPECT_EQ(sleepers.Join(), first + rest);
}

TEST_F(FutexConformance, AWakeLeavesOutWhoGoesByOtherBitsWhereItCan) {
  const auto mapping = Mapping::Anonymous(4096);
  ASSERT_TRUE(Succeeds(mapping));
  StoreWord(*mapping, 8, 1);
  std::byte* const word = mapping->data() + 8;
  EXPECT_EQ(FutexWake(word, 0), 0);
  EXPECT_EQ(FutexWake(word, 9, 1), 0);
  if (SharesOfHerd().by_waker == kAllSleepers) return;
  Sleepers sleepers(word);
  sleepers.Add(1);
  sleepers.Add(1);
  sleepers.Add(std::uint32_t{1} << 31);
  Sleepers::Settle();
  EXPECT_EQ(FutexWake(word, 0), 0) << "wakes none, and not one";
  EXPECT_EQ(FutexWake(word, 9, 2), 0) << "nobody goes by this one";
  EXPECT_EQ(FutexWake(word, 9, ~(std::uint32_t{1} << 31 | 1)), 0);
  EXPECT_LE(FutexWake(word, 9, std::uint32_t{1} << 31), 1);
  EXPECT_LE(FutexWake(word, 1, 1), 1);
  (void)FutexBumpAndWake(word, kAllSleepers);
  EXPECT_EQ(FutexWake(word, kAllSleepers), 0) << "nobody is left";
  EXPECT_LE(sleepers.Join(), 3);
}

TEST_F(FutexConformance, ASleepLastsUntilItsTimeAndNoLonger) {
  const std::int64_t before = MonotonicNow();
  SleepUntil(before - kMillisecond);
  SleepUntil(-1);
  EXPECT_LT(MonotonicNow() - before, 60'000 * kMillisecond);
  const std::int64_t until = MonotonicNow() + 20 * kMillisecond;
  SleepUntil(until);
  // The clock that it sleeps by may be a coarser one.
  EXPECT_GE(MonotonicNow(), until - kMillisecond);
}

}  // namespace
}  // namespace placid::os::conformance
