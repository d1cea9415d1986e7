// SPDX-License-Identifier: Apache-2.0
//
// MpmcRing<T, kExtent>: any producers hand values to any consumers, each value
// to one of them, in one order; any of them may die at any instruction.
//
// There is neither head nor tail. The word of a slot says for which lap it is
// free, whose it is, or that its value is there, and one swap of that word takes
// it: no death can leave a slot of which nobody knows whose it was.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field             writer      meaning
//   0x000      8  stamp             creator     type, version, element, extent
//   0x008      8  capacity          creator     slots; 0 where extent is fixed
//   0x010    112  pad0
//   0x080      8  offers            recoverers  rounds of values offered again
//   0x088      4  consumers_closed  consumers   1: nothing more will be popped
//   0x08c    116  pad1
//   0x100      N  slots             both        {word, value}: position n lies in
//                                               slot n % capacity
//
//   word (turn_word.h) for position n of lap L = n / capacity
//
//   free L         nothing is there    a producer: pushing L; who closes: end L
//   pushing L, o   o writes the value  o: full L or void L; Recover(o): void L
//   full L         the value is there  a consumer: taking L or borrowing L
//   void L         nothing: pass over  a consumer: free L + 1
//   taking L, o    o copies it out     o: free L + 1; Recover(o): free L + 1
//   borrowing L, o o has it in hand    o: free L + 1; Recover(o): offered L
//   offered L      a dead one had it   a consumer: taking L or borrowing L
//   end L          the ring is closed
//   All-zero memory is free for lap 0 everywhere: an empty ring.
//
// Invariant  A position is claimed at most once, ever, and only when all below
//            it have been: cursors move over claims alone. So is it taken, but
//            for what is offered again, which lies below every cursor.
// Threads    Any Producers, Consumers and Recoverers, in any processes.
// Progress   lock-free: TryPush and TryPop swap a bounded number of times (then
//            kContended), each of which fails only because somebody else's has
//            not; a look for the cursor's place takes at most 64 + 41 loads.
//            TryPop passes over at most `capacity` void slots in one call.
//            Recover: `capacity` steps.
// Crash      recoverable: a dead producer loses the value that it was pushing.
//            Until Recover(it), consumers that come to its slot say kPending and
//            nothing behind it is delivered; producers do not notice. What a
//            dead consumer had in hand is lost under Delivery::kAtMostOnce (it
//            died within TryPop), and delivered again under kAtLeastOnce (it
//            died before its next call), to whoever asks next, behind what was
//            taken meanwhile. Until then the slot is occupied: producers that
//            come round to it say kFull. Recover itself may die: again.
//            Who is merely stopped is never recovered, and may go on.
// Trust      guarded: a hostile peer can lie about words, stall, spoil and
//            repeat values; every index is masked and every loop is bounded.
// Readers    storing: TryPop takes the slot.
// Orders
//   edge     release                    acquire              carries
//   create   Create: stamp              Attach: stamp        capacity
//   publish  Commit: word               TryTake: word        the value
//   void     Abort, Recover: word       TryClaim: word       leave to overwrite
//   retire   Retire, Recover: word      TryClaim: word       leave to overwrite
//   offer    Recover: word              TakeOffered: word    what the dead one read
//   offers   Recover: offers            TakeOffered: offers  which slots to look at
//   (death)  the kernel                 Recover              all that it stored
//
// A slot that says itself for which lap it is free is Vyukov's bounded queue
// ("Bounded MPMC queue", 2010). Ours has no shared counters, which every
// operation there swaps and which do not say who swapped them: a position is
// taken in its slot, in the name of who takes it. Where the next one is, each
// role knows for itself, or finds by doubling and halving, since all before a
// claimed position are claimed.
#ifndef PLACID_PRIMITIVES_MPMC_RING_H_
#define PLACID_PRIMITIVES_MPMC_RING_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/extent.h"
#include "placid/base/fields.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/slotted.h"
#include "placid/base/stamp.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "placid/primitives/turn_word.h"

namespace placid {

// What becomes of a value in the hand of a consumer that dies.
enum class Delivery : std::uint8_t {
  // TryPop gives the slot back before it returns. Whoever dies within loses the
  // value that it was copying; after that nothing is in its hand.
  kAtMostOnce,
  // The next call gives the slot back. Whoever dies before that leaves the value
  // to others, who may so be handed one that was dealt with already.
  kAtLeastOnce,
};

template <Element T, std::uint64_t kExtent = kDynamic>
class MpmcRing {
 public:
  class Producer;
  class Consumer;

