// SPDX-License-Identifier: Apache-2.0
#include "placid/segment/directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "placid/os/mapping.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/seqlock.h"
#include "placid/primitives/spsc_ring.h"
#include "tests/segment/directory_fixture.h"

namespace placid {
namespace {

using Phase = EntryState::Phase;

static_assert(Placeable<Directory>);

struct Pose {
  double x, y, yaw;
  std::uint64_t time_ns;
};
PLACID_FIELDS(Pose, x, y, yaw, time_ns)

using testing::DirectoryTest, testing::kBlob, testing::kMe, testing::kOther,
    testing::MakeNothing;

TEST_F(DirectoryTest, CreateMakesFreeEntriesAndAttachFindsThem) {
  EXPECT_EQ(Directory::Attach(Bytes()).error().code,
            ErrorCode::kNotInitialized);
  // Only what is for objects must be zero.
  std::ranges::fill(Bytes().subspan(8, 8 + kEntries * 8), std::byte{0xA5});
  const auto created = Create();
  EXPECT_EQ(created.count(), kEntries);
  EXPECT_EQ(created.object_bytes(), kObjects);
  EXPECT_EQ(Directory::Create(Bytes(), kEntries).error().code,
            ErrorCode::kAlreadyExists);
  const auto attached = Directory::Attach(Bytes());
  ASSERT_TRUE(attached);
  EXPECT_EQ(attached->count(), kEntries);
  EXPECT_EQ(attached->object_bytes(), kObjects);
  bool is_empty = true;
  EXPECT_TRUE(attached->ForEach([&](const auto&) { is_empty = false; }));
  EXPECT_TRUE(is_empty);
  ASSERT_TRUE(Directory::Reset(Bytes(), NobodyUsesIt()));
  EXPECT_TRUE(std::ranges::all_of(
      Bytes(), [](std::byte b) { return b == std::byte{0}; }));
}

TEST_F(DirectoryTest, CreateRefusesCountsAndPlacesThatCannotBe) {
  for (const std::uint64_t count :
       {std::uint64_t{0}, Directory::kMostEntries + 1, ~std::uint64_t{0}}) {
    const auto made = Directory::Create(Bytes(), count);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(made.error().found, count);
  }
  EXPECT_EQ(Directory::Create(Bytes().first(0x100), kEntries).error().code,
            ErrorCode::kTooSmall);
  EXPECT_EQ(Directory::Create(Bytes().subspan(8), 1).error().code,
            ErrorCode::kMisaligned);
  EXPECT_EQ(Directory::Create(Bytes(), Directory::kMostEntries).error().code,
            ErrorCode::kTooSmall);
}

TEST_F(DirectoryTest, AttachRefusesWhatLiesAboutItsSize) {
  Create();
  auto* memory = reinterpret_cast<Directory::Memory*>(Bytes().data());
  EXPECT_EQ(Directory::Attach(Bytes().first(kBytes - 1)).error().code,
            ErrorCode::kCorrupt);
  for (const std::uint64_t count :
       {std::uint64_t{0}, Directory::kMostEntries, std::uint64_t{1} << 61}) {
    memory->count.store(count, kRelaxed);
    const auto found = Directory::Attach(Bytes());
    ASSERT_FALSE(found) << count;
    EXPECT_EQ(found.error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(found.error().found, count);
  }
  memory->count.store(kEntries, kRelaxed);
  memory->size.store(kObjects + 1, kRelaxed);
  EXPECT_EQ(Directory::Attach(Bytes()).error().code, ErrorCode::kCorrupt);
  memory->size.store(kObjects, kRelaxed);
  EXPECT_TRUE(Directory::Attach(Bytes()));
}

// The first makes it, in zeroed bytes on a line; all later find the same.
TEST_F(DirectoryTest, ANameIsMadeOnceAndFoundFromThenOn) {
  const auto directory = Create();
  EXPECT_EQ(directory.Find("a", kBlob).error().code, ErrorCode::kNotFound);
  const auto made = directory.FindOrCreate(
      "a", kMe, kBlob, 300, [&](std::span<std::byte> bytes) -> Result<void> {
        EXPECT_EQ(bytes.size(), 300u);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes.data()) % kLineBytes,
                  0u);
        EXPECT_TRUE(std::ranges::all_of(
            bytes, [](std::byte b) { return b == std::byte{0}; }));
        bytes.front() = bytes.back() = std::byte{7};
        return Ok();
      });
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->was_created);
  const auto again =
      directory.FindOrCreate("a", kOther, kBlob, 300, [](auto) -> Result<void> {
        ADD_FAILURE() << "made twice";
        return Ok();
      });
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->was_created);
  EXPECT_EQ(again->bytes.data(), made->bytes.data());
  EXPECT_EQ(again->bytes.size(), 300u);
  const auto found = directory.Find("a", kBlob);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->was_created);
  EXPECT_EQ(found->bytes.data(), made->bytes.data());
  EXPECT_EQ(found->bytes.back(), std::byte{7});
  EXPECT_EQ(Look(0).phase(), Phase::kReady);
  EXPECT_EQ(Look(0).bytes(), ObjectRecord::SpaceFor("a", kBlob, 300));
}

