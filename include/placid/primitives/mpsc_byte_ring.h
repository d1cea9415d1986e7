// SPDX-License-Identifier: Apache-2.0
//
// MpscByteRing: many producers hand records of any length to one consumer, in
// one total order, written and read in place; any of them may die at any
// instruction.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field            writer     meaning
//   0x000      8  stamp            creator    type, version
//   0x008      8  capacity         creator    granules of data, of 64 bytes each;
//                                             a power of two
//   0x010    112  pad0
//   0x080      8  head             consumer   granules ever retired; never wraps
//   0x088      8  consumer         claimant   who holds the role (role.h)
//   0x090      4  consumer_closed  consumer   1: nothing more will be read
//   0x094    108  pad1
//   0x100      8  hint             producers  where some record begins: where to
//                                             begin to look
//   0x108    120  pad2
//
//   data       0x180, capacity granules of 64 bytes, and behind them
//   words      one for each (granules.h)
//
//   word of a granule, for position  meaning        who moves it on, to what
//   p of lap L
//   L-1, done or void                free, once     a producer: L claimed by me,
//                                    head allows    or L end, to close
//   L, claimed by o, span k          o writes a     o: L done, or L void;
//                                    record         Recover(o), o dead: L void
//   L, done, span k > 0              the record is  the consumer moves head
//                                    there
//   L, void, span k > 0              nothing is     the consumer moves head
//                                    there, skip k
//   L, end                           closed         nobody, ever
//   L, done, span 0                  within a       the consumer moves head
//                                    record
//   A record is 1 granule or more, in one piece. Where one does not fit before
//   the end of data it lies at its start, and its span covers what is left over
//   before the end too: one claim, one word, whoever dies. Where a record is
//   committed shorter than it was reserved, what is left over behind it is a
//   record of its own, void. All zero is an empty ring.
//
// Invariant  The spans of claimed records tile all from head to where the next
//            claim will be: each begins where the one before it ends, and is
//            claimed once, after it. None lies above an end. All words below
//            head are of their position's lap, all above the claims of the lap
//            before.
// Threads    Any number of Producers and one Consumer at a time, any number of
//            recoverers, in any processes.
// Progress   lock-free: TryPush, TryReserve, Close. A producer that gives up
//            after kMostSteps says kContended.
//            wait-free: every other operation.
// Crash      recoverable: a dead producer loses the record that it was writing,
//            nothing else. Where it had claimed room the consumer says kPending,
//            until Recover turns exactly the dead one's claims to void; other
//            producers go on all the while. Whoever consumes next is handed
//            again the record that a dead consumer had in hand and, under
//            kStreaming, up to capacity / 8 bytes before that. Recover may die
//            as well: let another repeat it.
//            A stopped producer is not dead: what it has claimed holds up the
//            consumer until it goes on.
// Trust      guarded: a hostile peer can lie about records and stall; it can
//            lose and spoil records by lying about words and counts. Every
//            position is masked, every span is read once and checked before use,
//            every loop bounded. A record is claimed only where the word of its
//            first granule says that it is free, whatever head and hint say; a
//            lie about head can lay the others over what was not read yet.
// Readers    storing: TryFront publishes head.
// Orders
//   edge      release                     acquire               carries
//   create    Create: stamp               Attach: stamp         geometry, words
//   publish   Commit: word                TryFront: word        the record, and
//                                                               words within it
//   shorten   Commit: word                TryReserve: word      the word behind
//                                                               the record
//   void      Abort, Recover: word        TryFront: word        leave to overwrite
//   retire    TryFront, Retire: head      TryReserve: head      leave to overwrite,
//                                                               words below head
//   finish    Producer::Close: word       TryFront: word        all that the
//                                                               closer did
//   handover  Release: consumer           Take: consumer        head
//   (death)   the kernel                  Recover               all that the dead
//                                                               one stored
//
// MpscRing (mpsc_ring.h) for records: there is no tail that a dead producer could
// have moved for a claim that it never made. In rings of records it is the tail
// that claims, and a length in front of the record that says later how far (a
// negative one, in Aeron's many-to-one ring buffer): between the two nobody knows
// whose the gap is, nor how long, and bytes must be zeroed before they are used
// again. Here words lie beside the bytes, so that no record can look like a
// claim, and one compare-and-swap says whose, how long, and for which lap.
#ifndef PLACID_PRIMITIVES_MPSC_BYTE_RING_H_
#define PLACID_PRIMITIVES_MPSC_BYTE_RING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/extent.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/slotted.h"
#include "placid/base/stamp.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/granules.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/record_word.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"

