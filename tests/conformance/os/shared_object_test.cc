// SPDX-License-Identifier: Apache-2.0
#include "placid/os/shared_object.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fixture.h"
#include "gtest/gtest.h"
#include "peer.h"
#include "placid/base/error.h"
#include "placid/os/futex.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "port.h"
#include "words.h"

namespace placid::os::conformance {
namespace {

using SharedObjectConformance = Conformance;

TEST_F(SharedObjectConformance, CreateMakesZerosOfTheFullSize) {
  const auto object = SharedObject::Create(NewName(), kPages);
  ASSERT_TRUE(Succeeds(object));
  EXPECT_EQ(object->size_bytes(), kPages);
  EXPECT_TRUE(object->was_created());
  EXPECT_TRUE(object->is_open());
  EXPECT_EQ(object->access(), Access::kReadWrite);
  const auto mapping = object->Map();
  ASSERT_TRUE(Succeeds(mapping));
  ASSERT_EQ(mapping->size_bytes(), kPages);
  EXPECT_TRUE(std::ranges::all_of(
      mapping->bytes(), [](std::byte byte) { return byte == std::byte{0}; }));
}

TEST_F(SharedObjectConformance, CreateRefusesATakenName) {
  const Name name = NewName();
  const auto first = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(first));
  EXPECT_TRUE(FailsWith(ErrorCode::kAlreadyExists, "SharedObject::Create",
                        name.text(), SharedObject::Create(name, kPages)));
  EXPECT_TRUE(Succeeds(first->StillNamed(name)));
}

TEST_F(SharedObjectConformance, SizesThatCannotBeAreRefused) {
  const Name name = NewName();
  const std::string path = NewPath();
  for (const std::uint64_t size :
       {std::uint64_t{0}, SharedObject::kMaxBytes + 1, ~std::uint64_t{0}}) {
    EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "SharedObject::Create",
                          name.text(), SharedObject::Create(name, size)));
    EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument,
                          "SharedObject::OpenOrCreate", name.text(),
                          SharedObject::OpenOrCreate(name, size)));
    EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument,
                          "SharedObject::CreateAtPath", path,
                          SharedObject::CreateAtPath(path, size)));
    EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument,
                          "SharedObject::CreateAnonymous", "",
                          SharedObject::CreateAnonymous(size)));
  }
  EXPECT_EQ(SharedObject::Open(name, Access::kReadOnly).error().code,
            ErrorCode::kNotFound);
}

TEST_F(SharedObjectConformance, ModesThatCannotBeAreRefused) {
  const Name name = NewName();
  for (const std::uint32_t mode : {0U, 0400U, 0700U, 01600U, 0066U}) {
    EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "SharedObject::Create",
                          name.text(),
                          SharedObject::Create(name, 1, {.mode = mode})))
        << mode;
  }
}

TEST_F(SharedObjectConformance, AnyModeForOthersCreates) {
  for (const std::uint32_t mode : {0600U, 0660U, 0666U}) {
    EXPECT_TRUE(Succeeds(SharedObject::Create(NewName(), 1, {.mode = mode})))
        << mode;
  }
}

// 64 TiB is more than any system this runs on has.
TEST_F(SharedObjectConformance, WithoutSpaceNothingIsLeft) {
  constexpr std::uint64_t kTooMuch = SharedObject::kMaxBytes;
  const Name name = NewName();
  const std::string path = NewPath();
  EXPECT_TRUE(FailsWith(ErrorCode::kNoSpace, "SharedObject::Create",
                        name.text(), SharedObject::Create(name, kTooMuch)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNoSpace, "SharedObject::OpenOrCreate",
                        name.text(),
                        SharedObject::OpenOrCreate(name, kTooMuch)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "SharedObject::Open", name.text(),
                        SharedObject::Open(name, Access::kReadOnly)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNoSpace, "SharedObject::CreateAtPath", path,
                        SharedObject::CreateAtPath(path, kTooMuch)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "SharedObject::OpenAtPath", path,
                        SharedObject::OpenAtPath(path, Access::kReadOnly)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNoSpace, "SharedObject::CreateAnonymous",
                        "", SharedObject::CreateAnonymous(kTooMuch)));
  // And there is still room for what fits.
  EXPECT_TRUE(Succeeds(SharedObject::Create(name, kPages)));
}

