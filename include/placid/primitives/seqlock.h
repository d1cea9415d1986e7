// SPDX-License-Identifier: Apache-2.0
//
// Seqlock<T>: one writer keeps one value up to date for any number of readers.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field     writer    meaning
//   0x000      8  stamp     creator   type, version, element
//   0x008      8  writer    claimant  who holds the role (role.h)
//   0x010      4  closed    writer    1: the value is final
//   0x014    108  pad0
//   0x080      8  sequence  writer    0: never written; odd: being written
//   0x088      N  value     writer    the value; a T larger than 120 bytes, or
//                                     aligned to more than 8, lies at 0x100
//
// Invariant  While sequence is even and not 0, value is whole. Each Store moves
//            it on by 2, from the last even number to 2: never back to 0.
// Threads    One Writer at a time, any number of Readers, in any processes.
// Progress   wait-free: every operation. A read that the writer disturbed
//            kTries times gives up.
// Crash      recoverable: a writer that dies inside Store leaves its value torn
//            and the one before it overwritten: both are lost. Readers are told
//            kPending until the next writer (Recover, or TakeOverWriter) has
//            stored a value. Who cannot accept that uses Latest.
// Trust      guarded: a hostile writer can give any value, torn or not, and
//            stall; readers never loop for ever or touch other memory.
// Readers    store-free: on pages mapped read-only, whose first user may be the
//            reader.
// Orders
//   edge      release            acquire               carries
//   create    Create: stamp      Attach: stamp         the zero words
//   publish   Store: sequence    TryRead: sequence     the value
//   tear      Store: fence       TryRead: fence        the odd sequence, ahead
//                                                      of each byte of the
//                                                      value
//   finish    Close: closed      IsClosed: closed      the final value
//   handover  Release: writer    Take: writer          sequence
//
// The reader's half is Boehm's ("Can Seqlocks Get Along With Programming
// Language Memory Models?", 2012): were a byte it copied from a later Store,
// its fence would have met that Store's fence, and it would now see the
// sequence odd or larger. The writer reads nothing that is shared and needs no
// read-modify-write, so that readers cost it one line transfer and no more.
#ifndef PLACID_PRIMITIVES_SEQLOCK_H_
#define PLACID_PRIMITIVES_SEQLOCK_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/backoff.h"
#include "placid/base/cache_line.h"
#include "placid/base/fields.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/result.h"
#include "placid/base/shared_bytes.h"
#include "placid/base/stamp.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"

namespace placid {

template <Element T>
class Seqlock {
 public:
  class Writer;
  class Reader;

  struct Memory {
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> writer;
    Atomic<std::uint32_t> closed;
    Padding<108> pad0;
    // What a reader of a small value fetches: one line.
    Atomic<std::uint64_t> sequence;
  };
  static constexpr std::uint64_t kValueOffset =
      sizeof(T) <= 120 && alignof(T) <= 8 ? 0x088 : 0x100;

  // A seqlock as a member of one's own struct. All zero is valid.
  struct alignas(kLineBytes) Storage {
    Memory memory;
    alignas(kValueOffset == 0x088 ? 8 : kLineBytes) T value;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoreFree};

  // How often a read starts again before it gives up: some 30 microseconds.
  static constexpr std::uint32_t kTries = 16;

  // Bytes that a seqlock takes.
  [[nodiscard]] static constexpr std::uint64_t SizeFor() {
    return kValueOffset + sizeof(T);
  }

  // Writes an empty seqlock into bytes whose first word is zero. The caller
  // sees to it that nobody else creates or attaches here meanwhile. Errors:
  // kTooSmall, kMisaligned, kAlreadyExists.
  static Result<Seqlock> Create(std::span<std::byte> bytes);

  // Checks and gives a view; stamps what is virgin: all zero. Errors:
  // kTooSmall, kMisaligned, kNotPlacid, kWrongByteOrder, kWrongType,
  // kWrongVersion, kWrongElement.
  static Result<Seqlock> Attach(std::span<std::byte> bytes);
  static Result<Seqlock> Attach(Storage& storage) {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }

  // The same without a store. Virgin bytes are no error here: the reader looks
  // again until somebody has stamped them.
  static Result<Reader> AttachReadOnly(std::span<const std::byte> bytes);

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] Reader MakeReader() const {
    return Reader(memory_, value_, /*is_stamped=*/true);
  }

  // Errors: kRoleTaken, kClosed, kInvalidArgument (nobody claims).
  Result<Writer> ClaimWriter(OwnerId by = OwnerId::Unowned()) const;

  // After the death of a writer without an identity: look at the holder, make
  // sure it is dead, take over. Errors: kInvalidArgument (nobody held it, or
  // somebody whose death can be proven: Recover), kRoleTaken (somebody was
  // faster), kClosed.
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
  static constexpr Stamp kStamp{TypeId::kSeqlock, kLayoutVersion,
                                internal::Fingerprint()
                                    .Add(kElementFingerprint<T>)
                                    .Add(kValueOffset)
                                    .value()};

