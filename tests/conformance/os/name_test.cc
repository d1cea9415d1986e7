// SPDX-License-Identifier: Apache-2.0
#include "placid/os/name.h"

#include <set>
#include <string>
#include <string_view>

#include "fixture.h"
#include "gtest/gtest.h"
#include "placid/base/error.h"
#include "placid/os/shared_object.h"

namespace placid::os::conformance {
namespace {

using NameConformance = Conformance;

TEST_F(NameConformance, ParseTakesPortableNamesAsTheyAre) {
  for (const std::string_view text :
       {"a", "Prices_2", "a.b-c", "-", "_", "0"}) {
    const auto name = Name::Parse(text);
    ASSERT_TRUE(Succeeds(name)) << text;
    EXPECT_EQ(name->text(), text);
    EXPECT_FALSE(name->is_raw());
  }
}

TEST_F(NameConformance, ParseSaysWhatIsWrong) {
  const std::string long_text(Name::kMaxBytes + 1, 'a');
  for (const std::string_view text :
       {std::string_view(""), std::string_view(long_text),
        std::string_view("a/b"), std::string_view("////"),
        std::string_view("."), std::string_view(".."),
        std::string_view(".hidden"), std::string_view("a b"),
        std::string_view("a\0b", 3), std::string_view("a\\b"),
        std::string_view("a{b"), std::string_view("a@b"),
        std::string_view("caf\xc3\xa9")}) {
    const auto name = Name::Parse(text);
    EXPECT_TRUE(
        FailsWith(ErrorCode::kInvalidArgument, "Name::Parse", text, name));
    EXPECT_NE(name.error().field, nullptr);
  }
  EXPECT_EQ(Name::Parse(long_text).error().found, Name::kMaxBytes + 1);
  EXPECT_EQ(Name::Parse("a/b").error().found, '/');
}

TEST_F(NameConformance, ANameOfTheGreatestLengthIsCreated) {
  Name name = NewName();
  std::string text(name.text());
  text.resize(Name::kMaxBytes, 'x');
  name = *Name::Parse(text);
  ASSERT_TRUE(Succeeds(SharedObject::Create(name, 1)));
  (void)SharedObject::Unlink(name);
}

TEST_F(NameConformance, SanitizeKeepsWhatParseAccepts) {
  EXPECT_EQ(Name::Sanitize("prices.eu")->text(), "prices.eu");
  const std::string longest(Name::kMaxBytes, 'a');
  EXPECT_EQ(Name::Sanitize(longest)->text(), longest);
}

// A sanitiser that only replaced bytes would send all of these to one name.
TEST_F(NameConformance, SanitizedTextsNeverMeet) {
  const std::string long_text(1000, 'a');
  const std::string longer_text(1001, 'a');
  std::set<std::string> seen;
  int texts = 0;
  for (const std::string_view text :
       {std::string_view("a/b"), std::string_view("a b"),
        std::string_view("a:b"), std::string_view("a_b"),
        std::string_view("/a/b"), std::string_view("."), std::string_view(".."),
        std::string_view("\0", 1), std::string_view(long_text),
        std::string_view(longer_text)}) {
    const auto name = Name::Sanitize(text);
    ASSERT_TRUE(Succeeds(name)) << text;
    EXPECT_TRUE(Succeeds(Name::Parse(name->text()))) << name->text();
    seen.emplace(name->text());
    ++texts;
  }
  EXPECT_EQ(seen.size(), texts);
  // Fixed for ever: other builds look for the same name.
  EXPECT_EQ(Name::Sanitize("a/b")->text(), "a_b-e620c3190468cf61");
}

TEST_F(NameConformance, SanitizeRefusesTheEmptyText) {
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Name::Sanitize", "",
                        Name::Sanitize("")));
}

TEST_F(NameConformance, RawNamesAreOnlyCheckedForWhatNoSystemTakes) {
  EXPECT_EQ(Name::Raw("/frames of another")->text(), "/frames of another");
  EXPECT_TRUE(Name::Raw("/frames")->is_raw());
  EXPECT_NE(*Name::Raw("frames"), *Name::Parse("frames"));
  for (const std::string_view text :
       {std::string_view(""), std::string_view("a\0b", 3)}) {
    EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Name::Raw", text,
                          Name::Raw(text)));
  }
  EXPECT_FALSE(Name::Raw(std::string(Name::kMaxBytes + 1, 'a')));
}

// A raw name has no prefix, so the same text names two objects.
TEST_F(NameConformance, RawAndPortableNamesAreApart) {
  const Name name = NewName();
  const Name raw = *Name::Raw(name.text());
  const auto portable = SharedObject::Create(name, 1);
  ASSERT_TRUE(Succeeds(portable));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "SharedObject::Open", raw.text(),
                        SharedObject::Open(raw, Access::kReadOnly)));
  const auto foreign = SharedObject::Create(raw, 1);
  ASSERT_TRUE(Succeeds(foreign));
  EXPECT_FALSE(foreign->StillNamed(name));
  EXPECT_TRUE(Succeeds(foreign->StillNamed(raw)));
  (void)SharedObject::Unlink(raw);
}

}  // namespace
}  // namespace placid::os::conformance
