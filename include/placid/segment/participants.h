// SPDX-License-Identifier: Apache-2.0
//
// Participants: who takes part in a segment, and who clears up after the dead.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field  writer   meaning
//   0x000      8  stamp  creator  type, version
//   0x008      8  count  creator  rows, 1 to 4,096
//   0x010    112  pad0
//   0x080      N  rows   anybody  one line each: a state, an identity of four
//                                 words
//
// A row's state says who may act on the row:
//
//   bits    meaning
//   63..48  hand: 0 nobody, the row is free; 0xFFFE and 0xFFFF its owner, the
//           first while its identity is not to be read; 1 to 4,096 the row of
//           whoever recovers it
//   47..0   generation of the owner, or of the last one
//
//   from                   to                by
//   free g                 owned g+1         Join, which then writes who it is
//   owned g                free g            Participant::Leave
//   owned g                recovering g, r   Recover, by proof that g is dead
//   recovering g, r        recovering g, s   Recover, Inherit: r is dead
//   recovering g, r        free g            Recovery::Finish
//   recovering g, r        owned g           a Recovery is dropped unfinished
//   recovering g, its own  owned g+1         Recovery::Succeed
//
// Invariant  A row that was owned is free again only when its owner left, or
//            its recoverer finished; under each generation once. Each row has a
//            lock of the system's, whose holder acts on it: who joins takes
//            that first and keeps it until it has left or is dead. So the lock
//            of whoever a state names, once it is free while the state stays,
//            is the proof of a death.
// Threads    Anybody, in any processes. Each Participant, each Recovery is one
//            thread's.
// Progress   wait-free: every operation; Inherit and Finish look at all rows.
// Crash      recoverable: whoever has a ProofOfDeath calls Recover, does what
//            the placed types ask for, and calls Finish. A recoverer may die at
//            any step: another does all of it again.
// Trust      guarded: a hostile peer can write any state, and so take rows,
//            lose them, or have somebody's death recovered twice or never; it
//            can not aim us outside the rows.
// Readers    store-free: Look and IdentityOf, on pages mapped read-only.
// Orders
//   edge      release          acquire            carries
//   create    Create: stamp    Attach: stamp      count, the zero rows
//   join      Announce: state  IdentityOf: state  the identity; to Look, that
//                                                 the owner has the row's lock
//   reuse     Announce: fence  IdentityOf: fence  the end of the owner before,
//                                                 ahead of the identity
//   handover  Swap: state      Swap, Look: state  all that the last owner or
//                                                 recoverer did; that who acts
//                                                 has the row's lock
//   (death)   the dead one     ProofOfDeath       all that it had done
//
// A recoverer that dies is named in the rows that it was at. Its own row must
// outlive its name there, or its next owner would be taken for the recoverer
// and those rows be nobody's for ever: so Finish refuses until Inherit finds no
// more of them.
//
// Where every row belongs to a dead owner, nobody has a row to recover from.
// Then who wants to join takes the lock of a dead owner's row and recovers in
// place: the state names the row itself, whose lock is that of the successor.
#ifndef PLACID_SEGMENT_PARTICIPANTS_H_
#define PLACID_SEGMENT_PARTICIPANTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/base/untrusted.h"
#include "placid/os/process.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/role.h"
#include "placid/segment/proof_of_death.h"

namespace placid {

// One look at a row's state.
class RowState {
 public:
  enum class Phase : std::uint8_t {
    kFree,
    kOwned,       // whose identity is not to be read yet, or any more
    kAnnounced,   // owned, and the identity says by whom
    kRecovering,  // its owner is dead
    kForeign,     // no state of ours: a peer lied
  };

  explicit constexpr RowState(std::uint64_t word) : word_(word) {}

