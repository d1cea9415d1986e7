// SPDX-License-Identifier: Apache-2.0
//
// In a sandbox that refuses membarrier: publishers fence after all, and a
// sleeper among publishers that do not is content with a short first slice.
#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "placid/wait/event_count.h"
#include "tests/os/linux/deny.h"
#include "tests/os/linux/in_child.h"

namespace placid {
namespace {

TEST(RefusedFenceTest, APublisherFencesAndDeclaresNothing) {
  for (const int error : {EPERM, ENOSYS, EINVAL}) {
    os::InChild([&] {
      os::Deny(SYS_membarrier, error);
      EventCount::Storage storage{};
      const EventCount event = *EventCount::Attach(storage);
      auto notifier = event.MakeAsymmetricNotifier();
      EXPECT_TRUE(notifier.fences());
      EXPECT_EQ(storage.mode.load(kRelaxed), 0u);
      auto sleeper = event.MakeSleeper();
      notifier.Notify();
      EXPECT_EQ(storage.state.load(kRelaxed), 0u) << "nobody was armed";
      sleeper.Arm();
      notifier.Notify();
      EXPECT_EQ(storage.state.load(kRelaxed), 2u);
      EXPECT_TRUE(sleeper.Sleep(INT64_MAX));
    });
  }
}

// A millisecond, then whole slices: only what was published before it armed can
// have been missed, and that is seen by then.
TEST(RefusedFenceTest, ASleeperThatCannotFenceItsPublisherSleepsShortOnce) {
  os::InChild([] {
    EventCount::Storage storage{};
    const EventCount event = *EventCount::Attach(storage);
    ASSERT_FALSE(event.MakeAsymmetricNotifier().fences());
    os::Deny(SYS_membarrier, EPERM);
    const auto times = [](EventCount::Sleeper& sleeper) {
      const std::int64_t before = os::MonotonicNow();
      sleeper.Arm();
      EXPECT_FALSE(sleeper.Sleep(INT64_MAX));
      return os::MonotonicNow() - before;
    };
    std::int64_t shortest = INT64_MAX;
    for (int i = 0; i < 5; ++i) {
      auto sleeper = event.MakeSleeper();
      shortest = std::min(shortest, times(sleeper));
      EXPECT_GE(times(sleeper), EventCount::kSliceNs);
    }
    EXPECT_LT(shortest, EventCount::kSliceNs / 2);
  });
}

}  // namespace
}  // namespace placid
