// SPDX-License-Identifier: Apache-2.0
//
// EventCount: sleep until something that others publish may have changed, and
// let no publish go by unnoticed. What is published lies elsewhere: in a ring,
// say, whose tail says whether there is something.
//
// Layout     version 0, native byte order, align 8
//
//   offset  size  field  writer            meaning
//   0x000      4  state  sleepers, wakers  bit 0 armed: somebody may be asleep
//                                          bits 31..1: wakes so far
//   0x004      4  mode   notifiers         bit 0: some publisher does not fence
//                                          bit 1: a herd has slept here once
//
// All zero is valid: nobody sleeps and publishers fence. There is no stamp, and
// no bytes that would be wrong. It belongs into the line that its publisher
// writes anyway, or one of its own, never into that of another writer.
//
//             Arm, +1                   Notify, +1 and wake
//   idle 2k ------------> armed 2k + 1 ---------------------> idle 2k + 2
//
// Who armed and then need not sleep leaves it armed; and two wakers at once arm
// it again. Either costs the next publisher one wake that nobody needs.
//
// Waking a herd would take its publisher long: a thousand sleepers, 8 ms. So
// who has once woken more than its share (8 on linux; see os::HerdShares) sets
// bit 1 of mode, for ever. From then on a publisher wakes its share, and each
// of those that were woken, before it does anything else, passes it on to 2
// more. Sleepers go by one futex bit, their count of wakes modulo 32. Who
// passes on reads the state anew and leaves out its bit, if it is armed: who
// sleeps on it sleeps rightly, and all others are behind, whatever they have
// slept through. So it ends where nobody is behind. Who is a multiple of 32
// wakes behind shares a bit with those who sleep rightly, and may have to wait
// for its slice.
//
// Invariant  Whoever sleeps does so on an armed state, and any change of state
//            wakes it, or somebody who will.
// Threads    Any number of Notifiers and Sleepers, in any processes.
// Progress   Notify, Arm: wait-free, but for system calls that do not block;
//            Sleep: blocking, for at most kSliceNs.
// Crash      clean: a publisher that dies after it has published and before it
//            wakes delays its sleepers until their slice is over or somebody
//            else publishes; one that dies while it wakes has woken all, or
//            its share of a herd, or none (on linux; elsewhere see os/futex.h).
//            A sleeper that dies leaves it armed. One of a herd that was woken
//            and dies before it has woken others costs those who are still
//            behind their slice, or until somebody calls WakeAll.
// Trust      guarded: a hostile peer can fail to wake, which costs a slice, or
//            wake for nothing, which costs a look.
// Readers    storing: a sleeper announces itself.
// Orders
//   edge    release                        acquire        carries
//   sleep   Notify: fence                  Arm: fence     whether to look again
//   claim   MakeAsymmetricNotifier: fence  Arm: fence     mode
//   change  WakeAll: fence                 Arm: fence     what was changed
//   herd    Wake: fence                    PassOn: state  mode
//
// The first two are of Dekker's kind: each party stores, fences and looks at
// what the other stores, and then at least one look finds something. Of sleep:
// the sleeper finds what was published, or the publisher that it is armed. Of
// claim: the sleeper finds the mode, or all that this publisher ever does finds
// it armed. Of herd: who was woken as one of a herd finds that it was, since it
// sees the state that its waker left (os/futex.h). What is published is ordered
// by edges of its own.
//
// An eventcount (Reed and Kanodia, "Synchronization with Eventcounts and
// Sequencers", 1979) with a flag instead of a count of sleepers, which would
// leak with a dead one; and with the wake and the clearing of the flag in one
// system call, since whoever died between the two would leave a sleeper of whom
// no publisher knows. The asymmetric form is that of urcu's and Folly's fences:
// rare sleepers make the processors of frequent publishers fence.
#ifndef PLACID_WAIT_EVENT_COUNT_H_
#define PLACID_WAIT_EVENT_COUNT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "placid/base/atomic.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "placid/wait/publisher.h"

namespace placid {

class EventCount {
 public:
  template <Publisher kPublisher>
  class Notifier;
  class Sleeper;

  struct Memory {
    Atomic<std::uint32_t> state;
    Atomic<std::uint32_t> mode;
  };
  // One as a member of one's own struct. All zero is valid.
  struct alignas(8) Storage : Memory {};

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = 8;
  static constexpr Guarantees kGuarantees{Progress::kBlocking, Crash::kClean,
                                          Trust::kGuarded, Readers::kStoring};

  // The longest that a Sleep lasts: what a lost wake-up costs.
  static constexpr std::int64_t kSliceNs = 50'000'000;

  // Bytes that an event count takes.
  [[nodiscard]] static constexpr std::uint64_t SizeFor() {
    return sizeof(Memory);
  }

