// SPDX-License-Identifier: Apache-2.0
//
// WaitSet: sleeps until any of several sources has something.
//
//   WaitSet set(*doorbells.Claim(member.id()));
//   set.Add(pushed_here);   // the WaitMasks that their producers notify
//   set.Add(pushed_there);
//   const auto popped = set.Until([&] {
//     const auto here = one.TryPop(value);
//     return here != RingResult::kEmpty ? here : other.TryPop(value);
//   }, Deadline::After(1s), stop_token);
//
// It spins, yields and then sleeps, as its policy says, and knows what is worth
// trying again as Waiter does (waiter.h).
//
// In an event loop, with a doorbell that was claimed WakeBy::kEvent:
//
//   for (;;) {
//     set.Arm();                  // from now on a publisher makes event() ready
//     while (TakeWhatIsThere()) {}
//     ... the loop waits for event(), or kSliceNs at most ...
//     set.Disarm();
//   }
//
// The slice is for a publisher that died between publishing and ringing.
#ifndef PLACID_WAIT_WAIT_SET_H_
#define PLACID_WAIT_WAIT_SET_H_

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "placid/base/atomic.h"
#include "placid/base/platform.h"
#include "placid/base/stop.h"
#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "placid/os/shared_object.h"
#include "placid/wait/deadline.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/wait_loop.h"
#include "placid/wait/wait_mask.h"
#include "placid/wait/wait_policy.h"

namespace placid {

// For one thread at a time. Any number of sources, on any system.
class WaitSet {
 public:
  // The longest that a Sleep lasts, unless more is asked for: what a lost ring
  // costs.
  static constexpr std::int64_t kSliceNs = 50'000'000;

  explicit WaitSet(Doorbells::Doorbell doorbell, WaitPolicy policy = {})
      : doorbell_(std::move(doorbell)), loop_(SpinBudget(policy)) {}

  // Sources, whose bytes stay mapped until they are removed or the set is gone.
  void Add(const WaitMask& source) { sources_.push_back(source); }
  void Remove(const WaitMask& source) { std::erase(sources_, source); }

  // Calls `attempt` until it gives an answer, at least once. Whoever lets it
  // succeed notifies one of the sources after that; who fails to, or dies
  // before, costs one slice. A request to stop is seen at once,
  // or where base/stop.h cannot call, after a slice.
  template <typename Attempt>
  PLACID_ALWAYS_INLINE auto Until(Attempt&& attempt,
                                  Deadline deadline = Deadline::Never(),
                                  const StopToken& stop = {})
      -> Waited<std::invoke_result_t<Attempt&>> {
    return loop_.Until(*this, attempt, deadline, stop);
  }

  // ---- For event loops, and for loops of one's own.

  // Ready from a ring after Arm until Disarm; kNoHandle unless the doorbell was
  // claimed WakeBy::kEvent.
  [[nodiscard]] os::NativeHandle event() const { return doorbell_.event(); }

  // Whoever publishes after this rings; what was published before it can be
  // seen now: look, and only then sleep.
  void Arm();

  // Sleeps until it was rung after Arm, until `deadline_ns` of
  // os::MonotonicNow, or for a slice; for a longer one only where somebody who
  // learns of a publisher's death wakes us. False: nobody has woken us.
  bool Sleep(std::int64_t deadline_ns, std::int64_t slice_ns = kSliceNs);

  // Nobody need ring for now.
  void Disarm();

  // Ends a sleep, from any thread of this process, while the set is there.
  [[nodiscard]] auto Waker() const {
    return [bell = &doorbell_] { bell->Ring(); };
  }

 private:
  // Instead of a fence of the publisher's processor, where the system refuses
  // it: by then its store buffer has long been empty.
  static constexpr std::int64_t kDrainNs = 1'000'000;

  Doorbells::Doorbell doorbell_;
  std::vector<WaitMask> sources_;
  WaitLoop<WaitSet> loop_;
  std::uint32_t rings_ = 0;  // before the last Arm
  bool must_drain_ = false;  // the next sleep may miss somebody
};

// ---- Implementation ---------------------------------------------------------

inline void WaitSet::Arm() {
  rings_ = doorbell_.rings();
  for (const WaitMask& source : sources_) source.Arm(doorbell_.bit());
  Fence(kSeqCst);  // sync: sleep, claim (seq_cst), arm before looking
  const bool has_asymmetric = std::ranges::any_of(
      sources_, [](const WaitMask& source) { return source.HasAsymmetric(); });
  must_drain_ = has_asymmetric && !os::FencePeers();
}

inline bool WaitSet::Sleep(std::int64_t deadline_ns, std::int64_t slice_ns) {
  if (must_drain_) slice_ns = kDrainNs;
  must_drain_ = false;
  return doorbell_.Sleep(
      rings_, (std::min)(deadline_ns, os::MonotonicNow() + slice_ns));
}

inline void WaitSet::Disarm() {
  for (const WaitMask& source : sources_) source.Disarm(doorbell_.bit());
  doorbell_.Silence();
}

}  // namespace placid

#endif  // PLACID_WAIT_WAIT_SET_H_
