// SPDX-License-Identifier: Apache-2.0
#include "placid/os/file_lock.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "port.h"

namespace placid::os::conformance {
namespace {

class FileLockConformance : public Conformance {
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

TEST_F(FileLockConformance, AByteIsHeldUntilItsLockGoes) {
  {
    const auto lock = FileLock::TryLock(name_, 0);
    ASSERT_TRUE(Succeeds(lock));
    EXPECT_TRUE(lock->is_held());
    EXPECT_TRUE(FailsWith(ErrorCode::kBusy, "FileLock::TryLock", name_.text(),
                          FileLock::TryLock(name_, 0)));
    EXPECT_EQ(*FileLock::Probe(name_, 0), LockState::kHeld);
  }
  EXPECT_EQ(*FileLock::Probe(name_, 0), LockState::kFree);
  EXPECT_TRUE(Succeeds(FileLock::TryLock(name_, 0)));
}

TEST_F(FileLockConformance, BytesAreApartAndMayLieAnywhere) {
  constexpr auto kFarthest = std::numeric_limits<std::uint32_t>::max();
  const auto first = FileLock::TryLock(name_, 0);
  const auto second = FileLock::TryLock(name_, 1);
  const auto last = FileLock::TryLock(name_, kFarthest);
  EXPECT_TRUE(Succeeds(first));
  EXPECT_TRUE(Succeeds(second));
  EXPECT_TRUE(Succeeds(last));
  EXPECT_EQ(*FileLock::Probe(name_, 2), LockState::kFree);
  EXPECT_EQ(*FileLock::Probe(name_, kFarthest), LockState::kHeld);
}

// Another handle of the same process must not drop the lock: that is what
// locks of a process, rather than of a description, do.
TEST_F(FileLockConformance, ClosingAnotherHandleKeepsTheLock) {
  const auto lock = FileLock::TryLock(name_, 5);
  ASSERT_TRUE(Succeeds(lock));
  { const auto other = SharedObject::Open(name_, Access::kReadWrite); }
  (void)FileLock::Probe(name_, 5);
  EXPECT_EQ(Peer::Spawn()->Do(Step("probe", name_, "5")), "held");
}

TEST_F(FileLockConformance, APeersLockIsBusyUntilItUnlocks) {
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("lock", name_, "7")), "locked");
  EXPECT_TRUE(FailsWith(ErrorCode::kBusy, "FileLock::TryLock", name_.text(),
                        FileLock::TryLock(name_, 7)));
  EXPECT_EQ(*FileLock::Probe(name_, 7), LockState::kHeld);
  ASSERT_EQ(peer->Do("unlock"), "unlocked");
  const auto lock = FileLock::TryLock(name_, 7);
  EXPECT_TRUE(Succeeds(lock));
  EXPECT_EQ(peer->Do(Step("lock", name_, "7")), "busy");
}

TEST_F(FileLockConformance, AKilledPeerHoldsNothing) {
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("lock", name_, "7")), "locked");
  ASSERT_EQ(peer->Do(Step("lock", name_, "8")), "locked");
  peer->Kill();
  EXPECT_EQ(*FileLock::Probe(name_, 7), LockState::kFree);
  EXPECT_TRUE(Succeeds(FileLock::TryLock(name_, 8)));
}

TEST_F(FileLockConformance, OneOfManyPeersGetsALock) {
  const auto one = Peer::Spawn();
  const auto other = Peer::Spawn();
  one->Begin(Step("lock", name_, "3"));
  other->Begin(Step("lock", name_, "3"));
  const std::string answers = one->Answer() + " " + other->Answer();
  EXPECT_TRUE(answers == "locked busy" || answers == "busy locked") << answers;
}