  struct Memory {
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> capacity;
    Padding<112> pad0;
    // Hardly ever written.
    Atomic<std::uint64_t> offers;
    Atomic<std::uint32_t> consumers_closed;
    Padding<116> pad1;
  };
  struct alignas(sizeof(T) <= 8 ? 16 : 8) Slot {
    Atomic<std::uint64_t> word;
    T value;
  };
  static constexpr std::uint64_t kSlotsOffset = 0x100;

  // A ring of fixed extent as a member of one's own struct. All zero is valid.
  struct alignas(kLineBytes) Storage {
    Memory memory;
    std::array<Slot, kExtent == kDynamic ? 1 : kExtent> slots;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kLockFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoring};

  // Bytes that a ring takes. For a capacity that is none: more than there are.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(
      std::uint64_t capacity = kExtent) {
    return Slots::SizeFor(capacity);
  }

  // Writes an empty ring into bytes whose first word is zero. The caller sees to
  // it that nobody else creates or attaches here meanwhile. Errors:
  // kInvalidArgument (no power of two), kTooSmall, kMisaligned, kAlreadyExists.
  static Result<MpmcRing> Create(std::span<std::byte> bytes,
                                 std::uint64_t capacity = kExtent);

  // Checks and gives a view. A ring of fixed extent may be virgin: all zero.
  // Errors: kTooSmall, kMisaligned, kNotInitialized (run-time capacity, not yet
  // created), kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion,
  // kWrongElement, kCorrupt (a capacity that cannot be).
  static Result<MpmcRing> Attach(std::span<std::byte> bytes);
  static Result<MpmcRing> Attach(Storage& storage) requires(kExtent !=
                                                            kDynamic) {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] std::uint64_t capacity() const { return extent_.capacity(); }

  // The right to push or to pop. Any number may have one at a time, several by
  // one owner too: nothing in memory is taken by it. With Pace::kStreaming a call
  // that finds no room, or no value, may pause before it says so. Errors:
  // kInvalidArgument (nobody claims).
  Result<Producer> ClaimProducer(OwnerId by = OwnerId::Unowned(),
                                 Pace pace = Pace::kPrompt) const;
  Result<Consumer> ClaimConsumer(Delivery delivery = Delivery::kAtMostOnce,
                                 OwnerId by = OwnerId::Unowned(),
                                 Pace pace = Pace::kPrompt) const;

  // What Recover found of the dead one's.
  struct Recovered {
    std::uint64_t voided = 0;   // pushes given up
    std::uint64_t lost = 0;     // values it was taking, kAtMostOnce
    std::uint64_t offered = 0;  // values in its hand that come again
    [[nodiscard]] constexpr bool any() const {
      return voided + lost + offered != 0;
    }
  };
  // Gives back all that a dead one held. Any number may do so at a time, beside
  // producers and consumers.
  Recovered Recover(const DeadOwner& dead) const {
    return RecoverFrom(dead.id().index());
  }
  Recovered RecoverUnowned(UnownedAreDead) const {
    return RecoverFrom(OwnerId::Unowned().index());
  }

 private:
  using Slots = Slotted<Memory, kExtent, sizeof(Slot)>;
  using State = TurnWord::State;

  static constexpr Stamp kStamp{
      TypeId::kMpmcRing, kLayoutVersion,
      internal::Fingerprint().Add(kElementFingerprint<T>).Add(kExtent).value()};

  // How often to swap in vain before kContended.
  static constexpr int kMostTries = 64;
  // How often to go to the very next position, before looking further.
  static constexpr int kNear = 3;

