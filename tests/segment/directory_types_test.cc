// SPDX-License-Identifier: Apache-2.0
//
// What a directory says where two programs disagree about the type of an
// object.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "placid/primitives/broadcast_byte_ring.h"
#include "placid/primitives/broadcast_ring.h"
#include "placid/primitives/counter.h"
#include "placid/primitives/lane_byte_ring.h"
#include "placid/primitives/lane_ring.h"
#include "placid/primitives/latest.h"
#include "placid/primitives/mpmc_ring.h"
#include "placid/primitives/mpsc_byte_ring.h"
#include "placid/primitives/mpsc_ring.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_byte_ring.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/directory.h"
#include "placid/wait/doorbells.h"
#include "placid/wait/event_count.h"
#include "placid/wait/wait_mask.h"
#include "tests/segment/directory_fixture.h"

namespace placid {
namespace {

static_assert(Placed<SpscRing<int>> && Placed<Counter> && Placed<EventCount>);
static_assert(Placed<Directory>, "one may lie in another");

// Two programs' ideas of a pose.
namespace here {
struct Pose {
  double x, y, yaw;
  std::uint64_t time_ns;
};
PLACID_FIELDS(Pose, x, y, yaw, time_ns)
}  // namespace here
namespace there {
struct Pose {
  double x, y;
  float yaw, spare;
  std::uint64_t time_ns;
};
PLACID_FIELDS(Pose, x, y, yaw, spare, time_ns)
}  // namespace there
namespace renamed {
struct Pose {
  double x, y, heading;
  std::uint64_t time_ns;
};
PLACID_FIELDS(Pose, x, y, heading, time_ns)
}  // namespace renamed
namespace longer {
struct Pose {
  double x, y, yaw;
  std::uint64_t time_ns, frame;
};
PLACID_FIELDS(Pose, x, y, yaw, time_ns, frame)
}  // namespace longer
namespace nested {
struct Frame {
  here::Pose pose;
};
PLACID_FIELDS(Frame, pose)
struct OtherFrame {
  there::Pose pose;
};
PLACID_FIELDS(OtherFrame, pose)
}  // namespace nested

using DirectoryTypesTest = testing::DirectoryTest;
using testing::kMe, testing::kOther, testing::MakeNothing;
using Phase = EntryState::Phase;

TEST_F(DirectoryTypesTest, EveryMappedTypeOfThisLibraryCanBePlaced) {
  const auto directory = Create();
  const auto ring =
      directory.FindOrCreate<SpscRing<here::Pose>>("ring", kMe, 16);
  ASSERT_TRUE(ring) << ring.error().Message().c_str();
  EXPECT_EQ(ring->capacity(), 16u);
  EXPECT_TRUE((directory.FindOrCreate<SpscRing<int, 4>>("fixed", kMe)));
  EXPECT_TRUE(directory.FindOrCreate<SpscByteRing>("bytes", kMe, 256));
  EXPECT_TRUE(directory.FindOrCreate<Seqlock<here::Pose>>("seqlock", kMe));
  EXPECT_TRUE(directory.FindOrCreate<Latest<here::Pose>>("latest", kMe));
  EXPECT_TRUE(directory.FindOrCreate<Counter>("counter", kMe));
  EXPECT_TRUE(directory.FindOrCreate<EventCount>("event", kMe));

  auto producer = *ring->ClaimProducer(kMe);
  EXPECT_EQ(producer.TryPush({1, 2, 3, 4}), RingResult::kOk);
  const auto same = directory.Find<SpscRing<here::Pose>>("ring");
  ASSERT_TRUE(same);
  auto consumer = *same->ClaimConsumer(Pace::kPrompt, kOther);
  here::Pose pose{};
  EXPECT_EQ(consumer.TryPop(pose), RingResult::kOk);
  EXPECT_EQ(pose.yaw, 3);
}

TEST_F(DirectoryTypesTest, RingsOfManyCanBePlaced) {
  const auto directory = Create();
  EXPECT_TRUE((directory.FindOrCreate<MpscRing<here::Pose>>("many", kMe, 16)));
  EXPECT_TRUE(directory.FindOrCreate<MpscByteRing>("records", kMe, 256));
  EXPECT_TRUE((directory.FindOrCreate<MpmcRing<here::Pose>>("all", kMe, 16)));
  EXPECT_TRUE((directory.FindOrCreate<MpmcRing<int, 4>>("few", kMe)));
}

TEST_F(DirectoryTypesTest, BroadcastsCanBePlaced) {
  const auto directory = Create();
  EXPECT_TRUE(
      directory.FindOrCreate<BroadcastRing<here::Pose>>("news", kMe, 16));
  EXPECT_TRUE((directory.FindOrCreate<BroadcastRing<int, 4>>("few", kMe)));
  EXPECT_TRUE(directory.FindOrCreate<BroadcastByteRing>("log", kMe, 256));
}

TEST_F(DirectoryTypesTest, RingsWithLanesCanBePlaced) {
  const auto directory = Create();
  EXPECT_TRUE(
      (directory.FindOrCreate<LaneRing<here::Pose, 3>>("lanes", kMe, 16)));
  EXPECT_TRUE((directory.FindOrCreate<LaneRing<int, 2, 4>>("few", kMe)));
  EXPECT_TRUE(directory.FindOrCreate<LaneByteRing<2>>("records", kMe, 64));
  EXPECT_TRUE((directory.Find<LaneRing<here::Pose, 3>>("lanes")));
  EXPECT_FALSE((directory.Find<LaneRing<here::Pose, 2>>("lanes")));
}

TEST_F(DirectoryTypesTest, WhatWaitersNeedCanBePlaced) {
  const auto directory = Create();
  EXPECT_TRUE(directory.FindOrCreate<EventCount>("event", kMe));
  EXPECT_TRUE(directory.FindOrCreate<WaitMask>("mask", kMe));
  const auto doorbells = directory.FindOrCreate<Doorbells>("doorbells", kMe);
  ASSERT_TRUE(doorbells) << doorbells.error().Message().c_str();
  EXPECT_EQ(doorbells->count(), Doorbells::kMost);
}

TEST_F(DirectoryTypesTest, ACapacityThatIsNoneIsRefusedAndNothingTaken) {
  const auto directory = Create();
  EXPECT_EQ(directory.FindOrCreate<SpscRing<int>>("a", kMe, 3).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(directory.FindOrCreate<SpscRing<int>>("a", kMe, -1).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(Look(0).phase(), Phase::kFree);
  EXPECT_EQ((Directory::SpaceFor<SpscRing<int>>("a", 3)), UINT64_MAX);
  EXPECT_EQ((Directory::SpaceFor<SpscRing<int>>("a", 32)),
            kLineBytes + 0x180 + 32 * 4);
}

TEST_F(DirectoryTypesTest, AnotherCapacityIsNamedAndFindTakesAny) {
  const auto directory = Create();
  ASSERT_TRUE(directory.FindOrCreate<SpscRing<int>>("a", kMe, 16));
  const auto other = directory.FindOrCreate<SpscRing<int>>("a", kMe, 32);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kWrongElement);
  EXPECT_STREQ(other.error().field, "size in bytes");
  EXPECT_EQ(other.error().expected, SpscRing<int>::SizeFor(32));
  EXPECT_EQ(other.error().found, SpscRing<int>::SizeFor(16));
  EXPECT_EQ(directory.Find<SpscRing<int>>("a")->capacity(), 16u);
}

TEST_F(DirectoryTypesTest, AnotherTypeVersionOrExtentIsNamed) {
  const auto directory = Create();
  ASSERT_TRUE(directory.FindOrCreate<SpscRing<int>>("a", kMe, 16));
  const auto type = directory.Find<Seqlock<int>>("a");
  ASSERT_FALSE(type);
  EXPECT_EQ(type.error().code, ErrorCode::kWrongType);
  EXPECT_EQ(type.error().expected, 1u);
  EXPECT_EQ(type.error().found, 3u);
  EXPECT_EQ(type.error().subject.view(), "a");
  const auto extent = directory.Find<SpscRing<int, 16>>("a");
  ASSERT_FALSE(extent);
  EXPECT_EQ(extent.error().code, ErrorCode::kWrongElement);
  EXPECT_STREQ(extent.error().field, "extent");
  auto newer = ObjectType::Of<SpscRing<int>>();
  ++newer.version;
  const auto version = directory.Find("a", newer);
  ASSERT_FALSE(version);
  EXPECT_EQ(version.error().code, ErrorCode::kWrongVersion);
  const auto creating = directory.FindOrCreate<Counter>("a", kMe);
  EXPECT_EQ(creating.error().code, ErrorCode::kWrongType);
}

// The field, where it lies, and what it is on either side.
TEST_F(DirectoryTypesTest, ADifferentElementIsNamedByItsField) {
  const auto directory = Create();
  ASSERT_TRUE(directory.FindOrCreate<Seqlock<here::Pose>>("pose", kMe));
  const auto size = directory.Find<Seqlock<there::Pose>>("pose");
  ASSERT_FALSE(size);
  EXPECT_EQ(size.error().code, ErrorCode::kWrongElement);
  EXPECT_EQ(size.error().subject.view(), "pose.yaw at 16: f32 here, f64 there");
  EXPECT_STREQ(size.error().field, "size of the field");
  EXPECT_EQ(size.error().expected, 4u);
  EXPECT_EQ(size.error().found, 8u);

  const auto name = directory.Find<Seqlock<renamed::Pose>>("pose");
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().subject.view(), "pose at 16: heading here, yaw there");
  EXPECT_STREQ(name.error().field, "name of the field");

  const auto count = directory.Find<Seqlock<longer::Pose>>("pose");
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().subject.view(),
            "pose at 32: frame here, nothing there");

