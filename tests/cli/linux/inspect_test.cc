// SPDX-License-Identifier: Apache-2.0
//
// What `placid inspect` shows of segments and streams in whatever state they
// are: those that their users left whole, and those that somebody spoilt.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <utility>

#include "cli/housekeeping.h"
#include "cli/outcome.h"
#include "cli/report.h"
#include "cli/stream.h"
#include "cli/stream_header.h"
#include "placid/base/atomic.h"
#include "placid/base/result.h"
#include "placid/os/mapping.h"
#include "placid/os/name.h"
#include "placid/os/process.h"
#include "placid/primitives/seqlock.h"
#include "placid/segment/name_record.h"
#include "placid/segment/participants.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_header.h"
#include "tests/segment/linux/segment_files.h"
#include "tests/segment/posix/member.h"
#include "tests/support/scratch.h"

namespace placid::cli {
namespace {

using placid::testing::Member;
using placid::testing::SegmentFiles;
using ::testing::HasSubstr;

constexpr std::uint32_t kNoKind = 7;  // of a segment's object

class InspectTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kRows = 4;

  // With a Seqlock at the beginning of its bytes.
  [[nodiscard]] Segment Create() const {
    CreateSegmentOptions options;
    options.size_bytes = 10'000;
    options.lifetime = Lifetime::kUntilUnlinked;
    options.participants = kRows;
    options.fingerprint = 4711;
    options.place = [](std::span<std::byte> bytes) -> Result<void> {
      const auto seqlock = Seqlock<std::uint64_t>::Create(bytes);
      return seqlock ? Ok() : Result<void>(seqlock.error());
    };
    return *Segment::Create(name_, options);
  }

