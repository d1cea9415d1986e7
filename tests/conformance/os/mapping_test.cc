// SPDX-License-Identifier: Apache-2.0
#include "placid/os/mapping.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/error.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "port.h"
#include "words.h"

namespace placid::os::conformance {
namespace {

using MappingConformance = Conformance;

constexpr std::initializer_list<Wish> kAllWishes = {
    Wish::kPrefault, Wish::kLock,     Wish::kHugePages,
    Wish::kDontDump, Wish::kDontFork, Wish::kNumaNode};
static_assert(kAllWishes.size() == kWishes);

TEST_F(MappingConformance, AnonymousMemoryIsZeroAndWritable) {
  const auto mapping = Mapping::Anonymous(100'000);
  ASSERT_TRUE(Succeeds(mapping));
  EXPECT_EQ(mapping->size_bytes(), 100'000U);
  EXPECT_EQ(mapping->access(), Access::kReadWrite);
  EXPECT_EQ(LoadWord(*mapping, 0), 0U);
  StoreWord(*mapping, 99'996, 8);
  EXPECT_EQ(LoadWord(*mapping, 99'996), 8U);
}

TEST_F(MappingConformance, AnonymousMemoryRefusesWhatCannotBe) {
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Mapping::Anonymous", "",
                        Mapping::Anonymous(0)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNoSpace, "Mapping::Anonymous", "",
                        Mapping::Anonymous(SharedObject::kMaxBytes)));
}

TEST_F(MappingConformance, TwoMappingsOfOneObjectShareItsBytes) {
  const auto object = SharedObject::CreateAnonymous(kPages);
  ASSERT_TRUE(Succeeds(object));
  const auto one = object->Map();
  const auto other = object->Map({.access = Access::kReadOnly});
  ASSERT_TRUE(Succeeds(one));
  ASSERT_TRUE(Succeeds(other));
  EXPECT_NE(one->data(), other->data());
  StoreWord(*one, 12, 34);
  EXPECT_EQ(static_cast<int>(other->data()[12]), 34);
}

TEST_F(MappingConformance, AMirrorRepeatsWhatLiesBehindItsOffset) {
  const Name name = NewName();
  const auto object = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(object));
  constexpr std::size_t kOffset = kGranuleBytes;
  const auto mapping = object->Map({.mirror_offset = kOffset});
  ASSERT_TRUE(Succeeds(mapping));
  ASSERT_EQ(mapping->size_bytes(), 2 * kPages - kOffset);
  StoreWord(*mapping, kOffset, 1);
  EXPECT_EQ(LoadWord(*mapping, kPages), 1U);
  StoreWord(*mapping, 2 * kPages - kOffset - 4, 2);
  EXPECT_EQ(LoadWord(*mapping, kPages - 4), 2U);
  // What lies before the offset is there once.
  StoreWord(*mapping, 0, 3);
  EXPECT_EQ(LoadWord(*mapping, kPages), 1U);

  const auto plain = object->Map();
  ASSERT_TRUE(Succeeds(plain));
  StoreWord(*mapping, kPages + 8, 4);
  EXPECT_EQ(LoadWord(*plain, kOffset + 8), 4U);
}

TEST_F(MappingConformance, AMirrorMustLieOnGranules) {
  const auto object = SharedObject::CreateAnonymous(kPages);
  ASSERT_TRUE(Succeeds(object));
  for (const std::uint64_t offset :
       {std::uint64_t{4096}, kGranuleBytes + 1, kPages, kPages + kGranuleBytes,
        std::uint64_t{1} << 63}) {
    EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "SharedObject::Map",
                          "an object of 262144 bytes",
                          object->Map({.mirror_offset = offset})))
        << offset;
  }
  const auto odd = SharedObject::CreateAnonymous(kPages + 4096);
  ASSERT_TRUE(Succeeds(odd));
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "SharedObject::Map",
                        "an object of 266240 bytes",
                        odd->Map({.mirror_offset = kGranuleBytes})));
}

TEST_F(MappingConformance, WhatIsNotAskedForIsNotAnswered) {
  const auto mapping = Mapping::Anonymous(kPages);
  ASSERT_TRUE(Succeeds(mapping));
  for (const Wish wish : kAllWishes) {
    EXPECT_EQ(mapping->granted()[wish], Grant::kNotAsked);
    EXPECT_EQ(mapping->granted().system_error(wish), 0);
  }
}

// Which of them come true depends on the machine; that each is answered, that a
// refusal has its reason, and that the memory is good all the same, does not.
TEST_F(MappingConformance, EveryWishIsAnswered) {
  const auto object = SharedObject::CreateAnonymous(kPages);
  ASSERT_TRUE(Succeeds(object));
  for (const std::uint64_t mirror : {std::uint64_t{0}, kGranuleBytes}) {
    const auto mapping = object->Map({.prefault = true,
                                      .lock = true,
                                      .huge_pages = true,
                                      .dont_dump = true,
                                      .dont_fork = true,
                                      .numa_node = 0,
                                      .mirror_offset = mirror});
    ASSERT_TRUE(Succeeds(mapping));
    for (const Wish wish : kAllWishes) {
      EXPECT_NE(mapping->granted()[wish], Grant::kNotAsked);
      EXPECT_EQ(mapping->granted().system_error(wish) != 0,
                mapping->granted()[wish] == Grant::kRefused);
    }
    StoreWord(*mapping, 0, 11);
    EXPECT_EQ(LoadWord(*mapping, 0), 11U);
  }
}

TEST_F(MappingConformance, AWishThatCannotBeIsNotCalledGranted) {
  constexpr std::int32_t kNoSuchNode = 900;
  const auto mapping = Mapping::Anonymous(kPages, {.numa_node = kNoSuchNode});
  ASSERT_TRUE(Succeeds(mapping));
  EXPECT_NE(mapping->granted()[Wish::kNumaNode], Grant::kGranted);
  EXPECT_NE(mapping->granted()[Wish::kNumaNode], Grant::kNotAsked);
}

TEST_F(MappingConformance, WishesWorkOnReadOnlyViewsToo) {
  const auto object = SharedObject::CreateAnonymous(kPages);
  ASSERT_TRUE(Succeeds(object));
  const auto mapping = object->Map(
      {.access = Access::kReadOnly, .prefault = true, .dont_dump = true});
  ASSERT_TRUE(Succeeds(mapping));
  EXPECT_NE(mapping->granted()[Wish::kPrefault], Grant::kRefused);
}

TEST_F(MappingConformance, AssignmentUnmapsAtOnce) {
  const std::size_t before = CountMappings();
  auto mapping = *Mapping::Anonymous(kPages);
  auto other = *Mapping::Anonymous(kPages);
  EXPECT_EQ(CountMappings(), before + 2);
  mapping = std::move(other);
  EXPECT_EQ(CountMappings(), before + 1);
  mapping = Mapping();
  EXPECT_EQ(CountMappings(), before);
}

}  // namespace
}  // namespace placid::os::conformance