  // Checks the place and gives a view; there is nothing else to check. Errors:
  // kTooSmall, kMisaligned.
  static Result<EventCount> Attach(std::span<std::byte> bytes);
  static Result<EventCount> Attach(Storage& storage) {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }

  [[nodiscard]] Notifier<Publisher::kFencing> MakeNotifier() const;

  // For a publisher that is not to pay for a fence each time. Where the system
  // cannot have sleepers fence it (os/peer_fence.h), it fences after all. Takes
  // milliseconds the first time in a process; to be made again after exec.
  [[nodiscard]] Notifier<Publisher::kAsymmetric> MakeAsymmetricNotifier() const;

  [[nodiscard]] Sleeper MakeSleeper() const;

  // Wakes all who sleep, whether or not anybody seems to: for who has changed
  // something without being a publisher, such as a survivor that cleans up or a
  // thread that wants others to stop. A system call, which takes as long as
  // there are many: it leaves none of a herd to others.
  void WakeAll() const {
    Fence(kRelease);  // sync: change (release)
    os::FutexBumpAndWake(&memory_->state, os::kAllSleepers);
  }

 private:
  static constexpr std::uint32_t kArmed = 1;           // of state
  static constexpr std::uint32_t kSomeAsymmetric = 1;  // of mode
  static constexpr std::uint32_t kHerd = 2;            // of mode

  static_assert(offsetof(Memory, state) == 0x000);
  static_assert(offsetof(Memory, mode) == 0x004);
  static_assert(sizeof(Memory) == 0x008);
  static_assert(sizeof(Storage) == sizeof(Memory));
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  explicit EventCount(Memory* memory) : memory_(memory) {}

  PLACID_COLD static void Wake(Memory* memory);

  // What those go by who sleep on `state`.
  [[nodiscard]] static constexpr std::uint32_t BitOf(std::uint32_t state) {
    return std::uint32_t{1} << (state / 2 % 32);
  }

  Memory* memory_;
};

// The right hand of a publisher: publish, then Notify.
template <>
class EventCount::Notifier<Publisher::kFencing> {
 public:
  // Wakes all who sleep. Once after a batch is enough.
  void Notify() {
    Fence(kSeqCst);  // sync: sleep (seq_cst), orders publishing before the look
    const std::uint32_t state =
        memory_->state.load(kRelaxed);  // sync: none, the fence orders it
    if ((state & kArmed) != 0) [[unlikely]] {
      Wake(memory_);
    }
  }

 private:
  friend class EventCount;
  explicit Notifier(Memory* memory) : memory_(memory) {}

  Memory* memory_;
};

template <>
class EventCount::Notifier<Publisher::kAsymmetric> {
 public:
  // Wakes all who sleep. Where nobody does, a load of one's own line.
  PLACID_ALWAYS_INLINE void Notify() {
    machine::CompilerBarrier();
    const std::uint32_t state =
        look_->load(kRelaxed);  // sync: none, sleepers fence for us
    if ((state & kArmed) != 0) [[unlikely]] {
      NotifySlowly();
    }
  }

  // Whether it must fence each time, since sleepers cannot make it.
  [[nodiscard]] bool fences() const { return look_ == &kAlwaysArmed; }

 private:
  friend class EventCount;
  static inline const Atomic<std::uint32_t> kAlwaysArmed{kArmed};

  Notifier(Memory* memory, bool must_fence)
      : memory_(memory), look_(must_fence ? &kAlwaysArmed : &memory->state) {}

  PLACID_COLD void NotifySlowly() {
    if (fences()) return Notifier<Publisher::kFencing>(memory_).Notify();
    Wake(memory_);
  }

  Memory* memory_;
  // The state; or, for one that must fence, a word that always says to do so: a
  // flag of its own would cost the others as much again as the look.
  const Atomic<std::uint32_t>* look_;
};

// The right to sleep, for one thread. Arm, look whether there is something
// after all, and only then Sleep; then look again, whatever it says.
class EventCount::Sleeper {
 public:
  // Whoever publishes after this wakes us; what was published before it can be
  // seen now.
  void Arm();

  // Sleeps until there was a wake after Arm, until `deadline_ns` of
  // os::MonotonicNow, or for a slice. False: nobody has woken us. Where the
  // system has no futex between processes (Windows; see os::HasFutex), it naps
  // for a millisecond, or what the system makes of one, and nobody can wake it.
  bool Sleep(std::int64_t deadline_ns);

 private:
  friend class EventCount;
  explicit Sleeper(Memory* memory) : memory_(memory) {}

  void PassOn() const;

  // Instead of a fence of the publisher's processor, where the system refuses
  // it: by then its store buffer has long been empty.
  static constexpr std::int64_t kDrainNs = 1'000'000;
  // Between two looks where there is no futex.
  static constexpr std::int64_t kNapNs = 1'000'000;

