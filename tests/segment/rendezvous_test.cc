// SPDX-License-Identifier: Apache-2.0
//
// Segments without names: served by a thread here, or by another process.
#include "placid/segment/rendezvous.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/os/handover.h"
#include "placid/os/name.h"
#include "placid/primitives/dead_owner.h"
#include "placid/segment/directory.h"
#include "placid/segment/liveness.h"
#include "placid/segment/membership.h"
#include "placid/segment/lifetime.h"
#include "placid/segment/monitor.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_reader.h"
#include "tests/segment/fails_with.h"
#include "tests/segment/peer.h"
#include "tests/segment/serving.h"
#include "tests/support/peer.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::AtOnce;
using placid::testing::FailsWith;
using placid::testing::kFirstToken;
using placid::testing::kLastToken;
using placid::testing::kLongMs;
using placid::testing::kSegmentBytes;
using placid::testing::LoadWord;
using placid::testing::OptionsFor;
using placid::testing::Peer;
using placid::testing::Serving;
using placid::testing::StoreWord;
using placid::testing::Words;

static_assert(!std::is_copy_constructible_v<Rendezvous>);
static_assert(std::is_nothrow_move_constructible_v<Rendezvous>);

constexpr OpenSegmentOptions kPatient{.patience_ms = kLongMs};

class RendezvousTest : public ::testing::Test {
 protected:
  // Not served yet.
  void Create(CreateSegmentOptions options = OptionsFor(8)) {
    auto created = Rendezvous::Create(name_, options);
    ASSERT_TRUE(created) << created.error().Message().c_str();
    segment_ = *std::move(created);
  }
  void Serve() {
    auto rendezvous = Rendezvous::Serve(segment_);
    ASSERT_TRUE(rendezvous) << rendezvous.error().Message().c_str();
    serving_.emplace(*std::move(rendezvous), segment_);
  }
  void CreateAndServe() {
    Create();
    Serve();
  }
  // A step about our name, of a rendezvous.
  [[nodiscard]] std::string Step(std::string_view verb,
                                 std::string_view rest = {}) const {
    return "served " + std::string(verb) + ' ' + std::string(name_.text()) +
           ' ' + std::string(rest);
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  Segment segment_;
  std::optional<Serving> serving_;  // of segment_
};

// ---- Segments ---------------------------------------------------------------

TEST_F(RendezvousTest, WhatIsServedIsOpenedWithTheSameBytes) {
  CreateSegmentOptions options = OptionsFor(3);
  options.place = [](std::span<std::byte> bytes) -> Result<void> {
    StoreWord(bytes, kLastToken, 17);
    return Ok();
  };
  Create(options);
  EXPECT_TRUE(segment_.was_created());
  EXPECT_FALSE(segment_.has_name());
  EXPECT_TRUE(segment_.data().is_sealed());
  EXPECT_TRUE(segment_.control().is_sealed());
  EXPECT_TRUE(segment_.Check());
  Serve();
  const auto opened = Rendezvous::Open(name_, kPatient);
  ASSERT_TRUE(opened) << opened.error().Message().c_str();
  EXPECT_FALSE(opened->was_created());
  EXPECT_FALSE(opened->has_name());
  EXPECT_EQ(opened->id(), segment_.id());
  EXPECT_EQ(opened->name(), name_);
  EXPECT_EQ(opened->participants().count(), 3u);
  ASSERT_EQ(opened->bytes().size(), kSegmentBytes);
  EXPECT_EQ(LoadWord(opened->bytes(), kLastToken), 17u);
  StoreWord(opened->bytes(), 7, 18);
  EXPECT_EQ(LoadWord(segment_.bytes(), 7), 18u);
  EXPECT_TRUE(opened->Check());
}

TEST_F(RendezvousTest, WhatIsNotServedIsNotFound) {
  Create();
  for (const bool was_served : {false, true}) {
    EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "Rendezvous::Open", name_,
                          Rendezvous::Open(name_, kPatient)));
    EXPECT_TRUE(FailsWith(ErrorCode::kNotFound, "Rendezvous::OpenReader", name_,
                          Rendezvous::OpenReader(name_, kPatient)));
    if (was_served) break;
    Serve();
    EXPECT_TRUE(Rendezvous::Open(name_, kPatient));
    serving_.reset();
  }
}

