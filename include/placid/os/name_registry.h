// SPDX-License-Identifier: Apache-2.0
//
// NameRegistry: which names there may be, written down by those who have them,
// for a system that lists none itself: Windows, where one lies in each session.
//
// It is a hint. Who reads a name here asks the system whether it exists, and who
// wants room takes an entry whose name does not exist any more. So nobody takes
// names out again, and nothing has to be cleared up after the dead.
//
// Layout     version 0, native byte order, align 128
//
//   offset  size  field    writer     meaning
//   0x000      8  stamp    the first  type, version, number of entries
//   0x008    120  pad0
//   0x080      N  entries  anybody    two lines each: state, writer, made_at, and
//                                     the bytes of a name
//
// An entry's state says which name is in it:
//
//   bits    meaning
//   63..24  lap: counts the changes, so that no state of a name comes twice; by
//           one process in a loop of a microsecond it comes round in 12 days
//   23..8   hash of the name
//    7..0   length of the name; 0: there is none
//
// and its writer (NameWriter) who may put another name there; 0: nobody.
//
//   from              to                 by
//   lap, none         lap, a name        Write, with the writer's word
//   lap, a name       lap+1, none        Reclaim, with the writer's word: the
//                                        name was looked for, and does not exist
//   lap, a name       lap+1, the name    Refresh, by anybody who has it open
//   writer 0          writer w           Claim
//   writer w          writer v           Claim: w is dead
//   writer w          writer 0           w is done
//
// Invariant  A name that somebody entered who has it open stays until it does
//            not exist any more. For who enters it, even again, moves the state
//            on after it came to exist, and who reclaims looks at the state
//            first, asks then, and swaps last.
// Threads    Anybody, in any processes.
// Progress   wait-free: every operation, apart from what the caller's functions
//            ask the system. Enter looks at no more than kWindow entries three
//            times, ForEach at each once.
// Crash      clean: what a dead writer was at has no name or an old one, and its
//            entry is the next one's.
// Trust      guarded: a hostile peer can take names away, add others and fill
//            the entries; it can not aim us outside of them.
// Readers    store-free: Reader, on pages mapped read-only.
// Orders
//   edge      release                acquire         carries
//   create    Attach: stamp          Attach: stamp   nothing: zero is valid
//   enter     Write, Refresh: state  Look: state     the name's bytes; that it
//                                                    exists
//   rewrite   Write: fence           Look: fence     the end of the name before,
//                                                    ahead of the bytes
//   handover  Claim: writer          Claim: writer   the entry's last state
//   (death)   the dead one           is_dead         all that it had done
#ifndef PLACID_OS_NAME_REGISTRY_H_
#define PLACID_OS_NAME_REGISTRY_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/fields.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/base/untrusted.h"
#include "placid/os/name.h"
#include "placid/os/process.h"

namespace placid::os {

// Who writes an entry: a process, by its pid and the low half of its start
// time, in one word. 0: nobody.
class NameWriter {
 public:
  explicit constexpr NameWriter(std::uint64_t word) : word_(word) {}
  explicit constexpr NameWriter(const ProcessIdentity& process)
      : word_(process.start_time << 32 | (process.pid & UINT32_MAX)) {}

  [[nodiscard]] constexpr bool is_nobody() const { return word_ == 0; }
  [[nodiscard]] constexpr std::uint64_t pid() const {
    return word_ & UINT32_MAX;
  }
  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }

  friend constexpr bool operator==(NameWriter, NameWriter) = default;

 private:
  std::uint64_t word_;
};

template <std::uint64_t kCount = 4096>
class NameRegistry {
  static_assert(std::has_single_bit(kCount) && kCount <= 65'536);

 public:
  class Reader;

  struct Memory {
    Atomic<std::uint64_t> stamp;
    Padding<120> pad0;
  };
  static constexpr std::uint64_t kEntriesOffset = 0x080;

  struct Entry {
    Atomic<std::uint64_t> state;
    Atomic<std::uint64_t> writer;
    Atomic<std::uint64_t> made_at;  // seconds after 1970; for people
    std::array<char, 184> name;
    Padding<48> pad0;
  };

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = kLineBytes;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree, Crash::kClean,
                                          Trust::kGuarded, Readers::kStoreFree};

