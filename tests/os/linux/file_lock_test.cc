// SPDX-License-Identifier: Apache-2.0
#include "placid/os/file_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "gtest/gtest.h"
#include "placid/base/error.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"
#include "tests/support/child.h"

namespace placid::os {
namespace {

using placid::testing::Child;

// A descriptor that was passed on shares its sender's description: were it
// locked through that, the receiver would hold what the sender holds.
TEST(LinuxFileLockTest, APassedDescriptorHasLocksOfItsOwn) {
  auto sender = *SharedObject::CreateAnonymous(4096);
  auto receiver = *SharedObject::Adopt(
      ::fcntl(static_cast<int>(sender.handle()), F_DUPFD_CLOEXEC, 0),
      Access::kReadWrite);
  auto lock = FileLock::TryLock(sender, 1);
  ASSERT_TRUE(lock);
  EXPECT_EQ(FileLock::TryLock(receiver, 1).error().code, ErrorCode::kBusy);
  // And does not go with the object that it was made from.
  sender = SharedObject();
  EXPECT_EQ(*FileLock::Probe(receiver, 1), LockState::kHeld);
  *lock = FileLock();
  EXPECT_EQ(*FileLock::Probe(receiver, 1), LockState::kFree);
}

TEST(LinuxFileLockTest, AForkedChildKeepsTheLockUntilItEnds) {
  const auto object = *SharedObject::CreateAnonymous(4096);
  auto lock = FileLock::TryLock(object, 0);
  ASSERT_TRUE(lock);
  {
    Child child([] { ::pause(); });
    *lock = FileLock();
    EXPECT_EQ(*FileLock::Probe(object, 0), LockState::kHeld);
    child.Kill();
  }
  EXPECT_EQ(*FileLock::Probe(object, 0), LockState::kFree);
}

TEST(LinuxFileLockTest, AReaderMayLook) {
  const auto object = *SharedObject::CreateAnonymous(4096);
  const auto lock = FileLock::TryLock(object, 0);
  ASSERT_TRUE(lock);
  const auto reader = *SharedObject::Adopt(
      ::fcntl(static_cast<int>(object.handle()), F_DUPFD_CLOEXEC, 0),
      Access::kReadOnly);
  EXPECT_EQ(*FileLock::Probe(reader, 0), LockState::kHeld);
}

}  // namespace
}  // namespace placid::os
