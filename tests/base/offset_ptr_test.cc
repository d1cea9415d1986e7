// SPDX-License-Identifier: Apache-2.0
#include "placid/base/offset_ptr.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace placid {
namespace {

using Ptr = OffsetPtr<std::uint64_t>;

static_assert(sizeof(Ptr) == 8 && std::is_trivially_copyable_v<Ptr>);
static_assert(std::has_unique_object_representations_v<Ptr>);

struct Region {
  alignas(8) std::array<std::byte, 64> bytes{};
  [[nodiscard]] std::span<std::byte> span() { return bytes; }
};

TEST(OffsetPtrTest, MeansTheSameAtEveryAddress) {
  Region one;
  const auto* at = reinterpret_cast<const std::uint64_t*>(&one.bytes[24]);
  const Ptr ptr = Ptr::To(one.span(), at);
  EXPECT_EQ(ptr.offset(), 24u);
  EXPECT_EQ(ptr.ResolveIn(one.span()), at);
  Region two;
  EXPECT_EQ(static_cast<void*>(ptr.ResolveIn(two.span())), &two.bytes[24]);
}

TEST(OffsetPtrTest, NullAndAllZeroResolveToNothing) {
  Region region;
  EXPECT_TRUE(Ptr().is_null());
  EXPECT_EQ(Ptr().ResolveIn(region.span()), nullptr);
  Ptr zero(8);
  std::memset(static_cast<void*>(&zero), 0, sizeof(zero));
  EXPECT_EQ(zero, Ptr());
}

// The number may be a peer's: each of these would aim outside or tear.
TEST(OffsetPtrTest, RefusesOffsetsOutsideTheRegion) {
  Region region;
  EXPECT_NE(Ptr(56).ResolveIn(region.span()), nullptr) << "the last that fits";
  EXPECT_EQ(Ptr(57).ResolveIn(region.span()), nullptr);
  EXPECT_EQ(Ptr(64).ResolveIn(region.span()), nullptr);
  EXPECT_EQ(Ptr(UINT64_MAX - 6).ResolveIn(region.span()), nullptr);
  EXPECT_EQ(Ptr(std::uint64_t{1} << 32 | 8).ResolveIn(region.span()), nullptr);
  EXPECT_EQ(Ptr(8).ResolveIn(region.span().first(15)), nullptr);
  EXPECT_EQ(Ptr(8).ResolveIn(region.span().first(7)), nullptr);
  EXPECT_EQ(Ptr(8).ResolveIn({}), nullptr);
}

TEST(OffsetPtrTest, RefusesMisalignedOffsets) {
  Region region;
  for (std::uint64_t offset = 1; offset < 8; ++offset) {
    EXPECT_EQ(Ptr(offset).ResolveIn(region.span()), nullptr) << offset;
  }
  EXPECT_NE(OffsetPtr<std::byte>(3).ResolveIn(region.span()), nullptr);
}

}  // namespace
}  // namespace placid
