// SPDX-License-Identifier: Apache-2.0
//
// BroadcastByteRing: one writer shows records of any length to any number of
// readers, whom it neither knows nor waits for. A reader that is too slow is
// lapped, and told how many records it lost.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field     writer    meaning
//   0x000      8  stamp     creator   type, version
//   0x008      8  capacity  creator   bytes of data; a power of two
//   0x010    112  pad0
//   0x080      8  tail      writer    bytes ever published; never wraps
//   0x088      8  writer    claimant  who holds the role (role.h)
//   0x090      4  closed    writer    1: nothing more will be published
//   0x094      4  pad1
//   0x098      8  newest    writer    where the newest record begins
//   0x0a0     96  pad2
//   0x100      8  oldest    writer    first record not to be overwritten yet
//   0x108      8  middle    writer    a record some half of data behind tail
//   0x110    112  pad3
//
//   data       record*, byte n of the stream at 0x180 + n % capacity
//   record     header, payload, zero to fifteen bytes up to a multiple of 16
//   header     8 bytes, number: how many records there were before; then
//              8 bytes, a word: 63..32 kind | 31..0 length of the payload
//   kind       1 record | 2 padding: skip to the end of data
//   A record lies in one piece and takes an eighth of data at most. One that
//   does not fit before the end of data is preceded by padding, which bears its
//   number. The number of the record to come lies at tail already.
//
// Invariant  0 <= tail - oldest <= capacity - 16, as seen by who looks at oldest
//            first; the records between them are whole, oldest, middle, newest
//            and tail begin one each, and the writer is only ever in bytes before
//            oldest. It moves oldest on to the first record of an eighth of data.
// Threads    One Writer at a time, any number of Readers, in any processes.
// Progress   wait-free: every operation. A read gives up when it was overtaken
//            kTries times; claiming the role looks at each record there is.
// Crash      recoverable: who holds the dead writer's role next goes on where
//            it was (Recover, or TakeOverWriter). Nothing published is lost but
//            the oldest records that it had made room of, three eighths of data
//            at most, which each reader that has not read them counts as lost.
//            A dead writer loses what it had not published. Readers notice a
//            death by silence only.
// Trust      guarded: a hostile writer can give any bytes, torn or not, make
//            readers lose them, and stall; lengths, kinds and numbers are read
//            once and checked before use, every position is masked. The writer
//            believes nothing shared but when it claims the role.
// Readers    store-free: on pages mapped read-only.
// Orders
//   edge      release            acquire               carries
//   create    Create: stamp      Attach: stamp         the geometry
//   publish   Publish: tail      TryRead: tail         records; newest; oldest,
//                                                      which is not past them
//   discard   MakeRoom: oldest   TryRead: oldest       tail, which is past it
//   reuse     MakeRoom: fence    TryRead: fence        oldest, ahead of each
//                                                      byte written over what
//                                                      was before it
//   finish    Close: closed      TryRead: closed       the final tail
//   handover  Release: writer    Take: writer          tail and oldest
//
// Why a read is whole: as in BroadcastRing (broadcast_ring.h). The record format
// follows Aeron's (length first, padding at the wrap), as does the limit of an
// eighth; its broadcast buffer lets late readers begin at the newest record
// only, and leaves them to guess how many they lost. Here records are numbered,
// and the writer remembers privately where the first one of each eighth begins,
// so that it never looks at old records to find out which one is the oldest.
#ifndef PLACID_PRIMITIVES_BROADCAST_BYTE_RING_H_
#define PLACID_PRIMITIVES_BROADCAST_BYTE_RING_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/backoff.h"
#include "placid/base/cache_line.h"
#include "placid/base/extent.h"
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

class BroadcastByteRing {
 public:
  class Writer;
  class Reader;

