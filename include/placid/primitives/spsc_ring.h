// SPDX-License-Identifier: Apache-2.0
//
// SpscRing<T, kExtent>: one producer hands values to one consumer, in order.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field            writer    meaning
//   0x000      8  stamp            creator   type, version, element, extent
//   0x008      8  capacity         creator   slots; 0 where the extent is fixed
//   0x010    112  pad0
//   0x080      8  tail             producer  values ever pushed; never wraps
//   0x088      8  producer         claimant  who holds the role (role.h)
//   0x090      4  producer_closed  producer  1: nothing more will be pushed
//   0x094    108  pad1
//   0x100      8  head             consumer  values ever retired; never wraps
//   0x108      8  consumer         claimant  who holds the role
//   0x110      4  consumer_closed  consumer  1: nothing more will be popped
//   0x114    108  pad2
//   0x180      N  slots            producer  value n lies in slot n % capacity
//
// Invariant  0 <= tail - head <= capacity, as read by either role.
// Threads    One Producer and one Consumer at a time, in any two processes.
// Progress   wait-free: every operation.
// Crash      recoverable: who holds the dead one's role next goes on where it
//            was (Recover, or TakeOverProducer, TakeOverConsumer). Nothing
//            pushed is lost; a dead producer loses the value it was pushing. A
//            consumer retires a value by its next call, so the successor of a
//            dead one is handed again the value it had in hand and, under
//            kStreaming, up to capacity / 8 before that.
// Trust      guarded: a hostile peer can lie about values and counts, and stall;
//            every index is masked and every count checked.
// Readers    storing: TryPop publishes head.
// Orders
//   edge      release                     acquire               carries
//   create    Create: stamp               Attach: stamp         capacity
//   publish   TryPush, Commit: tail       TryPop: tail          values
//   retire    TryPop, Retire: head        TryPush: head         leave to overwrite
//   finish    Producer::Close             TryPop                the final tail
//   handover  Release: producer           Take: producer        tail or head
//
// Lamport's ring ("Specifying Concurrent Program Modules", 1983) with each
// side's counter and its last look at the other's kept privately, as in
// FastForward (Giacomoni et al., 2008) and MCRingBuffer (Lee et al., 2010).
// Ours differs in that the private copies are also the defence against a lying
// peer, and in that it prefetches: the producer for writing, eight lines ahead
// but only over slots known to be free; the consumer for reading, over slots
// known to be published and the one that it polls for.
#ifndef PLACID_PRIMITIVES_SPSC_RING_H_
#define PLACID_PRIMITIVES_SPSC_RING_H_

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
#include "placid/base/untrusted.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/pace.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"

namespace placid {

template <Element T, std::uint64_t kExtent = kDynamic>
class SpscRing {
 public:
  class Producer;
  class Consumer;

  struct Memory {
    // Written at creation.
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> capacity;
    Padding<112> pad0;
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
  static constexpr std::uint64_t kSlotsOffset = 0x180;

  // A ring of fixed extent as a member of one's own struct. All zero is valid.
  struct alignas(kLineBytes) Storage {
    Memory memory;
    std::array<T, kExtent == kDynamic ? 1 : kExtent> slots;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
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
  static Result<SpscRing> Create(std::span<std::byte> bytes,
                                 std::uint64_t capacity = kExtent);

  // Checks and gives a view. A ring of fixed extent may be virgin: all zero.
  // Errors: kTooSmall, kMisaligned, kNotInitialized (run-time capacity, not yet
  // created), kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion,
  // kWrongElement, kCorrupt (a capacity that cannot be).
  static Result<SpscRing> Attach(std::span<std::byte> bytes);
  static Result<SpscRing> Attach(Storage& storage)
    requires(kExtent != kDynamic)
  {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] std::uint64_t capacity() const { return extent_.capacity(); }

