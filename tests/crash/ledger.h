// SPDX-License-Identifier: Apache-2.0
//
// Ledger: what the parties of a play say they began, finished and were handed.
// It lies in memory that all of them share, but apart from the object, so that
// it tells what was committed without asking the object.
//
// A party notes kBegin before it calls the type, and what came of it after the
// call has returned. What was begun and not ended when its party died is in
// flight: either outcome is right.
#ifndef PLACID_TESTS_CRASH_LEDGER_H_
#define PLACID_TESTS_CRASH_LEDGER_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace placid::crash {

enum class Who : std::uint8_t {
  kSetUp,
  kVictim,
  kOther,
  kRecoverer,        // of the first death
  kSecondRecoverer,  // of the death of that one
  kChecker,
};

enum class What : std::uint8_t {
  kBegin,    // a call that adds values value .. value + count - 1
  kDone,     // it returned: the first `count` of them are committed
  kLook,     // a call begins that is handed values
  kTook,     // it returned and handed over this value
  kClosing,  // a call to close begins; value: which role
  kClosed,   // it returned
  kRetired,  // all that this party took was given back
  kOwn,      // this party holds the role now
  kDisown,   // it is about to give it back
};

struct Event {
  std::uint32_t time;  // later events have larger ones
  Who who;
  What what;
  std::uint16_t count;
  std::uint64_t op;  // one call, or one batch, of one party
  std::uint64_t value;
};

class Ledger {
 public:
  // One lane for the party that lives on beside the victim, one for all those
  // that die one after the other: no two ever write to the same.
  struct Lane {
    static constexpr std::size_t kMost = 2000;
    std::uint64_t count;
    std::array<Event, kMost> events;
  };
  struct Memory {
    std::atomic<std::uint32_t> clock;
    std::array<Lane, 2> lanes;
  };
  // All of it at one moment.
  struct Copy {
    std::uint32_t clock = 0;
    std::array<std::vector<Event>, 2> lanes;
  };

  // An empty one.
  void Open() {
    Restore({});
    parties_ = {};
  }
  // Who notes from now on, in this process.
  void Speak(Who who) { who_ = who; }
  [[nodiscard]] Who who() const { return who_; }

  // Whether each note ends in a breakpoint, for a tracer.
  void set_trap(bool is_set) { has_trap_ = is_set; }

  // Values that nobody else uses, in rising order.
  [[nodiscard]] std::uint64_t NewValues(std::uint64_t count = 1) {
    std::uint64_t& values = Mine().values;
    values += count;
    return static_cast<std::uint64_t>(who_) * 10'000 + values - count + 1;
  }

  void Begin(std::uint64_t value, std::uint64_t count = 1) {
    ++Mine().op;
    Note(What::kBegin, value, count);
  }
  void Done(std::uint64_t count = 1) { Note(What::kDone, 0, count); }
  void Look() {
    ++Mine().op;
    Note(What::kLook, 0, 0);
  }
  void Took(std::uint64_t value) { Note(What::kTook, value, 1); }
  void Note(What what, std::uint64_t value = 0, std::uint64_t count = 0);

  // Every event, in the order of their times.
  [[nodiscard]] std::vector<Event> Events() const;
  // The largest value of a kBegin whose call has returned; 0: none.
  [[nodiscard]] std::uint64_t LastDone() const;
  [[nodiscard]] bool IsNearlyFull() const;

  [[nodiscard]] Copy Save() const;
  void Restore(const Copy& copy);

  // How much was ever noted: cheap, to see whether there is news.
  [[nodiscard]] std::uint64_t size() const {
    return memory_->lanes[0].count + memory_->lanes[1].count;
  }

  explicit Ledger(Memory* memory) : memory_(memory) {}

 private:
  struct Party {
    std::uint64_t values = 0;
    std::uint32_t op = 0;
  };
  [[nodiscard]] Party& Mine() {
    return parties_[static_cast<std::size_t>(who_)];
  }

  Memory* memory_;
  Who who_ = Who::kSetUp;
  bool has_trap_ = false;
  std::array<Party, 6> parties_{};
};

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_LEDGER_H_
