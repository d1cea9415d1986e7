// SPDX-License-Identifier: Apache-2.0
//
// What only the fake can do: fail and die to order.
#include <cerrno>
#include <cstdint>
#include <utility>

#include "gtest/gtest.h"
#include "placid/base/error.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "src/os/fake/fake.h"

namespace placid::os::fake {
namespace {

class FakeTest : public ::testing::Test {
 protected:
  void SetUp() override { Reset(); }

  const Name name_ = *Name::Parse("fake");
};

TEST_F(FakeTest, ExactlyTheCallThatWasOrderedFails) {
  FailNth("SharedObject::CreateAnonymous", 2, ErrorCode::kNoSpace, ENOSPC);
  EXPECT_TRUE(SharedObject::CreateAnonymous(1));
  EXPECT_TRUE(SharedObject::Create(name_, 1));  // another operation
  const auto failed = SharedObject::CreateAnonymous(1);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(failed.error().system_error, ENOSPC);
  EXPECT_TRUE(SharedObject::CreateAnonymous(1));
}

TEST_F(FakeTest, AnOrderedFailureChangesNothing) {
  const auto before = CountHandles();
  FailNth("SharedObject::Create", 1, ErrorCode::kPermissionDenied, EACCES);
  EXPECT_FALSE(SharedObject::Create(name_, 1));
  EXPECT_EQ(SharedObject::Open(name_, Access::kReadOnly).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(CountHandles(), before);
}

TEST_F(FakeTest, TheSpaceOfAnObjectComesBackWithItsLastHandleAndName) {
  SetCapacity(100);
  auto object = SharedObject::Create(name_, 80);
  ASSERT_TRUE(object);
  EXPECT_EQ(SharedObject::CreateAnonymous(21).error().code,
            ErrorCode::kNoSpace);
  EXPECT_TRUE(SharedObject::Unlink(name_));
  EXPECT_FALSE(SharedObject::CreateAnonymous(21));
  *object = SharedObject();
  EXPECT_TRUE(SharedObject::CreateAnonymous(100));
}

TEST_F(FakeTest, AWishIsRefusedToOrder) {
  Refuse(Wish::kLock, EPERM);
  const auto mapping = Mapping::Anonymous(1, {.prefault = true, .lock = true});
  ASSERT_TRUE(mapping);
  EXPECT_EQ(mapping->granted()[Wish::kPrefault], Grant::kGranted);
  EXPECT_EQ(mapping->granted()[Wish::kLock], Grant::kRefused);
  EXPECT_EQ(mapping->granted().system_error(Wish::kLock), EPERM);
}

TEST_F(FakeTest, ADeathTakesHandlesAndLocksAndNothingOfOthers) {
  const auto ours = SharedObject::Create(name_, 1);
  const auto our_lock = FileLock::TryLock(name_, 0);
  const auto before = CountHandles();
  Process process;
  SharedObject theirs;
  FileLock their_lock;
  ProcessIdentity identity;
  {
    const Process::Scope scope(process);
    theirs = *SharedObject::Open(name_, Access::kReadOnly);
    their_lock = *FileLock::TryLock(name_, 1);
    identity = *ThisProcess();
  }
  EXPECT_NE(identity, *ThisProcess());
  process.Kill();
  EXPECT_EQ(CountHandles(), before);
  EXPECT_EQ(*FileLock::Probe(name_, 0), LockState::kHeld);
  EXPECT_EQ(*FileLock::Probe(name_, 1), LockState::kFree);
  EXPECT_EQ(ProcessWatch::Open(identity)->Poll(), Liveness::kDead);
  EXPECT_TRUE(IdentifyProcess(identity.pid)) << "a zombie has a pid";
  process.Reap();
  EXPECT_EQ(IdentifyProcess(identity.pid).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace placid::os::fake
