// SPDX-License-Identifier: Apache-2.0
//
// BroadcastRing<T, kExtent>: one writer shows every value to any number of
// readers, whom it neither knows nor waits for. A reader that is too slow is
// lapped, and told how many values it lost.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field     writer    meaning
//   0x000      8  stamp     creator   type, version, element, extent
//   0x008      8  capacity  creator   slots; 0 where the extent is fixed
//   0x010    112  pad0
//   0x080      8  tail      writer    values ever pushed; never wraps
//   0x088      8  writer    claimant  who holds the role (role.h)
//   0x090      4  closed    writer    1: nothing more will be pushed
//   0x094    108  pad1
//   0x100      8  oldest    writer    first value not to be overwritten yet
//   0x108    120  pad2
//   0x180      N  slots     writer    value n lies in slot n % capacity
//
// Invariant  0 <= tail - oldest <= capacity, as seen by who looks at oldest
//            first; the values between them are whole, and the writer is only
//            ever in slots of values before oldest. It moves oldest on by an
//            eighth of the capacity at a time (by 1 below eight slots), so that
//            at least the newest seven eighths are whole.
// Threads    One Writer at a time, any number of Readers, in any processes.
// Progress   wait-free: every operation. A read gives up when it was overtaken
//            kTries times.
// Crash      recoverable: who holds the dead writer's role next goes on where
//            it was (Recover, or TakeOverWriter). Nothing pushed is lost but
//            the oldest values that it had made room of, an eighth of the ring
//            at most, which each reader that has not read them counts as lost.
//            A dead writer loses the values it had not published. Readers
//            notice a death by silence only.
// Trust      guarded: a hostile writer can give any values, torn or not, make
//            readers lose them, and stall; every slot is masked, no read goes
//            on for ever. The writer believes nothing shared but when it claims
//            the role.
// Readers    store-free: on pages mapped read-only, whose first user may be the
//            reader where the extent is fixed.
// Orders
//   edge      release               acquire               carries
//   create    Create: stamp         Attach: stamp         capacity
//   publish   Push, Commit: tail    TryRead: tail         values; oldest, which
//                                                         is not past them
//   discard   MakeRoom: oldest      TryRead: oldest       tail, which is past it
//   reuse     MakeRoom: fence       TryRead: fence        oldest, ahead of each
//                                                         byte written over what
//                                                         was before it
//   finish    Close: closed         TryRead: closed       the final tail
//   handover  Release: writer       Take: writer          tail and oldest
//
// Why a read is whole. A reader that has acquired a tail past value n copies
// value n from its slot, or bytes of a later value there. The writer writes
// such bytes only after it has moved oldest past n, and then a release fence.
// So if one copied byte is of a later value, the reader's acquire fence has met
// that fence, and its look at oldest finds it past n. A successor may write into
// room that the dead one has made: its own fence, after it has seen oldest,
// stands for the dead one's.
//
// Against rings whose slots each bear a sequence (the LMAX Disruptor's
// multi-producer form, Thompson et al., 2011, and seqlocks in a row), a value
// costs the writer its bytes and one store; values lie in a row, to be copied
// many at once; and a reader in arrears looks at lines that the writer has left:
// oldest changes eight times a lap.
#ifndef PLACID_PRIMITIVES_BROADCAST_RING_H_
#define PLACID_PRIMITIVES_BROADCAST_RING_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/backoff.h"
#include "placid/base/cache_line.h"
#include "placid/base/extent.h"
#include "placid/base/fields.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/stamp.h"
#include "placid/base/untrusted.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "placid/primitives/start_at.h"

namespace placid {

template <Element T, std::uint64_t kExtent = kDynamic>
class BroadcastRing {
 public:
  class Writer;
  class Reader;

  struct Memory {
    // Written at creation.
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> capacity;
    Padding<112> pad0;
    // Written with each value; looked at by readers that have read all.
    Atomic<std::uint64_t> tail;
    Atomic<std::uint64_t> writer;
    Atomic<std::uint32_t> closed;
    Padding<108> pad1;
    // Written eight times a lap; looked at with each read.
    Atomic<std::uint64_t> oldest;
    Padding<120> pad2;
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
                                          Readers::kStoreFree};

