// SPDX-License-Identifier: Apache-2.0
//
// SpscByteRing: one producer hands records of any length to one consumer, in
// order, written and read in place.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field            writer    meaning
//   0x000      8  stamp            creator   type, version
//   0x008      8  capacity         creator   bytes of data; a power of two
//   0x010      8  data_offset      creator   0x180, or 0x10000 where mirrored
//   0x018    104  pad0
//   0x080      8  tail             producer  bytes ever committed; never wraps
//   0x088      8  producer         claimant  who holds the role (role.h)
//   0x090      4  producer_closed  producer  1: nothing more will be committed
//   0x094    108  pad1
//   0x100      8  head             consumer  bytes ever retired; never wraps
//   0x108      8  consumer         claimant  who holds the role
//   0x110      4  consumer_closed  consumer  1: nothing more will be read
//   0x114    108  pad2
//
//   data       record*, byte n of the stream at data_offset + n % capacity
//   record     header, payload, zero to seven bytes up to a multiple of 8
//   header     8 bytes, a word: 63..32 kind | 31..0 length of the payload
//   kind       1 record | 2 padding: skip to the end of data
//   A record lies in one piece. One that does not fit before the end of data is
//   preceded by padding; where the mapping is mirrored (MapOptions in os), data
//   has no end and there is no padding.
//
// Invariant  0 <= tail - head <= capacity, as read by either role; both are
//            multiples of 8; every record between them is whole.
// Threads    One Producer and one Consumer at a time, in any two processes.
// Progress   wait-free: every operation.
// Crash      recoverable: who holds the dead one's role next goes on where it
//            was (Recover, or TakeOverProducer, TakeOverConsumer). Nothing
//            committed is lost; a dead producer loses the record it was
//            writing and those staged but not published. A consumer retires a
//            record by its next call, so the successor of a dead one is handed
//            again the record it had in hand and, under kStreaming, up to
//            capacity / 8 bytes before that.
// Trust      guarded: lengths, kinds and counts are read once and checked
//            before use; every position is masked.
// Readers    storing: TryFront publishes head.
// Orders
//   edge      release                   acquire               carries
//   create    Create: stamp             Attach: stamp         the geometry
//   publish   Publish: tail             TryFront: tail        records
//   retire    Publish: head             TryReserve: head      leave to overwrite
//   finish    Producer::Close           TryFront              the final tail
//   handover  Release: producer         Take: producer        tail or head
//
// The record format follows Aeron's (length first, padding records at the
// wrap); ours publishes one tail per batch instead of one length per record,
// which lets the producer stage several records behind one release store.
#ifndef PLACID_PRIMITIVES_SPSC_BYTE_RING_H_
#define PLACID_PRIMITIVES_SPSC_BYTE_RING_H_

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
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/stamp.h"
#include "placid/base/untrusted.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"

namespace placid {

class SpscByteRing {
 public:
  class Producer;
  class Consumer;

  struct Memory {
    // Written at creation.
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> capacity;
    Atomic<std::uint64_t> data_offset;
    Padding<104> pad0;
    // Written by the producer.
    Atomic<std::uint64_t> tail;
    Atomic<std::uint64_t> producer;
    Atomic<std::uint32_t> producer_closed;
    Padding<108> pad1;
    // Written by the consumer.
    Atomic<std::uint64_t> head;
    Atomic<std::uint64_t> consumer;
    Atomic<std::uint32_t> consumer_closed;
    Padding<108> pad2;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoring};

  static constexpr std::uint64_t kHeaderBytes = 8;
  static constexpr std::uint64_t kLeastCapacity = 64;
  static constexpr std::uint64_t kDataOffset = 0x180;
  // A mirror begins on the granule of the os layer.
  static constexpr std::uint64_t kMirroredDataOffset = 0x10000;
  // The longest record of any ring.
  static constexpr std::uint64_t kMostRecordBytes = 0xFFFF'FFF8;

  enum class Wrap : std::uint8_t {
    kPadding,   // plain bytes
    kMirrored,  // a mapping made with MapOptions::mirror_offset =
                // kMirroredDataOffset; the capacity a multiple of 64 KiB
  };

