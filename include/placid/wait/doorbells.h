// SPDX-License-Identifier: Apache-2.0
//
// Doorbells: one for each of up to 64 waiters, rung by whoever has something
// for that one. What they wait for lies elsewhere, in any number of places:
// beside each lies a WaitMask (wait_mask.h), whose bit i stands for doorbell i.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field   writer   meaning
//   0x000      8  stamp   creator  type, version, number of rows
//   0x008    120  pad0
//   0x080      N  rows    anybody  1 to 64 of them, one line each
//
// A row:
//
//   0x000      8  waiter  claimant  who holds the doorbell (role.h)
//   0x008      8  bell    waiter    number of the os::Bell that wakes it; 0: it
//                                   sleeps on rings
//   0x010      4  rings   ringers   how often it was rung there, modulo 2^32
//
// Invariant  Whoever rings moves rings on and wakes in one step (os/futex.h), or
//            rings the bell, which stays rung. So a waiter that read rings, or
//            silenced its bell, before it looked for work sleeps only while
//            nobody has rung since.
// Threads    Any number of ringers; each Doorbell is one thread's.
// Progress   Ring, Claim, Recover: wait-free, but for system calls that do not
//            block.
// Crash      recoverable: whoever recovers a dead waiter gives its doorbell
//            back, and rings all others, since the dead one may have been about
//            to. Until then one that it was to ring sleeps for its slice.
// Trust      guarded: a hostile peer can ring for nothing or not at all, take
//            all doorbells, or name the bell of somebody else; each costs a
//            look or a slice.
// Readers    storing: a waiter claims its doorbell.
// Orders
//   edge      release          acquire            carries
//   create    Create: stamp    Attach: stamp      the zero words
//   handover  Release: waiter  Take: waiter       whose doorbell it is
//   change    Ring: fence      rings: rings       what was changed before
//
// That a ringer finds the bell of who it rings is the edge `arm` of WaitMask. A
// bell orders by itself what was done before it was rung (os/bell.h).
//
// One word for each waiter, and a mask of waiters for each source, is how one
// sleeps for several sources at once, or in an event loop, or where the system
// has no futex; for one source and none of that EventCount is smaller. The mask
// is that of select(2) turned round: the source knows its waiters.
#ifndef PLACID_WAIT_DOORBELLS_H_
#define PLACID_WAIT_DOORBELLS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/os/bell.h"
#include "placid/os/futex.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/role.h"

namespace placid {

// How a waiter wants to be woken.
enum class WakeBy : std::uint8_t {
  kFutex,  // it sleeps here and nowhere else; by an event, where there is none
  kEvent,  // it has an event for a loop (os/bell.h), and can sleep here as well
};

class Doorbells {
 public:
  class Doorbell;

  // How many there can be: as many as a WaitMask has bits.
  static constexpr std::uint32_t kMost = 64;

  struct Memory {
    Atomic<std::uint64_t> stamp;
    Padding<120> pad0;
  };
  static constexpr std::uint64_t kRowsOffset = 0x080;

  struct Row {
    Atomic<std::uint64_t> waiter;
    Atomic<std::uint64_t> bell;
    Atomic<std::uint32_t> rings;
    Padding<108> pad0;
  };

  // Some as a member of one's own struct. All zero is valid.
  template <std::uint32_t kCount>
  struct alignas(kLineBytes) StorageOf {
    static_assert(kCount >= 1 && kCount <= kMost);
    Memory memory;
    std::array<Row, kCount> rows;
  };
  using Storage = StorageOf<kMost>;

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoring};