TEST_F(SharedObjectConformance, OpenOfAnUnknownNameSaysNotFound) {
  const Name name = NewName();
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "SharedObject::Open", name.text(),
                        SharedObject::Open(name, Access::kReadWrite)));
}

TEST_F(SharedObjectConformance, OpenFindsWhatWasCreated) {
  const Name name = NewName();
  const auto created = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(created));
  const auto opened = SharedObject::Open(name, Access::kReadOnly);
  ASSERT_TRUE(Succeeds(opened));
  EXPECT_EQ(opened->size_bytes(), kPages);
  EXPECT_FALSE(opened->was_created());
  EXPECT_EQ(opened->access(), Access::kReadOnly);
  EXPECT_TRUE(Succeeds(opened->StillNamed(name)));
}

TEST_F(SharedObjectConformance, OpenOrCreateCreatesAndThenOpens) {
  const Name name = NewName();
  const auto first = SharedObject::OpenOrCreate(name, kPages);
  ASSERT_TRUE(Succeeds(first));
  EXPECT_TRUE(first->was_created());
  const auto second = SharedObject::OpenOrCreate(name, 2 * kPages);
  ASSERT_TRUE(Succeeds(second));
  EXPECT_FALSE(second->was_created());
  EXPECT_EQ(second->size_bytes(), kPages);
}

// All begin at one instant, so that several find no name and create: whoever
// does not come first must notice and open. Fails if two names are made, or if
// somebody opens before the full size is there.
TEST_F(SharedObjectConformance, RacingOpenOrCreateHasOneCreator) {
  constexpr std::size_t kMostPeers = 8;
  constexpr std::int64_t kStartUpNs = 5'000'000;
  constexpr int kRounds = 10;
  std::vector<std::unique_ptr<Peer>> peers;
  while (peers.size() < kMostPeers) {
    peers.push_back(Peer::Spawn());
    (void)peers.back()->Do("close");  // it runs
  }
  for (std::size_t racers = 2; racers <= kMostPeers; racers *= 2) {
    for (int round = 0; round < kRounds; ++round) {
      const Name name = NewName();
      const std::string step =
          "at " + std::to_string(MonotonicNow() + kStartUpNs) + " " +
          Step("open_or_create", name, std::to_string(kPages));
      for (std::size_t i = 0; i < racers; ++i) peers[i]->Begin(step);
      int creators = 0;
      for (std::size_t i = 0; i < racers; ++i) {
        const std::string answer = peers[i]->Answer();
        creators += answer == "created";
        EXPECT_TRUE(answer == "created" || answer == "opened") << answer;
      }
      EXPECT_EQ(creators, 1) << racers << " racers, round " << round;
      const auto object = SharedObject::Open(name, Access::kReadOnly);
      ASSERT_TRUE(Succeeds(object));
      EXPECT_EQ(object->size_bytes(), kPages);
      for (std::size_t i = 0; i < racers; ++i) {
        EXPECT_EQ(peers[i]->Do("close"), "closed");
      }
    }
  }
}

TEST_F(SharedObjectConformance, UnlinkTakesTheNameAndLeavesTheBytes) {
  const Name name = NewName();
  auto object = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(object));
  const auto mapping = object->Map();
  ASSERT_TRUE(Succeeds(mapping));
  StoreWord(*mapping, 0, 7);
  const auto unlinked = SharedObject::Unlink(name);
  EXPECT_EQ(unlinked.has_value(), NamesPersist());
  if (!NamesPersist()) {
    EXPECT_TRUE(FailsWith(ErrorCode::kUnsupported, "SharedObject::Unlink",
                          name.text(), unlinked));
    return;
  }
  EXPECT_TRUE(Succeeds(unlinked));
  EXPECT_EQ(LoadWord(*mapping, 0), 7U);
  EXPECT_TRUE(FailsWith(ErrorCode::kUnlinked, "SharedObject::StillNamed",
                        name.text(), object->StillNamed(name)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "SharedObject::Open", name.text(),
                        SharedObject::Open(name, Access::kReadOnly)));
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "SharedObject::Unlink",
                        name.text(), SharedObject::Unlink(name)));
}