  // How often a read that was overtaken starts again before it gives up.
  static constexpr std::uint32_t kTries = 16;

  // Bytes that a ring takes. For a capacity that is none: more than there are.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(
      std::uint64_t capacity = kExtent) {
    if (!IsCapacity(capacity) || capacity > kMostSlots) return UINT64_MAX;
    return kSlotsOffset + capacity * sizeof(T);
  }

  // Writes an empty ring into bytes whose first word is zero. The caller sees to
  // it that nobody else creates or attaches here meanwhile. Errors:
  // kInvalidArgument (no power of two), kTooSmall, kMisaligned, kAlreadyExists.
  static Result<BroadcastRing> Create(std::span<std::byte> bytes,
                                      std::uint64_t capacity = kExtent);

  // Checks and gives a view. A ring of fixed extent may be virgin: all zero.
  // Errors: kTooSmall, kMisaligned, kNotInitialized (run-time capacity, not yet
  // created), kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion,
  // kWrongElement, kCorrupt (a capacity that cannot be).
  static Result<BroadcastRing> Attach(std::span<std::byte> bytes);
  static Result<BroadcastRing> Attach(Storage& storage)
    requires(kExtent != kDynamic)
  {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }

  // The same without a store, for one reader (MakeReader). Virgin bytes are no
  // error where the extent is fixed: the reader looks again until somebody has
  // stamped them.
  static Result<Reader> AttachReadOnly(std::span<const std::byte> bytes,
                                       StartAt first = StartAt::kOldest,
                                       StartAt again = StartAt::kMiddle);

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] std::uint64_t capacity() const { return extent_.capacity(); }

  // A reader that begins at `first` and, each time it was lapped, goes on at
  // `again`.
  [[nodiscard]] Reader MakeReader(StartAt first = StartAt::kOldest,
                                  StartAt again = StartAt::kMiddle) const {
    return Reader(memory_, slots_, extent_, first, again, /*is_stamped=*/true);
  }

  // Errors: kRoleTaken, kClosed, kCorrupt (counts that cannot be),
  // kInvalidArgument (nobody claims).
  Result<Writer> ClaimWriter(OwnerId by = OwnerId::Unowned()) const;

  // After the death of a writer without an identity: look at the holder, make
  // sure it is dead, take over. Errors: kInvalidArgument (nobody held it, or
  // somebody whose death can be proven: Recover), kRoleTaken (somebody was
  // faster), kClosed, kCorrupt.
  [[nodiscard]] RoleHolder WriterHolder() const {
    return RoleClaim::Holder(memory_->writer);
  }
  Result<Writer> TakeOverWriter(AttestedDeath death,
                                OwnerId by = OwnerId::Unowned()) const;
  // Gives back the role of a dead writer, for the next one to claim; whether it
  // had it.
  bool Recover(const DeadOwner& dead) const {
    return RoleClaim::Recover(memory_->writer, dead);
  }

 private:
  static constexpr bool kIsDynamic = kExtent == kDynamic;
  static constexpr std::uint64_t kMostSlots =
      std::min<std::uint64_t>(kMaxCapacity, (std::uint64_t{1} << 46) / sizeof(T));
  static constexpr Stamp kStamp{
      TypeId::kBroadcastRing, kLayoutVersion,
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
  static_assert(offsetof(Memory, writer) == 0x088);
  static_assert(offsetof(Memory, closed) == 0x090);
  static_assert(offsetof(Memory, pad1) == 0x094);
  static_assert(offsetof(Memory, oldest) == 0x100);
  static_assert(offsetof(Memory, pad2) == 0x108);
  static_assert(offsetof(Storage, slots) == 0x180);
  static_assert(sizeof(Memory) == kSlotsOffset);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  BroadcastRing(std::span<std::byte> bytes, Extent<kExtent> extent)
      : memory_(reinterpret_cast<Memory*>(bytes.data())),
        slots_(reinterpret_cast<T*>(bytes.data() + kSlotsOffset)),
        extent_(extent) {}

  // The capacity that a created ring's bytes name, if they can hold it.
  static Result<Extent<kExtent>> ReadExtent(const Memory& memory,
                                            std::uint64_t size_bytes,
                                            const char* operation);
  Result<Writer> Begin(RoleClaim claim, const char* operation) const;

  // By how much the writer moves oldest on.
  static std::uint64_t StepFor(std::uint64_t capacity) {
    return (std::max)(capacity / 8, std::uint64_t{1});
  }

  Memory* memory_;
  T* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
};

