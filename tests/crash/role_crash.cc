// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/atomic.h"
#include "placid/primitives/role.h"
#include "tests/crash/play.h"
#include "tests/support/die.h"

namespace placid::crash {
namespace {

// A role alone, with one who wants it too.
class RolePlay : public Play {
 public:
  enum class Kind {
    kTake,
    kTakeAndRelease,
    kTakeOver,
    kReplace,  // by moving another claim onto it
    kTakeAsParticipant,
    kRecover,  // what a dead participant held, then take it
  };
  explicit RolePlay(Kind kind) : kind_(kind) {}

  void SetUp(Bytes bytes) override {
    RoleClaim claim = Need(RoleClaim::Take(Word(bytes), "SetUp", As(kDead)));
    dead_ = RoleClaim::Holder(Word(bytes));
    if (kind_ == Kind::kTakeOver || kind_ == Kind::kRecover) {
      testing::Die(std::move(claim));
    }
  }

  void Act(Bytes bytes) override {
    if (kind_ == Kind::kTakeOver) {
      auto claim =
          RoleClaim::TakeOver(Word(bytes), AttestedDeath(dead_), "Act");
      if (!claim) return;
      Book().Note(What::kOwn);
      return testing::Die(*std::move(claim));
    }
    if (kind_ == Kind::kRecover) {
      RoleClaim::Recover(Word(bytes), DeadOwner::Attested(kDead));
    }
    auto claim = RoleClaim::Take(Word(bytes), "Act", As(kVictim));
    if (!claim) return;
    Book().Note(What::kOwn);
    if (kind_ == Kind::kTake || AreParticipants()) {
      return testing::Die(*std::move(claim));
    }
    Book().Note(What::kDisown);
    if (kind_ == Kind::kReplace) {
      RoleClaim none;
      none = *std::move(claim);
    } else {
      claim->Release();
    }
  }

  // Takes it if it is free; gives it back the next time.
  bool Other(Bytes bytes) override {
    if (mine_.is_held()) {
      Book().Note(What::kDisown);
      mine_.Release();
      return true;
    }
    auto claim = RoleClaim::Take(Word(bytes), "Other", As(kOther));
    if (!claim) return true;
    Book().Note(What::kOwn);
    mine_ = *std::move(claim);
    return true;
  }

  void Recover(Bytes bytes) override {
    RoleClaim claim;
    if (!Succeed(bytes, claim)) return;
    Book().Note(What::kOwn);
    Book().Note(What::kDisown);
    claim.Release();
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    const RoleHolder left = RoleClaim::Holder(Word(bytes));
    CheckOneAtATime();
    if (is_other_dead) testing::Die(std::move(mine_));
    RoleClaim claim;
    if (!is_other_dead && mine_.is_held()) {
      Expect(!RoleClaim::Take(Word(bytes), "Check"), "taken from a living one");
      mine_.Release();
      claim = Need(RoleClaim::Take(Word(bytes), "Check"));
    } else {
      Expect(Succeed(bytes, claim), "the role of a dead one cannot be had");
    }
    // Late attempts against former holders find another word.
    Expect(!RoleClaim::Take(Word(bytes), "Check"), "two hold the role");
    for (const RoleHolder former : {dead_, left}) {
      Expect(!RoleClaim::TakeOver(Word(bytes), AttestedDeath(former), "Check"),
             "taken over from somebody who no longer held it");
    }
    claim.Release();
    Expect(RoleClaim::Holder(Word(bytes)).is_free(), "released and not free");
    Need(RoleClaim::Take(Word(bytes), "Check"));
  }

 private:
  static Atomic<std::uint64_t>& Word(Bytes bytes) {
    return *reinterpret_cast<Atomic<std::uint64_t>*>(bytes.data());
  }

  [[nodiscard]] bool AreParticipants() const {
    return kind_ == Kind::kTakeAsParticipant || kind_ == Kind::kRecover;
  }
  [[nodiscard]] OwnerId As(OwnerId participant) const {
    return AreParticipants() ? participant : OwnerId::Unowned();
  }

  // From the dead, whoever they were; not from the second party.
  bool Succeed(Bytes bytes, RoleClaim& claim) const {
    if (mine_.is_held()) return false;
    if (AreParticipants()) {
      for (const OwnerId dead : {kDead, kVictim, kOther, kRecoverer}) {
        RoleClaim::Recover(Word(bytes), DeadOwner::Attested(dead));
      }
      auto taken = RoleClaim::Take(Word(bytes), "Succeed", kRecoverer);
      if (taken) claim = *std::move(taken);
      return claim.is_held();
    }
    const RoleHolder holder = RoleClaim::Holder(Word(bytes));
    auto taken = holder.is_free()
                     ? RoleClaim::Take(Word(bytes), "Succeed")
                     : RoleClaim::TakeOver(Word(bytes), AttestedDeath(holder),
                                           "Succeed");
    if (!taken) return false;
    claim = *std::move(taken);
    return true;
  }

  // Nobody had it from somebody alive who had not begun to give it back.
  static void CheckOneAtATime() {
    bool victim_has_it = false;
    bool other_has_it = false;
    for (const Event& event : Book().Events()) {
      bool& has_it = event.who == Who::kOther ? other_has_it : victim_has_it;
      if (event.what == What::kOwn) {
        has_it = true;
        // One who gave it back may not have lived to note it: the note of
        // giving back comes before it, so both at once is wrong, always.
        Expect(!victim_has_it || !other_has_it, "two held the role at once");
      }
      if (event.what == What::kDisown) has_it = false;
      if (event.who >= Who::kRecoverer && event.what == What::kOwn) {
        Expect(!other_has_it, "a successor took it from a living one");
      }
    }
  }

  static constexpr OwnerId kDead = *OwnerId::Of(1, 1);
  static constexpr OwnerId kVictim = *OwnerId::Of(2, 1);
  static constexpr OwnerId kOther = *OwnerId::Of(3, 1);
  static constexpr OwnerId kRecoverer = *OwnerId::Of(4, 1);

  const Kind kind_;
  RoleHolder dead_{0};
  RoleClaim mine_;
};

const Registration kRole([](std::vector<Scenario>& scenarios) {
  const auto add = [&](const char* operation, RolePlay::Kind kind) {
    scenarios.push_back({"RoleClaim", operation, sizeof(std::uint64_t),
                         [=] { return std::make_unique<RolePlay>(kind); }});
  };
  add("RoleClaim Take", RolePlay::Kind::kTake);
  add("RoleClaim Take, Release", RolePlay::Kind::kTakeAndRelease);
  add("RoleClaim TakeOver", RolePlay::Kind::kTakeOver);
  add("RoleClaim Take, move, drop", RolePlay::Kind::kReplace);
  add("RoleClaim Take by a participant", RolePlay::Kind::kTakeAsParticipant);
  add("RoleClaim Recover, Take", RolePlay::Kind::kRecover);
});

}  // namespace
}  // namespace placid::crash
