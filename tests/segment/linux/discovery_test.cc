// SPDX-License-Identifier: Apache-2.0
//
// What lies in /dev/shm, whoever left it there, and what of it may go. Each
// test looks at names of its own alone: others use the same folder.
#include "placid/segment/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "killed_at_stop.h"
#include "placid/base/error.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/seqlock.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/membership.h"
#include "placid/segment/name_record.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "placid/segment/segment_reader.h"
#include "placid/segment/segment_view.h"
#include "shm.h"
#include "tests/segment/posix/holder.h"
#include "tests/segment/posix/member.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

using placid::testing::FilesOf;
using placid::testing::Holder;
using placid::testing::KilledAtStop;
using placid::testing::Member;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Fate = Found::Fate;
using Kind = Found::Kind;
using State = Found::State;

class DiscoveryTest : public ::testing::Test {
 protected:
  ~DiscoveryTest() override {
    for (const std::string& path : FilesOf(name_)) {
      std::error_code ignored;
      std::filesystem::remove(path, ignored);
    }
  }

  static CreateSegmentOptions Options() {
    CreateSegmentOptions options;
    options.size_bytes = 100'000;
    options.participants = 4;
    return options;
  }
  // Of what stays when nobody has it open.
  static CreateSegmentOptions LastingOptions() {
    CreateSegmentOptions options = Options();
    options.lifetime = Lifetime::kUntilUnlinked;
    return options;
  }

