// SPDX-License-Identifier: Apache-2.0
//
// What other processes see of a segment, and what those that are killed leave,
// on every system: each peer is this program, started anew. Where there is fork,
// posix/ kills at more places and more often.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/name_list.h"
#include "placid/os/process.h"
#include "placid/os/shared_object.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"
#include "placid/segment/discovery.h"
#include "placid/segment/liveness.h"
#include "placid/segment/membership.h"
#include "placid/segment/monitor.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment.h"
#include "placid/segment/segment_id.h"
#include "placid/segment/segment_reader.h"
#include "tests/segment/peer.h"
#include "tests/support/peer.h"
#include "tests/support/scratch.h"

namespace placid {
namespace {

using placid::testing::AtOnce;
using placid::testing::AwaitWord;
using placid::testing::kFirstToken;
using placid::testing::kLastToken;
using placid::testing::kLongMs;
using placid::testing::kPlacing;
using placid::testing::kPlacings;
using placid::testing::LoadWord;
using placid::testing::OptionsFor;
using placid::testing::Peer;
using placid::testing::StoreWord;
using placid::testing::Words;

class TwoProcessesTest : public ::testing::Test {
 protected:
  ~TwoProcessesTest() override {
    (void)Segment::Unlink(name_);
    (void)Segment::Unlink(board_name_);
  }

  void Create(std::uint64_t rows) {
    auto created = Segment::Create(name_, OptionsFor(rows));
    ASSERT_TRUE(created) << created.error().Message().c_str();
    segment_ = *std::move(created);
  }
  static std::vector<std::unique_ptr<Peer>> SpawnAll(std::size_t count) {
    std::vector<std::unique_ptr<Peer>> peers(count);
    for (auto& peer : peers) peer = Peer::Spawn();
    return peers;
  }
  // A step about our segment's name.
  [[nodiscard]] std::string Step(std::string_view verb) const {
    return std::string(verb) + ' ' + std::string(name_.text());
  }
  // A peer that has it open.
  [[nodiscard]] std::unique_ptr<Peer> Opened() const {
    auto peer = Peer::Spawn();
    EXPECT_EQ(peer->Do(Step("open")), Words("opened", segment_.id().word()));
    return peer;
  }

  struct Member {
    std::unique_ptr<Peer> peer;
    OwnerId id;
  };
  // A peer that takes part.
  [[nodiscard]] Member Joined() const {
    Member member{Opened(), {}};
    const std::string answer = member.peer->Do("join");
    if (const auto id = OwnerId::FromWord(std::strtoull(answer.c_str(), nullptr,
                                                        /*base=*/10))) {
      member.id = *id;
    }
    EXPECT_TRUE(member.id.is_participant()) << answer;
    return member;
  }
  // How often a recovery of that row's owners was begun.
  [[nodiscard]] std::uint64_t RecoveriesOf(OwnerId id) const {
    return LoadWord(segment_.bytes(), static_cast<std::size_t>(id.index()));
  }
  RecoverOwner CountIt() {
    return [this](const DeadOwner& dead) -> Result<void> {
      placid::testing::CountUp(segment_.bytes(),
                               static_cast<std::size_t>(dead.id().index()));
      return Ok();
    };
  }