TEST_F(SharedObjectConformance, ANameTakenAgainLeadsToAnotherObject) {
  const Name name = NewName();
  auto first = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(first));
  const auto old_bytes = first->Map();
  ASSERT_TRUE(Succeeds(old_bytes));
  StoreWord(*old_bytes, 0, 7);
  if (NamesPersist()) {
    ASSERT_TRUE(Succeeds(SharedObject::Unlink(name)));
    const auto second = SharedObject::Create(name, kPages);
    ASSERT_TRUE(Succeeds(second));
    EXPECT_EQ(LoadWord(*second->Map(), 0), 0U);
    EXPECT_TRUE(FailsWith(ErrorCode::kUnlinked, "SharedObject::StillNamed",
                          name.text(), first->StillNamed(name)));
    EXPECT_TRUE(Succeeds(second->StillNamed(name)));
  } else {
    const auto second = SharedObject::Create(name, kPages);
    EXPECT_FALSE(second) << "the first still has the name";
    EXPECT_TRUE(Succeeds(first->StillNamed(name)));
  }
}

TEST_F(SharedObjectConformance, ANameGoesWithItsLastHandleOrNotAtAll) {
  const Name name = NewName();
  ASSERT_TRUE(Succeeds(SharedObject::Create(name, kPages)));
  const auto opened = SharedObject::Open(name, Access::kReadOnly);
  EXPECT_EQ(opened.has_value(), NamesPersist());
}

// A view keeps the bytes, but no name.
TEST_F(SharedObjectConformance, AViewKeepsTheBytesAndNotTheName) {
  const Name name = NewName();
  Mapping mapping;
  {
    const auto object = SharedObject::Create(name, kPages);
    ASSERT_TRUE(Succeeds(object));
    auto mapped = object->Map();
    ASSERT_TRUE(Succeeds(mapped));
    mapping = *std::move(mapped);
  }
  StoreWord(mapping, 0, 41);
  EXPECT_EQ(LoadWord(mapping, 0), 41U);
  const auto opened = SharedObject::Open(name, Access::kReadOnly);
  EXPECT_EQ(opened.has_value(), NamesPersist());
}

TEST_F(SharedObjectConformance, TwoProcessesSeeEachOthersBytes) {
  const Name name = NewName();
  const auto object = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(object));
  const auto mapping = object->Map();
  ASSERT_TRUE(Succeeds(mapping));
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("open", name, "rw")),
            "opened " + std::to_string(kPages));
  ASSERT_EQ(peer->Do("map rw"), "mapped");

  StoreWord(*mapping, 0, 41);
  EXPECT_EQ(peer->Do("read 0"), "41");
  const std::size_t last = kPages - 4;
  EXPECT_EQ(peer->Do("write " + std::to_string(last) + " 42"), "written");
  EXPECT_EQ(LoadWord(*mapping, last), 42U);
}

TEST_F(SharedObjectConformance, ABrokenCreatorLeavesAWholeObject) {
  const Name name = NewName();
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("create", name, std::to_string(kPages))), "created");
  const auto opened = SharedObject::Open(name, Access::kReadWrite);
  ASSERT_TRUE(Succeeds(opened));
  peer->Kill();
  const auto mapping = opened->Map();
  ASSERT_TRUE(Succeeds(mapping));
  StoreWord(*mapping, kPages - 4, 1);
  EXPECT_EQ(LoadWord(*mapping, kPages - 4), 1U);
}

TEST_F(SharedObjectConformance, EveryOrdinaryErrorReachesAPeer) {
  const Name name = NewName();
  const auto peer = Peer::Spawn();
  EXPECT_EQ(peer->Do(Step("open", name, "rw")), "not found");
  EXPECT_EQ(peer->Do("map rw"), "invalid argument");
  const auto object = SharedObject::Create(name, kPages);
  EXPECT_EQ(peer->Do(Step("create", name, "4096")), "already exists");
  EXPECT_EQ(peer->Do(Step("open", name, "ro")),
            "opened " + std::to_string(kPages));
  EXPECT_EQ(peer->Do("map rw"), "permission denied");
}

TEST_F(SharedObjectConformance, BytesOutliveTheirObject) {
  Mapping mapping;
  {
    const auto object = SharedObject::Create(NewName(), kPages);
    ASSERT_TRUE(Succeeds(object));
    mapping = *object->Map();
  }
  StoreWord(mapping, 0, 5);
  EXPECT_EQ(LoadWord(mapping, 0), 5U);
}

