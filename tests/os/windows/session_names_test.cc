// SPDX-License-Identifier: Apache-2.0
//
// What is particular to the registry from which names are listed here.
#include <gtest/gtest.h>

#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/name_list.h"
#include "placid/os/shared_object.h"
#include "tests/support/scratch.h"

namespace placid::os {
namespace {

std::optional<ListedObject> Find(std::string_view name) {
  const auto listed = ListNames();
  EXPECT_TRUE(listed) << listed.error().Message().c_str();
  const auto at = std::ranges::find(*listed, name, &ListedObject::name);
  return at == listed->end() ? std::nullopt : std::optional(*at);
}

class SessionNamesTest : public ::testing::Test {
 protected:
  placid::testing::Scratch scratch_;
};

TEST_F(SessionNamesTest, ThoseWhoMayReadAreListed) {
  const Name name = scratch_.NewName();
  const auto object = SharedObject::Create(name, 1, {.mode = 0660});
  ASSERT_TRUE(object);
  const auto found = Find(name.text());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->mode, 0666U);
  EXPECT_GT(found->made_at, 1'600'000'000);
}

// More than there are entries: names that are gone make room.
TEST_F(SessionNamesTest, ThousandsOfNamesOneAfterTheOtherAreListed) {
  const std::string stem(scratch_.NewName().text());
  for (int i = 0; i < 6000; ++i) {
    const Name name = *Name::Parse(stem + "-" + std::to_string(i));
    const auto object = SharedObject::Create(name, 1);
    ASSERT_TRUE(object) << object.error().Message().c_str();
    if (i % 100 == 0) {
      ASSERT_TRUE(Find(name.text())) << i;
    }
  }
  const auto listed = ListNames();
  ASSERT_TRUE(listed);
  for (const ListedObject& object : *listed) {
    EXPECT_FALSE(object.name.starts_with(stem)) << object.name;
  }
}

TEST_F(SessionNamesTest, RawNamesAreNotListed) {
  const std::string text(scratch_.NewName().text());
  const auto object = SharedObject::Create(*Name::Raw("Local\\" + text), 1);
  ASSERT_TRUE(object);
  EXPECT_FALSE(Find(text));
  EXPECT_FALSE(Find("Local\\" + text));
}

// What another program made without this library is, once one of ours has it
// open.
TEST_F(SessionNamesTest, AForeignSectionIsListedFromItsFirstOpeningOn) {
  const Name name = scratch_.NewName();
  const std::string section = "Local\\placid." + std::string(name.text());
  const HANDLE made =
      ::CreateFileMappingA(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE, 0,
                           3 * 65536, section.c_str());
  ASSERT_NE(made, nullptr);
  EXPECT_FALSE(Find(name.text()));
  const auto object = SharedObject::Open(name, Access::kReadOnly);
  ASSERT_TRUE(object);
  const auto found = Find(name.text());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size_bytes, 3 * 65536U);
  ::CloseHandle(made);
}

}  // namespace
}  // namespace placid::os
