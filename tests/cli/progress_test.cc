// SPDX-License-Identifier: Apache-2.0
#include "cli/progress.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "cli/stream_header.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace placid::cli {
namespace {

using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

constexpr std::uint64_t kMebibyte = std::uint64_t{1} << 20;

void WaitForTheNextDrawing() {
  std::this_thread::sleep_for(std::chrono::milliseconds(110));
}

// Of its last drawing, what a person reads: behind the last \r, without the
// blanks that cover the line before.
std::string Drawn() {
  std::string text = GetCapturedStderr();
  text.erase(0, text.rfind('\r') + 1);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

TEST(ProgressTest, WhoseSizeIsUnknownShowsNoShareAndNoTime) {
  for (const std::uint64_t unknown :
       {StreamHeader::kUnknownBytes, std::uint64_t{0}}) {
    Progress progress(/*is_shown=*/true, Side::kSender, "name");
    CaptureStderr();
    progress.Update(3 * kMebibyte, unknown, /*is_peer_here=*/true);
    EXPECT_EQ(Drawn(), "3.00 MiB  0 bytes/s");
  }
}

// The first drawing has no rate yet, and so no time; a file that grew has none
// left.
TEST(ProgressTest, TimeLeftNeedsARateAndSomethingToCome) {
  Progress progress(/*is_shown=*/true, Side::kReceiver, "name");
  CaptureStderr();
  progress.Update(kMebibyte, 4 * kMebibyte, true);
  EXPECT_EQ(Drawn(), "1.00 MiB of 4.00 MiB (25 %)  0 bytes/s");
  WaitForTheNextDrawing();
  CaptureStderr();
  progress.Update(2 * kMebibyte, 4 * kMebibyte, true);
  const std::string moving = Drawn();
  EXPECT_TRUE(moving.starts_with("2.00 MiB of 4.00 MiB (50 %)  ")) << moving;
  EXPECT_TRUE(moving.ends_with(" left")) << moving;
  WaitForTheNextDrawing();
  CaptureStderr();
  progress.Update(5 * kMebibyte, 4 * kMebibyte, true);
  const std::string over = Drawn();
  EXPECT_TRUE(over.starts_with("5.00 MiB of 4.00 MiB (100 %)  ")) << over;
  EXPECT_TRUE(over.ends_with("/s")) << over;
}

TEST(ProgressTest, DrawsAtMostTenTimesASecond) {
  Progress progress(/*is_shown=*/true, Side::kSender, "name");
  const auto start = Progress::Clock::now();
  CaptureStderr();
  for (int i = 0; i < 10'000; ++i) {
    progress.Update(0, 0, /*is_peer_here=*/false);
  }
  const std::string text = GetCapturedStderr();
  EXPECT_TRUE(text.starts_with("\rwaiting for `placid receive name`")) << text;
  EXPECT_LE(
      std::ranges::count(text, '\r'),
      1 + (Progress::Clock::now() - start) / std::chrono::milliseconds(100));
}

TEST(ProgressTest, OnlyWhatWasDrawnIsTakenAway) {
  Progress fresh(/*is_shown=*/true, Side::kSender, "name");
  CaptureStderr();
  fresh.End("");
  EXPECT_EQ(GetCapturedStderr(), "");
  CaptureStderr();
  fresh.End("done");
  EXPECT_EQ(GetCapturedStderr(), "done\n");

  Progress hidden(/*is_shown=*/false, Side::kSender, "name");
  CaptureStderr();
  hidden.Update(1, 0, true);
  hidden.End("done");
  EXPECT_EQ(GetCapturedStderr(), "");
}

}  // namespace
}  // namespace placid::cli
