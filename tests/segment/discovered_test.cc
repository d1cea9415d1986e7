// SPDX-License-Identifier: Apache-2.0
//
// What another process made is discovered, on every system that lists names: as
// one segment with all its objects, until it is unlinked or goes by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/segment/discovery.h"
#include "placid/segment/segment.h"
#include "tests/segment/peer.h"
#include "tests/support/peer.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using testing::Peer;

class DiscoveredTest : public ::testing::Test {
 protected:
  ~DiscoveredTest() override { (void)Segment::Unlink(name_); }

  [[nodiscard]] std::string Step(std::string_view verb) const {
    return std::string(verb) + ' ' + std::string(name_.text());
  }
  // The one thing that is discovered under our name, or with it in its own.
  [[nodiscard]] std::optional<Found> Discovered() const {
    const auto all = Discover();
    EXPECT_TRUE(all) << all.error().Message().c_str();
    std::optional<Found> ours;
    for (const Found& found : *all) {
      if (found.name.find(name_.text()) == std::string::npos) continue;
      EXPECT_FALSE(ours) << ours->name << " and " << found.name;
      ours = found;
    }
    return ours;
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
};

TEST_F(DiscoveredTest, ASegmentOfAnotherProcessIsDiscoveredAsOne) {
  EXPECT_FALSE(Discovered());
  const auto creator = Peer::Spawn();
  ASSERT_NE(creator->Do(Step("create") + " 17"), Peer::kDied);
  auto found = Discovered();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, name_.text());
  EXPECT_EQ(found->kind, Found::Kind::kSegment);
  EXPECT_EQ(found->state, Found::State::kReady);
  EXPECT_EQ(found->living, 0u);
  EXPECT_TRUE(found->is_listed);
  EXPECT_GE(found->allocated_bytes, found->size_bytes) << "all its objects";
  EXPECT_EQ(found->fate, Found::Fate::kKeep) << "its maker has it open";
  const SegmentId id = found->id;

  const auto member = Peer::Spawn();
  ASSERT_NE(member->Do(Step("open")), Peer::kDied);
  ASSERT_NE(member->Do("join"), Peer::kDied);
  found = Discovered();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->living, 1u);
  EXPECT_EQ(found->fate, Found::Fate::kKeep);

  // Its maker's end is not the segment's.
  creator->Kill();
  found = Discovered();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, id);
  EXPECT_EQ(found->living, 1u);
  member->Kill();
  if (os::NamesPersist()) {
    found = Discovered();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->living, 0u);
    EXPECT_EQ(found->dead, 1u);
    EXPECT_EQ(found->fate, Found::Fate::kGo) << "nobody has it open any more";
    EXPECT_TRUE(*ClearAway(*found, Clear::kOrphans));
  }
  EXPECT_FALSE(Discovered());
}

// Nobody's name is taken from under him where nobody's can be.
TEST_F(DiscoveredTest, AnUnusedSegmentIsClearedWhereNamesCanBeTakenAway) {
  const auto creator = Peer::Spawn();
  const std::string create = os::NamesPersist() ? "lasting create" : "create";
  ASSERT_NE(creator->Do(Step(create) + " 17"), Peer::kDied);
  auto found = Discovered();
  ASSERT_TRUE(found);
  for (const Clear what : {Clear::kOrphans, Clear::kUnused}) {
    const auto cleared = ClearAway(*found, what);
    ASSERT_TRUE(cleared) << cleared.error().Message().c_str();
    EXPECT_FALSE(*cleared) << "it is whole, and its maker has it open";
  }
  EXPECT_EQ(creator->Do("check"), "whole");
  EXPECT_EQ(creator->Do("close"), "closed");
  found = Discovered();
  ASSERT_EQ(found.has_value(), os::NamesPersist());
  if (!found) return;
  EXPECT_EQ(found->fate, Found::Fate::kIfUnused);
  EXPECT_FALSE(*ClearAway(*found, Clear::kOrphans));
  EXPECT_TRUE(*ClearAway(*found, Clear::kUnused));
  EXPECT_FALSE(Discovered());
}

}  // namespace
}  // namespace placid