// The right to push. Counts privately, so that nobody can aim it.
template <Element T, std::uint64_t kExtent>
class BroadcastRing<T, kExtent>::Writer {
 public:
  // Shows `value` to all readers.
  void Push(const T& value);

  // Shows one after the other, published by up to an eighth of the ring at once.
  void PushSome(std::span<const T> values);

  // Zero copy: up to `wanted` slots in a row, at least one, to be written in
  // place and then committed. At most an eighth of the ring; fewer at its end.
  // What was in them is gone, whether they are committed or not. Lapped readers
  // may copy from them meanwhile (and find out): a race detector has to be told,
  // or the slots written by machine::RacyCopyIn.
  std::span<T> Reserve(std::size_t wanted);

  // Publishes the first `count` of the slots reserved last, at most as many as
  // those, and forgets the rest. Returns how many. A second Commit commits 0.
  std::size_t Commit(std::size_t count);

  // Gives the role back for ever: std::move(writer).Close(). Readers read what
  // is there and then are told kClosed; nobody can claim the role again.
  void Close() &&;

  // Values ever pushed, by this writer and those before it, modulo 2^64.
  [[nodiscard]] std::uint64_t position() const { return tail_; }

 private:
  friend class BroadcastRing;
  Writer(const BroadcastRing& ring, RoleClaim claim)
      : memory_(ring.memory_),
        slots_(ring.slots_),
        extent_(ring.extent_),
        claim_(std::move(claim)) {}

  // Reads the shared counts, which may be a dead stranger's. False: they lie.
  bool Start();
  void MakeRoom();
  [[nodiscard]] T& Slot(std::uint64_t position) const {
    return slots_[static_cast<std::size_t>(position & extent_.mask())];
  }
  void PrefetchAhead() const;
  void Publish(std::uint64_t tail);

  Memory* memory_;
  T* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
  std::uint64_t tail_ = 0;
  std::uint64_t limit_ = 0;  // the tail at which there is no more room
  std::size_t reserved_ = 0;
  RoleClaim claim_;
};

// Reads every value in order, but for those that it loses. A handle for one
// thread: others take a copy. It writes nothing that is shared.
template <Element T, std::uint64_t kExtent>
class BroadcastRing<T, kExtent>::Reader {
 public:
  // Copies the next value out. `lost`: how many values before it were
  // overwritten before this reader had read them. On any result but kOk `value`
  // means nothing.
  //   kEmpty      there is none yet, or the bytes are still virgin
  //   kClosed     there is none, and there never will be; `lost` counts here too
  //   kContended  the writer overtook us again and again
  //   kCorrupt    the counts contradict themselves, or bytes that were virgin
  //               have become something else: attach again to learn what
  // On other results than kOk and kClosed `lost` is 0: what was lost meanwhile
  // is told later. So all that was ever read and all `lost` add up to the way
  // that position() has come.
  RingResult TryRead(T& value, std::uint64_t& lost);

  // Copies out as many as there are, at most values.size(), and says how many.
  // `lost`: before the first of them.
  RingResult TryReadSome(std::span<T> values, std::size_t& read,
                         std::uint64_t& lost);

  // Zero copy: up to `wanted` values in a row, in place. At the ring's end fewer
  // are in a row. They may be overwritten at any moment: what was made of them
  // counts only if Validate says so afterwards.
  RingResult TryPeek(std::size_t wanted, SharedSpan<T>& values,
                     std::uint64_t& lost);