namespace placid {

class MpscByteRing {
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

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kLockFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoring};

  static constexpr std::uint64_t kDataOffset = 0x180;
  // What a record takes is a multiple of this, and so is its address.
  static constexpr std::uint64_t kGranuleBytes = Granules::kBytes;
  static constexpr std::uint64_t kLeastCapacity = kGranuleBytes;
  // The longest record of any ring.
  static constexpr std::uint64_t kMostRecordBytes = Granules::kMostRecordBytes;
  // No operation but Recover looks at more words than this, or than there are in
  // one record.
  static constexpr std::uint64_t kMostSteps = 1024;

  // Bytes that a ring takes. For a capacity that is none: more than there are.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(std::uint64_t capacity) {
    if (!IsByteCapacity(capacity)) return UINT64_MAX;
    return Slots::SizeFor(capacity / kGranuleBytes);
  }

  // Writes an empty ring into bytes whose first word is zero. The caller sees to
  // it that nobody else creates or attaches here meanwhile. Errors:
  // kInvalidArgument (capacity), kTooSmall, kMisaligned, kAlreadyExists.
  static Result<MpscByteRing> Create(std::span<std::byte> bytes,
                                     std::uint64_t capacity);

  // Checks and gives a view. Errors: kTooSmall, kMisaligned, kNotInitialized,
  // kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion, kCorrupt (a capacity
  // that cannot be).
  static Result<MpscByteRing> Attach(std::span<std::byte> bytes);

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  // Bytes of data.
  [[nodiscard]] std::uint64_t capacity() const {
    return granules_.number() * kGranuleBytes;
  }
  // The longest record that this ring can carry, once it is empty: half of it,
  // so that it fits together with what it leaves over before the end of data.
  [[nodiscard]] std::uint64_t MostRecordBytes() const {
    return granules_.MostRecordBytes();
  }

  // Anybody may produce, also twice as one owner: nothing is taken by that.
  // Without an identity one's death can only be attested (RecoverUnowned).
  // Errors: kCorrupt (a head that cannot be), kInvalidArgument (nobody claims).
  [[nodiscard]] inline Result<Producer> ClaimProducer(
      OwnerId by = OwnerId::Unowned()) const;

  // Errors: kRoleTaken, kCorrupt (a word that cannot be), kInvalidArgument
  // (nobody claims).
  [[nodiscard]] inline Result<Consumer> ClaimConsumer(
      Pace pace = Pace::kPrompt, OwnerId by = OwnerId::Unowned()) const;

  // After the death of a consumer without an identity: look at the holder, make
  // sure it is dead, take over. Errors: kInvalidArgument (nobody held it, or
  // somebody whose death can be proven: Recover), kRoleTaken (somebody was
  // faster), kCorrupt.
  [[nodiscard]] RoleHolder ConsumerHolder() const {
    return RoleClaim::Holder(memory_->consumer);
  }
  [[nodiscard]] inline Result<Consumer> TakeOverConsumer(
      AttestedDeath death, Pace pace = Pace::kPrompt,
      OwnerId by = OwnerId::Unowned()) const;

  // Makes void what the dead one had claimed and not committed, and gives the
  // consumer's role back if it held that; whether there was any of it. Looks at
  // every word. Others may push, read and recover meanwhile.
  bool Recover(const DeadOwner& dead) const {
    const bool consumed = RoleClaim::Recover(memory_->consumer, dead);
    return VoidClaimsOf(dead.id().index()) || consumed;
  }
  // Makes void what producers without an identity had claimed.
  bool RecoverUnowned(UnownedAreDead) const {
    return VoidClaimsOf(OwnerId::Unowned().index());
  }

 private:
  using Slots = Slotted<Memory, kDynamic, Granules::kFootprint>;
  static constexpr Stamp kStamp{TypeId::kMpscByteRing, kLayoutVersion, 0};

  // How far ahead to prefetch, in granules, and how many at most.
  static constexpr std::uint64_t kAhead = 8;
  // How often producers store the hint, in granules, and after how many records
  // of others one looks at it.
  static constexpr std::uint64_t kHintEvery = 16;
  static constexpr std::uint64_t kPatience = 4;

  static_assert(kGranuleBytes == kFetchBytes);
  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, capacity) == 0x008);
  static_assert(offsetof(Memory, pad0) == 0x010);
  static_assert(offsetof(Memory, head) == 0x080);
  static_assert(offsetof(Memory, consumer) == 0x088);
  static_assert(offsetof(Memory, consumer_closed) == 0x090);
  static_assert(offsetof(Memory, pad1) == 0x094);
  static_assert(offsetof(Memory, hint) == 0x100);
  static_assert(offsetof(Memory, pad2) == 0x108);
  static_assert(sizeof(Memory) == kDataOffset);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  static constexpr bool IsByteCapacity(std::uint64_t capacity) {
    return IsCapacity(capacity) && capacity >= kLeastCapacity;
  }
  MpscByteRing(std::span<std::byte> bytes, Extent<kDynamic> extent)
      : memory_(reinterpret_cast<Memory*>(bytes.data())),
        granules_(bytes.data() + kDataOffset, extent) {}

  // Renews the words of all but the first granule of a span, before anybody may
  // claim them for the next lap: who does must find the lap before in them.
  static void MarkInside(const Granules& granules, std::uint64_t position,
                         std::uint64_t span) {
    for (std::uint64_t i = 1; i < span; ++i) {
      const RecordWord inside = granules.laps().Inside(position + i);
      granules.WordAt(position + i)
          .store(inside.word(),
                 kRelaxed);  // sync: none, publish or retire carries it
    }
  }

  [[nodiscard]] inline Result<Consumer> Begin(RoleClaim claim, Pace pace,
                                              const char* operation) const;
  [[nodiscard]] inline bool VoidClaimsOf(std::uint64_t index) const;

  Memory* memory_;
  Granules granules_;
};

