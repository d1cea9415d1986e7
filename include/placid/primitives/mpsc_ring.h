// SPDX-License-Identifier: Apache-2.0
//
// MpscRing<T, kExtent>: many producers hand values to one consumer, in one total
// order; any of them may die at any instruction.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field            writer     meaning
//   0x000      8  stamp            creator    type, version, element, extent
//   0x008      8  capacity         creator    slots; 0 where the extent is fixed
//   0x010    112  pad0
//   0x080      8  head             consumer   positions ever retired
//   0x088      8  consumer         claimant   who holds the role (role.h)
//   0x090      4  consumer_closed  consumer   1: nothing more will be popped
//   0x094    108  pad1
//   0x100      8  hint             producers  some position up to which all are
//                                             claimed: where to begin to look
//   0x108    120  pad2
//   0x180      N  slots            producers  {word, value}: position p lies in
//                                             slot p % capacity
//
//   word of a slot, for p of lap L  meaning       who moves it on, to what
//   L-1, done or void               free, once    a producer: L claimed by me,
//                                   head allows   or L end, to close
//   L, claimed by o                 o writes the  o: L done, or L void;
//                                   value         Recover(o), o dead: L void
//   L, done                         the value is  the consumer moves head
//                                   there
//   L, void                         nothing is    the consumer moves head
//                                   there
//   L, end                          closed        nobody, ever
//
//   slot_word.h has the word's bits and laps. All zero is an empty ring.
//
// Invariant  A position is claimed once, and only after each one below it: the
//            claimed ones end where the next claim will be. None is claimed
//            above an end. head is at or below the first that is not finished.
// Threads    Any number of Producers and one Consumer at a time, any number of
//            recoverers, in any processes.
// Progress   lock-free: TryPush, TryReserve, Close. A producer that gives up
//            after kMostSteps says kContended.
//            wait-free: every other operation.
// Crash      recoverable: a dead producer loses the value that it was pushing,
//            nothing else. Where it had claimed a position the consumer says
//            kPending, until Recover turns exactly the dead one's claims to
//            void; other producers go on all the while. Whoever consumes next
//            is handed again the value that a dead consumer had in hand and,
//            under kStreaming, up to capacity / 8 before that. Recover may die
//            as well: let another repeat it.
//            A stopped producer is not dead: what it has claimed holds up the
//            consumer until it goes on.
// Trust      guarded: a hostile peer can lie about values and stall; it can lose
//            and spoil values by lying about words and counts. Every index is
//            masked and every loop bounded; a slot is free only if its own word
//            says so, whatever head says, so no lie about head or hint gives one
//            slot to two producers, or a place above unclaimed ones to any.
// Readers    storing: TryPop publishes head.
// Orders
//   edge      release                     acquire               carries
//   create    Create: stamp               Attach: stamp         capacity, words
//   publish   Commit: word                TryPop: word          the value
//   void      Abort, Recover: word        TryPop: word          leave to overwrite
//   retire    TryPop, Retire: head        TryPush: head         leave to overwrite
//   finish    Producer::Close: word       TryPop: word          all that the
//                                                               closer did
//   handover  Release: consumer           Take: consumer        head
//   (death)   the kernel                  Recover               all that the dead
//                                                               one stored
//
// There is no tail that a dead producer could have moved for a claim that it
// never made, and that all producers would have to share. A slot's own word is
// the claim: one compare-and-swap says whose and for which lap. Each producer
// walks to the first free position with a cursor of its own, over positions that
// it saw claimed and over no other, which is what makes the order total. Slots
// with sequence numbers are Vyukov's ("Bounded MPMC queue", 2010), where a
// shared counter gives them out and a death between the two stops the queue.
#ifndef PLACID_PRIMITIVES_MPSC_RING_H_
#define PLACID_PRIMITIVES_MPSC_RING_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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
#include "placid/primitives/slot_word.h"

