// SPDX-License-Identifier: Apache-2.0
#include "placid/os/name_list.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/error.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "port.h"

namespace placid::os::conformance {
namespace {

class NameListConformance : public Conformance {
 protected:
  // What is listed under that name.
  static std::optional<ListedObject> Find(const Name& name) {
    const auto listed = ListNames();
    if (!listed) {
      EXPECT_FALSE(CanListNames()) << listed.error().Message().c_str();
      return std::nullopt;
    }
    const auto at =
        std::ranges::find(*listed, name.text(), &ListedObject::name);
    return at == listed->end() ? std::nullopt : std::optional(*at);
  }
};

// A port that cannot says so; one that can never says it.
TEST_F(NameListConformance, WhereNamesCannotBeListedTheErrorSaysSo) {
  const auto listed = ListNames();
  EXPECT_EQ(listed.has_value(), CanListNames());
  if (!CanListNames()) {
    EXPECT_TRUE(FailsWith(ErrorCode::kUnsupported, "ListNames", "", listed));
  }
}

// Where names persist: to its unlinking; else to its last handle.
TEST_F(NameListConformance, AnObjectIsListedFromItsCreationToItsEnd) {
  const Name name = NewName();
  EXPECT_FALSE(Find(name).has_value());
  auto object = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(object));
  const auto found = Find(name);
  ASSERT_EQ(found.has_value(), CanListNames());
  if (!found) return;
  EXPECT_EQ(found->kind, ListedObject::Kind::kObject);
  EXPECT_EQ(found->size_bytes, kPages);
  EXPECT_GE(found->allocated_bytes, kPages) << "its space is reserved";
  EXPECT_EQ(found->may_unlink, NamesPersist());
  EXPECT_EQ(found->mode, 0600U);
  if (NamesPersist()) {
    ASSERT_TRUE(Succeeds(SharedObject::Unlink(name)));
  }
  object = SharedObject();
  EXPECT_FALSE(Find(name).has_value());
}

// Its maker's end is not the object's, nor that of its place in the list.
TEST_F(NameListConformance, WhatAnotherHasOpenIsListedWithoutItsMaker) {
  const Name name = NewName();
  auto maker = Peer::Spawn();
  ASSERT_EQ(maker->Do(Step("create", name, "4096")), "created");
  const auto object = SharedObject::Open(name, Access::kReadOnly);
  ASSERT_TRUE(Succeeds(object));
  maker->Kill();
  EXPECT_EQ(Find(name).has_value(), CanListNames());
}

// Made again under a name that was there before, it is listed as the new one.
TEST_F(NameListConformance, ANameThatComesBackIsListedAnew) {
  const Name name = NewName();
  for (const std::uint64_t size : {kPages, 2 * kPages}) {
    const auto object = SharedObject::Create(name, size);
    ASSERT_TRUE(Succeeds(object));
    const auto found = Find(name);
    ASSERT_EQ(found.has_value(), CanListNames());
    if (!found) return;
    EXPECT_EQ(found->size_bytes, size);
    if (NamesPersist()) {
      ASSERT_TRUE(Succeeds(SharedObject::Unlink(name)));
    }
  }
}

TEST_F(NameListConformance, WhatAnotherProcessMadeIsListed) {
  const Name name = NewName();
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("create", name, "4096")), "created");
  EXPECT_EQ(Find(name).has_value(), CanListNames());
}

// Neither objects without a name nor files at a path are in it, and it is in
// order.
TEST_F(NameListConformance, NothingElseIsListed) {
  if (!CanListNames()) return;
  const auto before = ListNames();
  ASSERT_TRUE(Succeeds(before));
  const auto anonymous = SharedObject::CreateAnonymous(kPages);
  ASSERT_TRUE(Succeeds(anonymous));
  const auto file = SharedObject::CreateAtPath(NewPath(), kPages);
  ASSERT_TRUE(Succeeds(file));
  const Name one = NewName();
  const Name other = NewName();
  const auto later = SharedObject::Create(other, 1);
  ASSERT_TRUE(Succeeds(later));
  const auto earlier = SharedObject::Create(one, 1);
  ASSERT_TRUE(Succeeds(earlier));
  const auto after = ListNames();
  ASSERT_TRUE(Succeeds(after));
  EXPECT_TRUE(std::ranges::is_sorted(*after, {}, &ListedObject::name));
  const auto is_new = [&](const ListedObject& object) {
    return std::ranges::find(*before, object.name, &ListedObject::name) ==
           before->end();
  };
  // Other tests may make objects at the same time; ours hold this process's id.
  const std::string_view stem =
      one.text().substr(0, one.text().find('-', sizeof("scratch-")));
  const auto ours = std::ranges::count_if(*after, [&](const auto& object) {
    return is_new(object) && std::string_view(object.name).starts_with(stem);
  });
  EXPECT_EQ(ours, 2);
}

}  // namespace
}  // namespace placid::os::conformance
