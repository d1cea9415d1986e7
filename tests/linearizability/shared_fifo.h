// SPDX-License-Identifier: Apache-2.0
//
// SharedFifo: what MpmcRing is when nothing overlaps.
//
// A queue of entries in `capacity` slots, as ManyFifo (many_fifo.h) with its
// claims and commits, whose consumers each take the next entry, or one that a
// dead consumer had in hand and that is offered again. What is in a hand keeps
// its slot until it is given back, in any order; a claim finds no room where the
// slot that is its own has not been given back.
//
// Who gives a slot back and then looks at another may look before others see
// that store (fifo.h): so what kGiveBack gives may be missed until kHaveGivenBack.
//
// What is offered must be taken before anything else by whoever begins after
// the recoverer has told of it; whoever looked before may miss it.
#ifndef PLACID_TESTS_LINEARIZABILITY_SHARED_FIFO_H_
#define PLACID_TESTS_LINEARIZABILITY_SHARED_FIFO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace placid::linearizability {

struct SharedFifo {
  static constexpr std::size_t kMostEntries = 16;

  enum Kind : std::uint8_t {
    // A producer's.
    kClaim,
    kCommit,
    kGiveUp,       // or somebody else in the name of the dead
    kNoRoom,       // and consumers have not closed
    kNoRoomOrEnd,  // there is no room, or somebody has closed ...
    kSeeClosed,    // ... and somebody has, or consumers
    kClose,
    kContended,
    // A consumer's.
    kGiveBack,       // what it had in hand, if anything
    kHaveGivenBack,  // and everybody sees it
    kLookForOffer,   // once; only whoever then sees none gets the next entry
    kPassOver,       // some of the next entries, which were given up
    kTake,           // the next, or one that is offered
    kFindNothing,    // and consumers have not closed
    kFindPending,
    kFindNothingOrEnd,
    kCloseConsumers,
    // A recoverer's.
    kLose,   // what a dead consumer had in hand
    kOffer,  // the same, again
    kTell,   // of all that is offered
    // Nobody's: values that were never pushed, or results never documented.
    kNonsense,
  };

