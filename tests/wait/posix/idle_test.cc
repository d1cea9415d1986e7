// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "placid/os/futex.h"
#include "placid/wait/waiter.h"

namespace placid {
namespace {

std::int64_t ThreadTime() {
  timespec time = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// A waiter that polls, or spins because it hopes, shows here: one that sleeps
// wakes 20 times a second for some microseconds. The best of a few tries, since
// the first has pages to touch.
TEST(IdleWaiterTest, ItTakesNoTimeOfTheProcessor) {
  if (!os::HasFutex()) return;
  EventCount::Storage storage{};
  Waiter waiter(*EventCount::Attach(storage));
  std::int64_t best = INT64_MAX;
  for (int i = 0; i < 3; ++i) {
    const std::int64_t before = ThreadTime();
    const auto waited = waiter.Until(
        [] { return false; }, Deadline::After(std::chrono::milliseconds(300)));
    EXPECT_EQ(waited.end, WaitEnd::kTimedOut);
    best = std::min(best, ThreadTime() - before);
  }
  EXPECT_LT(best, 3'000'000) << "more than a hundredth of the time";
}

}  // namespace
}  // namespace placid