  static_assert(alignof(T) <= 8);
  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, capacity) == 0x008);
  static_assert(offsetof(Memory, pad0) == 0x010);
  static_assert(offsetof(Memory, offers) == 0x080);
  static_assert(offsetof(Memory, consumers_closed) == 0x088);
  static_assert(offsetof(Memory, pad1) == 0x08c);
  static_assert(offsetof(Slot, word) == 0);
  static_assert(offsetof(Slot, value) == 8);
  static_assert(offsetof(Storage, slots) == 0x100);
  static_assert(sizeof(Memory) == kSlotsOffset);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  MpmcRing(std::span<std::byte> bytes, Extent<kExtent> extent)
      : memory_(reinterpret_cast<Memory*>(bytes.data())),
        slots_(reinterpret_cast<Slot*>(bytes.data() + kSlotsOffset)),
        extent_(extent) {}

  // The slot given back: free for the lap that follows.
  static TurnWord Freed(TurnWord word) {
    return {Bump(word.lap()), State::kFree};
  }
  [[nodiscard]] Slot& SlotAt(std::uint64_t position) const {
    return slots_[static_cast<std::size_t>(position & extent_.mask())];
  }
  [[nodiscard]] std::uint64_t LapOf(std::uint64_t position) const {
    return position >> extent_.shift();
  }

  // Whether those who go by have passed the position that a word is of: claimed
  // it, or taken it. Nobody passes an end.
  enum class Side { kProducers, kConsumers };
  template <Side kSide>
  static bool IsPassed(TurnWord word) {
    return kSide == Side::kProducers
               ? !word.Is(State::kFree) && !word.Is(State::kEnd)
               : word.Is(State::kTaking) || word.Is(State::kBorrowing) ||
                     word.Is(State::kOffered);
  }

  // The last position of the slot of `position` that has been passed, by what
  // the slot's word says.
  template <Side kSide>
  [[nodiscard]] std::uint64_t LastPassed(std::uint64_t position,
                                         TurnWord word) const {
    const std::int64_t laps =
        word.AheadOf(LapOf(position)) - (IsPassed<kSide>(word) ? 0 : 1);
    return position + (static_cast<std::uint64_t>(laps) << extent_.shift());
  }
  template <Side kSide>
  [[nodiscard]] std::uint64_t LastPassed(std::uint64_t position) const {
    return LastPassed<kSide>(
        position,
        TurnWord(SlotAt(position).word.load(
            kRelaxed)));  // sync: none, who swaps it looks again
  }
  // The first position that has not been passed, where `passed` has.
  template <Side kSide>
  [[nodiscard]] std::uint64_t FirstBehind(std::uint64_t passed) const;
  // The same, knowing nothing.
  template <Side kSide>
  [[nodiscard]] std::uint64_t First() const;

  Recovered RecoverFrom(std::uint64_t owner) const;

  [[nodiscard]] Pacer PaceOf(Pace pace) const {
    return {pace, capacity(), sizeof(Slot)};
  }

  [[nodiscard]] bool AreConsumersClosed() const {
    return memory_->consumers_closed.load(kRelaxed) !=
           0;  // sync: none, the flag carries nothing but itself
  }

  Memory* memory_;
  Slot* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
};

// The right to push. Dropping it gives a reservation up.
template <Element T, std::uint64_t kExtent>
class MpmcRing<T, kExtent>::Producer {
 public:
  Producer(Producer&& other) noexcept : Producer(std::as_const(other)) {
    other.slot_ = nullptr;
  }
  Producer& operator=(Producer&& other) noexcept {
    if (this == &other) return *this;
    Abort();
    *this = std::as_const(other);
    other.slot_ = nullptr;
    return *this;
  }
  ~Producer() { Abort(); }

  // Copies `value` in. kFull, kContended (others were faster again and again):
  // nothing changed. kClosed: the ring was closed, or it is full and consumers
  // have closed. kCorrupt: no slot can be what the next one says it is.
  RingResult TryPush(const T& value);

  // Copies in as many of `values` as it can, one after the other: others' may
  // come to lie between them. Says how many; kOk if at least one, or none were
  // given.
  RingResult TryPushSome(std::span<const T> values, std::size_t& pushed);

  // Zero copy: the next slot, to be written in place and then committed. Until
  // then nothing behind it is delivered. A peer may write it too: write it, do
  // not read it back. A new reservation gives the last one up.
  RingResult TryReserve(T*& value);
  // Publishes the reserved slot. False, and nothing done, where none is.
  bool Commit();
  // Gives it up; consumers will pass over it. False, and nothing done, where
  // nothing is reserved.
  bool Abort();

  // Nothing more will be pushed, by anybody: the end takes the place of the next
  // value, so what was pushed before is popped before consumers are told
  // kClosed. For ever. kClosed: it was, or it is full and consumers have closed.
  // kFull, kContended: not closed yet, try again.
  RingResult Close();

  // Whether consumers have closed. TryPush says so only once the ring is full.
  [[nodiscard]] bool AreConsumersClosed() const {
    return ring_.AreConsumersClosed();
  }