  // All that is found under our own name.
  [[nodiscard]] std::vector<Found> FindOurs() const {
    const auto all = Discover();
    EXPECT_TRUE(all) << all.error().Message().c_str();
    std::vector<Found> ours;
    for (const Found& found : *all) {
      if (found.name.find(name_.text()) != std::string::npos) {
        ours.push_back(found);
      }
    }
    return ours;
  }
  // The only one of them.
  [[nodiscard]] Found FindOne() const {
    const auto ours = FindOurs();
    EXPECT_THAT(ours, SizeIs(1));
    return ours.empty() ? Found() : ours.front();
  }
  [[nodiscard]] std::string PathOf(const std::string& suffix) const {
    for (const std::string& path : FilesOf(name_)) {
      if (path.ends_with(suffix)) return path;
    }
    return "";
  }
  [[nodiscard]] std::string RecordPath() const {
    return "/dev/shm/placid." + std::string(name_.text());
  }
  void Overwrite(const std::string& suffix, long offset,
                 std::span<const std::byte> bytes) const {
    std::fstream file(PathOf(suffix),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offset);
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(file.good());
  }
  void OverwriteWord(const std::string& suffix, long offset,
                     std::uint32_t word) const {
    Overwrite(suffix, offset, std::as_bytes(std::span(&word, 1)));
  }
  // Expects that it is of that fate, and that clearing away does accordingly.
  void ExpectStays(const Found& found, Clear what) const {
    const auto before = FilesOf(name_);
    const auto cleared = ClearAway(found, what);
    ASSERT_TRUE(cleared) << cleared.error().Message().c_str();
    EXPECT_FALSE(*cleared);
    EXPECT_EQ(FilesOf(name_), before);
  }
  void ExpectGoes(const Found& found, Clear what) const {
    const auto cleared = ClearAway(found, what);
    ASSERT_TRUE(cleared) << cleared.error().Message().c_str();
    EXPECT_TRUE(*cleared);
    const auto again = ClearAway(found, what);
    ASSERT_TRUE(again) << again.error().Message().c_str();
    EXPECT_FALSE(*again) << "there is nothing left of it";
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
};

// A process that is stopped in the middle of creating, or of placing.
class StoppedCreator {
 public:
  explicit StoppedCreator(const os::Name& name,
                          const CreateSegmentOptions& options) {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::alarm(120);
      CreateSegmentOptions stopping = options;
      stopping.place = [](std::span<std::byte>) -> Result<void> {
        ::raise(SIGSTOP);
        return Ok();
      };
      (void)Segment::Create(name, stopping);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
    EXPECT_TRUE(WIFSTOPPED(status));
  }
  ~StoppedCreator() { Kill(); }
  void Kill() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

TEST_F(DiscoveryTest, AWholeSegmentIsFoundWithAllOfItsObjects) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const Found found = FindOne();
  EXPECT_EQ(found.name, name_.text());
  EXPECT_EQ(found.kind, Kind::kSegment);
  EXPECT_EQ(found.state, State::kReady);
  EXPECT_EQ(found.fate, Fate::kKeep) << "we have it open";
  EXPECT_EQ(found.id, segment->id());
  EXPECT_GE(found.size_bytes, 100'000u);
  EXPECT_GE(found.allocated_bytes, found.size_bytes) << "reserved in full";
  EXPECT_TRUE(found.is_listed);
  EXPECT_EQ(found.owner, ::geteuid());
  EXPECT_EQ(found.rows, 4u);
  EXPECT_EQ(found.living + found.dead, 0u);
  EXPECT_NEAR(static_cast<double>(found.made_at),
              static_cast<double>(::time(nullptr)), 60);
}

TEST_F(DiscoveryTest, LookingChangesNothing) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const auto read = [&] {
    std::string all;
    for (const std::string& path : FilesOf(name_)) {
      std::ifstream file(path, std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  };
  const std::string before = read();
  for (const std::string& path : FilesOf(name_)) {
    ASSERT_EQ(::chmod(path.c_str(), 0400), 0) << "no right to write is needed";
  }
  EXPECT_EQ(FindOne().state, State::kReady);
  EXPECT_EQ(LookUp(name_)->state, State::kReady);
  EXPECT_EQ(read(), before);
}

TEST_F(DiscoveryTest, TheLivingAndTheDeadAreCounted) {
  ASSERT_TRUE(Segment::Create(name_, LastingOptions()));
  Member one(name_);
  {
    const Member other(name_);
    EXPECT_EQ(FindOne().living, 2u);
  }
  const Found mixed = FindOne();
  EXPECT_EQ(mixed.living, 1u);
  EXPECT_EQ(mixed.dead, 1u);
  EXPECT_EQ(mixed.fate, Fate::kKeep);
  one.Stop();
  EXPECT_EQ(FindOne().living, 1u) << "who is stopped is alive";
  one.Kill();
  EXPECT_EQ(FindOne().dead, 2u) << "a zombie is dead";
  EXPECT_EQ(FindOne().fate, Fate::kIfUnused);
}

TEST_F(DiscoveryTest, AJoinedSegmentStaysWhateverIsAskedFor) {
  ASSERT_TRUE(Segment::Create(name_, LastingOptions()));
  const Found unused = FindOne();
  EXPECT_EQ(unused.fate, Fate::kIfUnused);
  const Member member(name_);  // after the look
  ExpectStays(FindOne(), Clear::kUnused);
  ExpectStays(unused, Clear::kUnused);
  const auto segment = Segment::Open(name_);
  ASSERT_TRUE(segment);
  EXPECT_TRUE(segment->Check());
  EXPECT_TRUE(Membership::Join(*segment)) << "others can join still";
}

TEST_F(DiscoveryTest, AnOpenSegmentStaysWhateverIsAskedFor) {
  for (const auto& options : {Options(), LastingOptions()}) {
    auto segment = Segment::Create(name_, options);
    ASSERT_TRUE(segment);
    Found found = FindOne();
    EXPECT_EQ(found.state, State::kReady);
    ExpectStays(found, Clear::kUnused);
    // Though it did not look so before.
    for (const Fate fate : {Fate::kGo, Fate::kIfUnused}) {
      found.fate = fate;
      ExpectStays(found, Clear::kUnused);
    }
    EXPECT_TRUE(segment->Check());
    EXPECT_TRUE(Membership::Join(*segment));
    (void)Segment::Unlink(name_);
  }
}

TEST_F(DiscoveryTest, AnUnusedSegmentGoesIfItIsAskedFor) {
  ASSERT_TRUE(Segment::Create(name_, LastingOptions()));
  const auto reader = SegmentReader::Open(name_);
  ASSERT_TRUE(reader);
  { const Member dead(name_); }
  ExpectStays(FindOne(), Clear::kOrphans);
  ExpectGoes(FindOne(), Clear::kUnused);
  EXPECT_TRUE(reader->IsRetired()) << "who is attached is told";
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

// Nobody can open it any more, for it was to be there while it is open.
TEST_F(DiscoveryTest, WhatTheLastWhoWasKilledHadOpenGoes) {
  const auto expect_orphan = [&] {
    const Found found = FindOne();
    EXPECT_EQ(found.kind, Kind::kSegment);
    EXPECT_EQ(found.state, State::kOrphaned);
    EXPECT_EQ(std::string(found.why),
              "nobody has it open: the last process that had was killed");
    EXPECT_EQ(SegmentView::Open(name_)->IsOpen(), os::Liveness::kDead);
    ExpectGoes(found, Clear::kOrphans);
    EXPECT_THAT(FilesOf(name_), IsEmpty());
  };
  Holder last(name_, Options());
  last.Stop();
  EXPECT_EQ(FindOne().state, State::kReady) << "who is stopped has it open";
  ExpectStays(FindOne(), Clear::kUnused);
  last.Kill();
  expect_orphan();
  // One that had joined, too.
  auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const Member member(name_);
  *segment = Segment();
  EXPECT_EQ(FindOne().fate, Fate::kKeep);
  member.Kill();
  expect_orphan();
}

TEST_F(DiscoveryTest, AHalfMadeSegmentGoesOnceItsCreatorIsDead) {
  StoppedCreator creator(name_, Options());
  const Found making = FindOne();
  EXPECT_EQ(making.state, State::kBeingMade);
  EXPECT_EQ(making.fate, Fate::kKeep);
  ExpectStays(making, Clear::kUnused);
  creator.Kill();
  const Found orphan = FindOne();
  EXPECT_EQ(orphan.state, State::kOrphaned);
  EXPECT_EQ(orphan.fate, Fate::kGo);
  ExpectGoes(orphan, Clear::kOrphans);
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

// Whoever looked when its creator was dead comes too late: another creates.
TEST_F(DiscoveryTest, WhatIsMadeAnewAfterTheLookStays) {
  StoppedCreator creator(name_, Options());
  creator.Kill();
  const Found orphan = FindOne();
  ASSERT_EQ(orphan.fate, Fate::kGo);
  const StoppedCreator next(name_, Options());
  ExpectStays(orphan, Clear::kUnused);
  EXPECT_EQ(FindOne().state, State::kBeingMade);
}

TEST_F(DiscoveryTest, ARecordThatLeadsNowhereGoes) {
  {
    const auto object = os::SharedObject::Create(name_, NameRecord::SizeFor());
    ASSERT_TRUE(object);
    const auto mapping = object->Map();
    ASSERT_TRUE(mapping);
    ASSERT_TRUE(NameRecord::Create(mapping->bytes()));
  }
  const Found found = FindOne();
  EXPECT_EQ(found.kind, Kind::kSegment);
  EXPECT_EQ(found.state, State::kOrphaned);
  ExpectGoes(found, Clear::kOrphans);
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

// 128 zero bytes: a record whose maker died at once, or what somebody has just
// made for himself. Only who knows may say.
TEST_F(DiscoveryTest, WhatNobodyHasWrittenToGoesOnlyIfItIsAskedFor) {
  ASSERT_TRUE(os::SharedObject::Create(name_, NameRecord::SizeFor()));
  const Found found = FindOne();
  EXPECT_EQ(found.fate, Fate::kIfUnused);
  ExpectStays(found, Clear::kOrphans);
  EXPECT_EQ(FindOne().fate, Fate::kIfUnused) << "it was not written to";
  ExpectGoes(found, Clear::kUnused);
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

TEST_F(DiscoveryTest, WhatLostItsRecordGoesOnceNobodyLivesInIt) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  Member member(name_);
  ASSERT_TRUE(std::filesystem::remove(RecordPath()));
  auto parts = FindOurs();
  ASSERT_THAT(parts, SizeIs(2));
  for (const Found& part : parts) {
    EXPECT_EQ(part.kind, Kind::kPart);
    EXPECT_EQ(part.state, State::kOrphaned);
    EXPECT_EQ(part.fate, Fate::kKeep) << part.name;
    ExpectStays(part, Clear::kUnused);
  }
  member.Kill();
  parts = FindOurs();
  ASSERT_THAT(parts, SizeIs(2));
  for (const Found& part : parts) {
    EXPECT_EQ(part.fate, Fate::kGo) << part.name;
    ExpectGoes(part, Clear::kOrphans);
  }
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

// The next generation is not touched when what an earlier one left goes.
TEST_F(DiscoveryTest, LeftoversGoFromBesideALiveSegment) {
  {
    const Holder killed(name_, Options());
    ASSERT_TRUE(std::filesystem::remove(RecordPath()));
  }
  const auto next = Segment::Create(name_, Options());
  ASSERT_TRUE(next);
  const Member member(name_);
  const auto found = FindOurs();
  ASSERT_THAT(found, SizeIs(3)) << "a segment and two parts";
  int removed = 0;
  for (const Found& one : found) {
    const auto cleared = ClearAway(one, Clear::kUnused);
    ASSERT_TRUE(cleared);
    EXPECT_EQ(*cleared, one.kind == Kind::kPart);
    removed += *cleared ? 1 : 0;
  }
  EXPECT_EQ(removed, 2);
  EXPECT_TRUE(next->Check());
  EXPECT_FALSE(next->IsRetired());
}

TEST_F(DiscoveryTest, WithoutItsDataASegmentGoesOnceNobodyLivesInIt) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  Member member(name_);
  ASSERT_TRUE(std::filesystem::remove(PathOf(".data")));
  EXPECT_EQ(FindOne().state, State::kOrphaned);
  EXPECT_EQ(FindOne().fate, Fate::kKeep);
  ExpectStays(FindOne(), Clear::kUnused);
  member.Kill();
  EXPECT_EQ(FindOne().fate, Fate::kGo);
  ExpectGoes(FindOne(), Clear::kOrphans);
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

TEST_F(DiscoveryTest, WhatADeadUnlinkerLeftGoes) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  OverwriteWord(".data", offsetof(SegmentHeader::Memory, state), 2);
  const Found found = FindOne();
  EXPECT_EQ(found.state, State::kRetired);
  ExpectGoes(found, Clear::kOrphans);
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

TEST_F(DiscoveryTest, ASpoiltSegmentIsKeptUnlessItIsAskedFor) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  for (const char* part : {".data", ".control"}) {
    OverwriteWord(part, offsetof(SegmentHeader::Memory, kind), 7);
  }
  const Found found = FindOne();
  EXPECT_EQ(found.state, State::kUnreadable);
  ASSERT_TRUE(found.error);
  EXPECT_EQ(found.error->code, ErrorCode::kCorrupt);
  ExpectStays(found, Clear::kOrphans);
  ExpectGoes(found, Clear::kUnused);
  EXPECT_THAT(FilesOf(name_), IsEmpty());
}

TEST_F(DiscoveryTest, ASpoiltSegmentWithSomebodyLivingInItStays) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const Member member(name_);
  OverwriteWord(".control", offsetof(SegmentHeader::Memory, kind), 7);
  EXPECT_EQ(FindOne().state, State::kUnreadable);
  ExpectStays(FindOne(), Clear::kUnused);
}

TEST_F(DiscoveryTest, AnotherReleasesRecordIsLeftAlone) {
  const auto segment = Segment::Create(name_, Options());
  ASSERT_TRUE(segment);
  const auto version = std::byte{200};
  Overwrite(std::string(name_.text()), 1, std::span(&version, 1));
  for (const Found& found : FindOurs()) {
    EXPECT_EQ(found.fate, Fate::kKeep) << found.name << ": " << found.why;
    ExpectStays(found, Clear::kUnused);
  }
}

TEST_F(DiscoveryTest, ForeignThingsAreShownAndLeftAlone) {
  const std::string path = RecordPath();
  using Plant = std::function<void()>;
  const std::vector<std::pair<const char*, Plant>> plants = {
      {"a fifo", [&] { ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0); }},
      {"a directory", [&] { std::filesystem::create_directory(path); }},
      {"a link", [&] { std::filesystem::create_symlink("/etc/passwd", path); }},
      {"a link that leads nowhere",
       [&] { std::filesystem::create_symlink("/nowhere/at/all", path); }},
      {"nothing in it", [&] { std::ofstream file(path); }},
      {"one byte", [&] { std::ofstream(path) << "x"; }},
      {"127 zeros", [&] { std::ofstream(path) << std::string(127, '\0'); }},
      {"129 zeros", [&] { std::ofstream(path) << std::string(129, '\0'); }},
      {"text", [&] { std::ofstream(path) << std::string(5000, 'x'); }},
      {"a Seqlock of one's own",
       [&] {
         const auto object = os::SharedObject::Create(name_, 512);
         ASSERT_TRUE(object);
         const auto mapping = object->Map();
         ASSERT_TRUE(mapping);
         ASSERT_TRUE(Seqlock<std::uint64_t>::Create(mapping->bytes()));
       }},
      {"a huge hole",
       [&] {
         std::ofstream file(path);
         std::filesystem::resize_file(path, std::uintmax_t{1} << 40);
       }},
  };
  for (const auto& [what, plant] : plants) {
    plant();
    const Found found = FindOne();
    EXPECT_EQ(found.kind, Kind::kOther) << what;
    EXPECT_EQ(found.fate, Fate::kKeep) << what;
    ExpectStays(found, Clear::kUnused);
    std::filesystem::remove(path);
  }
}

TEST_F(DiscoveryTest, NamesThatNoNameCanHaveAreShown) {
  const std::string stem(name_.text());
  const std::vector<std::string> names = {stem + "\n\x1b[31m",
                                          stem + " \xff\xfe",
                                          stem + std::string(180, 'y'),
                                          "." + stem,
                                          stem + ".zzzzzzzz.00000001.data",
                                          stem + ".00000001.00000000.data",
                                          stem + ".00000001.0000000G.control"};
  for (const std::string& name : names) {
    std::ofstream("/dev/shm/placid." + name) << "x";
  }
  const auto found = FindOurs();
  EXPECT_THAT(found, SizeIs(names.size()));
  for (const Found& one : found) {
    EXPECT_THAT(names, Contains(one.name));
    EXPECT_EQ(one.kind, Kind::kOther);
    ExpectStays(one, Clear::kUnused);
  }
}

// What a creator could not name yet, where it could not do without a name: it
// may live.
TEST_F(DiscoveryTest, WhatHasNoNameYetIsShownAndLeftAlone) {
  const std::string path =
      "/dev/shm/.placid." + std::string(name_.text()) + ".0123456789abcdef";
  std::ofstream(path) << std::string(4096, '\0');
  const Found found = FindOne();
  EXPECT_EQ(found.kind, Kind::kOther);
  ExpectStays(found, Clear::kUnused);
  std::filesystem::remove(path);
}

// At whatever system call a creator dies: nothing is left once it was asked
// for, and a second time there is nothing to do.
TEST_F(DiscoveryTest, NothingIsLeftOfACreatorKilledAnywhere) {
  int stop = 1;
  while (KilledAtStop(stop, [&] { (void)Segment::Create(name_, Options()); })) {
    for (const Found& found : FindOurs()) {
      const auto cleared = ClearAway(found, Clear::kUnused);
      ASSERT_TRUE(cleared) << cleared.error().Message().c_str();
      EXPECT_TRUE(*cleared) << "stop " << stop << ": " << found.why;
    }
    ASSERT_THAT(FilesOf(name_), IsEmpty()) << "stop " << stop;
    ++stop;
  }
  EXPECT_GT(stop, 30) << "it was killed too seldom to tell";
  EXPECT_THAT(FilesOf(name_), IsEmpty()) << "it closed it";
}

// The one who clears away may die at it, too.
TEST_F(DiscoveryTest, AKilledClearingIsEndedByTheNext) {
  int stop = 1;
  for (bool was_killed = true; was_killed; ++stop) {
    ASSERT_TRUE(Segment::Create(name_, LastingOptions()));
    was_killed = KilledAtStop(
        stop, [&] { (void)ClearAway(*LookUp(name_), Clear::kUnused); });
    for (const Found& found : FindOurs()) {
      ASSERT_TRUE(ClearAway(found, Clear::kUnused));
    }
    ASSERT_THAT(FilesOf(name_), IsEmpty()) << "stop " << stop;
  }
  EXPECT_GT(stop, 60) << "it was killed too seldom to tell";
}

// Any bytes in any of the objects: no crash, nothing outside of them, and what
// somebody living has joined stays.
TEST_F(DiscoveryTest, RandomBytesAreSurvived) {
  const std::uint64_t seed = placid::testing::DrawSeed();
  std::mt19937_64 random(seed);
  for (int round = 0; round < 100; ++round) {
    {
      const auto segment = Segment::OpenOrCreate(name_, LastingOptions());
      if (!segment) {
        for (const std::string& path : FilesOf(name_)) {
          std::filesystem::remove(path);
        }
        continue;
      }
    }
    const std::array suffixes = {std::string(name_.text()),
                                 std::string(".data"), std::string(".control")};
    for (int i = 0; i < 4; ++i) {
      const std::string& suffix = suffixes[random() % suffixes.size()];
      std::array<std::byte, 16> bytes{};
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
      const std::size_t count = 1 + random() % bytes.size();
      const std::uint64_t limit = random() % 2 == 0 ? 0x30 : 0x2a0;
      if (PathOf(suffix).empty()) continue;
      Overwrite(suffix, static_cast<long>(random() % limit),
                std::span(bytes).first(count));
      if (random() % 8 == 0) {
        std::filesystem::resize_file(PathOf(suffix), random() % 700);
      }
    }
    for (const Found& found : FindOurs()) {
      (void)ClearAway(found, Clear::kOrphans);
      (void)ClearAway(found, Clear::kUnused);
    }
    if (const auto name = os::Name::Parse(name_.text())) (void)LookUp(*name);
  }
}

TEST_F(DiscoveryTest, AnUnknownNameIsNotFound) {
  const auto found = LookUp(name_);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(found.error().subject.view(), name_.text());
}

TEST_F(DiscoveryTest, AViewShowsBothObjectsAndWhoTakesPart) {
  CreateSegmentOptions options = Options();
  options.fingerprint = 4711;
  const auto segment = Segment::Create(name_, options);
  ASSERT_TRUE(segment);
  const Member member(name_);
  const auto view = SegmentView::Open(name_);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->id(), segment->id());
  EXPECT_FALSE(view->IsBeingChanged());
  EXPECT_EQ(view->data().state, PartView::State::kReady);
  EXPECT_EQ(view->data().stated_size, 100'000u);
  EXPECT_EQ(view->data().fingerprint, 4711u);
  EXPECT_EQ(view->data().lifetime, Lifetime::kWhileOpen);
  EXPECT_EQ(view->IsOpen(), os::Liveness::kAlive);
  EXPECT_EQ(view->data().bytes().size(), 100'000u);
  ASSERT_TRUE(view->participants());
  const std::uint64_t row = member.id().index();
  EXPECT_TRUE(view->participants()->Look(row).is_owned());
  EXPECT_EQ(view->LifeOf(row), os::Liveness::kAlive);
  EXPECT_TRUE(view->MayBeJoined());
}

}  // namespace
}  // namespace placid