TEST_F(SharedObjectConformance, AReadOnlyObjectMapsReadOnly) {
  const Name name = NewName();
  const auto writable = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(writable));
  const auto written = writable->Map();
  ASSERT_TRUE(Succeeds(written));
  StoreWord(*written, 0, 9);
  const auto object = SharedObject::Open(name, Access::kReadOnly);
  ASSERT_TRUE(Succeeds(object));
  EXPECT_TRUE(FailsWith(ErrorCode::kPermissionDenied, "SharedObject::Map",
                        name.text(), object->Map()));
  const auto mapping = object->Map({.access = Access::kReadOnly});
  ASSERT_TRUE(Succeeds(mapping));
  EXPECT_EQ(mapping->access(), Access::kReadOnly);
  EXPECT_EQ(static_cast<int>(mapping->data()[0]), 9);
}

// The pages themselves must refuse, not just our types: the peer that writes
// dies of it, and the word keeps its value.
TEST_F(SharedObjectConformance, AWriteThroughAReadOnlyViewIsAFault) {
  const Name name = NewName();
  const auto object = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(object));
  const auto mapping = object->Map();
  ASSERT_TRUE(Succeeds(mapping));
  StoreWord(*mapping, 0, 3);
  for (const std::string_view open : {"ro", "rw"}) {
    const auto peer = Peer::Spawn();
    ASSERT_EQ(peer->Do(Step("open", name, open)),
              "opened " + std::to_string(kPages));
    ASSERT_EQ(peer->Do("map ro"), "mapped");
    EXPECT_EQ(peer->Do("write 0 4"), Peer::kDied);
    EXPECT_EQ(LoadWord(*mapping, 0), 3U);
  }
}

TEST_F(SharedObjectConformance, TruncatedUnderUsIsAnErrorOfMap) {
  const Name name = NewName();
  const auto object = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(object));
  if (!TruncateFromOutside(name, kPages / 2)) {
    EXPECT_TRUE(Succeeds(object->Map()));  // nobody can here
    return;
  }
  const auto mapping = object->Map();
  ASSERT_TRUE(FailsWith(ErrorCode::kTruncated, "SharedObject::Map", name.text(),
                        mapping));
  EXPECT_EQ(mapping.error().expected, kPages);
  EXPECT_EQ(mapping.error().found, kPages / 2);
}

TEST_F(SharedObjectConformance, AnEmptiedNameIsAnErrorOfOpen) {
  const Name name = NewName();
  const auto object = SharedObject::Create(name, kPages);
  ASSERT_TRUE(Succeeds(object));
  if (!TruncateFromOutside(name, 0)) {
    EXPECT_TRUE(Succeeds(SharedObject::Open(name, Access::kReadWrite)));
    return;
  }
  EXPECT_TRUE(FailsWith(ErrorCode::kTruncated, "SharedObject::Open",
                        name.text(),
                        SharedObject::Open(name, Access::kReadWrite)));
  EXPECT_TRUE(FailsWith(ErrorCode::kTruncated, "SharedObject::OpenOrCreate",
                        name.text(), SharedObject::OpenOrCreate(name, kPages)));
}

TEST_F(SharedObjectConformance, FilesAreCreatedOnceAndOpenedOften) {
  const std::string path = NewPath();
  {
    const auto created = SharedObject::CreateAtPath(path, kPages);
    ASSERT_TRUE(Succeeds(created));
    EXPECT_TRUE(created->was_created());
    const auto mapping = created->Map();
    ASSERT_TRUE(Succeeds(mapping));
    StoreWord(*mapping, kPages - 4, 77);
  }
  EXPECT_TRUE(FailsWith(ErrorCode::kAlreadyExists, "SharedObject::CreateAtPath",
                        path, SharedObject::CreateAtPath(path, kPages)));
  const auto opened = SharedObject::OpenAtPath(path, Access::kReadOnly);
  ASSERT_TRUE(Succeeds(opened));
  EXPECT_EQ(opened->size_bytes(), kPages);
  EXPECT_FALSE(opened->was_created());
  const auto mapping = opened->Map({.access = Access::kReadOnly});
  ASSERT_TRUE(Succeeds(mapping));
  EXPECT_EQ(static_cast<int>(mapping->data()[kPages - 4]), 77);
  EXPECT_TRUE(FailsWith(ErrorCode::kPermissionDenied, "SharedObject::Map", path,
                        opened->Map()));
}

TEST_F(SharedObjectConformance, PathsThatCannotBeAreRefused) {
  const std::string_view zero("placid\0x", 8);
  for (const std::string_view path : {std::string_view(""), zero}) {
    EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument,
                          "SharedObject::CreateAtPath", path,
                          SharedObject::CreateAtPath(path, 1)));
    EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument,
                          "SharedObject::OpenAtPath", path,
                          SharedObject::OpenAtPath(path, Access::kReadOnly)));
  }
  const std::string path = NewPath();
  EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "SharedObject::OpenAtPath", path,
                        SharedObject::OpenAtPath(path, Access::kReadWrite)));
}