  // Neither a segment nor any object that `id` had.
  void ExpectNothingLeft(SegmentId id) const {
    EXPECT_EQ(LookUp(name_).error().code, ErrorCode::kNotFound);
    std::array<char, 20> numbers{};
    std::snprintf(numbers.data(), numbers.size(), ".%08x.%08x", id.generation(),
                  id.nonce());
    for (const char* const kind : {".data", ".control"}) {
      const auto part =
          os::Name::Parse(std::string(name_.text()) + numbers.data() + kind);
      const auto object = os::SharedObject::Open(*part, os::Access::kReadOnly);
      ASSERT_FALSE(object) << part->text();
      EXPECT_EQ(object.error().code, ErrorCode::kNotFound);
    }
    if (!os::CanListNames()) return;
    const auto all = os::ListNames();
    ASSERT_TRUE(all) << all.error().Message().c_str();
    for (const os::ListedObject& listed : *all) {
      EXPECT_EQ(listed.name.find(name_.text()), std::string::npos)
          << listed.name;
    }
  }

  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  os::Name board_name_ = scratch_.NewName();
  Segment segment_;
};

// ---- Bytes ------------------------------------------------------------------

TEST_F(TwoProcessesTest, EachSeesWhatTheOtherWrites) {
  Create(1);
  StoreWord(segment_.bytes(), kLastToken, 41);
  const auto peer = Opened();
  EXPECT_EQ(peer->Do(Words("read", kLastToken)), "41");
  EXPECT_EQ(peer->Do("write 7 42"), "written");
  EXPECT_EQ(LoadWord(segment_.bytes(), 7), 42u);
  StoreWord(segment_.bytes(), 7, 43);
  EXPECT_EQ(peer->Do("read 7"), "43");
  EXPECT_EQ(peer->Do("check"), "whole");
}

TEST_F(TwoProcessesTest, WhatAPeerPlacesIsOpenedHere) {
  const auto peer = Peer::Spawn();
  const std::string created = peer->Do(Step("create") + " 17");
  const auto opened = Segment::Open(name_);
  ASSERT_TRUE(opened) << opened.error().Message().c_str();
  EXPECT_EQ(created, Words("created", opened->id().word()));
  EXPECT_EQ(LoadWord(opened->bytes(), kFirstToken), 17u);
  EXPECT_EQ(LoadWord(opened->bytes(), kLastToken), 17u);
  StoreWord(opened->bytes(), 7, 18);
  EXPECT_EQ(peer->Do("read 7"), "18");
  EXPECT_EQ(Segment::Create(name_, OptionsFor(1)).error().code,
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(peer->Do("check"), "whole") << "the attempt did harm";
}

// On one kind of systems they take the names away, the last dead excepted, on
// the other the system does.
TEST_F(TwoProcessesTest, ASegmentGoesWithItsLastUser) {
  const auto creator = Peer::Spawn();
  const auto user = Peer::Spawn();
  ASSERT_NE(creator->Do(Step("create") + " 17"), Peer::kDied);
  const std::string opened = user->Do(Step("open"));
  creator->Kill();
  EXPECT_EQ(user->Do("check"), "whole") << "to create is not to own";
  SegmentId id;
  {
    const auto segment = Segment::Open(name_);
    ASSERT_TRUE(segment) << segment.error().Message().c_str();
    id = segment->id();
    EXPECT_EQ(opened, Words("opened", id.word()));
    EXPECT_EQ(LoadWord(segment->bytes(), kLastToken), 17u);
  }
  EXPECT_EQ(user->Do("check"), "whole");
  EXPECT_EQ(user->Do("close"), "closed");
  ExpectNothingLeft(id);
  EXPECT_EQ(Segment::Open(name_).error().code, ErrorCode::kNotFound);
}

TEST_F(TwoProcessesTest, ASegmentGoesWithItsLastUserThoughItIsKilled) {
  for (const bool next_creates : {true, false}) {
    const auto creator = Peer::Spawn();
    const auto user = Peer::Spawn();
    ASSERT_NE(creator->Do(Step("create") + " 17"), Peer::kDied);
    ASSERT_EQ(user->Do(Step("open")).find("opened"), 0u);
    const auto id = LookUp(name_)->id;
    creator->Kill();
    EXPECT_EQ(user->Do("check"), "whole");
    user->Kill();
    if (next_creates) {
      const auto next = Segment::OpenOrCreate(name_, OptionsFor(4));
      ASSERT_TRUE(next) << next.error().Message().c_str();
      EXPECT_TRUE(next->was_created());
      EXPECT_NE(next->id(), id);
      EXPECT_EQ(LoadWord(next->bytes(), kLastToken), 0u);
      EXPECT_EQ(Peer::Spawn()->Do(Step("open")),
                Words("opened", next->id().word()));
    } else {
      EXPECT_EQ(Segment::Open(name_).error().code, ErrorCode::kNotFound);
    }
    ExpectNothingLeft(id);
  }
}

// Two kinds of systems, by their documented difference.
TEST_F(TwoProcessesTest, ALastingSegmentStaysWhereTheSystemCanKeepIt) {
  const auto creator = Peer::Spawn();
  const std::string created = creator->Do("lasting " + Step("create") + " 17");
  if (!os::NamesPersist()) {
    EXPECT_EQ(created, "unsupported");
    return;
  }
  creator->Kill();
  const auto user = Peer::Spawn();
  ASSERT_EQ(user->Do(Step("open")),
            "opened" + created.substr(created.find(' ')));
  EXPECT_EQ(user->Do(Words("read", kLastToken)), "17");
  EXPECT_EQ(user->Do("close"), "closed");
  EXPECT_EQ(user->Do(Step("open")),
            "opened" + created.substr(created.find(' ')));
  EXPECT_TRUE(Segment::Unlink(name_));
  EXPECT_EQ(user->Do("check"), "unlinked");
}

// ---- Unlink -----------------------------------------------------------------

TEST_F(TwoProcessesTest, APeerLearnsThatWeUnlinked) {
  Create(1);
  const auto peer = Opened();
  ASSERT_EQ(peer->Do(Step("reader open")),
            Words("opened", segment_.id().word()));
  for (const std::string who : {"", "reader "}) {
    EXPECT_EQ(peer->Do(who + "is_retired"), "no");
    EXPECT_EQ(peer->Do(who + "check"), "whole");
  }
  ASSERT_TRUE(Segment::Unlink(name_));
  for (const std::string who : {"", "reader "}) {
    EXPECT_EQ(peer->Do(who + "is_retired"), "yes");
    EXPECT_EQ(peer->Do(who + "check"), "unlinked");
  }
  // It goes on with what it has, beside the next one.
  const SegmentId old = segment_.id();
  const auto next = Segment::Create(name_, OptionsFor(1));
  ASSERT_TRUE(next) << next.error().Message().c_str();
  EXPECT_NE(next->id(), old);
  EXPECT_EQ(peer->Do("write 7 42"), "written");
  EXPECT_EQ(LoadWord(segment_.bytes(), 7), 42u);
  EXPECT_EQ(LoadWord(next->bytes(), 7), 0u);
  EXPECT_EQ(peer->Do("reader read 7"), "42");
  EXPECT_EQ(peer->Do("check"), "unlinked");
  for (const std::string who : {"", "reader "}) {
    EXPECT_EQ(peer->Do(Step(who + "open")), Words("opened", next->id().word()));
    EXPECT_EQ(peer->Do(who + "check"), "whole");
    EXPECT_EQ(peer->Do(who + "read 7"), "0");
  }
}

TEST_F(TwoProcessesTest, WeLearnThatAPeerUnlinked) {
  Create(1);
  const auto reader = SegmentReader::Open(name_);
  ASSERT_TRUE(reader) << reader.error().Message().c_str();
  const auto peer = Peer::Spawn();  // which does not have it open
  EXPECT_EQ(peer->Do(Step("unlink")), "unlinked");
  EXPECT_TRUE(segment_.IsRetired());
  EXPECT_TRUE(reader->IsRetired());
  EXPECT_EQ(segment_.Check().error().code, ErrorCode::kUnlinked);
  EXPECT_EQ(reader->Check().error().code, ErrorCode::kUnlinked);
  EXPECT_EQ(peer->Do(Step("unlink")), "not found");
  EXPECT_EQ(peer->Do(Step("open")), "not found");
}

TEST_F(TwoProcessesTest, UnlinkMakesNobodyDeadOrAlive) {
  Create(2);
  const Member living = Joined();
  const Member victim = Joined();
  ASSERT_TRUE(Segment::Unlink(name_));
  victim.peer->Kill();
  // Darwin can tell of neither any more.
  EXPECT_NE(LookAt(segment_, living.id), os::Liveness::kDead);
  EXPECT_NE(LookAt(segment_, victim.id), os::Liveness::kAlive);
  EXPECT_EQ(living.peer->Do("leave"), "left");
  EXPECT_EQ(segment_.participants().Look(living.id.index()).phase(),
            RowState::Phase::kFree);
}

// ---- Deaths -----------------------------------------------------------------

// They hear of it at the same time and try at the same time: two that believed
// they were the one would show in the counts.
TEST_F(TwoProcessesTest, AllNoticeADeathAndOneOfThemRecoversIt) {
  constexpr std::size_t kSurvivors = 3;
  constexpr int kRounds = 3;
  Create(kSurvivors + 1);
  std::vector<Member> survivors;
  for (std::size_t i = 0; i < kSurvivors; ++i) survivors.push_back(Joined());
  auto monitor = *Monitor::Make();
  std::optional<OwnerId> next;
  for (int round = 1; round <= kRounds; ++round) {
    const Member victim = Joined();
    EXPECT_EQ(victim.id, next.value_or(victim.id)) << "its row was kept";
    EXPECT_TRUE(monitor.Poll(segment_).empty());
    for (const Member& survivor : survivors) {
      EXPECT_EQ(survivor.peer->Do("watch"), "watching");
      survivor.peer->Begin("await_death");
    }
    EXPECT_EQ(LookAt(segment_, victim.id), os::Liveness::kAlive);

    victim.peer->Kill();
    const auto deaths = monitor.Wait(segment_, kLongMs);
    ASSERT_EQ(deaths.size(), 1u);
    EXPECT_EQ(deaths.front().index(), victim.id.index());
    for (const Member& survivor : survivors) {
      EXPECT_EQ(survivor.peer->Answer(), std::to_string(victim.id.index()));
    }
    EXPECT_EQ(LookAt(segment_, victim.id), os::Liveness::kDead);
    EXPECT_EQ(Membership::Join(segment_).error().code, ErrorCode::kNoSpace)
        << "a row was given out before its owner was recovered";

    for (const Member& survivor : survivors) {
      survivor.peer->Begin(AtOnce("recover"));
    }
    std::vector<std::string> answers;
    for (const Member& survivor : survivors) {
      answers.push_back(survivor.peer->Answer());
    }
    EXPECT_EQ(std::ranges::count(answers, "1"), 1);
    EXPECT_EQ(std::ranges::count(answers, "0"), kSurvivors - 1);
    EXPECT_EQ(RecoveriesOf(victim.id), static_cast<std::uint64_t>(round));
    EXPECT_EQ(segment_.participants().Look(victim.id.index()).phase(),
              RowState::Phase::kFree);
    EXPECT_TRUE(monitor.Poll(segment_).empty());
    next = victim.id.Next();
  }
  for (const Member& survivor : survivors) {
    EXPECT_EQ(LookAt(segment_, survivor.id), os::Liveness::kAlive);
    EXPECT_EQ(RecoveriesOf(survivor.id), 0u);
  }
}

TEST_F(TwoProcessesTest, TheLivingAreNeverRecovered) {
  Create(4);
  auto self = *Membership::Join(segment_);
  auto monitor = *Monitor::Make();
  const Member idle = Joined();
  const Member other = Joined();
  const auto expect_both_alive = [&] {
    for (const Member* const member : {&idle, &other}) {
      EXPECT_EQ(LookAt(segment_, member->id), os::Liveness::kAlive);
      EXPECT_EQ(ProveDeath(segment_, member->id.index()).error().code,
                ErrorCode::kBusy);
      EXPECT_TRUE(segment_.participants().IdentityOf(member->id));
      EXPECT_EQ(RecoveriesOf(member->id), 0u);
    }
    EXPECT_EQ(other.peer->Do(Words("look", idle.id.index())), "busy");
    EXPECT_EQ(other.peer->Do(Words("look", self.id().index())), "busy");
  };
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 0u);
  EXPECT_EQ(other.peer->Do("recover"), "0");
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  expect_both_alive();
  // Nor with a dead one beside them.
  const Member victim = Joined();
  victim.peer->Kill();
  EXPECT_EQ(monitor.Wait(segment_, kLongMs).size(), 1u);
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 1u);
  EXPECT_EQ(other.peer->Do("recover"), "0");
  expect_both_alive();
  // Who leaves has not died.
  EXPECT_EQ(idle.peer->Do("leave"), "left");
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  EXPECT_EQ(other.peer->Do(Words("look", idle.id.index())), "not found");
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 0u);
}

