// SPDX-License-Identifier: Apache-2.0
#include "placid/os/locked_mapping.h"

#include <cstddef>
#include <cstdint>
#include <utility>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/error.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "port.h"

namespace placid::os::conformance {
namespace {

class LockedMappingConformance : public Conformance {
 protected:
  void SetUp() override {
    Conformance::SetUp();
    auto object = SharedObject::Create(name_, kPages);
    ASSERT_TRUE(Succeeds(object));
    object_ = std::move(*object);
  }

  Name name_ = NewName();
  SharedObject object_;
};

TEST_F(LockedMappingConformance, TheLockLastsAsLongAsTheMapping) {
  {
    const auto locked = LockedMapping::TryMap(object_, name_, 3);
    ASSERT_TRUE(Succeeds(locked));
    EXPECT_TRUE(locked->is_ours());
    EXPECT_EQ(locked->bytes().size(), kPages);
    locked->bytes().front() = std::byte{5};
    EXPECT_EQ(object_.Map()->bytes().front(), std::byte{5});
    EXPECT_EQ(*FileLock::Probe(name_, 3), LockState::kHeld);
    EXPECT_EQ(*FileLock::Probe(name_, 4), LockState::kFree);
    EXPECT_TRUE(FailsWith(ErrorCode::kBusy, "LockedMapping::TryMap",
                          name_.text(),
                          LockedMapping::TryMap(object_, name_, 3)));
    EXPECT_TRUE(FailsWith(ErrorCode::kBusy, "FileLock::TryLock", name_.text(),
                          FileLock::TryLock(name_, 3)));
  }
  EXPECT_EQ(*FileLock::Probe(name_, 3), LockState::kFree);
  EXPECT_TRUE(Succeeds(LockedMapping::TryMap(object_, name_, 3)));
}

// The object that it was made from may go, and others may open and close.
TEST_F(LockedMappingConformance, NothingElseKeepsOrEndsTheLock) {
  SharedObject own = *SharedObject::Open(name_, Access::kReadWrite);
  auto locked = *LockedMapping::TryMap(own, name_, 1);
  own = SharedObject();
  { const auto other = SharedObject::Open(name_, Access::kReadWrite); }
  { const auto plain = object_.Map(); }
  EXPECT_EQ(*FileLock::Probe(name_, 1), LockState::kHeld);
  EXPECT_EQ(Peer::Spawn()->Do(Step("probe", name_, "1")), "held");
  LockedMapping moved = std::move(locked);
  EXPECT_EQ(*FileLock::Probe(name_, 1), LockState::kHeld);
  moved = LockedMapping();
  EXPECT_EQ(*FileLock::Probe(name_, 1), LockState::kFree);
}

TEST_F(LockedMappingConformance, AKilledPeerHoldsNothing) {
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("open", name_, "rw")),
            "opened " + std::to_string(object_.size_bytes()));
  ASSERT_EQ(peer->Do(Step("map_locked", name_, "7")), "mapped");
  EXPECT_EQ(*FileLock::Probe(name_, 7), LockState::kHeld);
  EXPECT_TRUE(FailsWith(ErrorCode::kBusy, "LockedMapping::TryMap", name_.text(),
                        LockedMapping::TryMap(object_, name_, 7)));
  peer->Kill();
  EXPECT_EQ(*FileLock::Probe(name_, 7), LockState::kFree);
  EXPECT_TRUE(Succeeds(LockedMapping::TryMap(object_, name_, 7)));
}

TEST_F(LockedMappingConformance, ALockIsSharedByAllWhoHaveItMapped) {
  auto ours = LockedMapping::TryMap(object_, name_, 6, LockMode::kShared);
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("open", name_, "rw")),
            "opened " + std::to_string(object_.size_bytes()));
  if (!NamesPersist()) {
    EXPECT_TRUE(FailsWith(ErrorCode::kUnsupported, "LockedMapping::TryMap",
                          name_.text(), ours));
    EXPECT_EQ(peer->Do(Step("map_shared", name_, "6")), "unsupported");
    return;
  }
  ASSERT_TRUE(Succeeds(ours));
  ASSERT_EQ(peer->Do(Step("map_shared", name_, "6")), "mapped");
  ours->bytes().front() = std::byte{5};
  EXPECT_EQ(object_.Map()->bytes().front(), std::byte{5});
  EXPECT_TRUE(FailsWith(ErrorCode::kBusy, "LockedMapping::TryMap", name_.text(),
                        LockedMapping::TryMap(object_, name_, 6)));
  *ours = LockedMapping();
  EXPECT_EQ(*FileLock::Probe(name_, 6), LockState::kShared) << "the peer's";
  peer->Kill();
  EXPECT_EQ(*FileLock::Probe(name_, 6), LockState::kFree);
}

TEST_F(LockedMappingConformance, NothingLeaksFromAnAttempt) {
  const auto held = LockedMapping::TryMap(object_, name_, 2);
  ASSERT_TRUE(Succeeds(held));
  const std::size_t handles = CountOpenHandles();
  const std::size_t mappings = CountMappings();
  for (int i = 0; i < 20; ++i) {
    EXPECT_FALSE(LockedMapping::TryMap(object_, name_, 2));
    EXPECT_TRUE(Succeeds(LockedMapping::TryMap(object_, name_, 5)));
  }
  EXPECT_EQ(CountOpenHandles(), handles);
  EXPECT_EQ(CountMappings(), mappings);
}

TEST_F(LockedMappingConformance, NoneIsNoMapping) {
  const LockedMapping none;
  EXPECT_TRUE(none.bytes().empty());
  EXPECT_FALSE(LockedMapping::TryMap(SharedObject(), name_, 0));
}

}  // namespace
}  // namespace placid::os::conformance