// The names of the system's are others: neither finds the other's segments.
TEST_F(RendezvousTest, ANamedSegmentIsAnother) {
  CreateAndServe();
  EXPECT_EQ(Segment::Open(name_).error().code, ErrorCode::kNotFound);
  const auto named = Segment::Create(name_, OptionsFor(1));
  ASSERT_TRUE(named);
  EXPECT_TRUE(named->has_name());
  EXPECT_EQ(Rendezvous::Open(name_, kPatient)->id(), segment_.id());
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Rendezvous::Serve", name_,
                        Rendezvous::Serve(*named)));
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Rendezvous::Retire",
                        name_, Rendezvous::Retire(*named)));
  EXPECT_TRUE(Segment::Unlink(name_));
  EXPECT_TRUE(segment_.Check());
  EXPECT_EQ(Rendezvous::Serve(Segment()).error().code,
            ErrorCode::kInvalidArgument);
}

TEST_F(RendezvousTest, AReaderHasTheDataAndMayOnlyRead) {
  CreateAndServe();
  StoreWord(segment_.bytes(), 3, 4);
  const auto reader = Rendezvous::OpenReader(name_, kPatient);
  ASSERT_TRUE(reader) << reader.error().Message().c_str();
  EXPECT_EQ(reader->id(), segment_.id());
  EXPECT_EQ(reader->name(), name_);
  EXPECT_EQ(LoadWord(reader->bytes(), 3), 4u);
  EXPECT_TRUE(reader->Check());
  // What it is handed could not write if it wanted to.
  const auto handed = os::TakeOffered(
      *os::Name::Parse(std::string(name_.text()) + ".rendezvous"), 1, kLongMs);
  ASSERT_TRUE(handed) << handed.error().Message().c_str();
  const auto writable = handed->front().Map();
  ASSERT_FALSE(writable);
  EXPECT_EQ(writable.error().code, ErrorCode::kPermissionDenied);
  EXPECT_FALSE(reader->IsRetired());
  EXPECT_TRUE(Rendezvous::Retire(segment_));
  EXPECT_TRUE(reader->IsRetired());
  EXPECT_TRUE(FailsWith(ErrorCode::kUnlinked, "SegmentReader::Check", name_,
                        reader->Check()));
}

TEST_F(RendezvousTest, ARetiredSegmentIsServedNoMore) {
  Create();
  auto rendezvous = *Rendezvous::Serve(segment_);
  Segment opened;
  std::thread opener([&] { opened = *Rendezvous::Open(name_, kPatient); });
  while (*rendezvous.Wait(segment_, kLongMs) == 0) {
  }
  opener.join();
  EXPECT_TRUE(Rendezvous::Retire(opened));
  for (const Segment* segment : {&segment_, &opened}) {
    EXPECT_TRUE(segment->IsRetired());
    EXPECT_TRUE(FailsWith(ErrorCode::kUnlinked, "Segment::Check", name_,
                          segment->Check()));
    EXPECT_TRUE(FailsWith(ErrorCode::kUnlinked, "Rendezvous::Serve", name_,
                          Rendezvous::Serve(*segment)));
  }
  // It learns of it when it looks, and gives the name up.
  EXPECT_TRUE(rendezvous.is_serving());
  EXPECT_TRUE(FailsWith(ErrorCode::kUnlinked, "Rendezvous::Wait", name_,
                        rendezvous.Poll(segment_)));
  EXPECT_FALSE(rendezvous.is_serving());
  EXPECT_EQ(Rendezvous::Open(name_).error().code, ErrorCode::kNotFound);
  const auto next = Rendezvous::OpenOrCreate(name_, OptionsFor(1), rendezvous);
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->was_created());
  EXPECT_TRUE(rendezvous.is_serving());
  EXPECT_NE(next->id(), segment_.id());
  // The attached go on with theirs.
  StoreWord(opened.bytes(), 1, 5);
  EXPECT_EQ(LoadWord(segment_.bytes(), 1), 5u);
}

TEST_F(RendezvousTest, OneServesAtATimeAndAnybodyMayBeNext) {
  CreateAndServe();
  const auto opened = Rendezvous::Open(name_, kPatient);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(FailsWith(ErrorCode::kAlreadyExists, "Rendezvous::Serve", name_,
                        Rendezvous::Serve(*opened)));
  serving_.reset();
  segment_ = Segment();  // not even the creator need stay
  auto rendezvous = Rendezvous::Serve(*opened);
  ASSERT_TRUE(rendezvous) << rendezvous.error().Message().c_str();
  const Serving serving(*std::move(rendezvous), *opened);
  EXPECT_EQ(Rendezvous::Open(name_, kPatient)->id(), opened->id());
}