TEST_F(TwoProcessesTest, ARecovererThatIsKilledIsRecoveredToo) {
  Create(4);
  const Member first = Joined();
  const Member recoverer = Joined();
  const Member third = Joined();
  auto self = *Membership::Join(segment_);
  auto monitor = *Monitor::Make();
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  first.peer->Kill();
  EXPECT_EQ(monitor.Wait(segment_, kLongMs).size(), 1u);
  recoverer.peer->Begin("pausing recover");
  ASSERT_EQ(recoverer.peer->Answer(), "recovering");
  // It is alive: what it is at is left to it.
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 0u);
  EXPECT_EQ(third.peer->Do("recover"), "0");
  EXPECT_EQ(RecoveriesOf(first.id), 1u);

  recoverer.peer->Kill();
  std::size_t reported = 0;
  while (reported < 2) {
    const auto deaths = monitor.Wait(segment_, kLongMs);
    ASSERT_FALSE(deaths.empty());
    reported += deaths.size();
  }
  EXPECT_EQ(reported, 2u) << "its death, and that of what it was at";
  third.peer->Begin("recover");
  const auto ours = self.RecoverDead(segment_, CountIt());
  ASSERT_TRUE(ours) << ours.error().Message().c_str();
  EXPECT_EQ(third.peer->Answer(), std::to_string(2 - *ours));
  EXPECT_EQ(RecoveriesOf(first.id), 2u) << "once in vain";
  EXPECT_EQ(RecoveriesOf(recoverer.id), 1u);
  for (const Member* const dead : {&first, &recoverer}) {
    EXPECT_EQ(segment_.participants().Look(dead->id.index()).phase(),
              RowState::Phase::kFree);
  }
}

