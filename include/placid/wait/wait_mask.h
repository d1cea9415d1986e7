// SPDX-License-Identifier: Apache-2.0
//
// WaitMask: which waiters may be asleep for one source, so that whoever
// publishes there rings exactly their doorbells (doorbells.h), and pays nothing
// where nobody sleeps.
//
// Layout     version 0, native byte order, align 8
//
//   offset  size  field     writer              meaning
//   0x000      8  armed     waiters, notifiers  bit i: the waiter at doorbell i
//                                               may be asleep
//   0x008      4  mode      notifiers           bit 0: some publisher does not
//                                               fence
//   0x00c      4  reserved                      zero; never read or written
//
// All zero is valid: nobody sleeps and publishers fence. There is no stamp, and
// no bytes that would be wrong. It belongs into the line that its publisher
// writes anyway, or one of its own, never into that of another writer.
//
// Invariant  A waiter sleeps only while its bit was set after it had read how
//            often its doorbell was rung; who takes a bit away rings after that.
// Threads    Any number of Notifiers and waiters (wait_set.h), in any processes.
// Progress   Notify: wait-free, but for system calls that do not block; at most
//            64 of them.
// Crash      clean: a publisher that dies after it has published, or after it
//            has taken the bits and before it has rung, delays those waiters
//            until their slice is over or whoever recovers it rings
//            (Doorbells::Recover). A waiter that dies leaves its bit, which
//            costs the next publisher one ring.
// Trust      guarded: a hostile peer can set bits, which costs rings, or take
//            them away, which costs slices.
// Readers    storing: a waiter announces itself.
// Orders
//   edge    release                        acquire               carries
//   sleep   Notify: fence                  WaitSet::Arm: fence   whether to look
//                                                                again
//   claim   MakeAsymmetricNotifier: fence  WaitSet::Arm: fence   mode
//   arm     WaitSet::Arm: armed            NotifySlowly: armed   the waiter's
//                                                                bell
//
// The first two are of Dekker's kind, as in event_count.h. The third is for a
// notifier that comes late, with a fence from before the waiter's: it takes a bit
// that the next one will not find, and so must ring the right bell.
#ifndef PLACID_WAIT_WAIT_MASK_H_
#define PLACID_WAIT_WAIT_MASK_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/os/bell.h"
#include "placid/os/peer_fence.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/publisher.h"

namespace placid {

class WaitMask {
 public:
  template <Publisher kPublisher>
  class Notifier;

  struct Memory {
    Atomic<std::uint64_t> armed;
    Atomic<std::uint32_t> mode;
    Padding<4> reserved;
  };
  // One as a member of one's own struct. All zero is valid.
  struct alignas(8) Storage : Memory {};

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = 8;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree, Crash::kClean,
                                          Trust::kGuarded, Readers::kStoring};

  // Bytes that it takes.
  [[nodiscard]] static constexpr std::uint64_t SizeFor() {
    return sizeof(Memory);
  }

  // Checks the place and gives a view; there is nothing else to check. Errors:
  // kTooSmall, kMisaligned.
  static Result<WaitMask> Attach(std::span<std::byte> bytes);
  static Result<WaitMask> Attach(Storage& storage) {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }

  // For publishers whose waiters have their doorbells among these.
  [[nodiscard]] Notifier<Publisher::kFencing> MakeNotifier(
      const Doorbells& doorbells) const;

  // For a publisher that is not to pay for a fence each time; see
  // EventCount::MakeAsymmetricNotifier.
  [[nodiscard]] Notifier<Publisher::kAsymmetric> MakeAsymmetricNotifier(
      const Doorbells& doorbells) const;

  friend bool operator==(const WaitMask&, const WaitMask&) = default;

 private:
  friend class WaitSet;

  static constexpr std::uint32_t kSomeAsymmetric = 1;  // of mode

  static_assert(offsetof(Memory, armed) == 0x000);
  static_assert(offsetof(Memory, mode) == 0x008);
  static_assert(offsetof(Memory, reserved) == 0x00c);
  static_assert(sizeof(Memory) == 0x010);
  static_assert(sizeof(Storage) == sizeof(Memory));
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  explicit WaitMask(Memory* memory) : memory_(memory) {}

  // ---- Of waiters