TEST_F(RendezvousTest, OfAllWhoAskAtOnceOneCreates) {
  constexpr std::size_t kThreads = 6;
  struct Party {
    std::optional<Segment> segment;
    std::optional<Serving> serving;
  };
  std::array<Party, kThreads> parties;
  std::atomic<int> placings = 0;
  CreateSegmentOptions options = OptionsFor(8);
  options.place = [&](std::span<std::byte>) -> Result<void> {
    ++placings;
    return Ok();
  };
  std::vector<std::thread> threads;
  for (Party& party : parties) {
    threads.emplace_back([&] {
      Rendezvous rendezvous;
      auto segment = Rendezvous::OpenOrCreate(name_, options, rendezvous);
      ASSERT_TRUE(segment) << segment.error().Message().c_str();
      party.segment = *std::move(segment);
      EXPECT_EQ(rendezvous.is_serving(), party.segment->was_created());
      if (!rendezvous.is_serving()) return;
      party.serving.emplace(std::move(rendezvous), *party.segment);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(placings, 1);
  for (const Party& party : parties) {
    EXPECT_EQ(party.segment->id(), parties[0].segment->id());
  }
}

// Or who comes second would take the space of a whole segment in vain.
TEST_F(RendezvousTest, TheNameIsTakenBeforeTheSegmentIsMade) {
  Create();
  CreateSegmentOptions options = OptionsFor(1);
  bool was_placed = false;
  options.place = [&](std::span<std::byte>) -> Result<void> {
    was_placed = true;
    EXPECT_TRUE(FailsWith(ErrorCode::kAlreadyExists, "Rendezvous::Serve", name_,
                          Rendezvous::Serve(segment_)));
    return Ok();
  };
  Rendezvous rendezvous;
  EXPECT_TRUE(Rendezvous::OpenOrCreate(name_, options, rendezvous));
  EXPECT_TRUE(was_placed);
}

TEST_F(RendezvousTest, WhatDoesNotFitIsRefusedByName) {
  CreateSegmentOptions options = OptionsFor(1);
  options.fingerprint = 0xABC;
  Create(options);
  Serve();
  OpenSegmentOptions other = kPatient;
  other.fingerprint = 0xABC;
  EXPECT_TRUE(Rendezvous::Open(name_, other));
  EXPECT_TRUE(Rendezvous::OpenReader(name_, other));
  other.fingerprint = 0xDEF;
  EXPECT_TRUE(FailsWith(ErrorCode::kWrongElement, "Rendezvous::Open", name_,
                        Rendezvous::Open(name_, other)));
  EXPECT_TRUE(FailsWith(ErrorCode::kWrongElement, "Rendezvous::OpenReader",
                        name_, Rendezvous::OpenReader(name_, other)));
  options.size_bytes += 1;
  Rendezvous rendezvous;
  EXPECT_TRUE(FailsWith(ErrorCode::kTooSmall, "Rendezvous::OpenOrCreate", name_,
                        Rendezvous::OpenOrCreate(name_, options, rendezvous)));
  EXPECT_FALSE(rendezvous.is_serving());
}

TEST_F(RendezvousTest, BadArgumentsAreNamed) {
  CreateSegmentOptions options = OptionsFor(0);
  const auto refused = Rendezvous::Create(name_, options);
  ASSERT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Rendezvous::Create",
                        name_, refused));
  EXPECT_STREQ(refused.error().field, "participants");
  const auto raw = *os::Name::Raw("/raw");
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Rendezvous::Open", raw,
                        Rendezvous::Open(raw)));
  std::string text(name_.text());
  text.resize(Segment::kMostNameBytes, 'n');
  Rendezvous rendezvous;
  EXPECT_TRUE(Rendezvous::OpenOrCreate(*os::Name::Parse(text), OptionsFor(1),
                                       rendezvous));
  EXPECT_TRUE(FailsWith(
      ErrorCode::kInvalidArgument, "Rendezvous::OpenReader",
      *os::Name::Parse(text + 'n'),
      Rendezvous::OpenReader(*os::Name::Parse(text + 'n'), kPatient)));
  Create();
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Rendezvous::Wait", name_,
                        Rendezvous().Poll(segment_)));
  EXPECT_TRUE(FailsWith(ErrorCode::kInvalidArgument, "Rendezvous::Wait", name_,
                        rendezvous.Poll(segment_)))
      << "it serves another one";
}