TEST_F(TwoProcessesTest, ATableOfTheKilledTakesWhoRecoversThem) {
  Create(2);
  const std::array dead{Joined(), Joined()};
  auto monitor = *Monitor::Make();
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  const auto late = Opened();
  EXPECT_EQ(late->Do("join"), "no space") << "all are alive";
  for (const Member& member : dead) {
    member.peer->Kill();
    EXPECT_EQ(monitor.Wait(segment_, kLongMs).size(), 1u);
  }
  EXPECT_EQ(Membership::Join(segment_).error().code, ErrorCode::kNoSpace);
  EXPECT_EQ(late->Do("join"), std::to_string(dead[0].id.Next().word()));
  EXPECT_EQ(RecoveriesOf(dead[0].id), 1u);
  EXPECT_EQ(RecoveriesOf(dead[1].id), 0u);
  EXPECT_EQ(late->Do("recover"), "1");
  EXPECT_EQ(RecoveriesOf(dead[1].id), 1u);
  EXPECT_EQ(Membership::Join(segment_)->id(), dead[1].id.Next());
}

// ---- Creators ---------------------------------------------------------------

TEST_F(TwoProcessesTest, ACreatorKilledWhileItPlacesLeavesNothing) {
  for (const bool next_creates : {true, false}) {
    const auto creator = Peer::Spawn();
    creator->Begin("pausing " + Step("create") + " 17");
    ASSERT_EQ(creator->Answer(), "placing");
    OpenSegmentOptions impatient;
    impatient.patience_ms = 5;
    EXPECT_EQ(Segment::Open(name_, impatient).error().code,
              ErrorCode::kTimedOut)
        << "seen before it was ready";
    const auto half_made = LookUp(name_);
    ASSERT_TRUE(half_made) << half_made.error().Message().c_str();
    EXPECT_EQ(half_made->state, Found::State::kBeingMade);

    creator->Kill();
    if (next_creates) {
      const auto next = Segment::OpenOrCreate(name_, OptionsFor(4));
      ASSERT_TRUE(next) << next.error().Message().c_str();
      EXPECT_TRUE(next->was_created());
      EXPECT_NE(next->id(), half_made->id);
      EXPECT_EQ(LoadWord(next->bytes(), kFirstToken), 0u);
      EXPECT_TRUE(next->Check());
      EXPECT_TRUE(Membership::Join(*next));
      const auto peer = Peer::Spawn();
      EXPECT_EQ(peer->Do(Step("open")), Words("opened", next->id().word()));
      EXPECT_TRUE(Segment::Unlink(name_));
    } else {
      EXPECT_EQ(Segment::Open(name_).error().code, ErrorCode::kNotFound);
      EXPECT_EQ(Segment::Unlink(name_).error().code, ErrorCode::kNotFound);
    }
    ExpectNothingLeft(half_made->id);
  }
}

