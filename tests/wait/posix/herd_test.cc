// SPDX-License-Identifier: Apache-2.0
//
// A herd of processes.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "placid/base/atomic.h"
#include "placid/os/futex.h"
#include "placid/wait/event_count.h"
#include "tests/support/child.h"

namespace placid {
namespace {

constexpr std::uint32_t kHerdSize = 64;

struct Field {
  EventCount::Storage event;
  Atomic<std::uint32_t> item;
  Atomic<std::uint32_t> armed;  // for the next item
  Atomic<std::uint32_t> seen;   // items, by all together
};

Field& At(std::span<std::byte> bytes) {
  return *reinterpret_cast<Field*>(bytes.data());
}

// Sees that many items, asleep in between.
void SleepFor(Field& field, std::uint32_t items) {
  auto sleeper = EventCount::Attach(field.event)->MakeSleeper();
  for (std::uint32_t seen = 0; seen < items; ++seen) {
    for (bool has_armed = false; field.item.load(kAcquire) == seen;) {
      sleeper.Arm();
      if (field.item.load(kAcquire) != seen) break;
      if (!has_armed) field.armed.fetch_add(1, kRelaxed);
      has_armed = true;
      (void)sleeper.Sleep(INT64_MAX);
    }
    field.seen.fetch_add(1, kRelease);
  }
}

// The bytes lie elsewhere for those who sleep: the system must find them by
// what they are, not by where.
TEST(HerdTest, EachPublishReachesAllProcessesOfAHerd) {
  constexpr std::uint32_t kItems = 6;
  const testing::TwoViews views(sizeof(Field));
  Field& field = At(views.first());
  auto notifier = EventCount::Attach(field.event)->MakeNotifier();
  std::vector<std::unique_ptr<testing::Child>> herd;
  for (std::uint32_t i = 0; i < kHerdSize; ++i) {
    herd.push_back(std::make_unique<testing::Child>(
        [&views] { SleepFor(At(views.second()), kItems); }));
  }
  for (std::uint32_t item = 1; item <= kItems; ++item) {
    const auto wait_for = [](const Atomic<std::uint32_t>& count,
                             std::uint32_t least) {
      while (count.load(kAcquire) < least) {
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    };
    wait_for(field.armed, item * kHerdSize);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    field.item.store(item, kRelease);
    notifier.Notify();
    wait_for(field.seen, item * kHerdSize);
  }
  for (const auto& child : herd) EXPECT_TRUE(child->EndsWell());
}

}  // namespace
}  // namespace placid