// The right to write records. One can be reserved at a time: whatever is called
// next but Commit gives it up, and so does dropping the Producer; moving it along
// takes the reservation along.
class MpscByteRing::Producer {
 public:
  Producer(Producer&& other) noexcept : Producer(std::as_const(other)) {
    other.span_ = 0;
  }
  Producer& operator=(Producer&& other) noexcept {
    if (this == &other) return *this;
    Abort();
    *this = std::as_const(other);
    other.span_ = 0;
    return *this;
  }
  ~Producer() { Abort(); }

  // Copies one record in. Nothing changed: kFull; kClosed (somebody has closed
  // the ring, or there is no room and the consumer has); kContended (others were
  // faster, again and again); kCorrupt.
  RingResult TryPush(std::span<const std::byte> record);

  // Copies in as many of `records` as there is room for, one after the other:
  // others' records may come between. Says how many. kOk if at least one, or
  // none were given.
  RingResult TryPushSome(std::span<const std::span<const std::byte>> records,
                         std::size_t& pushed);

  // Zero copy: claims room for a record of `length` bytes, aligned to
  // kGranuleBytes, which is then to be written in place and committed soon,
  // since the consumer waits for it. A record longer than MostRecordBytes() is
  // kFull for ever: ask before. One that is long may find the ring full again and
  // again while others push short ones. A peer may write the bytes too: write
  // them, do not read them back. Not kOk: `payload` is empty.
  RingResult TryReserve(std::size_t length, std::span<std::byte>& payload);

  // Publishes a record of the first `length` bytes reserved last, at most as
  // many as were reserved. False: none is reserved, nothing is done.
  bool Commit(std::size_t length);
  // Gives the reservation up: the consumer will skip it. False: there is none,
  // nothing is done.
  bool Abort();

  // Nothing more will be pushed, by any producer; the consumer takes what is
  // there and then is told kClosed. For ever. It takes a place in the order, as
  // a record does: kFull, kContended: not closed yet, try again. kClosed: it
  // was, or the ring is full and the consumer has closed.
  RingResult Close();

