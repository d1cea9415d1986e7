// SPDX-License-Identifier: Apache-2.0
//
// ManyFifo: what MpscRing is when nothing overlaps.
//
// A queue of entries in `capacity` slots. An entry takes its place when it is
// claimed and is there when it is committed, two events that others may come
// between: whoever comes to it meanwhile finds it pending, and nothing behind it
// is to be had. One that is given up is skipped. An end takes a place, too.
//
// As in Fifo (fifo.h) what was taken stays in its place until it is given back,
// and a consumer may keep up to `lag` of that to itself: a claim must find room
// where the ring has it even if the consumer keeps all it may, and must not find
// more than there is if it keeps nothing.
#ifndef PLACID_TESTS_LINEARIZABILITY_MANY_FIFO_H_
#define PLACID_TESTS_LINEARIZABILITY_MANY_FIFO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace placid::linearizability {

struct ManyFifo {
  static constexpr std::size_t kMostEntries = 40;

  enum Kind : std::uint8_t {
    // A producer's.
    kClaim,
    kCommit,
    kGiveUp,       // or somebody else in the name of the dead
    kNoRoom,       // and the consumer has not closed
    kNoRoomOrEnd,  // there is no room, or somebody has closed ...
    kSeeClosed,    // ... and somebody has, or the consumer
    kClose,
    kContended,
    // The consumer's.
    kGiveBack,       // what was in hand
    kHaveGivenBack,  // at most `lag` is still kept
    kGiveAll,        // all that was taken
    kTake,           // `count` entries, from `value` on
    kLook,           // at one
    kRetire,         // one
    kFindNothing,
    kFindPending,
    kFindTheEnd,  // nothing, and somebody has closed
    kPopRefused,  // the consumer has closed
    kCloseConsumer,
    kTakeOver,  // by a successor of the consumer
    // Nobody's: values that were never pushed, or results never documented.
    kNonsense,
  };

  struct Event {
    Kind kind;
    std::uint32_t value = 0;
    [[nodiscard]] std::string ToString() const {
      static constexpr std::array kNames = {"claim",
                                            "commit",
                                            "give up",
                                            "find no room",
                                            "find no room, or the end",
                                            "see it closed",
                                            "close",
                                            "be too slow",
                                            "give back what was in hand",
                                            "have given back",
                                            "give all back",
                                            "take",
                                            "look at",
                                            "retire",
                                            "find nothing",
                                            "find a claim pending",
                                            "find the end",
                                            "pop, refused",
                                            "close the consumer",
                                            "take over",
                                            "NONSENSE"};
      return std::string(kNames[kind]) + "  value " + std::to_string(value);
    }
  };

  enum class Fate : std::uint8_t { kNone, kClaimed, kDone, kVoid, kEnd };
  struct Entry {
    std::uint32_t value = 0;
    Fate fate = Fate::kNone;
    bool operator==(const Entry&) const = default;
  };

  // The entries lie in this order: kept, in hand, not taken.
  struct State {
    std::array<Entry, kMostEntries> entries{};
    std::uint32_t entry_count = 0;
    std::uint32_t kept = 0;     // at most so many are still in their place
    std::uint32_t in_hand = 0;  // so many are
    bool is_closed = false;
    bool is_consumer_closed = false;
    bool operator==(const State&) const = default;
    [[nodiscard]] std::uint64_t Hash() const {
      std::uint64_t hash =
          (is_closed ? 1u : 0u) | (is_consumer_closed ? 2u : 0u);
      for (const std::uint32_t count : {entry_count, kept, in_hand}) {
        hash = hash * 64 + count;
      }
      for (std::uint32_t i = 0; i < entry_count; ++i) {
        hash = hash * 4099 + entries[i].value * 8 +
               static_cast<std::uint32_t>(entries[i].fate);
      }
      return hash;
    }

