// SPDX-License-Identifier: Apache-2.0
//
// A program that includes <windows.h> first, as it comes: with its macros min
// and max, and its macros that give functions another name. What one of those
// renamed would not link here. (That each header compiles behind <windows.h> is
// checked by all_verify_interface_header_sets.)
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/os/windows/windows_macros.h"
// These come after it.
#include "placid/os/file_lock.h"
#include "placid/os/futex.h"
#include "placid/os/handover.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/counter.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

TEST(WindowsHeaderTest, EveryFunctionOfOsKeepsItsName) {
  using os::Access;
  using os::SharedObject;
  testing::Scratch scratch;
  const os::Name name = scratch.NewName();
  const std::string path = scratch.NewPath();
  ASSERT_TRUE(os::Name::Raw("raw"));
  ASSERT_TRUE(os::Name::Sanitize("any text"));
  EXPECT_TRUE(os::CanSealAnonymous() && os::CanGiveAnonymousReadOnly());

  const auto made = SharedObject::CreateAtPath(path, os::kGranuleBytes);
  EXPECT_TRUE(made && SharedObject::OpenAtPath(path, Access::kReadOnly));
  const auto object = SharedObject::Create(name, os::kGranuleBytes);
  ASSERT_TRUE(object);
  EXPECT_TRUE(object->StillNamed(name));
  EXPECT_TRUE(SharedObject::Open(name, Access::kReadOnly));
  EXPECT_TRUE(SharedObject::OpenOrCreate(name, 1));
  EXPECT_TRUE(SharedObject::CreateAnonymous(1));
  EXPECT_FALSE(SharedObject::Adopt(os::kNoHandle, Access::kReadOnly));
  EXPECT_EQ(SharedObject::Unlink(name).error().code, ErrorCode::kUnsupported);

  EXPECT_TRUE(os::Mapping::Anonymous(1));
  const auto mapping = object->Map();
  ASSERT_TRUE(mapping);
  EXPECT_FALSE(os::HasFutex());
  EXPECT_EQ(os::FutexWait(mapping->data(), 0, os::MonotonicNow()),
            os::WaitResult::kUnsupported);
  EXPECT_EQ(os::FutexWake(mapping->data(), 1), 0);

  auto lock = os::FileLock::TryLock(name, 0);
  EXPECT_TRUE(lock && lock->is_held());
  EXPECT_EQ(*os::FileLock::Probe(name, 0), os::LockState::kHeld);
  auto listener = os::HandoverListener::Listen(name);
  ASSERT_TRUE(listener);
  EXPECT_EQ(listener->GiveTo(*object, Access::kReadOnly, 0).error().code,
            ErrorCode::kTimedOut);
  auto watch =
      os::ProcessWatch::Open(*os::IdentifyProcess(os::ThisProcess()->pid));
  EXPECT_TRUE(watch && watch->Poll() == os::Liveness::kAlive);
  EXPECT_FALSE(os::ReceiveHandover(*os::Name::Parse("header-none"), 0));

  const auto ring = SpscRing<std::uint64_t, 8>::Attach(mapping->bytes());
  ASSERT_TRUE(ring);
  EXPECT_EQ(ring->ClaimProducer()->TryPush(1), RingResult::kOk);
}

}  // namespace
}  // namespace placid
