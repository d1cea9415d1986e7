// SPDX-License-Identifier: Apache-2.0
//
// RoleClaim: one holder at a time, whoever dies; who holds sees what all former
// holders did. What the role protects is plain bytes, so that two holders, or a
// handover that orders nothing, are a data race.
#include <cstdint>
#include <utility>
#include <vector>

#include "placid/primitives/role.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

Atomic<std::uint64_t> role;
std::uint64_t data;
int taken_over;

// The first holding of a role that nobody ever held.
RoleHolder First() { return RoleHolder(0).Next(OwnerId::Unowned()); }

constexpr OwnerId kMortal = *OwnerId::Of(1, 1);
constexpr OwnerId kRecoverer = *OwnerId::Of(2, 1);

void UseData() {
  std::uint64_t value = 0;
  machine::CopyOut(value, data);
  machine::CopyIn(data, value + 1);
  CountOperation();
}

RoleClaim TakeWhenFree() {
  for (;;) {
    auto claim = RoleClaim::Take(role, "model");
    if (claim) return *std::move(claim);
    See("taken");
    Pause();
  }
}

void TakeAndUse() {
  const RoleClaim claim = TakeWhenFree();
  UseData();
}

void TakeFirst(OwnerId by) {
  auto claim = RoleClaim::Take(role, "model", by);
  Check(claim.has_value(), "nobody else may take it yet");
  UseData();
}

// Whoever is faster takes over from the dead; the other waits its turn. Where
// the dead one never held the role nobody takes it, or its first holding would
// not be known for the dead one's.
void SucceedFirst() {
  if (!AwaitEnd(0)) return;
  const RoleHolder holder = RoleClaim::Holder(role);
  if (holder.is_free() && holder.claims() == 0) return See("it never held it");
  if (auto claim = RoleClaim::TakeOver(role, AttestedDeath(First()), "model")) {
    See("taken over");
    ++taken_over;
    UseData();
  } else {
    See("another was faster");
    TakeAndUse();
  }
}

Program MakeProgram(std::vector<ThreadSpec> threads, std::uint64_t least) {
  Program program;
  program.set_up = [] {
    role = Atomic<std::uint64_t>(0);
    data = 0;
    taken_over = 0;
  };
  program.threads = std::move(threads);
  program.finish = [least] {
    Check(data >= least, "each holder did its part");
    Check(taken_over <= 1, "one death, one successor");
  };
  program.regions = {{"role", &role, sizeof(role)},
                     {"data", &data, sizeof(data)}};
  return program;
}

const Registration kInTurn({
    .type = "RoleClaim",
    .header = "primitives/role.h",
    .name = "HoldersTakeTurns",
    .program =
        [] {
          return MakeProgram(
              {{"a", TakeAndUse}, {"b", TakeAndUse}, {"c", TakeAndUse}}, 3);
        },
    .options = {},
    .must_see = {"taken"},
});

// Two holdings each, and a death in any of them.
const Registration kTwice({
    .type = "RoleClaim",
    .header = "primitives/role.h",
    .name = "TwoTakeTwiceAndOneMayDie",
    .program =
        [] {
          return MakeProgram(
              {{"mortal",
                [] {
                  TakeAndUse();
                  TakeAndUse();
                },
                true},
               {"survivor",
                [] {
                  for (int i = 0; i < 2; ++i) {
                    auto claim = RoleClaim::Take(role, "model");
                    if (!claim) {
                      See("taken");
                      AwaitEnd(0);
                      const RoleHolder holder = RoleClaim::Holder(role);
                      if (!holder.is_free()) See("taken over");
                      claim = holder.is_free()
                                  ? RoleClaim::Take(role, "model")
                                  : RoleClaim::TakeOver(
                                        role, AttestedDeath(holder), "model");
                    }
                    Check(claim.has_value(), "the survivor gets it");
                    UseData();
                  }
                }}},
              2);
        },
    .options = {.deaths = 1},
    .must_see = {"taken", "taken over"},
});

const Registration kTakeOver({
    .type = "RoleClaim",
    .header = "primitives/role.h",
    .name = "OneOfTwoTakesOverFromTheDead",
    .program =
        [] {
          return MakeProgram(
              {{"mortal", [] { TakeFirst(OwnerId::Unowned()); }, true},
               {"a", SucceedFirst},
               {"b", SucceedFirst}},
              0);
        },
    .options = {.deaths = 1},
    .must_see = {"taken over", "another was faster", "it never held it"},
});

