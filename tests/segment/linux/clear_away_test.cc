// SPDX-License-Identifier: Apache-2.0
//
// What changed between a look and the removal, what may not be looked at, and
// what claims to be a segment's: none of it is removed by mistake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "placid/base/error.h"
#include "placid/os/file_lock.h"
#include "placid/os/name.h"
#include "placid/segment/discovery.h"
#include "placid/segment/name_record.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_reader.h"
#include "placid/segment/segment_view.h"
#include "tests/segment/linux/segment_files.h"
#include "tests/segment/linux/shm.h"
#include "tests/segment/posix/member.h"
#include "tests/support/child.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::Child;
using placid::testing::FilesOf;
using placid::testing::Member;
using placid::testing::SegmentFiles;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Fate = Found::Fate;
using Kind = Found::Kind;
using State = Found::State;

class ClearAwayTest : public ::testing::Test {
 protected:
  static CreateSegmentOptions Options(std::uint32_t mode = 0600) {
    CreateSegmentOptions options;
    options.size_bytes = 4096;
    options.lifetime = Lifetime::kUntilUnlinked;
    options.participants = 4;
    options.mode = mode;
    return options;
  }
  void Create() const { ASSERT_TRUE(Segment::Create(name_, Options())); }
  // A segment's two objects, whose record is gone.
  std::vector<Found> LeaveParts() {
    Create();
    record_ = Read(files_.Record());
    EXPECT_TRUE(std::filesystem::remove(files_.Record()));
    auto parts = FindOurs();
    EXPECT_THAT(parts, SizeIs(2));
    for (const Found& part : parts) EXPECT_EQ(part.fate, Fate::kGo);
    return parts;
  }
  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  [[nodiscard]] std::vector<Found> FindOurs() const {
    std::vector<Found> ours = Discover().value();
    std::erase_if(ours, [this](const Found& found) {
      return found.name.find(name_.text()) == std::string::npos;
    });
    return ours;
  }
  [[nodiscard]] Found FindOne() const {
    const auto ours = FindOurs();
    EXPECT_THAT(ours, SizeIs(1));
    return ours.empty() ? Found() : ours.front();
  }
  void ExpectStays(const Found& found, Clear what) const {
    const auto before = FilesOf(name_);
    const auto cleared = ClearAway(found, what);
    ASSERT_TRUE(cleared) << cleared.error().Message().c_str();
    EXPECT_FALSE(*cleared) << found.name;
    EXPECT_EQ(FilesOf(name_), before);
  }
  static void ExpectGoes(const Found& found, Clear what) {
    const auto cleared = ClearAway(found, what);
    ASSERT_TRUE(cleared) << cleared.error().Message().c_str();
    EXPECT_TRUE(*cleared) << found.name;
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  SegmentFiles files_{name_};
  std::string record_;  // the bytes of the one that LeaveParts took away
};

// ---- Changed after the look -------------------------------------------------

TEST_F(ClearAwayTest, WhatIsWholeByTheRemovalStays) {
  Create();
  ASSERT_TRUE(std::filesystem::remove(files_.Data()));
  const Found orphan = FindOne();
  ASSERT_EQ(orphan.fate, Fate::kGo);
  const auto healed = Segment::OpenOrCreate(name_, Options());
  ASSERT_TRUE(healed && healed->was_created());
  ExpectStays(orphan, Clear::kOrphans);
  EXPECT_TRUE(healed->Check());
}

TEST_F(ClearAwayTest, APartWhoseRecordCameBackStays) {
  const auto parts = LeaveParts();
  std::ofstream(files_.Record(), std::ios::binary) << record_;
  for (const Found& part : parts) ExpectStays(part, Clear::kUnused);
  EXPECT_TRUE(Segment::Open(name_)) << "it is whole again";
}

// Nobody can tell whether the record leads to them.
TEST_F(ClearAwayTest, PartsBesideARecordThatCannotBeReadStay) {
  const auto parts = LeaveParts();
  std::ofstream(files_.Record()) << std::string(128, 'x');
  for (const Found& part : parts) {
    EXPECT_FALSE(ClearAway(part, Clear::kUnused));
  }
  int unreadable = 0;
  for (const Found& found : FindOurs()) {
    EXPECT_EQ(found.fate, Fate::kKeep) << found.name;
    ExpectStays(found, Clear::kUnused);
    if (found.kind != Kind::kPart) continue;
    ++unreadable;
    ASSERT_TRUE(found.error);
    EXPECT_EQ(found.error->code, ErrorCode::kNotPlacid);
  }
  EXPECT_EQ(unreadable, 2);
}

// Whoever has the creation lock may be about to take them away itself.
TEST_F(ClearAwayTest, PartsStayWhileSomebodyChangesTheName) {
  const auto parts = LeaveParts();
  {
    const auto next = Segment::Create(name_, Options());
    ASSERT_TRUE(next);
    constexpr std::uint32_t kCreationLock = 0;
    const auto lock = os::FileLock::TryLock(name_, kCreationLock);
    ASSERT_TRUE(lock);
    for (const Found& part : parts) ExpectStays(part, Clear::kUnused);
  }
  for (const Found& part : parts) ExpectGoes(part, Clear::kOrphans);
  EXPECT_TRUE(Segment::Open(name_)->Check());
}

TEST_F(ClearAwayTest, APartThatIsGoneMeanwhileIsNoError) {
  const auto parts = LeaveParts();
  files_.RemoveAll();
  for (const Found& part : parts) {
    ExpectStays(part, Clear::kUnused);
    const auto name = os::Name::Parse(part.name);
    EXPECT_EQ(LookUp(*name).error().code, ErrorCode::kNotFound);
  }
}

// ---- By their own names -----------------------------------------------------

TEST_F(ClearAwayTest, APartIsLookedUpByItsOwnName) {
  for (const Found& part : LeaveParts()) {
    const auto found = LookUp(*os::Name::Parse(part.name));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->kind, Kind::kPart);
    EXPECT_EQ(found->name, part.name);
    EXPECT_EQ(found->id, part.id);
    EXPECT_EQ(found->size_bytes, part.size_bytes);
    EXPECT_TRUE(found->is_listed);
    ExpectGoes(*found, Clear::kOrphans);
  }
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

// It goes with the segment, and so is not to be found without it.
TEST_F(ClearAwayTest, APartOfAWholeSegmentHasNoEntryOfItsOwn) {
  Create();
  for (const std::string& path : {files_.Data(), files_.Control()}) {
    const auto found = LookUp(*os::Name::Parse(files_.NameOf(path)));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(FindOne().name, name_.text());
}

TEST_F(ClearAwayTest, WithoutItsControlASegmentIsNobodysAndGoes) {
  Create();
  ASSERT_TRUE(std::filesystem::remove(files_.Control()));
  const Found found = FindOne();
  EXPECT_EQ(found.state, State::kOrphaned);
  EXPECT_EQ(found.rows, 0u);
  ExpectGoes(found, Clear::kOrphans);
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

// Only what Discover says about what it says: not what a caller makes up.
TEST_F(ClearAwayTest, WhatIsNoSegmentIsNotRemovedWhateverIsSaidOfIt) {
  std::ofstream(files_.Record()) << "foreign";
  Found found = FindOne();
  found.fate = Fate::kGo;
  ExpectStays(found, Clear::kUnused);
  found.kind = Kind::kPart;
  ExpectStays(found, Clear::kUnused);
  found.kind = Kind::kSegment;
  EXPECT_FALSE(ClearAway(found, Clear::kUnused));
  found.name += "\n";
  ExpectStays(found, Clear::kUnused);
  EXPECT_EQ(Read(files_.Record()), "foreign");
}

// Each but for one letter a name of an object of ours.
TEST_F(ClearAwayTest, NamesThatOnlyLookLikePartsAreForeign) {
  const std::string stem(name_.text());
  const std::vector<std::string> names = {
      stem + ".0000000A.00000001.data",  // we write small letters
      stem + ".00000001.1.data",         // and eight of them
      stem + "-00000001-00000001.data",  // behind dots
      stem + std::string(150, 'y') + ".00000001.00000001.data",
  };
  for (const std::string& name : names) {
    std::ofstream("/dev/shm/placid." + name) << "x";
  }
  const auto found = FindOurs();
  EXPECT_THAT(found, SizeIs(names.size()));
  for (const Found& one : found) {
    EXPECT_EQ(one.kind, Kind::kOther) << one.name;
    ExpectStays(one, Clear::kUnused);
  }
}

// A lock that lies beside its object is no object.
TEST_F(ClearAwayTest, LocksAreNotListed) {
  const std::string path = "/dev/shm/.lock.placid." + std::string(name_.text());
  std::ofstream(path) << "";
  EXPECT_THAT(FindOurs(), IsEmpty());
  std::filesystem::remove(path);
}

// ---- Of others --------------------------------------------------------------

TEST_F(ClearAwayTest, AnotherByteOrdersRecordIsLeftAlone) {
  Create();
  std::string stamp = Read(files_.Record()).substr(0, sizeof(std::uint64_t));
  std::ranges::reverse(stamp);
  for (std::size_t i = 0; i < stamp.size(); ++i) {
    files_.Write(files_.Record(), i, stamp[i]);
  }
  const auto found = LookUp(name_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, Kind::kSegment);
  EXPECT_EQ(found->state, State::kUnreadable);
  EXPECT_EQ(found->fate, Fate::kKeep);
  EXPECT_EQ(found->error->code, ErrorCode::kWrongByteOrder);
  ExpectStays(*found, Clear::kUnused);
}

// Runs f() as a user who has no rights to what was made before. Only the
// superuser can.
template <typename F>
void AsStranger(F f) {
  constexpr uid_t kNobody = 65534;
  if (::geteuid() != 0) return;
  Child child([&] {
    ASSERT_EQ(::setuid(kNobody), 0);
    f();
  });
  EXPECT_TRUE(child.EndsWell());
}

TEST_F(ClearAwayTest, WhatAnotherUserHidesIsShownAndLeft) {
  Create();
  AsStranger([this] {
    const auto ours = FindOurs();
    EXPECT_THAT(ours, SizeIs(3)) << "nobody can say that they are one";
    for (const Found& found : ours) {
      EXPECT_EQ(found.state, State::kUnreadable) << found.name;
      ASSERT_TRUE(found.error);
      EXPECT_EQ(found.error->code, ErrorCode::kPermissionDenied);
      EXPECT_FALSE(found.may_unlink);
      ExpectStays(found, Clear::kUnused);
    }
  });
}

TEST_F(ClearAwayTest, WhatAnotherUserShowsInPartIsToldSo) {
  Create();
  ASSERT_EQ(::chmod(files_.Record().c_str(), 0644), 0);
  const auto expect_hidden = [this] {
    const Found found = FindOne();
    EXPECT_EQ(found.kind, Kind::kSegment);
    EXPECT_EQ(found.state, State::kUnreadable);
    ASSERT_TRUE(found.error);
    EXPECT_EQ(found.error->code, ErrorCode::kPermissionDenied);
    ExpectStays(found, Clear::kUnused);
    EXPECT_TRUE(SegmentView::Open(name_)->data().state ==
                    PartView::State::kUnreadable ||
                SegmentView::Open(name_)->MayBeJoined())
        << "who cannot look at the rows does not say that nobody is there";
  };
  AsStranger(expect_hidden);
  ASSERT_EQ(::chmod(files_.Data().c_str(), 0644), 0);
  AsStranger(expect_hidden);
}

// It can be read, and so judged, but not removed.
TEST_F(ClearAwayTest, WhatAnotherUserOwnsCannotBeRemoved) {
  ASSERT_TRUE(Segment::Create(name_, Options(0666)));
  AsStranger([this] {
    const Found found = FindOne();
    EXPECT_EQ(found.fate, Fate::kIfUnused) << found.why;
    const auto cleared = ClearAway(found, Clear::kUnused);
    ASSERT_FALSE(cleared);
    EXPECT_EQ(cleared.error().code, ErrorCode::kPermissionDenied);
    EXPECT_EQ(cleared.error().subject.view(), name_.text());
    EXPECT_NE(cleared.error().advice, nullptr);
  });
  EXPECT_TRUE(Segment::Open(name_)->Check());
}

// ---- Attached to what was spoilt --------------------------------------------

// As between the two steps of an unlinker that died: the names are still there.
TEST_F(ClearAwayTest, WhoIsAttachedToARetiredSegmentIsToldBeforeItsNamesGo) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const auto reader = SegmentReader::Open(name_);
  ASSERT_TRUE(reader);
  ASSERT_TRUE(segment->Check() && reader->Check());
  constexpr std::uint32_t kRetired = 2;
  files_.Write(files_.Data(), offsetof(SegmentHeader::Memory, state), kRetired);
  for (const auto& checked : {segment->Check(), reader->Check()}) {
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::kUnlinked);
    EXPECT_EQ(checked.error().subject.view(), name_.text());
  }
}

TEST_F(ClearAwayTest, WhoIsAttachedLearnsThatTheRecordLeadsElsewhere) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const auto reader = SegmentReader::Open(name_);
  ASSERT_TRUE(reader);
  const std::uint64_t other = segment->id().Next(1).word();
  files_.Write(files_.Record(), offsetof(NameRecord::Memory, current), other);
  for (const auto& checked : {segment->Check(), reader->Check()}) {
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::kUnlinked);
    EXPECT_EQ(checked.error().expected, segment->id().word());
    EXPECT_EQ(checked.error().found, other);
  }
  files_.Write(files_.Record(), 0, std::uint64_t{0x1234});  // no stamp
  for (const auto& checked : {segment->Check(), reader->Check()}) {
    ASSERT_FALSE(checked);
    EXPECT_EQ(checked.error().code, ErrorCode::kNotPlacid);
  }
}

// No segment has such a name: whatever lies there is no record.
TEST_F(ClearAwayTest, NamesThatNoSegmentCanHaveAreNotRead) {
  const std::string too_long =
      std::string(name_.text()) +
      std::string(Segment::kMostNameBytes - name_.text().size() + 1, 'y');
  Create();
  std::filesystem::copy_file(files_.Record(), "/dev/shm/placid." + too_long);
  const auto raw = os::Name::Raw("/placid." + std::string(name_.text()));
  ASSERT_TRUE(raw);
  for (const os::Name& name : {*os::Name::Parse(too_long), *raw}) {
    const auto reader = SegmentReader::Open(name);
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().code, ErrorCode::kNotPlacid);
    EXPECT_EQ(SegmentView::Open(name).error().code, ErrorCode::kNotPlacid);
  }
}

}  // namespace
}  // namespace placid
