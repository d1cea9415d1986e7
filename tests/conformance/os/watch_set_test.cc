// SPDX-License-Identifier: Apache-2.0
#include "placid/os/watch_set.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/error.h"
#include "placid/os/futex.h"
#include "placid/os/process.h"
#include "port.h"

namespace placid::os::conformance {
namespace {

class WatchSetConformance : public Conformance {
 protected:
  static ProcessWatch Watch(Peer& peer) {
    std::istringstream words(peer.Do("identity"));
    ProcessIdentity identity;
    words >> identity.pid >> identity.start_time >> identity.boot_high >>
        identity.boot_low;
    return *ProcessWatch::Open(identity);
  }
};

// Each port either has an event for all, or says by name that it has none.
TEST_F(WatchSetConformance, OneEventTellsOfAnyDeath) {
  auto set = *WatchSet::Make();
  const auto one = Peer::Spawn();
  const auto other = Peer::Spawn();
  std::vector<ProcessWatch> watches;
  watches.push_back(Watch(*one));
  watches.push_back(Watch(*other));
  if (set.event() == kNoHandle) {
    EXPECT_TRUE(FailsWith(ErrorCode::kUnsupported, "WatchSet::Add", "",
                          set.Add(watches[0])));
    EXPECT_FALSE(set.Wait(1));
    return;
  }
  for (const ProcessWatch& watch : watches) {
    ASSERT_TRUE(Succeeds(set.Add(watch)));
  }
  EXPECT_FALSE(set.Wait(0));
  EXPECT_FALSE(set.Wait(20));
  other->Kill();
  EXPECT_TRUE(set.Wait(5000));
  EXPECT_TRUE(set.Wait(0)) << "it stays readable";
  EXPECT_EQ(watches[1].Poll(), Liveness::kDead);
  watches.pop_back();
  EXPECT_FALSE(set.Wait(0)) << "its watch is gone, and with it the event";
  one->Kill();
  EXPECT_TRUE(set.Wait(5000));
}

TEST_F(WatchSetConformance, WaitKeepsItsTime) {
  const auto set = *WatchSet::Make();
  const std::int64_t begin = MonotonicNow();
  EXPECT_FALSE(set.Wait(30));
  EXPECT_GE(MonotonicNow() - begin, 25'000'000);
}

TEST_F(WatchSetConformance, AWatchWithoutAnEventIsRefused) {
  auto set = *WatchSet::Make();
  EXPECT_TRUE(FailsWith(ErrorCode::kUnsupported, "WatchSet::Add", "",
                        set.Add(ProcessWatch())));
}

TEST_F(WatchSetConformance, ItClosesWhatItOpened) {
  const std::size_t before = CountOpenHandles();
  {
    auto set = *WatchSet::Make();
    WatchSet moved = std::move(set);
    EXPECT_EQ(set.event(), kNoHandle);
  }
  EXPECT_EQ(CountOpenHandles(), before);
}

}  // namespace
}  // namespace placid::os::conformance