TEST_F(DirectoryTest, ObjectsDoNotOverlapAndFillTheDirectoryToTheEnd) {
  const auto directory =
      *Directory::Create(Bytes().first(static_cast<std::size_t>(
                             Directory::SizeFor(kEntries, 3 * 4 * kLineBytes))),
                         kEntries);
  const std::uint64_t size = 3 * kLineBytes;  // and one line of record
  std::set<const std::byte*> seen;
  for (const std::string_view name : {"a", "b", "c"}) {
    const auto made =
        directory.FindOrCreate(name, kMe, kBlob, size, MakeNothing);
    ASSERT_TRUE(made) << made.error().Message().c_str();
    for (const std::byte& byte : made->bytes) {
      EXPECT_TRUE(seen.insert(&byte).second);
    }
  }
  const auto full = directory.FindOrCreate("d", kMe, kBlob, 1, MakeNothing);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(full.error().found, 0u);
  EXPECT_EQ(full.error().expected, 2 * kLineBytes);
  EXPECT_EQ(full.error().subject.view(), "d");
  EXPECT_EQ(Look(3).phase(), Phase::kFree) << "nothing is taken";
  EXPECT_TRUE(directory.Find("c", kBlob));
}

TEST_F(DirectoryTest, EntriesRunOut) {
  const auto directory = Create();
  for (char name = '0'; name < '0' + static_cast<char>(kEntries); ++name) {
    ASSERT_TRUE(directory.FindOrCreate(std::string_view(&name, 1), kMe, kBlob,
                                       8, MakeNothing));
  }
  const auto full = directory.FindOrCreate("x", kMe, kBlob, 8, MakeNothing);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(full.error().found, kEntries);
  EXPECT_STREQ(full.error().field, "number of entries");
  EXPECT_EQ(directory.Find("x", kBlob).error().code, ErrorCode::kNotFound);
}

TEST_F(DirectoryTest, NamesAreTextOf1To64Bytes) {
  const auto directory = Create();
  const std::string longest(64, 'n');
  EXPECT_TRUE(directory.FindOrCreate(longest, kMe, kBlob, 8, MakeNothing));
  EXPECT_TRUE(directory.Find(longest, kBlob));
  EXPECT_TRUE(
      directory.FindOrCreate("grüße / .,\\", kMe, kBlob, 8, MakeNothing));
  for (const std::string& name :
       {std::string(), std::string(65, 'n'), std::string("a\0b", 3),
        std::string("line\n"), std::string("\x7F")}) {
    const auto made = directory.FindOrCreate(name, kMe, kBlob, 8, MakeNothing);
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(directory.Find(name, kBlob).error().code,
              ErrorCode::kInvalidArgument);
  }
}

