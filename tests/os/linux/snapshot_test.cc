// SPDX-License-Identifier: Apache-2.0
#include "placid/os/snapshot.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "deny.h"
#include "gtest/gtest.h"
#include "in_child.h"
#include "placid/base/error.h"
#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"
#include "tests/support/child.h"

namespace placid::os {
namespace {

constexpr std::uint64_t kBytes = 4 * kGranuleBytes;

TEST(LinuxSnapshotTest, WhatTheKernelRefusesIsSaid) {
  const auto object = *SharedObject::CreateAnonymous(kBytes);
  struct Refused {
    long call;
    int error;
    ErrorCode code;
  };
  for (const Refused& refused :
       {Refused{SYS_pread64, EIO, ErrorCode::kSystem},
        Refused{SYS_mprotect, ENOMEM, ErrorCode::kNoSpace}}) {
    InChild([&] {
      auto snapshot = *Snapshot::Of(object);
      Deny(refused.call, refused.error);
      const auto copied = snapshot.Copy(object, 0, kBytes);
      ASSERT_FALSE(copied);
      EXPECT_EQ(copied.error().code, refused.code);
      EXPECT_EQ(copied.error().system_error, refused.error);
      EXPECT_STREQ(copied.error().operation, "Snapshot::Copy");
    });
  }
}

// A stray write of ours is a fault, not a row that somebody is said to have.
TEST(LinuxSnapshotTest, AWriteToItIsAFault) {
  const auto object = *SharedObject::CreateAnonymous(kBytes);
  auto snapshot = *Snapshot::Of(object);
  ASSERT_TRUE(snapshot.Copy(object, 0, kBytes));
  for (const std::size_t at : {std::size_t{0}, snapshot.bytes().size() - 1}) {
    placid::testing::Child writer([&] {
      *static_cast<volatile std::byte*>(&snapshot.bytes()[at]) = std::byte{1};
    });
    EXPECT_FALSE(writer.EndsWell());
  }
}

// To look at a hole fills it in no more than it takes memory of ours.
TEST(LinuxSnapshotTest, OfAHugeHoleItTakesWhatIsCopied) {
  constexpr std::uint64_t kHuge = std::uint64_t{1} << 40;
  const int fd = ::memfd_create("placid-test", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, static_cast<off_t>(kHuge)), 0);
  const auto object = *SharedObject::Adopt(fd, Access::kReadOnly);
  auto snapshot = Snapshot::Of(object);
  ASSERT_TRUE(snapshot) << snapshot.error().Message().c_str();
  EXPECT_EQ(snapshot->bytes().size(), kHuge);
  const auto byte = static_cast<char>(7);
  ASSERT_EQ(::pwrite(fd, &byte, 1, static_cast<off_t>(kHuge - 1)), 1);
  ASSERT_TRUE(snapshot->Copy(object, kHuge - 1, 1));
  EXPECT_EQ(snapshot->bytes().back(), std::byte{7});
  EXPECT_EQ(snapshot->bytes()[kHuge / 2], std::byte{0});
  struct stat status;
  ASSERT_EQ(::fstat(fd, &status), 0);
  EXPECT_LT(status.st_blocks, 100'000) << "the hole was filled in";
}

}  // namespace
}  // namespace placid::os