  // Whether the consumer has closed. TryReserve says so only for lack of room.
  [[nodiscard]] bool IsConsumerClosed() const {
    return memory_->consumer_closed.load(kRelaxed) !=
           0;  // sync: none, the flag carries nothing but itself
  }

  [[nodiscard]] std::uint64_t MostRecordBytes() const {
    return granules_.MostRecordBytes();
  }

 private:
  friend class MpscByteRing;
  Producer(const MpscByteRing& ring, OwnerId by)
      : memory_(ring.memory_), granules_(ring.granules_), owner_(by.index()) {}
  Producer(const Producer&) = default;
  Producer& operator=(const Producer&) = default;

  // Whether somebody had claimed the granule at a position, or that word was
  // the one that claimed it, when its word was looked at.
  [[nodiscard]] bool IsClaimed(std::uint64_t position) const;
  [[nodiscard]] bool IsFirst(std::uint64_t position) const;

  bool Start();
  bool TryClaim(RecordWord seen, std::uint64_t span);
  bool TryEnd(RecordWord seen);
  PLACID_COLD RingResult Seek(SlotState wanted, std::uint64_t granules);
  bool LookForRoom();
  RingResult EnsureRoom(std::uint64_t span);
  void Skip(std::uint64_t span, std::uint64_t steps);
  void PrefetchAhead() const;

  Memory* memory_;
  Granules granules_;
  std::uint64_t owner_;
  std::uint64_t next_ = 0;     // a record begins here; all below is claimed
  std::uint64_t limit_ = 0;    // every position below it is free or claimed
  std::uint64_t claimed_ = 0;  // where the reservation begins
  std::uint64_t span_ = 0;     // its granules; 0: there is none
  std::size_t length_ = 0;     // its bytes
};

// The right to read records. Dropping it retires the record in hand.
class MpscByteRing::Consumer {
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
    if (!claim_.is_held()) return;
    Retire();
    Publish();
  }

  // Zero copy: the oldest record, in place, until the next call, which retires
  // it. Else `record` is empty: kEmpty; kPending (somebody is writing the next
  // record: at once, ask blocker who); kClosed (empty, and a producer has
  // closed); kContended (kMostSteps granules were given up in a row: ask again);
  // kCorrupt (the words contradict themselves; the same again next time).
  RingResult TryFront(SharedBytes& record);

  // Gives the record in hand back before the next call does.
  void Retire() {
    head_ += in_hand_;
    in_hand_ = 0;
  }

  // After kPending: the index of the OwnerId that is writing the next record. If
  // it is dead, Recover it. An index that belongs to nobody is a peer's lie.
  [[nodiscard]] std::uint64_t blocker() const { return blocker_; }

  // Lets producers know at once of all that was retired. Call it before waiting
  // for a producer in any other way than by asking for records.
  void Publish();

  // Nothing more will be read; producers are told kClosed once they lack room.
  // For ever.
  void Close();

 private:
  friend class MpscByteRing;
  Consumer(const MpscByteRing& ring, RoleClaim claim, Pace pace)
      : memory_(ring.memory_),
        granules_(ring.granules_),
        pace_(pace, ring.granules_.number(), kGranuleBytes),
        claim_(std::move(claim)) {}

  bool Start();
  [[nodiscard]] RecordWord Look() const {
    return RecordWord(granules_.WordAt(head_).load(
        kAcquire));  // sync: publish, void, finish (acquire)
  }
  [[nodiscard]] bool IsThere(RecordWord word) const {
    return word.state() == SlotState::kDone &&
           granules_.laps().Behind(word, head_) == 0;
  }
  // Whether a record can be so long that begins at head.
  [[nodiscard]] bool IsSpan(std::uint64_t span) const {
    return span > 0 && span <= granules_.number() - (head_ - published_);
  }
  PLACID_COLD RingResult LookForRecord(RecordWord& word);
  RingResult SkipToRecord(RecordWord& word);
  RingResult WhyNot(RecordWord word);

  Memory* memory_;
  Granules granules_;
  std::uint64_t head_ = 0;       // where the record in hand begins
  std::uint64_t published_ = 0;  // the head last stored
  std::uint64_t in_hand_ = 0;    // granules of the record in hand
  std::uint64_t blocker_ = 0;
  bool is_closed_ = false;
  Pacer pace_;
  RoleClaim claim_;
};