  // Errors: kRoleTaken, kCorrupt (counts that cannot be), kInvalidArgument
  // (nobody claims).
  Result<Producer> ClaimProducer(OwnerId by = OwnerId::Unowned()) const;
  Result<Consumer> ClaimConsumer(Pace pace = Pace::kPrompt,
                                 OwnerId by = OwnerId::Unowned()) const;

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
  Result<Producer> TakeOverProducer(AttestedDeath death,
                                    OwnerId by = OwnerId::Unowned()) const;
  Result<Consumer> TakeOverConsumer(AttestedDeath death,
                                    Pace pace = Pace::kPrompt,
                                    OwnerId by = OwnerId::Unowned()) const;
  // Gives back what a dead one held, one role or both, for the next one to
  // claim; whether it held any.
  bool Recover(const DeadOwner& dead) const {
    const bool produced = RoleClaim::Recover(memory_->producer, dead);
    const bool consumed = RoleClaim::Recover(memory_->consumer, dead);
    return produced || consumed;
  }

 private:
  using Slots = Slotted<Memory, kExtent, sizeof(T)>;
  static constexpr Stamp kStamp{
      TypeId::kSpscRing, kLayoutVersion,
      internal::Fingerprint().Add(kElementFingerprint<T>).Add(kExtent).value()};

  // How far ahead to prefetch, in slots: eight fetches.
  static constexpr std::uint64_t kSlotsPerFetch =
      sizeof(T) >= kFetchBytes ? 1 : kFetchBytes / sizeof(T);
  static constexpr std::uint64_t kAhead = 8 * kSlotsPerFetch;

  static_assert(alignof(T) <= kLineBytes);
  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, capacity) == 0x008);
  static_assert(offsetof(Memory, pad0) == 0x010);
  static_assert(offsetof(Memory, tail) == 0x080);
  static_assert(offsetof(Memory, producer) == 0x088);
  static_assert(offsetof(Memory, producer_closed) == 0x090);
  static_assert(offsetof(Memory, pad1) == 0x094);
  static_assert(offsetof(Memory, head) == 0x100);
  static_assert(offsetof(Memory, consumer) == 0x108);
  static_assert(offsetof(Memory, consumer_closed) == 0x110);
  static_assert(offsetof(Memory, pad2) == 0x114);
  static_assert(offsetof(Storage, slots) == 0x180);
  static_assert(sizeof(Memory) == kSlotsOffset);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  // The last step of claiming a role: believes the shared counts or not.
  template <typename Role>
  static Result<Role> Begin(Role role, const char* operation);

  // As a lane of many (lanes.h): stamp, capacity and consumer's role of the
  // whole stand for its own, which stay zero.
  template <typename, typename, std::uint64_t, std::uint64_t>
  friend class Lanes;
  static SpscRing AsLane(std::span<std::byte> bytes, std::uint64_t capacity) {
    return SpscRing(bytes, Extent<kExtent>(capacity));
  }
  static Error NoCapacity(std::uint64_t capacity, const char* operation) {
    return BadCapacity(capacity, operation);
  }
  Result<Producer> ProducerOfLane(RoleClaim claim,
                                  const char* operation) const {
    return Begin(Producer(*this, std::move(claim)), operation);
  }
  // If its counts lie, each look at it says so.
  [[nodiscard]] Consumer ConsumerOfLane(Pace pace) const {
    Consumer consumer(*this, RoleClaim(), pace);
    (void)consumer.Start();
    return consumer;
  }

  SpscRing(std::span<std::byte> bytes, Extent<kExtent> extent)
      : memory_(reinterpret_cast<Memory*>(bytes.data())),
        slots_(reinterpret_cast<T*>(bytes.data() + kSlotsOffset)),
        extent_(extent) {}

  Memory* memory_;
  T* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
};

// The right to push. Counts privately, so that no peer can aim it.
template <Element T, std::uint64_t kExtent>
class SpscRing<T, kExtent>::Producer {
 public:
  // Copies `value` in. kFull: nothing changed. kClosed: this side has closed,
  // or the ring is full and the consumer has.
  RingResult TryPush(const T& value);