// A successor may die too; then whoever is left takes over from it.
const Registration kTwoDeaths({
    .type = "RoleClaim",
    .header = "primitives/role.h",
    .name = "SuccessorMayDieToo",
    .program =
        [] {
          return MakeProgram(
              {{"mortal", [] { TakeFirst(OwnerId::Unowned()); }, true},
               {"mortal successor", SucceedFirst, true},
               {"last",
                [] {
                  AwaitEnd(0);
                  AwaitEnd(1);
                  const RoleHolder holder = RoleClaim::Holder(role);
                  auto claim = holder.is_free()
                                   ? RoleClaim::Take(role, "model")
                                   : RoleClaim::TakeOver(
                                         role, AttestedDeath(holder), "model");
                  Check(claim.has_value(), "the last one gets it");
                  if (holder.claims() == 2 && !holder.is_free()) {
                    See("taken over from a successor");
                  }
                  UseData();
                }}},
              1);
        },
    .options = {.deaths = 2},
    .must_see = {"taken over", "taken over from a successor"},
});

// The first holder has given the role back and is gone; a late attempt against
// it must not hit whoever holds it now.
const Registration kLate({
    .type = "RoleClaim",
    .header = "primitives/role.h",
    .name = "LateTakeoverMissesTheNextHolder",
    .program =
        [] {
          return MakeProgram({{"first", TakeAndUse},
                              {"next",
                               [] {
                                 AwaitEnd(0);
                                 TakeAndUse();
                               }},
                              {"late",
                               [] {
                                 AwaitEnd(0);
                                 auto claim = RoleClaim::TakeOver(
                                     role, AttestedDeath(First()), "model");
                                 Check(!claim.has_value(),
                                       "that holding is over");
                               }}},
                             2);
        },
    .options = {},
    .must_see = {},
});

// The proof of a death is the recoverer's alone; whoever claims what it gave
// back learns by the role's word what the dead one did.
const Registration kRecovered({
    .type = "RoleClaim",
    .header = "primitives/role.h",
    .name = "ClaimedAfterItsDeadHolderIsRecovered",
    .program =
        [] {
          return MakeProgram(
              {{"mortal", [] { TakeFirst(kMortal); }, true},
               {"recoverer",
                [] {
                  AwaitEnd(0);
                  if (RoleClaim::Recover(role, DeadOwner::Attested(kMortal))) {
                    See("given back");
                  } else {
                    See("nothing to give back");
                  }
                }},
               {"next",
                [] {
                  // The first must be the first, or never have been.
                  if (RoleClaim::Holder(role).claims() == 0) AwaitEnd(0);
                  TakeAndUse();
                }}},
              1);
        },
    .options = {.deaths = 1},
    .must_see = {"given back", "nothing to give back"},
});

// Two participants in turn, the second of whom recovers the first and may die
// of it; the third recovers both.
const Registration kRecovererDies({
    .type = "RoleClaim",
    .header = "primitives/role.h",
    .name = "RecovererMayDieToo",
    .program =
        [] {
          return MakeProgram(
              {{"mortal", [] { TakeFirst(kMortal); }, true},
               {"mortal recoverer",
                [] {
                  AwaitEnd(0);
                  RoleClaim::Recover(role, DeadOwner::Attested(kMortal));
                  auto claim = RoleClaim::Take(role, "model", kRecoverer);
                  Check(claim.has_value(), "what was given back can be had");
                  UseData();
                },
                true},
               {"last",
                [] {
                  AwaitEnd(0);
                  AwaitEnd(1);
                  for (const OwnerId dead : {kMortal, kRecoverer}) {
                    if (RoleClaim::Recover(role, DeadOwner::Attested(dead))) {
                      See(dead == kMortal ? "of the first" : "of the second");
                    }
                  }
                  auto claim = RoleClaim::Take(role, "model");
                  Check(claim.has_value(), "the last one gets it");
                  UseData();
                }}},
              1);
        },
    .options = {.deaths = 2},
    .must_see = {"of the first", "of the second"},
});

}  // namespace
}  // namespace placid::model
