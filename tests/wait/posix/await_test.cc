// SPDX-License-Identifier: Apache-2.0
//
// Await in an event loop of a few lines: poll, and who waits for what.
#include "placid/wait/await.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

#include "placid/os/futex.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_set.h"

namespace placid {
namespace {

using namespace std::chrono_literals;  // NOLINT
using Ring = SpscRing<int, 4>;

// A coroutine that begins at once, and whose result somebody takes at its end.
template <typename T>
class Task {
 public:
  struct promise_type {  // NOLINT: the language's name
    Task get_return_object() { return Task(Handle::from_promise(*this)); }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_value(T returned) { value.push_back(std::move(returned)); }
    void unhandled_exception() { std::terminate(); }
    std::vector<T> value;
  };
  using Handle = std::coroutine_handle<promise_type>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }
  [[nodiscard]] bool is_done() const { return handle_.done(); }
  [[nodiscard]] const T& value() const {
    return handle_.promise().value.front();
  }

 private:
  explicit Task(Handle handle) : handle_(handle) {}
  Handle handle_;
};

class Loop {
 public:
  struct Ready {
    Loop* loop;
    os::NativeHandle event;
    std::int64_t until_ns;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) const {
      loop->waiting_.push_back({event, until_ns, waiter});
    }
    void await_resume() const noexcept {}
  };
  auto ready() {
    return [this](os::NativeHandle event, std::int64_t until_ns) {
      return Ready{this, event, until_ns};
    };
  }

  // One poll, and whoever it is for.
  void Turn() {
    std::vector<pollfd> events;
    std::int64_t until_ns = INT64_MAX;
    for (const Waiting& one : waiting_) {
      events.push_back({static_cast<int>(one.event), POLLIN, 0});
      until_ns = std::min(until_ns, one.until_ns);
    }
    const std::int64_t left_ns = until_ns - os::MonotonicNow();
    const auto left_ms = std::max<std::int64_t>(left_ns / 1'000'000 + 1, 0);
    ++turns_;
    (void)::poll(events.data(), static_cast<nfds_t>(events.size()),
                 static_cast<int>(left_ms));
    std::vector<Waiting> due;
    for (std::size_t i = events.size(); i-- > 0;) {
      const bool is_over = os::MonotonicNow() >= waiting_[i].until_ns;
      if (events[i].revents == 0 && !is_over) continue;
      due.push_back(waiting_[i]);
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    for (const Waiting& one : due) one.waiter.resume();
  }
  void Forget() { waiting_.clear(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }
  [[nodiscard]] int turns() const { return turns_; }

 private:
  struct Waiting {
    os::NativeHandle event;
    std::int64_t until_ns;
    std::coroutine_handle<> waiter;
  };
  std::vector<Waiting> waiting_;
  int turns_ = 0;
};

class AwaitTest : public ::testing::Test {
 protected:
  using Popped = Task<Waited<RingResult>>;

  AwaitTest() { set_.Add(pushed_); }

  Popped Pop(int& value, Deadline deadline = Deadline::Never()) {
    return Await<Popped>(
        set_, loop_.ready(), [&] { return consumer_.TryPop(value); }, deadline);
  }
  std::uint64_t Armed() { return mask_.armed.load(kRelaxed); }

  Ring::Storage storage_{};
  Doorbells::Storage rows_{};
  WaitMask::Storage mask_{};
  const Ring ring_ = *Ring::Attach(storage_);
  const Doorbells doorbells_ = *Doorbells::Attach(rows_);
  const WaitMask pushed_ = *WaitMask::Attach(mask_);
  Ring::Producer producer_ = std::move(*ring_.ClaimProducer());
  Ring::Consumer consumer_ = std::move(*ring_.ClaimConsumer());
  WaitSet set_{
      std::move(*doorbells_.Claim(OwnerId::Unowned(), WakeBy::kEvent))};
  Loop loop_;
};

TEST_F(AwaitTest, WhatIsThereIsTakenWithoutTheLoop) {
  ASSERT_EQ(producer_.TryPush(7), RingResult::kOk);
  int value = 0;
  const Popped popped = Pop(value);
  ASSERT_TRUE(popped.is_done());
  EXPECT_EQ(popped.value().end, WaitEnd::kAnswered);
  EXPECT_EQ(popped.value().result, RingResult::kOk);
  EXPECT_EQ(value, 7);
  EXPECT_EQ(loop_.turns(), 0);
}

TEST_F(AwaitTest, APushWakesTheLoop) {
  int value = 0;
  const Popped popped = Pop(value);
  ASSERT_FALSE(popped.is_done());
  EXPECT_EQ(loop_.waiting(), 1u);
  EXPECT_EQ(Armed(), 1u);
  std::thread producer([&] {
    std::this_thread::sleep_for(5ms);
    (void)producer_.TryPush(8);
    pushed_.MakeNotifier(doorbells_).Notify();
  });
  while (!popped.is_done()) loop_.Turn();
  producer.join();
  EXPECT_EQ(popped.value().result, RingResult::kOk);
  EXPECT_EQ(value, 8);
  EXPECT_EQ(Armed(), 0u);
  EXPECT_EQ(loop_.waiting(), 0u);
}

TEST_F(AwaitTest, ItEndsAtItsDeadline) {
  int value = 0;
  const std::int64_t until = os::MonotonicNow() + 20'000'000;
  const Popped popped = Pop(value, Deadline::At(until));
  while (!popped.is_done()) loop_.Turn();
  EXPECT_EQ(popped.value().end, WaitEnd::kTimedOut);
  EXPECT_EQ(popped.value().result, RingResult::kEmpty);
  EXPECT_GE(os::MonotonicNow(), until);
  EXPECT_EQ(Armed(), 0u);
}

// One that dies between its push and its notification, or forgets to.
TEST_F(AwaitTest, APublisherThatDoesNotNotifyCostsASlice) {
  int value = 0;
  const Popped popped = Pop(value);
  (void)producer_.TryPush(9);
  while (!popped.is_done()) loop_.Turn();
  EXPECT_EQ(value, 9);
}

TEST_F(AwaitTest, WhoWasOutrunLetsTheLoopGoOnAndTriesAgain) {
  int tries = 0;
  const Popped done = Await<Popped>(set_, loop_.ready(), [&] {
    return ++tries < 20 ? RingResult::kContended : RingResult::kOk;
  });
  while (!done.is_done()) loop_.Turn();
  EXPECT_EQ(tries, 20);
  EXPECT_GT(loop_.turns(), 5);
}

TEST_F(AwaitTest, ADestroyedCoroutineLeavesNothingArmed) {
  int value = 0;
  {
    const Popped popped = Pop(value);
    EXPECT_EQ(Armed(), 1u);
    loop_.Forget();
  }
  EXPECT_EQ(Armed(), 0u);
}

}  // namespace
}  // namespace placid