  // Copies in as many of `values` as there is room for, published at once, and
  // says how many. kOk if at least one, or none were given.
  RingResult TryPushSome(std::span<const T> values, std::size_t& pushed);

  // Zero copy: up to `wanted` free slots in a row, to be written in place and
  // then committed. At the ring's end fewer are in a row. kFull: none. A peer
  // may write the slots too: write them, do not read them back.
  RingResult TryReserve(std::size_t wanted, std::span<T>& slots);

  // Publishes the first `count` of the slots reserved last, at most as many as
  // those, and forgets the rest. Returns how many. A second Commit commits 0.
  std::size_t Commit(std::size_t count);

  // Nothing more will be pushed; the consumer takes what is there and then is
  // told kClosed. For ever: a successor cannot push either.
  void Close();

  // Whether the consumer has closed. TryPush says so only once the ring is full.
  [[nodiscard]] bool IsConsumerClosed() const {
    return memory_->consumer_closed.load(kRelaxed) !=
           0;  // sync: none, the flag carries nothing but itself
  }

 private:
  friend class SpscRing;
  Producer(const SpscRing& ring, RoleClaim claim)
      : memory_(ring.memory_),
        slots_(ring.slots_),
        extent_(ring.extent_),
        claim_(std::move(claim)) {}

  // Reads the shared counts, which may be a dead stranger's. False: they lie.
  bool Start();
  [[nodiscard]] std::uint64_t Position() const { return tail_; }
  PLACID_COLD RingResult LookForRoom();
  [[nodiscard]] T& Slot(std::uint64_t position) const {
    return slots_[static_cast<std::size_t>(position & extent_.mask())];
  }
  void PrefetchAhead() const;

  Memory* memory_;
  T* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
  std::uint64_t tail_ = 0;
  std::uint64_t limit_ = 0;  // the tail at which the ring is full
  std::size_t reserved_ = 0;
  bool is_closed_ = false;
  RoleClaim claim_;
};

// The right to pop. Dropping it retires what was popped.
template <Element T, std::uint64_t kExtent>
class SpscRing<T, kExtent>::Consumer {
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

  // Copies the oldest value out; it is retired by the next call. kEmpty,
  // kClosed (empty, and the producer has closed), kCorrupt: `value` unchanged.
  RingResult TryPop(T& value);

  // Copies out as many as there are, at most values.size(), and says how many.
  RingResult TryPopSome(std::span<T> values, std::size_t& popped);

  // Zero copy: up to `wanted` values in a row, in place, until retired. At the
  // ring's end fewer are in a row.
  RingResult TryPeek(std::size_t wanted, SharedSpan<T>& values);

  // Gives back the first `count` of the values peeked last, at most as many as
  // those. Returns how many.
  std::size_t Retire(std::size_t count);

  // Lets the producer know at once of all that was popped or retired. Call it
  // before waiting for the producer in any other way than by trying to pop.
  void Publish();

  // Nothing more will be popped; the producer is told kClosed once it finds the
  // ring full. For ever.
  void Close();

 private:
  friend class SpscRing;
  Consumer(const SpscRing& ring, RoleClaim claim, Pace pace)
      : memory_(ring.memory_),
        slots_(ring.slots_),
        extent_(ring.extent_),
        pace_(pace, ring.capacity(), sizeof(T)),
        claim_(std::move(claim)) {}

  bool Start();
  [[nodiscard]] std::uint64_t Position() const { return head_; }
  PLACID_COLD RingResult LookForValues();
  [[nodiscard]] RingResult EnsureSome() {
    peeked_ = 0;
    if (pace_.IsPublishDue(head_ - published_)) Publish();
    return head_ != limit_ ? RingResult::kOk : LookForValues();
  }
  [[nodiscard]] const T& Slot(std::uint64_t position) const {
    return slots_[static_cast<std::size_t>(position & extent_.mask())];
  }
  void PrefetchAhead() const;