  void Arm(std::uint64_t bit) const {
    memory_->armed.fetch_or(bit, kRelease);  // sync: arm (release)
  }
  // After the fence that follows Arm.
  [[nodiscard]] bool HasAsymmetric() const {
    const std::uint32_t mode =
        memory_->mode.load(kRelaxed);  // sync: none, the fence orders it
    return (mode & kSomeAsymmetric) != 0;
  }
  // Saves publishers a ring that nobody needs.
  void Disarm(std::uint64_t bit) const {
    const std::uint64_t armed =
        memory_->armed.load(kRelaxed);  // sync: none, nobody else sets our bit
    if ((armed & bit) == 0) return;
    memory_->armed.fetch_and(~bit, kRelaxed);  // sync: none, we are awake
  }

  Memory* memory_;
};

// The right hand of a publisher: publish, then Notify. For one thread.
template <>
class WaitMask::Notifier<Publisher::kFencing> {
 public:
  // Rings for all who sleep. Once after a batch is enough.
  void Notify() {
    Fence(kSeqCst);  // sync: sleep (seq_cst), orders publishing before the look
    const std::uint64_t armed =
        memory_->armed.load(kRelaxed);  // sync: none, the fence orders it
    if (armed != 0) [[unlikely]] {
      NotifySlowly();
    }
  }

 private:
  friend class WaitMask;
  friend class Notifier<Publisher::kAsymmetric>;
  Notifier(Memory* memory, const Doorbells& doorbells)
      : memory_(memory), doorbells_(doorbells) {}

  PLACID_COLD void NotifySlowly() {
    std::uint64_t armed =
        memory_->armed.exchange(0, kAcquire);  // sync: arm (acquire)
    for (; armed != 0; armed &= armed - 1) {
      const auto index = static_cast<std::uint32_t>(std::countr_zero(armed));
      doorbells_.Ring(index, rope_);
    }
  }

  Memory* memory_;
  Doorbells doorbells_;
  os::BellRope rope_;
};

template <>
class WaitMask::Notifier<Publisher::kAsymmetric> {
 public:
  // Rings for all who sleep. Where nobody does, a load of one's own line.
  PLACID_ALWAYS_INLINE void Notify() {
    machine::CompilerBarrier();
    const std::uint64_t armed =
        look_->load(kRelaxed);  // sync: none, sleepers fence for us
    if (armed != 0) [[unlikely]] {
      NotifySlowly();
    }
  }

  // Whether it must fence each time, since sleepers cannot make it.
  [[nodiscard]] bool fences() const { return look_ == &kAlwaysArmed; }

 private:
  friend class WaitMask;
  static inline const Atomic<std::uint64_t> kAlwaysArmed{1};

  Notifier(Memory* memory, const Doorbells& doorbells, bool must_fence)
      : slow_(memory, doorbells),
        look_(must_fence ? &kAlwaysArmed : &memory->armed) {}

  PLACID_COLD void NotifySlowly() {
    if (fences()) return slow_.Notify();
    slow_.NotifySlowly();
  }

  Notifier<Publisher::kFencing> slow_;
  // The mask; or, for one that must fence, a word that always says to do so, as
  // in event_count.h.
  const Atomic<std::uint64_t>* look_;
};

// ---- Implementation ---------------------------------------------------------

inline Result<WaitMask> WaitMask::Attach(std::span<std::byte> bytes) {
  auto place = CheckPlace(bytes, SizeFor(), kAlignment, "WaitMask::Attach");
  if (!place) return place.error();
  return WaitMask(reinterpret_cast<Memory*>(bytes.data()));
}

inline auto WaitMask::MakeNotifier(const Doorbells& doorbells) const
    -> Notifier<Publisher::kFencing> {
  return {memory_, doorbells};
}

inline auto WaitMask::MakeAsymmetricNotifier(const Doorbells& doorbells) const
    -> Notifier<Publisher::kAsymmetric> {
  if (!os::JoinPeerFences()) {
    return {memory_, doorbells, /*must_fence=*/true};
  }
  // For ever: nobody knows when the last publisher of this kind is gone.
  memory_->mode.fetch_or(kSomeAsymmetric,
                         kRelaxed);  // sync: none, see the fence
  Fence(
      kSeqCst);  // sync: claim (seq_cst), who reads the old mode is seen armed
  return {memory_, doorbells, /*must_fence=*/false};
}

}  // namespace placid

#endif  // PLACID_WAIT_WAIT_MASK_H_