 private:
  friend class MpmcRing;
  Producer(const MpmcRing& ring, OwnerId by, Pace pace)
      : ring_(ring),
        owner_(by.index()),
        pace_(ring.PaceOf(pace)),
        next_(ring.template First<Side::kProducers>()) {}
  Producer(const Producer&) = default;
  Producer& operator=(const Producer&) = default;

  // Turns the next free slot into `state`.
  RingResult TryClaim(State state);
  // A slot to write, of which the last reservation is given up.
  RingResult TryClaimSlot();

  MpmcRing ring_;
  std::uint64_t owner_;
  Pacer pace_;
  std::uint64_t next_;  // every position below it is claimed
  TurnWord claim_;
  Slot* slot_ = nullptr;
};

// The right to pop. Dropping it gives back what is in hand.
template <Element T, std::uint64_t kExtent>
class MpmcRing<T, kExtent>::Consumer {
 public:
  Consumer(Consumer&& other) noexcept : Consumer(std::as_const(other)) {
    other.slot_ = nullptr;
  }
  Consumer& operator=(Consumer&& other) noexcept {
    if (this == &other) return *this;
    Retire();
    *this = std::as_const(other);
    other.slot_ = nullptr;
    return *this;
  }
  ~Consumer() { Retire(); }

  // Copies the oldest value out, or one that a dead consumer had in hand.
  // kEmpty, kPending (the next one is being written: blocker()), kContended,
  // kClosed (empty, and the ring or consumers have closed), kCorrupt: `value`
  // unchanged.
  RingResult TryPop(T& value);

  // Copies out as many as there are, at most values.size(), one after the other:
  // others may pop between them. Says how many. Under kAtLeastOnce the last
  // alone is in hand after it.
  RingResult TryPopSome(std::span<T> values, std::size_t& popped);

  // Zero copy: the oldest value in place, until the next call. It is in hand as
  // under the delivery that was claimed: a death loses it, or has it come again.
  RingResult TryPeek(SharedSpan<T>& value);

  // Gives back what is in hand before the next call does.
  void Retire();

  // Nothing more will be popped, by anybody: producers are told kClosed once
  // they find the ring full, consumers once they find it empty. For ever.
  void Close();

  // After kPending: the index of the owner that is writing (owner_id.h).
  [[nodiscard]] std::uint64_t blocker() const { return blocker_; }

 private:
  friend class MpmcRing;
  Consumer(const MpmcRing& ring, Delivery delivery, OwnerId by, Pace pace)
      : ring_(ring),
        owner_(by.index()),
        delivery_(delivery),
        pace_(ring.PaceOf(pace)),
        next_(ring.template First<Side::kConsumers>()) {}
  Consumer(const Consumer&) = default;
  Consumer& operator=(const Consumer&) = default;

  // Takes the next value, or one that is offered again, into hand.
  RingResult TryTake();
  RingResult TryTakeNext();
  PLACID_COLD bool TakeOffered();
  [[nodiscard]] RingResult WhyNot(TurnWord found, std::uint64_t lap);
  static State HandOf(Delivery delivery) {
    return delivery == Delivery::kAtMostOnce ? State::kTaking
                                             : State::kBorrowing;
  }

  MpmcRing ring_;
  std::uint64_t owner_;
  Delivery delivery_;
  Pacer pace_;
  std::uint64_t next_;             // every position below it is taken
  std::uint64_t offers_seen_ = 0;  // of which there are none left
  std::uint64_t blocker_ = 0;
  TurnWord taken_;
  Slot* slot_ = nullptr;
};

// ---- Implementation ---------------------------------------------------------

template <Element T, std::uint64_t kExtent>
Result<MpmcRing<T, kExtent>> MpmcRing<T, kExtent>::Create(
    std::span<std::byte> bytes, std::uint64_t capacity) {
  const auto clear = [bytes](Extent<kExtent> of) {
    const MpmcRing ring(bytes, of);
    for (std::uint64_t i = 0; i < of.capacity(); ++i) {
      ring.SlotAt(i).word.store(0, kRelaxed);  // sync: none, see the stamp
    }
  };
  auto extent =
      Slots::Create(bytes, capacity, kStamp, "MpmcRing::Create", clear);
  if (!extent) return extent.error();
  return MpmcRing(bytes, *extent);
}