// ---- Implementation ---------------------------------------------------------

inline Result<MpscByteRing> MpscByteRing::Create(std::span<std::byte> bytes,
                                                 std::uint64_t capacity) {
  constexpr const char* kOperation = "MpscByteRing::Create";
  if (!IsByteCapacity(capacity)) {
    Error error = BadCapacity(capacity, kOperation);
    error.expected = (std::max)(error.expected, kLeastCapacity);
    error.advice = "a capacity is a power of two from 64 to 2^40 bytes";
    return error;
  }
  // The words in used bytes would be claims of somebody else's.
  const auto clear = [&](Extent<kDynamic> extent) {
    const MpscByteRing ring(bytes, extent);
    for (std::uint64_t i = 0; i < extent.capacity(); ++i) {
      ring.granules_.WordAt(i).store(0, kRelaxed);  // sync: none, see the stamp
    }
  };
  auto extent =
      Slots::Create(bytes, capacity / kGranuleBytes, kStamp, kOperation, clear);
  if (!extent) return extent.error();
  return MpscByteRing(bytes, *extent);
}

inline Result<MpscByteRing> MpscByteRing::Attach(std::span<std::byte> bytes) {
  auto extent = Slots::Attach(bytes, kStamp, "MpscByteRing::Attach");
  if (!extent) return extent.error();
  return MpscByteRing(bytes, *extent);
}

inline Result<void> MpscByteRing::Reset(std::span<std::byte> bytes,
                                        NobodyUsesIt) {
  return Slots::Reset(bytes, "MpscByteRing::Reset");
}

inline auto MpscByteRing::ClaimProducer(OwnerId by) const -> Result<Producer> {
  constexpr const char* kOperation = "MpscByteRing::ClaimProducer";
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

inline auto MpscByteRing::ClaimConsumer(Pace pace, OwnerId by) const
    -> Result<Consumer> {
  constexpr const char* kOperation = "MpscByteRing::ClaimConsumer";
  auto claim = RoleClaim::Take(memory_->consumer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), pace, kOperation);
}

inline auto MpscByteRing::TakeOverConsumer(AttestedDeath death, Pace pace,
                                           OwnerId by) const
    -> Result<Consumer> {
  constexpr const char* kOperation = "MpscByteRing::TakeOverConsumer";
  auto claim = RoleClaim::TakeOver(memory_->consumer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), pace, kOperation);
}

inline auto MpscByteRing::Begin(RoleClaim claim, Pace pace,
                                const char* operation) const
    -> Result<Consumer> {
  Consumer consumer(*this, std::move(claim), pace);
  if (consumer.Start()) return consumer;
  return Error{.code = ErrorCode::kCorrupt,
               .operation = operation,
               .field = "word of the granule at head",
               .found = consumer.head_,
               .advice =
                   "it belongs to no lap that head could be in, or to no "
                   "record; make sure that nobody uses the ring and reset it"};
}

inline bool MpscByteRing::VoidClaimsOf(std::uint64_t index) const {
  bool has_voided = false;
  for (std::uint64_t i = 0; i < granules_.number(); ++i) {
    // The dead make no newer claim, and what they made happened before: death.
    std::uint64_t found =
        granules_.WordAt(i).load(kRelaxed);  // sync: none, see above
    if (!RecordWord(found).IsClaimedBy(index)) continue;
    // All of the word is compared: a claim is never made twice, so this voids
    // that one or none, whoever else recovers.
    const bool is_mine = granules_.WordAt(i).compare_exchange(
        found, RecordWord(found).Voided().word(), kRelease,
        kRelaxed);  // sync: void (release)
    has_voided = has_voided || is_mine;
  }
  return has_voided;
}

// ---- Producer

inline bool MpscByteRing::Producer::IsClaimed(std::uint64_t position) const {
  const RecordWord word(granules_.WordAt(position).load(
      kRelaxed));  // sync: none, a claim is for ever
  const std::int64_t behind = granules_.laps().Behind(word, position);
  return behind < 0 || (behind == 0 && word.state() != SlotState::kEnd);
}

