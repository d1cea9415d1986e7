// SPDX-License-Identifier: Apache-2.0
//
// Processes that are killed at a random moment of creating a segment or taking
// part in it, on every system. They are started anew where posix/ forks, so the
// rounds are few.
//
// PLACID_PEER_ROUNDS: how many rounds of each (5).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/futex.h"
#include "placid/os/name.h"
#include "placid/primitives/dead_owner.h"
#include "placid/segment/discovery.h"
#include "placid/segment/membership.h"
#include "placid/segment/participants.h"
#include "placid/segment/segment.h"
#include "tests/segment/peer.h"
#include "tests/support/peer.h"
#include "tests/support/scratch.h"
#include "tests/support/seed.h"

namespace placid {
namespace {

using placid::testing::AtOnce;
using placid::testing::AwaitWord;
using placid::testing::kBeginnings;
using placid::testing::kFirstToken;
using placid::testing::kJoins;
using placid::testing::kLastToken;
using placid::testing::kStop;
using placid::testing::LoadWord;
using placid::testing::OptionsFor;
using placid::testing::Peer;
using placid::testing::SegmentSteps;
using placid::testing::StoreWord;
using placid::testing::Words;

int Rounds() {
  const char* given = std::getenv("PLACID_PEER_ROUNDS");
  return given != nullptr ? std::atoi(given) : 5;
}

class TwoProcessesStress : public ::testing::Test {
 protected:
  static constexpr std::size_t kPeers = 4;

  ~TwoProcessesStress() override {
    (void)Segment::Unlink(name_);
    (void)Segment::Unlink(board_name_);
  }

  [[nodiscard]] std::string Step(std::string_view verb) const {
    return std::string(verb) + ' ' + std::string(name_.text());
  }
  [[nodiscard]] std::uint64_t Draw(std::uint64_t below) {
    return random_() % below;
  }
  // The first soon after a word that they count up is `least`, and each of the
  // others up to so many steps later. One of them at least lives.
  void KillSome(std::span<const std::byte> bytes, std::size_t counted,
                std::uint64_t least, std::uint64_t steps) {
    constexpr std::uint64_t kWithinNs = 1'000'000;
    const std::uint64_t kills = 1 + Draw(kPeers - 1);
    for (std::uint64_t i = 0; i < kills; ++i) {
      ASSERT_TRUE(AwaitWord(bytes, counted, least)) << "they are stuck";
      const std::int64_t moment =
          os::MonotonicNow() + static_cast<std::int64_t>(Draw(kWithinNs));
      while (os::MonotonicNow() < moment) std::this_thread::yield();
      const std::size_t victim = Draw(kPeers);
      if (!was_killed_.at(victim)) ++killed_;
      was_killed_.at(victim) = true;
      peers_.at(victim)->Kill();
      least += Draw(steps);
    }
  }
  // In the places of the dead.
  void SpawnMissing() {
    for (std::size_t i = 0; i < kPeers; ++i) {
      if (!peers_.at(i) || was_killed_.at(i)) peers_.at(i) = Peer::Spawn();
      was_killed_.at(i) = false;
    }
  }