  struct Memory {
    // Written at creation.
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> capacity;
    Padding<112> pad0;
    // Written with each publication; looked at by readers that have read all.
    Atomic<std::uint64_t> tail;
    Atomic<std::uint64_t> writer;
    Atomic<std::uint32_t> closed;
    Padding<4> pad1;
    Atomic<std::uint64_t> newest;
    Padding<96> pad2;
    // Written some eight times a lap; looked at with each read.
    Atomic<std::uint64_t> oldest;
    Atomic<std::uint64_t> middle;
    Padding<112> pad3;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoreFree};

  static constexpr std::uint64_t kHeaderBytes = 16;
  static constexpr std::uint64_t kLeastCapacity = 256;
  static constexpr std::uint64_t kDataOffset = 0x180;
  // The longest record of any ring.
  static constexpr std::uint64_t kMostRecordBytes = 0xFFFF'FFF0;
  // How often a read that was overtaken starts again before it gives up.
  static constexpr std::uint32_t kTries = 16;

  // Bytes that a ring takes. For a capacity that is none: more than there are.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(std::uint64_t capacity) {
    return IsByteCapacity(capacity) ? kDataOffset + capacity : UINT64_MAX;
  }

  // Writes an empty ring into bytes whose first word is zero. The caller sees to
  // it that nobody else creates or attaches here meanwhile. Errors:
  // kInvalidArgument (capacity), kTooSmall, kMisaligned, kAlreadyExists.
  static Result<BroadcastByteRing> Create(std::span<std::byte> bytes,
                                          std::uint64_t capacity);

  // Checks and gives a view. Errors: kTooSmall, kMisaligned, kNotInitialized,
  // kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion, kCorrupt (a capacity
  // that cannot be).
  static Result<BroadcastByteRing> Attach(std::span<std::byte> bytes);

  // The same without a store, for one reader (MakeReader).
  static inline Result<Reader> AttachReadOnly(
      std::span<const std::byte> bytes, StartAt first = StartAt::kOldest,
      StartAt again = StartAt::kMiddle);

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] std::uint64_t capacity() const { return extent_.capacity(); }
  // The longest record that this ring can carry.
  [[nodiscard]] std::uint64_t MostRecordBytes() const {
    return (std::min)(Eighth() - kHeaderBytes, kMostRecordBytes);
  }

  // A reader that begins at `first` and, each time it was lapped, goes on at
  // `again`. kMiddle is a record some half of data behind the newest.
  [[nodiscard]] inline Reader MakeReader(
      StartAt first = StartAt::kOldest, StartAt again = StartAt::kMiddle) const;

  // Errors: kRoleTaken, kClosed, kCorrupt (counts or records that cannot be),
  // kInvalidArgument (nobody claims).
  [[nodiscard]] inline Result<Writer> ClaimWriter(
      OwnerId by = OwnerId::Unowned()) const;

  // After the death of a writer without an identity: look at the holder, make
  // sure it is dead, take over. Errors: kInvalidArgument (nobody held it, or
  // somebody whose death can be proven: Recover), kRoleTaken (somebody was
  // faster), kClosed, kCorrupt.
  [[nodiscard]] RoleHolder WriterHolder() const {
    return RoleClaim::Holder(memory_->writer);
  }
  [[nodiscard]] inline Result<Writer> TakeOverWriter(
      AttestedDeath death, OwnerId by = OwnerId::Unowned()) const;
  // Gives back the role of a dead writer, for the next one to claim; whether it
  // had it.
  bool Recover(const DeadOwner& dead) const {
    return RoleClaim::Recover(memory_->writer, dead);
  }

 private:
  // What lies before a record's payload.
  struct Header {
    Atomic<std::uint64_t> number;
    Atomic<std::uint64_t> word;

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

  static constexpr Stamp kStamp{TypeId::kBroadcastByteRing, kLayoutVersion, 0};

  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, capacity) == 0x008);
  static_assert(offsetof(Memory, pad0) == 0x010);
  static_assert(offsetof(Memory, tail) == 0x080);
  static_assert(offsetof(Memory, writer) == 0x088);
  static_assert(offsetof(Memory, closed) == 0x090);
  static_assert(offsetof(Memory, pad1) == 0x094);
  static_assert(offsetof(Memory, newest) == 0x098);
  static_assert(offsetof(Memory, pad2) == 0x0a0);
  static_assert(offsetof(Memory, oldest) == 0x100);
  static_assert(offsetof(Memory, middle) == 0x108);
  static_assert(offsetof(Memory, pad3) == 0x110);
  static_assert(sizeof(Memory) == kDataOffset);
  static_assert(sizeof(Header) == kHeaderBytes);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  static constexpr bool IsByteCapacity(std::uint64_t capacity) {
    return IsCapacity(capacity) && capacity >= kLeastCapacity;
  }
  static constexpr std::uint64_t RecordBytes(std::uint64_t length) {
    return kHeaderBytes + (length + 15) / 16 * 16;
  }

  BroadcastByteRing(const std::byte* bytes, std::uint64_t capacity)
      : memory_(const_cast<Memory*>(reinterpret_cast<const Memory*>(bytes))),
        data_(const_cast<std::byte*>(bytes) + kDataOffset),
        extent_(capacity) {}

  static Result<std::uint64_t> ReadCapacity(std::span<const std::byte> bytes,
                                            const char* operation);
  [[nodiscard]] inline Result<Writer> Begin(RoleClaim claim,
                                            const char* operation) const;

  [[nodiscard]] std::uint64_t Eighth() const { return capacity() / 8; }
  [[nodiscard]] std::byte* At(std::uint64_t position) const {
    return data_ + static_cast<std::size_t>(position & extent_.mask());
  }
  [[nodiscard]] Header& HeaderAt(std::uint64_t position) const {
    return *reinterpret_cast<Header*>(At(position));
  }
  // Bytes from a position that lie in one piece.
  [[nodiscard]] std::uint64_t InOnePiece(std::uint64_t position) const {
    return extent_.capacity() - (position & extent_.mask());
  }
  // Bytes that a header's word speaks of, if it is one that can stand there and
  // before `limit`.
  [[nodiscard]] std::optional<std::uint64_t> Extend(std::uint64_t position,
                                                    std::uint64_t word,
                                                    std::uint64_t limit) const {
    const std::uint64_t rest = InOnePiece(position);
    if (Header::Kind(word) == Header::kRecord) {
      return Untrusted(RecordBytes(Header::Length(word)))
          .AtMost((std::min)({limit - position, rest, Eighth()}));
    }
    // Padding is shorter than a record, and never at the start of data.
    const bool is_padding = Header::Kind(word) == Header::kPadding &&
                            rest < Eighth() && rest <= limit - position;
    return is_padding ? std::optional(rest) : std::nullopt;
  }

  Memory* memory_;
  std::byte* data_;
  Extent<kDynamic> extent_;
};