  [[nodiscard]] constexpr Phase phase() const {
    if (hand() == 0) return Phase::kFree;
    if (hand() <= OwnerId::kMostOwners) return Phase::kRecovering;
    if (hand() == kOwned) return Phase::kOwned;
    return hand() == kAnnounced ? Phase::kAnnounced : Phase::kForeign;
  }
  [[nodiscard]] constexpr bool is_owned() const {
    return hand() == kOwned || hand() == kAnnounced;
  }
  [[nodiscard]] constexpr std::uint64_t hand() const { return word_ >> 48; }
  [[nodiscard]] constexpr std::uint64_t generation() const {
    return word_ % OwnerId::kGenerations;
  }
  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }

  // The row, seen at `index`, whose lock tells whether whoever acts on this one
  // is alive; 0: nobody acts, or nobody can say who.
  [[nodiscard]] constexpr std::uint64_t ActorOf(std::uint64_t index) const {
    if (is_owned()) return index;
    return phase() == Phase::kRecovering ? hand() : 0;
  }

  // The same generation in other hands.
  [[nodiscard]] constexpr RowState Free() const { return With(0); }
  [[nodiscard]] constexpr RowState Owned() const { return With(kOwned); }
  [[nodiscard]] constexpr RowState Announced() const {
    return With(kAnnounced);
  }
  [[nodiscard]] constexpr RowState RecoveredBy(std::uint64_t index) const {
    return With(index);
  }
  // The next owner's.
  [[nodiscard]] constexpr RowState Next() const {
    return RowState(kOwned << 48 | Bump(generation()) % OwnerId::kGenerations);
  }

  friend constexpr bool operator==(RowState, RowState) = default;

 private:
  static constexpr std::uint64_t kOwned = 0xFFFE;
  static constexpr std::uint64_t kAnnounced = 0xFFFF;

  [[nodiscard]] constexpr RowState With(std::uint64_t hand) const {
    return RowState(hand << 48 | generation());
  }

  std::uint64_t word_;
};

class Participants {
 public:
  class Participant;
  class Recovery;

  struct Memory {
    Atomic<std::uint64_t> stamp;
    Atomic<std::uint64_t> count;
    Padding<112> pad0;
  };
  static constexpr std::uint64_t kRowsOffset = 0x080;

  // One participant. The identity is for people, and for who wants to be told
  // of a death early; no proof rests on it.
  struct Row {
    Atomic<std::uint64_t> state;
    std::array<Atomic<std::uint64_t>, 4> identity;
    Padding<88> pad0;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree,
                                          Crash::kRecoverable, Trust::kGuarded,
                                          Readers::kStoreFree};

  // Bytes that a table of so many rows takes.
  [[nodiscard]] static constexpr std::uint64_t SizeFor(std::uint64_t count) {
    return kRowsOffset + count * sizeof(Row);
  }

  // Writes a table of `count` free rows into bytes whose first word is zero.
  // The caller sees to it that nobody else creates or attaches here meanwhile.
  // Errors: kInvalidArgument (count), kTooSmall, kMisaligned, kAlreadyExists.
  static Result<Participants> Create(std::span<std::byte> bytes,
                                     std::uint64_t count);

  // Checks and gives a view. Errors: kTooSmall, kMisaligned, kNotInitialized,
  // kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion, kCorrupt (the count
  // is none, or of more rows than there are bytes).
  static Result<Participants> Attach(std::span<std::byte> bytes);

  // Makes the first lines virgin. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  // Rows are numbered from 1 to count().
  [[nodiscard]] std::uint64_t count() const { return count_; }

  // A row's state now; of a row that is not there, of nobody.
  [[nodiscard]] RowState Look(std::uint64_t index) const;

  // Who joined as `id`; nullopt: it has left, it is being recovered, or it died
  // before it had said who it is.
  [[nodiscard]] std::optional<os::ProcessIdentity> IdentityOf(OwnerId id) const;

  // Takes a free row. The caller holds the row's lock, and keeps it until the
  // Participant is gone. Errors: kInvalidArgument (no such row), kBusy (the row
  // is not free, or somebody was faster).
  Result<Participant> Join(std::uint64_t index,
                           const os::ProcessIdentity& identity) const;