  // Bytes that the shared object needs. A mirrored mapping of it is `capacity`
  // bytes longer. For a capacity that is none: more than there are.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(
      std::uint64_t capacity, Wrap wrap = Wrap::kPadding) {
    if (!IsByteCapacity(capacity, wrap)) return UINT64_MAX;
    return DataOffset(wrap) + capacity;
  }

  // Writes an empty ring into bytes whose first word is zero. The caller sees to
  // it that nobody else creates or attaches here meanwhile. Errors:
  // kInvalidArgument (capacity), kTooSmall, kMisaligned, kAlreadyExists.
  static Result<SpscByteRing> Create(std::span<std::byte> bytes,
                                     std::uint64_t capacity,
                                     Wrap wrap = Wrap::kPadding);

  // Checks and gives a view. Errors: kTooSmall, kMisaligned, kNotInitialized,
  // kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion, kCorrupt (a geometry
  // that cannot be, or the bytes of a mirrored ring mapped without a mirror).
  static Result<SpscByteRing> Attach(std::span<std::byte> bytes);

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] std::uint64_t capacity() const { return extent_.capacity(); }
  [[nodiscard]] Wrap wrap() const { return wrap_; }
  // The longest record that this ring can carry, once it is empty.
  [[nodiscard]] std::uint64_t MostRecordBytes() const {
    return (std::min)(capacity() - kHeaderBytes, kMostRecordBytes);
  }

  // Errors: kRoleTaken, kCorrupt (counts that cannot be), kInvalidArgument
  // (nobody claims).
  [[nodiscard]] inline Result<Producer> ClaimProducer(
      OwnerId by = OwnerId::Unowned()) const;
  [[nodiscard]] inline Result<Consumer> ClaimConsumer(
      Pace pace = Pace::kPrompt, OwnerId by = OwnerId::Unowned()) const;

  // After the death of a holder without an identity: look at the holder, make
  // sure it is dead, take over. Errors: kInvalidArgument (nobody held it, or
  // somebody whose death can be proven: Recover), kRoleTaken (somebody was
  // faster), kCorrupt.
  [[nodiscard]] RoleHolder ProducerHolder() const {
    return RoleClaim::Holder(memory_->producer);
  }
  [[nodiscard]] RoleHolder ConsumerHolder() const {
    return RoleClaim::Holder(memory_->consumer);
  }
  [[nodiscard]] inline Result<Producer> TakeOverProducer(
      AttestedDeath death, OwnerId by = OwnerId::Unowned()) const;
  [[nodiscard]] inline Result<Consumer> TakeOverConsumer(
      AttestedDeath death, Pace pace = Pace::kPrompt,
      OwnerId by = OwnerId::Unowned()) const;
  // Gives back what a dead one held, one role or both, for the next one to
  // claim; whether it held any.
  bool Recover(const DeadOwner& dead) const {
    const bool produced = RoleClaim::Recover(memory_->producer, dead);
    const bool consumed = RoleClaim::Recover(memory_->consumer, dead);
    return produced || consumed;
  }

 private:
  // The word before a record's payload.
  struct Header {
    static constexpr std::uint64_t kRecord = 1;
    static constexpr std::uint64_t kPadding = 2;
    static constexpr std::uint64_t Word(std::uint64_t kind,
                                        std::uint64_t length) {
      return kind << 32 | length;
    }
    static constexpr std::uint64_t Kind(std::uint64_t word) {
      return word >> 32;
    }
    static constexpr std::uint64_t Length(std::uint64_t word) {
      return word & 0xFFFF'FFFF;
    }
  };

  static constexpr Stamp kStamp{TypeId::kSpscByteRing, kLayoutVersion, 0};
  static constexpr std::uint64_t kFetchesAhead = 8;

  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, capacity) == 0x008);
  static_assert(offsetof(Memory, data_offset) == 0x010);
  static_assert(offsetof(Memory, pad0) == 0x018);
  static_assert(offsetof(Memory, tail) == 0x080);
  static_assert(offsetof(Memory, producer) == 0x088);
  static_assert(offsetof(Memory, producer_closed) == 0x090);
  static_assert(offsetof(Memory, pad1) == 0x094);
  static_assert(offsetof(Memory, head) == 0x100);
  static_assert(offsetof(Memory, consumer) == 0x108);
  static_assert(offsetof(Memory, consumer_closed) == 0x110);
  static_assert(offsetof(Memory, pad2) == 0x114);
  static_assert(sizeof(Memory) == kDataOffset);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  static constexpr std::uint64_t DataOffset(Wrap wrap) {
    return wrap == Wrap::kMirrored ? kMirroredDataOffset : kDataOffset;
  }
  static constexpr bool IsByteCapacity(std::uint64_t capacity, Wrap wrap) {
    const std::uint64_t least =
        wrap == Wrap::kMirrored ? kMirroredDataOffset : kLeastCapacity;
    return IsCapacity(capacity) && capacity >= least;
  }
  // Bytes of address space that a view of the ring spans.
  static constexpr std::uint64_t SpanFor(std::uint64_t capacity, Wrap wrap) {
    return DataOffset(wrap) + capacity * (wrap == Wrap::kMirrored ? 2 : 1);
  }
  static constexpr std::uint64_t RecordBytes(std::uint64_t length) {
    return kHeaderBytes + (length + 7) / 8 * 8;
  }

  SpscByteRing(std::span<std::byte> bytes, std::uint64_t capacity, Wrap wrap)
      : memory_(reinterpret_cast<Memory*>(bytes.data())),
        data_(bytes.data() + DataOffset(wrap)),
        extent_(capacity),
        wrap_(wrap) {}

  [[nodiscard]] std::byte* At(std::uint64_t position) const {
    return data_ + static_cast<std::size_t>(position & extent_.mask());
  }
  [[nodiscard]] Atomic<std::uint64_t>& HeaderAt(std::uint64_t position) const {
    return *reinterpret_cast<Atomic<std::uint64_t>*>(At(position));
  }
  // Bytes from a position that lie in one piece.
  [[nodiscard]] std::uint64_t InOnePiece(std::uint64_t position) const {
    return wrap_ == Wrap::kMirrored
               ? extent_.capacity()
               : extent_.capacity() - (position & extent_.mask());
  }

  template <typename Role>
  static Result<Role> Begin(Role role, const char* operation);

  // The error of a caller who chose a capacity that is none.
  static Error NoCapacity(std::uint64_t capacity, const char* operation,
                          Wrap wrap = Wrap::kPadding) {
    Error error = BadCapacity(capacity, operation);
    error.expected = (std::max)(
        error.expected, wrap == Wrap::kMirrored ? kMirroredDataOffset
                                                : kLeastCapacity);
    error.advice = "a capacity is a power of two from 64 (mirrored: 65536) to "
                   "2^40 bytes";
    return error;
  }

  // As a lane of many (lanes.h): stamp, capacity and consumer's role of the
  // whole stand for its own, which stay zero.
  template <typename, typename, std::uint64_t, std::uint64_t>
  friend class Lanes;
  static SpscByteRing AsLane(std::span<std::byte> bytes,
                             std::uint64_t capacity) {
    return SpscByteRing(bytes, capacity, Wrap::kPadding);
  }
  [[nodiscard]] inline Result<Producer> ProducerOfLane(
      RoleClaim claim, const char* operation) const;
  [[nodiscard]] inline Consumer ConsumerOfLane(Pace pace) const;

  Memory* memory_;
  std::byte* data_;
  Extent<kDynamic> extent_;
  Wrap wrap_;
};

