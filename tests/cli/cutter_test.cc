// SPDX-License-Identifier: Apache-2.0
#include "cli/cutter.h"

#include <algorithm>
#include <cstddef>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gtest/gtest.h"

namespace placid::cli {
namespace {

using Share = Cutter::Share;

// Cuts `text`, given in pieces of `step` bytes: "a\n|b|c\n" are three cuts, and
// '+' instead of '|' goes on with a unit.
std::string CutAll(Cutter& cutter, std::string_view text, std::size_t step) {
  std::string all;
  const auto take = [&](bool is_over) {
    while (const auto cut = cutter.Next(is_over)) {
      all.append(reinterpret_cast<const char*>(cut->bytes.data()),
                 cut->bytes.size());
      all += cut->is_end ? '|' : '+';
    }
  };
  while (!text.empty()) {
    const auto room = cutter.Room();
    EXPECT_FALSE(room.empty());
    const std::size_t some = std::min({step, room.size(), text.size()});
    std::ranges::copy(std::as_bytes(std::span(text.substr(0, some))),
                      room.begin());
    cutter.Fill(some);
    text.remove_prefix(some);
    take(/*is_over=*/false);
  }
  take(/*is_over=*/true);
  return all;
}

std::string Lines(Share share, std::string_view text, std::size_t step) {
  Cutter cutter(Framing::kLines, share, 8);
  return CutAll(cutter, text, step);
}

TEST(CutterTest, LinesStayWholeAndLongOnesComeInPieces) {
  for (const std::size_t step : {1, 2, 3, 5, 16}) {
    EXPECT_EQ(Lines(Share::kOneUnit, "a\n\nbc\nd", step), "a\n|\n|bc\n|d|");
    EXPECT_EQ(Lines(Share::kOneUnit, "1234567\n12345678\n", step),
              "1234567\n|12345678+\n|");
    EXPECT_EQ(Lines(Share::kOneUnit, "0123456789abcdefgh\nx\n", step),
              "01234567+89abcdef+gh\n|x\n|");
  }
}

TEST(CutterTest, ManyLinesAreOneCutIfTheyAreThereAtOnce) {
  EXPECT_EQ(Lines(Share::kManyUnits, "a\n\nbc\nd", 16), "a\n\nbc\n|d|");
  EXPECT_EQ(Lines(Share::kManyUnits, "a\n\nbc\nd", 1), "a\n|\n|bc\n|d|");
  EXPECT_EQ(Lines(Share::kManyUnits, "123\n567\n9\n", 16), "123\n567\n|9\n|");
  EXPECT_EQ(Lines(Share::kManyUnits, "0123456789\na\nb\n", 16),
            "01234567+89\na\nb\n|");
}

TEST(CutterTest, ALastLineCanBeEnded) {
  for (const std::string_view text :
       {"a", "12345678", "123456789", "", "a\n", "1234567\n"}) {
    Cutter cutter(Framing::kLines, Share::kManyUnits, 8);
    std::ranges::copy(std::as_bytes(std::span(text)), cutter.Room().begin());
    cutter.Fill(text.size());
    std::string all;
    const auto take = [&](bool is_over) {
      while (const auto cut = cutter.Next(is_over)) {
        all.append(reinterpret_cast<const char*>(cut->bytes.data()),
                   cut->bytes.size());
      }
    };
    take(false);
    cutter.EndLine();
    take(true);
    std::string expected(text);
    if (!text.empty() && !text.ends_with('\n')) expected += '\n';
    EXPECT_EQ(all, expected);
    EXPECT_FALSE(cutter.IsWithinUnit());
  }
}

std::string Record(std::string_view bytes) {
  std::string record{static_cast<char>(bytes.size()), 0, 0, 0};
  return record.append(bytes);
}

TEST(CutterTest, RecordsStayWhole) {
  const std::string a = Record("a");
  const std::string empty = Record("");
  const std::string lengthy = Record("0123456789");
  for (const std::size_t step : {1, 3, 4, 5, 64}) {
    Cutter cutter(Framing::kLengths, Share::kOneUnit, 8);
    EXPECT_EQ(CutAll(cutter, a + empty + lengthy + a, step),
              a + "|" + empty + "|" + lengthy.substr(0, 8) + "+" +
                  lengthy.substr(8) + "|" + a + "|");
    EXPECT_FALSE(cutter.IsWithinUnit());
  }
  Cutter cutter(Framing::kLengths, Share::kManyUnits, 16);
  EXPECT_EQ(CutAll(cutter, a + a + a + a, 64), a + a + a + "|" + a + "|");
}

// An input that ends within a record is not what was meant.
TEST(CutterTest, WhatIsLeftOfARecordIsNotCut) {
  for (const std::string& rest :
       {std::string("\x05"), Record("abcde").substr(0, 8),
        Record("0123456789").substr(0, 9)}) {
    Cutter cutter(Framing::kLengths, Share::kManyUnits, 8);
    (void)CutAll(cutter, rest, 64);
    EXPECT_TRUE(cutter.IsWithinUnit());
  }
}

TEST(CutterTest, NothingIsLostOrMovedWhateverTheLengths) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  std::string text(20'000, ' ');
  for (char& c : text) c = "ab\n"[random() % 3];
  for (const Share share : {Share::kOneUnit, Share::kManyUnits}) {
    std::string all = Lines(share, text, random() % 20 + 1);
    std::erase_if(all, [](char c) { return c == '|' || c == '+'; });
    EXPECT_TRUE(all == text) << "seed " << seed;
  }
}

}  // namespace
}  // namespace placid::cli
