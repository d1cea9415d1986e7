// SPDX-License-Identifier: Apache-2.0
//
// Types in an object that somebody else made, and named as he pleased: what
// docs/foreign_objects.md says can be had there, and what cannot.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/file_lock.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/owner_id.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/directory.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_reader.h"
#include "tests/segment/foreign_program.h"
#include "tests/segment/peer.h"
#include "tests/support/peer.h"

namespace placid {
namespace {

using placid::testing::ForeignProgram;
using placid::testing::ForeignRing;
using placid::testing::kForeignBytes;
using placid::testing::Peer;
using placid::testing::Words;

constexpr auto kHis = std::byte{0x5A};

class ForeignObjectTest : public ::testing::Test {
 protected:
  ForeignObjectTest() {
    std::ranges::fill(foreign_.bytes().first(kForeignBytes), kHis);
  }
  ~ForeignObjectTest() override {
    EXPECT_TRUE(
        std::ranges::all_of(foreign_.bytes().first(kForeignBytes),
                            [](std::byte byte) { return byte == kHis; }))
        << "his own bytes are not ours to write";
  }
  // As a program of ours finds it.
  [[nodiscard]] os::Mapping Map() const {
    const auto object = os::SharedObject::Open(name_, os::Access::kReadWrite);
    EXPECT_TRUE(object) << object.error().Message().c_str();
    return *object->Map();
  }
  // Behind what is his.
  static std::span<std::byte> Room(std::span<std::byte> all) {
    return all.subspan(kForeignBytes);
  }

  ForeignProgram foreign_{kForeignBytes + 65536};
  os::Name name_ = *os::Name::Raw(foreign_.name());
};

TEST_F(ForeignObjectTest, TwoProcessesMeetInATypeBesideHisBytes) {
  const auto mapping = Map();
  const auto ring = ForeignRing::Attach(Room(mapping.bytes()));
  ASSERT_TRUE(ring) << ring.error().Message().c_str();
  auto consumer = ring->ClaimConsumer();
  ASSERT_TRUE(consumer);
  const auto peer = Peer::Spawn();
  EXPECT_EQ(peer->Do("produce_foreign " + foreign_.name() + " 10"), "closed");
  std::uint64_t value = 0;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    ASSERT_EQ(consumer->TryPop(value), RingResult::kOk);
    EXPECT_EQ(value, i);
  }
  EXPECT_EQ(consumer->TryPop(value), RingResult::kClosed);
  // It lies in his object, and not in a copy.
  EXPECT_FALSE(
      std::ranges::all_of(Room(foreign_.bytes()).first(ForeignRing::SizeFor()),
                          [](std::byte byte) { return byte == std::byte{0}; }));
}

// Whoever has a byte's lock creates; nobody else does, and all find the same.
TEST_F(ForeignObjectTest, OneOfTheWillingMakesADirectoryThere) {
  const auto mapping = Map();
  const auto room = Room(mapping.bytes());
  {
    const auto lock = os::FileLock::TryLock(name_, 0);
    ASSERT_TRUE(lock) << lock.error().Message().c_str();
    EXPECT_EQ(os::FileLock::TryLock(name_, 0).error().code, ErrorCode::kBusy);
    ASSERT_TRUE(Directory::Create(room, 4));
  }
  ASSERT_TRUE(os::FileLock::TryLock(name_, 0));
  EXPECT_EQ(Directory::Create(room, 4).error().code, ErrorCode::kAlreadyExists);
  for (const bool is_first : {true, false}) {
    const auto again = Map();
    const auto directory = Directory::Attach(Room(again.bytes()));
    ASSERT_TRUE(directory) << directory.error().Message().c_str();
    const auto ring =
        directory->FindOrCreate<ForeignRing>("ring", OwnerId::Unowned());
    ASSERT_TRUE(ring) << ring.error().Message().c_str();
    std::uint64_t value = 7;
    if (is_first) {
      EXPECT_EQ(ring->ClaimProducer()->TryPush(value), RingResult::kOk);
    } else {
      EXPECT_EQ(ring->ClaimConsumer()->TryPop(value), RingResult::kOk)
          << "it is another ring";
      EXPECT_EQ(value, 7u);
    }
  }
}

TEST_F(ForeignObjectTest, ItComesAndGoesWithItsMakerAndNotWithUs) {
  { ASSERT_TRUE(ForeignRing::Attach(Room(Map().bytes()))); }
  EXPECT_TRUE(foreign_.CanBeOpened());
  const auto object = os::SharedObject::Open(name_, os::Access::kReadWrite);
  ASSERT_TRUE(object);
  const auto named = object->StillNamed(name_);
  EXPECT_TRUE(named || named.error().code == ErrorCode::kUnsupported);
}

// It has no record, no generation and nobody who takes part.
TEST_F(ForeignObjectTest, ItIsNoSegmentAndIsNotMadeOne) {
  CreateSegmentOptions options;
  options.size_bytes = 4096;
  for (const Error& error :
       {Segment::Create(name_, options).error(),
        Segment::OpenOrCreate(name_, options).error(),
        Segment::Open(name_).error(), Segment::Unlink(name_).error()}) {
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_STREQ(error.field, "a raw name");
    EXPECT_NE(std::string(error.advice).find("foreign_objects.md"),
              std::string::npos);
  }
  EXPECT_EQ(SegmentReader::Open(name_).error().code, ErrorCode::kNotPlacid);
  EXPECT_TRUE(foreign_.CanBeOpened());
}

}  // namespace
}  // namespace placid
