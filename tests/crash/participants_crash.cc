// SPDX-License-Identifier: Apache-2.0
//
// The table of participants: whoever dies in it is recovered, once to the end,
// and its row is nobody's until then.
//
// The ledger's values are owners: kOwn, who joined; kDisown, who is about to
// leave; kRetired, whose recovery has ended, or is about to. Locks are not
// played: each process knows who is dead, as the kernel would tell it.
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "placid/segment/participants.h"
#include "src/segment/mint.h"
#include "tests/crash/play.h"
#include "tests/support/die.h"

namespace placid::crash {
namespace {

using Participant = Participants::Participant;
using Recovery = Participants::Recovery;

constexpr std::uint64_t kRows = 4;
// Whose rows these are, dead or alive.
constexpr std::uint64_t kVictims = 1;
constexpr std::uint64_t kOthers = 2;
constexpr std::uint64_t kEarlierDead = 3;
constexpr std::uint64_t kSuccessors = 4;

class ParticipantsPlay : public Play {
 public:
  enum class Kind {
    kJoin,
    kJoinAndLeave,
    kRecover,         // a dead owner
    kDrop,            // a recovery of a dead owner
    kRecoverInherit,  // a dead recoverer, with what it was at
    kSucceed,         // in place
  };
  explicit ParticipantsPlay(Kind kind) : kind_(kind) {}

  void SetUp(Bytes bytes) override {
    const auto table = Need(Participants::Create(bytes, kRows));
    other_ = Join(table, kOthers);
    if (kind_ == Kind::kJoin || kind_ == Kind::kJoinAndLeave) return;
    Participant dead = Join(table, kEarlierDead);
    if (kind_ == Kind::kRecoverInherit) {
      // Row 4 died at the recovery of row 3.
      Participant recoverer = Join(table, kSuccessors);
      testing::Die(
          Need(table.Recover(ProofOf(table, kEarlierDead), recoverer)));
      testing::Die(std::move(recoverer));
    }
    testing::Die(std::move(dead));
  }

  void Prepare(Bytes bytes) override {
    if (kind_ == Kind::kRecover || kind_ == Kind::kDrop ||
        kind_ == Kind::kRecoverInherit) {
      mine_ = Join(Attach(bytes), kVictims);
    }
  }

  void Act(Bytes bytes) override {
    const auto table = Attach(bytes);
    if (kind_ == Kind::kJoinAndLeave) return Leave(Join(table, kVictims));
    if (std::exchange(has_acted_, true)) return;
    switch (kind_) {
      case Kind::kJoin: return testing::Die(Join(table, kVictims));
      case Kind::kRecover:
      case Kind::kRecoverInherit:
        Recover(table, kind_ == Kind::kRecover ? kEarlierDead : kSuccessors,
                mine_);
        return testing::Die(std::move(mine_));
      case Kind::kDrop: {
        auto recovery = table.Recover(ProofOf(table, kEarlierDead), mine_);
        return testing::Die(std::move(mine_));
      }
      case Kind::kSucceed: return Succeed(table, kEarlierDead);
      case Kind::kJoinAndLeave: return;
    }
  }

  // The living one leaves and comes again, under another name.
  bool Other(Bytes bytes) override {
    if (other_.is_joined()) {
      Leave(std::exchange(other_, Participant()));
    } else {
      other_ = Join(Attach(bytes), kOthers);
    }
    return true;
  }

  // A successor without a row takes the first it can have, and recovers all
  // others whose owners are dead.
  void Recover(Bytes bytes) override {
    const auto table = Attach(bytes);
    RecoverAll(table, other_.is_joined());
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    const auto table = Attach(bytes);
    if (is_other_dead) testing::Die(std::exchange(other_, Participant()));
    RecoverAll(table, !is_other_dead && other_.is_joined());
    if (other_.is_joined()) {
      const auto identity = table.IdentityOf(other_.id());
      Expect(identity && *identity == IdentityFor(kOthers),
             "a living one lost its row");
      Leave(std::exchange(other_, Participant()));
    }
    for (std::uint64_t index = 1; index <= kRows; ++index) {
      Expect(table.Look(index).phase() == RowState::Phase::kFree,
             "a row is lost for good");
      Leave(Join(table, index));
    }
    CheckLives();
  }