namespace placid {

template <Element T, std::uint64_t kExtent = kDynamic>
class MpscRing {
 public:
  class Producer;
  class Consumer;

  struct Memory {
    // Written at creation.
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> capacity;
    Padding<112> pad0;
    // Written by the consumer.
    Atomic<std::uint64_t> head;
    Atomic<std::uint64_t> consumer;
    Atomic<std::uint32_t> consumer_closed;
    Padding<108> pad1;
    // Written by producers.
    Atomic<std::uint64_t> hint;
    Padding<120> pad2;
  };
  static constexpr std::uint64_t kSlotsOffset = 0x180;

  // As far apart on every machine, whatever it aligns T to.
  struct Slot {
    Atomic<std::uint64_t> word;
    alignas((std::max)(alignof(T), std::size_t{8})) T value;
  };

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

  // No operation but Recover looks at more slots than this.
  static constexpr std::uint64_t kMostSteps = 1024;

  // Bytes that a ring takes. For a capacity that is none: more than there are.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(
      std::uint64_t capacity = kExtent) {
    return Slots::SizeFor(capacity);
  }

  // Writes an empty ring into bytes whose first word is zero. The caller sees to
  // it that nobody else creates or attaches here meanwhile. Errors:
  // kInvalidArgument (no power of two), kTooSmall, kMisaligned, kAlreadyExists.
  static Result<MpscRing> Create(std::span<std::byte> bytes,
                                 std::uint64_t capacity = kExtent);

  // Checks and gives a view. A ring of fixed extent may be virgin: all zero.
  // Errors: kTooSmall, kMisaligned, kNotInitialized (run-time capacity, not yet
  // created), kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion,
  // kWrongElement, kCorrupt (a capacity that cannot be).
  static Result<MpscRing> Attach(std::span<std::byte> bytes);
  static Result<MpscRing> Attach(Storage& storage) requires(kExtent !=
                                                            kDynamic) {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] std::uint64_t capacity() const { return extent_.capacity(); }

  // Anybody may produce, also twice as one owner: nothing is taken by that.
  // Without an identity one's death can only be attested (RecoverUnowned).
  // Errors: kCorrupt (a head that cannot be), kInvalidArgument (nobody claims).
  Result<Producer> ClaimProducer(OwnerId by = OwnerId::Unowned()) const;

  // Errors: kRoleTaken, kCorrupt (a slot that cannot be), kInvalidArgument
  // (nobody claims).
  Result<Consumer> ClaimConsumer(Pace pace = Pace::kPrompt,
                                 OwnerId by = OwnerId::Unowned()) const;

  // After the death of a consumer without an identity: look at the holder, make
  // sure it is dead, take over. Errors: kInvalidArgument (nobody held it, or
  // somebody whose death can be proven: Recover), kRoleTaken (somebody was
  // faster), kCorrupt.
  [[nodiscard]] RoleHolder ConsumerHolder() const {
    return RoleClaim::Holder(memory_->consumer);
  }
  Result<Consumer> TakeOverConsumer(AttestedDeath death,
                                    Pace pace = Pace::kPrompt,
                                    OwnerId by = OwnerId::Unowned()) const;

  // Makes void what the dead one had claimed and not committed, and gives the
  // consumer's role back if it held that; whether there was any of it. Looks at
  // every slot. Others may push, pop and recover meanwhile.
  bool Recover(const DeadOwner& dead) const {
    const bool consumed = RoleClaim::Recover(memory_->consumer, dead);
    return VoidClaimsOf(dead.id().index()) || consumed;
  }
  // Makes void what producers without an identity had claimed.
  bool RecoverUnowned(UnownedAreDead) const {
    return VoidClaimsOf(OwnerId::Unowned().index());
  }

 private:
  using Slots = Slotted<Memory, kExtent, sizeof(Slot)>;
  static constexpr Stamp kStamp{
      TypeId::kMpscRing, kLayoutVersion,
      internal::Fingerprint().Add(kElementFingerprint<T>).Add(kExtent).value()};