inline bool MpscByteRing::Producer::IsFirst(std::uint64_t position) const {
  const RecordWord word(granules_.WordAt(position).load(
      kRelaxed));  // sync: none, a claim is for ever
  return granules_.laps().Behind(word, position) == 0 && word.span() > 0;
}

inline bool MpscByteRing::Producer::Start() {
  next_ = limit_ =
      memory_->head.load(kRelaxed);  // sync: none, LookForRoom asks again
  return LookForRoom();
}

// Asks the consumer for room. Whatever head says, the cursor stays between head
// and limit, and nothing below it is unclaimed. False: head lies.
inline bool MpscByteRing::Producer::LookForRoom() {
  const std::uint64_t head =
      memory_->head.load(kAcquire);  // sync: retire (acquire)
  const std::uint64_t granules = granules_.number();
  if (next_ - head > granules || next_ == head) {
    // The consumer has overtaken our cursor; or this head is a lie.
    if (!IsClaimed(head - 1)) {
      limit_ = next_;
      return false;
    }
    next_ = head;
  }
  limit_ = head + granules;
  return true;
}

PLACID_ALWAYS_INLINE void MpscByteRing::Producer::PrefetchAhead() const {
  // Past known free space, a prefetch would steal lines the consumer reads.
  if (limit_ - next_ <= kAhead + span_) return;
  const std::uint64_t most = (std::min)(span_, kAhead);
  for (std::uint64_t i = 0; i < most; ++i) {
    machine::PrefetchWrite(granules_.At(next_ + kAhead + i));
  }
  machine::PrefetchWrite(&granules_.WordAt(next_ + kAhead));
}

PLACID_ALWAYS_INLINE bool MpscByteRing::Producer::TryClaim(RecordWord seen,
                                                           std::uint64_t span) {
  std::uint64_t expected = seen.word();
  const RecordWord mine =
      granules_.laps().Word(next_, SlotState::kClaimed, span, owner_);
  // The bytes are ours by retire, the granules by the swap.
  if (!granules_.WordAt(next_).compare_exchange(
          expected, mine.word(), kRelaxed,
          kRelaxed)) {  // sync: none, see above
    return false;
  }
  claimed_ = next_;
  span_ = span;
  next_ += span;
  PrefetchAhead();
  const std::uint64_t mask = granules_.mask() & (kHintEvery - 1);
  if ((claimed_ & mask) + span > mask) {
    memory_->hint.store(claimed_,
                        kRelaxed);  // sync: none, it is checked
  }
  return true;
}

inline bool MpscByteRing::Producer::TryEnd(RecordWord seen) {
  std::uint64_t expected = seen.word();
  const RecordWord end = granules_.laps().Word(next_, SlotState::kEnd, 0);
  // The cursor stays in front of it, for ever.
  return granules_.WordAt(next_).compare_exchange(
      expected, end.word(), kRelease, kRelaxed);  // sync: finish (release)
}

// Makes sure that a span from next_ on is free or claimed. kContended: the cursor
// has moved, look again.
inline RingResult MpscByteRing::Producer::EnsureRoom(std::uint64_t span) {
  if (span <= limit_ - next_) return RingResult::kOk;
  const std::uint64_t before = next_;
  if (!LookForRoom()) return RingResult::kCorrupt;
  if (next_ != before) return RingResult::kContended;
  if (span <= limit_ - next_) return RingResult::kOk;
  return IsConsumerClosed() ? RingResult::kClosed : RingResult::kFull;
}

