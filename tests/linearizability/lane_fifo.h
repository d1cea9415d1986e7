// SPDX-License-Identifier: Apache-2.0
//
// LaneFifo<kLanes>: what LaneRing and LaneByteRing are when nothing overlaps.
//
// Each lane is a Fifo (fifo.h), leased by one producer at a time, and the
// consumer takes the oldest entry of any: order is kept in each lane, across
// those who lease it, and so for each producer. Which lane comes next, and which
// one is leased, is not said here.
//
// Whoever says that every lane is empty, or leased, has looked at one after the
// other, in any order: there need not have been a moment when all were. That the
// consumer is told of the end is another matter: then the ring is sealed, nobody
// has a lane, and nothing is left. Who finds the ring sealed has a lane for a
// moment, which others may see.
#ifndef PLACID_TESTS_LINEARIZABILITY_LANE_FIFO_H_
#define PLACID_TESTS_LINEARIZABILITY_LANE_FIFO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/linearizability/fifo.h"

namespace placid::linearizability {

template <std::size_t kLanes>
struct LaneFifo {
  enum Kind : std::uint8_t {
    kInLane,  // `event`, in `lane`
    // A producer's.
    kLease,       // `lane`
    kGiveBack,    // `lane`; or somebody else in the name of the dead
    kFindLeased,  // a lane that `who` has not found so yet
    kTry,         // any lane that is free, for a moment ...
    kSeeSealed,   // ... in which it sees the seal
    kSeal,
    // The consumer's.
    kFindEmpty,    // a lane that it has not found so yet
    kMayGetMore,   // it is not sealed, or a lane is leased
    kFindTheEnd,   // sealed, none is leased, and nothing is left
    kPopRefused,   // it has closed
    kCloseConsumer,
    // Nobody's: values that were never pushed, or results never documented.
    kNonsense,
  };

  struct Event {
    Kind kind;
    std::uint8_t lane = 0;
    std::uint8_t who = 0;  // the producer, from 0
    Fifo::Event event = {Fifo::kNonsense};
    [[nodiscard]] std::string ToString() const {
      static constexpr std::array kNames = {
          "",
          "lease",
          "give back",
          "find one leased",
          "try any",
          "see it sealed",
          "seal",
          "find one empty",
          "know that more may come",
          "find the end",
          "pop, refused",
          "close the consumer",
          "NONSENSE"};
      return "lane " + std::to_string(lane) + "  " +
             (kind == kInLane ? event.ToString() : std::string(kNames[kind]));
    }
  };

  static constexpr std::size_t kProducers = 2;
  using Set = std::array<bool, kLanes>;

  struct State {
    std::array<Fifo::State, kLanes> lanes{};
    Set leased{};
    std::array<Set, kProducers> found_leased{};
    Set found_empty{};
    // Each producer's lane, from 1, of which it will see that it is sealed.
    std::array<std::uint8_t, kProducers> tried{};
    bool is_sealed = false;
    bool operator==(const State&) const = default;
    [[nodiscard]] std::uint64_t Hash() const {
      std::uint64_t hash = is_sealed ? 1 : 0;
      for (const std::uint8_t lane : tried) hash = hash * 8 + lane;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        hash = hash * 0x1'0000'01B3 + lanes[lane].Hash();
        hash = hash * 2 + (leased[lane] ? 1u : 0u);
        hash = hash * 2 + (found_empty[lane] ? 1u : 0u);
        for (const Set& found : found_leased) {
          hash = hash * 2 + (found[lane] ? 1u : 0u);
        }
      }
      return hash;
    }

    // Whether anybody has it, be it for a moment.
    [[nodiscard]] bool IsTaken(std::size_t lane) const {
      for (const std::uint8_t it : tried) {
        if (it == lane + 1) return true;
      }
      return leased[lane];
    }
    [[nodiscard]] bool AnyIsTaken() const {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        if (IsTaken(lane)) return true;
      }
      return false;
    }
  };

  Fifo fifo;  // each lane

  template <typename Emit>
  void Step(const State& before, const Event& event, const Emit& emit) const {
    State s = before;
    switch (event.kind) {
      case kInLane:
        return fifo.Step(before.lanes[event.lane], event.event,
                         [&](const Fifo::State& lane) {
                           s.lanes[event.lane] = lane;
                           emit(s);
                         });
      case kLease:
        if (s.is_sealed || s.IsTaken(event.lane)) return;
        s.leased[event.lane] = true;
        return emit(s);
      case kGiveBack:
        if (!s.leased[event.lane]) return;
        s.leased[event.lane] = false;
        return emit(s);
      case kFindLeased:
        return FindOne(
            s, s.found_leased[event.who],
            [&](std::size_t lane) { return before.IsTaken(lane); }, emit);
      case kTry:
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          if (before.IsTaken(lane)) continue;
          s.tried[event.who] = static_cast<std::uint8_t>(lane + 1);
          emit(s);
        }
        return;
      case kSeeSealed:
        if (!s.is_sealed) return;
        s.tried[event.who] = 0;
        return emit(s);
      case kSeal: s.is_sealed = true; return emit(s);
      case kFindEmpty:
        return FindOne(
            s, s.found_empty,
            [&](std::size_t lane) { return IsEmpty(before.lanes[lane]); },
            emit);
      case kMayGetMore:
        if (!s.is_sealed || s.AnyIsTaken()) emit(s);
        return;
      case kFindTheEnd:
        if (!s.is_sealed) return;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          if (s.leased[lane] || !IsEmpty(s.lanes[lane])) return;
        }
        return emit(s);
      case kPopRefused:
        if (s.lanes[0].is_consumer_closed) emit(s);
        return;
      case kCloseConsumer:
        for (Fifo::State& lane : s.lanes) lane.is_consumer_closed = true;
        return emit(s);
      case kNonsense: return;
    }
  }

 private:
  // Nothing to take, as the lane's own specification has it.
  [[nodiscard]] bool IsEmpty(const Fifo::State& lane) const {
    bool is_empty = false;
    fifo.Step(lane, {Fifo::kFindNothing},
              [&](const Fifo::State&) { is_empty = true; });
    return is_empty;
  }
  // One of those that are not in `found`; once all are, it begins anew.
  template <typename Is, typename Emit>
  static void FindOne(const State& s, Set& found, const Is& is,
                      const Emit& emit) {
    const Set before = found;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      if (before[lane] || !is(lane)) continue;
      found = before;
      found[lane] = true;
      bool is_all = true;
      for (const bool it : found) is_all = is_all && it;
      if (is_all) found = {};
      emit(s);
    }
  }
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_LANE_FIFO_H_
