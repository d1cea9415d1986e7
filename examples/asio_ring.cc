// SPDX-License-Identifier: Apache-2.0
//
// A coroutine in Asio's event loop that pops from two rings, beside a timer of
// the same loop. For other processes put rings, masks and doorbells into a
// mapping. (Windows: asio::windows::object_handle instead of stream_descriptor.)
#include <asio.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <thread>
#include <utility>

#include "placid/primitives/spsc_ring.h"
#include "placid/wait/await.h"
#include "placid/wait/wait_set.h"

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;
using Ring = placid::SpscRing<int, 4>;
using placid::RingResult;

// What Await asks of an event loop: until the event is ready, or the time is up.
struct Ready {
  asio::awaitable<void> operator()(placid::os::NativeHandle event,
                                   std::int64_t until_ns) const {
    asio::posix::stream_descriptor descriptor(
        co_await asio::this_coro::executor, static_cast<int>(event));
    asio::steady_timer timer(
        descriptor.get_executor(),
        std::chrono::nanoseconds(until_ns - placid::os::MonotonicNow()));
    try {
      co_await (
          descriptor.async_wait(descriptor.wait_read, asio::use_awaitable) ||
          timer.async_wait(asio::use_awaitable));
    } catch (...) {
      descriptor.release();
      throw;
    }
    descriptor.release();
  }
};

struct Shared {
  Ring::Storage rings[2];
  placid::WaitMask::Storage pushed[2];
  placid::Doorbells::Storage doorbells;
};

asio::awaitable<void> PopAll(Shared& shared, int& ticks) {
  using Popped = placid::Waited<RingResult>;
  auto one = *Ring::Attach(shared.rings[0])->ClaimConsumer();
  auto two = *Ring::Attach(shared.rings[1])->ClaimConsumer();
  placid::WaitSet set(std::move(
      *placid::Doorbells::Attach(shared.doorbells)
           ->Claim(placid::OwnerId::Unowned(), placid::WakeBy::kEvent)));
  for (auto& mask : shared.pushed) set.Add(*placid::WaitMask::Attach(mask));

  int value = 0, sum = 0, closed = 0;
  while (closed < 2) {
    auto result =
        co_await placid::Await<asio::awaitable<Popped>>(set, Ready(), [&] {
          const RingResult here = one.TryPop(value);
          if (here == RingResult::kOk) return here;
          const RingResult there = two.TryPop(value);
          const bool both_closed =
              here == RingResult::kClosed && there == RingResult::kClosed;
          return both_closed || there == RingResult::kOk ? there
                                                         : RingResult::kEmpty;
        });
    if (result.result == RingResult::kClosed) closed = 2;
    if (result.result == RingResult::kOk) sum += value;
  }
  std::printf("%d\n%s\n", sum, ticks > 0 ? "the loop went on" : "it stood");
}

asio::awaitable<void> Tick(int& ticks) {
  for (;;) {
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    ++ticks;
  }
}

void Push(Shared& shared, int which) {
  auto producer = *Ring::Attach(shared.rings[which])->ClaimProducer();
  auto notifier =
      placid::WaitMask::Attach(shared.pushed[which])
          ->MakeNotifier(*placid::Doorbells::Attach(shared.doorbells));
  for (int i = 1; i <= 100;) {
    i += producer.TryPush(i) == RingResult::kOk;
    notifier.Notify();
    if (i % 10 == 0) std::this_thread::sleep_for(1ms);
  }
  producer.Close();
  notifier.Notify();
}

int main() {
  static Shared shared;
  int ticks = 0;
  asio::io_context loop;
  asio::co_spawn(loop, PopAll(shared, ticks) || Tick(ticks), asio::detached);
  std::thread one(Push, std::ref(shared), 0), two(Push, std::ref(shared), 1);
  loop.run();
  one.join();
  two.join();
}

// Output:
// 10100
// the loop went on