  static_assert(alignof(T) <= kLineBytes);
  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, writer) == 0x008);
  static_assert(offsetof(Memory, closed) == 0x010);
  static_assert(offsetof(Memory, pad0) == 0x014);
  static_assert(offsetof(Memory, sequence) == 0x080);
  static_assert(sizeof(Memory) == 0x088);
  static_assert(offsetof(Storage, value) == kValueOffset);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  explicit Seqlock(std::span<std::byte> bytes)
      : memory_(reinterpret_cast<Memory*>(bytes.data())),
        value_(reinterpret_cast<T*>(bytes.data() + kValueOffset)) {}

  Result<Writer> Begin(RoleClaim claim, const char* operation) const;

  Memory* memory_;
  T* value_;
};

// The right to store. Knows the sequence privately: no peer can make it wait.
template <Element T>
class Seqlock<T>::Writer {
 public:
  // Makes `value` what readers read.
  void Store(const T& value);

  // Calls f(T&) with a private copy of the value, then stores that. kEmpty:
  // there is no whole value yet, f was not called, nothing was stored.
  template <typename F>
  RingResult Update(F&& f);

  // Says that the value is final and gives the role back:
  // std::move(writer).Close(). For ever: nobody can claim it again.
  void Close() &&;

 private:
  friend class Seqlock;
  Writer(const Seqlock& seqlock, RoleClaim claim)
      : memory_(seqlock.memory_),
        value_(seqlock.value_),
        // After a takeover this is a dead stranger's store, not our own; odd
        // where the stranger died inside Store.
        sequence_(memory_->sequence.load(kAcquire)),  // sync: publish (acquire)
        claim_(std::move(claim)) {}

  Memory* memory_;
  T* value_;
  std::uint64_t sequence_;
  RoleClaim claim_;
};

// Reads. A handle for one thread: others take a copy.
template <Element T>
class Seqlock<T>::Reader {
 public:
  // Copies the value out. On any result but kOk `value` means nothing.
  //   kEmpty      nothing was ever stored, or the bytes are still virgin
  //   kPending    one and the same Store has been going on all the while: its
  //               writer sleeps, or died (TakeOverWriter)
  //   kContended  the writer stored again and again while we read
  //   kCorrupt    bytes that were virgin have become something else: attach
  //               again to learn what
  RingResult TryLoad(T& value);

  // Zero copy: calls f(SharedRef<T>) on the value in place, perhaps several
  // times. f may see a torn value: what it did counts only if the result is
  // kOk.
  template <typename F>
  RingResult TryRead(F&& f);

  // Changes with each Store, 0 before the first: tells whether a read is worth
  // it. Two looks 2^63 stores apart may agree.
  [[nodiscard]] std::uint64_t Version() const {
    return memory_->sequence.load(kRelaxed) / 2;  // sync: none, only a look
  }

  // Whether the writer has closed: what is read from now on is final.
  [[nodiscard]] bool IsClosed() const {
    return memory_->closed.load(kAcquire) != 0;  // sync: finish (acquire)
  }

 private:
  friend class Seqlock;
  Reader(const Memory* memory, const T* value, bool is_stamped)
      : memory_(memory), value_(value), is_stamped_(is_stamped) {}

  [[nodiscard]] std::uint64_t Sequence() const {
    return memory_->sequence.load(kAcquire);  // sync: publish (acquire)
  }
  // Calls f and says whether what it saw was whole.
  template <typename F>
  bool ReadWhole(std::uint64_t sequence, F& f) const;
  template <typename F>
  PLACID_NEVER_INLINE RingResult TryHarder(std::uint64_t first, F& f);

  const Memory* memory_;
  const T* value_;
  bool is_stamped_;
};

// ---- Implementation ---------------------------------------------------------

