// SPDX-License-Identifier: Apache-2.0
//
// What `placid inspect` makes of a directory whose objects are not made yet, or
// never will be, and of one that lies.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/decode.h"
#include "cli/report.h"
#include "placid/base/atomic.h"
#include "placid/base/cache_line.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/seqlock.h"
#include "placid/segment/directory.h"
#include "placid/segment/entry_state.h"
#include "placid/segment/object_type.h"

namespace placid::cli {
namespace {

constexpr std::uint64_t kEntries = 8;
constexpr ObjectType kBlob{TypeId::kFirstForeign, 3, kDynamic, 0, {}};

struct alignas(kLineBytes) Line {
  std::array<std::byte, kLineBytes> bytes{};
};

class DecodeDirectoryTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::span<std::byte> Bytes() {
    return std::as_writable_bytes(std::span(lines_));
  }
  [[nodiscard]] Json Decode() { return DecodeObjects(Bytes())["objects"]; }
  [[nodiscard]] Atomic<std::uint64_t>& Entry(std::size_t index) {
    return reinterpret_cast<Atomic<std::uint64_t>*>(
        Bytes().data() + Directory::kEntriesOffset)[index];
  }
  // Makes a blob of which `make` says how that ended.
  template <typename Make>
  void MakeBlob(std::string_view name, std::uint64_t size, Make make) {
    (void)directory_.FindOrCreate(name, OwnerId::Unowned(), kBlob, size, make);
  }

  std::vector<Line> lines_{64};
  const Directory directory_ = *Directory::Create(Bytes(), kEntries);
};

TEST_F(DecodeDirectoryTest, WhatIsBeingMadeIsToldFromWhatIsAndFromWhatWasLeft) {
  Json making;
  MakeBlob("left", 64, [&](std::span<std::byte>) -> Result<void> {
    making = Decode();
    return Error{.code = ErrorCode::kSystem};
  });
  ASSERT_EQ(making.size(), 2u) << making.dump(2);
  EXPECT_EQ(making[1]["entry"], "being made");
  EXPECT_EQ(making[1]["name"], "") << "it stands in the object";
  MakeBlob("made", 64, [](std::span<std::byte>) { return Ok(); });
  const Json objects = Decode();
  ASSERT_EQ(objects.size(), 3u) << objects.dump(2);
  EXPECT_EQ(objects[1]["entry"], "left by its maker");
  EXPECT_EQ(objects[2]["entry"], "ready");
  EXPECT_EQ(objects[2]["name"], "made");
}

// Too small for a stamp, and one that has none.
TEST_F(DecodeDirectoryTest, ObjectsWithoutAStampHaveANameAndNoType) {
  MakeBlob("seven", 7, [](std::span<std::byte>) { return Ok(); });
  MakeBlob("eight", 8, [](std::span<std::byte>) { return Ok(); });
  const Json objects = Decode();
  ASSERT_EQ(objects.size(), 3u);
  for (const std::size_t i : {1u, 2u}) {
    EXPECT_EQ(objects[i]["entry"], "ready");
    EXPECT_FALSE(objects[i].contains("type")) << objects[i].dump();
  }
}

TEST_F(DecodeDirectoryTest, AnEntryThatCannotBeIsSaidToBeSo) {
  MakeBlob("a", 64, [](std::span<std::byte>) { return Ok(); });
  Entry(0).store(Entry(0).load(kRelaxed) | EntryState::kMostLines, kRelaxed);
  const Json objects = Decode();
  ASSERT_EQ(objects.size(), 2u) << objects.dump(2);
  EXPECT_EQ(objects[1]["note"], "the directory contradicts itself");
}

// What lies in it is found by its stamp then, as anywhere else.
TEST_F(DecodeDirectoryTest, ADirectoryOfACountThatCannotBeIsNotWalked) {
  ASSERT_TRUE(directory_.FindOrCreate<Seqlock<std::uint64_t>>(
      "price", OwnerId::Unowned()));
  ASSERT_EQ(Decode()[1]["name"], "price");
  auto& words = *reinterpret_cast<Directory::Memory*>(Bytes().data());
  words.count.store(UINT64_MAX, kRelaxed);
  const Json objects = Decode();
  ASSERT_EQ(objects.size(), 2u) << objects.dump(2);
  EXPECT_EQ(objects[0]["type"], "Directory");
  EXPECT_EQ(objects[1]["type"], "Seqlock");
  EXPECT_FALSE(objects[1].contains("name"));
}

// A segment inside of a segment's bytes: named, and not gone into.
TEST_F(DecodeDirectoryTest, TheTypesOfASegmentsOwnAreNamed) {
  std::size_t line = 0;
  for (const auto& [type, name] :
       {std::pair(TypeId::kParticipants, "Participants"),
        std::pair(TypeId::kNameRecord, "NameRecord"),
        std::pair(TypeId::kSegmentHeader, "SegmentHeader"),
        std::pair(TypeId{999}, "unknown type 999")}) {
    lines_.assign(lines_.size(), Line{});
    const std::uint64_t word = Stamp(type, 0, 0).word();
    std::memcpy(lines_[++line].bytes.data(), &word, sizeof(word));
    const Json objects = Decode();
    ASSERT_EQ(objects.size(), 1u);
    EXPECT_EQ(objects[0]["type"], name);
    EXPECT_EQ(objects[0]["offset"], line * kLineBytes);
  }
}

}  // namespace
}  // namespace placid::cli