// It goes with the last that has it open: there is nothing that could stay.
TEST_F(RendezvousTest, NoneIsThereUntilItIsUnlinked) {
  CreateSegmentOptions options = OptionsFor(8);
  options.lifetime = Lifetime::kUntilUnlinked;
  EXPECT_EQ(Rendezvous::Create(name_, options).error().code,
            ErrorCode::kUnsupported);
}

TEST_F(RendezvousTest, AFailedPlacingLeavesNothing) {
  CreateSegmentOptions options = OptionsFor(1);
  options.place = [](std::span<std::byte>) -> Result<void> {
    return Error{
        .code = ErrorCode::kNoSpace, .operation = "place", .advice = "none"};
  };
  Rendezvous rendezvous;
  EXPECT_TRUE(FailsWith(ErrorCode::kNoSpace, "Rendezvous::OpenOrCreate", name_,
                        Rendezvous::OpenOrCreate(name_, options, rendezvous)));
  EXPECT_EQ(Rendezvous::Open(name_).error().code, ErrorCode::kNotFound);
  CreateAndServe();
}

#ifdef __cpp_lib_jthread
TEST_F(RendezvousTest, ItRunsUntilItIsToldToStopOrRetired) {
  Create();
  auto rendezvous = *Rendezvous::Serve(segment_);
  std::stop_source stop;
  Result<void> end = Error{};
  std::thread thread([&] { end = rendezvous.Run(segment_, stop.get_token()); });
  EXPECT_TRUE(Rendezvous::Open(name_, kPatient));
  stop.request_stop();
  thread.join();
  EXPECT_TRUE(end);
  EXPECT_TRUE(rendezvous.is_serving());
  thread = std::thread([&] { end = rendezvous.Run(segment_, StopToken()); });
  EXPECT_TRUE(Rendezvous::Retire(segment_));
  thread.join();
  EXPECT_TRUE(FailsWith(ErrorCode::kUnlinked, "Rendezvous::Wait", name_, end));
}
#endif

// ---- Two processes ----------------------------------------------------------

