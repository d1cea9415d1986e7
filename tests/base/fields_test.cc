// SPDX-License-Identifier: Apache-2.0
#include "placid/base/fields.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace robots {

struct Vector {
  double x, y, z;
};
PLACID_FIELDS(Vector, x, y, z)

struct Pose {
  Vector position;
  std::array<float, 4> rotation;
  std::uint64_t time_ns;
  std::int32_t frame[3];
  std::uint8_t quality;
  std::byte flags;
  std::int16_t reserved;
};
PLACID_FIELDS(Pose, position, rotation, time_ns, frame, quality, flags,
              reserved)

// Two structs of one size that differ from Plain in one way each.
struct Plain {
  std::uint32_t a, b;
};
PLACID_FIELDS(Plain, a, b)
struct Renamed {
  std::uint32_t a, c;
};
PLACID_FIELDS(Renamed, a, c)
struct Reordered {
  std::uint32_t b, a;
};
PLACID_FIELDS(Reordered, b, a)
struct Resigned {
  std::uint32_t a;
  std::int32_t b;
};
PLACID_FIELDS(Resigned, a, b)
struct Refloated {
  std::uint32_t a;
  float b;
};
PLACID_FIELDS(Refloated, a, b)
struct Regrouped {
  std::array<std::uint32_t, 1> a;
  std::uint32_t b;
};
PLACID_FIELDS(Regrouped, a, b)
struct Resplit {
  std::uint32_t a;
  std::uint16_t b, c;
};
PLACID_FIELDS(Resplit, a, b, c)
// The same fields under another name: the same element.
struct Twin {
  std::uint32_t a, b;
};
PLACID_FIELDS(Twin, a, b)

struct Outer {
  Plain inner;
};
PLACID_FIELDS(Outer, inner)
struct OuterOfRenamed {
  Renamed inner;
};
PLACID_FIELDS(OuterOfRenamed, inner)

struct Undeclared {
  std::uint32_t a, b;
};
struct Padded {
  std::uint8_t a;
  std::uint32_t b;
};
struct UndeclaredFloat {
  float a;
};
struct Owner {
  std::string text;
};
enum class Color : std::uint8_t { kRed };

}  // namespace robots

