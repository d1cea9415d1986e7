// SPDX-License-Identifier: Apache-2.0
//
// Progress: one line on a terminal that is written over and over: how much, how
// fast, how long still.
#ifndef PLACID_SRC_CLI_PROGRESS_H_
#define PLACID_SRC_CLI_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/stream_header.h"

namespace placid::cli {

class Progress {
 public:
  using Clock = std::chrono::steady_clock;

  Progress(bool is_shown, Side side, std::string_view name)
      : is_shown_(is_shown), side_(side), name_(name) {}

  [[nodiscard]] bool is_shown() const { return is_shown_; }

  // Draws what has changed, but at most ten times a second.
  void Update(std::uint64_t moved, std::uint64_t expected, bool is_peer_here);
  // Takes the line away and leaves a last one, if there is one to leave.
  void End(std::string_view last_line);

 private:
  void Draw(std::string_view line);
  [[nodiscard]] std::string Moving(std::uint64_t moved,
                                   std::uint64_t expected) const;

  bool is_shown_;
  Side side_;
  std::string name_;
  Clock::time_point drawn_at_;
  std::uint64_t drawn_moved_ = 0;
  double rate_ = 0;  // bytes per second, smoothed
  std::string drawn_;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_PROGRESS_H_
