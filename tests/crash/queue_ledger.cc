// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/queue_ledger.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/crash/play.h"

namespace placid::crash {
namespace {

enum class Fate { kInFlight, kCommitted, kNever };

struct Pushed {
  std::uint64_t value;
  std::uint64_t op;
  std::uint32_t begun;
  std::uint32_t done = UINT32_MAX;  // never, if it was in flight
  Fate fate = Fate::kInFlight;
};
// What one producer, or one after the other, pushed.
using Stream = std::vector<Pushed>;

std::vector<Stream> StreamsOf(const std::vector<Event>& events,
                              bool has_many_producers) {
  std::map<Who, Stream> by_party;
  for (const Event& event : events) {
    Stream& pushes = by_party[has_many_producers ? event.who : Who::kSetUp];
    if (event.what == What::kBegin) {
      for (std::uint64_t i = 0; i < event.count; ++i) {
        pushes.push_back({event.value + i, event.op, event.time});
      }
    } else if (event.what == What::kDone) {
      std::uint64_t committed = 0;
      for (Pushed& push : pushes) {
        if (push.op != event.op) continue;
        push.done = event.time;
        push.fate = committed++ < event.count ? Fate::kCommitted : Fate::kNever;
      }
    }
  }
  std::vector<Stream> streams;
  for (auto& [who, stream] : by_party) streams.push_back(std::move(stream));
  return streams;
}

class Replay {
 public:
  Replay(std::vector<Stream> streams, const QueueRules& rules)
      : streams_(std::move(streams)), rules_(rules) {
    next_.resize(streams_.size());
  }

  void Take(const Event& event) {
    if (has_taken_ && event.who != last_.who) GoBackTo(event.value);
    const std::size_t at = cursor_;
    if (cursor_ == taken_.size()) {
      TakeNew(event.value);
    } else if (taken_[cursor_].value != event.value) {
      Complain(event.value);
    }
    ++cursor_;
    if (!has_taken_ || event.op != last_.op) hand_ = at;
    last_ = event;
    has_taken_ = true;
  }
  void Retire() { hand_ = cursor_; }

  void End() {
    if (!rules_.is_drained) return;
    if (cursor_ != taken_.size()) Lost(taken_[cursor_]);
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      Skip(i, streams_[i].size());
    }
  }

 private:
  // The successor of a dead consumer may begin with what was taken before.
  void GoBackTo(std::uint64_t value) {
    for (std::size_t i = EarliestAgain(); i < cursor_; ++i) {
      if (taken_[i].value == value) cursor_ = i;
    }
  }
  // Where that is at the earliest.
  [[nodiscard]] std::size_t EarliestAgain() const {
    if (hand_ == cursor_) return cursor_;
    std::size_t first = hand_;
    for (std::uint64_t left = rules_.lag; first > 0; --first) {
      const std::uint64_t weight = rules_.weight(taken_[first - 1].value);
      if (weight > left) break;
      left -= weight;
    }
    return first;
  }

  void TakeNew(std::uint64_t value) {
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      for (std::size_t at = next_[i]; at < streams_[i].size(); ++at) {
        if (streams_[i][at].value != value) continue;
        Skip(i, at);
        next_[i] = at + 1;
        streams_[i][at].fate = Fate::kCommitted;
        CheckOrder(streams_[i][at]);
        taken_.push_back(streams_[i][at]);
        return;
      }
    }
    Complain(value);
  }

  // What lies before `end` was passed over: it must not have been committed,
  // and of the same call nothing later may turn up.
  void Skip(std::size_t stream, std::size_t end) {
    Stream& pushes = streams_[stream];
    for (std::size_t& next = next_[stream]; next < end; ++next) {
      if (pushes[next].fate == Fate::kCommitted) Lost(pushes[next]);
      for (std::size_t i = next;
           i < pushes.size() && pushes[i].op == pushes[next].op; ++i) {
        pushes[i].fate = Fate::kNever;
      }
    }
    if (end < pushes.size() && pushes[end].fate == Fate::kNever) {
      Fail("value " + std::to_string(pushes[end].value) +
           " was delivered, but it was refused, or one before it of the same "
           "call was not delivered");
    }
  }

  // Nothing that is still to come was committed before this was begun.
  void CheckOrder(const Pushed& taken) const {
    if (!rules_.is_total) return;
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      for (std::size_t at = next_[i]; at < streams_[i].size(); ++at) {
        const Pushed& later = streams_[i][at];
        if (later.fate != Fate::kCommitted || later.done > taken.begun)
          continue;
        Fail("value " + std::to_string(taken.value) + " overtook value " +
             std::to_string(later.value) +
             ", which was committed before it was pushed");
      }
    }
  }

  [[noreturn]] static void Lost(const Pushed& push) {
    Fail("lost: value " + std::to_string(push.value) +
         " was committed and not delivered");
  }
  [[noreturn]] void Complain(std::uint64_t value) const {
    if (cursor_ < taken_.size()) Lost(taken_[cursor_]);
    for (const Stream& stream : streams_) {
      for (const Pushed& push : stream) {
        if (push.value == value) {
          Fail("value " + std::to_string(value) +
               " was delivered again, beyond what the contract says");
        }
      }
    }
    Fail("value " + std::to_string(value) + " was delivered, never pushed");
  }

  std::vector<Stream> streams_;
  const QueueRules& rules_;
  // Of each stream, all before it are delivered or will never be.
  std::vector<std::size_t> next_;
  std::vector<Pushed> taken_;  // in the order of their first delivery
  std::size_t cursor_ = 0;     // all of that before it, to the present consumer
  std::size_t hand_ = 0;       // where the last taking call began
  Event last_{};
  bool has_taken_ = false;
};

// Each stream has an order of its own, and its own values come again.
void VerifyEachStream(const std::vector<Event>& events,
                      const QueueRules& rules) {
  const std::vector<Stream> streams = StreamsOf(events, true);
  const auto is_of = [](const Stream& stream, std::uint64_t value) {
    return std::any_of(stream.begin(), stream.end(),
                       [&](const Pushed& push) { return push.value == value; });
  };
  for (const Event& event : events) {
    if (event.what == What::kTook &&
        std::none_of(streams.begin(), streams.end(), [&](const Stream& stream) {
          return is_of(stream, event.value);
        })) {
      Fail("value " + std::to_string(event.value) +
           " was delivered, never pushed");
    }
  }
  for (const Stream& stream : streams) {
    Replay replay({stream}, rules);
    Event last{};  // taken of this stream
    for (const Event& event : events) {
      if (event.what == What::kTook && is_of(stream, event.value)) {
        replay.Take(event);
        last = event;
        continue;
      }
      // A consumer gives back what it took itself: by a later call that takes
      // elsewhere, too. What a dead one had in hand waits for whoever comes by.
      const bool is_later = event.what == What::kTook && event.op != last.op;
      if (event.who == last.who &&
          ((is_later && rules.lag == 0) || event.what == What::kRetired)) {
        replay.Retire();
      }
    }
    replay.End();
  }
}

}  // namespace

void VerifyQueue(const std::vector<Event>& events, const QueueRules& rules) {
  if (!rules.is_total) return VerifyEachStream(events, rules);
  Replay replay(StreamsOf(events, rules.has_many_producers), rules);
  for (const Event& event : events) {
    if (event.what == What::kTook) replay.Take(event);
    if (event.what == What::kRetired) replay.Retire();
  }
  replay.End();
}

}  // namespace placid::crash