  // How far ahead to prefetch, in slots: eight fetches.
  static constexpr std::uint64_t kSlotsPerFetch =
      sizeof(Slot) >= kFetchBytes ? 1 : kFetchBytes / sizeof(Slot);
  static constexpr std::uint64_t kAhead = 8 * kSlotsPerFetch;
  // How often producers store the hint, and after how many positions that others
  // have claimed one looks at it.
  static constexpr std::uint64_t kHintEvery = 16;
  static constexpr std::uint64_t kPatience = 4;

  static_assert(alignof(T) <= kLineBytes);
  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, capacity) == 0x008);
  static_assert(offsetof(Memory, pad0) == 0x010);
  static_assert(offsetof(Memory, head) == 0x080);
  static_assert(offsetof(Memory, consumer) == 0x088);
  static_assert(offsetof(Memory, consumer_closed) == 0x090);
  static_assert(offsetof(Memory, pad1) == 0x094);
  static_assert(offsetof(Memory, hint) == 0x100);
  static_assert(offsetof(Memory, pad2) == 0x108);
  static_assert(offsetof(Storage, slots) == 0x180);
  static_assert(sizeof(Memory) == kSlotsOffset);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  MpscRing(std::span<std::byte> bytes, Extent<kExtent> extent)
      : memory_(reinterpret_cast<Memory*>(bytes.data())),
        slots_(reinterpret_cast<Slot*>(bytes.data() + kSlotsOffset)),
        extent_(extent) {}

  Result<Consumer> Begin(RoleClaim claim, Pace pace,
                         const char* operation) const;
  bool VoidClaimsOf(std::uint64_t index) const;

  Memory* memory_;
  Slot* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
};

// The right to push. One slot can be reserved at a time: whatever is called next
// but Commit gives it up, and so does dropping the Producer; moving it along
// takes the reservation along.
template <Element T, std::uint64_t kExtent>
class MpscRing<T, kExtent>::Producer {
 public:
  Producer(Producer&& other) noexcept : Producer(std::as_const(other)) {
    other.reserved_ = nullptr;
  }
  Producer& operator=(Producer&& other) noexcept {
    if (this == &other) return *this;
    Abort();
    *this = std::as_const(other);
    other.reserved_ = nullptr;
    return *this;
  }
  ~Producer() { Abort(); }

  // Copies `value` in. Nothing changed: kFull; kClosed (somebody has closed the
  // ring, or it is full and the consumer has); kContended (others were faster,
  // again and again); kCorrupt.
  RingResult TryPush(const T& value);

  // Copies in as many of `values` as there is room for, one after the other:
  // others' values may come between. Says how many. kOk if at least one, or none
  // were given.
  RingResult TryPushSome(std::span<const T> values, std::size_t& pushed);

  // Zero copy: claims the next position, whose slot is then to be written in
  // place and committed soon, since the consumer waits for it. A peer may write
  // it too: write it, do not read it back. Not kOk: `slot` is null.
  RingResult TryReserve(T*& slot);

  // Publishes the slot reserved last. False: none is reserved, nothing is done.
  bool Commit();
  // Gives the slot reserved last up: the consumer will skip it. False: none is
  // reserved, nothing is done.
  bool Abort();

  // Nothing more will be pushed, by any producer; the consumer takes what is
  // there and then is told kClosed. For ever. It takes a place in the order, as
  // a value does: kFull, kContended: not closed yet, try again. kClosed: it was,
  // or the ring is full and the consumer has closed.
  RingResult Close();

  // Whether the consumer has closed. TryPush says so only once the ring is full.
  [[nodiscard]] bool IsConsumerClosed() const {
    return memory_->consumer_closed.load(kRelaxed) !=
           0;  // sync: none, the flag carries nothing but itself
  }

 private:
  friend class MpscRing;
  Producer(const MpscRing& ring, OwnerId by)
      : memory_(ring.memory_),
        slots_(ring.slots_),
        extent_(ring.extent_),
        owner_(by.index()) {}
  Producer(const Producer&) = default;
  Producer& operator=(const Producer&) = default;