  // Whether the first `count` of the values peeked last, at most as many as
  // those, were whole up to now. Then they are read; else they are not, and the
  // next call finds some of them lost.
  [[nodiscard]] bool Validate(std::size_t count);

  // The number of the next value to be read, or found lost: values are numbered
  // from 0 as they are pushed, modulo 2^64.
  [[nodiscard]] std::uint64_t position() const { return position_ - lost_; }

 private:
  friend class BroadcastRing;
  Reader(const Memory* memory, const T* slots, Extent<kExtent> extent,
         StartAt first, StartAt again, bool is_stamped);

  // Where to begin in a ring that was seen so.
  [[nodiscard]] std::uint64_t Place(StartAt at, std::uint64_t oldest,
                                    std::uint64_t tail) const;
  RingResult LookForValues();
  RingResult CheckStampAgain();
  // Moves on past all that was overwritten.
  RingResult Resume();
  // Of `count` values from position_ on that were copied: how many are whole.
  // It is always the last ones.
  [[nodiscard]] std::uint64_t CountWhole(std::uint64_t count) const;
  // Calls attempt() until it says that what it did is whole.
  template <typename Attempt>
  PLACID_NEVER_INLINE RingResult TryHarder(Attempt attempt);
  // `lost` belongs to this answer.
  RingResult Answer(RingResult result, std::uint64_t& lost) {
    lost = std::exchange(lost_, 0);
    return result;
  }
  [[nodiscard]] const T& Slot(std::uint64_t position) const {
    return slots_[static_cast<std::size_t>(position & extent_.mask())];
  }
  [[nodiscard]] std::uint64_t InRow() const {
    return extent_.capacity() - (position_ & extent_.mask());
  }
  void PrefetchAhead() const;

  const Memory* memory_;
  const T* slots_;
  [[no_unique_address]] Extent<kExtent> extent_;
  std::uint64_t position_ = 0;
  std::uint64_t limit_ = 0;  // the tail last seen
  std::uint64_t lost_ = 0;   // passed over, and not told yet
  std::size_t peeked_ = 0;
  StartAt again_;
  bool is_stamped_;
};

// ---- Implementation ---------------------------------------------------------