  struct Event {
    Kind kind;
    std::uint32_t value = 0;
    std::uint8_t who = 0;  // the consumer
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
                                            "look for what is offered",
                                            "pass over",
                                            "take",
                                            "find nothing",
                                            "find a claim pending",
                                            "find nothing, or the end",
                                            "close the consumers",
                                            "lose what was in hand",
                                            "offer what was in hand",
                                            "tell of what is offered",
                                            "NONSENSE"};
      return std::string(kNames[kind]) + "  value " + std::to_string(value) +
             " consumer " + std::to_string(who);
    }
  };

  enum class Fate : std::uint8_t {
    kNone,
    kClaimed,
    kDone,
    kVoid,
    kInHand,
    kLeaving,  // given back, and not everybody sees it
    kOffered,
    kTold,  // and offered
    kFreed,
    kEnd
  };
  struct Entry {
    std::uint32_t value = 0;
    Fate fate = Fate::kNone;
    std::uint8_t who = 0;
    bool operator==(const Entry&) const = default;
  };

  // The first has not been given back.
  struct State {
    std::array<Entry, kMostEntries> entries{};
    std::uint32_t entry_count = 0;
    std::uint32_t taken = 0;  // or passed over: so many are, from the front
    bool is_closed = false;
    bool are_consumers_closed = false;
    std::array<bool, 2> sees_no_offer{};  // each consumer
    bool operator==(const State&) const = default;
    [[nodiscard]] std::uint64_t Hash() const {
      std::uint64_t hash =
          (is_closed ? 1u : 0u) | (are_consumers_closed ? 2u : 0u) |
          (sees_no_offer[0] ? 4u : 0u) | (sees_no_offer[1] ? 8u : 0u);
      hash = (hash * 64 + entry_count) * 64 + taken;
      for (std::uint32_t i = 0; i < entry_count; ++i) {
        hash = hash * 4099 + entries[i].value * 32 + entries[i].who * 16 +
               static_cast<std::uint32_t>(entries[i].fate);
      }
      return hash;
    }

    // What is given back at the front nobody sees again.
    void Forget() {
      std::uint32_t count = 0;
      while (count < entry_count && entries[count].fate == Fate::kFreed) {
        ++count;
      }
      for (std::uint32_t i = 0; i < entry_count; ++i) {
        entries[i] = i + count < entry_count ? entries[i + count] : Entry{};
      }
      entry_count -= count;
      taken -= count;
    }
    // The next one to be taken, if there is one.
    [[nodiscard]] Fate next_fate() const {
      return taken < entry_count ? entries[taken].fate : Fate::kNone;
    }
    void PassOver() { entries[taken++] = {.fate = Fate::kFreed}; }
    void PassOverAll() {
      while (next_fate() == Fate::kVoid) PassOver();
    }
    [[nodiscard]] bool IsTold() const {
      for (const Entry& entry : entries) {
        if (entry.fate == Fate::kTold) return true;
      }
      return false;
    }
  };

  std::uint32_t capacity;

  template <typename Emit>
  void Step(const State& before, const Event& event, const Emit& emit) const {
    State s = before;
    const bool is_full = s.entry_count == capacity;
    switch (event.kind) {
      case kClaim:
      case kClose:
        if (s.is_closed || is_full) return;
        s.entries[s.entry_count++] = {
            event.value, event.kind == kClose ? Fate::kEnd : Fate::kClaimed};
        s.is_closed = event.kind == kClose;
        return emit(s);
      case kCommit: return Decide(s, event.value, Fate::kDone, emit);
      case kGiveUp: return Decide(s, event.value, Fate::kVoid, emit);
      case kNoRoom:
        if (!s.is_closed && !s.are_consumers_closed && is_full) emit(s);
        return;
      case kNoRoomOrEnd:
        if (s.is_closed || is_full) emit(s);
        return;
      case kSeeClosed:
        if (s.is_closed || s.are_consumers_closed) emit(s);
        return;
      case kContended: return emit(s);
      case kGiveBack: {
        State unseen = s;
        Settle(unseen, event.who, Fate::kInHand, Fate::kLeaving, emit);
        return Settle(s, event.who, Fate::kInHand, Fate::kFreed, emit);
      }
      case kHaveGivenBack:
        return Settle(s, event.who, Fate::kLeaving, Fate::kFreed, emit);
      case kLose:
        return Settle(s, event.who, Fate::kInHand, Fate::kFreed, emit);
      case kOffer:
        return Settle(s, event.who, Fate::kInHand, Fate::kOffered, emit);
      case kTell:
        for (Entry& entry : s.entries) {
          if (entry.fate == Fate::kOffered) entry.fate = Fate::kTold;
        }
        return emit(s);
      case kLookForOffer:
        s.sees_no_offer.at(event.who) = !s.IsTold();
        return emit(s);
      case kPassOver:
        PassOverSome(s, emit);
        // What is leaving may be seen by now.
        return Settle(s, event.who, Fate::kLeaving, Fate::kFreed,
                      [&](const State& seen) { PassOverSome(seen, emit); });
      case kTake: return Take(s, event, emit);
      case kFindNothing:
        if (!s.are_consumers_closed) Find(s, event, Fate::kNone, emit);
        return;
      case kFindPending: return Find(s, event, Fate::kClaimed, emit);
      case kFindNothingOrEnd:
        Find(s, event, Fate::kNone, emit);
        return Find(s, event, Fate::kEnd, emit);
      case kCloseConsumers: s.are_consumers_closed = true; return emit(s);
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
  // What becomes of what is in hand, or leaving it; it may be nothing.
  template <typename Emit>
  static void Settle(State& s, std::uint8_t who, Fate from, Fate to,
                     const Emit& emit) {
    for (std::uint32_t i = 0; i < s.entry_count; ++i) {
      Entry& entry = s.entries[i];
      if (entry.fate != from || entry.who != who) continue;
      entry.fate = to;
      if (to == Fate::kFreed) entry.value = 0;
      if (to != Fate::kLeaving) entry.who = 0;
    }
    s.Forget();
    emit(s);
  }
  // None of the next that were given up, or some, or all.
  template <typename Emit>
  static void PassOverSome(State s, const Emit& emit) {
    emit(s);
    while (s.next_fate() == Fate::kVoid) {
      s.PassOver();
      State next = s;
      next.Forget();
      emit(next);
    }
  }
  template <typename Emit>
  static void Take(State& s, const Event& event, const Emit& emit) {
    const Entry taken{event.value, Fate::kInHand, event.who};
    const bool sees_no_offer = s.sees_no_offer.at(event.who);
    s.sees_no_offer.at(event.who) = false;
    for (std::uint32_t i = 0; i < s.taken; ++i) {
      Entry& entry = s.entries[i];
      const bool is_offered =
          entry.fate == Fate::kOffered || entry.fate == Fate::kTold;
      if (!is_offered || entry.value != event.value) continue;
      entry = taken;
      return emit(s);
    }
    s.PassOverAll();
    if (!sees_no_offer || s.taken == s.entry_count) return;
    if (s.entries[s.taken] != Entry{event.value, Fate::kDone}) return;
    s.entries[s.taken++] = taken;
    s.Forget();
    emit(s);
  }
  template <typename Emit>
  static void Find(State s, const Event& event, Fate fate, const Emit& emit) {
    if (!s.sees_no_offer.at(event.who)) return;
    s.sees_no_offer.at(event.who) = false;
    s.PassOverAll();
    if (s.next_fate() != fate) return;
    s.Forget();
    emit(s);
  }
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_SHARED_FIFO_H_
