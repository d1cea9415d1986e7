// SPDX-License-Identifier: Apache-2.0
//
// Latest<T>: the newest whole value, from one writer to any number of readers,
// whatever becomes of the writer.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field   writer    meaning
//   0x000      8  stamp   creator   type, version, element, number of cells
//   0x008      8  writer  claimant  who holds the role (role.h)
//   0x010      4  closed  writer    1: the newest value is final
//   0x014    108  pad0
//   0x080      8  newest  writer    number of the newest value; 0: none yet
//   0x088    120  pad1
//   0x100      N  cells   writer    value n lies in cell n % kCells; each cell
//                                   begins on a line
//
// Invariant  The cell of newest, and of the kCells - 2 values before it, is
//            whole; the writer is only ever in the cell after newest. Numbers
//            go up by 1 and, at their end, on with kCells: never back to 0.
// Threads    One Writer at a time, any number of Readers, in any processes.
// Progress   wait-free: every operation. A read gives up when it was overtaken
//            by kCells - 1 stores, kTries times.
// Crash      clean: a writer that dies loses the value in its hand; readers
//            still read the one before, the next one (Recover, or
//            TakeOverWriter) goes on.
// Trust      guarded: a hostile writer can give any value, torn or not, and
//            stall; the cell's index is masked.
// Readers    store-free: on pages mapped read-only, whose first user may be the
//            reader.
// Orders
//   edge      release           acquire              carries
//   create    Create: stamp     Attach: stamp        the zero words
//   publish   Store: newest     TryRead: newest      the value
//   reuse     Store: fence      TryRead: fence       newest, ahead of each byte
//                                                    of the value after it
//   finish    Close: closed     IsClosed: closed     the final value
//   handover  Release: writer   Take: writer         newest
//
// Why a read is whole. Let i be the newest value it saw first, and K the number
// of cells. That acquired value i, so what it copies from the cell of i is that
// value or part of a later one in the same cell: i + K at the earliest. The
// writer starts on i + K only after publishing i + K - 1 and then a release
// fence. So if one copied byte is of i + K, the reader's acquire fence has met
// that fence, and its second look at newest gives i + K - 1 or more. A second
// look less than K - 1 past i therefore proves that every byte is of value i.
// Without the writer's fence this is wrong on Arm: a release store holds back
// what comes before it, not the bytes that come after. A successor has acquired
// newest before its own fence, so the proof holds across a takeover.
//
// A reader so has the time of kCells - 1 stores for one copy, where a seqlock's
// reader has the time between two; that costs kCells times the memory.
#ifndef PLACID_PRIMITIVES_LATEST_H_
#define PLACID_PRIMITIVES_LATEST_H_

#include <array>
#include <bit>
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

template <Element T, std::uint64_t kCells = 4>
class Latest {
  static_assert(std::has_single_bit(kCells) && kCells >= 2 && kCells <= 1024,
                "the number of cells is a power of two from 2 to 1024");

 public:
  class Writer;
  class Reader;

  struct Memory {
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> writer;
    Atomic<std::uint32_t> closed;
    Padding<108> pad0;
    // Alone on its line, which each Store takes from all readers.
    Atomic<std::uint64_t> newest;
    Padding<120> pad1;
  };
  static constexpr std::uint64_t kCellsOffset = 0x100;

  struct alignas(kLineBytes) Cell {
    T value;
  };

  // One as a member of one's own struct. All zero is valid.
  struct alignas(kLineBytes) Storage {
    Memory memory;
    std::array<Cell, kCells> cells;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree, Crash::kClean,
                                          Trust::kGuarded, Readers::kStoreFree};

  // How often a read starts again before it gives up.
  static constexpr std::uint32_t kTries = 16;

  // Bytes that it takes.
  [[nodiscard]] static constexpr std::uint64_t SizeFor() {
    return kCellsOffset + kCells * sizeof(Cell);
  }

  // Writes an empty one into bytes whose first word is zero. The caller sees to
  // it that nobody else creates or attaches here meanwhile. Errors: kTooSmall,
  // kMisaligned, kAlreadyExists.
  static Result<Latest> Create(std::span<std::byte> bytes);

  // Checks and gives a view; stamps what is virgin: all zero. Errors:
  // kTooSmall, kMisaligned, kNotPlacid, kWrongByteOrder, kWrongType,
  // kWrongVersion, kWrongElement.
  static Result<Latest> Attach(std::span<std::byte> bytes);
  static Result<Latest> Attach(Storage& storage) {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }

  // The same without a store. Virgin bytes are no error here: the reader looks
  // again until somebody has stamped them.
  static Result<Reader> AttachReadOnly(std::span<const std::byte> bytes);

