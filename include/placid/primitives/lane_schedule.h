// SPDX-License-Identifier: Apache-2.0
//
// LaneSchedule<kLanes>: whose turn it is, for a consumer of many lanes.
//
// All of it is private to the consumer: a lane that waits for its turn costs its
// producer nothing, and one in which nothing comes costs the others next to
// nothing.
//
//   turn   A lane that has something may give kTurn values in a row; then the
//          next one that has something gets its turn, round and round. So
//          between two turns of such a lane each other lane has one at most.
//   rest   A lane found empty rests for 1 turn of others, then for 2, 4 and so
//          on up to kLongestRest, until something is found in it: of many idle
//          lanes about one is looked at in a turn. Where nobody has a turn, rest
//          or not, all are looked at.
//
// Rests are kept in a wheel (Varghese and Lauck, "Hashed and Hierarchical Timing
// Wheels", 1987): what to do next takes a few instructions, however many lanes
// there are.
#ifndef PLACID_PRIMITIVES_LANE_SCHEDULE_H_
#define PLACID_PRIMITIVES_LANE_SCHEDULE_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace placid {

// Lanes that there can be at most: a set of them is one word.
inline constexpr std::uint64_t kMostLanes = 64;

template <std::uint64_t kLanes>
class LaneSchedule {
  static_assert(kLanes >= 1 && kLanes <= kMostLanes, "there are 1 to 64 lanes");

 public:
  // Bit i stands for lane i.
  using Set = std::uint64_t;
  static constexpr Set kAll = kLanes == 64 ? ~Set{0} : (Set{1} << kLanes) - 1;

  // Values in a row from one lane while others wait.
  static constexpr std::uint64_t kTurn = 128;
  // Turns of others between two looks at an idle lane.
  static constexpr std::uint64_t kLongestRest = 64;

  // The lane that had its turn last, or has it.
  [[nodiscard]] std::uint64_t lane() const { return lane_; }
  [[nodiscard]] bool HasTurn() const { return left_ != 0; }
  void Took(std::uint64_t values) { left_ -= (std::min)(left_, values); }
  void EndTurn() { left_ = 0; }

  // The lane to look at next, of those that are not in `looked`: the next one
  // that does not rest or, where all do, the next one. Requires that some are
  // not in `looked`. Then say what came of it: Begin or FoundNothing.
  [[nodiscard]] std::uint64_t Next(Set looked) const {
    Set some = awake_ & ~looked;
    if (some == 0) some = kAll & ~looked;
    const Set behind = some & ~UpTo(lane_);
    return static_cast<std::uint64_t>(
        std::countr_zero(behind != 0 ? behind : some));
  }

  // Whether all rest that are not in `looked`.
  [[nodiscard]] bool DoOthersRest(Set looked) const {
    return (awake_ & ~looked) == 0;
  }

  // Something was found in it: its turn begins.
  void Begin(std::uint64_t lane) {
    lane_ = lane;
    left_ = kTurn;
    ++turns_;
    awake_ |= Bit(lane) | std::exchange(wheel_[turns_ % kLongestRest], 0);
    rests_[static_cast<std::size_t>(lane)] = 0;
  }

  // Nothing was found in it, or no more: it rests.
  void FoundNothing(std::uint64_t lane) {
    lane_ = lane;
    left_ = 0;
    if ((awake_ & Bit(lane)) == 0) return;  // it rests already
    awake_ &= ~Bit(lane);
    std::uint8_t& rests = rests_[static_cast<std::size_t>(lane)];
    const std::uint64_t rest = std::uint64_t{1} << rests;
    if (rest < kLongestRest) ++rests;
    wheel_[(turns_ + rest) % kLongestRest] |= Bit(lane);
  }

 private:
  static_assert(std::has_single_bit(kLongestRest));

  static constexpr Set Bit(std::uint64_t lane) { return Set{1} << lane; }
  // The lanes from 0 to this one.
  static constexpr Set UpTo(std::uint64_t lane) {
    return Bit(lane) | (Bit(lane) - 1);
  }

  std::uint64_t lane_ = kLanes - 1;
  std::uint64_t left_ = 0;   // of the turn, in values
  std::uint64_t turns_ = 0;  // ever; may wrap
  Set awake_ = kAll;
  // Who wakes at the beginning of which turn.
  std::array<Set, kLongestRest> wheel_{};
  // How often each was found empty since something was found in it.
  std::array<std::uint8_t, kLanes> rests_{};
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_LANE_SCHEDULE_H_
