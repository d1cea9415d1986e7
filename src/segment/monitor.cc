// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/monitor.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "placid/base/result.h"
#include "placid/base/stop.h"
#include "placid/os/futex.h"
#include "placid/os/process.h"
#include "placid/os/watch_set.h"
#include "placid/primitives/owner_id.h"
#include "placid/segment/liveness.h"
#include "placid/segment/participants.h"
#include "placid/segment/proof_of_death.h"
#include "placid/segment/segment.h"

namespace placid {

Result<Monitor> Monitor::Make() {
  auto set = os::WatchSet::Make();
  if (!set) return set.error();
  Monitor monitor;
  monitor.set_ = *std::move(set);
  return monitor;
}

// A pid of another namespace is nobody's here, or somebody else's: one that is
// alive and started at that time is most likely the right one, and if it is
// not, its death is a false alarm.
void Monitor::Watch(const Segment& segment, Sight& sight) {
  const auto identity = segment.participants().IdentityOf(sight.owner);
  if (!identity) return;  // it is about to say, or never will
  sight.is_watched = true;
  auto watch = os::ProcessWatch::Open(*identity);
  if (!watch || watch->Poll() != os::Liveness::kAlive) return;
  if (set_.Add(*watch)) sight.watch = *std::move(watch);
}

std::vector<ProofOfDeath> Monitor::Poll(const Segment& segment) {
  constexpr int kMostAlarms = 3;
  const Participants& table = segment.participants();
  sights_.resize(static_cast<std::size_t>(table.count()) + 1);
  std::vector<ProofOfDeath> deaths;
  for (std::uint64_t index = 1; index <= table.count(); ++index) {
    Sight& sight = sights_[static_cast<std::size_t>(index)];
    const RowState state = table.Look(index);
    if (state.ActorOf(index) == 0) {
      sight = Sight();
      continue;
    }
    const OwnerId owner =
        OwnerId::Of(index, state.generation()).value_or(OwnerId());
    if (owner != sight.owner) {
      sight = Sight();
      sight.owner = owner;
    }
    if (!sight.is_watched) Watch(segment, sight);
    if (const auto death = ProveDeath(segment, index)) {
      sight.watch = os::ProcessWatch();  // or the event would go on
      if (std::exchange(sight.reported, death->state()) != death->state()) {
        deaths.push_back(*death);
      }
    } else if (sight.watch.event() != os::kNoHandle &&
               sight.watch.Poll() == os::Liveness::kDead &&
               ++sight.alarms == kMostAlarms) {
      // Its lock lives on, in a child perhaps: that is what counts.
      sight.watch = os::ProcessWatch();
    }
  }
  return deaths;
}

std::vector<ProofOfDeath> Monitor::Wait(const Segment& segment,
                                        std::int64_t timeout_ms) {
  const std::int64_t end = os::MonotonicNow() + timeout_ms * 1'000'000;
  for (;;) {
    std::vector<ProofOfDeath> deaths = Poll(segment);
    const std::int64_t left_ms = (end - os::MonotonicNow()) / 1'000'000;
    if (!deaths.empty() || left_ms <= 0) return deaths;
    (void)set_.Wait(std::min(left_ms, kPollEveryMs));
  }
}

void Monitor::Run(
    const Segment& segment, const StopToken& stop,
    const std::function<void(const ProofOfDeath& death)>& notice) {
  while (!stop.stop_requested()) {
    for (const ProofOfDeath& death : Wait(segment, kPollEveryMs)) {
      notice(death);
    }
  }
}

}  // namespace placid
