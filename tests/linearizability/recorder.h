// SPDX-License-Identifier: Apache-2.0
//
// Recorder: what one thread did in one history, and when.
//
//   const RingResult result = log.Time([&] { return consumer.TryPop(value); });
//   log.Note({Fifo::kGiveBack});
//   log.Note({Fifo::kTake, value});
//
// An operation that takes effect in several steps is noted as several events:
// all within its call and return, in the order of the notes.
#ifndef PLACID_TESTS_LINEARIZABILITY_RECORDER_H_
#define PLACID_TESTS_LINEARIZABILITY_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/linearizability/clock.h"

namespace placid::linearizability {

// When an operation was called and when it had returned.
struct Interval {
  std::uint64_t call;
  std::uint64_t ret;
};

template <typename Event>
struct Timed {
  Interval when;
  Event event;
};

template <typename Event>
class Recorder {
 public:
  Recorder() {
    operations_.reserve(64);
    events_.reserve(256);
  }

  void Clear() {
    operations_.clear();
    events_.clear();
  }

  template <typename Operation>
  auto Time(const Operation& operation) {
    const std::uint64_t call = CallStamp();
    const auto result = operation();
    operations_.push_back({call, ReturnStamp()});
    return result;
  }

  // Of the operation timed last.
  void Note(const Event& event) {
    events_.push_back({operations_.back(), event});
  }

  [[nodiscard]] const std::vector<Interval>& operations() const {
    return operations_;
  }
  [[nodiscard]] const std::vector<Timed<Event>>& events() const {
    return events_;
  }

 private:
  std::vector<Interval> operations_;
  std::vector<Timed<Event>> events_;
};

// How many operations of `a` were going on while one of `b` was. Both in order
// of time.
[[nodiscard]] inline std::uint64_t CountOverlapping(
    const std::vector<Interval>& a, const std::vector<Interval>& b) {
  std::uint64_t count = 0;
  for (const Interval& mine : a) {
    for (const Interval& other : b) {
      if (mine.call < other.ret && other.call < mine.ret) {
        ++count;
        break;
      }
    }
  }
  return count;
}

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_RECORDER_H_