  // Bytes that so many take.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(
      std::uint32_t count = kMost) {
    return kRowsOffset + count * sizeof(Row);
  }

  // Writes `count` of them into bytes whose first word is zero. The caller sees
  // to it that nobody else creates or attaches here meanwhile. Errors:
  // kInvalidArgument (count), kTooSmall, kMisaligned, kAlreadyExists.
  static Result<Doorbells> Create(std::span<std::byte> bytes,
                                  std::uint32_t count = kMost);

  // Checks and gives a view; stamps what is virgin: all zero. Errors:
  // kInvalidArgument (count), kTooSmall, kMisaligned, kNotPlacid,
  // kWrongByteOrder, kWrongType, kWrongVersion, kWrongElement (another count).
  static Result<Doorbells> Attach(std::span<std::byte> bytes,
                                  std::uint32_t count = kMost);
  template <std::uint32_t kCount>
  static Result<Doorbells> Attach(StorageOf<kCount>& storage) {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)), kCount);
  }

  // How many an object with this first word has; 0: it has another type, or
  // version. For who looks on.
  [[nodiscard]] static constexpr std::uint32_t CountIn(std::uint64_t stamp) {
    std::uint32_t count = kMost;
    while (count > 0 && StampOf(count).word() != stamp) --count;
    return count;
  }

  // Makes the bytes virgin, whatever they were. Errors: kInvalidArgument
  // (count), kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token,
                            std::uint32_t count = kMost);

  [[nodiscard]] std::uint32_t count() const { return count_; }

  // Takes a doorbell that nobody has. Errors: kNoSpace (all are taken; recover
  // the dead), kInvalidArgument (nobody claims), those of os::Bell::Make.
  Result<Doorbell> Claim(OwnerId by = OwnerId::Unowned(),
                         WakeBy wake_by = WakeBy::kFutex) const;

  // After the death of a waiter without an identity: look at the holder, make
  // sure it is dead, take over. Errors: kInvalidArgument (no such doorbell,
  // nobody had it, or somebody whose death can be proven: Recover), kRoleTaken
  // (somebody was faster), those of os::Bell::Make.
  [[nodiscard]] RoleHolder Holder(std::uint32_t index) const {
    return RoleClaim::Holder(At(index).waiter);
  }
  Result<Doorbell> TakeOver(std::uint32_t index, AttestedDeath death,
                            OwnerId by = OwnerId::Unowned(),
                            WakeBy wake_by = WakeBy::kFutex) const;

  // Gives back what a dead waiter had, for the next one to claim, and rings all
  // that others have; how many the dead one had.
  std::uint32_t Recover(const DeadOwner& dead) const;

  // Wakes whoever has doorbell `index` modulo count(), or was about to sleep; it
  // sees what was changed before.
  void Ring(std::uint32_t index, os::BellRope& rope) const;

 private:
  static constexpr Stamp StampOf(std::uint32_t count) {
    return {TypeId::kDoorbells, kLayoutVersion,
            internal::Fingerprint().Add(std::uint64_t{count}).value()};
  }

  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, pad0) == 0x008);
  static_assert(offsetof(Storage, rows) == 0x080);
  static_assert(sizeof(Memory) == 0x080);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);
  static_assert(offsetof(Row, waiter) == 0x000);
  static_assert(offsetof(Row, bell) == 0x008);
  static_assert(offsetof(Row, rings) == 0x010);
  static_assert(offsetof(Row, pad0) == 0x014);
  static_assert(sizeof(Row) == kLineBytes);
  static_assert(std::is_standard_layout_v<Row>);
  static_assert(std::has_unique_object_representations_v<Row>);

  Doorbells(std::span<std::byte> bytes, std::uint32_t count)
      : rows_(reinterpret_cast<Row*>(bytes.data() + kRowsOffset)),
        count_(count) {}

  static Result<void> Check(std::span<std::byte> bytes, std::uint32_t count,
                            const char* operation);

  [[nodiscard]] Row& At(std::uint32_t index) const {
    return rows_[index % count_];
  }
  Result<Doorbell> Furnish(std::uint32_t index, RoleClaim claim,
                           WakeBy wake_by) const;

  Row* rows_;
  std::uint32_t count_;
};

// The right to be rung at one of them. Given back when it is dropped.
class Doorbells::Doorbell {
 public:
  [[nodiscard]] std::uint32_t index() const { return index_; }
  // Its bit in each WaitMask.
  [[nodiscard]] std::uint64_t bit() const { return std::uint64_t{1} << index_; }

  // For an event loop: os::Bell::event. kNoHandle: it was claimed to be woken
  // by a futex.
  [[nodiscard]] os::NativeHandle event() const { return bell_.event(); }

  // Changes when it is rung: to be read before one looks for work.
  [[nodiscard]] std::uint32_t rings() const {
    return row_->rings.load(kAcquire);  // sync: change (acquire)
  }

  // Sleeps until it was rung since it had that many rings and was last silent,
  // until `deadline_ns` of os::MonotonicNow, or for a signal. False: not rung,
  // as far as we know.
  bool Sleep(std::uint32_t rings, std::int64_t deadline_ns);

  // What came before this no longer ends a sleep, nor makes the event ready.
  void Silence() {
    if (bell_.number() != 0) bell_.Silence();
  }

  // Wakes ourselves: from any thread of this process.
  void Ring() const;

 private:
  friend class Doorbells;
  Doorbell(Row* row, std::uint32_t index, RoleClaim claim, os::Bell bell)
      : row_(row),
        index_(index),
        bell_(std::move(bell)),
        claim_(std::move(claim)) {}

  Row* row_;
  std::uint32_t index_;
  os::Bell bell_;
  RoleClaim claim_;
};

// ---- Implementation ---------------------------------------------------------

inline Result<void> Doorbells::Check(std::span<std::byte> bytes,
                                     std::uint32_t count,
                                     const char* operation) {
  if (count == 0 || count > kMost) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .operation = operation,
                 .field = "number of doorbells",
                 .expected = kMost,
                 .found = count,
                 .advice = "give it 1 to 64 of them"};
  }
  return CheckPlace(bytes, SizeFor(count), kAlignment, operation);
}