// Walks to where the next record can begin and claims it, or puts the end there.
// Each step goes over a claimed record, or meets what another has just done.
inline RingResult MpscByteRing::Producer::Seek(SlotState wanted,
                                               std::uint64_t granules) {
  const std::uint64_t most = (std::min)(2 * granules_.number() + 4, kMostSteps);
  for (std::uint64_t steps = 0; steps < most; ++steps) {
    RingResult room = EnsureRoom(1);
    if (room == RingResult::kContended) continue;
    if (room != RingResult::kOk) return room;
    const RecordWord seen(
        granules_.WordAt(next_).load(kAcquire));  // sync: shorten (acquire)
    const std::int64_t behind = granules_.laps().Behind(seen, next_);
    if (behind == 0) {
      if (seen.state() == SlotState::kEnd) return RingResult::kClosed;
      if (seen.span() == 0 || seen.span() > granules_.number()) {
        return RingResult::kCorrupt;
      }
      room = EnsureRoom(seen.span());
      if (room == RingResult::kOk) Skip(seen.span(), steps);
    } else if (behind == 1 && seen.IsFinished()) {
      const std::uint64_t span = granules_.SpanOf(granules, next_);
      room = EnsureRoom(span);
      if (room == RingResult::kOk) {
        const bool is_mine =
            wanted == SlotState::kEnd ? TryEnd(seen) : TryClaim(seen, span);
        if (is_mine) return RingResult::kOk;
      }
    } else {
      // We slept while others went round; or the word is a lie.
      const std::uint64_t before = next_;
      if (!LookForRoom()) return RingResult::kCorrupt;
      if (next_ == before) {
        return behind < 0 ? RingResult::kContended : RingResult::kCorrupt;
      }
    }
    if (room != RingResult::kOk && room != RingResult::kContended) return room;
  }
  return RingResult::kContended;
}

// Over a record that another has claimed. After some of them it is worth a look
// whether all is claimed up to somewhere further on: since none is claimed
// before those below it, the first word of a record there says so for all.
inline void MpscByteRing::Producer::Skip(std::uint64_t span,
                                         std::uint64_t steps) {
  next_ += span;
  if (steps < (std::min)(kPatience, granules_.number() / 4)) return;
  const std::uint64_t hint =
      memory_->hint.load(kRelaxed);  // sync: none, it is checked
  const std::uint64_t past = hint - next_;
  if (past > 0 && past < limit_ - next_ && IsFirst(hint)) next_ = hint;
}

inline RingResult MpscByteRing::Producer::TryReserve(
    std::size_t length, std::span<std::byte>& payload) {
  payload = {};
  if (span_ != 0) [[unlikely]]
    Abort();
  if (length > granules_.MostRecordBytes()) return RingResult::kFull;
  const std::uint64_t granules = Granules::For(length);
  const std::uint64_t span = granules_.SpanOf(granules, next_);
  bool is_mine = false;
  // A consumer that polls has both lines: they are asked for at once.
  machine::PrefetchWrite(granules_.At(next_));
  if (limit_ - next_ >= span) [[likely]] {
    const RecordWord seen(granules_.WordAt(next_).load(
        kRelaxed));  // sync: none, the swap decides, and Seek looks again
    is_mine = granules_.laps().Behind(seen, next_) == 1 && seen.IsFinished() &&
              TryClaim(seen, span);
  }
  if (!is_mine) [[unlikely]] {
    const RingResult found = Seek(SlotState::kClaimed, granules);
    if (found != RingResult::kOk) return found;
  }
  length_ = length;
  payload = {granules_.At(claimed_ + granules_.LeftOver(span_, claimed_)),
             length};
  return RingResult::kOk;
}

inline bool MpscByteRing::Producer::Commit(std::size_t length) {
  if (span_ == 0) return false;
  const std::uint64_t used = (std::min)(length, length_);
  const std::uint64_t granules = Granules::For(used);
  const std::uint64_t span = granules_.LeftOver(span_, claimed_) + granules;
  if (span < span_) {
    const RecordWord rest =
        granules_.laps().Word(claimed_ + span, SlotState::kVoid, span_ - span);
    granules_.WordAt(claimed_ + span)
        .store(rest.word(), kRelaxed);  // sync: none, carried by the one below
  }
  MarkInside(granules_, claimed_, span);
  const RecordWord done = granules_.laps().Word(
      claimed_, SlotState::kDone, span, granules * kGranuleBytes - used);
  granules_.WordAt(claimed_).store(
      done.word(),
      kRelease);  // sync: publish, shorten (release)
  span_ = 0;
  return true;
}

inline bool MpscByteRing::Producer::Abort() {
  if (span_ == 0) return false;
  const RecordWord given_up =
      granules_.laps().Word(claimed_, SlotState::kVoid, span_);
  granules_.WordAt(claimed_).store(given_up.word(),
                                   kRelease);  // sync: void (release)
  span_ = 0;
  return true;
}

