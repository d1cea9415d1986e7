// SPDX-License-Identifier: Apache-2.0
//
// Monitor: tells of deaths among those who take part in a segment.
//
// It has a descriptor for an event loop and no thread of its own. The
// descriptor says at once when a process died whose row the last Poll had seen
// (Linux: its pidfd); all else is found by Poll itself, which asks the kernel
// for each row's lock. So Poll when event() is readable, and every kPollEveryMs
// besides: for those who have joined since, and where there is no event: pidfds
// denied, a process that cannot be seen from here, Windows.
//
//   Monitor monitor = *Monitor::Make();
//   for (;;) {
//     for (const ProofOfDeath& death : monitor.Wait(segment, 1000)) ...
//   }
//
// Who has no loop to put it in gives it a thread:
//
//   std::jthread thread([&](const std::stop_token& stop) {
//     monitor.Run(segment, stop, [&](const ProofOfDeath&) {
//       (void)member.RecoverDead(segment, recover);
//     });
//   });
//
// The event is no proof: a death is reported when the dead one's lock is free.
#ifndef PLACID_SEGMENT_MONITOR_H_
#define PLACID_SEGMENT_MONITOR_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/stop.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/os/watch_set.h"
#include "placid/primitives/owner_id.h"
#include "placid/segment/proof_of_death.h"
#include "placid/segment/segment.h"

namespace placid {

// Of one segment, by one thread.
class PLACID_API Monitor {
 public:
  static constexpr std::int64_t kPollEveryMs = 250;

  // Errors: kSystem (out of descriptors).
  static Result<Monitor> Make();

  // Readable (Linux, Darwin) when Poll has something to say; kNoHandle where
  // there is no such thing.
  [[nodiscard]] os::NativeHandle event() const { return set_.event(); }

  // The deaths since the last call, each once; and again, under another state,
  // where somebody began to recover the dead one and died or gave up.
  // One system call or three for each row that is taken.
  std::vector<ProofOfDeath> Poll(const Segment& segment);

  // The same, once there are any or `timeout_ms` have passed.
  std::vector<ProofOfDeath> Wait(const Segment& segment,
                                 std::int64_t timeout_ms);

  // Calls `notice` for each death, one after the other, until asked to stop; it
  // returns within kPollEveryMs and a notice.
  void Run(const Segment& segment, const StopToken& stop,
           const std::function<void(const ProofOfDeath& death)>& notice);

 private:
  // What is known of one row.
  struct Sight {
    OwnerId owner;
    os::ProcessWatch watch;
    bool is_watched = false;
    std::uint64_t reported = 0;  // the state
    int alarms = 0;              // that the event was without a death
  };

  void Watch(const Segment& segment, Sight& sight);

  os::WatchSet set_;
  std::vector<Sight> sights_;
};

}  // namespace placid

#endif  // PLACID_SEGMENT_MONITOR_H_