template <Element T, std::uint64_t kExtent>
Result<MpmcRing<T, kExtent>> MpmcRing<T, kExtent>::Attach(
    std::span<std::byte> bytes) {
  auto extent = Slots::Attach(bytes, kStamp, "MpmcRing::Attach");
  if (!extent) return extent.error();
  return MpmcRing(bytes, *extent);
}

template <Element T, std::uint64_t kExtent>
Result<void> MpmcRing<T, kExtent>::Reset(std::span<std::byte> bytes,
                                         NobodyUsesIt) {
  return Slots::Reset(bytes, "MpmcRing::Reset");
}

template <Element T, std::uint64_t kExtent>
auto MpmcRing<T, kExtent>::ClaimProducer(OwnerId by, Pace pace) const
    -> Result<Producer> {
  if (by.is_nobody()) return NobodyClaims("MpmcRing::ClaimProducer");
  return Producer(*this, by, pace);
}

template <Element T, std::uint64_t kExtent>
auto MpmcRing<T, kExtent>::ClaimConsumer(Delivery delivery, OwnerId by,
                                         Pace pace) const -> Result<Consumer> {
  if (by.is_nobody()) return NobodyClaims("MpmcRing::ClaimConsumer");
  return Consumer(*this, delivery, by, pace);
}

// Whoever slept for laps is there by the first word. A lie may lead anywhere in
// the ring, not further, and ends the search no later.
template <Element T, std::uint64_t kExtent>
template <typename MpmcRing<T, kExtent>::Side kSide>
std::uint64_t MpmcRing<T, kExtent>::FirstBehind(std::uint64_t passed) const {
  std::uint64_t step = 1;
  std::uint64_t end = passed + step;
  for (int i = 0; i < 64; ++i) {
    const std::uint64_t last = LastPassed<kSide>(end);
    if (static_cast<std::int64_t>(last - end) < 0) break;
    passed = last;
    step = (std::min)(step * 2, extent_.capacity());
    end = passed + step;
  }
  while (end - passed > 1) {
    const std::uint64_t middle = passed + (end - passed) / 2;
    const std::uint64_t last = LastPassed<kSide>(middle);
    (static_cast<std::int64_t>(last - middle) < 0 ? end : passed) = middle;
  }
  return end;
}

template <Element T, std::uint64_t kExtent>
template <typename MpmcRing<T, kExtent>::Side kSide>
std::uint64_t MpmcRing<T, kExtent>::First() const {
  const TurnWord word(
      slots_[0].word.load(kRelaxed));  // sync: none, as in LastPassed
  const std::uint64_t position = word.lap() << extent_.shift();
  return FirstBehind<kSide>(LastPassed<kSide>(position, word));
}

template <Element T, std::uint64_t kExtent>
auto MpmcRing<T, kExtent>::RecoverFrom(std::uint64_t owner) const -> Recovered {
  Recovered recovered;
  bool is_offer = false;
  for (std::uint64_t i = 0; i < extent_.capacity(); ++i) {
    Atomic<std::uint64_t>& shared = SlotAt(i).word;
    std::uint64_t seen =
        shared.load(kRelaxed);  // sync: none, nobody claims for the dead
    const TurnWord word(seen);
    // A dead recoverer may have offered, and not said so.
    is_offer = is_offer || word.Is(State::kOffered);
    if (!word.IsHeld() || word.owner() != owner) continue;
    const TurnWord to = word.Is(State::kPushing)  ? word.To(State::kVoid)
                        : word.Is(State::kTaking) ? Freed(word)
                                                  : word.To(State::kOffered);
    // A whole word is never used twice, so this takes that one claim from the
    // dead and nothing else, whoever else recovers.
    if (!shared.compare_exchange(
            seen, to.word(), kRelease,
            kRelaxed)) {  // sync: void (release), retire (release), offer (release)
      continue;
    }
    recovered.voided += word.Is(State::kPushing) ? 1u : 0u;
    recovered.lost += word.Is(State::kTaking) ? 1u : 0u;
    recovered.offered += word.Is(State::kBorrowing) ? 1u : 0u;
    is_offer = is_offer || word.Is(State::kBorrowing);
  }
  if (is_offer) {
    memory_->offers.fetch_add(1, kRelease);  // sync: offers (release)
  }
  return recovered;
}

