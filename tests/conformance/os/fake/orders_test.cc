// SPDX-License-Identifier: Apache-2.0
//
// What only the fake can do: fail and die to order.
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/os/snapshot.h"
#include "src/os/fake/fake.h"
#include "tests/os/linux/deny.h"
#include "tests/os/linux/in_child.h"

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

// Each by the name that stands in its errors, once, and without a trace.
TEST_F(FakeTest, EveryOperationFailsToOrder) {
  constexpr std::uint64_t kSize = 4096;
  const Name there = *Name::Parse("there");
  const auto object = *SharedObject::Create(there, kSize);
  auto snapshot = *Snapshot::Of(object);
  auto listener = *HandoverListener::Listen(there);
  const auto self = *ThisProcess();
  struct Ordered {
    const char* operation;
    std::function<Result<void>()> call;
  };
  const auto forget = [](const auto& result) -> Result<void> {
    if (!result) return result.error();
    return Ok();
  };
  const Access access = Access::kReadWrite;
  const Ordered all[] = {
      {"SharedObject::CreateAnonymous",
       [&] { return forget(SharedObject::CreateAnonymous(kSize)); }},
      {"SharedObject::Create",
       [&] { return forget(SharedObject::Create(name_, kSize)); }},
      {"SharedObject::Open",
       [&] { return forget(SharedObject::Open(there, access)); }},
      {"SharedObject::OpenOrCreate",
       [&] { return forget(SharedObject::OpenOrCreate(there, kSize)); }},
      {"SharedObject::Unlink", [&] { return SharedObject::Unlink(name_); }},
      {"SharedObject::CreateAtPath",
       [&] { return forget(SharedObject::CreateAtPath("/path", kSize)); }},
      {"SharedObject::OpenAtPath",
       [&] { return forget(SharedObject::OpenAtPath("/path", access)); }},
      {"SharedObject::Adopt",
       [&] {
         const NativeHandle handle = Duplicate(object);
         const auto adopted = SharedObject::Adopt(handle, access);
         if (!adopted) (void)SharedObject::Adopt(handle, access);  // closes it
         return forget(adopted);
       }},
      {"SharedObject::Map", [&] { return forget(object.Map()); }},
      {"Snapshot::Of", [&] { return forget(Snapshot::Of(object)); }},
      {"Snapshot::Copy", [&] { return snapshot.Copy(object, 0, kSize); }},
      {"SharedObject::StillNamed", [&] { return object.StillNamed(there); }},
      {"FileLock::TryLock",
       [&] { return forget(FileLock::TryLock(there, 0)); }},
      {"FileLock::TryLock",
       [&] { return forget(FileLock::TryLock(object, 0)); }},
      {"FileLock::Probe", [&] { return forget(FileLock::Probe(there, 0)); }},
      {"FileLock::Probe", [&] { return forget(FileLock::Probe(object, 0)); }},
      {"ThisProcess", [&] { return forget(ThisProcess()); }},
      {"IdentifyProcess", [&] { return forget(IdentifyProcess(self.pid)); }},
      {"ProcessWatch::Open", [&] { return forget(ProcessWatch::Open(self)); }},
      {"HandoverListener::Listen",
       [&] { return forget(HandoverListener::Listen(name_)); }},
      {"HandoverListener::GiveTo",
       [&] {
         const Result<void> given = listener.GiveTo(object, access, 0);
         return given.error().code == ErrorCode::kTimedOut ? Ok() : given;
       }},
      {"ReceiveHandover",
       [&] {
         const auto received = ReceiveHandover(there, 0);
         return received.error().code == ErrorCode::kTimedOut
                    ? Ok()
                    : forget(received);
       }},
  };
  for (const Ordered& ordered : all) {
    SCOPED_TRACE(ordered.operation);
    FailNth(ordered.operation, 1, ErrorCode::kNoSpace, ENOSPC);
    const auto failed = ordered.call();
    ASSERT_FALSE(failed);
    EXPECT_EQ(std::string_view(failed.error().operation), ordered.operation);
    EXPECT_EQ(failed.error().code, ErrorCode::kNoSpace);
    EXPECT_EQ(failed.error().system_error, ENOSPC);
    const auto after = ordered.call();
    EXPECT_TRUE(after) << after.error().Message().c_str();
  }
}

// What a dead process had in its hands is not open any more.
TEST_F(FakeTest, AHandleOfTheDeadIsNotOpen) {
  Process process;
  const Process::Scope scope(process);
  const auto object = *SharedObject::CreateAnonymous(4096);
  auto listener = *HandoverListener::Listen(name_);
  EXPECT_EQ(listener.GiveTo(SharedObject(), Access::kReadOnly, 0)
                .error()
                .system_error,
            EBADF);
  process.Kill();
  EXPECT_EQ(object.Map().error().system_error, EBADF);
  EXPECT_EQ(Snapshot::Of(object).error().system_error, EBADF);
  EXPECT_EQ(Snapshot().Copy(object, 0, 1).error().system_error, EBADF);
  EXPECT_EQ(object.StillNamed(name_).error().system_error, EBADF);
  const auto ours = *SharedObject::CreateAnonymous(4096);
  EXPECT_EQ(listener.GiveTo(ours, Access::kReadOnly, 0).error().system_error,
            EBADF);
}

// The system that it stands on may refuse too.
TEST_F(FakeTest, WhatTheSystemRefusesIsSaid) {
  InChild([] {
    Deny(SYS_ftruncate, EFBIG);
    EXPECT_EQ(SharedObject::CreateAnonymous(1).error().system_error, EFBIG);
    Deny(SYS_memfd_create, EMFILE);
    EXPECT_EQ(SharedObject::CreateAnonymous(1).error().system_error, EMFILE);
  });
  // More than all of the address space.
  SetCapacity(2 * SharedObject::kMaxBytes);
  const auto large = SharedObject::CreateAnonymous(SharedObject::kMaxBytes);
  ASSERT_TRUE(large);
  EXPECT_EQ(large->Map({.mirror_offset = kGranuleBytes}).error().system_error,
            ENOMEM);
  EXPECT_EQ(CountMappings(), 0U);
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