template <Element T>
Result<Seqlock<T>> Seqlock<T>::Create(std::span<std::byte> bytes) {
  constexpr const char* kOperation = "Seqlock::Create";
  if (auto place = CheckPlace(bytes, SizeFor(), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  *memory = Memory{};
  SetStamp(memory->stamp, kStamp);
  return Seqlock(bytes);
}

template <Element T>
Result<Seqlock<T>> Seqlock<T>::Attach(std::span<std::byte> bytes) {
  constexpr const char* kOperation = "Seqlock::Attach";
  if (auto place = CheckPlace(bytes, SizeFor(), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto stamped = StampOrCheck(memory->stamp, kStamp, kOperation);
      !stamped) {
    return stamped.error();
  }
  return Seqlock(bytes);
}

template <Element T>
auto Seqlock<T>::AttachReadOnly(std::span<const std::byte> bytes)
    -> Result<Reader> {
  constexpr const char* kOperation = "Seqlock::AttachReadOnly";
  if (auto place = CheckPlace(bytes, SizeFor(), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  const auto* memory = reinterpret_cast<const Memory*>(bytes.data());
  const auto stamped = CheckUnlessVirgin(memory->stamp, kStamp, kOperation);
  if (!stamped) return stamped.error();
  const auto* value = reinterpret_cast<const T*>(bytes.data() + kValueOffset);
  return Reader(memory, value, *stamped);
}

template <Element T>
Result<void> Seqlock<T>::Reset(std::span<std::byte> bytes, NobodyUsesIt) {
  auto place = CheckPlace(bytes, SizeFor(), kAlignment, "Seqlock::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

template <Element T>
auto Seqlock<T>::ClaimWriter(OwnerId by) const -> Result<Writer> {
  constexpr const char* kOperation = "Seqlock::ClaimWriter";
  auto claim = RoleClaim::Take(memory_->writer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), kOperation);
}

template <Element T>
auto Seqlock<T>::TakeOverWriter(AttestedDeath death, OwnerId by) const
    -> Result<Writer> {
  constexpr const char* kOperation = "Seqlock::TakeOverWriter";
  auto claim = RoleClaim::TakeOver(memory_->writer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), kOperation);
}

template <Element T>
auto Seqlock<T>::Begin(RoleClaim claim, const char* operation) const
    -> Result<Writer> {
  if (memory_->closed.load(kRelaxed) != 0) {  // sync: none, see handover
    return Error{.code = ErrorCode::kClosed,
                 .operation = operation,
                 .advice =
                     "its writer made the value final; reset it once "
                     "nobody reads it any more"};
  }
  return Writer(*this, std::move(claim));
}

// ---- Writer

template <Element T>
PLACID_ALWAYS_INLINE void Seqlock<T>::Writer::Store(const T& value) {
  const std::uint64_t odd = Bump(sequence_ & ~std::uint64_t{1});
  memory_->sequence.store(odd, kRelaxed);  // sync: none, see the fence
  Fence(kRelease);                         // sync: tear (release)
  machine::RacyCopyIn(value_, &value, sizeof(T));
  sequence_ = odd == UINT64_MAX ? 2 : Bump(odd);
  memory_->sequence.store(sequence_, kRelease);  // sync: publish (release)
}

template <Element T>
template <typename F>
RingResult Seqlock<T>::Writer::Update(F&& f) {
  if (sequence_ == 0 || sequence_ % 2 != 0) return RingResult::kEmpty;
  T value = SharedRef<T>(value_).Load();
  std::forward<F>(f)(value);
  Store(value);
  return RingResult::kOk;
}

template <Element T>
void Seqlock<T>::Writer::Close() && {
  memory_->closed.store(1, kRelease);  // sync: finish (release)
  claim_.Release();
}

// ---- Reader

template <Element T>
template <typename F>
PLACID_ALWAYS_INLINE bool Seqlock<T>::Reader::ReadWhole(std::uint64_t sequence,
                                                        F& f) const {
  if (sequence % 2 != 0) return false;
  f(SharedRef<T>(value_));
  Fence(kAcquire);  // sync: tear (acquire)
  return memory_->sequence.load(kRelaxed) ==
         sequence;  // sync: none, see the fence
}

template <Element T>
template <typename F>
PLACID_ALWAYS_INLINE RingResult Seqlock<T>::Reader::TryRead(F&& f) {
  const std::uint64_t first = Sequence();
  if (first != 0 && is_stamped_ && ReadWhole(first, f)) [[likely]] {
    return RingResult::kOk;
  }
  return TryHarder(first, f);
}

template <Element T>
PLACID_ALWAYS_INLINE RingResult Seqlock<T>::Reader::TryLoad(T& value) {
  return TryRead([&value](SharedRef<T> shared) { shared.CopyOut(value); });
}

template <Element T>
template <typename F>
RingResult Seqlock<T>::Reader::TryHarder(std::uint64_t first, F& f) {
  if (!is_stamped_) {
    // Whoever stored a value had stamped before.
    const auto stamped =
        CheckUnlessVirgin(memory_->stamp, kStamp, "Seqlock::TryRead");
    if (!stamped) return RingResult::kCorrupt;
    is_stamped_ = *stamped;
    if (!is_stamped_) return RingResult::kEmpty;
  }
  for (Backoff backoff(kTries - 1);;) {
    const std::uint64_t sequence = Sequence();
    if (sequence == 0) return RingResult::kEmpty;
    if (ReadWhole(sequence, f)) return RingResult::kOk;
    if (!backoff.Pause()) {
      const bool is_stuck = sequence == first && sequence % 2 != 0;
      return is_stuck ? RingResult::kPending : RingResult::kContended;
    }
  }
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_SEQLOCK_H_