// ---- Producer

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult
MpmcRing<T, kExtent>::Producer::TryClaim(State state) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    Slot& slot = ring_.SlotAt(next_);
    const TurnWord free(ring_.LapOf(next_), State::kFree);
    const TurnWord mine = free.To(state, state == State::kEnd ? 0 : owner_);
    std::uint64_t seen = free.word();
    if (slot.word.compare_exchange(seen, mine.word(), kAcquire,
                                   kRelaxed))
        [[likely]] {  // sync: void (acquire), retire (acquire)
      if (state == State::kEnd) return RingResult::kOk;
      slot_ = &slot;
      claim_ = mine;
      ++next_;
      return RingResult::kOk;
    }
    const TurnWord found(seen);
    const std::int64_t ahead = found.AheadOf(free.lap());
    if (ahead == -1) {
      return ring_.AreConsumersClosed() ? RingResult::kClosed
                                        : RingResult::kFull;
    }
    if (ahead == 0 && found.Is(State::kEnd)) return RingResult::kClosed;
    if (ahead < 0 || (ahead == 0 && !IsPassed<Side::kProducers>(found))) {
      return RingResult::kCorrupt;
    }
    const std::uint64_t passed =
        ring_.template LastPassed<Side::kProducers>(next_, found);
    next_ = tries < kNear
                ? passed + 1
                : ring_.template FirstBehind<Side::kProducers>(passed);
  }
  return RingResult::kContended;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult
