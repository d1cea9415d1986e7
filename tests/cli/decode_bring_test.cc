// SPDX-License-Identifier: Apache-2.0
//
// What `placid inspect` makes of bytes that are brought to it piece by piece: no
// less than of those that it sees, no more of them than it must, and an end
// where there are no more to be had.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cli/decode.h"
#include "cli/report.h"
#include "placid/base/cache_line.h"
#include "placid/base/error.h"
#include "placid/base/extent.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/seqlock.h"
#include "placid/segment/directory.h"
#include "placid/segment/object_type.h"

namespace placid::cli {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

struct alignas(kLineBytes) Line {
  std::byte bytes[kLineBytes] = {};
};

class DecodeBringTest : public ::testing::Test {
 protected:
  static std::span<std::byte> BytesOf(std::vector<Line>& lines) {
    return std::as_writable_bytes(std::span(lines));
  }
  void Resize(std::uint64_t bytes) {
    there_.resize(static_cast<std::size_t>(bytes / kLineBytes));
  }
  [[nodiscard]] std::span<std::byte> There() { return BytesOf(there_); }

  // Of other bytes, to which there are `most` brought.
  Json Decode(std::uint64_t most = UINT64_MAX) {
    std::vector<Line> lines(there_.size());
    const auto seen = BytesOf(lines);
    brought_ = 0;
    return DecodeObjects(
        seen, [&](std::uint64_t offset, std::uint64_t size) -> Result<void> {
          EXPECT_LE(offset + size, seen.size());
          if (offset + size > most) {
            return Error{.code = ErrorCode::kTruncated};
          }
          std::ranges::copy(There().subspan(static_cast<std::size_t>(offset),
                                            static_cast<std::size_t>(size)),
                            seen.begin() + static_cast<std::ptrdiff_t>(offset));
          brought_ += size;
          return Ok();
        });
  }

  std::vector<Line> there_;
  std::uint64_t brought_ = 0;
};

TEST_F(DecodeBringTest, WhatADirectoryNamesIsBroughtWhereverItLies) {
  Resize(32 * kMiB);
  const auto directory = *Directory::Create(There(), 8);
  const auto none = [](std::span<std::byte>) { return Ok(); };
  constexpr ObjectType kBlob{TypeId::kFirstForeign, 3, kDynamic, 0, {}};
  for (const char* name : {"a", "b", "c"}) {
    ASSERT_TRUE(directory.FindOrCreate(name, OwnerId::Unowned(), kBlob,
                                       7 * kMiB, none));
    ASSERT_TRUE(directory.FindOrCreate<Seqlock<std::uint64_t>>(
        std::string(name) + "-behind", OwnerId::Unowned()));
  }
  const Json shown = Decode();
  EXPECT_EQ(shown, DecodeObjects(There()));
  EXPECT_EQ(shown["objects"].size(), 7u);
  EXPECT_EQ(shown["objects"].back()["type"], "Seqlock");
  EXPECT_LT(brought_, 2 * kMiB);
}

TEST_F(DecodeBringTest, OfLanesTheirWordsAreBroughtAndNotWhatTheyCarry) {
  Resize(8 * kMiB);
  const auto directory = *Directory::Create(There(), 8);
  const auto ring = *directory.FindOrCreate<LaneByteRing<6>>(
      "ring", OwnerId::Unowned(), kMiB);
  const auto producer = *ring.ClaimProducer(*OwnerId::Of(5, 1));
  const Json shown = Decode();
  EXPECT_EQ(shown, DecodeObjects(There()));
  ASSERT_EQ(shown["objects"][1]["lanes_in_use"].size(), 1u) << shown.dump(2);
  EXPECT_EQ(shown["objects"][1]["lanes_in_use"][0]["lane"], 5);
  EXPECT_LT(brought_, 4 * kMiB);
}

TEST_F(DecodeBringTest, SoMuchIsLookedAtAndNoMore) {
  Resize(kMostLookedAt + kMiB);
  ASSERT_TRUE(Seqlock<std::uint64_t>::Create(There()));
  ASSERT_TRUE(Seqlock<std::uint64_t>::Create(There().last(kMiB)));
  const Json shown = Decode();
  EXPECT_EQ(shown["objects"].size(), 1u);
  EXPECT_THAT(shown["ended"].get<std::string>(),
              HasSubstr(std::to_string(kMostLookedAt)));
  EXPECT_EQ(brought_, kMostLookedAt);
  EXPECT_EQ(shown, DecodeObjects(There())) << "whether it is brought or not";
}

TEST_F(DecodeBringTest, WhatCannotBeBroughtEndsIt) {
  Resize(3 * kMiB);
  ASSERT_TRUE(Seqlock<std::uint64_t>::Create(There()));
  ASSERT_TRUE(Seqlock<std::uint64_t>::Create(There().last(kMiB)));
  const Json shown = Decode(2 * kMiB);
  EXPECT_EQ(shown["objects"].size(), 1u) << "what came before it";
  EXPECT_THAT(shown["ended"].get<std::string>(), HasSubstr("truncated"));
  EXPECT_EQ(Decode(0)["objects"].size(), 0u);
}

}  // namespace
}  // namespace placid::cli