inline RingResult MpscByteRing::Producer::TryPush(
    std::span<const std::byte> record) {
  std::span<std::byte> payload;
  const RingResult room = TryReserve(record.size(), payload);
  if (room != RingResult::kOk) [[unlikely]]
    return room;
  machine::CopyIn(payload.data(), record.data(), record.size());
  Commit(record.size());
  return RingResult::kOk;
}

inline RingResult MpscByteRing::Producer::TryPushSome(
    std::span<const std::span<const std::byte>> records, std::size_t& pushed) {
  for (pushed = 0; pushed < records.size(); ++pushed) {
    const RingResult result = TryPush(records[pushed]);
    if (result != RingResult::kOk) {
      return pushed > 0 ? RingResult::kOk : result;
    }
  }
  return RingResult::kOk;
}

inline RingResult MpscByteRing::Producer::Close() {
  Abort();
  return Seek(SlotState::kEnd, 1);
}

// ---- Consumer

inline bool MpscByteRing::Consumer::Start() {
  // After a takeover this is a dead stranger's store, not our own.
  head_ = memory_->head.load(kAcquire);  // sync: retire (acquire)
  published_ = head_;
  const std::uint32_t closed = memory_->consumer_closed.load(
      kRelaxed);  // sync: none, only a former consumer set it
  is_closed_ = closed != 0;
  RecordWord word(0);
  return LookForRecord(word) != RingResult::kCorrupt;
}

// The next record is not there: waits a little where a stream is on, and looks
// again.
inline RingResult MpscByteRing::Consumer::LookForRecord(RecordWord& word) {
  if (is_closed_) return RingResult::kClosed;
  Publish();
  pace_.Missed(head_);
  const RingResult result = SkipToRecord(word);
  // Whoever is told that there is nothing may now sleep.
  if (result != RingResult::kOk) Publish();
  return result;
}

inline RingResult MpscByteRing::Consumer::SkipToRecord(RecordWord& word) {
  const std::uint64_t from = head_;
  while (head_ - from < kMostSteps) {
    word = Look();
    const bool is_now = granules_.laps().Behind(word, head_) == 0;
    if (is_now && word.state() == SlotState::kDone) return RingResult::kOk;
    if (!is_now || word.state() != SlotState::kVoid) return WhyNot(word);
    if (!IsSpan(word.span())) return RingResult::kCorrupt;
    MarkInside(granules_, head_, word.span());
    head_ += word.span();
  }
  return RingResult::kContended;
}

inline RingResult MpscByteRing::Consumer::WhyNot(RecordWord word) {
  const std::int64_t behind = granules_.laps().Behind(word, head_);
  if (behind == 0 && word.state() == SlotState::kClaimed) {
    blocker_ = word.owner();
    return RingResult::kPending;
  }
  if (behind == 0) return RingResult::kClosed;
  return behind == 1 && word.IsFinished() ? RingResult::kEmpty
                                          : RingResult::kCorrupt;
}

inline RingResult MpscByteRing::Consumer::TryFront(SharedBytes& record) {
  record = {};
  Retire();
  if (pace_.IsPublishDue(head_ - published_)) Publish();
  RecordWord word = Look();
  if (is_closed_ || !IsThere(word)) [[unlikely]] {
    const RingResult one = LookForRecord(word);
    if (one != RingResult::kOk) return one;
  }
  const std::uint64_t left_over = granules_.LeftOver(word.span(), head_);
  const std::uint64_t bytes = (word.span() - left_over) * kGranuleBytes;
  if (!IsSpan(word.span()) || word.spare() > kGranuleBytes) {
    return RingResult::kCorrupt;
  }
  in_hand_ = word.span();
  record = {granules_.At(head_ + left_over),
            static_cast<std::size_t>(bytes - word.spare())};
  return RingResult::kOk;
}

inline void MpscByteRing::Consumer::Publish() {
  if (published_ == head_) return;
  published_ = head_;
  memory_->head.store(head_, kRelease);  // sync: retire (release)
}

inline void MpscByteRing::Consumer::Close() {
  Retire();
  Publish();
  memory_->consumer_closed.store(
      1, kRelaxed);  // sync: none, the flag carries nothing but itself
  is_closed_ = true;
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_MPSC_BYTE_RING_H_