TEST_F(SharedObjectConformance, AdoptChecksWhatItIsGiven) {
  const auto object = SharedObject::CreateAnonymous(kPages);
  ASSERT_TRUE(Succeeds(object));
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "SharedObject::Adopt", "",
                        SharedObject::Adopt(kNoHandle, Access::kReadOnly)));
  const NativeHandle handle = Duplicate(*object);
  EXPECT_TRUE(
      FailsWith(ErrorCode::kTruncated, "SharedObject::Adopt", "",
                SharedObject::Adopt(handle, Access::kReadWrite, 2 * kPages)));
  const auto adopted = SharedObject::Adopt(handle, Access::kReadWrite, kPages);
  ASSERT_TRUE(Succeeds(adopted));
  EXPECT_EQ(adopted->size_bytes(), kPages);
  EXPECT_EQ(adopted->handle(), handle);
  EXPECT_FALSE(adopted->was_created());
  const auto ours = object->Map();
  const auto theirs = adopted->Map();
  ASSERT_TRUE(Succeeds(theirs));
  StoreWord(*ours, 0, 6);
  EXPECT_EQ(LoadWord(*theirs, 0), 6U);
}

TEST_F(SharedObjectConformance, AdoptGivesNoMoreAccessThanTheHandleHas) {
  const Name name = NewName();
  const auto writable = SharedObject::Create(name, kPages);
  const auto object = SharedObject::Open(name, Access::kReadOnly);
  ASSERT_TRUE(Succeeds(object));
  const NativeHandle handle = Duplicate(*object);
  EXPECT_TRUE(FailsWith(ErrorCode::kPermissionDenied, "SharedObject::Adopt", "",
                        SharedObject::Adopt(handle, Access::kReadWrite)));
  CloseHandleOf(handle);  // a refused handle is still ours
}

TEST_F(SharedObjectConformance, AnAnonymousObjectIsSealedWhereThePortCan) {
  const auto object = SharedObject::CreateAnonymous(kPages);
  ASSERT_TRUE(Succeeds(object));
  EXPECT_EQ(object->is_sealed(), CanSealAnonymous());
  EXPECT_TRUE(object->was_created());
  EXPECT_TRUE(FailsWith(ErrorCode::kUnlinked, "SharedObject::StillNamed",
                        "nowhere",
                        object->StillNamed(*Name::Parse("nowhere"))));
}

TEST_F(SharedObjectConformance, AssignmentClosesAtOnce) {
  const std::size_t before = CountOpenHandles();
  auto object = *SharedObject::CreateAnonymous(kPages);
  auto other = *SharedObject::CreateAnonymous(kPages);
  object = std::move(other);
  other = SharedObject();
  EXPECT_TRUE(object.is_open());
  EXPECT_EQ(CountOpenHandles(), before + 1);
  object = SharedObject();
  EXPECT_EQ(CountOpenHandles(), before);
}

TEST_F(SharedObjectConformance, SizesFromOneByteToPastAGibibyteWork) {
  constexpr std::uint64_t kLarge = std::uint64_t{5} << 28;  // 1.25 GiB
  for (const std::uint64_t size : {std::uint64_t{1}, std::uint64_t{4096},
                                   std::uint64_t{100'000}, kLarge}) {
    const Name name = NewName();
    const auto object = SharedObject::Create(name, size);
    ASSERT_TRUE(Succeeds(object)) << size;
    const auto mapping = object->Map();
    ASSERT_TRUE(Succeeds(mapping)) << size;
    ASSERT_EQ(mapping->size_bytes(), size);
    mapping->data()[0] = std::byte{1};
    mapping->data()[size - 1] = std::byte{2};
    const auto reader = SharedObject::Open(name, Access::kReadOnly);
    ASSERT_TRUE(Succeeds(reader)) << size;
    ASSERT_GE(reader->size_bytes(), size);
    const auto view = reader->Map({.access = Access::kReadOnly});
    ASSERT_TRUE(Succeeds(view)) << size;
    EXPECT_EQ(view->data()[size - 1], std::byte{2});
    (void)SharedObject::Unlink(name);
  }
}

}  // namespace
}  // namespace placid::os::conformance