  const auto scalar = directory.Find<Seqlock<std::uint64_t>>("pose");
  ASSERT_FALSE(scalar);
  EXPECT_EQ(scalar.error().subject.view(),
            "pose at 0: u64 here, {x:f64,y:f64,yaw:f64,tim... there");

  ASSERT_TRUE(
      directory.FindOrCreate<SpscRing<nested::Frame>>("frames", kMe, 2));
  const auto inner = directory.Find<SpscRing<nested::OtherFrame>>("frames");
  ASSERT_FALSE(inner);
  EXPECT_EQ(inner.error().subject.view(),
            "frames.pose.yaw at 16: f32 here, f64 there");
}

// Of a long layout the beginning is kept, and what differs behind it noticed.
TEST_F(DirectoryTypesTest, ALayoutTooLongToKeepIsComparedAllTheSame) {
  const auto directory = Create();
  std::string layout = "{";
  for (int i = 0; i < 300; ++i) {
    layout += "field" + std::to_string(i) + ":u64,";
  }
  layout.back() = '}';
  const ObjectType ours{TypeId::kFirstForeign, 0, 1, 11, layout};
  ASSERT_TRUE(directory.FindOrCreate("long", kMe, ours, 8, MakeNothing));
  EXPECT_TRUE(directory.Find("long", ours));
  std::string changed = layout;
  changed[layout.find("field9:") + 7] = 'i';
  const ObjectType early{TypeId::kFirstForeign, 0, 1, 12, changed};
  const auto named = directory.Find("long", early);
  ASSERT_FALSE(named);
  EXPECT_EQ(named.error().subject.view(),
            "long.field9 at 72: i64 here, u64 there");
  changed = layout;
  changed[layout.find("field299:") + 9] = 'i';
  const ObjectType late{TypeId::kFirstForeign, 0, 1, 13, changed};
  const auto unnamed = directory.Find("long", late);
  ASSERT_FALSE(unnamed);
  EXPECT_EQ(unnamed.error().code, ErrorCode::kWrongElement);
  EXPECT_STREQ(unnamed.error().field, "layout of the element");
}

TEST_F(DirectoryTypesTest, AFingerprintOfAllThatIsPlacedCoversEachType) {
  constexpr auto kOurs =
      kPlacedFingerprint<Directory, SpscRing<here::Pose>, Counter>;
  EXPECT_EQ(kOurs,
            (kPlacedFingerprint<Directory, SpscRing<here::Pose>, Counter>));
  EXPECT_NE(kOurs,
            (kPlacedFingerprint<Directory, SpscRing<there::Pose>, Counter>));
  EXPECT_NE(kOurs,
            (kPlacedFingerprint<Directory, SpscRing<here::Pose, 64>, Counter>));
  EXPECT_NE(kOurs, (kPlacedFingerprint<Directory, SpscRing<here::Pose>>));
  EXPECT_NE(kOurs,
            (kPlacedFingerprint<Directory, Counter, SpscRing<here::Pose>>));
}

}  // namespace
}  // namespace placid