template <Element T, std::uint64_t kExtent>
Result<BroadcastRing<T, kExtent>> BroadcastRing<T, kExtent>::Create(
    std::span<std::byte> bytes, std::uint64_t capacity) {
  constexpr const char* kOperation = "BroadcastRing::Create";
  if (!IsCapacity(capacity) || (!kIsDynamic && capacity != kExtent)) {
    return BadCapacity(capacity, kOperation);
  }
  if (auto place = CheckPlace(bytes, SizeFor(capacity), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  // All but the stamp: bytes from an allocator need not be zero.
  *memory = Memory{};
  if constexpr (kIsDynamic) {
    memory->capacity.store(capacity, kRelaxed);  // sync: none, see the stamp
  }
  SetStamp(memory->stamp, kStamp);
  return BroadcastRing(bytes, Extent<kExtent>(capacity));
}

template <Element T, std::uint64_t kExtent>
Result<Extent<kExtent>> BroadcastRing<T, kExtent>::ReadExtent(
    const Memory& memory, std::uint64_t size_bytes, const char* operation) {
  if constexpr (!kIsDynamic) return Extent<kExtent>();
  const std::uint64_t capacity =
      memory.capacity.load(kRelaxed);  // sync: none, ordered by the stamp
  if (IsCapacity(capacity) && SizeFor(capacity) <= size_bytes) {
    return Extent<kExtent>(capacity);
  }
  return Error{.code = ErrorCode::kCorrupt,
               .operation = operation,
               .field = "capacity",
               .expected = (size_bytes - kSlotsOffset) / sizeof(T),
               .found = capacity,
               .advice = "the ring claims more slots than there are bytes, or no "
                         "power of two; attach to all its bytes, or create it "
                         "anew"};
}

template <Element T, std::uint64_t kExtent>
Result<BroadcastRing<T, kExtent>> BroadcastRing<T, kExtent>::Attach(
    std::span<std::byte> bytes) {
  constexpr const char* kOperation = "BroadcastRing::Attach";
  const std::uint64_t least = kIsDynamic ? SizeFor(1) : SizeFor(kExtent);
  if (auto place = CheckPlace(bytes, least, kAlignment, kOperation); !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  auto stamped = kIsDynamic ? CheckStamp(memory->stamp, kStamp, kOperation)
                            : StampOrCheck(memory->stamp, kStamp, kOperation);
  if (!stamped) return stamped.error();
  const auto extent = ReadExtent(*memory, bytes.size(), kOperation);
  if (!extent) return extent.error();
  return BroadcastRing(bytes, *extent);
}

template <Element T, std::uint64_t kExtent>
auto BroadcastRing<T, kExtent>::AttachReadOnly(std::span<const std::byte> bytes,
                                               StartAt first, StartAt again)
    -> Result<Reader> {
  constexpr const char* kOperation = "BroadcastRing::AttachReadOnly";
  const std::uint64_t least = kIsDynamic ? SizeFor(1) : SizeFor(kExtent);
  if (auto place = CheckPlace(bytes, least, kAlignment, kOperation); !place) {
    return place.error();
  }
  const auto* memory = reinterpret_cast<const Memory*>(bytes.data());
  bool is_stamped = true;
  if constexpr (kIsDynamic) {
    const auto stamped = CheckStamp(memory->stamp, kStamp, kOperation);
    if (!stamped) return stamped.error();
  } else {
    const auto stamped = CheckUnlessVirgin(memory->stamp, kStamp, kOperation);
    if (!stamped) return stamped.error();
    is_stamped = *stamped;
  }
  const auto extent = ReadExtent(*memory, bytes.size(), kOperation);
  if (!extent) return extent.error();
  const auto* slots = reinterpret_cast<const T*>(bytes.data() + kSlotsOffset);
  return Reader(memory, slots, *extent, first, again, is_stamped);
}

template <Element T, std::uint64_t kExtent>
Result<void> BroadcastRing<T, kExtent>::Reset(std::span<std::byte> bytes,
                                              NobodyUsesIt) {
  auto place =
      CheckPlace(bytes, sizeof(Memory), kAlignment, "BroadcastRing::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

template <Element T, std::uint64_t kExtent>
auto BroadcastRing<T, kExtent>::ClaimWriter(OwnerId by) const
    -> Result<Writer> {
  constexpr const char* kOperation = "BroadcastRing::ClaimWriter";
  auto claim = RoleClaim::Take(memory_->writer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), kOperation);
}

template <Element T, std::uint64_t kExtent>
auto BroadcastRing<T, kExtent>::TakeOverWriter(AttestedDeath death,
                                               OwnerId by) const
    -> Result<Writer> {
  constexpr const char* kOperation = "BroadcastRing::TakeOverWriter";
  auto claim = RoleClaim::TakeOver(memory_->writer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), kOperation);
}

template <Element T, std::uint64_t kExtent>
auto BroadcastRing<T, kExtent>::Begin(RoleClaim claim,
                                      const char* operation) const
    -> Result<Writer> {
  if (memory_->closed.load(kRelaxed) != 0) {  // sync: none, see handover
    return Error{.code = ErrorCode::kClosed,
                 .operation = operation,
                 .advice = "its writer said that nothing more would come; reset "
                           "it once nobody reads it any more"};
  }
  Writer writer(*this, std::move(claim));
  if (writer.Start()) return writer;
  return Error{.code = ErrorCode::kCorrupt,
               .operation = operation,
               .field = "values in the ring",
               .expected = extent_.capacity(),
               .found = writer.tail_ - writer.limit_ + extent_.capacity(),
               .advice = "tail and oldest contradict each other; make sure that "
                         "nobody uses the ring and reset it"};
}

// ---- Writer

template <Element T, std::uint64_t kExtent>
bool BroadcastRing<T, kExtent>::Writer::Start() {
  // After a takeover these are a dead stranger's stores, not our own.
  tail_ = memory_->tail.load(kAcquire);  // sync: publish (acquire)
  const std::uint64_t oldest =
      memory_->oldest.load(kAcquire);  // sync: discard (acquire)
  limit_ = oldest + extent_.capacity();
  // What we write into room that the dead one made must be as late as what it
  // wrote there itself.
  Fence(kRelease);  // sync: reuse (release)
  return Untrusted(tail_).PastAtMost(oldest, extent_.capacity()).has_value();
}

// Gives up the oldest values, so that there is room for a step's.
template <Element T, std::uint64_t kExtent>
void BroadcastRing<T, kExtent>::Writer::MakeRoom() {
  limit_ = tail_ + StepFor(extent_.capacity());
  memory_->oldest.store(limit_ - extent_.capacity(),
                        kRelease);  // sync: discard (release)
  Fence(kRelease);                  // sync: reuse (release)
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE void BroadcastRing<T, kExtent>::Writer::PrefetchAhead()
    const {
  // Past the room there is, a prefetch would steal lines that are being read.
  if (tail_ % kSlotsPerFetch == 0 && limit_ - tail_ > kAhead) {
    machine::PrefetchWrite(&Slot(tail_ + kAhead));
  }
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE void BroadcastRing<T, kExtent>::Writer::Publish(
    std::uint64_t tail) {
  tail_ = tail;
  memory_->tail.store(tail, kRelease);  // sync: publish (release)
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE void BroadcastRing<T, kExtent>::Writer::Push(
    const T& value) {
  reserved_ = 0;
  if (tail_ == limit_) [[unlikely]] {
    MakeRoom();
  }
  PrefetchAhead();
  machine::RacyCopyIn(&Slot(tail_), &value, sizeof(T));
  Publish(tail_ + 1);
}

template <Element T, std::uint64_t kExtent>
void BroadcastRing<T, kExtent>::Writer::PushSome(std::span<const T> values) {
  while (!values.empty()) {
    const std::span<T> slots = Reserve(values.size());
    machine::RacyCopyIn(slots.data(), values.data(), slots.size_bytes());
    values = values.subspan(Commit(slots.size()));
  }
}

template <Element T, std::uint64_t kExtent>
std::span<T> BroadcastRing<T, kExtent>::Writer::Reserve(std::size_t wanted) {
  const std::uint64_t in_row = extent_.capacity() - (tail_ & extent_.mask());
  reserved_ = static_cast<std::size_t>(std::min<std::uint64_t>(
      {wanted, StepFor(extent_.capacity()), in_row}));
  if (limit_ - tail_ < reserved_) MakeRoom();
  return {&Slot(tail_), reserved_};
}

template <Element T, std::uint64_t kExtent>
std::size_t BroadcastRing<T, kExtent>::Writer::Commit(std::size_t count) {
  const std::size_t committed = (std::min)(count, reserved_);
  reserved_ = 0;
  if (committed > 0) Publish(tail_ + committed);
  return committed;
}

template <Element T, std::uint64_t kExtent>
void BroadcastRing<T, kExtent>::Writer::Close() && {
  memory_->closed.store(1, kRelease);  // sync: finish (release)
  claim_.Release();
}

// ---- Reader

template <Element T, std::uint64_t kExtent>
BroadcastRing<T, kExtent>::Reader::Reader(const Memory* memory, const T* slots,
                                          Extent<kExtent> extent, StartAt first,
                                          StartAt again, bool is_stamped)
    : memory_(memory),
      slots_(slots),
      extent_(extent),
      again_(again),
      is_stamped_(is_stamped) {
  if (!is_stamped) return;
  const std::uint64_t oldest =
      memory_->oldest.load(kAcquire);  // sync: discard (acquire)
  const std::uint64_t tail = memory_->tail.load(
      kRelaxed);  // sync: none, looked at again before a value is
  position_ = Place(first, oldest, tail);
  limit_ = position_;
}

template <Element T, std::uint64_t kExtent>
std::uint64_t BroadcastRing<T, kExtent>::Reader::Place(
    StartAt at, std::uint64_t oldest, std::uint64_t tail) const {
  // The writer may have gone round between the two looks.
  const std::uint64_t kept = (std::min)(tail - oldest, extent_.capacity());
  switch (at) {
    case StartAt::kOldest: return tail - kept;
    case StartAt::kMiddle:
      return tail - (std::min)(kept, (extent_.capacity() + 1) / 2);
    case StartAt::kNewest: return tail - std::min<std::uint64_t>(kept, 1);
    case StartAt::kNext: return tail;
  }
  return tail;
}

template <Element T, std::uint64_t kExtent>
RingResult BroadcastRing<T, kExtent>::Reader::CheckStampAgain() {
  // Whoever pushed a value had stamped before.
  const auto stamped =
      CheckUnlessVirgin(memory_->stamp, kStamp, "BroadcastRing::TryRead");
  if (!stamped) return RingResult::kCorrupt;
  is_stamped_ = *stamped;
  return is_stamped_ ? RingResult::kOk : RingResult::kEmpty;
}

template <Element T, std::uint64_t kExtent>
RingResult BroadcastRing<T, kExtent>::Reader::LookForValues() {
  if (!is_stamped_) {
    const RingResult stamped = CheckStampAgain();
    if (stamped != RingResult::kOk) return stamped;
  }
  std::uint64_t tail = memory_->tail.load(kAcquire);  // sync: publish (acquire)
  bool is_finished = false;
  if (tail == position_) {
    is_finished =
        memory_->closed.load(kAcquire) != 0;  // sync: finish (acquire)
    // What was pushed between the two looks is visible now.
    if (is_finished) {
      tail = memory_->tail.load(kAcquire);  // sync: publish (acquire)
    }
  }
  // How far it is says nothing of who is lapped: oldest does.
  if (!Untrusted(tail).PastAtMost(position_, INT64_MAX)) {
    return RingResult::kCorrupt;
  }
  limit_ = tail;
  if (tail != position_) return RingResult::kOk;
  return is_finished ? RingResult::kClosed : RingResult::kEmpty;
}

template <Element T, std::uint64_t kExtent>
RingResult BroadcastRing<T, kExtent>::Reader::Resume() {
  const std::uint64_t oldest =
      memory_->oldest.load(kAcquire);  // sync: discard (acquire)
  const std::uint64_t tail =
      memory_->tail.load(kAcquire);  // sync: publish (acquire)
  if (!Untrusted(tail).PastAtMost(oldest, INT64_MAX)) {
    return RingResult::kCorrupt;
  }
  const std::uint64_t place = Place(again_, oldest, tail);
  const auto passed = Untrusted(place).PastAtMost(position_, INT64_MAX);
  // Whoever was lapped goes on, never back.
  if (!passed || *passed == 0) return RingResult::kCorrupt;
  lost_ += *passed;
  position_ = place;
  limit_ = tail;
  return position_ != limit_ ? RingResult::kOk : RingResult::kEmpty;
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE std::uint64_t
BroadcastRing<T, kExtent>::Reader::CountWhole(std::uint64_t count) const {
  Fence(kAcquire);  // sync: reuse (acquire)
  const std::uint64_t oldest =
      memory_->oldest.load(kRelaxed);  // sync: none, see the fence
  if (position_ - oldest < extent_.capacity()) [[likely]] {
    return count;
  }
  const std::uint64_t overwritten = oldest - position_;
  return overwritten < count ? count - overwritten : 0;
}

template <Element T, std::uint64_t kExtent>
template <typename Attempt>
RingResult BroadcastRing<T, kExtent>::Reader::TryHarder(Attempt attempt) {
  for (Backoff backoff(kTries - 1);;) {
    const RingResult resumed = Resume();
    if (resumed != RingResult::kOk) return resumed;
    if (attempt()) return RingResult::kOk;
    if (!backoff.Pause()) return RingResult::kContended;
  }
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE void BroadcastRing<T, kExtent>::Reader::PrefetchAhead()
    const {
  // Past the published slots, a prefetch would steal lines being written.
  if (position_ % kSlotsPerFetch == 0 && limit_ - position_ > kAhead) {
    machine::PrefetchRead(&Slot(position_ + kAhead));
  }
}

template <Element T, std::uint64_t kExtent>
PLACID_ALWAYS_INLINE RingResult BroadcastRing<T, kExtent>::Reader::TryRead(
    T& value, std::uint64_t& lost) {
  lost = 0;
  peeked_ = 0;
  if (position_ == limit_) [[unlikely]] {
    const RingResult some = LookForValues();
    if (some == RingResult::kClosed) return Answer(some, lost);
    if (some != RingResult::kOk) return some;
  }
  PrefetchAhead();
  const auto copy = [&] {
    machine::RacyCopyOut(&value, &Slot(position_), sizeof(T));
    return CountWhole(1) == 1;
  };
  if (!copy()) [[unlikely]] {
    const RingResult result = TryHarder(copy);
    if (result != RingResult::kOk) return result;
  }
  ++position_;
  return Answer(RingResult::kOk, lost);
}

template <Element T, std::uint64_t kExtent>
RingResult BroadcastRing<T, kExtent>::Reader::TryReadSome(std::span<T> values,
                                                          std::size_t& read,
                                                          std::uint64_t& lost) {
  read = 0;
  lost = 0;
  peeked_ = 0;
  if (limit_ - position_ < values.size()) {
    const RingResult some = LookForValues();
    if (some == RingResult::kClosed) return Answer(some, lost);
    if (some != RingResult::kOk) return some;
  }
  const auto copy = [&] {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(
        {values.size(), limit_ - position_, extent_.capacity()}));
    const auto first =
        static_cast<std::size_t>(std::min<std::uint64_t>(n, InRow()));
    machine::RacyCopyOut(values.data(), &Slot(position_), first * sizeof(T));
    machine::RacyCopyOut(values.data() + first, &Slot(position_ + first),
                         (n - first) * sizeof(T));
    const auto whole = static_cast<std::size_t>(CountWhole(n));
    if (whole == 0 && n > 0) return false;
    const std::size_t overwritten = n - whole;
    if (overwritten > 0) {
      const auto kept = values.subspan(overwritten, whole);
      std::copy(kept.begin(), kept.end(), values.begin());
      lost_ += overwritten;
    }
    position_ += n;
    read = whole;
    return true;
  };
  if (!copy()) {
    const RingResult result = TryHarder(copy);
    if (result != RingResult::kOk) return result;
  }
  return Answer(RingResult::kOk, lost);
}

template <Element T, std::uint64_t kExtent>
RingResult BroadcastRing<T, kExtent>::Reader::TryPeek(std::size_t wanted,
                                                      SharedSpan<T>& values,
                                                      std::uint64_t& lost) {
  values = {};
  lost = 0;
  peeked_ = 0;
  if (wanted == 0) return RingResult::kOk;
  if (position_ == limit_) {
    const RingResult some = LookForValues();
    if (some == RingResult::kClosed) return Answer(some, lost);
    if (some != RingResult::kOk) return some;
  }
  const auto look = [&] {
    peeked_ = static_cast<std::size_t>(
        std::min<std::uint64_t>({wanted, limit_ - position_, InRow()}));
    values = {&Slot(position_), peeked_};
    return CountWhole(peeked_) == peeked_;
  };
  if (!look()) {
    const RingResult result = TryHarder(look);
    if (result != RingResult::kOk) {
      values = {};
      peeked_ = 0;
      return result;
    }
  }
  return Answer(RingResult::kOk, lost);
}

template <Element T, std::uint64_t kExtent>
bool BroadcastRing<T, kExtent>::Reader::Validate(std::size_t count) {
  const std::size_t read = (std::min)(count, peeked_);
  peeked_ = 0;
  if (CountWhole(read) != read) return false;
  position_ += read;
  return true;
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_BROADCAST_RING_H_