// The right to write records.
class SpscByteRing::Producer {
 public:
  // Zero copy: room for a record of `length` bytes, to be written in place and
  // then committed, staged or aborted. kFull: not now. kClosed: this side has
  // closed, or there is no room and the consumer has. A record longer than
  // MostRecordBytes() is kFull for ever: ask before. A peer may write the bytes
  // too: write them, do not read them back. A new reservation aborts the last.
  RingResult TryReserve(std::size_t length, std::span<std::byte>& payload);

  // Ends the reservation with a record of its first `length` bytes, at most as
  // many as were reserved. Stage lets it wait for the next Publish or Commit.
  // False, and nothing done, where nothing is reserved.
  bool Stage(std::size_t length);
  bool Commit(std::size_t length);

  // Ends the reservation with nothing.
  void Abort() { is_reserved_ = false; }

  // Lets the consumer see all that was staged.
  void Publish();

  // Copies one record in and commits it.
  RingResult TryPush(std::span<const std::byte> record);

  // Publishes what is staged; the consumer takes what is there and then is told
  // kClosed. For ever: a successor cannot write either.
  void Close();

  // Whether the consumer has closed. TryReserve says so only for lack of room.
  [[nodiscard]] bool IsConsumerClosed() const {
    return ring_.memory_->consumer_closed.load(kRelaxed) !=
           0;  // sync: none, the flag carries nothing but itself
  }