// The right to write records. Counts privately, so that nobody can aim it.
class BroadcastByteRing::Writer {
 public:
  // Zero copy: room for a record of `length` bytes, to be written in place and
  // then committed, staged or aborted. kFull: longer than MostRecordBytes(), for
  // ever. What was in that room is gone in any case. Lapped readers may copy
  // from it meanwhile (and find out): a race detector has to be told, or the
  // bytes written by machine::RacyCopyIn. A new reservation aborts the last.
  RingResult TryReserve(std::size_t length, std::span<std::byte>& payload);

  // Ends the reservation with a record of its first `length` bytes, at most as
  // many as were reserved. Stage lets it wait for the next Publish or Commit.
  // False, and nothing done, where nothing is reserved.
  bool Stage(std::size_t length);
  bool Commit(std::size_t length);

  // Ends the reservation with nothing.
  void Abort() { is_reserved_ = false; }

  // Lets readers see all that was staged.
  void Publish();

  // Copies one record in and commits it. kFull: too long.
  RingResult TryPush(std::span<const std::byte> record);

  // Publishes what is staged and gives the role back for ever:
  // std::move(writer).Close(). Readers read what is there and then are told
  // kClosed; nobody can claim the role again.
  void Close() &&;

  // Records ever written, by this writer and those before it, modulo 2^64.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] std::uint64_t MostRecordBytes() const {
    return ring_.MostRecordBytes();
  }

 private:
  friend class BroadcastByteRing;
  Writer(const BroadcastByteRing& ring, RoleClaim claim)
      : ring_(ring), claim_(std::move(claim)) {}

  // Reads the shared counts and records, which may be a dead stranger's. False:
  // they lie.
  bool Start();
  // Makes sure that `bytes` from tail_, and a number behind them, are free.
  void EnsureRoom(std::uint64_t bytes) {
    if (tail_ + bytes + kHeaderBytes - oldest_ > ring_.capacity()) {
      MakeRoom(bytes);
    }
  }
  void MakeRoom(std::uint64_t bytes);
  // A record or padding of `bytes` ends: the next begins behind it.
  void MoveOn(std::uint64_t bytes);
  // Where the n-th eighth has its mark: round and round.
  [[nodiscard]] std::size_t MarkIndex(std::uint64_t n) const {
    return static_cast<std::size_t>(n % marks_.size());
  }
  // The first record that begins at or behind a position within data.
  [[nodiscard]] std::uint64_t FirstFrom(std::uint64_t position) const {
    const std::uint64_t eighth = ring_.Eighth();
    return marks_[MarkIndex((position + eighth - 1) / eighth)];
  }
  // The same, noted: a record begins at `end`, and none between.
  void Mark(std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t eighth = ring_.Eighth();
    std::uint64_t line = begin / eighth * eighth + eighth;
    for (; static_cast<std::int64_t>(end - line) >= 0; line += eighth) {
      marks_[MarkIndex(line / eighth)] = end;
    }
  }

  BroadcastByteRing ring_;
  std::uint64_t tail_ = 0;       // staged so far
  std::uint64_t published_ = 0;  // the tail last stored
  std::uint64_t oldest_ = 0;
  std::uint64_t newest_ = 0;
  std::uint64_t number_ = 0;                // of the record at tail_
  std::array<std::uint64_t, 8> marks_{};    // first record of each eighth
  std::size_t reserved_ = 0;
  bool is_reserved_ = false;
  RoleClaim claim_;
};

