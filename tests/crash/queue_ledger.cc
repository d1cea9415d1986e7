// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/queue_ledger.h"

#include <cstddef>
#include <string>
#include <vector>

#include "tests/crash/play.h"

namespace placid::crash {
namespace {

enum class Fate { kInFlight, kCommitted, kNever };

struct Pushed {
  std::uint64_t value;
  std::uint64_t op;
  Fate fate;
};

std::vector<Pushed> PushesOf(const std::vector<Event>& events) {
  std::vector<Pushed> pushes;
  for (const Event& event : events) {
    if (event.what == What::kBegin) {
      for (std::uint64_t i = 0; i < event.count; ++i) {
        pushes.push_back({event.value + i, event.op, Fate::kInFlight});
      }
    } else if (event.what == What::kDone) {
      std::uint64_t committed = 0;
      for (Pushed& push : pushes) {
        if (push.op != event.op) continue;
        push.fate = committed++ < event.count ? Fate::kCommitted : Fate::kNever;
      }
    }
  }
  return pushes;
}

class Replay {
 public:
  Replay(std::vector<Pushed> pushes, const QueueRules& rules)
      : pushes_(std::move(pushes)), rules_(rules) {}

  void Take(const Event& event) {
    std::size_t at = next_;
    if (has_taken_ && event.who != last_.who) at = EarliestAgain();
    while (at < pushes_.size() && pushes_[at].value != event.value) ++at;
    if (at == pushes_.size()) Complain(event.value);
    Skip(at);
    pushes_[at].fate = Fate::kCommitted;
    if (!has_taken_ || event.op != last_.op) hand_ = at;
    next_ = at + 1;
    last_ = event;
    has_taken_ = true;
  }
  void Retire() { hand_ = next_; }

  void End() {
    if (rules_.is_drained) Skip(pushes_.size());
  }

 private:
  // What lies before `end` was passed over: it must not have been committed,
  // and of the same call nothing later may turn up.
  void Skip(std::size_t end) {
    for (; next_ < end; ++next_) {
      if (pushes_[next_].fate == Fate::kCommitted) {
        Fail("lost: value " + std::to_string(pushes_[next_].value) +
             " was committed and not delivered");
      }
      for (std::size_t i = next_;
           i < pushes_.size() && pushes_[i].op == pushes_[next_].op; ++i) {
        pushes_[i].fate = Fate::kNever;
      }
    }
    if (end < pushes_.size() && pushes_[end].fate == Fate::kNever) {
      Fail("value " + std::to_string(pushes_[end].value) +
           " was delivered, but it was refused, or one before it of the same "
           "call was not delivered");
    }
  }

  // Where the successor of a dead consumer may begin at the earliest.
  [[nodiscard]] std::size_t EarliestAgain() const {
    if (hand_ == next_) return next_;
    std::size_t first = hand_;
    for (std::uint64_t left = rules_.lag; first > 0; --first) {
      const Pushed& push = pushes_[first - 1];
      if (push.fate == Fate::kNever) continue;
      const std::uint64_t weight = rules_.weight(push.value);
      if (weight > left) break;
      left -= weight;
    }
    return first;
  }

  [[noreturn]] void Complain(std::uint64_t value) const {
    for (const Pushed& push : pushes_) {
      if (push.value == value) {
        Fail("value " + std::to_string(value) +
             " was delivered again, beyond what the contract says");
      }
    }
    Fail("value " + std::to_string(value) + " was delivered, never pushed");
  }

  std::vector<Pushed> pushes_;
  const QueueRules& rules_;
  std::size_t next_ = 0;  // all before it are delivered or will never be
  std::size_t hand_ = 0;  // where the last taking call began
  Event last_{};
  bool has_taken_ = false;
};

}  // namespace

void VerifyQueue(const std::vector<Event>& events, const QueueRules& rules) {
  Replay replay(PushesOf(events), rules);
  for (const Event& event : events) {
    if (event.what == What::kTook) replay.Take(event);
    if (event.what == What::kRetired) replay.Retire();
  }
  replay.End();
}

}  // namespace placid::crash