TEST_F(DirectoryTest, NobodyMakesNothingAndNoSizeIsNone) {
  const auto directory = Create();
  EXPECT_EQ(directory.FindOrCreate("a", OwnerId(), kBlob, 8, MakeNothing)
                .error()
                .code,
            ErrorCode::kInvalidArgument);
  for (const std::uint64_t size :
       {std::uint64_t{0}, Directory::kMostObjectBytes + 1, ~std::uint64_t{0}}) {
    EXPECT_EQ(
        directory.FindOrCreate("a", kMe, kBlob, size, MakeNothing).error().code,
        ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(directory
                .FindOrCreate("a", kMe, kBlob, Directory::kMostObjectBytes,
                              MakeNothing)
                .error()
                .code,
            ErrorCode::kNoSpace);
  EXPECT_TRUE(
      directory.FindOrCreate("a", OwnerId::Unowned(), kBlob, 8, MakeNothing));
}

// Whoever asks meanwhile is told to come again, and by whom it is made.
TEST_F(DirectoryTest, ANameThatIsBeingMadeIsBusyAndOthersAreNot) {
  const auto directory = Create();
  const auto made =
      directory.FindOrCreate("a", kOther, kBlob, 8, [&](auto) -> Result<void> {
        const auto busy =
            directory.FindOrCreate("a", kMe, kBlob, 8, MakeNothing);
        EXPECT_EQ(busy.error().code, ErrorCode::kBusy);
        EXPECT_EQ(busy.error().found, kOther.index());
        EXPECT_EQ(directory.Find("a", kBlob).error().code, ErrorCode::kBusy);
        EXPECT_TRUE(directory.FindOrCreate("b", kMe, kBlob, 8, MakeNothing));
        EXPECT_TRUE(directory.Find("b", kBlob));
        return Ok();
      });
  ASSERT_TRUE(made);
  EXPECT_TRUE(directory.Find("a", kBlob));
}

TEST_F(DirectoryTest, WhatFailedToBeMadeIsMadeAnewInTheSameLines) {
  const auto directory = Create();
  const std::byte* first = nullptr;
  const auto failed = directory.FindOrCreate(
      "a", kMe, kBlob, 300, [&](std::span<std::byte> bytes) -> Result<void> {
        first = bytes.data();
        std::ranges::fill(bytes, std::byte{0xDD});
        return Error{.code = ErrorCode::kSystem, .operation = "make"};
      });
  EXPECT_EQ(failed.error().code, ErrorCode::kSystem);
  EXPECT_STREQ(failed.error().operation, "make");
  EXPECT_EQ(Look(0).phase(), Phase::kLeft);
  EXPECT_EQ(directory.Find("a", kBlob).error().code, ErrorCode::kNotFound);
  const auto made = directory.FindOrCreate(
      "a", kOther, kBlob, 300, [&](std::span<std::byte> bytes) -> Result<void> {
        EXPECT_TRUE(std::ranges::all_of(
            bytes, [](std::byte b) { return b == std::byte{0}; }));
        return Ok();
      });
  ASSERT_TRUE(made);
  EXPECT_EQ(made->bytes.data(), first);
  EXPECT_EQ(Look(1).phase(), Phase::kFree);
}

TEST_F(DirectoryTest, RecoverGivesUpWhatTheDeadWereMakingAndNothingElse) {
  const auto directory = Create();
  ASSERT_TRUE(directory.FindOrCreate("done", kMe, kBlob, 8, MakeNothing));
  DieMaking(directory, "dead", kMe, 200);
  DieMaking(directory, "others", kOther, 200);
  EXPECT_EQ(directory.FindOrCreate("dead", kOther, kBlob, 200, MakeNothing)
                .error()
                .code,
            ErrorCode::kBusy);
  EXPECT_EQ(directory.Recover(DeadOwner::Attested(OwnerId())), 0u);
  EXPECT_EQ(directory.Recover(DeadOwner::Attested(kMe)), 1u);
  EXPECT_EQ(directory.Recover(DeadOwner::Attested(kMe)), 0u);
  EXPECT_TRUE(directory.Find("done", kBlob));
  EXPECT_EQ(directory.Find("others", kBlob).error().code, ErrorCode::kBusy);
  const auto made = directory.FindOrCreate(
      "dead", kOther, kBlob, 200, [](std::span<std::byte> bytes) {
        EXPECT_TRUE(std::ranges::all_of(
            bytes, [](std::byte b) { return b == std::byte{0}; }));
        return Ok();
      });
  ASSERT_TRUE(made);
  EXPECT_EQ(Look(1).phase(), Phase::kReady) << "in its old place";
  DieMaking(directory, "nameless", OwnerId::Unowned(), 8);
  EXPECT_EQ(directory.Recover(DeadOwner::Attested(OwnerId::Unowned())), 1u);
}

// A smaller one takes the place, a larger one another: the lines are nobody's
// then, for good, or two of one name could be made.
TEST_F(DirectoryTest, LinesOfTheDeadAreTakenByWhatFits) {
  const auto directory = Create();
  DieMaking(directory, "a", kMe, 3 * kLineBytes);
  DieMaking(directory, "b", kMe, 3 * kLineBytes);
  EXPECT_EQ(directory.Recover(DeadOwner::Attested(kMe)), 2u);
  const auto smaller =
      directory.FindOrCreate("a", kMe, kBlob, kLineBytes, MakeNothing);
  ASSERT_TRUE(smaller);
  EXPECT_EQ(smaller->bytes.size(), kLineBytes);
  EXPECT_EQ(Look(0).phase(), Phase::kReady);
  EXPECT_EQ(Look(0).bytes(), 4 * kLineBytes) << "its lines stay its own";
  const auto larger =
      directory.FindOrCreate("b", kMe, kBlob, 4 * kLineBytes, MakeNothing);
  ASSERT_TRUE(larger);
  EXPECT_EQ(Look(1).phase(), Phase::kLeft);
  EXPECT_EQ(Look(1).hash(), 0u);
  EXPECT_EQ(Look(2).phase(), Phase::kReady);
  EXPECT_EQ(
      larger->bytes.data(),
      directory.FindOrCreate("b", kMe, kBlob, 4 * kLineBytes, MakeNothing)
          ->bytes.data());
}

// Two names of one hash: the second waits until the first is ready, then goes
// past it.
TEST_F(DirectoryTest, NamesOfOneHashAreToldApart) {
  const auto directory = Create();
  const auto first =
      directory.FindOrCreate("hm", kMe, kBlob, 8, [&](auto) -> Result<void> {
        EXPECT_EQ(directory.FindOrCreate("pp", kOther, kBlob, 8, MakeNothing)
                      .error()
                      .code,
                  ErrorCode::kBusy)
            << "nobody can know yet whether it is ours";
        return Ok();
      });
  ASSERT_TRUE(first);
  EXPECT_EQ(directory.Find("pp", kBlob).error().code, ErrorCode::kNotFound);
  const auto second =
      directory.FindOrCreate("pp", kOther, kBlob, 8, MakeNothing);
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->was_created);
  EXPECT_EQ(Look(0).hash(), Look(1).hash());
  EXPECT_EQ(directory.Find("pp", kBlob)->bytes.data(), second->bytes.data());
  EXPECT_EQ(directory.Find("hm", kBlob)->bytes.data(), first->bytes.data());
}

// Lines that one of them has left are had by the other.
TEST_F(DirectoryTest, LeftLinesServeAnotherNameOfTheirHash) {
  const auto directory = Create();
  DieMaking(directory, "hm", kMe, 8);
  EXPECT_EQ(directory.Recover(DeadOwner::Attested(kMe)), 1u);
  ASSERT_TRUE(directory.FindOrCreate("pp", kMe, kBlob, 8, MakeNothing));
  ASSERT_TRUE(directory.FindOrCreate("hm", kMe, kBlob, 8, MakeNothing));
  EXPECT_EQ(Look(0).phase(), Phase::kReady);
  EXPECT_EQ(Look(1).phase(), Phase::kReady);
  EXPECT_EQ(Look(2).phase(), Phase::kFree);
}

TEST_F(DirectoryTest, WhoWasTakenForDeadIsToldAndPublishesNothing) {
  const auto directory = Create();
  const auto late =
      directory.FindOrCreate("a", kMe, kBlob, 8, [&](auto) -> Result<void> {
        EXPECT_EQ(directory.Recover(DeadOwner::Attested(kMe)), 1u);
        EXPECT_TRUE(directory.FindOrCreate("a", kOther, kBlob, 8, MakeNothing));
        return Ok();
      });
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kRoleTaken);
  EXPECT_EQ(Look(0).phase(), Phase::kReady) << "the other's";
}

