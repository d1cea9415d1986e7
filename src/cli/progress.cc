// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "cli/stream_header.h"
#include "cli/text.h"

namespace placid::cli {

void Progress::Update(std::uint64_t moved, std::uint64_t expected,
                      bool is_peer_here) {
  if (!is_shown_) return;
  constexpr auto kInterval = std::chrono::milliseconds(100);
  const auto now = Clock::now();
  const std::chrono::duration<double> since = now - drawn_at_;
  if (since < kInterval) return;

  const double recent =
      static_cast<double>(moved - drawn_moved_) / since.count();
  // The first rate counts in full, later ones by a fifth.
  rate_ = rate_ == 0 ? recent : rate_ + (recent - rate_) / 5;
  if (drawn_at_ == Clock::time_point()) rate_ = 0;
  drawn_at_ = now;
  drawn_moved_ = moved;
  if (is_peer_here) {
    Draw(Moving(moved, expected));
  } else {
    const char* verb = side_ == Side::kSender ? "receive" : "send";
    Draw(Concat("waiting for `placid ", verb, " ", name_, "`"));
  }
}

std::string Progress::Moving(std::uint64_t moved,
                             std::uint64_t expected) const {
  const bool is_known =
      expected != StreamHeader::kUnknownBytes && expected != 0;
  std::string line = FormatBytes(moved);
  if (is_known) {
    const double share =
        static_cast<double>(moved) / static_cast<double>(expected);
    line += Concat(" of ", FormatBytes(expected), " (",
                   std::min(100, static_cast<int>(share * 100)), " %)");
  }
  line += Concat("  ", FormatRate(rate_));
  if (is_known && rate_ > 0 && moved < expected) {
    line +=
        Concat("  ", FormatClock(static_cast<double>(expected - moved) / rate_),
               " left");
  }
  return line;
}

void Progress::End(std::string_view last_line) {
  if (!is_shown_) return;
  if (!drawn_.empty()) {
    Draw("");
    std::fputc('\r', stderr);
  }
  if (!last_line.empty()) {
    std::fputs(Concat(last_line, "\n").c_str(), stderr);
  }
}

// Blanks cover what the last line was longer: no terminal codes needed.
void Progress::Draw(std::string_view line) {
  if (line == drawn_) return;
  std::string text = Concat("\r", line);
  if (line.size() < drawn_.size()) {
    text.append(drawn_.size() - line.size(), ' ');
  }
  drawn_ = line;
  std::fputs(text.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace placid::cli
