// SPDX-License-Identifier: Apache-2.0
#include "placid/base/layout_text.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "placid/base/fields.h"

namespace placid {
namespace {

struct Vector {
  double x, y;
};
PLACID_FIELDS(Vector, x, y)

struct Pose {
  std::array<Vector, 2> ends;
  std::int32_t frame[3];
  std::array<std::array<std::uint8_t, 2>, 2> cells;
  std::uint64_t time_ns;
};
PLACID_FIELDS(Pose, ends, frame, cells, time_ns)

struct Undeclared {
  std::uint32_t a, b, c;
};

using What = LayoutDifference::What;

TEST(LayoutTextTest, EveryKindOfElementHasItsText) {
  EXPECT_EQ(kElementLayout<std::uint8_t>, "u8");
  EXPECT_EQ(kElementLayout<std::byte>, "u8");
  EXPECT_EQ(kElementLayout<std::int64_t>, "i64");
  EXPECT_EQ(kElementLayout<float>, "f32");
  EXPECT_EQ((kElementLayout<std::array<double, 12>>), "f64[12]");
  EXPECT_EQ(kElementLayout<Undeclared>, "o12");
  EXPECT_EQ(kElementLayout<Pose>,
            "{ends:{x:f64,y:f64}[2],frame:i32[3],cells:u8[2][2],time_ns:u64}");
  EXPECT_EQ(FieldsOf<Pose>()[1].layout, "i32[3]");
}

// Sizes are what gives an inspector the offsets.
TEST(LayoutTextTest, SizesAreThoseOfTheType) {
  EXPECT_EQ(LayoutSize(kElementLayout<Pose>), sizeof(Pose));
  EXPECT_EQ(LayoutSize(kElementLayout<Undeclared>), sizeof(Undeclared));
  EXPECT_EQ((LayoutSize(kElementLayout<std::array<Pose, 3>>)),
            3 * sizeof(Pose));
  EXPECT_EQ(LayoutSize("u16"), 2u);
}

TEST(LayoutTextTest, WhatIsNoLayoutHasNoSize) {
  for (const std::string_view text : {"",
                                      "u",
                                      "u7",
                                      "u128",
                                      "f16",
                                      "x32",
                                      "u32 ",
                                      "u32[",
                                      "u32[]",
                                      "u32[4",
                                      "[4]",
                                      "u32]",
                                      "{",
                                      "{x",
                                      "{x:",
                                      "{x:u32",
                                      "{x:u32,y",
                                      "{x:u32,y:f6}",
                                      "}",
                                      "u32}",
                                      "o",
                                      "u32[9999999999999999]",
                                      "o999999999999999[9999]",
                                      "u9999999999999999999999"}) {
    EXPECT_EQ(LayoutSize(text), std::nullopt) << text;
  }
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "{a:";
  EXPECT_EQ(LayoutSize(deep), std::nullopt) << "and it ends";
  deep += "u8";
  for (int i = 0; i < 1000; ++i) deep += "}";
  EXPECT_EQ(LayoutSize(deep), std::nullopt);
}

TEST(LayoutTextTest, FieldsComeOneAfterTheOther) {
  LayoutFields fields(kElementLayout<Pose>);
  std::vector<std::string> found;
  while (const auto field = fields.Next()) {
    found.push_back(std::string(field->name) + "=" +
                    std::string(field->layout));
  }
  EXPECT_EQ(found,
            (std::vector<std::string>{"ends={x:f64,y:f64}[2]", "frame=i32[3]",
                                      "cells=u8[2][2]", "time_ns=u64"}));
  EXPECT_FALSE(LayoutFields("u32").Next());
  EXPECT_FALSE(LayoutFields("{x:u8}[2]").Next()) << "an array";
}

struct Case {
  std::string_view ours;
  std::string_view theirs;
  What what;
  std::string_view path;
  std::uint64_t offset;
  std::string_view our;
  std::string_view their;
};

TEST(LayoutTextTest, TheFirstDifferenceIsNamedWithItsOffset) {
  const std::vector<Case> cases = {
      {"{x:f64}", "{x:f64}", What::kNothing, "", 0, "", ""},
      {"{x:f64,yaw:f64}", "{x:f64,yaw:f32}", What::kSize, "yaw", 8, "f64",
       "f32"},
      {"{x:u32,y:u32}", "{x:u32,y:i32}", What::kKind, "y", 4, "u32", "i32"},
      {"{x:u32,y:u32}", "{x:u32,z:u32}", What::kName, "", 4, "y", "z"},
      {"{x:u32}", "{x:u32,z:u32}", What::kCount, "", 4, "", "z"},
      {"{x:u32,z:u32}", "{x:u32}", What::kCount, "", 4, "z", ""},
      {"{a:u64,p:{x:f64,y:f64},b:u8}", "{a:u64,p:{x:f64,y:f32},b:u8}",
       What::kSize, "p.y", 16, "f64", "f32"},
      {"{a:u64,p:{x:u8,y:u8}[4]}", "{a:u64,p:{x:u8,y:i8}[4]}", What::kKind,
       "p[].y", 9, "u8", "i8"},
      {"{n:u32[4]}", "{n:u32[5]}", What::kSize, "n", 0, "u32[4]", "u32[5]"},
      {"{n:u32[4]}", "{n:f32[4]}", What::kKind, "n[]", 0, "u32", "f32"},
      {"{n:{x:u8}}", "{n:u8}", What::kKind, "n", 0, "{x:u8}", "u8"},
      {"u32", "u64", What::kSize, "", 0, "u32", "u64"},
      {"u32", "", What::kText, "", 0, "u32", ""},
      {"{x:u8}", "{x:u8,", What::kText, "", 1, "{x:u8}", "{x:u8,"},
      // Cut off, but behind the difference.
      {"{x:u8,y:u8}", "{x:i8,y:u", What::kKind, "x", 0, "u8", "i8"},
  };
  for (const Case& one : cases) {
    const auto found = CompareLayouts(one.ours, one.theirs);
    EXPECT_EQ(found.what, one.what) << one.ours << " " << one.theirs;
    EXPECT_EQ(found.path.view(), one.path) << one.ours << " " << one.theirs;
    EXPECT_EQ(found.offset, one.offset) << one.ours << " " << one.theirs;
    EXPECT_EQ(found.ours, one.our) << one.ours << " " << one.theirs;
    EXPECT_EQ(found.theirs, one.their) << one.ours << " " << one.theirs;
  }
}

// A peer may have written either.
TEST(LayoutTextTest, DeepAndLongTextsEndToo) {
  std::string ours, theirs;
  for (int i = 0; i < 500; ++i) ours += "{a:";
  theirs = ours + "f32";
  ours += "u32";
  EXPECT_EQ(CompareLayouts(ours, theirs).what, What::kText);
  EXPECT_EQ(CompareLayouts(theirs, ours.substr(0, 700)).what, What::kText);
  std::string arrays = "u8";
  for (int i = 0; i < 500; ++i) arrays += "[1]";
  EXPECT_NE(CompareLayouts(arrays, "i8" + arrays.substr(2)).what,
            What::kNothing);
}

}  // namespace
}  // namespace placid