// Reads every record in order, but for those that it loses. A handle for one
// thread: others take a copy. It writes nothing that is shared.
class BroadcastByteRing::Reader {
 public:
  // Copies the next record out, or as much of it as `to` has room for, and says
  // how long it is. `lost`: how many records before it were overwritten before
  // this reader had read them. On any result but kOk `to` means nothing.
  //   kEmpty      there is none yet
  //   kClosed     there is none, and there never will be; `lost` counts here too
  //   kContended  the writer overtook us again and again
  //   kCorrupt    the bytes contradict themselves
  // On other results than kOk and kClosed `lost` is 0: what was lost meanwhile
  // is told later. So all records that were ever read and all `lost` add up to
  // the way that number() has come.
  RingResult TryRead(std::span<std::byte> to, std::size_t& length,
                     std::uint64_t& lost);

  // Zero copy: the next record in place. It may be overwritten at any moment:
  // what was made of it counts only if Validate says so afterwards.
  RingResult TryPeek(SharedBytes& record, std::uint64_t& lost);

  // Whether the record peeked last was whole up to now. Then it is read; else it
  // is not, and the next call finds it lost.
  [[nodiscard]] bool Validate();

  // The number of the next record to be read, or found lost: records are
  // numbered from 0 as they are written, modulo 2^64. A reader that the writer
  // has overtaken all the while it was made begins with its first read.
  [[nodiscard]] std::uint64_t number() const { return number_ - lost_; }

 private:
  friend class BroadcastByteRing;
  Reader(const BroadcastByteRing& ring, StartAt first, StartAt again)
      : ring_(ring), first_(first), again_(again) {
    for (Backoff backoff(kTries);;) {
      const RingResult placed = Place(first);
      is_placed_ = placed == RingResult::kOk;
      // If not here, then with the first read.
      if (placed != RingResult::kContended || !backoff.Pause()) return;
    }
  }