  // Takes over what the dead one was at: its own row, or the row that it was
  // recovering; the proof is of this very table. Of several, one succeeds for
  // each death. `by` stays joined until the Recovery is finished or dropped.
  // Errors: kInvalidArgument (no such row; nobody acted on it), kRoleTaken
  // (somebody else recovers it, has recovered it, or its owner had left).
  Result<Recovery> Recover(const ProofOfDeath& death,
                           const Participant& by) const;

  // The same by one who has no row and wants this. The caller holds its lock.
  Result<Recovery> RecoverInPlace(const ProofOfDeath& death) const;

 private:
  static constexpr Stamp kStamp{TypeId::kParticipants, kLayoutVersion, 0};

  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, count) == 0x008);
  static_assert(offsetof(Memory, pad0) == 0x010);
  static_assert(sizeof(Memory) == 0x080);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);
  static_assert(offsetof(Row, state) == 0x00);
  static_assert(offsetof(Row, identity) == 0x08);
  static_assert(offsetof(Row, pad0) == 0x28);
  static_assert(sizeof(Row) == kLineBytes);
  static_assert(std::is_standard_layout_v<Row>);
  static_assert(std::has_unique_object_representations_v<Row>);

  Participants(std::span<std::byte> bytes, std::uint64_t count)
      : rows_(reinterpret_cast<Row*>(bytes.data() + kRowsOffset)),
        count_(count) {}

  [[nodiscard]] bool IsRow(std::uint64_t index) const {
    return index >= 1 && index <= count_;
  }
  [[nodiscard]] Row& At(std::uint64_t index) const {
    return rows_[static_cast<std::size_t>(index - 1)];
  }
  // Moves a row from one state to another, if it still is in the first.
  static bool Swap(Row& row, RowState from, RowState to) {
    std::uint64_t expected = from.word();
    return row.state.compare_exchange(expected, to.word(), kAcqRel,
                                      kRelaxed);  // sync: handover (acq_rel)
  }
  // The second half of joining: says who owns the row.
  static bool Announce(Row& row, RowState owned,
                       const os::ProcessIdentity& identity);
  Result<Participant> Own(std::uint64_t index, RowState from,
                          const os::ProcessIdentity& identity,
                          const char* operation) const;
  Result<Recovery> Elect(const ProofOfDeath& death, std::uint64_t by,
                         const char* operation) const;
  static Error NoSuchRow(std::uint64_t index, std::uint64_t count,
                         const char* operation);

  Row* rows_;
  std::uint64_t count_;
};

// A row of one's own. Drop all roles held under its id before it.
class Participants::Participant {
 public:
  Participant() = default;
  Participant(Participant&& other) noexcept
      : row_(std::exchange(other.row_, nullptr)), id_(other.id_) {}
  Participant& operator=(Participant&& other) noexcept {
    std::swap(row_, other.row_);
    std::swap(id_, other.id_);
    return *this;
  }
  ~Participant() { Leave(); }

  // Gives the row back; before the row's lock.
  void Leave();

  // Forgets the row without a look at it: for a child made by fork, where it is
  // not mapped, and whose it is not.
  void Abandon() { row_ = nullptr; }

  [[nodiscard]] bool is_joined() const { return row_ != nullptr; }
  [[nodiscard]] OwnerId id() const { return id_; }

 private:
  friend class Participants;
  Participant(Row* row, OwnerId id) : row_(row), id_(id) {}

  Row* row_ = nullptr;
  OwnerId id_;
};

// The right, and the duty, to clear up after one dead owner.
class Participants::Recovery {
 public:
  Recovery(Recovery&& other) noexcept
      : table_(other.table_),
        row_(std::exchange(other.row_, nullptr)),
        index_(other.index_),
        mine_(other.mine_) {}
  Recovery& operator=(Recovery&& other) noexcept {
    std::swap(table_, other.table_);
    std::swap(row_, other.row_);
    std::swap(index_, other.index_);
    std::swap(mine_, other.mine_);
    return *this;
  }
  // Unfinished, it falls to whoever proves the death again.
  ~Recovery() { Drop(); }