  [[nodiscard]] std::uint64_t MostRecordBytes() const {
    return ring_.MostRecordBytes();
  }

 private:
  friend class SpscByteRing;
  Producer(const SpscByteRing& ring, RoleClaim claim)
      : ring_(ring), claim_(std::move(claim)) {}

  bool Start();
  [[nodiscard]] std::uint64_t Position() const { return tail_; }
  [[nodiscard]] std::uint64_t Seen() const { return limit_; }
  // Makes sure of `bytes` free bytes.
  RingResult EnsureRoom(std::uint64_t bytes);
  PLACID_COLD RingResult SkipToStart(std::uint64_t bytes);
  void PrefetchAhead();

  SpscByteRing ring_;
  std::uint64_t tail_ = 0;       // staged so far
  std::uint64_t published_ = 0;  // the tail last stored
  std::uint64_t limit_ = 0;      // the tail at which the ring is full
  std::uint64_t fetched_ = 0;    // prefetched up to here
  std::size_t reserved_ = 0;
  bool is_reserved_ = false;
  bool is_closed_ = false;
  RoleClaim claim_;
};

// The right to read records. Dropping it retires the record in hand.
class SpscByteRing::Consumer {
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
  // it. kEmpty, kClosed (empty, and the producer has closed), kCorrupt (the
  // bytes are no record; the same again next time).
  RingResult TryFront(SharedBytes& record);

  // Gives the record in hand back before the next call does.
  void Retire() {
    head_ += in_hand_;
    in_hand_ = 0;
  }

  // Lets the producer know at once of all that was retired. Call it before
  // waiting for the producer in any other way than by asking for records.
  void Publish();

  // Nothing more will be read; the producer is told kClosed once it lacks room.
  // For ever.
  void Close();

 private:
  friend class SpscByteRing;
  Consumer(const SpscByteRing& ring, RoleClaim claim, Pace pace)
      : ring_(ring),
        pace_(pace, ring.capacity(), 1),
        claim_(std::move(claim)) {}

  bool Start();
  [[nodiscard]] std::uint64_t Position() const { return head_; }
  [[nodiscard]] std::uint64_t Seen() const { return limit_; }
  PLACID_COLD RingResult LookForRecords();
  void PrefetchAhead();

  SpscByteRing ring_;
  std::uint64_t head_ = 0;       // where the record in hand begins
  std::uint64_t limit_ = 0;      // the tail last seen
  std::uint64_t published_ = 0;  // the head last stored
  std::uint64_t fetched_ = 0;    // prefetched up to here
  std::uint64_t in_hand_ = 0;    // bytes of the record in hand, with header
  bool is_closed_ = false;
  Pacer pace_;
  RoleClaim claim_;
};

// ---- Implementation ---------------------------------------------------------