  [[nodiscard]] Slot& At(std::uint64_t position) const {
    return slots_[static_cast<std::size_t>(position & extent_.mask())];
  }
  [[nodiscard]] SlotLaps<kExtent> Laps() const {
    return SlotLaps<kExtent>(extent_);
  }
  [[nodiscard]] SlotWord Look(std::uint64_t position) const {
    return SlotWord(At(position).word.load(
        kRelaxed));  // sync: none, a claim is for ever and a swap decides it
  }
  // Whether somebody had claimed that position when its word was looked at.
  [[nodiscard]] bool IsClaimed(std::uint64_t position) const {
    const SlotWord word = Look(position);
    const std::int64_t behind = Laps().Behind(word, position);
    return behind < 0 || (behind == 0 && word.state() != SlotState::kEnd);
  }

  bool Start();
  bool TryClaim(SlotWord seen);
  bool TryEnd(SlotWord seen);
  PLACID_COLD RingResult Seek(SlotState wanted);
  RingResult LookForRoom();
  void Skip(std::uint64_t steps);
  void PrefetchAhead() const;

  Memory* memory_;
  Slot* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
  std::uint64_t owner_;
  std::uint64_t next_ = 0;   // every position below it is claimed
  std::uint64_t limit_ = 0;  // every position below it is free or claimed
  Slot* reserved_ = nullptr;
};

// The right to pop. Dropping it retires what was popped.
template <Element T, std::uint64_t kExtent>
class MpscRing<T, kExtent>::Consumer {
 public:
  Consumer(Consumer&&) noexcept = default;
  Consumer& operator=(Consumer&& other) noexcept {
    if (this != &other) {
      std::destroy_at(this);
      std::construct_at(this, std::move(other));
    }
    return *this;
  }
  ~Consumer() {
    if (claim_.is_held()) Publish();
  }

  // Copies the oldest value out; it is retired by the next call. Else `value` is
  // unchanged: kEmpty; kPending (somebody is writing the next value: at once,
  // ask blocker who); kClosed (empty, and a producer has closed); kContended
  // (kMostSteps positions were given up in a row: ask again); kCorrupt.
  RingResult TryPop(T& value);

  // Copies out as many as there are in a row, at most values.size(), and says
  // how many. One that was given up ends a row, as does one that is being
  // written.
  RingResult TryPopSome(std::span<T> values, std::size_t& popped);

  // Zero copy: the oldest value, in place, until retired.
  RingResult TryPeek(SharedSpan<T>& value);

  // Gives back the value peeked last. False: there is none, nothing is done.
  bool Retire();

  // After kPending: the index of the OwnerId that is writing the next value. If
  // it is dead, Recover it. An index that belongs to nobody is a peer's lie.
  [[nodiscard]] std::uint64_t blocker() const { return blocker_; }

  // Lets producers know at once of all that was popped or retired. Call it
  // before waiting for a producer in any other way than by trying to pop.
  void Publish();

  // Nothing more will be popped; producers are told kClosed once they find the
  // ring full. For ever.
  void Close();

 private:
  friend class MpscRing;
  Consumer(const MpscRing& ring, RoleClaim claim, Pace pace)
      : memory_(ring.memory_),
        slots_(ring.slots_),
        extent_(ring.extent_),
        pace_(pace, ring.capacity(), sizeof(Slot)),
        claim_(std::move(claim)) {}