inline Result<Doorbells> Doorbells::Create(std::span<std::byte> bytes,
                                           std::uint32_t count) {
  constexpr const char* kOperation = "Doorbells::Create";
  if (auto place = Check(bytes, count, kOperation); !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  *memory = Memory{};
  const Doorbells doorbells(bytes, count);
  for (std::uint32_t index = 0; index < count; ++index) {
    doorbells.At(index) = Row{};
  }
  SetStamp(memory->stamp, StampOf(count));
  return doorbells;
}

inline Result<Doorbells> Doorbells::Attach(std::span<std::byte> bytes,
                                           std::uint32_t count) {
  constexpr const char* kOperation = "Doorbells::Attach";
  if (auto place = Check(bytes, count, kOperation); !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto stamped = StampOrCheck(memory->stamp, StampOf(count), kOperation);
      !stamped) {
    return stamped.error();
  }
  return Doorbells(bytes, count);
}

inline Result<void> Doorbells::Reset(std::span<std::byte> bytes, NobodyUsesIt,
                                     std::uint32_t count) {
  auto place = Check(bytes, count, "Doorbells::Reset");
  if (!place) return place;
  *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  const Doorbells doorbells(bytes, count);
  for (std::uint32_t index = 0; index < count; ++index) {
    doorbells.At(index) = Row{};
  }
  return place;
}

inline auto Doorbells::Claim(OwnerId by, WakeBy wake_by) const
    -> Result<Doorbell> {
  constexpr const char* kOperation = "Doorbells::Claim";
  for (std::uint32_t index = 0; index < count_; ++index) {
    auto claim = RoleClaim::Take(At(index).waiter, kOperation, by);
    if (claim) return Furnish(index, std::move(*claim), wake_by);
    if (claim.error().code != ErrorCode::kRoleTaken) return claim.error();
  }
  return Error{.code = ErrorCode::kNoSpace,
               .operation = kOperation,
               .field = "doorbells",
               .expected = count_,
               .found = count_,
               .advice =
                   "all are taken: recover the dead, or let one thread "
                   "wait for several sources"};
}

inline auto Doorbells::TakeOver(std::uint32_t index, AttestedDeath death,
                                OwnerId by, WakeBy wake_by) const
    -> Result<Doorbell> {
  constexpr const char* kOperation = "Doorbells::TakeOver";
  if (index >= count_) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .operation = kOperation,
                 .field = "index of the doorbell",
                 .expected = count_ - 1,
                 .found = index,
                 .advice = "there are fewer of them, from 0"};
  }
  auto claim = RoleClaim::TakeOver(At(index).waiter, death, kOperation, by);
  if (!claim) return claim.error();
  return Furnish(index, std::move(*claim), wake_by);
}

// What the last waiter left there misleads nobody: it is replaced before a mask
// has our bit.
inline auto Doorbells::Furnish(std::uint32_t index, RoleClaim claim,
                               WakeBy wake_by) const -> Result<Doorbell> {
  os::Bell bell;
  if (wake_by == WakeBy::kEvent || !os::HasFutex()) {
    auto made = os::Bell::Make();
    if (!made) return made.error();
    bell = std::move(*made);
  }
  At(index).bell.store(bell.number(),
                       kRelaxed);  // sync: none, see WaitMask's arm
  return Doorbell(&At(index), index, std::move(claim), std::move(bell));
}

inline std::uint32_t Doorbells::Recover(const DeadOwner& dead) const {
  os::BellRope rope;
  std::uint32_t recovered = 0;
  for (std::uint32_t index = 0; index < count_; ++index) {
    if (RoleClaim::Recover(At(index).waiter, dead)) {
      ++recovered;
    } else if (!Holder(index).is_free()) {
      Ring(index, rope);
    }
  }
  return recovered;
}

inline void Doorbells::Ring(std::uint32_t index, os::BellRope& rope) const {
  // Who finds itself rung before it has armed sees why.
  Fence(kRelease);  // sync: change (release)
  Row& row = At(index);
  const std::uint64_t bell =
      row.bell.load(kRelaxed);  // sync: none, see WaitMask's arm
  if (bell == 0) {
    os::FutexBumpAndWake(&row.rings, os::kAllSleepers);
  } else {
    rope.Ring(bell);
  }
}

inline bool Doorbells::Doorbell::Sleep(std::uint32_t rings,
                                       std::int64_t deadline_ns) {
  if (bell_.number() != 0) return bell_.Wait(deadline_ns);
  return os::FutexWait(&row_->rings, rings, deadline_ns) !=
         os::WaitResult::kTimedOut;
}

inline void Doorbells::Doorbell::Ring() const {
  Fence(kRelease);  // sync: change (release)
  if (bell_.number() == 0) {
    os::FutexBumpAndWake(&row_->rings, os::kAllSleepers);
  } else {
    bell_.Ring();
  }
}

}  // namespace placid

#endif  // PLACID_WAIT_DOORBELLS_H_
