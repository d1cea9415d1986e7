// SPDX-License-Identifier: Apache-2.0
//
// Checker: whether a history is one that the sequential type could have had.
//
// Wing and Gong ("Testing and Verifying Concurrent Objects", 1993): look for an
// order of all events, each between its call and its return, that the type's
// specification permits. With Lowe's memory ("Testing for Linearizability",
// 2017) of what was tried: the same events done and the same state reached need
// not be tried twice. Since a thread has done a prefix of its events, "the
// events done" is one count per thread.
//
// A Spec says what the sequential type may do:
//
//   struct Spec {
//     struct State { bool operator==(const State&) const; uint64_t Hash()
//     const; }; struct Event { std::string ToString() const; };
//     // Calls emit(next) for each state that the event can lead to; for none
//     // where it cannot happen in this one.
//     template <typename Emit>
//     void Step(const State& state, const Event& event, const Emit& emit)
//     const;
//   };
#ifndef PLACID_TESTS_LINEARIZABILITY_CHECKER_H_
#define PLACID_TESTS_LINEARIZABILITY_CHECKER_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/linearizability/recorder.h"

namespace placid::linearizability {

template <typename Spec>
class Checker {
 public:
  static constexpr std::size_t kMostThreads = 4;
  using State = typename Spec::State;
  using Thread = std::vector<Timed<typename Spec::Event>>;
  using History = std::vector<const Thread*>;

  [[nodiscard]] bool IsLinearizable(const Spec& spec, const State& initial,
                                    const History& history) {
    spec_ = &spec;
    history_ = history;
    tried_.clear();
    std::fill(buckets_.begin(), buckets_.end(), kNone);
    deepest_ = {};
    return Search({}, initial);
  }

  // The history, and how far the best attempt came.
  [[nodiscard]] std::string Explain() const {
    std::uint64_t start = UINT64_MAX;
    for (const Thread* thread : history_) {
      if (!thread->empty()) start = std::min(start, thread->front().when.call);
    }
    std::string text;
    for (std::size_t t = 0; t < history_.size(); ++t) {
      text += "thread " + std::to_string(t) + "\n";
      for (std::size_t i = 0; i < history_[t]->size(); ++i) {
        const auto& [when, event] = (*history_[t])[i];
        text += (i == deepest_[t] ? "  > " : "    ") +
                std::to_string(when.call - start) + " .. " +
                std::to_string(when.ret - start) + "  " + event.ToString() +
                "\n";
      }
    }
    return text + "(>: what could not come next, after all before it)\n";
  }

 private:
  // How many events of each thread are done.
  using Done = std::array<std::uint8_t, kMostThreads>;
  struct Tried {
    Done done;
    State state;
    std::uint32_t next;  // in its bucket
  };
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // NOLINTNEXTLINE(misc-no-recursion): as deep as there are events
  [[nodiscard]] bool Search(const Done& done, const State& state) {
    // An event may come next unless another one had returned before its call.
    std::uint64_t earliest_return = UINT64_MAX;
    bool is_finished = true;
    for (std::size_t t = 0; t < history_.size(); ++t) {
      if (done[t] == history_[t]->size()) continue;
      is_finished = false;
      earliest_return =
          std::min(earliest_return, (*history_[t])[done[t]].when.ret);
    }
    if (is_finished) return true;
    if (!IsNew(done, state)) return false;
    for (std::size_t t = 0; t < history_.size(); ++t) {
      if (done[t] == history_[t]->size()) continue;
      const auto& [when, event] = (*history_[t])[done[t]];
      if (when.call > earliest_return) continue;
      Done next = done;
      ++next[t];
      bool is_found = false;
      spec_->Step(state, event, [&](const State& after) {
        is_found = is_found || Search(next, after);
      });
      if (is_found) return true;
    }
    if (Sum(done) >= Sum(deepest_)) deepest_ = done;
    return false;
  }

  [[nodiscard]] bool IsNew(const Done& done, const State& state) {
    std::uint64_t hash = state.Hash();
    for (const std::uint8_t count : done) hash = hash * 31 + count;
    hash *= 0x9E37'79B9'7F4A'7C15u;
    std::uint32_t& bucket = buckets_[hash >> 56];
    for (std::uint32_t i = bucket; i != kNone; i = tried_[i].next) {
      if (tried_[i].done == done && tried_[i].state == state) return false;
    }
    tried_.push_back({done, state, bucket});
    bucket = static_cast<std::uint32_t>(tried_.size() - 1);
    return true;
  }

  static std::size_t Sum(const Done& done) {
    std::size_t sum = 0;
    for (const std::uint8_t count : done) sum += count;
    return sum;
  }

  const Spec* spec_ = nullptr;
  History history_;
  std::vector<Tried> tried_;
  std::array<std::uint32_t, 256> buckets_{};
  Done deepest_{};
};

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_CHECKER_H_
