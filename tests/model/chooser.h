// SPDX-License-Identifier: Apache-2.0
//
// Chooser: answers every "which of these?" of one execution, so that executions
// can be enumerated, drawn at random, repeated and shortened.
//
// Choice 0 is always the dull one: the same thread goes on, the newest value is
// read, nobody dies. A short trace is one with few other choices.
#ifndef PLACID_TESTS_MODEL_CHOOSER_H_
#define PLACID_TESTS_MODEL_CHOOSER_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace placid::model {

enum class Kind : std::uint8_t { kThread, kMessage, kDeath };

class Chooser {
 public:
  // ---- How to choose next

  // Depth first: each NextBranch() takes the last choice that has another
  // answer to its next one. False: there is none, all were explored.
  void StartSearch() { Start(Mode::kSearch); }
  [[nodiscard]] bool NextBranch() {
    choices_.resize(made_);
    while (!choices_.empty() &&
           choices_.back().taken + 1 >= choices_.back().count) {
      choices_.pop_back();
    }
    if (choices_.empty()) return false;
    ++choices_.back().taken;
    return true;
  }

  // At random. Walks differ in temper as well: some switch threads at each
  // step, some rarely; some love stale values, some kill early.
  void StartWalk(std::uint64_t seed) {
    Start(Mode::kWalk);
    random_ = seed * 0x9E37'79B9'7F4A'7C15 + 0x1234'5678'9ABC'DEF1;
    for (auto& temper : tempers_) temper = 1 + Random() % 16;
  }

  // As given; all choices after that are 0.
  void StartReplay(std::vector<std::uint16_t> choices) {
    Start(Mode::kReplay);
    replayed_ = std::move(choices);
  }

  void StartExecution() { made_ = 0; }

  // ---- Choosing

  // One of 0 to count - 1.
  int Choose(int count, Kind kind) {
    if (count <= 1) return 0;
    if (mode_ == Mode::kSearch) {
      if (made_ == choices_.size()) choices_.push_back({0, count});
      return choices_[made_++].taken;
    }
    int taken = 0;
    if (mode_ == Mode::kWalk) {
      const auto temper = tempers_[static_cast<std::size_t>(kind)];
      if (Random() % (kind == Kind::kDeath ? 64 : 16) < temper) {
        taken = static_cast<int>(Random() % static_cast<std::uint64_t>(count));
      }
    } else if (made_ < replayed_.size() && replayed_[made_] < count) {
      taken = replayed_[made_];
    }
    choices_.resize(made_);
    choices_.push_back({taken, count});
    ++made_;
    return taken;
  }

  // Whether this choice was never made before: the states from here on are new
  // to a depth-first search.
  [[nodiscard]] bool IsAtFrontier() const {
    return mode_ == Mode::kSearch && made_ == choices_.size();
  }

  [[nodiscard]] std::vector<std::uint16_t> taken() const {
    std::vector<std::uint16_t> all;
    for (std::size_t i = 0; i < made_; ++i) {
      all.push_back(static_cast<std::uint16_t>(choices_[i].taken));
    }
    return all;
  }

 private:
  enum class Mode : std::uint8_t { kSearch, kWalk, kReplay };
  struct Choice {
    int taken;
    int count;
  };

  void Start(Mode mode) {
    mode_ = mode;
    choices_.clear();
    made_ = 0;
  }

  // xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift
  // generators, scrambled", 2016.
  std::uint64_t Random() {
    random_ ^= random_ >> 12;
    random_ ^= random_ << 25;
    random_ ^= random_ >> 27;
    return random_ * 0x2545'F491'4F6C'DD1D >> 16;
  }

  Mode mode_ = Mode::kSearch;
  std::vector<Choice> choices_;
  std::size_t made_ = 0;
  std::vector<std::uint16_t> replayed_;
  std::uint64_t random_ = 1;
  std::uint64_t tempers_[3] = {};
};

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_CHOOSER_H_