  Memory* memory_;
  std::uint32_t armed_ = 0;   // the state to sleep on, if it is odd
  std::uint32_t fenced_ = 0;  // the last state that we fenced after arming
  bool must_drain_ = false;   // the next sleep may miss somebody
};

// ---- Implementation ---------------------------------------------------------

inline Result<EventCount> EventCount::Attach(std::span<std::byte> bytes) {
  auto place = CheckPlace(bytes, SizeFor(), kAlignment, "EventCount::Attach");
  if (!place) return place.error();
  return EventCount(reinterpret_cast<Memory*>(bytes.data()));
}

inline void EventCount::Wake(Memory* memory) {
  const os::HerdShares shares = os::SharesOfHerd();
  const std::uint32_t mode =
      memory->mode.load(kRelaxed);  // sync: none, who sees no herd wakes all
  if ((mode & kHerd) != 0) {
    Fence(kRelease);  // sync: herd (release)
    os::FutexBumpAndWake(&memory->state, shares.by_waker);
  } else if (os::FutexBumpAndWake(&memory->state, os::kAllSleepers) >
             shares.by_waker) {
    // For ever: nobody knows when it has gone.
    memory->mode.fetch_or(kHerd, kRelaxed);  // sync: none, see the next wake
  }
}

inline auto EventCount::MakeNotifier() const -> Notifier<Publisher::kFencing> {
  return Notifier<Publisher::kFencing>(memory_);
}

inline auto EventCount::MakeAsymmetricNotifier() const
    -> Notifier<Publisher::kAsymmetric> {
  if (!os::JoinPeerFences()) return {memory_, /*must_fence=*/true};
  // For ever: nobody knows when the last publisher of this kind is gone.
  memory_->mode.fetch_or(kSomeAsymmetric,
                         kRelaxed);  // sync: none, see the fence
  Fence(
      kSeqCst);  // sync: claim (seq_cst), who reads the old mode is seen armed
  return {memory_, /*must_fence=*/false};
}

inline auto EventCount::MakeSleeper() const -> Sleeper {
  return Sleeper(memory_);
}

inline void EventCount::Sleeper::Arm() {
  armed_ = memory_->state.load(kRelaxed);  // sync: none, the swap looks again
  if ((armed_ & kArmed) == 0 &&
      memory_->state.compare_exchange(armed_, armed_ + kArmed, kRelaxed,
                                      kRelaxed)) {  // sync: none, see the fence
    armed_ += kArmed;
  }
  // Where the swap failed, somebody else armed it, or there was a wake, and
  // then Sleep will not. A state that we have fenced before is as good as then.
  if ((armed_ & kArmed) == 0 || armed_ == fenced_) return;
  Fence(kSeqCst);  // sync: sleep, claim, change (seq_cst), arm before looking
  const std::uint32_t mode =
      memory_->mode.load(kRelaxed);  // sync: none, the fence orders it
  must_drain_ = (mode & kSomeAsymmetric) != 0 && !os::FencePeers();
  fenced_ = armed_;
}

inline bool EventCount::Sleeper::Sleep(std::int64_t deadline_ns) {
  if ((armed_ & kArmed) == 0) return true;
  const std::int64_t now_ns = os::MonotonicNow();
  const auto within = [&](std::int64_t slice_ns) {
    return (std::min)(deadline_ns, now_ns + slice_ns);
  };
  const std::int64_t until_ns = within(must_drain_ ? kDrainNs : kSliceNs);
  must_drain_ = false;
  switch (os::FutexWait(&memory_->state, armed_, until_ns, BitOf(armed_))) {
    case os::WaitResult::kWoken: PassOn(); return true;
    case os::WaitResult::kTimedOut: return false;
    case os::WaitResult::kUnsupported:
      os::SleepUntil(within(kNapNs));
      return false;
    default: return true;
  }
}

// Whoever is behind the state that we read, we reach. Who is behind a newer one
// alone is reached by those who were woken as that came to be: they read it, or
// a newer one still.
inline void EventCount::Sleeper::PassOn() const {
  const std::uint32_t state =
      memory_->state.load(kAcquire);  // sync: herd (acquire)
  const std::uint32_t mode =
      memory_->mode.load(kRelaxed);  // sync: none, herd orders it
  if ((mode & kHerd) == 0) [[likely]] {
    return;
  }
  const std::uint32_t rightly = (state & kArmed) != 0 ? BitOf(state) : 0;
  os::FutexWake(&memory_->state, os::SharesOfHerd().by_woken, ~rightly);
}

}  // namespace placid

#endif  // PLACID_WAIT_EVENT_COUNT_H_