  // Makes the bytes virgin, whatever they were. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  [[nodiscard]] Reader MakeReader() const {
    return Reader(memory_, cells_, /*is_stamped=*/true);
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
  static constexpr Stamp kStamp{
      TypeId::kLatest, kLayoutVersion,
      internal::Fingerprint().Add(kElementFingerprint<T>).Add(kCells).value()};

  static_assert(alignof(T) <= kLineBytes);
  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, writer) == 0x008);
  static_assert(offsetof(Memory, closed) == 0x010);
  static_assert(offsetof(Memory, pad0) == 0x014);
  static_assert(offsetof(Memory, newest) == 0x080);
  static_assert(offsetof(Memory, pad1) == 0x088);
  static_assert(offsetof(Storage, cells) == 0x100);
  static_assert(sizeof(Memory) == 0x100);
  static_assert(sizeof(Cell) == RoundUpToLine(sizeof(T)));
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  explicit Latest(std::span<std::byte> bytes)
      : memory_(reinterpret_cast<Memory*>(bytes.data())),
        cells_(reinterpret_cast<Cell*>(bytes.data() + kCellsOffset)) {}

  Result<Writer> Begin(RoleClaim claim, const char* operation) const;

  // The cell of value `number`, whatever number a peer has written.
  template <typename MaybeConstCell>
  static auto* ValueIn(MaybeConstCell* cells, std::uint64_t number) {
    return &cells[static_cast<std::size_t>(number % kCells)].value;
  }

  Memory* memory_;
  Cell* cells_;
};

// The right to store. Counts privately: no peer can aim it or make it wait.
template <Element T, std::uint64_t kCells>
class Latest<T, kCells>::Writer {
 public:
  // Makes `value` the newest.
  void Store(const T& value);

  // Calls f(T&) with a private copy of the newest value, then stores that.
  // kEmpty: there is none yet, f was not called, nothing was stored.
  template <typename F>
  RingResult Update(F&& f);

  // Says that the newest value is final and gives the role back:
  // std::move(writer).Close(). For ever: nobody can claim it again.
  void Close() &&;

 private:
  friend class Latest;
  Writer(const Latest& latest, RoleClaim claim)
      : memory_(latest.memory_),
        cells_(latest.cells_),
        // After a takeover this is a dead stranger's store, not our own.
        newest_(memory_->newest.load(kAcquire)),  // sync: publish (acquire)
        claim_(std::move(claim)) {}

  Memory* memory_;
  Cell* cells_;
  std::uint64_t newest_;
  RoleClaim claim_;
};

// Reads. A handle for one thread: others take a copy.
template <Element T, std::uint64_t kCells>
class Latest<T, kCells>::Reader {
 public:
  // Copies the newest value out. On any result but kOk `value` means nothing.
  //   kEmpty      nothing was ever stored, or the bytes are still virgin
  //   kContended  the writer overtook us again and again
  //   kCorrupt    bytes that were virgin have become something else: attach
  //               again to learn what
  RingResult TryLoad(T& value);

  // Zero copy: calls f(SharedRef<T>) on the newest value in place, perhaps
  // several times. f may see a torn value: what it did counts only if the
  // result is kOk.
  template <typename F>
  RingResult TryRead(F&& f);

  // Changes with each Store, 0 before the first: tells whether a read is worth
  // it. Two looks 2^64 stores apart may agree.
  [[nodiscard]] std::uint64_t Version() const {
    return memory_->newest.load(kRelaxed);  // sync: none, only a look
  }

  // Whether the writer has closed: what is read from now on is final.
  [[nodiscard]] bool IsClosed() const {
    return memory_->closed.load(kAcquire) != 0;  // sync: finish (acquire)
  }

 private:
  friend class Latest;
  Reader(const Memory* memory, const Cell* cells, bool is_stamped)
      : memory_(memory), cells_(cells), is_stamped_(is_stamped) {}

  [[nodiscard]] std::uint64_t Newest() const {
    return memory_->newest.load(kAcquire);  // sync: publish (acquire)
  }
  // Calls f on value `number` and says whether what it saw was whole.
  template <typename F>
  bool ReadWhole(std::uint64_t number, F& f) const;
  template <typename F>
  PLACID_NEVER_INLINE RingResult TryHarder(F& f);

  const Memory* memory_;
  const Cell* cells_;
  bool is_stamped_;
};

// ---- Implementation ---------------------------------------------------------

template <Element T, std::uint64_t kCells>
Result<Latest<T, kCells>> Latest<T, kCells>::Create(
    std::span<std::byte> bytes) {
  constexpr const char* kOperation = "Latest::Create";
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
  return Latest(bytes);
}