  bool Start();
  [[nodiscard]] const Slot& At(std::uint64_t position) const {
    return slots_[static_cast<std::size_t>(position & extent_.mask())];
  }
  [[nodiscard]] SlotLaps<kExtent> Laps() const {
    return SlotLaps<kExtent>(extent_);
  }
  [[nodiscard]] bool IsThere() const {
    const std::uint64_t word =
        At(head_).word.load(kAcquire);  // sync: publish (acquire)
    return word == Laps().Word(head_, SlotState::kDone).word();
  }
  [[nodiscard]] RingResult EnsureOne() {
    is_peeked_ = false;
    if (pace_.IsPublishDue(head_ - published_)) Publish();
    return !is_closed_ && IsThere() ? RingResult::kOk : LookForValue();
  }
  PLACID_COLD RingResult LookForValue();
  RingResult SkipToValue();
  RingResult WhyNot(SlotWord word);

  Memory* memory_;
  const Slot* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
  std::uint64_t head_ = 0;
  std::uint64_t published_ = 0;  // the head last stored
  std::uint64_t blocker_ = 0;
  bool is_peeked_ = false;
  bool is_closed_ = false;
  Pacer pace_;
  RoleClaim claim_;
};

// ---- Implementation ---------------------------------------------------------

template <Element T, std::uint64_t kExtent>
Result<MpscRing<T, kExtent>> MpscRing<T, kExtent>::Create(
    std::span<std::byte> bytes, std::uint64_t capacity) {
  // The words in used bytes would be claims of somebody else's.
  const auto clear = [&](Extent<kExtent> extent) {
    const MpscRing ring(bytes, extent);
    for (std::uint64_t i = 0; i < extent.capacity(); ++i) {
      ring.slots_[static_cast<std::size_t>(i)].word.store(
          0, kRelaxed);  // sync: none, see the stamp
    }
  };
  auto extent =
      Slots::Create(bytes, capacity, kStamp, "MpscRing::Create", clear);
  if (!extent) return extent.error();
  return MpscRing(bytes, *extent);
}

template <Element T, std::uint64_t kExtent>
Result<MpscRing<T, kExtent>> MpscRing<T, kExtent>::Attach(
    std::span<std::byte> bytes) {
  auto extent = Slots::Attach(bytes, kStamp, "MpscRing::Attach");
  if (!extent) return extent.error();
  return MpscRing(bytes, *extent);
}

template <Element T, std::uint64_t kExtent>
Result<void> MpscRing<T, kExtent>::Reset(std::span<std::byte> bytes,
                                         NobodyUsesIt) {
  return Slots::Reset(bytes, "MpscRing::Reset");
}

template <Element T, std::uint64_t kExtent>
auto MpscRing<T, kExtent>::ClaimProducer(OwnerId by) const -> Result<Producer> {
  constexpr const char* kOperation = "MpscRing::ClaimProducer";
  if (by.is_nobody()) return NobodyClaims(kOperation);
  Producer producer(*this, by);
  if (producer.Start()) return producer;
  return Error{.code = ErrorCode::kCorrupt,
               .operation = kOperation,
               .field = "head",
               .found = producer.next_,
               .advice =
                   "it lies above what was ever claimed; make sure that "
                   "nobody uses the ring and reset it"};
}

template <Element T, std::uint64_t kExtent>
auto MpscRing<T, kExtent>::ClaimConsumer(Pace pace, OwnerId by) const
    -> Result<Consumer> {
  constexpr const char* kOperation = "MpscRing::ClaimConsumer";
  auto claim = RoleClaim::Take(memory_->consumer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), pace, kOperation);
}

template <Element T, std::uint64_t kExtent>
auto MpscRing<T, kExtent>::TakeOverConsumer(AttestedDeath death, Pace pace,
                                            OwnerId by) const
    -> Result<Consumer> {
  constexpr const char* kOperation = "MpscRing::TakeOverConsumer";
  auto claim = RoleClaim::TakeOver(memory_->consumer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), pace, kOperation);
}

template <Element T, std::uint64_t kExtent>
auto MpscRing<T, kExtent>::Begin(RoleClaim claim, Pace pace,
                                 const char* operation) const
    -> Result<Consumer> {
  Consumer consumer(*this, std::move(claim), pace);
  if (consumer.Start()) return consumer;
  return Error{.code = ErrorCode::kCorrupt,
               .operation = operation,
               .field = "word of the slot at head",
               .found = consumer.head_,
               .advice =
                   "it belongs to no lap that head could be in; make sure "
                   "that nobody uses the ring and reset it"};
}

