// SPDX-License-Identifier: Apache-2.0
#include "placid/os/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string>

#include "deny.h"
#include "gtest/gtest.h"
#include "in_child.h"
#include "placid/base/error.h"
#include "placid/os/shared_object.h"

namespace placid::os {
namespace {

constexpr std::uint64_t kBytes = 64 * kGranuleBytes;

// The line of /proc/self/smaps that begins with `key`, of the mapping at
// `data`.
std::string FieldOf(const std::byte* data, const std::string& key) {
  std::ostringstream begin;
  begin << std::hex << reinterpret_cast<std::uintptr_t>(data) << '-';
  std::ifstream smaps("/proc/self/smaps");
  bool is_inside = false;
  for (std::string line; std::getline(smaps, line);) {
    if (line.starts_with(begin.str())) is_inside = true;
    if (is_inside && line.starts_with(key)) return line;
  }
  return {};
}

std::uint64_t ResidentBytes(const Mapping& mapping) {
  std::istringstream words(FieldOf(mapping.data(), "Rss:"));
  std::string key;
  std::uint64_t kibibytes = 0;
  words >> key >> kibibytes;
  return kibibytes * 1024;
}

TEST(LinuxMappingTest, PrefaultedPagesAreThere) {
  const auto object = *SharedObject::CreateAnonymous(kBytes);
  const auto plain = object.Map();
  EXPECT_EQ(ResidentBytes(*plain), 0U);
  for (const Access access : {Access::kReadWrite, Access::kReadOnly}) {
    const auto mapping = object.Map({.access = access, .prefault = true});
    ASSERT_EQ(mapping->granted()[Wish::kPrefault], Grant::kGranted);
    EXPECT_EQ(ResidentBytes(*mapping), kBytes);
  }
}

// As on kernels before 5.14.
TEST(LinuxMappingTest, WithoutMadvPopulatePrefaultingWorksToo) {
  InChild([] {
    constexpr std::uint32_t kPopulate = 16;  // bit of 22 and 23
    Deny(SYS_madvise, EINVAL, 2, kPopulate);
    const auto object = *SharedObject::CreateAnonymous(kBytes);
    const auto mapping = object.Map({.prefault = true});
    ASSERT_TRUE(mapping);
    EXPECT_EQ(mapping->granted()[Wish::kPrefault], Grant::kGranted);
    EXPECT_EQ(ResidentBytes(*mapping), kBytes);
  });
}

TEST(LinuxMappingTest, WhatIsGrantedIsWhatTheKernelSays) {
  const auto object = *SharedObject::CreateAnonymous(kGranuleBytes);
  const auto mapping =
      object.Map({.lock = true, .dont_dump = true, .dont_fork = true});
  ASSERT_TRUE(mapping);
  const std::string flags = FieldOf(mapping->data(), "VmFlags:");
  const auto agrees = [&](Wish wish, const char* flag) {
    EXPECT_EQ(mapping->granted()[wish] == Grant::kGranted,
              flags.find(flag) != std::string::npos)
        << flag << " in " << flags;
  };
  agrees(Wish::kLock, " lo");
  agrees(Wish::kDontDump, " dd");
  agrees(Wish::kDontFork, " dc");
  EXPECT_EQ(mapping->granted()[Wish::kDontDump], Grant::kGranted);
  EXPECT_EQ(mapping->granted()[Wish::kDontFork], Grant::kGranted);
}

TEST(LinuxMappingTest, AChildHasNoMappingThatWasNotToBeForked) {
  const auto object = *SharedObject::CreateAnonymous(kGranuleBytes);
  const auto kept = object.Map();
  const auto hidden = object.Map({.dont_fork = true});
  InChild([&] {
    EXPECT_NE(FieldOf(kept->data(), "Size:"), "");
    EXPECT_EQ(FieldOf(hidden->data(), "Size:"), "");
  });
}

TEST(LinuxMappingTest, AChildSharesAnonymousMemory) {
  const auto mapping = *Mapping::Anonymous(4096);
  InChild([&] { mapping.data()[7] = std::byte{9}; });
  EXPECT_EQ(mapping.data()[7], std::byte{9});
}

TEST(LinuxMappingTest, ADeniedWishSaysWhy) {
  InChild([] {
    Deny(SYS_mbind, EPERM);
    Deny(SYS_mlock, ENOMEM);
    const auto mapping =
        Mapping::Anonymous(4096, {.lock = true, .numa_node = 0});
    ASSERT_TRUE(mapping);
    const Granted& granted = mapping->granted();
    EXPECT_EQ(granted[Wish::kNumaNode], Grant::kRefused);
    EXPECT_EQ(granted.system_error(Wish::kNumaNode), EPERM);
    EXPECT_EQ(granted[Wish::kLock], Grant::kRefused);
    EXPECT_EQ(granted.system_error(Wish::kLock), ENOMEM);
  });
}

// A node that no kernel has, and advice that this one does not know.
TEST(LinuxMappingTest, AWishThatCannotComeTrueSaysWhy) {
  const auto nowhere = Mapping::Anonymous(4096, {.numa_node = 1024});
  ASSERT_TRUE(nowhere);
  EXPECT_EQ(nowhere->granted()[Wish::kNumaNode], Grant::kRefused);
  EXPECT_EQ(nowhere->granted().system_error(Wish::kNumaNode), EINVAL);
  InChild([] {
    constexpr std::uint32_t kOfHugePages = 8;  // bit of 14 and 25
    Deny(SYS_madvise, ENOSYS, 2, kOfHugePages);
    const auto object = *SharedObject::CreateAnonymous(kBytes);
    const auto mapping = object.Map({.huge_pages = true});
    ASSERT_TRUE(mapping);
    EXPECT_EQ(mapping->granted()[Wish::kHugePages], Grant::kRefused);
    EXPECT_EQ(mapping->granted().system_error(Wish::kHugePages), ENOSYS);
  });
}

// As large as an object may be, and again for its mirror: all of the address
// space there is, and some.
TEST(LinuxMappingTest, AMapThatNoAddressSpaceHoldsIsRefused) {
  const int fd = ::memfd_create("placid-test", MFD_CLOEXEC);
  ASSERT_EQ(::ftruncate(fd, static_cast<off_t>(SharedObject::kMaxBytes)), 0);
  const auto object = *SharedObject::Adopt(fd, Access::kReadWrite);
  const auto mapping = object.Map({.mirror_offset = kGranuleBytes});
  ASSERT_FALSE(mapping);
  EXPECT_EQ(mapping.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(mapping.error().system_error, ENOMEM);
}

// The address space is reserved before the bytes are mapped over it.
TEST(LinuxMappingTest, AMapThatTheSystemRefusesLeavesNoAddressSpaceTaken) {
  const int fd = ::memfd_create("placid-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  ASSERT_EQ(::ftruncate(fd, kBytes), 0);
  constexpr int kFutureWrite = 0x10;  // F_SEAL_FUTURE_WRITE, Linux 5.1
  ASSERT_EQ(::fcntl(fd, F_ADD_SEALS, kFutureWrite), 0);
  const auto object = *SharedObject::Adopt(fd, Access::kReadWrite);
  const auto address_space = [] {
    std::uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    return pages * 4096;
  };
  const std::uint64_t before = address_space();
  constexpr int kRounds = 100;
  for (int i = 0; i < kRounds; ++i) {
    const auto mapping = object.Map({.mirror_offset = kGranuleBytes});
    ASSERT_FALSE(mapping);
    EXPECT_EQ(mapping.error().code, ErrorCode::kPermissionDenied);
  }
  EXPECT_LT(address_space(), before + kRounds / 2 * kBytes);
}

// Whether there are huge pages or not, the memory is there and can be unmapped.
TEST(LinuxMappingTest, HugePagesAreAnOfferThatMayBeDeclined) {
  for (const std::uint64_t size : {std::uint64_t{4096}, kBytes}) {
    const auto object =
        SharedObject::CreateAnonymous(size, {.huge_pages = true});
    ASSERT_TRUE(object);
    EXPECT_GE(object->size_bytes(), size);
    const std::byte* data = nullptr;
    {
      const auto mapping = object->Map({.huge_pages = true});
      ASSERT_TRUE(mapping);
      data = mapping->data();
      mapping->data()[object->size_bytes() - 1] = std::byte{1};
      EXPECT_NE(mapping->granted()[Wish::kHugePages], Grant::kNotAsked);
    }
    EXPECT_EQ(FieldOf(data, "Size:"), "");
  }
}

}  // namespace
}  // namespace placid::os