template <Element T, std::uint64_t kCells>
Result<Latest<T, kCells>> Latest<T, kCells>::Attach(
    std::span<std::byte> bytes) {
  constexpr const char* kOperation = "Latest::Attach";
  if (auto place = CheckPlace(bytes, SizeFor(), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto stamped = StampOrCheck(memory->stamp, kStamp, kOperation);
      !stamped) {
    return stamped.error();
  }
  return Latest(bytes);
}

template <Element T, std::uint64_t kCells>
auto Latest<T, kCells>::AttachReadOnly(std::span<const std::byte> bytes)
    -> Result<Reader> {
  constexpr const char* kOperation = "Latest::AttachReadOnly";
  if (auto place = CheckPlace(bytes, SizeFor(), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  const auto* memory = reinterpret_cast<const Memory*>(bytes.data());
  const auto stamped = CheckUnlessVirgin(memory->stamp, kStamp, kOperation);
  if (!stamped) return stamped.error();
  const auto* cells =
      reinterpret_cast<const Cell*>(bytes.data() + kCellsOffset);
  return Reader(memory, cells, *stamped);
}

template <Element T, std::uint64_t kCells>
Result<void> Latest<T, kCells>::Reset(std::span<std::byte> bytes,
                                      NobodyUsesIt) {
  auto place = CheckPlace(bytes, SizeFor(), kAlignment, "Latest::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

template <Element T, std::uint64_t kCells>
auto Latest<T, kCells>::ClaimWriter(OwnerId by) const -> Result<Writer> {
  constexpr const char* kOperation = "Latest::ClaimWriter";
  auto claim = RoleClaim::Take(memory_->writer, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), kOperation);
}

template <Element T, std::uint64_t kCells>
auto Latest<T, kCells>::TakeOverWriter(AttestedDeath death, OwnerId by) const
    -> Result<Writer> {
  constexpr const char* kOperation = "Latest::TakeOverWriter";
  auto claim = RoleClaim::TakeOver(memory_->writer, death, kOperation, by);
  if (!claim) return claim.error();
  return Begin(*std::move(claim), kOperation);
}

template <Element T, std::uint64_t kCells>
auto Latest<T, kCells>::Begin(RoleClaim claim, const char* operation) const
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

template <Element T, std::uint64_t kCells>
PLACID_ALWAYS_INLINE void Latest<T, kCells>::Writer::Store(const T& value) {
  const std::uint64_t next = newest_ == UINT64_MAX ? kCells : Bump(newest_);
  Fence(kRelease);  // sync: reuse (release)
  machine::RacyCopyIn(ValueIn(cells_, next), &value, sizeof(T));
  newest_ = next;
  memory_->newest.store(next, kRelease);  // sync: publish (release)
}

template <Element T, std::uint64_t kCells>
template <typename F>
RingResult Latest<T, kCells>::Writer::Update(F&& f) {
  if (newest_ == 0) return RingResult::kEmpty;
  T value = SharedRef<T>(ValueIn(cells_, newest_)).Load();
  std::forward<F>(f)(value);
  Store(value);
  return RingResult::kOk;
}

template <Element T, std::uint64_t kCells>
void Latest<T, kCells>::Writer::Close() && {
  memory_->closed.store(1, kRelease);  // sync: finish (release)
  claim_.Release();
}

// ---- Reader

template <Element T, std::uint64_t kCells>
template <typename F>
PLACID_ALWAYS_INLINE bool Latest<T, kCells>::Reader::ReadWhole(
    std::uint64_t number, F& f) const {
  f(SharedRef<T>(ValueIn(cells_, number)));
  Fence(kAcquire);  // sync: reuse (acquire)
  return memory_->newest.load(kRelaxed) - number <
         kCells - 1;  // sync: none, see the fence
}

template <Element T, std::uint64_t kCells>
template <typename F>
PLACID_ALWAYS_INLINE RingResult Latest<T, kCells>::Reader::TryRead(F&& f) {
  const std::uint64_t number = Newest();
  if (number != 0 && is_stamped_ && ReadWhole(number, f)) [[likely]] {
    return RingResult::kOk;
  }
  return TryHarder(f);
}

template <Element T, std::uint64_t kCells>
PLACID_ALWAYS_INLINE RingResult Latest<T, kCells>::Reader::TryLoad(T& value) {
  return TryRead([&value](SharedRef<T> newest) { newest.CopyOut(value); });
}

template <Element T, std::uint64_t kCells>
template <typename F>
RingResult Latest<T, kCells>::Reader::TryHarder(F& f) {
  if (!is_stamped_) {
    // Whoever stored a value had stamped before.
    const auto stamped =
        CheckUnlessVirgin(memory_->stamp, kStamp, "Latest::TryRead");
    if (!stamped) return RingResult::kCorrupt;
    is_stamped_ = *stamped;
    if (!is_stamped_) return RingResult::kEmpty;
  }
  for (Backoff backoff(kTries - 1);;) {
    const std::uint64_t number = Newest();
    if (number == 0) return RingResult::kEmpty;
    if (ReadWhole(number, f)) return RingResult::kOk;
    if (!backoff.Pause()) return RingResult::kContended;
  }
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_LATEST_H_