  // Whose words to recover, until this is finished.
  [[nodiscard]] DeadOwner dead() const {
    return DeadOwner::Attested(
        OwnerId::Of(index_, mine_.generation()).value_or(OwnerId()));
  }

  // The next row that the dead one was recovering itself, which may have
  // something to inherit in turn; finish it before asking again. Errors:
  // kNotFound (no more).
  Result<Recovery> Inherit() const;

  // All is recovered: gives the row back. Errors: kBusy (there is something to
  // inherit: the row stays, and so does this Recovery), kRoleTaken (somebody
  // else has it, by a proof that we are dead).
  Result<void> Finish();

  // In place: all is recovered, and the row is ours. Errors: those of Finish,
  // and kInvalidArgument (not in place).
  Result<Participant> Succeed(const os::ProcessIdentity& identity);

 private:
  friend class Participants;
  Recovery(Participants table, std::uint64_t index, RowState mine)
      : table_(table), row_(&table.At(index)), index_(index), mine_(mine) {}

  void Drop();
  // Whether a row in that state names the dead one as its recoverer.
  [[nodiscard]] bool IsInherited(std::uint64_t index, RowState state) const;
  [[nodiscard]] Result<void> CheckFinal(const char* operation) const;
  [[nodiscard]] static Error Lost(const char* operation);

  Participants table_;
  Row* row_;
  std::uint64_t index_;
  RowState mine_;
};

// ---- Implementation ---------------------------------------------------------

inline Result<Participants> Participants::Create(std::span<std::byte> bytes,
                                                 std::uint64_t count) {
  constexpr const char* kOperation = "Participants::Create";
  if (count == 0 || count > OwnerId::kMostOwners) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .operation = kOperation,
                 .field = "number of rows",
                 .expected = OwnerId::kMostOwners,
                 .found = count,
                 .advice = "give it 1 to 4096 rows"};
  }
  if (auto place = CheckPlace(bytes, SizeFor(count), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto virgin = RefuseStamped(memory->stamp, kOperation); !virgin) {
    return virgin.error();
  }
  *memory = Memory{};
  const Participants table(bytes, count);
  for (std::uint64_t index = 1; index <= count; ++index) {
    table.At(index) = Row{};
  }
  memory->count.store(count, kRelaxed);  // sync: none, see the stamp
  SetStamp(memory->stamp, kStamp);
  return table;
}

