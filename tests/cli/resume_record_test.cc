// SPDX-License-Identifier: Apache-2.0
#include "cli/resume_record.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cli/crc32c.h"
#include "gtest/gtest.h"

namespace placid::cli {
namespace {

using File = std::vector<std::byte>;

constexpr ResumeRecord kOlder{
    .number = 6,
    .id = {.high = 0x0123'4567'89ab'cdef, .low = 0xfedc'ba98'7654'3210},
    .total = {.bytes = std::uint64_t{5} << 32, .crc32c = 0xdead'beef},
    .is_end = false};
constexpr ResumeRecord kNewer{
    .number = 7,
    .id = kOlder.id,
    .total = {.bytes = (std::uint64_t{5} << 32) + 1, .crc32c = 0x1234'5678},
    .is_end = true};

// Written over one another, as one receiver does.
File FileOf(std::initializer_list<ResumeRecord> records) {
  File file;
  for (const ResumeRecord& record : records) {
    const auto slot = record.Encode();
    const auto at = static_cast<std::size_t>(record.Offset());
    file.resize(std::max(file.size(), at + slot.size()));
    std::ranges::copy(slot, file.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return file;
}

TEST(ResumeRecordTest, TheNewestOfAFileIsFound) {
  EXPECT_EQ(ResumeRecord::Find(FileOf({kOlder})), kOlder);
  EXPECT_EQ(ResumeRecord::Find(FileOf({kNewer})), kNewer);
  EXPECT_EQ(ResumeRecord::Find(FileOf({kOlder, kNewer})), kNewer);
  ResumeRecord next = kNewer;
  ++next.number;
  EXPECT_EQ(ResumeRecord::Find(FileOf({kOlder, kNewer, next})), next);
}

TEST(ResumeRecordTest, EachFieldIsWrittenAndRead) {
  constexpr std::uint64_t kAll = UINT64_MAX;
  const ResumeRecord records[] = {
      {},
      {.number = kAll, .id = {}, .total = {}, .is_end = false},
      {.number = 0,
       .id = {.high = kAll, .low = 0},
       .total = {},
       .is_end = false},
      {.number = 0,
       .id = {.high = 0, .low = kAll},
       .total = {},
       .is_end = false},
      {.number = 0,
       .id = {},
       .total = {.bytes = kAll, .crc32c = 0},
       .is_end = false},
      {.number = 0,
       .id = {},
       .total = {.bytes = 0, .crc32c = UINT32_MAX},
       .is_end = false},
      {.number = 0, .id = {}, .total = {}, .is_end = true},
  };
  for (const ResumeRecord& record : records) {
    EXPECT_EQ(ResumeRecord::Find(FileOf({record})), record);
  }
}

// The bytes are a format: whoever changes them gives it another version.
TEST(ResumeRecordTest, TheBytesAreThoseThatTheHeaderSays) {
  const auto slot = kOlder.Encode();
  const auto word = [&](std::size_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i-- > 0;) {
      value = value << 8 | static_cast<std::uint8_t>(slot[at + i]);
    }
    return value;
  };
  constexpr std::array kMagic = {'p', 'l', 'c', 'd', 'r', 's', '\1', '\0'};
  EXPECT_TRUE(std::ranges::equal(std::as_bytes(std::span(kMagic)),
                                 std::span(slot).first<8>()));
  EXPECT_EQ(word(0x08, 8), kOlder.number);
  EXPECT_EQ(word(0x10, 8), kOlder.id.high);
  EXPECT_EQ(word(0x18, 8), kOlder.id.low);
  EXPECT_EQ(word(0x20, 8), kOlder.total.bytes);
  EXPECT_EQ(word(0x28, 4), kOlder.total.crc32c);
  EXPECT_EQ(word(0x2c, 4), 0U);
  EXPECT_EQ(word(0x30, 4), ExtendCrc32c(0, std::span(slot).first(0x30)));
}

// A write that was torn: the record before it is found, or none; never one that
// nobody wrote.
TEST(ResumeRecordTest, EveryTruncationLeavesAWholeRecordOrNone) {
  const File file = FileOf({kOlder, kNewer});
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto found = ResumeRecord::Find(std::span(file).first(size));
    const bool has_older = size >= ResumeRecord::kSlotBytes;
    EXPECT_EQ(found, has_older ? std::optional(kOlder) : std::nullopt) << size;
  }
}

TEST(ResumeRecordTest, EveryFlippedBitLeavesTheOtherRecordOrNone) {
  const File file = FileOf({kOlder, kNewer});
  const auto in_newer = static_cast<std::size_t>(kNewer.Offset());
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    File flipped = file;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_EQ(ResumeRecord::Find(flipped), bit / 8 < in_newer ? kNewer : kOlder)
        << bit;
  }
  const File single = FileOf({kOlder});
  for (std::size_t bit = 0; bit < 8 * single.size(); ++bit) {
    File flipped = single;
    flipped[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_EQ(ResumeRecord::Find(flipped), std::nullopt) << bit;
  }
}

// Every prefix of a new record over the one before the last, as a loss of power
// may leave it.
TEST(ResumeRecordTest, EveryTornWriteLeavesTheRecordBeforeIt) {
  ResumeRecord next = kNewer;
  ++next.number;
  next.total = {.bytes = kNewer.total.bytes + 1, .crc32c = 99};
  const auto slot = next.Encode();
  for (std::size_t size = 0; size <= slot.size(); ++size) {
    File file = FileOf({kOlder, kNewer});
    std::ranges::copy(std::span(slot).first(size), file.begin());
    EXPECT_EQ(ResumeRecord::Find(file), size == slot.size() ? next : kNewer)
        << size;
  }
}

TEST(ResumeRecordTest, ARecordInTheOthersSlotIsNone) {
  for (const ResumeRecord& record : {kOlder, kNewer}) {
    const auto slot = record.Encode();
    File file(ResumeRecord::kFileBytes);
    const auto wrong = ResumeRecord::kSlotOffset - record.Offset();
    std::ranges::copy(slot, file.begin() + static_cast<std::ptrdiff_t>(wrong));
    EXPECT_EQ(ResumeRecord::Find(file), std::nullopt);
  }
}

// Of another version, or with an end that is neither yes nor no, and whole.
TEST(ResumeRecordTest, WhatWeWouldNotWriteIsNone) {
  for (const std::size_t at : {std::size_t{6}, std::size_t{0x2d}}) {
    auto slot = kOlder.Encode();
    slot[at] ^= std::byte{2};
    const std::uint32_t sum = ExtendCrc32c(0, std::span(slot).first(0x30));
    for (std::size_t i = 0; i < sizeof(sum); ++i) {
      slot[0x30 + i] = static_cast<std::byte>(sum >> 8 * i & 0xFF);
    }
    EXPECT_EQ(ResumeRecord::Find(slot), std::nullopt) << at;
  }
}

}  // namespace
}  // namespace placid::cli