// A second creator would have another id, and its token at one end or both.
TEST_F(TwoProcessesTest, OneOfAllWhoAskAtOnceCreates) {
  constexpr int kRounds = 5;
  const auto peers = SpawnAll(4);
  for (int round = 0; round < kRounds; ++round) {
    const std::string tokens = std::to_string(round + 1);
    for (std::size_t i = 0; i < peers.size(); ++i) {
      peers[i]->Begin(
          AtOnce(Step("open_or_create") + ' ' + tokens + std::to_string(i)));
    }
    std::string id;
    std::string token;
    int creators = 0;
    for (std::size_t i = 0; i < peers.size(); ++i) {
      const std::string answer = peers[i]->Answer();
      const std::string is_at = answer.substr(answer.find(' ') + 1);
      if (id.empty()) id = is_at;
      EXPECT_EQ(is_at, id) << answer;
      if (!answer.starts_with("created ")) continue;
      ++creators;
      token = tokens + std::to_string(i);
    }
    EXPECT_EQ(creators, 1);
    for (const auto& peer : peers) {
      EXPECT_EQ(peer->Do(Words("read", kFirstToken)), token);
      EXPECT_EQ(peer->Do(Words("read", kLastToken)), token);
    }
    EXPECT_TRUE(Segment::Unlink(name_));
    for (const auto& peer : peers) {
      EXPECT_EQ(peer->Do("check"), "unlinked");
      EXPECT_EQ(peer->Do("close"), "closed");
    }
  }
}