// ---- Readers and inspectors

TEST_F(DirectoryTest, ReadersFindObjectsToo) {
  const auto directory = Create();
  auto writer =
      *directory.FindOrCreate<Seqlock<Pose>>("pose", kMe)->ClaimWriter();
  writer.Store({1, 2, 3, 4});
  ASSERT_TRUE(directory.FindOrCreate("blob", kMe, kBlob, 5, MakeNothing));
  const auto reader = Directory::AttachReadOnly(Bytes());
  ASSERT_TRUE(reader);
  EXPECT_EQ(reader->count(), kEntries);
  EXPECT_EQ(reader->object_bytes(), kObjects);
  auto pose_reader = reader->Find<Seqlock<Pose>>("pose");
  ASSERT_TRUE(pose_reader);
  Pose pose{};
  EXPECT_TRUE(pose_reader->TryLoad(pose) == RingResult::kOk && pose.y == 2);
  EXPECT_EQ(reader->Find("blob", kBlob)->size(), 5u);
  EXPECT_EQ(reader->Find("none", kBlob).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(reader->Find<Seqlock<Pose>>("blob").error().code,
            ErrorCode::kWrongType);
  EXPECT_EQ(Directory::AttachReadOnly(Bytes().first(64)).error().code,
            ErrorCode::kTooSmall);
}

// On pages that a store would kill us for.
TEST_F(DirectoryTest, ReadersStoreNothing) {
  const auto object = *os::SharedObject::CreateAnonymous(kBytes);
  const auto writable = *object.Map();
  const auto directory = *Directory::Create(writable.bytes(), kEntries);
  auto writer =
      *directory.FindOrCreate<Seqlock<Pose>>("pose", kMe)->ClaimWriter();
  writer.Store({1, 2, 3, 4});
  const auto pages = *object.Map({.access = os::Access::kReadOnly});
  const auto reader = *Directory::AttachReadOnly(pages.bytes());
  auto pose_reader = *reader.Find<Seqlock<Pose>>("pose");
  Pose pose{};
  EXPECT_EQ(pose_reader.TryLoad(pose), RingResult::kOk);
  EXPECT_EQ(reader.Find("none", kBlob).error().code, ErrorCode::kNotFound);
  int seen = 0;
  EXPECT_TRUE(reader.ForEach([&](const auto&) { ++seen; }));
  EXPECT_EQ(seen, 1);
}

TEST_F(DirectoryTest, ForEachShowsWhatIsThere) {
  const auto directory = Create();
  ASSERT_TRUE(directory.FindOrCreate<SpscRing<Pose>>("ring", kMe, 4));
  DieMaking(directory, "dead", kOther, 200);
  ASSERT_TRUE(directory.FindOrCreate("blob", kMe, kBlob, 5, MakeNothing));
  std::vector<std::string> seen;
  const bool is_whole = Directory::AttachReadOnly(Bytes())->ForEach(
      [&](const DirectoryEntry& it) {
        seen.push_back(std::to_string(it.index) + " '" + std::string(it.name) +
                       "' " + std::string(it.type.layout) + " " +
                       std::to_string(it.object.size()));
        if (it.index == 0) {
          EXPECT_EQ(it.type.fingerprint(),
                    ObjectType::Of<SpscRing<Pose>>().fingerprint());
          EXPECT_EQ(it.offset, Directory::SizeFor(kEntries, 0));
        }
        if (it.index == 1) {
          EXPECT_EQ(it.state.phase(), Phase::kBeingMade);
          EXPECT_EQ(it.state.hand(), kOther.index());
        }
      });
  EXPECT_TRUE(is_whole);
  EXPECT_EQ(seen, (std::vector<std::string>{
                      "0 'ring' {x:f64,y:f64,yaw:f64,time_ns:u64} 512",
                      "1 ''  0", "2 'blob'  5"}));
}

// ---- Peers that lie

TEST_F(DirectoryTest, EntriesThatCannotBeAreCorrupt) {
  const auto directory = Create();
  ASSERT_TRUE(directory.FindOrCreate("a", kMe, kBlob, 8, MakeNothing));
  const std::uint64_t word = Look(0).word();
  for (const std::uint64_t lie : {
           word | EntryState::kMostLines,               // more than there is
           word & ~EntryState::kMostLines,              // no lines
           std::uint64_t{0x1001} << 48 | 1u << 16 | 1,  // nobody's row
           std::uint64_t{1},                            // lines of nobody
       }) {
    Entry(0).store(lie, kRelaxed);
    EXPECT_EQ(directory.Find("a", kBlob).error().code, ErrorCode::kCorrupt);
    EXPECT_EQ(
        directory.FindOrCreate("b", kMe, kBlob, 8, MakeNothing).error().code,
        ErrorCode::kCorrupt);
    EXPECT_FALSE(directory.ForEach([](const auto&) {}));
    EXPECT_EQ(directory.Recover(DeadOwner::Attested(kMe)), 0u);
  }
}

TEST_F(DirectoryTest, RecordsThatCannotBeAreCorrupt) {
  const auto directory = Create();
  ASSERT_TRUE(directory.FindOrCreate("a", kMe, kBlob, 8, MakeNothing));
  std::byte* record = Bytes().data() + Directory::SizeFor(kEntries, 0);
  const auto spoil = [&](std::size_t at, std::uint32_t with) {
    std::uint32_t before = 0;
    std::memcpy(&before, record + at, sizeof(before));
    std::memcpy(record + at, &with, sizeof(with));
    EXPECT_EQ(directory.Find("a", kBlob).error().code, ErrorCode::kCorrupt);
    const bool is_whole = directory.ForEach([](const DirectoryEntry& it) {
      EXPECT_TRUE(it.name.empty() && it.object.empty());
    });
    EXPECT_TRUE(is_whole) << "the entries are";
    std::memcpy(record + at, &before, sizeof(before));
  };
  spoil(0x18, 129);   // more bytes than it has lines
  spoil(0x1C, 1);     // far more
  spoil(0x20, 65);    // a longer name than there is
  spoil(0x24, 2049);  // a longer layout
  spoil(0x24, 200);   // one that leaves no line for the object
  EXPECT_TRUE(directory.Find("a", kBlob));
}

}  // namespace
}  // namespace placid