  // Goes to where a reader is to begin, if that is further than it is.
  RingResult Place(StartAt at);
  RingResult LookForRecords();
  // Moves on past all that was overwritten.
  PLACID_COLD RingResult Resume();
  // Finds the next record; its bytes are peeked_.
  RingResult Find(std::uint64_t& length);
  // Whether what lies at a position on was whole when it was looked at.
  [[nodiscard]] bool IsWhole(std::uint64_t position) const;
  // Calls f(payload) on the next record until what it saw is whole.
  template <typename F>
  RingResult Attempt(std::uint64_t& lost, F f);

  BroadcastByteRing ring_;
  std::uint64_t position_ = 0;
  std::uint64_t limit_ = 0;   // the tail last seen
  std::uint64_t number_ = 0;  // of the record at position_
  std::uint64_t lost_ = 0;    // passed over, and not told yet
  std::uint64_t peeked_ = 0;  // bytes of the record in hand, with header
  StartAt first_;
  StartAt again_;
  bool is_placed_ = false;
};

// ---- Implementation ---------------------------------------------------------

inline Result<BroadcastByteRing> BroadcastByteRing::Create(
    std::span<std::byte> bytes, std::uint64_t capacity) {
  constexpr const char* kOperation = "BroadcastByteRing::Create";
  if (!IsByteCapacity(capacity)) {
    Error error = BadCapacity(capacity, kOperation);
    error.expected = (std::max)(error.expected, kLeastCapacity);
    error.advice = "a capacity is a power of two from 256 to 2^40 bytes";
    return error;
  }
  if (auto place = CheckPlace(bytes, SizeFor(capacity), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  *memory = Memory{};
  memory->capacity.store(capacity, kRelaxed);  // sync: none, see the stamp
  const BroadcastByteRing ring(bytes.data(), capacity);
  ring.HeaderAt(0).number.store(0, kRelaxed);  // sync: none, see the stamp
  SetStamp(memory->stamp, kStamp);
  return ring;
}

inline Result<std::uint64_t> BroadcastByteRing::ReadCapacity(
    std::span<const std::byte> bytes, const char* operation) {
  if (auto place =
          CheckPlace(bytes, SizeFor(kLeastCapacity), kAlignment, operation);
      !place) {
    return place.error();
  }
  const auto* memory = reinterpret_cast<const Memory*>(bytes.data());
  if (auto stamped = CheckStamp(memory->stamp, kStamp, operation); !stamped) {
    return stamped.error();
  }
  const std::uint64_t capacity =
      memory->capacity.load(kRelaxed);  // sync: none, ordered by the stamp
  if (IsByteCapacity(capacity) && SizeFor(capacity) <= bytes.size()) {
    return capacity;
  }
  return Error{.code = ErrorCode::kCorrupt,
               .operation = operation,
               .field = "capacity",
               .expected = bytes.size() - kDataOffset,
               .found = capacity,
               .advice = "the ring claims more than there is, or no power of two "
                         "from 256; attach to all its bytes, or create it anew"};
}

inline Result<BroadcastByteRing> BroadcastByteRing::Attach(
    std::span<std::byte> bytes) {
  const auto capacity = ReadCapacity(bytes, "BroadcastByteRing::Attach");
  if (!capacity) return capacity.error();
  return BroadcastByteRing(bytes.data(), *capacity);
}

inline auto BroadcastByteRing::AttachReadOnly(std::span<const std::byte> bytes,
                                              StartAt first, StartAt again)
    -> Result<Reader> {
  const auto capacity =
      ReadCapacity(bytes, "BroadcastByteRing::AttachReadOnly");
  if (!capacity) return capacity.error();
  return Reader(BroadcastByteRing(bytes.data(), *capacity), first, again);
}

inline Result<void> BroadcastByteRing::Reset(std::span<std::byte> bytes,
                                             NobodyUsesIt) {
  auto place =
      CheckPlace(bytes, sizeof(Memory), kAlignment, "BroadcastByteRing::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

inline auto BroadcastByteRing::MakeReader(StartAt first, StartAt again) const
    -> Reader {
  return Reader(*this, first, again);
}

inline auto BroadcastByteRing::ClaimWriter(OwnerId by) const -> Result<Writer> {
  constexpr const char* kOperation = "BroadcastByteRing::ClaimWriter";
  auto claim = RoleClaim::Take(memory_->writer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), kOperation);
}

inline auto BroadcastByteRing::TakeOverWriter(AttestedDeath death,
                                              OwnerId by) const
    -> Result<Writer> {
  constexpr const char* kOperation = "BroadcastByteRing::TakeOverWriter";
  auto claim = RoleClaim::TakeOver(memory_->writer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), kOperation);
}

inline auto BroadcastByteRing::Begin(RoleClaim claim,
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
               .field = "position of a record",
               .expected = writer.published_,
               .found = writer.tail_,
               .advice = "tail, oldest and the records between them contradict "
                         "each other; make sure that nobody uses the ring and "
                         "reset it"};
}

// ---- Writer

inline bool BroadcastByteRing::Writer::Start() {
  // After a takeover these are a dead stranger's stores, not our own.
  published_ = ring_.memory_->tail.load(kAcquire);  // sync: publish (acquire)
  oldest_ = ring_.memory_->oldest.load(kAcquire);   // sync: discard (acquire)
  newest_ = ring_.memory_->newest.load(
      kRelaxed);  // sync: none, ordered by the tail
  // What we write into room that the dead one made must be as late as what it
  // wrote there itself.
  Fence(kRelease);  // sync: reuse (release)
  tail_ = oldest_;
  marks_.fill(oldest_);
  if (!Untrusted(published_)
           .PastAtMost(oldest_, ring_.capacity() - kHeaderBytes) ||
      oldest_ % kHeaderBytes != 0) {
    return false;
  }
  while (tail_ != published_) {
    const std::uint64_t word = ring_.HeaderAt(tail_).word.load(
        kRelaxed);  // sync: none, ordered by the tail
    const auto bytes = ring_.Extend(tail_, word, published_);
    if (!bytes) return false;
    Mark(tail_, tail_ + *bytes);
    tail_ += *bytes;
  }
  number_ = ring_.HeaderAt(tail_).number.load(
      kRelaxed);  // sync: none, ordered by the tail
  return tail_ % kHeaderBytes == 0;
}

// Gives up the oldest records, up to the first of an eighth of data.
inline void BroadcastByteRing::Writer::MakeRoom(std::uint64_t bytes) {
  // What is staged must be visible, or oldest might go past the tail.
  Publish();
  oldest_ = FirstFrom(tail_ + bytes + kHeaderBytes - ring_.capacity());
  ring_.memory_->middle.store(
      FirstFrom(tail_ - ring_.capacity() / 2),
      kRelaxed);  // sync: none, carried by oldest
  ring_.memory_->oldest.store(oldest_, kRelease);  // sync: discard (release)
  Fence(kRelease);                                 // sync: reuse (release)
}

inline void BroadcastByteRing::Writer::MoveOn(std::uint64_t bytes) {
  Mark(tail_, tail_ + bytes);
  tail_ += bytes;
  ring_.HeaderAt(tail_).number.store(
      number_, kRelaxed);  // sync: none, carried by the tail
}

inline RingResult BroadcastByteRing::Writer::TryReserve(
    std::size_t length, std::span<std::byte>& payload) {
  payload = {};
  is_reserved_ = false;
  if (length > ring_.MostRecordBytes()) return RingResult::kFull;
  const std::uint64_t bytes = RecordBytes(length);
  const std::uint64_t rest = ring_.InOnePiece(tail_);
  if (bytes > rest) {
    EnsureRoom(rest);
    ring_.HeaderAt(tail_).word.store(
        Header::Word(Header::kPadding, 0),
        kRelaxed);  // sync: none, carried by the tail
    MoveOn(rest);
  }
  EnsureRoom(bytes);
  reserved_ = length;
  is_reserved_ = true;
  payload = {ring_.At(tail_) + kHeaderBytes, length};
  return RingResult::kOk;
}

inline bool BroadcastByteRing::Writer::Stage(std::size_t length) {
  if (!is_reserved_) return false;
  is_reserved_ = false;
  const std::size_t used = (std::min)(length, reserved_);
  ring_.HeaderAt(tail_).word.store(
      Header::Word(Header::kRecord, used),
      kRelaxed);  // sync: none, carried by the tail
  newest_ = tail_;
  ++number_;
  MoveOn(RecordBytes(used));
  return true;
}

inline bool BroadcastByteRing::Writer::Commit(std::size_t length) {
  if (!Stage(length)) return false;
  Publish();
  return true;
}

inline void BroadcastByteRing::Writer::Publish() {
  if (published_ == tail_) return;
  published_ = tail_;
  ring_.memory_->newest.store(newest_,
                              kRelaxed);  // sync: none, carried by the tail
  ring_.memory_->tail.store(tail_, kRelease);  // sync: publish (release)
}

inline RingResult BroadcastByteRing::Writer::TryPush(
    std::span<const std::byte> record) {
  std::span<std::byte> payload;
  const RingResult room = TryReserve(record.size(), payload);
  if (room != RingResult::kOk) return room;
  machine::RacyCopyIn(payload.data(), record.data(), record.size());
  Commit(record.size());
  return RingResult::kOk;
}

inline void BroadcastByteRing::Writer::Close() && {
  Abort();
  Publish();
  ring_.memory_->closed.store(1, kRelease);  // sync: finish (release)
  claim_.Release();
}

// ---- Reader

inline bool BroadcastByteRing::Reader::IsWhole(std::uint64_t position) const {
  Fence(kAcquire);  // sync: reuse (acquire)
  const std::uint64_t oldest =
      ring_.memory_->oldest.load(kRelaxed);  // sync: none, see the fence
  return position - oldest < ring_.capacity();
}

inline RingResult BroadcastByteRing::Reader::Place(StartAt at) {
  const Memory& memory = *ring_.memory_;
  const std::uint64_t oldest =
      memory.oldest.load(kAcquire);  // sync: discard (acquire)
  const std::uint64_t middle =
      memory.middle.load(kRelaxed);  // sync: none, carried by oldest
  const std::uint64_t tail =
      memory.tail.load(kAcquire);  // sync: publish (acquire)
  const std::uint64_t newest =
      memory.newest.load(kRelaxed);  // sync: none, carried by the tail
  const auto kept = Untrusted(tail).PastAtMost(oldest, INT64_MAX);
  if (!kept) return RingResult::kCorrupt;
  // Whatever was looked at when is where a record begins: if it is not too old,
  // nor past the tail that was seen, it serves.
  const auto or_else = [&](std::uint64_t wanted, std::uint64_t otherwise) {
    return Untrusted(wanted).PastAtMost(oldest, *kept) ? wanted : otherwise;
  };
  std::uint64_t place = tail;
  switch (at) {
    case StartAt::kOldest: place = oldest; break;
    case StartAt::kMiddle: place = or_else(middle, oldest); break;
    case StartAt::kNewest: place = or_else(newest, tail); break;
    case StartAt::kNext: break;
  }
  if ((place | tail) % kHeaderBytes != 0) return RingResult::kCorrupt;
  const std::uint64_t number = ring_.HeaderAt(place).number.load(
      kRelaxed);  // sync: none, ordered by the tail
  if (!IsWhole(place)) return RingResult::kContended;
  if (is_placed_) {
    // Whoever was lapped goes on, never back.
    const auto passed = Untrusted(place).PastAtMost(position_, INT64_MAX);
    if (!passed || *passed == 0) return RingResult::kCorrupt;
    const auto lost =
        Untrusted(number).PastAtMost(number_, *passed / kHeaderBytes);
    if (!lost) return RingResult::kCorrupt;
    lost_ += *lost;
  }
  position_ = place;
  limit_ = tail;
  number_ = number;
  return RingResult::kOk;
}

inline RingResult BroadcastByteRing::Reader::Resume() {
  const RingResult placed = Place(again_);
  if (placed != RingResult::kOk) return placed;
  return position_ != limit_ ? RingResult::kOk : RingResult::kEmpty;
}

inline RingResult BroadcastByteRing::Reader::LookForRecords() {
  if (!is_placed_) {
    const RingResult placed = Place(first_);
    if (placed != RingResult::kOk) return placed;
    is_placed_ = true;
  }
  std::uint64_t tail =
      ring_.memory_->tail.load(kAcquire);  // sync: publish (acquire)
  bool is_finished = false;
  if (tail == position_) {
    is_finished =
        ring_.memory_->closed.load(kAcquire) != 0;  // sync: finish (acquire)
    // What was published between the two looks is visible now.
    if (is_finished) {
      tail = ring_.memory_->tail.load(kAcquire);  // sync: publish (acquire)
    }
  }
  if (!Untrusted(tail).PastAtMost(position_, INT64_MAX) ||
      tail % kHeaderBytes != 0) {
    return RingResult::kCorrupt;
  }
  limit_ = tail;
  if (tail != position_) return RingResult::kOk;
  return is_finished ? RingResult::kClosed : RingResult::kEmpty;
}

// kContended: what was found was overwritten meanwhile.
inline RingResult BroadcastByteRing::Reader::Find(std::uint64_t& length) {
  // At most twice: padding is only before the end of data, never at its start.
  for (;;) {
    if (position_ == limit_) {
      const RingResult some = LookForRecords();
      if (some != RingResult::kOk) return some;
    }
    const Header& header = ring_.HeaderAt(position_);
    const std::uint64_t number =
        header.number.load(kRelaxed);  // sync: none, ordered by the tail
    const std::uint64_t word =
        header.word.load(kRelaxed);  // sync: none, ordered by the tail
    if (!IsWhole(position_)) return RingResult::kContended;
    const auto bytes = ring_.Extend(position_, word, limit_);
    if (!bytes || number != number_) return RingResult::kCorrupt;
    if (Header::Kind(word) == Header::kRecord) [[likely]] {
      length = Header::Length(word);
      peeked_ = *bytes;
      return RingResult::kOk;
    }
    position_ += *bytes;
  }
}

template <typename F>
RingResult BroadcastByteRing::Reader::Attempt(std::uint64_t& lost, F f) {
  lost = 0;
  peeked_ = 0;
  for (Backoff backoff(kTries);;) {
    std::uint64_t length = 0;
    RingResult result = Find(length);
    if (result == RingResult::kOk) {
      const SharedBytes payload(ring_.At(position_) + kHeaderBytes,
                                static_cast<std::size_t>(length));
      if (f(payload)) {
        lost = std::exchange(lost_, 0);
        return result;
      }
      result = RingResult::kContended;
    }
    if (result == RingResult::kClosed) lost = std::exchange(lost_, 0);
    if (result != RingResult::kContended || !is_placed_) return result;
    peeked_ = 0;
    if (!backoff.Pause()) return result;
    const RingResult resumed = Resume();
    if (resumed != RingResult::kOk && resumed != RingResult::kContended) {
      return resumed;
    }
  }
}

inline RingResult BroadcastByteRing::Reader::TryRead(std::span<std::byte> to,
                                                     std::size_t& length,
                                                     std::uint64_t& lost) {
  length = 0;
  return Attempt(lost, [&](SharedBytes payload) {
    payload.CopyOut(to);
    length = payload.size();
    return Validate();
  });
}

inline RingResult BroadcastByteRing::Reader::TryPeek(SharedBytes& record,
                                                     std::uint64_t& lost) {
  record = {};
  return Attempt(lost, [&](SharedBytes payload) {
    record = payload;
    return true;
  });
}

inline bool BroadcastByteRing::Reader::Validate() {
  const std::uint64_t bytes = std::exchange(peeked_, 0);
  if (!IsWhole(position_)) return false;
  if (bytes == 0) return true;
  position_ += bytes;
  ++number_;
  return true;
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_BROADCAST_BYTE_RING_H_
