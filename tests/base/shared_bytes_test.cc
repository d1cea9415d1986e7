// SPDX-License-Identifier: Apache-2.0
#include "placid/base/shared_bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tests/support/guarded_bytes.h"

namespace placid {
namespace {

// The point of the types: nothing that re-reads shared memory comes out
// unasked.
static_assert(!std::convertible_to<SharedBytes, std::span<const std::byte>>);
static_assert(!std::convertible_to<SharedRef<int>, const int&>);
static_assert(!std::convertible_to<SharedSpan<int>, std::span<const int>>);

struct Pose {
  std::uint32_t x;
  std::uint32_t y;
};

class SharedBytesTest : public ::testing::Test {
 protected:
  SharedBytesTest() {
    for (std::size_t i = 0; i < kSize; ++i) {
      guarded_.bytes()[i] = static_cast<std::byte>(i);
    }
  }
  static constexpr std::size_t kSize = 128;
  placid::testing::GuardedBytes guarded_{kSize};
  SharedBytes shared_{guarded_.bytes().data(), kSize};
};

TEST_F(SharedBytesTest, SubspanIsCutToWhatIsThere) {
  EXPECT_EQ(shared_.Subspan(100).size(), 28u);
  EXPECT_EQ(shared_.Subspan(100, 10).size(), 10u);
  EXPECT_EQ(shared_.Subspan(100, SIZE_MAX).size(), 28u);
  EXPECT_TRUE(shared_.Subspan(128).empty());
  EXPECT_TRUE(shared_.Subspan(SIZE_MAX, SIZE_MAX).empty());
  EXPECT_TRUE(SharedBytes().Subspan(0).empty());
}

// One byte too many touches the guard page behind the bytes.
TEST_F(SharedBytesTest, CopyOutCopiesTheSmallerOfBothSizes) {
  std::vector<std::byte> more(200, std::byte{0xEE});
  EXPECT_EQ(shared_.CopyOut(more), kSize);
  EXPECT_EQ(more[127], std::byte{127});
  EXPECT_EQ(more[128], std::byte{0xEE});
  std::vector<std::byte> fewer(5);
  EXPECT_EQ(shared_.Subspan(3).CopyOut(fewer), 5u);
  EXPECT_EQ(fewer[4], std::byte{7});
  EXPECT_EQ(SharedBytes().CopyOut(fewer), 0u);
}

TEST_F(SharedBytesTest, LoadRefusesWhatDoesNotLieWithin) {
  EXPECT_EQ(shared_.Load<std::uint8_t>(127), 127);
  EXPECT_EQ(shared_.Load<std::uint8_t>(128), std::nullopt);
  EXPECT_TRUE(shared_.Load<std::uint64_t>(120).has_value());
  EXPECT_EQ(shared_.Load<std::uint64_t>(121), std::nullopt);
  // offset + size overflows here.
  EXPECT_EQ(shared_.Load<std::uint64_t>(SIZE_MAX - 3), std::nullopt);
}

TEST_F(SharedBytesTest, LoadReadsUnalignedValues) {
  const auto pair = shared_.Load<std::array<std::uint8_t, 2>>(77);
  ASSERT_TRUE(pair.has_value());
  EXPECT_EQ((*pair)[1], 78);
}

TEST_F(SharedBytesTest, TrustPeerGivesTheBytesThemselves) {
  EXPECT_EQ(shared_.TrustPeer().data(), guarded_.bytes().data());
  EXPECT_EQ(shared_.TrustPeer().size(), kSize);
}

TEST(SharedRefTest, LoadsTheWholeOrOneMember) {
  const Pose pose{3, 4};
  const SharedRef<Pose> shared(&pose);
  EXPECT_EQ(shared.Load().y, 4u);
  EXPECT_EQ(shared.Load(&Pose::x), 3u);
  Pose copy{};
  shared.CopyOut(copy);
  EXPECT_EQ(copy.x, 3u);
  EXPECT_EQ(&shared.TrustPeer(), &pose);
}

TEST(SharedSpanTest, GivesElementsAndCopiesTheSmallerOfBothSizes) {
  const std::array<Pose, 3> poses{{{1, 2}, {3, 4}, {5, 6}}};
  const SharedSpan<Pose> shared(poses.data(), poses.size());
  EXPECT_EQ(shared.size(), 3u);
  EXPECT_EQ(shared[2].Load(&Pose::y), 6u);
  std::array<Pose, 2> two{};
  EXPECT_EQ(shared.CopyOut(two), 2u);
  EXPECT_EQ(two[1].x, 3u);
  std::array<Pose, 4> four{{{}, {}, {}, {9, 9}}};
  EXPECT_EQ(shared.CopyOut(four), 3u);
  EXPECT_EQ(four[3].x, 9u);
  EXPECT_TRUE(SharedSpan<Pose>().empty());
  EXPECT_EQ(SharedSpan<Pose>().CopyOut(four), 0u);
  EXPECT_EQ(shared.TrustPeer().data(), poses.data());
}

}  // namespace
}  // namespace placid