  Memory* memory_;
  const T* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
  std::uint64_t head_ = 0;
  std::uint64_t limit_ = 0;      // the tail last seen
  std::uint64_t published_ = 0;  // the head last stored
  std::size_t peeked_ = 0;
  bool is_closed_ = false;
  Pacer pace_;
  RoleClaim claim_;
};

// ---- Implementation ---------------------------------------------------------

template <Element T, std::uint64_t kExtent>
Result<SpscRing<T, kExtent>> SpscRing<T, kExtent>::Create(
    std::span<std::byte> bytes, std::uint64_t capacity) {
  auto extent = Slots::Create(bytes, capacity, kStamp, "SpscRing::Create");
  if (!extent) return extent.error();
  return SpscRing(bytes, *extent);
}

template <Element T, std::uint64_t kExtent>
Result<SpscRing<T, kExtent>> SpscRing<T, kExtent>::Attach(
    std::span<std::byte> bytes) {
  auto extent = Slots::Attach(bytes, kStamp, "SpscRing::Attach");
  if (!extent) return extent.error();
  return SpscRing(bytes, *extent);
}

template <Element T, std::uint64_t kExtent>
Result<void> SpscRing<T, kExtent>::Reset(std::span<std::byte> bytes,
                                         NobodyUsesIt) {
  auto place =
      CheckPlace(bytes, sizeof(Memory), kAlignment, "SpscRing::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

template <Element T, std::uint64_t kExtent>
auto SpscRing<T, kExtent>::ClaimProducer(OwnerId by) const
    -> Result<Producer> {
  constexpr const char* kOperation = "SpscRing::ClaimProducer";
  auto claim = RoleClaim::Take(memory_->producer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(Producer(*this, *std::move(claim)), kOperation);
}

template <Element T, std::uint64_t kExtent>
auto SpscRing<T, kExtent>::ClaimConsumer(Pace pace, OwnerId by) const
    -> Result<Consumer> {
  constexpr const char* kOperation = "SpscRing::ClaimConsumer";
  auto claim = RoleClaim::Take(memory_->consumer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(Consumer(*this, *std::move(claim), pace), kOperation);
}

template <Element T, std::uint64_t kExtent>
auto SpscRing<T, kExtent>::TakeOverProducer(AttestedDeath death,
                                            OwnerId by) const
    -> Result<Producer> {
  constexpr const char* kOperation = "SpscRing::TakeOverProducer";
  auto claim = RoleClaim::TakeOver(memory_->producer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(Producer(*this, *std::move(claim)), kOperation);
}

template <Element T, std::uint64_t kExtent>
auto SpscRing<T, kExtent>::TakeOverConsumer(AttestedDeath death, Pace pace,
                                            OwnerId by) const
    -> Result<Consumer> {
  constexpr const char* kOperation = "SpscRing::TakeOverConsumer";
  auto claim = RoleClaim::TakeOver(memory_->consumer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(Consumer(*this, *std::move(claim), pace), kOperation);
}

template <Element T, std::uint64_t kExtent>
template <typename Role>
Result<Role> SpscRing<T, kExtent>::Begin(Role role, const char* operation) {
  if (role.Start()) return role;
  return Error{.code = ErrorCode::kCorrupt,
               .operation = operation,
               .field = "values in the ring",
               .expected = role.extent_.capacity(),
               .found = role.limit_ - role.Position(),
               .advice = "tail and head contradict each other; make sure that "
                         "nobody uses the ring and reset it"};
}

// ---- Producer

template <Element T, std::uint64_t kExtent>
bool SpscRing<T, kExtent>::Producer::Start() {
  // After a takeover these are a dead stranger's stores, not our own.
  tail_ = memory_->tail.load(kAcquire);  // sync: publish (acquire)
  limit_ = tail_;
  const std::uint32_t closed = memory_->producer_closed.load(
      kRelaxed);  // sync: none, only a former producer set it
  is_closed_ = closed != 0;
  return LookForRoom() != RingResult::kCorrupt;
}

template <Element T, std::uint64_t kExtent>
RingResult SpscRing<T, kExtent>::Producer::LookForRoom() {
  if (is_closed_) return RingResult::kClosed;
  const std::uint64_t head =
      memory_->head.load(kAcquire);  // sync: retire (acquire)
  const auto used = Untrusted(tail_).PastAtMost(head, extent_.capacity());
  if (!used) return RingResult::kCorrupt;
  limit_ = head + extent_.capacity();
  if (limit_ != tail_) return RingResult::kOk;
  return IsConsumerClosed() ? RingResult::kClosed : RingResult::kFull;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE void SpscRing<T, kExtent>::Producer::PrefetchAhead()
    const {
  // Past known free space, a prefetch would steal lines the consumer reads.
  if (tail_ % kSlotsPerFetch == 0 && limit_ - tail_ > kAhead) {
    machine::PrefetchWrite(&Slot(tail_ + kAhead));
  }
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult
SpscRing<T, kExtent>::Producer::TryPush(const T& value) {
  reserved_ = 0;
  if (tail_ == limit_) [[unlikely]] {
    if (const RingResult room = LookForRoom(); room != RingResult::kOk) {
      return room;
    }
  }
  // A consumer that polls has both lines: they are asked for at once.
  machine::PrefetchWrite(&memory_->tail);
  PrefetchAhead();
  machine::CopyIn(Slot(tail_), value);
  memory_->tail.store(++tail_, kRelease);  // sync: publish (release)
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult SpscRing<T, kExtent>::Producer::TryPushSome(
    std::span<const T> values, std::size_t& pushed) {
  pushed = 0;
  while (pushed < values.size()) {
    std::span<T> slots;
    const RingResult room = TryReserve(values.size() - pushed, slots);
    if (room != RingResult::kOk) {
      return pushed > 0 ? RingResult::kOk : room;
    }
    machine::CopyIn(slots.data(), values.data() + pushed, slots.size_bytes());
    pushed += Commit(slots.size());
  }
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult SpscRing<T, kExtent>::Producer::TryReserve(std::size_t wanted,
                                                      std::span<T>& slots) {
  slots = {};
  reserved_ = 0;
  if (wanted == 0) return RingResult::kOk;
  if (limit_ - tail_ < wanted) {
    const RingResult room = LookForRoom();
    if (room != RingResult::kOk) return room;
  }
  const std::uint64_t in_row =
      extent_.capacity() - (tail_ & extent_.mask());
  reserved_ = static_cast<std::size_t>(
      std::min<std::uint64_t>({wanted, limit_ - tail_, in_row}));
  slots = {&Slot(tail_), reserved_};
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
std::size_t SpscRing<T, kExtent>::Producer::Commit(std::size_t count) {
  const std::size_t committed = (std::min)(count, reserved_);
  reserved_ = 0;
  if (committed == 0) return 0;
  tail_ += committed;
  memory_->tail.store(tail_, kRelease);  // sync: publish (release)
  return committed;
}

template <Element T, std::uint64_t kExtent>
void SpscRing<T, kExtent>::Producer::Close() {
  reserved_ = 0;
  memory_->producer_closed.store(1, kRelease);  // sync: finish (release)
  is_closed_ = true;
  limit_ = tail_;
}

// ---- Consumer

template <Element T, std::uint64_t kExtent>
bool SpscRing<T, kExtent>::Consumer::Start() {
  // After a takeover this is a dead stranger's store, not our own.
  head_ = memory_->head.load(kAcquire);  // sync: retire (acquire)
  limit_ = head_;
  published_ = head_;
  const std::uint32_t closed = memory_->consumer_closed.load(
      kRelaxed);  // sync: none, only a former consumer set it
  is_closed_ = closed != 0;
  return LookForValues() != RingResult::kCorrupt;
}

template <Element T, std::uint64_t kExtent>
RingResult SpscRing<T, kExtent>::Consumer::LookForValues() {
  if (is_closed_) return RingResult::kClosed;
  pace_.BeforeLook();
  // Should the tail have moved, its line and the slot's come at once.
  machine::PrefetchRead(&Slot(head_));
  std::uint64_t tail =
      memory_->tail.load(kAcquire);  // sync: publish (acquire)
  bool is_finished = false;
  if (tail == head_) {
    is_finished = memory_->producer_closed.load(kAcquire) !=
                  0;  // sync: finish (acquire)
    // What was pushed between the two looks is visible now.
    if (is_finished) {
      tail = memory_->tail.load(kAcquire);  // sync: publish (acquire)
    }
  }
  const auto found = Untrusted(tail).PastAtMost(head_, extent_.capacity());
  if (!found) return RingResult::kCorrupt;
  pace_.AfterLook(*found, 1);
  limit_ = tail;
  if (*found > 0) return RingResult::kOk;
  Publish();
  return is_finished ? RingResult::kClosed : RingResult::kEmpty;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE void SpscRing<T, kExtent>::Consumer::PrefetchAhead()
    const {
  // Past the published slots, a prefetch would steal lines being written.
  if (head_ % kSlotsPerFetch == 0 && limit_ - head_ > kAhead) {
    machine::PrefetchRead(&Slot(head_ + kAhead));
  }
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult
SpscRing<T, kExtent>::Consumer::TryPop(T& value) {
  if (const RingResult some = EnsureSome(); some != RingResult::kOk)
      [[unlikely]] {
    return some;
  }
  PrefetchAhead();
  machine::CopyOut(value, Slot(head_));
  ++head_;
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult SpscRing<T, kExtent>::Consumer::TryPopSome(std::span<T> values,
                                                      std::size_t& popped) {
  popped = 0;
  peeked_ = 0;
  if (pace_.IsPublishDue(head_ - published_)) Publish();
  // One look, before the first copy: a look that finds the ring empty publishes,
  // and what this call pops must stay in the ring until the next one.
  if (limit_ - head_ < values.size()) {
    const RingResult some = LookForValues();
    if (some != RingResult::kOk) return some;
  }
  const std::uint64_t end =
      head_ + std::min<std::uint64_t>(values.size(), limit_ - head_);
  while (head_ != end) {  // at most twice: once around the ring's end
    const std::uint64_t in_row = extent_.capacity() - (head_ & extent_.mask());
    const auto n =
        static_cast<std::size_t>(std::min<std::uint64_t>(end - head_, in_row));
    machine::CopyOut(values.data() + popped, &Slot(head_), n * sizeof(T));
    popped += n;
    head_ += n;
  }
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
RingResult SpscRing<T, kExtent>::Consumer::TryPeek(std::size_t wanted,
                                                   SharedSpan<T>& values) {
  values = {};
  if (wanted == 0) return RingResult::kOk;
  if (const RingResult some = EnsureSome(); some != RingResult::kOk) {
    return some;
  }
  const std::uint64_t in_row =
      extent_.capacity() - (head_ & extent_.mask());
  peeked_ = static_cast<std::size_t>(
      std::min<std::uint64_t>({wanted, limit_ - head_, in_row}));
  values = {&Slot(head_), peeked_};
  return RingResult::kOk;
}

template <Element T, std::uint64_t kExtent>
std::size_t SpscRing<T, kExtent>::Consumer::Retire(std::size_t count) {
  const std::size_t retired = (std::min)(count, peeked_);
  peeked_ = 0;
  head_ += retired;
  if (pace_.IsPublishDue(head_ - published_)) Publish();
  return retired;
}

template <Element T, std::uint64_t kExtent>
void SpscRing<T, kExtent>::Consumer::Publish() {
  if (published_ == head_) return;
  published_ = head_;
  memory_->head.store(head_, kRelease);  // sync: retire (release)
}

template <Element T, std::uint64_t kExtent>
void SpscRing<T, kExtent>::Consumer::Close() {
  peeked_ = 0;
  Publish();
  memory_->consumer_closed.store(
      1, kRelaxed);  // sync: none, the flag carries nothing but itself
  is_closed_ = true;
  limit_ = head_;
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_SPSC_RING_H_