// All of them wait for the first, and it dies; and so on.
TEST_F(TwoProcessesTest, EachCreatorThatIsKilledIsSucceededByOne) {
  constexpr std::size_t kKilled = 3;
  const auto board = Segment::Create(board_name_, OptionsFor(1));
  ASSERT_TRUE(board) << board.error().Message().c_str();
  auto peers = SpawnAll(kKilled + 3);
  for (const auto& peer : peers) {
    ASSERT_EQ(peer->Do("board " + std::string(board_name_.text())),
              Words("opened", board->id().word()));
  }
  for (std::size_t i = 0; i < peers.size(); ++i) {
    peers[i]->Begin(AtOnce("pausing " + Words(Step("open_or_create"), i + 1)));
  }
  std::uint64_t token = 0;
  for (std::size_t killed = 0; killed <= kKilled; ++killed) {
    ASSERT_TRUE(AwaitWord(board->bytes(), kPlacing, 1))
        << "nobody creates any more";
    token = LoadWord(board->bytes(), kPlacing);
    StoreWord(board->bytes(), kPlacing, 0);
    auto& creator = peers[static_cast<std::size_t>(token - 1)];
    ASSERT_TRUE(creator) << "a dead one creates";
    ASSERT_EQ(creator->Answer(), "placing");
    if (killed == kKilled) break;
    creator->Kill();
    creator.reset();
  }
  auto& last = peers[static_cast<std::size_t>(token - 1)];
  last->Begin("go on");
  const std::string created = last->Answer();
  EXPECT_TRUE(created.starts_with("created ")) << created;
  for (const auto& peer : peers) {
    if (!peer) continue;
    if (peer != last) {
      EXPECT_EQ(peer->Answer(), "opened" + created.substr(created.find(' ')));
    }
    EXPECT_EQ(peer->Do(Words("read", kFirstToken)), std::to_string(token));
    EXPECT_EQ(peer->Do(Words("read", kLastToken)), std::to_string(token));
    EXPECT_EQ(peer->Do("check"), "whole");
  }
  EXPECT_EQ(LoadWord(board->bytes(), kPlacings), kKilled + 1)
      << "two created at once";
  const auto segment = Segment::Open(name_);
  ASSERT_TRUE(segment) << segment.error().Message().c_str();
  EXPECT_TRUE(Segment::Unlink(name_));
}