  // What it prints about our name; it must end well.
  [[nodiscard]] std::string Print(bool is_json) const {
    ::testing::internal::CaptureStdout();
    const Outcome outcome =
        RunInspect({.is_json = is_json, .names = {std::string(name_.text())}});
    EXPECT_TRUE(outcome.is_ok()) << outcome.message;
    return ::testing::internal::GetCapturedStdout();
  }
  [[nodiscard]] Json Inspect() const { return Json::parse(Print(true)); }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  SegmentFiles files_{name_};
};

// ---- Segments ---------------------------------------------------------------

TEST_F(InspectTest, ASegmentIsShownWithItsObjectsAndWhoTakesPart) {
  const Segment segment = Create();
  const Member member(name_);
  const Json json = Inspect();
  EXPECT_EQ(json["kind"], "segment");
  EXPECT_EQ(json["state"], "ready");
  EXPECT_EQ(json["generation"], segment.id().generation());
  EXPECT_EQ(json["nonce"], segment.id().nonce());
  EXPECT_EQ(json["being_changed"], false);
  EXPECT_EQ(json["data"]["state"], "ready");
  EXPECT_EQ(json["data"]["size_bytes"], 10'000);
  EXPECT_EQ(json["data"]["fingerprint"], 4711);
  EXPECT_EQ(json["control"]["state"], "ready");
  EXPECT_EQ(json["control"]["size_bytes"], Participants::SizeFor(kRows));
  EXPECT_EQ(json["rows"], kRows);
  ASSERT_EQ(json["participants"].size(), 1u) << "free rows are not shown";
  const Json& row = json["participants"][0];
  EXPECT_EQ(row["row"], member.id().index());
  EXPECT_EQ(row["generation"], member.id().generation());
  EXPECT_EQ(row["state"], "joined");
  EXPECT_EQ(row["pid"], member.pid());
  EXPECT_EQ(row["life"], "alive");
  ASSERT_EQ(json["objects"].size(), 1u);
  EXPECT_EQ(json["objects"][0]["type"], "Seqlock");
  EXPECT_TRUE(json.contains("note")) << "not all that lies there is shown";
}

TEST_F(InspectTest, PeopleSeeTheSameAsATree) {
  const Segment segment = Create();
  const Member member(name_);
  const std::string text = Print(/*is_json=*/false);
  EXPECT_THAT(text, HasSubstr("participants\n  ROW  GENERATION  STATE"));
  EXPECT_THAT(text, HasSubstr("joined"));
  EXPECT_THAT(text, HasSubstr("Seqlock"));
  EXPECT_THAT(text, HasSubstr(std::to_string(member.pid())));
}

TEST_F(InspectTest, WhoDiedIsShownUntilItIsRecovered) {
  const Segment segment = Create();
  const Member member(name_);
  member.Stop();
  EXPECT_EQ(Inspect()["participants"][0]["life"], "alive") << "only stopped";
  member.Kill();
  const Json row = Inspect()["participants"][0];
  EXPECT_EQ(row["life"], "dead");
  EXPECT_EQ(row["pid"], member.pid()) << "whose dump to look for";
}

// By the words alone: whoever wrote them may have died, or lied.
TEST_F(InspectTest, EachStateOfARowIsTold) {
  const Segment segment = Create();
  const Member member(name_);
  const std::uint64_t index = member.id().index();
  const auto mapping = *segment.control().Map();
  auto& word = reinterpret_cast<Participants::Row*>(
                   mapping.data() + SegmentHeader::SizeFor(0) +
                   Participants::kRowsOffset)[index - 1]
                   .state;
  const RowState joined(word.load(kRelaxed));
  const auto shown = [&](RowState state) {
    word.store(state.word(), kRelaxed);
    return Inspect()["participants"][0];
  };

  Json row = shown(joined.Owned());
  EXPECT_EQ(row["state"], "joining or leaving");
  EXPECT_TRUE(row["pid"].is_null()) << "its identity is not to be read";
  EXPECT_EQ(row["life"], "alive");

  row = shown(joined.RecoveredBy(3));
  EXPECT_EQ(row["state"], "dead, recovered by 3");
  EXPECT_EQ(row["life"], "dead");

  row = shown(RowState(std::uint64_t{5000} << 48 | 1));
  EXPECT_EQ(row["state"], "cannot be");
  EXPECT_TRUE(row["pid"].is_null());

  word.store(joined.Free().word(), kRelaxed);
  EXPECT_TRUE(Inspect()["participants"].empty());
  word.store(joined.word(), kRelaxed);
}

TEST_F(InspectTest, ASegmentWithoutOneOfItsObjectsSaysWhichIsMissing) {
  {
    const Segment segment = Create();
    ASSERT_TRUE(std::filesystem::remove(files_.Data()));
  }
  Json json = Inspect();
  EXPECT_EQ(json["state"], "orphaned");
  EXPECT_EQ(json["data"], Json({{"state", "missing"}}));
  EXPECT_EQ(json["control"]["state"], "ready");
  EXPECT_EQ(json["rows"], kRows) << "who takes part is known still";
  EXPECT_FALSE(json.contains("objects"));

  ASSERT_TRUE(std::filesystem::remove(files_.Control()));
  json = Inspect();
  EXPECT_EQ(json["control"], Json({{"state", "missing"}}));
  EXPECT_FALSE(json.contains("participants"));
}

TEST_F(InspectTest, AnUnfinishedOrRetiredObjectIsToldFromAWholeOne) {
  const Segment segment = Create();
  constexpr std::size_t kState = offsetof(SegmentHeader::Memory, state);
  constexpr std::uint32_t kBeingMade = 0;
  constexpr std::uint32_t kRetired = 2;
  files_.Write(files_.Data(), kState, kBeingMade);
  Json json = Inspect();
  EXPECT_EQ(json["data"]["state"], "being made");
  EXPECT_EQ(json["data"]["size_bytes"], 10'000);
  EXPECT_EQ(json["objects"].size(), 1u) << "what lies there already";
  files_.Write(files_.Data(), kState, kRetired);
  EXPECT_EQ(Inspect()["data"]["state"], "retired");
}

TEST_F(InspectTest, ASpoiltObjectIsNotTakenAtItsWord) {
  const Segment segment = Create();
  files_.Write(files_.Data(), offsetof(SegmentHeader::Memory, kind), kNoKind);
  const Json json = Inspect();
  EXPECT_EQ(json["state"], "unreadable");
  const Json& data = json["data"];
  EXPECT_EQ(data["state"], "unreadable");
  EXPECT_THAT(data["error"].get<std::string>(), HasSubstr("corrupt"));
  EXPECT_TRUE(data.contains("object_bytes")) << "that is the system's word";
  EXPECT_FALSE(data.contains("size_bytes"));
  EXPECT_FALSE(json.contains("objects")) << "nobody knows what lies there";
}

TEST_F(InspectTest, ATableOfParticipantsThatCannotBeIsNotRead) {
  const Segment segment = Create();
  files_.Write(
      files_.Control(),
      SegmentHeader::SizeFor(0) + offsetof(Participants::Memory, count),
      std::uint64_t{0xFFFF});
  const Json json = Inspect();
  EXPECT_EQ(json["control"]["state"], "unreadable");
  EXPECT_FALSE(json.contains("participants"));
  EXPECT_EQ(json["data"]["state"], "ready");
}

TEST_F(InspectTest, ARecordThatLeadsNowhereShowsNoObjects) {
  {
    const Segment segment = Create();
    ASSERT_TRUE(std::filesystem::remove(files_.Data()));
    ASSERT_TRUE(std::filesystem::remove(files_.Control()));
    constexpr std::size_t kCurrent = offsetof(NameRecord::Memory, current);
    files_.Write(files_.Record(), kCurrent, std::uint64_t{0});
  }
  const Json json = Inspect();
  EXPECT_EQ(json["kind"], "segment");
  EXPECT_EQ(json["nonce"], 0);
  EXPECT_EQ(json["data"]["state"], "missing");
}

// An object that lost its record is shown by its own name, without more.
TEST_F(InspectTest, AnObjectWithoutARecordIsShownByItsOwnName) {
  { const Segment segment = Create(); }
  ASSERT_TRUE(std::filesystem::remove(files_.Record()));
  for (const auto& [path, kind] :
       {std::pair(files_.Data(), "data object"),
        std::pair(files_.Control(), "control object")}) {
    const std::string name = files_.NameOf(path);
    ::testing::internal::CaptureStdout();
    const Outcome outcome = RunInspect({.is_json = true, .names = {name}});
    const Json json = Json::parse(::testing::internal::GetCapturedStdout());
    EXPECT_TRUE(outcome.is_ok()) << outcome.message;
    EXPECT_EQ(json["kind"], kind);
    EXPECT_EQ(json["state"], "orphaned");
    EXPECT_EQ(json["clean"], "goes");
  }
}

TEST_F(InspectTest, WhatIsNoSegmentIsNotDescribedAsOne) {
  std::ofstream(files_.Record()) << "foreign";
  const Json json = Inspect();
  EXPECT_EQ(json["kind"], "foreign");
  EXPECT_EQ(json["size_bytes"], 7);
  EXPECT_FALSE(json.contains("data"));
  EXPECT_FALSE(json.contains("ring"));
}

// A segment's record of another release says no more than that.
TEST_F(InspectTest, AnotherReleasesSegmentIsNamedAndLeftAlone) {
  const Segment segment = Create();
  constexpr std::uint32_t kStampOfVersion200 = 0x0011'C8C1;  // base/stamp.h
  files_.Write(files_.Record(), 0, kStampOfVersion200);
  const Json json = Inspect();
  EXPECT_EQ(json["kind"], "segment");
  EXPECT_EQ(json["state"], "unreadable");
  EXPECT_EQ(json["clean"], "stays");
  EXPECT_THAT(json["error"].get<std::string>(), HasSubstr("version"));
  EXPECT_FALSE(json.contains("data"));
}

// ---- Streams ----------------------------------------------------------------

TEST_F(InspectTest, EachSideOfAStreamSaysHowItEnded) {
  auto receiver =
      Stream::Join(name_, Side::kReceiver, StreamHeader::kLeastCapacity);
  ASSERT_TRUE(receiver);
  EXPECT_EQ(Inspect()["sender"],
            Json({{"state", "has not come"}, {"life", "not there"}}));
  for (const auto& [state, text] :
       {std::pair(StreamState::kJoined, "at work"),
        std::pair(StreamState::kComplete, "complete"),
        std::pair(StreamState::kInterrupted, "was interrupted"),
        std::pair(StreamState::kFailed, "failed to read or write"),
        std::pair(StreamState::kDamaged, "found the bytes damaged"),
        std::pair(StreamState::kPeerLost, "found the other side dead")}) {
    receiver->header().SetState(Side::kSender, state);
    receiver->header().SetState(Side::kReceiver, state);
    const Json json = Inspect();
    EXPECT_EQ(json["kind"], "stream");
    EXPECT_EQ(json["receiver"]["state"], text);
    EXPECT_EQ(json["receiver"]["life"], "alive");
    EXPECT_EQ(json["receiver"]["pid"], os::ThisProcess()->pid);
    EXPECT_EQ(json["sender"]["state"], text);
    EXPECT_EQ(json["sender"]["life"], "dead") << "its lock is free";
  }
  receiver->Leave(StreamState::kComplete);
}

TEST_F(InspectTest, AResumableStreamSaysHowMuchIsRecorded) {
  auto sender =
      Stream::Join(name_, Side::kSender, StreamHeader::kLeastCapacity,
                   StreamHeader::kUnknownBytes, {.is_wanted = true, .of = {}});
  ASSERT_TRUE(sender) << sender.outcome().message;
  sender->header().SetRecordedBytes(12'345);
  const Json json = Inspect();
  EXPECT_EQ(json["resumable"], true);
  EXPECT_EQ(json["recorded_bytes"], 12'345);
  EXPECT_EQ(json["ring"]["capacity_bytes"], StreamHeader::kLeastCapacity);
  EXPECT_EQ(json["ring"]["held_bytes"], 0);
  sender->Leave(StreamState::kComplete);
}

// ---- Names ------------------------------------------------------------------

TEST_F(InspectTest, AMistakenNameIsExplained) {
  const Outcome no_name = RunInspect({.names = {"a/b\n"}});
  EXPECT_EQ(no_name.code, ExitCode::kUsage);
  EXPECT_THAT(no_name.message, HasSubstr("'a/b\\x0a'"));
  const Outcome absent = RunInspect({.names = {std::string(name_.text())}});
  EXPECT_EQ(absent.code, ExitCode::kInputOutput);
  EXPECT_THAT(absent.message, HasSubstr("`placid ls`"));
}

}  // namespace
}  // namespace placid::cli
