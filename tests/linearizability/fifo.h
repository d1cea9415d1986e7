// SPDX-License-Identifier: Apache-2.0
//
// Fifo: what SpscRing and SpscByteRing are when nothing overlaps.
//
// A queue of entries of some size in a space of `capacity`. Those that were
// taken stay in their place until they are given back, for a prompt consumer by
// its next call; a streaming one may keep up to `lag` beyond that. So a push
// must find room where the ring has it even if the consumer keeps all it may,
// and must not find more than there is if it keeps nothing: kFull in between is
// the consumer's choice, anywhere else an error.
//
// An operation that stores its own counter and then looks at the other side's
// may look before the other side sees that store (store buffering: no fence
// stands between, nor need one). So kPutEarly can leave its entry unseen, until
// kShow at the end of the same operation; and what kGiveBack gives may be
// missed until kHaveGivenBack.
//
// Room is in bytes for SpscByteRing, where an entry that does not fit before
// the end of data is preceded by padding, published on its own.
#ifndef PLACID_TESTS_LINEARIZABILITY_FIFO_H_
#define PLACID_TESTS_LINEARIZABILITY_FIFO_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace placid::linearizability {

struct Fifo {
  static constexpr std::size_t kMostEntries = 18;

  enum Kind : std::uint8_t {
    // The producer's.
    kSkip,               // to the start of data, where `size` does not fit
    kPut,                // `value` of `size`, the last event of its operation
    kPutEarly,           // the same, followed by others and by kShow
    kShow,               // all that was put
    kNoRoom,             // for `size`; the consumer has not closed
    kNoRoomEver,         // for `size`; whether or not it has
    kSeeConsumerClosed,  // it has
    kPushRefused,        // the producer has closed
    kCloseProducer,
    // The consumer's.
    kGiveBack,       // what was in hand
    kHaveGivenBack,  // at most `lag` is still kept
    kGiveAll,        // all that was taken
    kTake,           // min(wanted, what there is) entries, from `value` on
    kLook,           // at up to `wanted` entries, from `value` on
    kRetire,         // `count` entries
    kFindNothing,
    kFindTheEnd,  // nothing, and the producer has closed
    kPopRefused,  // the consumer has closed
    kCloseConsumer,
    kTakeOver,  // by a successor of the consumer
    // Nobody's: values that were never pushed, or results never documented.
    kNonsense,
  };

  struct Event {
    Kind kind;
    std::uint32_t value = 0;  // of the first entry; the next have higher ones
    std::uint32_t count = 1;  // of entries taken, looked at or retired
    std::uint32_t wanted = 1;
    std::uint32_t size = 1;
    [[nodiscard]] std::string ToString() const {
      static constexpr std::array kNames = {"skip to the start for",
                                            "put",
                                            "put, and go on",
                                            "show what was put",
                                            "find no room for",
                                            "find no room, ever, for",
                                            "see the consumer closed",
                                            "push, refused",
                                            "close the producer",
                                            "give back what was in hand",
                                            "have given back",
                                            "give all back",
                                            "take",
                                            "look at",
                                            "retire",
                                            "find nothing",
                                            "find the end",
                                            "pop, refused",
                                            "close the consumer",
                                            "take over",
                                            "NONSENSE"};
      return std::string(kNames[kind]) + "  value " + std::to_string(value) +
             " count " + std::to_string(count) + " of " +
             std::to_string(wanted) + " size " + std::to_string(size);
    }
  };

  struct Entry {
    std::uint32_t value = 0;  // 0: padding
    std::uint32_t size = 0;
    bool operator==(const Entry&) const = default;
  };

  // The entries lie in this order: kept, in hand, not taken, unseen.
  struct State {
    std::array<Entry, kMostEntries> entries{};
    std::uint32_t entry_count = 0;
    std::uint32_t kept = 0;     // at most so many are still in their place
    std::uint32_t in_hand = 0;  // so many are
    std::uint32_t unseen = 0;   // put, but not shown yet
    std::uint32_t tail = 0;     // modulo the capacity
    bool is_stuck = false;      // no room for padding
    bool is_producer_closed = false;
    bool is_consumer_closed = false;
    bool operator==(const State&) const = default;
    [[nodiscard]] std::uint64_t Hash() const {
      const std::uint64_t flags = (is_stuck ? 1u : 0u) |
                                  (is_producer_closed ? 2u : 0u) |
                                  (is_consumer_closed ? 4u : 0u);
      const Entry& first = entries[0];
      std::uint64_t hash = flags;
      for (const std::uint32_t count : {entry_count, kept, in_hand, unseen}) {
        hash = hash * 32 + count;
      }
      return (hash * 128 + tail) * 4099 + first.value;
    }