// Where names go by themselves nobody need tell whether anybody is there.
TEST_F(FileLockConformance, SharersHaveAByteTogetherAndNobodyAlone) {
  auto first = FileLock::TryLock(name_, 4, LockMode::kShared);
  if (!NamesPersist()) {
    EXPECT_TRUE(FailsWith(ErrorCode::kUnsupported, "FileLock::TryLock",
                          name_.text(), first));
    EXPECT_EQ(*FileLock::Probe(name_, 4), LockState::kFree);
    return;
  }
  ASSERT_TRUE(Succeeds(first));
  auto second = FileLock::TryLock(object_, 4, LockMode::kShared);
  ASSERT_TRUE(Succeeds(second));
  for (auto* const leaving : {&first, &second}) {
    EXPECT_EQ(*FileLock::Probe(name_, 4), LockState::kShared);
    EXPECT_EQ(*FileLock::Probe(object_, 4), LockState::kShared);
    EXPECT_TRUE(FailsWith(ErrorCode::kBusy, "FileLock::TryLock", name_.text(),
                          FileLock::TryLock(name_, 4)));
    **leaving = FileLock();
  }
  EXPECT_EQ(*FileLock::Probe(name_, 4), LockState::kFree);

  const auto alone = FileLock::TryLock(name_, 4);
  ASSERT_TRUE(Succeeds(alone));
  EXPECT_EQ(*FileLock::Probe(name_, 4), LockState::kHeld);
  EXPECT_TRUE(FailsWith(ErrorCode::kBusy, "FileLock::TryLock", name_.text(),
                        FileLock::TryLock(name_, 4, LockMode::kShared)));
}

// Each of them says that somebody is there, until the last is dead.
TEST_F(FileLockConformance, AKilledPeerSharesNothing) {
  const std::string answer = NamesPersist() ? "shared" : "unsupported";
  const std::string state = NamesPersist() ? "shared" : "free";
  const auto one = Peer::Spawn();
  const auto other = Peer::Spawn();
  ASSERT_EQ(one->Do(Step("share", name_, "7")), answer);
  ASSERT_EQ(other->Do(Step("share", name_, "7")), answer);
  EXPECT_EQ(one->Do(Step("probe", name_, "7")), state);
  one->Kill();
  EXPECT_EQ(other->Do(Step("probe", name_, "7")), state);
  other->Kill();
  EXPECT_EQ(*FileLock::Probe(name_, 7), LockState::kFree);
  EXPECT_TRUE(Succeeds(FileLock::TryLock(name_, 7)));
}

TEST_F(FileLockConformance, WithoutTheObjectThereIsNoLock) {
  const Name nobody = NewName();
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "FileLock::TryLock",
                        nobody.text(), FileLock::TryLock(nobody, 0)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "FileLock::Probe", nobody.text(),
                        FileLock::Probe(nobody, 0)));
}

// An object and its name share their bytes' locks, where objects have any.
TEST_F(FileLockConformance, AnObjectsLocksAreThoseOfItsName) {
  const auto lock = FileLock::TryLock(object_, 9);
  if (!lock) {
    EXPECT_TRUE(
        FailsWith(ErrorCode::kUnsupported, "FileLock::TryLock", "", lock));
    EXPECT_TRUE(FailsWith(ErrorCode::kUnsupported, "FileLock::Probe", "",
                          FileLock::Probe(object_, 9)));
    return;
  }
  EXPECT_EQ(*FileLock::Probe(name_, 9), LockState::kHeld);
  EXPECT_EQ(*FileLock::Probe(object_, 9), LockState::kHeld);
  EXPECT_EQ(*FileLock::Probe(object_, 10), LockState::kFree);
  EXPECT_TRUE(FailsWith(ErrorCode::kBusy, "FileLock::TryLock", "",
                        FileLock::TryLock(object_, 9)));
}

TEST_F(FileLockConformance, AssignmentReleasesAtOnce) {
  const std::size_t before = CountOpenHandles();
  auto lock = *FileLock::TryLock(name_, 1);
  auto other = *FileLock::TryLock(name_, 2);
  lock = std::move(other);
  EXPECT_EQ(*FileLock::Probe(name_, 1), LockState::kFree);
  EXPECT_EQ(*FileLock::Probe(name_, 2), LockState::kHeld);
  lock = FileLock();
  EXPECT_FALSE(lock.is_held());
  EXPECT_EQ(*FileLock::Probe(name_, 2), LockState::kFree);
  EXPECT_EQ(CountOpenHandles(), before);
}

}  // namespace
}  // namespace placid::os::conformance