namespace placid {
namespace {

using robots::Plain;
using robots::Pose;

static_assert(Element<char> && Element<std::uint8_t> && Element<std::int64_t>);
static_assert(Element<float> && Element<double> && Element<std::byte>);
static_assert(Element<std::array<double, 3>> && Element<std::uint16_t[4]>);
static_assert(Element<robots::Undeclared> && Element<Pose>);
static_assert(Element<std::array<Pose, 2>>);

// What a peer could fill with a value that C++ does not know, what has gaps
// whose bytes leak or differ, what owns, and what means nothing elsewhere.
static_assert(!Element<bool> && !Element<robots::Color>);
static_assert(!Element<robots::Padded> && !Element<robots::UndeclaredFloat>);
static_assert(!Element<robots::Owner> && !Element<std::string>);
static_assert(!Element<int*> && !Element<std::nullptr_t> && !Element<void>);
static_assert(!Element<long double>);
static_assert(!Element<std::array<bool, 4>> && !Element<bool[4]>);
static_assert(!Element<std::array<robots::Padded, 2>>);
static_assert(!Element<std::array<std::array<int*, 2>, 2>>);

// What PLACID_FIELDS refuses is a static_assert; this is the test behind it.
template <std::size_t kCount>
constexpr bool Tiles(const std::array<Field, kCount>& fields) {
  return internal::FieldsTile<robots::Padded>(fields);
}
constexpr Field kA = internal::MakeField<std::uint8_t>("a", 0);
constexpr Field kGap = internal::MakeField<std::array<std::byte, 3>>("gap", 1);
constexpr Field kB = internal::MakeField<std::uint32_t>("b", 4);
static_assert(Tiles(std::array{kA, kGap, kB}));
static_assert(!Tiles(std::array{kA, kB}), "a gap");
static_assert(!Tiles(std::array{kA, kGap}), "one is missing at the end");
static_assert(!Tiles(std::array{kGap, kA, kB}), "out of order");
static_assert(!Tiles(std::array{kA, kA, kGap, kB}), "one is listed twice");
static_assert(!internal::FieldsTile<std::array<std::byte, 5>>(std::array{
                  kA, internal::MakeField<std::uint32_t>("b", 1)}),
              "not on its natural alignment");

TEST(FieldsTest, FieldsCarryNameOffsetSizeAndKind) {
  constexpr auto kFields = FieldsOf<Pose>();
  const std::array<std::string_view, 7> names = {
      "position", "rotation", "time_ns", "frame",
      "quality",  "flags",    "reserved"};
  const std::array<std::uint64_t, 7> offsets = {0, 24, 40, 48, 60, 61, 62};
  const std::array<std::uint64_t, 7> sizes = {24, 16, 8, 12, 1, 1, 2};
  const std::array<FieldKind, 7> kinds = {
      FieldKind::kStruct, FieldKind::kArray,    FieldKind::kUnsigned,
      FieldKind::kArray,  FieldKind::kUnsigned, FieldKind::kUnsigned,
      FieldKind::kSigned};
  ASSERT_EQ(kFields.size(), names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(kFields[i].name, names[i]);
    EXPECT_EQ(kFields[i].offset, offsets[i]) << names[i];
    EXPECT_EQ(kFields[i].size_bytes, sizes[i]) << names[i];
    EXPECT_EQ(kFields[i].kind, kinds[i]) << names[i];
  }
  EXPECT_TRUE(FieldsOf<robots::Undeclared>().empty());
}

// Natural alignment, not alignof: i386 aligns a double in a struct to 4.
TEST(FieldsTest, AlignmentIsThatOfTheLargestScalar) {
  EXPECT_EQ(internal::ElementTraits<Pose>::kAlignment, 8u);
  EXPECT_EQ(internal::ElementTraits<Plain>::kAlignment, 4u);
  EXPECT_EQ((internal::ElementTraits<std::array<std::byte, 8>>::kAlignment),
            1u);
}

// A fingerprint that forgot one property would let such a reader attach.
TEST(FieldsTest, FingerprintChangesWithNameOrderTypeAndGrouping) {
  const std::uint64_t plain = kElementFingerprint<Plain>;
  EXPECT_NE(plain, kElementFingerprint<robots::Renamed>);
  EXPECT_NE(plain, kElementFingerprint<robots::Reordered>);
  EXPECT_NE(plain, kElementFingerprint<robots::Resigned>);
  EXPECT_NE(plain, kElementFingerprint<robots::Refloated>);
  EXPECT_NE(plain, kElementFingerprint<robots::Regrouped>);
  EXPECT_NE(plain, kElementFingerprint<robots::Resplit>);
  EXPECT_NE(plain, kElementFingerprint<robots::Undeclared>);
  EXPECT_EQ(plain, kElementFingerprint<robots::Twin>);
}

TEST(FieldsTest, FingerprintReachesIntoNestedTypes) {
  EXPECT_NE(kElementFingerprint<robots::Outer>,
            kElementFingerprint<robots::OuterOfRenamed>);
  EXPECT_NE(kElementFingerprint<Plain>, kElementFingerprint<robots::Outer>);
  EXPECT_NE((kElementFingerprint<std::array<Plain, 2>>),
            (kElementFingerprint<std::array<robots::Renamed, 2>>));
}

TEST(FieldsTest, FingerprintTellsScalarsAndCountsApart) {
  EXPECT_NE(kElementFingerprint<std::uint64_t>, kElementFingerprint<double>);
  EXPECT_NE(kElementFingerprint<std::uint64_t>,
            kElementFingerprint<std::int64_t>);
  EXPECT_NE(kElementFingerprint<float>, kElementFingerprint<double>);
  EXPECT_NE((kElementFingerprint<std::array<int, 2>>),
            (kElementFingerprint<std::array<int, 3>>));
  EXPECT_EQ((kElementFingerprint<std::array<int, 2>>),
            (kElementFingerprint<int[2]>));
}

// Written to shared memory: other compilers and days must agree. The numbers
// were computed by other means; a change here is a new layout version of every
// type that carries elements.
TEST(FieldsTest, FingerprintsAreWhatTheyEverWere) {
  EXPECT_EQ(kElementFingerprint<std::uint64_t>, 0x7ff65801b879b56du);
  EXPECT_EQ(kElementFingerprint<Pose>, 0x188f690cf87f67cdu);
}

// The macro recurses by expansion passes: too few would drop the last fields.
struct Many {
  std::uint8_t f00, f01, f02, f03, f04, f05, f06, f07, f08, f09, f10, f11, f12,
      f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24, f25, f26, f27,
      f28, f29, f30, f31, f32, f33, f34, f35, f36, f37, f38, f39;
};
PLACID_FIELDS(Many, f00, f01, f02, f03, f04, f05, f06, f07, f08, f09, f10, f11,
              f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23, f24,
              f25, f26, f27, f28, f29, f30, f31, f32, f33, f34, f35, f36, f37,
              f38, f39)

TEST(FieldsTest, ManyFieldsAreAllListed) {
  EXPECT_EQ(FieldsOf<Many>().size(), 40u);
  EXPECT_STREQ(FieldsOf<Many>().back().name, "f39");
}

}  // namespace
}  // namespace placid