  // A name may lie in one of so many entries, which follow one another from
  // where its hash says.
  static constexpr std::uint64_t kWindow =
      kCount < 64 ? kCount : std::uint64_t{64};

  [[nodiscard]] static constexpr std::uint64_t SizeFor() {
    return kEntriesOffset + kCount * sizeof(Entry);
  }

  // Checks and gives a view; stamps the virgin. Errors: kTooSmall, kMisaligned,
  // kNotPlacid, kWrongByteOrder, kWrongType, kWrongVersion, kWrongElement (of
  // another number of entries).
  static Result<NameRegistry> Attach(std::span<std::byte> bytes);
  // The same for pages mapped read-only; the virgin has no names.
  static Result<Reader> AttachReadOnly(std::span<const std::byte> bytes);

  // Writes the name down, or once more, for somebody who has it open: now, not
  // only soon. `made_at` in seconds after 1970 by whoever made it, 0 by others.
  // `exists` and `is_dead` ask the system: whether a name exists, of a
  // std::string_view, and whether a NameWriter is dead for certain. False: all
  // entries that it may lie in are others', or were so while we looked; nothing
  // but a listing misses it.
  template <typename Exists, typename IsDead>
  bool Enter(std::string_view name, NameWriter self, std::uint64_t made_at,
             Exists&& exists, IsDead&& is_dead) const;

 private:
  static constexpr Stamp kStamp{TypeId::kNameRegistry, kLayoutVersion, kCount};

  static_assert(offsetof(Memory, stamp) == 0x000);
  static_assert(offsetof(Memory, pad0) == 0x008);
  static_assert(sizeof(Memory) == 0x080);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);
  static_assert(offsetof(Entry, state) == 0x00);
  static_assert(offsetof(Entry, writer) == 0x08);
  static_assert(offsetof(Entry, made_at) == 0x10);
  static_assert(offsetof(Entry, name) == 0x18);
  static_assert(offsetof(Entry, pad0) == 0xD0);
  static_assert(sizeof(Entry) == 2 * kLineBytes);
  static_assert(std::is_standard_layout_v<Entry>);
  static_assert(std::has_unique_object_representations_v<Entry>);
  static_assert(sizeof(Entry::name) >= Name::kMaxBytes);

  // Of who loses so many races for one entry the others have what they want.
  static constexpr int kTries = 8;

  class State;
  // One entry, looked at once.
  struct Sight;
  // The right to put a name into one entry.
  class Claim;

  explicit NameRegistry(const std::byte* bytes)
      : entries_(reinterpret_cast<Entry*>(
            const_cast<std::byte*>(bytes + kEntriesOffset))) {}

  [[nodiscard]] Entry& At(std::uint64_t index) const {
    return entries_[static_cast<std::size_t>(index % kCount)];
  }

  static Sight Look(const Entry& entry);
  static bool Refresh(Entry& entry, std::string_view name, State wanted,
                      std::uint64_t made_at);
  static void Write(Entry& entry, std::string_view name, State state,
                    std::uint64_t made_at);
  // The same entry without its name, if that still is there.
  static bool Reclaim(Entry& entry, State& state);

  Entry* entries_;
};

// For pages mapped read-only.
template <std::uint64_t kCount>
class NameRegistry<kCount>::Reader {
 public:
  // Calls `visit` with each name, which is a private copy that ends with the
  // visit, and when it was made (0: nobody knows): in no order, some twice. A
  // peer may have written any bytes.
  template <typename Visit>
  void ForEach(Visit&& visit) const;

 private:
  friend class NameRegistry;
  explicit Reader(const NameRegistry& view) : view_(view) {}

  NameRegistry view_;
};

// ---- Implementation ---------------------------------------------------------