MpmcRing<T, kExtent>::Producer::TryClaimSlot() {
  Abort();
  const RingResult claimed = TryClaim(State::kPushing);
  if (claimed != RingResult::kOk) [[unlikely]]
    pace_.Missed(next_);
  return claimed;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult
MpmcRing<T, kExtent>::Producer::TryPush(const T& value) {
  const RingResult claimed = TryClaimSlot();
  if (claimed != RingResult::kOk) [[unlikely]]
    return claimed;
  machine::CopyIn(slot_->value, value);
  Commit();
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult MpmcRing<T, kExtent>::Producer::TryPushSome(
    std::span<const T> values, std::size_t& pushed) {
  pushed = 0;
  for (const T& value : values) {
    const RingResult result = TryPush(value);
    if (result != RingResult::kOk) {
      return pushed > 0 ? RingResult::kOk : result;
    }
    ++pushed;
  }
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult MpmcRing<T, kExtent>::Producer::TryReserve(T*& value) {
  value = nullptr;
  const RingResult claimed = TryClaimSlot();
  if (claimed == RingResult::kOk) value = &slot_->value;
  return claimed;
}

template <Element T, std::uint64_t kExtent>
bool MpmcRing<T, kExtent>::Producer::Commit() {
  if (slot_ == nullptr) return false;
  slot_->word.store(claim_.To(State::kFull).word(),
                    kRelease);  // sync: publish (release)
  slot_ = nullptr;
  return true;
}

template <Element T, std::uint64_t kExtent>
bool MpmcRing<T, kExtent>::Producer::Abort() {
  if (slot_ == nullptr) return false;
  slot_->word.store(claim_.To(State::kVoid).word(),
                    kRelease);  // sync: void (release)
  slot_ = nullptr;
  return true;
}

template <Element T, std::uint64_t kExtent>
RingResult MpmcRing<T, kExtent>::Producer::Close() {
  Abort();
  return TryClaim(State::kEnd);
}

// ---- Consumer

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult MpmcRing<T, kExtent>::Consumer::TryTakeNext() {
  std::uint64_t voids = 0;
  for (int tries = 0; tries < kMostTries;) {
    Slot& slot = ring_.SlotAt(next_);
    const std::uint64_t lap = ring_.LapOf(next_);
    std::uint64_t seen = slot.word.load(kAcquire);  // sync: publish (acquire)
    const TurnWord found(seen);
    if (found == TurnWord(lap, State::kFull)) [[likely]] {
      const TurnWord mine(lap, HandOf(delivery_), owner_);
      if (slot.word.compare_exchange(seen, mine.word(), kRelaxed,
                                     kRelaxed))
          [[likely]] {  // sync: none, the look has acquired
        slot_ = &slot;
        taken_ = mine;
        ++next_;
        return RingResult::kOk;
      }
      ++tries;
    } else if (found == TurnWord(lap, State::kVoid)) {
      if (++voids > ring_.extent_.capacity()) break;
      // Whoever wins: the slot is free for the next lap, and its position taken.
      slot.word.compare_exchange(
          seen, Freed(found).word(), kRelaxed,
          kRelaxed);  // sync: none, hands on what the void carries
      ++next_;
    } else if (found.AheadOf(lap) > 0 ||
               (found.AheadOf(lap) == 0 && IsPassed<Side::kConsumers>(found))) {
      const std::uint64_t passed =
          ring_.template LastPassed<Side::kConsumers>(next_, found);
      next_ = tries < kNear
                  ? passed + 1
                  : ring_.template FirstBehind<Side::kConsumers>(passed);
      ++tries;
    } else {
      return WhyNot(found, lap);
    }
  }
  return RingResult::kContended;
}

template <Element T, std::uint64_t kExtent>
RingResult MpmcRing<T, kExtent>::Consumer::WhyNot(TurnWord found,
                                                  std::uint64_t lap) {
  // Of the lap before: whoever has it in hand has not given it back yet.
  const bool is_empty =
      found == TurnWord(lap, State::kFree) || found.AheadOf(lap) == -1;
  if (is_empty) {
    return ring_.AreConsumersClosed() ? RingResult::kClosed
                                      : RingResult::kEmpty;
  }
  if (found.AheadOf(lap) < 0) return RingResult::kCorrupt;
  if (found.Is(State::kEnd)) return RingResult::kClosed;
  if (!found.Is(State::kPushing)) return RingResult::kCorrupt;
  blocker_ = found.owner();
  return RingResult::kPending;
}

// Looks at every slot, until a look has found none: then at the next round.
template <Element T, std::uint64_t kExtent>
bool MpmcRing<T, kExtent>::Consumer::TakeOffered() {
  const std::uint64_t offers =
      ring_.memory_->offers.load(kAcquire);  // sync: offers (acquire)
  for (std::uint64_t i = 0; i < ring_.extent_.capacity(); ++i) {
    Slot& slot = ring_.SlotAt(i);
    std::uint64_t seen =
        slot.word.load(kRelaxed);  // sync: none, the swap acquires
    const TurnWord found(seen);
    if (!found.Is(State::kOffered)) continue;
    const TurnWord mine = found.To(HandOf(delivery_), owner_);
    if (slot.word.compare_exchange(seen, mine.word(), kAcquire,
                                   kRelaxed)) {  // sync: offer (acquire)
      slot_ = &slot;
      taken_ = mine;
      return true;
    }
  }
  offers_seen_ = offers;
  return false;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult MpmcRing<T, kExtent>::Consumer::TryTake() {
  Retire();
  const std::uint64_t offers = ring_.memory_->offers.load(
      kRelaxed);  // sync: none, TakeOffered looks again
  if (offers != offers_seen_ && TakeOffered()) [[unlikely]] {
    return RingResult::kOk;
  }
  const RingResult taken = TryTakeNext();
  if (taken != RingResult::kOk) [[unlikely]]
    pace_.Missed(next_);
  return taken;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult
MpmcRing<T, kExtent>::Consumer::TryPop(T& value) {
  const RingResult taken = TryTake();
  if (taken != RingResult::kOk) [[unlikely]]
    return taken;
  machine::CopyOut(value, slot_->value);
  if (delivery_ == Delivery::kAtMostOnce) Retire();
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult MpmcRing<T, kExtent>::Consumer::TryPopSome(std::span<T> values,
                                                      std::size_t& popped) {
  popped = 0;
  for (T& value : values) {
    const RingResult result = TryPop(value);
    if (result != RingResult::kOk) {
      return popped > 0 ? RingResult::kOk : result;
    }
    ++popped;
  }
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult MpmcRing<T, kExtent>::Consumer::TryPeek(SharedSpan<T>& value) {
  value = {};
  const RingResult taken = TryTake();
  if (taken == RingResult::kOk) value = {&slot_->value, 1};
  return taken;
}

template <Element T, std::uint64_t kExtent>
void MpmcRing<T, kExtent>::Consumer::Retire() {
  if (slot_ == nullptr) return;
  slot_->word.store(Freed(taken_).word(),
                    kRelease);  // sync: retire (release)
  slot_ = nullptr;
}

template <Element T, std::uint64_t kExtent>
void MpmcRing<T, kExtent>::Consumer::Close() {
  Retire();
  ring_.memory_->consumers_closed.store(
      1, kRelaxed);  // sync: none, the flag carries nothing but itself
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_MPMC_RING_H_