template <Element T, std::uint64_t kExtent>
bool MpscRing<T, kExtent>::VoidClaimsOf(std::uint64_t index) const {
  bool has_voided = false;
  for (std::uint64_t i = 0; i < extent_.capacity(); ++i) {
    Atomic<std::uint64_t>& word = slots_[static_cast<std::size_t>(i)].word;
    // The dead make no newer claim, and what they made happened before: death.
    std::uint64_t found = word.load(kRelaxed);  // sync: none, see above
    if (!SlotWord(found).IsClaimedBy(index)) continue;
    // All of the word is compared: a claim is never made twice, so this voids
    // that one or none, whoever else recovers.
    const bool is_mine =
        word.compare_exchange(found, SlotWord(found).Voided().word(), kRelease,
                              kRelaxed);  // sync: void (release)
    has_voided = has_voided || is_mine;
  }
  return has_voided;
}

// ---- Producer

template <Element T, std::uint64_t kExtent>
bool MpscRing<T, kExtent>::Producer::Start() {
  next_ = limit_ =
      memory_->head.load(kRelaxed);  // sync: none, LookForRoom asks again
  return LookForRoom() != RingResult::kCorrupt;
}

// Asks the consumer for room. Whatever head says, the cursor stays between head
// and limit, and nothing below it is unclaimed.
template <Element T, std::uint64_t kExtent>
RingResult MpscRing<T, kExtent>::Producer::LookForRoom() {
  const std::uint64_t head =
      memory_->head.load(kAcquire);  // sync: retire (acquire)
  const std::uint64_t capacity = extent_.capacity();
  if (next_ - head > capacity || next_ == head) {
    // The consumer has overtaken our cursor; or this head is a lie.
    if (!IsClaimed(head - 1)) {
      limit_ = next_;
      return RingResult::kCorrupt;
    }
    next_ = head;
  }
  limit_ = head + capacity;
  if (limit_ != next_) return RingResult::kOk;
  return IsConsumerClosed() ? RingResult::kClosed : RingResult::kFull;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE void MpscRing<T, kExtent>::Producer::PrefetchAhead()
    const {
  // Past known free space, a prefetch would steal lines the consumer reads.
  if (next_ % kSlotsPerFetch == 0 && limit_ - next_ > kAhead) {
    machine::PrefetchWrite(&At(next_ + kAhead));
  }
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE bool MpscRing<T, kExtent>::Producer::TryClaim(
    SlotWord seen) {
  Slot& slot = At(next_);
  std::uint64_t expected = seen.word();
  const SlotWord mine = Laps().Word(next_, SlotState::kClaimed, owner_);
  // The value's bytes are ours by retire, the position by the swap.
  if (!slot.word.compare_exchange(expected, mine.word(), kRelaxed,
                                  kRelaxed)) {  // sync: none, see above
    return false;
  }
  reserved_ = &slot;
  ++next_;
  PrefetchAhead();
  if ((next_ & extent_.mask() & (kHintEvery - 1)) == 0) {
    memory_->hint.store(next_, kRelaxed);  // sync: none, it is checked
  }
  return true;
}

template <Element T, std::uint64_t kExtent>
bool MpscRing<T, kExtent>::Producer::TryEnd(SlotWord seen) {
  std::uint64_t expected = seen.word();
  const SlotWord end = Laps().Word(next_, SlotState::kEnd);
  // The cursor stays in front of it, for ever.
  return At(next_).word.compare_exchange(expected, end.word(), kRelease,
                                         kRelaxed);  // sync: finish (release)
}

// Walks to the first free position and claims it, or puts the end there. Each
// step goes over a claimed position, or meets what another has just done.
template <Element T, std::uint64_t kExtent>
RingResult MpscRing<T, kExtent>::Producer::Seek(SlotState wanted) {
  const std::uint64_t most = (std::min)(2 * extent_.capacity() + 4, kMostSteps);
  for (std::uint64_t steps = 0; steps < most; ++steps) {
    if (next_ == limit_) {
      const RingResult room = LookForRoom();
      if (room != RingResult::kOk) return room;
    }
    const SlotWord seen = Look(next_);
    const std::int64_t behind = Laps().Behind(seen, next_);
    if (behind == 0) {
      if (seen.state() == SlotState::kEnd) return RingResult::kClosed;
      Skip(steps);
    } else if (behind == 1 && seen.IsFinished()) {
      const bool is_mine =
          wanted == SlotState::kEnd ? TryEnd(seen) : TryClaim(seen);
      if (is_mine) return RingResult::kOk;
    } else {
      // We slept while others went round; or the word is a lie.
      const std::uint64_t before = next_;
      const RingResult room = LookForRoom();
      if (room != RingResult::kOk) return room;
      if (next_ == before) {
        return behind < 0 ? RingResult::kContended : RingResult::kCorrupt;
      }
    }
  }
  return RingResult::kContended;
}

// Over a position that another has claimed. After some of them it is worth a
// look whether all are claimed up to somewhere further on: since no position is
// claimed before those below it, the last one says so for all.
template <Element T, std::uint64_t kExtent>
void MpscRing<T, kExtent>::Producer::Skip(std::uint64_t steps) {
  ++next_;
  if (steps < (std::min)(kPatience, extent_.capacity() / 4)) return;
  const std::uint64_t hint =
      memory_->hint.load(kRelaxed);  // sync: none, it is checked
  const std::uint64_t past = hint - next_;
  if (past > 0 && past <= limit_ - next_ && IsClaimed(hint - 1)) next_ = hint;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult
MpscRing<T, kExtent>::Producer::TryReserve(T*& slot) {
  slot = nullptr;
  if (reserved_ != nullptr) [[unlikely]]
    Abort();
  if (next_ == limit_ || !TryClaim(Laps().DoneBefore(next_))) [[unlikely]] {
    const RingResult found = Seek(SlotState::kClaimed);
    if (found != RingResult::kOk) return found;
  }
  slot = &reserved_->value;
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE bool MpscRing<T, kExtent>::Producer::Commit() {
  if (reserved_ == nullptr) return false;
  const SlotWord done = Laps().Word(next_ - 1, SlotState::kDone);
  reserved_->word.store(done.word(), kRelease);  // sync: publish (release)
  reserved_ = nullptr;
  return true;
}

template <Element T, std::uint64_t kExtent>
bool MpscRing<T, kExtent>::Producer::Abort() {
  if (reserved_ == nullptr) return false;
  const SlotWord given_up = Laps().Word(next_ - 1, SlotState::kVoid);
  reserved_->word.store(given_up.word(), kRelease);  // sync: void (release)
  reserved_ = nullptr;
  return true;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult
MpscRing<T, kExtent>::Producer::TryPush(const T& value) {
  T* slot;
  const RingResult result = TryReserve(slot);
  if (result != RingResult::kOk) [[unlikely]]
    return result;
  machine::CopyIn(*slot, value);
  Commit();
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult MpscRing<T, kExtent>::Producer::TryPushSome(
    std::span<const T> values, std::size_t& pushed) {
  for (pushed = 0; pushed < values.size(); ++pushed) {
    const RingResult result = TryPush(values[pushed]);
    if (result != RingResult::kOk) {
      return pushed > 0 ? RingResult::kOk : result;
    }
  }
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult MpscRing<T, kExtent>::Producer::Close() {
  Abort();
  return Seek(SlotState::kEnd);
}

// ---- Consumer

template <Element T, std::uint64_t kExtent>
bool MpscRing<T, kExtent>::Consumer::Start() {
  // After a takeover this is a dead stranger's store, not our own.
  head_ = memory_->head.load(kAcquire);  // sync: retire (acquire)
  published_ = head_;
  const std::uint32_t closed = memory_->consumer_closed.load(
      kRelaxed);  // sync: none, only a former consumer set it
  is_closed_ = closed != 0;
  return LookForValue() != RingResult::kCorrupt;
}

// The next value is not there: waits a little where a stream is on, and looks
// again.
template <Element T, std::uint64_t kExtent>
RingResult MpscRing<T, kExtent>::Consumer::LookForValue() {
  if (is_closed_) return RingResult::kClosed;
  Publish();
  pace_.Missed(head_);
  const RingResult result = SkipToValue();
  // Whoever is told that there is nothing may now sleep.
  if (result != RingResult::kOk) Publish();
  return result;
}

template <Element T, std::uint64_t kExtent>
RingResult MpscRing<T, kExtent>::Consumer::SkipToValue() {
  // No more than capacity positions are claimed above what is published.
  const std::uint64_t most = (std::min)(extent_.capacity() + 1, kMostSteps);
  for (std::uint64_t steps = 0; steps < most; ++steps) {
    const SlotWord word(At(head_).word.load(
        kAcquire));  // sync: publish, void, finish (acquire)
    const bool is_now = Laps().Behind(word, head_) == 0;
    if (is_now && word.state() == SlotState::kDone) return RingResult::kOk;
    if (!is_now || word.state() != SlotState::kVoid) return WhyNot(word);
    ++head_;
  }
  return RingResult::kContended;
}

template <Element T, std::uint64_t kExtent>
RingResult MpscRing<T, kExtent>::Consumer::WhyNot(SlotWord word) {
  const std::int64_t behind = Laps().Behind(word, head_);
  if (behind == 0 && word.state() == SlotState::kClaimed) {
    blocker_ = word.owner();
    return RingResult::kPending;
  }
  if (behind == 0) return RingResult::kClosed;
  return behind == 1 && word.IsFinished() ? RingResult::kEmpty
                                          : RingResult::kCorrupt;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult
MpscRing<T, kExtent>::Consumer::TryPop(T& value) {
  if (const RingResult one = EnsureOne(); one != RingResult::kOk) [[unlikely]] {
    return one;
  }
  machine::CopyOut(value, At(head_).value);
  ++head_;
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult MpscRing<T, kExtent>::Consumer::TryPopSome(std::span<T> values,
                                                      std::size_t& popped) {
  popped = 0;
  if (values.empty()) return RingResult::kOk;
  if (const RingResult one = EnsureOne(); one != RingResult::kOk) return one;
  // What this call pops stays in the ring until the next one: it publishes
  // nothing from here on.
  do {
    machine::CopyOut(values[popped], At(head_).value);
    ++popped;
    ++head_;
  } while (popped < values.size() && IsThere());
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult MpscRing<T, kExtent>::Consumer::TryPeek(SharedSpan<T>& value) {
  value = {};
  if (const RingResult one = EnsureOne(); one != RingResult::kOk) return one;
  is_peeked_ = true;
  value = {&At(head_).value, 1};
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
bool MpscRing<T, kExtent>::Consumer::Retire() {
  if (!is_peeked_) return false;
  is_peeked_ = false;
  ++head_;
  if (pace_.IsPublishDue(head_ - published_)) Publish();
  return true;
}

template <Element T, std::uint64_t kExtent>
void MpscRing<T, kExtent>::Consumer::Publish() {
  if (published_ == head_) return;
  published_ = head_;
  memory_->head.store(head_, kRelease);  // sync: retire (release)
}

template <Element T, std::uint64_t kExtent>
void MpscRing<T, kExtent>::Consumer::Close() {
  is_peeked_ = false;
  Publish();
  memory_->consumer_closed.store(
      1, kRelaxed);  // sync: none, the flag carries nothing but itself
  is_closed_ = true;
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_MPSC_RING_H_