    [[nodiscard]] std::uint32_t Size(std::uint32_t from,
                                     std::uint32_t to) const {
      std::uint32_t size = 0;
      for (std::uint32_t i = from; i < to; ++i) size += entries[i].size;
      return size;
    }
    [[nodiscard]] std::uint32_t taken() const { return kept + in_hand; }
    [[nodiscard]] std::uint32_t seen() const { return entry_count - unseen; }
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
      std::uint32_t count = 0;
      while (count < kept && Size(count, kept) > most) ++count;
      Drop(count);
    }
  };

  std::uint32_t capacity;
  std::uint32_t lag = 0;
  bool is_in_one_piece = false;  // an entry may not go round the end

  template <typename Emit>
  void Step(const State& before, const Event& event, const Emit& emit) const {
    State s = before;
    const std::uint32_t all = s.Size(0, s.entry_count);
    // Free even if all is kept that may be; and if nothing is.
    const std::uint32_t sure = all > capacity ? 0 : capacity - all;
    const std::uint32_t perhaps = capacity - s.Size(s.kept, s.entry_count);
    const std::uint32_t rest = capacity - s.tail;
    switch (event.kind) {
      case kSkip:
        if (s.is_producer_closed) return;
        if (event.size <= rest) return emit(s);
        // The padding is shown, or not yet; or there is no room for it.
        if (sure < rest) {
          s.is_stuck = true;
          emit(s);
          s.is_stuck = false;
        }
        if (perhaps >= rest && Append(s, {0, rest})) EmitSeenOrNot(s, emit);
        return;
      case kShow: s.unseen = 0; return emit(s);
      case kPut:
      case kPutEarly:
        if (s.is_producer_closed || s.is_stuck || perhaps < event.size) return;
        if (is_in_one_piece && event.size > rest) return;
        if (!Append(s, {event.value, event.size})) return;
        if (event.kind == kPutEarly) return EmitSeenOrNot(s, emit);
        s.unseen = 0;
        return emit(s);
      case kNoRoom:
      case kNoRoomEver:
        if (s.is_producer_closed) return;
        if (event.kind == kNoRoom && s.is_consumer_closed) return;
        if (!s.is_stuck && sure >= event.size) return;
        s.is_stuck = false;
        return emit(s);
      case kSeeConsumerClosed:
        if (s.is_consumer_closed) emit(s);
        return;
      case kPushRefused:
        if (s.is_producer_closed) emit(s);
        return;
      case kCloseProducer: s.is_producer_closed = true; return emit(s);
      case kGiveBack:
        s.kept += s.in_hand;
        s.in_hand = 0;
        return emit(s);
      case kHaveGivenBack: s.DropKeptBeyond(lag); return emit(s);
      case kGiveAll: s.Drop(s.taken()); return emit(s);
      case kTake:
        if (s.is_consumer_closed || s.in_hand != 0) return;
        TakePadding(s);
        if (!IsNext(s, event)) return;
        if (event.count < event.wanted && s.taken() + event.count != s.seen()) {
          return;
        }
        s.in_hand += event.count;
        return emit(s);
      case kLook:
        if (!s.is_consumer_closed && IsNext(s, event)) emit(s);
        return;
      case kRetire:
        if (s.taken() + event.count > s.seen()) return;
        s.kept += s.in_hand + event.count;
        s.in_hand = 0;
        s.DropKeptBeyond(lag);
        return emit(s);
      case kFindNothing:
      case kFindTheEnd:
        if (s.is_consumer_closed) return;
        if (s.is_producer_closed != (event.kind == kFindTheEnd)) return;
        TakePadding(s);
        if (s.taken() == s.seen()) emit(s);
        return;
      case kPopRefused:
        if (s.is_consumer_closed) emit(s);
        return;
      case kCloseConsumer: s.is_consumer_closed = true; return emit(s);
      case kTakeOver:
        // What was in hand comes again, and as much as was kept before it.
        while (true) {
          State next = s;
          next.kept = next.in_hand = 0;
          emit(next);
          if (s.kept == 0) return;
          s.Drop(1);
        }
      case kNonsense: return;
    }
  }

 private:
  // What is known to be overwritten was not kept.
  bool Append(State& s, Entry entry) const {
    if (s.Size(s.kept, s.entry_count) + entry.size > capacity) return false;
    s.DropKeptBeyond(capacity - entry.size - s.Size(s.kept, s.entry_count));
    s.entries[s.entry_count++] = entry;
    s.tail = (s.tail + entry.size) % capacity;
    ++s.unseen;
    return true;
  }
  // All seen, all but the last, or none that was not.
  template <typename Emit>
  static void EmitSeenOrNot(State s, const Emit& emit) {
    emit(s);
    if (s.unseen > 1) {
      s.unseen = 1;
      emit(s);
    }
    s.unseen = 0;
    emit(s);
  }
  static void TakePadding(State& s) {
    while (s.taken() < s.seen() && s.entries[s.taken()].value == 0) {
      ++s.in_hand;
    }
  }
  [[nodiscard]] bool IsNext(const State& s, const Event& event) const {
    if (event.count == 0 || event.count > event.wanted) return false;
    if (s.taken() + event.count > s.seen()) return false;
    for (std::uint32_t i = 0; i < event.count; ++i) {
      const Entry& entry = s.entries[s.taken() + i];
      if (entry != Entry{event.value + i, event.size}) return false;
    }
    return true;
  }
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_FIFO_H_