  std::uint64_t seed_ = placid::testing::DrawSeed();
  std::mt19937_64 random_{seed_};
  placid::testing::Scratch scratch_;
  os::Name name_ = scratch_.NewName();
  os::Name board_name_ = scratch_.NewName();
  std::array<std::unique_ptr<Peer>, kPeers> peers_;
  std::array<bool, kPeers> was_killed_{};
  int killed_ = 0;
};

TEST_F(TwoProcessesStress, WhoIsNotKilledGetsOneSegmentFromOneCreator) {
  const auto board = Segment::Create(board_name_, OptionsFor(1));
  ASSERT_TRUE(board) << board.error().Message().c_str();
  for (int round = 0; round < Rounds() && !HasFailure(); ++round) {
    SpawnMissing();
    for (const auto& peer : peers_) {
      ASSERT_EQ(peer->Do("board " + std::string(board_name_.text())),
                Words("opened", board->id().word()));
    }
    const std::uint64_t begun = LoadWord(board->bytes(), kBeginnings);
    const std::uint64_t tokens = Draw(1'000'000) * 10 + 1;
    for (std::size_t i = 0; i < kPeers; ++i) {
      peers_[i]->Begin(AtOnce(Words(Step("open_or_create"), tokens + i)));
    }
    KillSome(board->bytes(), kBeginnings, begun + 1, 1);

    // Who is killed may have answered before.
    std::array<std::string, kPeers> answers;
    std::string id;
    std::string token;
    std::uint64_t creators = 0;
    for (std::size_t i = 0; i < kPeers; ++i) {
      answers[i] = peers_[i]->Answer();
      if (!was_killed_[i]) id = answers[i].substr(answers[i].find(' ') + 1);
    }
    for (std::size_t i = 0; i < kPeers; ++i) {
      if (answers[i] == "created " + id) {
        ++creators;
        token = std::to_string(tokens + i);
      } else if (!was_killed_[i]) {
        EXPECT_EQ(answers[i], "opened " + id);
      }
    }
    EXPECT_LE(creators, 1u);
    for (std::size_t i = 0; i < kPeers; ++i) {
      if (was_killed_[i]) continue;
      const std::string first = peers_[i]->Do(Words("read", kFirstToken));
      EXPECT_EQ(first, creators == 1 ? token : first);
      EXPECT_EQ(peers_[i]->Do(Words("read", kLastToken)), first);
      EXPECT_EQ(peers_[i]->Do("check"), "whole");
    }
    const auto unlinked = Segment::Unlink(name_);
    EXPECT_TRUE(unlinked) << unlinked.error().Message().c_str();
    for (std::size_t i = 0; i < kPeers; ++i) {
      if (was_killed_[i]) continue;
      EXPECT_EQ(peers_[i]->Do("check"), "unlinked");
      EXPECT_EQ(peers_[i]->Do("close"), "closed");
    }
    EXPECT_EQ(LookUp(name_).error().code, ErrorCode::kNotFound);
  }
  std::printf("%d killed\n", killed_);
}

TEST_F(TwoProcessesStress, WhatTheKilledHeldIsFreeOnceTheyAreRecovered) {
  const auto segment =
      Segment::Create(name_, OptionsFor(SegmentSteps::kRows + 1));
  ASSERT_TRUE(segment) << segment.error().Message().c_str();
  auto self = Membership::Join(*segment);
  ASSERT_TRUE(self) << self.error().Message().c_str();
  std::uint64_t recovered = 0;
  for (int round = 0; round < Rounds() && !HasFailure(); ++round) {
    SpawnMissing();
    for (const auto& peer : peers_) {
      ASSERT_EQ(peer->Do(Step("open")), Words("opened", segment->id().word()));
    }
    StoreWord(segment->bytes(), kStop, 0);
    const std::uint64_t joins = LoadWord(segment->bytes(), kJoins);
    for (const auto& peer : peers_) peer->Begin("churn");
    KillSome(segment->bytes(), kJoins, joins + 1 + Draw(10), 10);
    StoreWord(segment->bytes(), kStop, 1);
    for (std::size_t i = 0; i < kPeers; ++i) {
      const std::string answer = peers_[i]->Answer();
      EXPECT_EQ(answer, was_killed_[i] ? answer : "churned");
    }
    const auto ours = self->RecoverDead(
        *segment, [](const DeadOwner&) -> Result<void> { return Ok(); });
    ASSERT_TRUE(ours) << ours.error().Message().c_str();
    recovered += *ours;
    for (std::uint64_t i = 1; i <= segment->participants().count(); ++i) {
      EXPECT_EQ(
          segment->participants().Look(i).phase() == RowState::Phase::kFree,
          i != self->id().index());
    }
  }
  for (std::size_t i = 1; i <= SegmentSteps::kRows + 1; ++i) {
    recovered += LoadWord(segment->bytes(), i);
  }
  std::printf("%d killed, %llu recoveries\n", killed_,
              static_cast<unsigned long long>(recovered));
}

}  // namespace
}  // namespace placid