 private:
  static os::ProcessIdentity IdentityFor(std::uint64_t index) {
    return {index, index + 1, index + 2, index + 3};
  }
  static Participants Attach(Bytes bytes) {
    return Need(Participants::Attach(bytes));
  }
  static ProofOfDeath ProofOf(const Participants& table, std::uint64_t index) {
    return ProofOfDeathMint::Make(index, table.Look(index).word());
  }

  static Participant Join(const Participants& table, std::uint64_t index) {
    auto joined = Need(table.Join(index, IdentityFor(index)));
    Book().Note(What::kOwn, joined.id().word());
    return joined;
  }
  static void Leave(Participant participant) {
    Book().Note(What::kDisown, participant.id().word());
    participant.Leave();
  }
  static void Finish(Recovery& recovery) {
    Book().Note(What::kRetired, recovery.dead().id().word());
    Need(recovery.Finish());
  }
  static void Inherit(const Recovery& recovery) {
    for (;;) {
      auto inherited = recovery.Inherit();
      if (!inherited) return;
      Inherit(*inherited);
      Finish(*inherited);
    }
  }
  static void Recover(const Participants& table, std::uint64_t index,
                      const Participant& by) {
    auto recovery = Need(table.Recover(ProofOf(table, index), by));
    Inherit(recovery);
    Finish(recovery);
  }
  static void Succeed(const Participants& table, std::uint64_t index) {
    auto recovery = Need(table.RecoverInPlace(ProofOf(table, index)));
    Inherit(recovery);
    Book().Note(What::kRetired, recovery.dead().id().word());
    auto successor = Need(recovery.Succeed(IdentityFor(index)));
    Book().Note(What::kOwn, successor.id().word());
    Leave(std::move(successor));
  }

  static void RecoverAll(const Participants& table, bool other_lives) {
    const auto is_dead = [&](std::uint64_t index) {
      return table.Look(index).ActorOf(index) != 0 &&
             !(other_lives && index == kOthers);
    };
    // In place first where that has to be: no row may be free at all.
    if (is_dead(kSuccessors)) Succeed(table, kSuccessors);
    Participant me = Join(table, kSuccessors);
    for (std::uint64_t index = 1; index < kSuccessors; ++index) {
      if (is_dead(index)) Recover(table, index, me);
    }
    Leave(std::move(me));
  }

  // No two owners with one name; and between one owner of a row and the next,
  // the first has left or was recovered, or died in doing so.
  static void CheckLives() {
    std::map<std::uint64_t, std::uint64_t> owner_of;  // index to word
    std::vector<std::uint64_t> all;
    std::vector<std::uint64_t> ended;
    for (const Event& event : Book().Events()) {
      const auto id = OwnerId::FromWord(event.value);
      Expect(id.has_value(), "what is no owner owned");
      if (event.what == What::kOwn) {
        Expect(std::ranges::count(all, event.value) == 0,
               "two owners with one name");
        all.push_back(event.value);
        const auto before = owner_of.find(id->index());
        Expect(before == owner_of.end() ||
                   std::ranges::count(ended, before->second) > 0,
               "a row was given out before its owner was recovered");
        owner_of[id->index()] = event.value;
      } else {
        ended.push_back(event.value);
      }
    }
  }

  const Kind kind_;
  bool has_acted_ = false;
  Participant other_;
  Participant mine_;
};

const Registration kParticipants([](std::vector<Scenario>& scenarios) {
  const auto add = [&](const char* operation, ParticipantsPlay::Kind kind) {
    scenarios.push_back(
        {"Participants", operation,
         static_cast<std::size_t>(Participants::SizeFor(kRows)),
         [=] { return std::make_unique<ParticipantsPlay>(kind); }});
  };
  using Kind = ParticipantsPlay::Kind;
  add("Participants Join", Kind::kJoin);
  add("Participants Join, Leave", Kind::kJoinAndLeave);
  add("Participants Recover, Finish", Kind::kRecover);
  add("Participants Recover, drop", Kind::kDrop);
  add("Participants Recover, Inherit", Kind::kRecoverInherit);
  add("Participants Succeed", Kind::kSucceed);
});

}  // namespace
}  // namespace placid::crash