inline Result<Participants> Participants::Attach(std::span<std::byte> bytes) {
  constexpr const char* kOperation = "Participants::Attach";
  if (auto place = CheckPlace(bytes, SizeFor(1), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto stamped = CheckStamp(memory->stamp, kStamp, kOperation); !stamped) {
    return stamped.error();
  }
  const Untrusted count(
      memory->count.load(kRelaxed));  // sync: none, ordered by the stamp
  const auto valid = count.AtMost(OwnerId::kMostOwners);
  if (!valid || *valid == 0 || SizeFor(*valid) > bytes.size()) {
    return Error{.code = ErrorCode::kCorrupt,
                 .operation = kOperation,
                 .field = "number of rows",
                 .expected = (bytes.size() - kRowsOffset) / sizeof(Row),
                 .found = count.ForDisplay(),
                 .advice =
                     "the table claims more rows than there are bytes, "
                     "or none; attach to all its bytes, or create it "
                     "anew"};
  }
  return Participants(bytes, *valid);
}

inline Result<void> Participants::Reset(std::span<std::byte> bytes,
                                        NobodyUsesIt) {
  auto place =
      CheckPlace(bytes, sizeof(Memory), kAlignment, "Participants::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

inline RowState Participants::Look(std::uint64_t index) const {
  if (!IsRow(index)) return RowState(0);
  const auto word =
      At(index).state.load(kAcquire);  // sync: handover, join (acquire)
  return RowState(word);
}

// A seqlock whose sequence is the state, with readers who do not try again
// (Boehm, "Can Seqlocks Get Along with Programming Language Memory Models?").
inline std::optional<os::ProcessIdentity> Participants::IdentityOf(
    OwnerId id) const {
  if (!IsRow(id.index())) return std::nullopt;
  Row& row = At(id.index());
  const RowState state(row.state.load(kAcquire));  // sync: join (acquire)
  if (state.phase() != RowState::Phase::kAnnounced ||
      state.generation() != id.generation()) {
    return std::nullopt;
  }
  std::array<std::uint64_t, 4> words{};
  for (std::size_t i = 0; i < words.size(); ++i) {
    words[i] = row.identity[i].load(kRelaxed);  // sync: none, see the fence
  }
  Fence(kAcquire);  // sync: reuse (acquire)

  if (row.state.load(kRelaxed) != state.word()) {  // sync: none, see the fence
    return std::nullopt;
  }
  return os::ProcessIdentity{.pid = words[0],
                             .start_time = words[1],
                             .boot_high = words[2],
                             .boot_low = words[3]};
}

inline bool Participants::Announce(Row& row, RowState owned,
                                   const os::ProcessIdentity& identity) {
  Fence(kRelease);  // sync: reuse (release)
  const std::array<std::uint64_t, 4> words{
      identity.pid, identity.start_time, identity.boot_high, identity.boot_low};
  for (std::size_t i = 0; i < words.size(); ++i) {
    row.identity[i].store(words[i], kRelaxed);  // sync: none, see the state
  }
  std::uint64_t expected = owned.word();
  return row.state.compare_exchange(expected, owned.Announced().word(),
                                    kRelease,
                                    kRelaxed);  // sync: join (release)
}

inline auto Participants::Own(std::uint64_t index, RowState from,
                              const os::ProcessIdentity& identity,
                              const char* operation) const
    -> Result<Participant> {
  Row& row = At(index);
  const RowState owned = from.Next();
  if (!Swap(row, from, owned) || !Announce(row, owned, identity)) {
    return Error{.code = ErrorCode::kBusy,
                 .operation = operation,
                 .field = "row",
                 .expected = from.word(),
                 .found = Look(index).word(),
                 .advice = "somebody else took the row: try another"};
  }
  return Participant(
      &row, OwnerId::Of(index, owned.generation()).value_or(OwnerId()));
}

inline auto Participants::Join(std::uint64_t index,
                               const os::ProcessIdentity& identity) const
    -> Result<Participant> {
  constexpr const char* kOperation = "Participants::Join";
  if (!IsRow(index)) return NoSuchRow(index, count_, kOperation);
  const RowState state = Look(index);
  // A state that is not free is refused by the swap.
  return Own(index, state.Free(), identity, kOperation);
}

inline Error Participants::NoSuchRow(std::uint64_t index, std::uint64_t count,
                                     const char* operation) {
  return {.code = ErrorCode::kInvalidArgument,
          .operation = operation,
          .field = "row",
          .expected = count,
          .found = index,
          .advice = "rows are numbered from 1 to the count of them"};
}

inline auto Participants::Recover(const ProofOfDeath& death,
                                  const Participant& by) const
    -> Result<Recovery> {
  return Elect(death, by.id().index(), "Participants::Recover");
}

inline auto Participants::RecoverInPlace(const ProofOfDeath& death) const
    -> Result<Recovery> {
  return Elect(death, death.index(), "Participants::RecoverInPlace");
}

inline auto Participants::Elect(const ProofOfDeath& death, std::uint64_t by,
                                const char* operation) const
    -> Result<Recovery> {
  if (!IsRow(death.index()) || !IsRow(by)) {
    return NoSuchRow(IsRow(by) ? death.index() : by, count_, operation);
  }
  const RowState from(death.state());
  if (from.ActorOf(death.index()) == 0) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .operation = operation,
                 .field = "state of the row",
                 .found = from.word(),
                 .advice = "nobody owned or recovered it then: join instead"};
  }
  const RowState mine = from.RecoveredBy(by);
  if (!Swap(At(death.index()), from, mine)) {
    return Error{.code = ErrorCode::kRoleTaken,
                 .operation = operation,
                 .field = "state of the row",
                 .expected = from.word(),
                 .found = Look(death.index()).word(),
                 .advice =
                     "somebody else recovers it or has done so: look "
                     "again"};
  }
  return Recovery(*this, death.index(), mine);
}

// ---- Participant

inline void Participants::Participant::Leave() {
  if (row_ == nullptr) return;
  const RowState mine = RowState(id_.generation()).Announced();
  // Who was taken for dead by mistake finds another state, and leaves it so.
  (void)Swap(*row_, mine, mine.Free());
  row_ = nullptr;
}

// ---- Recovery

// The dead one named itself there before it died: whoever has the proof sees
// it.
inline bool Participants::Recovery::IsInherited(std::uint64_t index,
                                                RowState state) const {
  return index != index_ && state.phase() == RowState::Phase::kRecovering &&
         state.hand() == index_;
}

inline auto Participants::Recovery::Inherit() const -> Result<Recovery> {
  for (std::uint64_t index = 1; index <= table_.count(); ++index) {
    const RowState state = table_.Look(index);
    const RowState mine = state.RecoveredBy(mine_.hand());
    // A failed swap: somebody proved it for that row alone, and has it.
    if (IsInherited(index, state) && Swap(table_.At(index), state, mine)) {
      return Recovery(table_, index, mine);
    }
  }
  return Error{.code = ErrorCode::kNotFound,
               .operation = "Recovery::Inherit",
               .advice = "the dead one left no recovery unfinished: go on"};
}

inline Result<void> Participants::Recovery::CheckFinal(
    const char* operation) const {
  if (row_ == nullptr) return Lost(operation);
  for (std::uint64_t index = 1; index <= table_.count(); ++index) {
    if (!IsInherited(index, table_.Look(index))) continue;
    return Error{.code = ErrorCode::kBusy,
                 .operation = operation,
                 .field = "a row that the dead one was recovering",
                 .expected = 0,
                 .found = index,
                 .advice = "Inherit() and finish it first"};
  }
  return Ok();
}

inline Result<void> Participants::Recovery::Finish() {
  constexpr const char* kOperation = "Recovery::Finish";
  if (auto final = CheckFinal(kOperation); !final) return final;
  if (!Swap(*std::exchange(row_, nullptr), mine_, mine_.Free())) {
    return Lost(kOperation);
  }
  return Ok();
}

inline auto Participants::Recovery::Succeed(const os::ProcessIdentity& identity)
    -> Result<Participant> {
  constexpr const char* kOperation = "Recovery::Succeed";
  if (auto final = CheckFinal(kOperation); !final) return final.error();
  if (mine_.hand() != index_) {
    return Error{.code = ErrorCode::kInvalidArgument,
                 .operation = kOperation,
                 .field = "recoverer",
                 .expected = index_,
                 .found = mine_.hand(),
                 .advice = "this recovery is not in place: finish it"};
  }
  row_ = nullptr;
  return table_.Own(index_, mine_, identity, kOperation);
}

inline void Participants::Recovery::Drop() {
  if (row_ == nullptr) return;
  (void)Swap(*std::exchange(row_, nullptr), mine_, mine_.Owned());
}

inline Error Participants::Recovery::Lost(const char* operation) {
  return {.code = ErrorCode::kRoleTaken,
          .operation = operation,
          .field = "state of the row",
          .advice = "somebody else recovers it by now: leave it to them"};
}

}  // namespace placid

#endif  // PLACID_SEGMENT_PARTICIPANTS_H_