    [[nodiscard]] std::uint32_t taken() const { return kept + in_hand; }
    // The next one to be taken, if there is one.
    [[nodiscard]] Fate next_fate() const {
      return taken() < entry_count ? entries[taken()].fate : Fate::kNone;
    }
    void SkipVoid() {
      while (next_fate() == Fate::kVoid) ++in_hand;
    }
    void Append(Entry entry) { entries[entry_count++] = entry; }
    // From the front: nobody may see them again.
    void Drop(std::uint32_t count) {
      for (std::uint32_t i = count; i < entry_count; ++i) {
        entries[i - count] = entries[i];
      }
      for (std::uint32_t i = entry_count - count; i < entry_count; ++i) {
        entries[i] = {};
      }
      entry_count -= count;
      const std::uint32_t of_kept = count < kept ? count : kept;
      kept -= of_kept;
      in_hand -= count - of_kept;
    }
    void DropKeptBeyond(std::uint32_t most) {
      if (kept > most) Drop(kept - most);
    }
  };

  std::uint32_t capacity;
  std::uint32_t lag = 0;

  template <typename Emit>
  void Step(const State& before, const Event& event, const Emit& emit) const {
    State s = before;
    // Whether there is room even if all is kept that may be; or if nothing is.
    const bool surely = s.entry_count < capacity;
    const bool perhaps = s.entry_count - s.kept < capacity;
    switch (event.kind) {
      case kClaim:
      case kClose:
        if (s.is_closed || !perhaps || s.entry_count == kMostEntries) return;
        s.Append(
            {event.value, event.kind == kClose ? Fate::kEnd : Fate::kClaimed});
        // What is known to be overwritten was not kept.
        if (s.entry_count > capacity) s.Drop(s.entry_count - capacity);
        s.is_closed = event.kind == kClose;
        return emit(s);
      case kCommit: return Decide(s, event.value, Fate::kDone, emit);
      case kGiveUp: return Decide(s, event.value, Fate::kVoid, emit);
      case kNoRoom:
        if (!s.is_closed && !s.is_consumer_closed && !surely) emit(s);
        return;
      case kNoRoomOrEnd:
        if (s.is_closed || !surely) emit(s);
        return;
      case kSeeClosed:
        if (s.is_closed || s.is_consumer_closed) emit(s);
        return;
      case kContended: return emit(s);
      case kGiveBack:
        s.kept += s.in_hand;
        s.in_hand = 0;
        return emit(s);
      case kHaveGivenBack: s.DropKeptBeyond(lag); return emit(s);
      case kGiveAll: s.Drop(s.taken()); return emit(s);
      case kTake:
        if (!IsNext(s, event)) return;
        ++s.in_hand;
        return emit(s);
      case kLook:
        if (IsNext(s, event)) emit(s);
        return;
      case kRetire:
        if (s.next_fate() != Fate::kDone) return;
        s.kept += s.in_hand + 1;
        s.in_hand = 0;
        s.DropKeptBeyond(lag);
        return emit(s);
      case kFindNothing: return Find(s, Fate::kNone, emit);
      case kFindPending: return Find(s, Fate::kClaimed, emit);
      case kFindTheEnd: return Find(s, Fate::kEnd, emit);
      case kPopRefused:
        if (s.is_consumer_closed) emit(s);
        return;
      case kCloseConsumer: s.is_consumer_closed = true; return emit(s);
      case kTakeOver:
        // What was in hand comes again, and as much as was kept before it. What
        // was given up there is skipped at once, unless nothing more is taken.
        while (true) {
          State next = s;
          next.kept = next.in_hand = 0;
          while (!s.is_consumer_closed && next.next_fate() == Fate::kVoid) {
            ++next.kept;
          }
          emit(next);
          if (s.kept == 0) return;
          s.Drop(1);
        }
      case kNonsense: return;
    }
  }

 private:
  template <typename Emit>
  static void Decide(State& s, std::uint32_t value, Fate fate,
                     const Emit& emit) {
    for (std::uint32_t i = 0; i < s.entry_count; ++i) {
      if (s.entries[i] != Entry{value, Fate::kClaimed}) continue;
      s.entries[i].fate = fate;
      return emit(s);
    }
  }
  template <typename Emit>
  static void Find(State& s, Fate fate, const Emit& emit) {
    if (s.is_consumer_closed) return;
    s.SkipVoid();
    if (s.next_fate() == fate) emit(s);
  }
  [[nodiscard]] static bool IsNext(State& s, const Event& event) {
    if (s.is_consumer_closed) return false;
    s.SkipVoid();
    return s.taken() < s.entry_count &&
           s.entries[s.taken()] == Entry{event.value, Fate::kDone};
  }
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_MANY_FIFO_H_