TEST_F(RendezvousTest, WhoServesMayBeKilledAndIsReplacedByWhoHasItOpen) {
  const auto creator = Peer::Spawn();
  const auto heir = Peer::Spawn();
  const std::string created = creator->Do(Step("create", "17"));
  const std::string id = created.substr(created.find(' ') + 1);
  ASSERT_EQ(creator->Do("serve"), "serving");
  ASSERT_EQ(heir->Do(Step("open")), "opened " + id);
  EXPECT_EQ(heir->Do(Words("read", kLastToken)), "17");
  EXPECT_EQ(heir->Do("serve"), "already exists");
  creator->Kill();
  EXPECT_EQ(heir->Do("check"), "whole") << "to create is not to own";
  EXPECT_EQ(Rendezvous::Open(name_).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(heir->Do("serve"), "serving");
  const auto opened = Rendezvous::Open(name_, kPatient);
  ASSERT_TRUE(opened) << opened.error().Message().c_str();
  EXPECT_EQ("opened " + id, Words("opened", opened->id().word()));
  EXPECT_EQ(LoadWord(opened->bytes(), kFirstToken), 17u);
  StoreWord(opened->bytes(), 7, 18);
  EXPECT_EQ(heir->Do("read 7"), "18");
  const auto reader = Peer::Spawn();
  EXPECT_EQ(reader->Do(Step("reader open")), "opened " + id);
  EXPECT_EQ(reader->Do("reader read 7"), "18");
  EXPECT_EQ(reader->Do("reader check"), "whole");
}

TEST_F(RendezvousTest, OfManyProcessesOneCreatesAndOneServesOn) {
  constexpr std::size_t kPeers = 5;
  std::vector<std::unique_ptr<Peer>> peers(kPeers);
  for (auto& peer : peers) peer = Peer::Spawn();
  for (std::size_t i = 0; i < kPeers; ++i) {
    peers[i]->Begin(AtOnce(Step("open_or_create", std::to_string(i + 1))));
  }
  std::string id;
  std::size_t creators = 0;
  std::size_t creator = 0;
  std::vector<std::string> answers;
  for (const auto& peer : peers) answers.push_back(peer->Answer());
  for (std::size_t i = 0; i < kPeers; ++i) {
    if (!answers[i].starts_with("created ")) continue;
    ++creators;
    creator = i;
    id = answers[i].substr(answers[i].find(' ') + 1);
  }
  ASSERT_EQ(creators, 1u);
  for (std::size_t i = 0; i < kPeers; ++i) {
    EXPECT_EQ(answers[i], (i == creator ? "created " : "opened ") + id);
    EXPECT_EQ(peers[i]->Do(Words("read", kFirstToken)),
              std::to_string(creator + 1));
  }
  peers[creator]->Kill();
  for (std::size_t i = 0; i < kPeers; ++i) {
    if (i != creator) peers[i]->Begin(AtOnce("serve"));
  }
  std::size_t servers = 0;
  for (std::size_t i = 0; i < kPeers; ++i) {
    if (i == creator) continue;
    const std::string answer = peers[i]->Answer();
    servers += answer == "serving" ? 1 : 0;
    EXPECT_TRUE(answer == "serving" || answer == "already exists") << answer;
  }
  EXPECT_EQ(servers, 1u);
  EXPECT_EQ("opened " + id,
            Words("opened", Rendezvous::Open(name_, kPatient)->id().word()));
}

// All that stands on a segment stands on one that was handed over.
TEST_F(RendezvousTest, WhoTakesPartIsKnownMissedAndRecovered) {
  CreateAndServe();
  auto self = Membership::Join(segment_);
  ASSERT_TRUE(self) << self.error().Message().c_str();
  auto monitor = *Monitor::Make();
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("open")), Words("opened", segment_.id().word()));
  const std::string joined = peer->Do("join");
  const auto id = OwnerId::FromWord(std::strtoull(joined.c_str(), nullptr,
                                                  /*base=*/10));
  ASSERT_TRUE(id && id->is_participant()) << joined;
  EXPECT_NE(*id, self->id());
  EXPECT_EQ(LookAt(segment_, *id), os::Liveness::kAlive);
  EXPECT_EQ(peer->Do(Words("look", self->id().index())), "busy")
      << "it sees us alive";
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  peer->Kill();
  const auto deaths = monitor.Wait(segment_, kLongMs);
  ASSERT_EQ(deaths.size(), 1u);
  EXPECT_EQ(deaths[0].index(), id->index());
  int recovered = 0;
  EXPECT_EQ(*self->RecoverDead(segment_,
                               [&](const DeadOwner& dead) -> Result<void> {
                                 recovered += dead.id() == *id ? 1 : 0;
                                 return Ok();
                               }),
            1u);
  EXPECT_EQ(recovered, 1);
  EXPECT_EQ(segment_.participants().Look(id->index()).phase(),
            RowState::Phase::kFree);
}

TEST_F(RendezvousTest, ItsObjectsAreFoundByTheirNames) {
  constexpr ObjectType kType{TypeId::kFirstForeign, 0, 1, 5, "{x:u64}"};
  CreateSegmentOptions options = OptionsFor(2);
  options.place = [](std::span<std::byte> bytes) -> Result<void> {
    const auto directory = Directory::Create(bytes, 2);
    return directory ? Ok() : Result<void>(directory.error());
  };
  Create(options);
  Serve();
  const auto opened = Rendezvous::Open(name_, kPatient);
  ASSERT_TRUE(opened);
  const auto member = *Membership::Join(*opened);
  const auto make = [&](const Segment& segment, OwnerId owner) {
    return Directory::Attach(segment.bytes())
        ->FindOrCreate("object", owner, kType, sizeof(std::uint64_t),
                       [](std::span<std::byte> bytes) -> Result<void> {
                         bytes[0] = std::byte{7};
                         return Ok();
                       });
  };
  const auto made = make(*opened, member.id());
  ASSERT_TRUE(made) << made.error().Message().c_str();
  const auto found = make(segment_, Membership::Join(segment_)->id());
  ASSERT_TRUE(found) << found.error().Message().c_str();
  EXPECT_EQ(found->bytes[0], std::byte{7});
  made->bytes[0] = std::byte{8};
  EXPECT_EQ(found->bytes[0], std::byte{8});
}

}  // namespace
}  // namespace placid