template <std::uint64_t kCount>
class NameRegistry<kCount>::State {
 public:
  explicit constexpr State(std::uint64_t word) : word_(word) {}
  // Of a name, in no lap yet.
  explicit constexpr State(std::string_view name)
      : word_((placid::internal::Fingerprint().Add(name).value() & kMostHash)
                  << 8 |
              name.size()) {}

  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }
  [[nodiscard]] constexpr bool has_name() const { return word_ % 256 != 0; }
  [[nodiscard]] constexpr Untrusted<std::uint64_t> length() const {
    return Untrusted(word_ % 256);
  }
  [[nodiscard]] constexpr std::uint64_t hash() const {
    return word_ >> 8 & kMostHash;
  }
  [[nodiscard]] constexpr bool HasSameName(State other) const {
    return word_ << 40 == other.word_ << 40;
  }

  [[nodiscard]] constexpr State WithName(State other) const {
    return State(word_ >> 24 << 24 | other.word_ << 40 >> 40);
  }
  [[nodiscard]] constexpr State WithoutName() const {
    return State(word_ >> 24 << 24);
  }
  [[nodiscard]] constexpr State NextLap() const {
    return State(Bump(word_ >> 24) << 24 | word_ << 40 >> 40);
  }

 private:
  static constexpr std::uint64_t kMostHash = 0xFFFF;

  std::uint64_t word_;
};

template <std::uint64_t kCount>
struct NameRegistry<kCount>::Sight {
  State state{0};
  bool is_whole = false;  // nobody changed the entry meanwhile
  std::array<char, Name::kMaxBytes> bytes;
  std::size_t size = 0;

  // Empty where there is none, or none of ours.
  [[nodiscard]] std::string_view name() const { return {bytes.data(), size}; }
};

// As a seqlock's reader: a name that was copied in part before and in part after
// a change comes with another state.
template <std::uint64_t kCount>
auto NameRegistry<kCount>::Look(const Entry& entry) -> Sight {
  Sight sight;
  sight.state = State(entry.state.load(kAcquire));  // sync: enter (acquire)
  const auto length = sight.state.length().AtMost(Name::kMaxBytes);
  sight.size = static_cast<std::size_t>(length.value_or(0));
  machine::RacyCopyOut(sight.bytes.data(), entry.name.data(), sight.size);
  Fence(kAcquire);  // sync: rewrite (acquire)
  sight.is_whole = entry.state.load(kRelaxed) ==
                   sight.state.word();  // sync: none, see the fence
  return sight;
}