// ---- Readers ----------------------------------------------------------------

TEST_F(TwoProcessesTest, AReaderSeesAllAndIsNobody) {
  Create(2);
  auto self = *Membership::Join(segment_);
  auto monitor = *Monitor::Make();
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  StoreWord(segment_.bytes(), kLastToken, 41);
  const auto peer = Peer::Spawn();
  ASSERT_EQ(peer->Do(Step("reader open")),
            Words("opened", segment_.id().word()));
  EXPECT_EQ(peer->Do("reader " + Words("read", kLastToken)), "41");
  StoreWord(segment_.bytes(), kLastToken, 42);
  EXPECT_EQ(peer->Do("reader " + Words("read", kLastToken)), "42");
  EXPECT_EQ(peer->Do("reader check"), "whole");
  const std::uint64_t other = 3 - self.id().index();
  EXPECT_EQ(segment_.participants().Look(other).phase(),
            RowState::Phase::kFree);
  peer->Kill();
  EXPECT_TRUE(monitor.Poll(segment_).empty());
  EXPECT_EQ(*self.RecoverDead(segment_, CountIt()), 0u);
  EXPECT_TRUE(segment_.Check());
}

TEST_F(TwoProcessesTest, AReaderWaitsForALivingCreatorAndForNoDeadOne) {
  const auto reader = Peer::Spawn();
  EXPECT_EQ(reader->Do(Step("reader open")), "not found");
  {
    const auto creator = Peer::Spawn();
    creator->Begin("pausing " + Step("create") + " 17");
    ASSERT_EQ(creator->Answer(), "placing");
    reader->Begin(Step("reader open"));
    creator->Kill();
    EXPECT_EQ(reader->Answer(), "not found");
  }
  const auto creator = Peer::Spawn();
  creator->Begin("pausing " + Step("create") + " 18");
  ASSERT_EQ(creator->Answer(), "placing");
  reader->Begin(Step("reader open"));
  creator->Begin("go on");
  const std::string created = creator->Answer();
  ASSERT_TRUE(created.starts_with("created ")) << created;
  EXPECT_EQ(reader->Answer(), "opened" + created.substr(created.find(' ')));
  EXPECT_EQ(reader->Do("reader " + Words("read", kFirstToken)), "18");
  EXPECT_EQ(reader->Do("reader " + Words("read", kLastToken)), "18");
}

// Nobody knows of it; or, where names go by themselves, it has some of them.
TEST_F(TwoProcessesTest, AReaderAloneKeepsItsBytesButNoSegment) {
  Create(1);
  StoreWord(segment_.bytes(), kLastToken, 41);
  const SegmentId id = segment_.id();
  const auto reader = Peer::Spawn();
  ASSERT_EQ(reader->Do(Step("reader open")), Words("opened", id.word()));
  segment_ = Segment();
  const auto next = Segment::OpenOrCreate(name_, OptionsFor(1));
  ASSERT_TRUE(next) << next.error().Message().c_str();
  EXPECT_TRUE(next->was_created());
  EXPECT_NE(next->id(), id);
  EXPECT_EQ(reader->Do("reader check"), "unlinked");
  EXPECT_EQ(reader->Do("reader " + Words("read", kLastToken)), "41");
  EXPECT_EQ(reader->Do(Step("reader open")),
            Words("opened", next->id().word()));
}

}  // namespace
}  // namespace placid

int main(int argc, char** argv) {
  placid::testing::SegmentSteps steps;
  return placid::testing::RunTestsOrPeer(
      argc, argv, [&steps](const std::string& step) { return steps.Do(step); });
}