inline Result<SpscByteRing> SpscByteRing::Create(std::span<std::byte> bytes,
                                                 std::uint64_t capacity,
                                                 Wrap wrap) {
  constexpr const char* kOperation = "SpscByteRing::Create";
  if (!IsByteCapacity(capacity, wrap)) {
    return NoCapacity(capacity, kOperation, wrap);
  }
  if (auto place = CheckPlace(bytes, SpanFor(capacity, wrap), kAlignment,
                              kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  *memory = Memory{};
  memory->capacity.store(capacity, kRelaxed);  // sync: none, see the stamp
  memory->data_offset.store(DataOffset(wrap),
                            kRelaxed);  // sync: none, see the stamp
  SetStamp(memory->stamp, kStamp);
  return SpscByteRing(bytes, capacity, wrap);
}

inline Result<SpscByteRing> SpscByteRing::Attach(std::span<std::byte> bytes) {
  constexpr const char* kOperation = "SpscByteRing::Attach";
  if (auto place = CheckPlace(bytes, SizeFor(kLeastCapacity), kAlignment,
                              kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto stamped = CheckStamp(memory->stamp, kStamp, kOperation); !stamped) {
    return stamped.error();
  }
  const std::uint64_t capacity =
      memory->capacity.load(kRelaxed);  // sync: none, ordered by the stamp
  const std::uint64_t data_offset =
      memory->data_offset.load(kRelaxed);  // sync: none, ordered by the stamp
  const Wrap wrap =
      data_offset == kMirroredDataOffset ? Wrap::kMirrored : Wrap::kPadding;
  if (data_offset != DataOffset(wrap) || !IsByteCapacity(capacity, wrap)) {
    return Error{.code = ErrorCode::kCorrupt,
                 .operation = kOperation,
                 .field = "capacity",
                 .expected = kLeastCapacity,
                 .found = capacity,
                 .advice = "no ring has this geometry: the header was "
                           "overwritten; create the ring anew"};
  }
  if (SpanFor(capacity, wrap) > bytes.size()) {
    return Error{.code = ErrorCode::kCorrupt,
                 .operation = kOperation,
                 .field = "bytes the ring spans",
                 .expected = bytes.size(),
                 .found = SpanFor(capacity, wrap),
                 .advice = "attach to all its bytes; map a mirrored ring with "
                           "mirror_offset = kMirroredDataOffset"};
  }
  return SpscByteRing(bytes, capacity, wrap);
}

inline Result<void> SpscByteRing::Reset(std::span<std::byte> bytes,
                                        NobodyUsesIt) {
  auto place =
      CheckPlace(bytes, sizeof(Memory), kAlignment, "SpscByteRing::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

template <typename Role>
Result<Role> SpscByteRing::Begin(Role role, const char* operation) {
  if (role.Start()) return role;
  return Error{.code = ErrorCode::kCorrupt,
               .operation = operation,
               .field = "position",
               .expected = role.Seen(),
               .found = role.Position(),
               .advice = "tail and head contradict each other; make sure that "
                         "nobody uses the ring and reset it"};
}

inline auto SpscByteRing::ClaimProducer(OwnerId by) const -> Result<Producer> {
  constexpr const char* kOperation = "SpscByteRing::ClaimProducer";
  auto claim = RoleClaim::Take(memory_->producer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(Producer(*this, *std::move(claim)), kOperation);
}

inline auto SpscByteRing::ClaimConsumer(Pace pace, OwnerId by) const
    -> Result<Consumer> {
  constexpr const char* kOperation = "SpscByteRing::ClaimConsumer";
  auto claim = RoleClaim::Take(memory_->consumer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(Consumer(*this, *std::move(claim), pace), kOperation);
}

inline auto SpscByteRing::TakeOverProducer(AttestedDeath death,
                                           OwnerId by) const
    -> Result<Producer> {
  constexpr const char* kOperation = "SpscByteRing::TakeOverProducer";
  auto claim = RoleClaim::TakeOver(memory_->producer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(Producer(*this, *std::move(claim)), kOperation);
}

inline auto SpscByteRing::TakeOverConsumer(AttestedDeath death, Pace pace,
                                           OwnerId by) const
    -> Result<Consumer> {
  constexpr const char* kOperation = "SpscByteRing::TakeOverConsumer";
  auto claim = RoleClaim::TakeOver(memory_->consumer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(Consumer(*this, *std::move(claim), pace), kOperation);
}

inline auto SpscByteRing::ProducerOfLane(RoleClaim claim,
                                         const char* operation) const
    -> Result<Producer> {
  return Begin(Producer(*this, std::move(claim)), operation);
}

inline auto SpscByteRing::ConsumerOfLane(Pace pace) const -> Consumer {
  Consumer consumer(*this, RoleClaim(), pace);
  (void)consumer.Start();  // if its counts lie, each look at it says so
  return consumer;
}

// ---- Producer

inline bool SpscByteRing::Producer::Start() {
  // After a takeover these are a dead stranger's stores, not our own.
  tail_ = ring_.memory_->tail.load(kAcquire);  // sync: publish (acquire)
  published_ = tail_;
  fetched_ = tail_;
  limit_ = tail_;
  const std::uint32_t closed = ring_.memory_->producer_closed.load(
      kRelaxed);  // sync: none, only a former producer set it
  is_closed_ = closed != 0;
  return tail_ % 8 == 0 && EnsureRoom(1) != RingResult::kCorrupt;
}

inline RingResult SpscByteRing::Producer::EnsureRoom(std::uint64_t bytes) {
  if (is_closed_) return RingResult::kClosed;
  if (limit_ - tail_ >= bytes) [[likely]] return RingResult::kOk;
  // What is staged must be visible, or a full ring would wait for ever.
  Publish();
  const std::uint64_t head =
      ring_.memory_->head.load(kAcquire);  // sync: retire (acquire)
  const std::uint64_t capacity = ring_.extent_.capacity();
  if (!Untrusted(tail_).PastAtMost(head, capacity) || head % 8 != 0) {
    return RingResult::kCorrupt;
  }
  limit_ = head + capacity;
  if (limit_ - tail_ >= bytes) return RingResult::kOk;
  return IsConsumerClosed() ? RingResult::kClosed : RingResult::kFull;
}

// The record does not fit before the end of data. The padding is published on
// its own, so that even a record of the whole capacity gets its turn.
inline RingResult SpscByteRing::Producer::SkipToStart(std::uint64_t bytes) {
  const std::uint64_t rest = ring_.InOnePiece(tail_);
  const RingResult room = EnsureRoom(rest);
  if (room != RingResult::kOk) return room;
  ring_.HeaderAt(tail_).store(
      Header::Word(Header::kPadding, 0),
      kRelaxed);  // sync: none, carried by the tail
  tail_ += rest;
  fetched_ = tail_;
  return EnsureRoom(bytes);
}

inline void SpscByteRing::Producer::PrefetchAhead() {
  const std::uint64_t end =
      (std::min)(tail_ + reserved_ + kFetchesAhead * kFetchBytes, limit_);
  if (static_cast<std::int64_t>(fetched_ - tail_) <
      static_cast<std::int64_t>(reserved_)) {
    fetched_ = (tail_ + reserved_) / kFetchBytes * kFetchBytes;
  }
  for (; static_cast<std::int64_t>(end - fetched_) > 0;
       fetched_ += kFetchBytes) {
    machine::PrefetchWrite(ring_.At(fetched_));
  }
}

inline RingResult SpscByteRing::Producer::TryReserve(
    std::size_t length, std::span<std::byte>& payload) {
  payload = {};
  is_reserved_ = false;
  if (length > ring_.MostRecordBytes()) return RingResult::kFull;
  const std::uint64_t bytes = RecordBytes(length);
  const RingResult room = bytes <= ring_.InOnePiece(tail_)
                              ? EnsureRoom(bytes)
                              : SkipToStart(bytes);
  if (room != RingResult::kOk) return room;
  reserved_ = length;
  is_reserved_ = true;
  PrefetchAhead();
  payload = {ring_.At(tail_) + kHeaderBytes, length};
  return RingResult::kOk;
}

inline bool SpscByteRing::Producer::Stage(std::size_t length) {
  if (!is_reserved_) return false;
  is_reserved_ = false;
  const std::size_t used = (std::min)(length, reserved_);
  ring_.HeaderAt(tail_).store(
      Header::Word(Header::kRecord, used),
      kRelaxed);  // sync: none, carried by the tail
  tail_ += RecordBytes(used);
  return true;
}

inline bool SpscByteRing::Producer::Commit(std::size_t length) {
  if (!Stage(length)) return false;
  Publish();
  return true;
}

inline void SpscByteRing::Producer::Publish() {
  if (published_ == tail_) return;
  published_ = tail_;
  ring_.memory_->tail.store(tail_, kRelease);  // sync: publish (release)
}

inline RingResult SpscByteRing::Producer::TryPush(
    std::span<const std::byte> record) {
  std::span<std::byte> payload;
  const RingResult room = TryReserve(record.size(), payload);
  if (room != RingResult::kOk) return room;
  machine::CopyIn(payload.data(), record.data(), record.size());
  Commit(record.size());
  return RingResult::kOk;
}

inline void SpscByteRing::Producer::Close() {
  Abort();
  Publish();
  ring_.memory_->producer_closed.store(1, kRelease);  // sync: finish (release)
  is_closed_ = true;
}

// ---- Consumer

inline bool SpscByteRing::Consumer::Start() {
  // After a takeover this is a dead stranger's store, not our own.
  head_ = ring_.memory_->head.load(kAcquire);  // sync: retire (acquire)
  published_ = head_;
  fetched_ = head_;
  limit_ = head_;
  const std::uint32_t closed = ring_.memory_->consumer_closed.load(
      kRelaxed);  // sync: none, only a former consumer set it
  is_closed_ = closed != 0;
  return LookForRecords() != RingResult::kCorrupt;
}

inline RingResult SpscByteRing::Consumer::LookForRecords() {
  if (is_closed_) return RingResult::kClosed;
  pace_.BeforeLook();
  std::uint64_t tail =
      ring_.memory_->tail.load(kAcquire);  // sync: publish (acquire)
  bool is_finished = false;
  if (tail == head_) {
    is_finished = ring_.memory_->producer_closed.load(kAcquire) !=
                  0;  // sync: finish (acquire)
    // What was committed between the two looks is visible now.
    if (is_finished) {
      tail = ring_.memory_->tail.load(kAcquire);  // sync: publish (acquire)
    }
  }
  const auto found =
      Untrusted(tail).PastAtMost(head_, ring_.extent_.capacity());
  if (!found || tail % 8 != 0 || head_ % 8 != 0) return RingResult::kCorrupt;
  pace_.AfterLook(*found, kFetchBytes);
  limit_ = tail;
  if (*found > 0) return RingResult::kOk;
  Publish();
  return is_finished ? RingResult::kClosed : RingResult::kEmpty;
}

inline void SpscByteRing::Consumer::PrefetchAhead() {
  const std::uint64_t end =
      (std::min)(head_ + in_hand_ + kFetchesAhead * kFetchBytes, limit_);
  if (static_cast<std::int64_t>(fetched_ - head_) <
      static_cast<std::int64_t>(in_hand_)) {
    fetched_ = (head_ + in_hand_) / kFetchBytes * kFetchBytes;
  }
  for (; static_cast<std::int64_t>(end - fetched_) > 0;
       fetched_ += kFetchBytes) {
    machine::PrefetchRead(ring_.At(fetched_));
  }
}

inline RingResult SpscByteRing::Consumer::TryFront(SharedBytes& record) {
  record = {};
  Retire();
  if (pace_.IsPublishDue(head_ - published_)) Publish();
  // At most twice: padding is only before the end of data, never at its start.
  for (;;) {
    if (head_ == limit_) {
      const RingResult some = LookForRecords();
      if (some != RingResult::kOk) return some;
    }
    const std::uint64_t word = ring_.HeaderAt(head_).load(
        kRelaxed);  // sync: none, ordered by the tail
    const std::uint64_t in_one_piece =
        (std::min)(limit_ - head_, ring_.InOnePiece(head_));
    if (Header::Kind(word) == Header::kRecord) [[likely]] {
      const std::uint64_t bytes = RecordBytes(Header::Length(word));
      if (bytes > in_one_piece) return RingResult::kCorrupt;
      in_hand_ = bytes;
      PrefetchAhead();
      record = {ring_.At(head_) + kHeaderBytes,
                static_cast<std::size_t>(Header::Length(word))};
      return RingResult::kOk;
    }
    const std::uint64_t rest = ring_.InOnePiece(head_);
    if (Header::Kind(word) != Header::kPadding || rest > limit_ - head_ ||
        rest == ring_.extent_.capacity()) {
      return RingResult::kCorrupt;
    }
    head_ += rest;
  }
}

inline void SpscByteRing::Consumer::Publish() {
  if (published_ == head_) return;
  published_ = head_;
  ring_.memory_->head.store(head_, kRelease);  // sync: retire (release)
}

inline void SpscByteRing::Consumer::Close() {
  Retire();
  Publish();
  ring_.memory_->consumer_closed.store(
      1, kRelaxed);  // sync: none, the flag carries nothing but itself
  is_closed_ = true;
  limit_ = head_;
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_SPSC_BYTE_RING_H_