template <std::uint64_t kCount>
class NameRegistry<kCount>::Claim {
 public:
  template <typename IsDead>
  Claim(Entry& entry, NameWriter self, IsDead& is_dead) : entry_(entry) {
    NameWriter holder(
        entry.writer.load(kRelaxed));  // sync: none, the swap is the claim
    if (!holder.is_nobody() && !is_dead(holder)) return;
    std::uint64_t expected = holder.word();
    is_held_ =
        entry.writer.compare_exchange(expected, self.word(), kAcquire,
                                      kRelaxed);  // sync: handover (acquire)
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  ~Claim() {
    if (is_held_) {
      entry_.writer.store(0, kRelease);  // sync: handover (release)
    }
  }
  [[nodiscard]] bool is_held() const { return is_held_; }

 private:
  Entry& entry_;
  bool is_held_ = false;
};

template <std::uint64_t kCount>
Result<NameRegistry<kCount>> NameRegistry<kCount>::Attach(
    std::span<std::byte> bytes) {
  constexpr const char* kOperation = "NameRegistry::Attach";
  if (auto place = CheckPlace(bytes, SizeFor(), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  auto* memory = reinterpret_cast<Memory*>(bytes.data());
  if (auto stamped = StampOrCheck(memory->stamp, kStamp, kOperation);
      !stamped) {
    return stamped.error();
  }
  return NameRegistry(bytes.data());
}

template <std::uint64_t kCount>
auto NameRegistry<kCount>::AttachReadOnly(std::span<const std::byte> bytes)
    -> Result<Reader> {
  constexpr const char* kOperation = "NameRegistry::AttachReadOnly";
  if (auto place = CheckPlace(bytes, SizeFor(), kAlignment, kOperation);
      !place) {
    return place.error();
  }
  const auto* memory = reinterpret_cast<const Memory*>(bytes.data());
  if (auto stamped = CheckUnlessVirgin(memory->stamp, kStamp, kOperation);
      !stamped) {
    return stamped.error();
  }
  return Reader(NameRegistry(bytes.data()));
}

template <std::uint64_t kCount>
template <typename Exists, typename IsDead>
bool NameRegistry<kCount>::Enter(std::string_view name, NameWriter self,
                                 std::uint64_t made_at, Exists&& exists,
                                 IsDead&& is_dead) const {
  if (name.empty() || name.size() > Name::kMaxBytes) return false;
  const State wanted(name);
  const std::uint64_t home = wanted.hash();
  for (std::uint64_t i = 0; i < kWindow; ++i) {
    if (Refresh(At(home + i), name, wanted, made_at)) return true;
  }
  // Entries without a name first: those need no look at the system.
  for (const bool may_reclaim : {false, true}) {
    for (std::uint64_t i = 0; i < kWindow; ++i) {
      Entry& entry = At(home + i);
      const State hint(
          entry.state.load(kRelaxed));  // sync: none, looked at again
      if (hint.has_name() && !may_reclaim) continue;
      const Claim claim(entry, self, is_dead);
      if (!claim.is_held()) continue;
      const Sight sight = Look(entry);
      State state = sight.state;
      if (state.has_name()) {
        const bool may_go =
            may_reclaim && (sight.size == 0 || !exists(sight.name()));
        if (!may_go || !Reclaim(entry, state)) continue;
      }
      Write(entry, name, state.WithName(wanted), made_at);
      return true;
    }
  }
  return false;
}

// Whoever looked for the name before, and found that it did not exist, now finds
// another state. A swap of somebody else's would not do: what it tells is that
// the name existed then, and it may be ours that exists by now.
template <std::uint64_t kCount>
bool NameRegistry<kCount>::Refresh(Entry& entry, std::string_view name,
                                   State wanted, std::uint64_t made_at) {
  for (int i = 0; i < kTries; ++i) {
    const Sight sight = Look(entry);
    if (!sight.state.HasSameName(wanted)) return false;
    if (sight.is_whole && sight.name() != name) return false;
    std::uint64_t expected = sight.state.word();
    if (sight.is_whole && entry.state.compare_exchange(
                              expected, sight.state.NextLap().word(), kRelease,
                              kRelaxed)) {  // sync: enter (release)
      if (made_at != 0) {
        entry.made_at.store(made_at, kRelaxed);  // sync: none, for people
      }
      return true;
    }
  }
  return false;
}

template <std::uint64_t kCount>
bool NameRegistry<kCount>::Reclaim(Entry& entry, State& state) {
  const State empty = state.NextLap().WithoutName();
  std::uint64_t expected = state.word();
  state = empty;
  return entry.state.compare_exchange(
      expected, empty.word(), kRelaxed,
      kRelaxed);  // sync: none, see the fence of Write
}

template <std::uint64_t kCount>
void NameRegistry<kCount>::Write(Entry& entry, std::string_view name,
                                 State state, std::uint64_t made_at) {
  Fence(kRelease);  // sync: rewrite (release)
  machine::RacyCopyIn(entry.name.data(), name.data(), name.size());
  entry.made_at.store(made_at, kRelaxed);     // sync: none, for people
  entry.state.store(state.word(), kRelease);  // sync: enter (release)
}

template <std::uint64_t kCount>
template <typename Visit>
void NameRegistry<kCount>::Reader::ForEach(Visit&& visit) const {
  for (std::uint64_t i = 0; i < kCount; ++i) {
    const Entry& entry = view_.At(i);
    Sight sight = Look(entry);
    for (int tries = 1; !sight.is_whole && tries < kTries; ++tries) {
      sight = Look(entry);
    }
    if (!sight.is_whole || sight.size == 0) continue;
    visit(sight.name(),
          entry.made_at.load(kRelaxed));  // sync: none, for people
  }
}

}  // namespace placid::os

#endif  // PLACID_OS_NAME_REGISTRY_H_
