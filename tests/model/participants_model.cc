// SPDX-License-Identifier: Apache-2.0
//
// Participants: whoever dies, at whatever step, somebody recovers it, one at a
// time and to the end once; until then its row is nobody's.
//
// What an owner leaves to be cleared up is plain bytes: the word `ended` of its
// row, the generation whose affairs are in order. Its owner writes it before it
// leaves, else its recoverer before it finishes, and the next owner reads it:
// so two recoverers at once, a row that is given out too early, or a handover
// that orders nothing, are a data race or a wrong number.
//
// The kernel's lock of a row is here a word with the thread that holds it: free
// when that is nobody, or has died. Who looks at it may see an old value,
// unless what it has read tells it better: weaker than any kernel is.
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "placid/segment/participants.h"
#include "src/segment/mint.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

using Participant = Participants::Participant;
using Recovery = Participants::Recovery;

constexpr std::uint64_t kRows = 3;

struct alignas(kLineBytes) Table {
  Participants::Memory memory;
  std::array<Participants::Row, kRows> rows;
};
Table table;
std::array<std::uint64_t, kRows + 1> ended;
std::array<Atomic<std::uint64_t>, kRows + 1> locks;  // 1 + who has it
std::optional<Participants> view;

// Threads that have a row from the beginning.
std::array<Participant, 4> members;
// What each thread noted of itself: the recoveries of row 1 that it finished.
std::array<int, 4> finished;

std::span<std::byte> Bytes() {
  return std::as_writable_bytes(std::span(&table, 1));
}

os::ProcessIdentity Identity(std::uint64_t thread) {
  const std::uint64_t first = 10 * (thread + 1);
  return {first, first + 1, first + 2, first + 3};
}

// The generation that `row` has seen to its end.
std::uint64_t Ended(std::uint64_t row) {
  std::uint64_t value = 0;
  machine::CopyOut(value, ended[row]);
  return value;
}
void SetEnded(std::uint64_t row, std::uint64_t generation) {
  machine::CopyIn(ended[row], generation);
}

void BeginLife(const Participant& participant) {
  const OwnerId id = participant.id();
  Check(Ended(id.index()) == id.generation() - 1,
        "the owner before has left or was recovered");
  CountOperation();
}
void EndLife(Participant& participant) {
  SetEnded(participant.id().index(), participant.id().generation());
  participant.Leave();
  CountOperation();
}

// False: somebody has it. Waits for whoever that is to die, or to go, if told
// to.
bool TryLock(std::uint64_t row, int thread, bool waits = false) {
  std::uint64_t holder = locks[row].load(kAcquire);
  if (holder != 0) {
    if (!waits) return false;
    if (!AwaitEnd(static_cast<int>(holder) - 1)) holder = 0;
  }
  return locks[row].compare_exchange(
      holder, static_cast<std::uint64_t>(thread) + 1, kAcqRel, kRelaxed);
}
void Unlock(std::uint64_t row) { locks[row].store(0, kRelease); }

bool JoinAndLeave(std::uint64_t row, int thread, bool waits = false) {
  if (!TryLock(row, thread, waits)) {
    See("locked");
    return false;
  }
  auto joined = view->Join(row, Identity(static_cast<std::uint64_t>(thread)));
  if (joined) {
    BeginLife(*joined);
    EndLife(*joined);
  } else {
    Check(joined.error().code == ErrorCode::kBusy, "busy");
    See("busy");
  }
  Unlock(row);
  return joined.has_value();
}

// What the placed types would do for the dead, once or again.
void ClearUp(const Recovery& recovery) {
  const OwnerId dead = recovery.dead().id();
  const std::uint64_t before = Ended(dead.index());
  Check(before == dead.generation() - 1 || before == dead.generation(),
        "nobody else has had the row");
  if (before == dead.generation()) See("done again");
  SetEnded(dead.index(), dead.generation());
}

void Finish(Recovery& recovery, int thread) {
  const bool is_first = recovery.dead().id().index() == 1;
  ClearUp(recovery);
  const auto done = recovery.Finish();
  Check(done.has_value(), "a recovery that is all there can be finished");
  if (is_first) ++finished[static_cast<std::size_t>(thread)];
  CountOperation();
}

// The layer's look at the kernel: whether the lock of whoever acts on the row
// is free while the state stays. nullopt: nobody acts, or the one who does is
// alive.
std::optional<ProofOfDeath> Prove(std::uint64_t row, int thread) {
  const auto mine = static_cast<std::uint64_t>(thread) + 1;
  for (;;) {
    const RowState state = view->Look(row);
    const std::uint64_t actor = state.ActorOf(row);
    if (actor == 0 || actor == mine) return std::nullopt;
    const std::uint64_t holder = locks[actor].load(kAcquire);
    const bool is_free = holder == 0 || AwaitEnd(static_cast<int>(holder) - 1);
    if (view->Look(row) != state) continue;
    if (!is_free) return std::nullopt;
    return ProofOfDeathMint::Make(row, state.word());
  }
}

std::optional<Recovery> RecoverIfDead(std::uint64_t row, int thread) {
  const auto death = Prove(row, thread);
  if (!death) return std::nullopt;
  const RowState state(death->state());
  auto recovery =
      view->Recover(*death, members[static_cast<std::size_t>(thread)]);
  if (!recovery) {
    Check(recovery.error().code == ErrorCode::kRoleTaken, "taken");
    See("another was faster");
    return std::nullopt;
  }
  if (!state.is_owned()) See("taken over from a recoverer");
  See("recovered");
  return *std::move(recovery);
}

Program MakeProgram(std::vector<ThreadSpec> threads,
                    std::vector<std::uint64_t> joined = {}) {
  Program program;
  program.set_up = [joined = std::move(joined)] {
    table = {};
    members = {};
    table = {};  // once more: the members of the run before have left
    ended = {};
    locks = {};
    finished = {};
    view = *Participants::Create(Bytes(), kRows);
    for (const std::uint64_t row : joined) {
      members[row - 1] = *view->Join(row, Identity(row - 1));
      locks[row] = Atomic<std::uint64_t>(row);
    }
  };
  program.threads = std::move(threads);
  program.finish = [] {
    int sum = 0;
    for (const int one : finished) sum += one;
    Check(sum <= 1, "one death, one effective recovery");
  };
  program.regions = {{"table", &table, sizeof(table)},
                     {"ended", &ended, sizeof(ended)},
                     {"locks", &locks, sizeof(locks)}};
  return program;
}

ThreadSpec Mortal(const char* name, std::function<void()> run) {
  return {name, std::move(run), /*can_die=*/true};
}

// ---- Joining ----------------------------------------------------------------

const Registration kInTurn({
    .type = "Participants",
    .header = "segment/participants.h",
    .name = "OwnersOfARowTakeTurns",
    .program =
        [] {
          const auto twice = [](int thread) {
            return [thread] {
              const bool first = JoinAndLeave(1, thread);
              if (JoinAndLeave(1, thread) && first) See("joined again");
            };
          };
          return MakeProgram({{"a", twice(0)}, {"b", twice(1)}});
        },
    .options = {},
    .must_see = {"locked", "joined again"},
});

// Who looks sees all of one owner's identity, and of the owner that it asked
// for, while the row changes hands.
const Registration kIdentity({
    .type = "Participants",
    .header = "segment/participants.h",
    .name = "AnIdentityIsWhole",
    .program =
        [] {
          const auto join = [](int thread) {
            return [thread] { JoinAndLeave(1, thread); };
          };
          return MakeProgram(
              {{"a", join(0)},
               {"b", join(1)},
               {"reader", [] {
                  const RowState state = view->Look(1);
                  const auto id = OwnerId::Of(1, state.generation());
                  const auto found = view->IdentityOf(*id);
                  CountOperation();
                  if (!found) return See("no identity");
                  See("identity");
                  Check(*found == Identity(0) || *found == Identity(1),
                        "an identity is one owner's");
                }}});
        },
    .options = {},
    .must_see = {"identity", "no identity", "locked"},
});

// Who attaches sees the rows that Create made.
const Registration kCreated({
    .type = "Participants",
    .header = "segment/participants.h",
    .name = "AttachSeesWhatCreateWrote",
    .program =
        [] {
          Program program = MakeProgram(
              {{"creator",
                [] {
                  Check(Participants::Create(Bytes(), 2).has_value(),
                        "it is virgin");
                }},
               {"attacher", [] {
                  while (table.memory.stamp.load(kRelaxed) == 0) Pause();
                  const auto found = Participants::Attach(Bytes());
                  Check(found.has_value(), "what is stamped is whole");
                  Check(found->count() == 2, "with all its rows");
                  See("attached");
                  CountOperation();
                }}});
          program.set_up = [set_up = program.set_up] {
            set_up();
            table = {};
          };
          return program;
        },
    .options = {},
    .must_see = {"attached"},
});

// ---- One death --------------------------------------------------------------

void LiveAndLeave() { JoinAndLeave(1, 0); }

// Recovers row 1 if its owner died, and joins there.
void RecoverAndJoin(int thread, bool drops) {
  if (!AwaitEnd(0)) return;
  if (auto recovery = RecoverIfDead(1, thread)) {
    if (drops) {
      ClearUp(*recovery);
      See("dropped");
      return;
    }
    Finish(*recovery, thread);
  }
  if (JoinAndLeave(1, thread, true)) See("joined after it");
}

const Registration kOneRecovers({
    .type = "Participants",
    .header = "segment/participants.h",
    .name = "OneOfTwoRecoversTheDead",
    .program =
        [] {
          return MakeProgram({Mortal("mortal", LiveAndLeave),
                              {"a", [] { RecoverAndJoin(1, false); }},
                              {"b", [] { RecoverAndJoin(2, false); }}},
                             {2, 3});
        },
    .options = {.deaths = 1},
    .must_see = {"recovered", "another was faster", "joined after it", "busy"},
});

const Registration kDropped({
    .type = "Participants",
    .header = "segment/participants.h",
    .name = "WhatOneDropsAnotherDoesAgain",
    .program =
        [] {
          return MakeProgram({Mortal("mortal", LiveAndLeave),
                              {"a", [] { RecoverAndJoin(1, true); }},
                              {"b", [] { RecoverAndJoin(2, false); }}},
                             {2, 3});
        },
    .options = {.deaths = 1},
    .must_see = {"dropped", "done again"},
});

// A proof stays true, and is good for nothing once the row has another owner.
const Registration kLate({
    .type = "Participants",
    .header = "segment/participants.h",
    .name = "LateProofMissesTheNextOwner",
    .program =
        [] {
          return MakeProgram({Mortal("mortal", LiveAndLeave),
                              {"a",
                               [] {
                                 if (!AwaitEnd(0)) return;
                                 auto recovery = RecoverIfDead(1, 1);
                                 if (!recovery) return;
                                 Finish(*recovery, 1);
                                 if (JoinAndLeave(1, 1, true))
                                   See("next owner");
                               }},
                              {"late",
                               [] {
                                 const auto death = Prove(1, 2);
                                 if (!death) return;
                                 auto recovery =
                                     view->Recover(*death, members[2]);
                                 if (!recovery) return See("late");
                                 See("in time");
                                 Finish(*recovery, 2);
                               }}},
                             {2, 3});
        },
    .options = {.deaths = 1},
    .must_see = {"next owner", "late", "in time"},
});

// ---- Two deaths -------------------------------------------------------------

// The last one finds the rows of both, in either order.
void RecoverBoth(bool begins_with_recoverer) {
  AwaitEnd(0);
  AwaitEnd(1);
  if (!begins_with_recoverer) {
    if (auto first = RecoverIfDead(1, 2)) Finish(*first, 2);
  }
  if (auto second = RecoverIfDead(2, 2)) {
    if (view->Look(1).ActorOf(1) == 2) {
      Check(!second->Finish().has_value(), "first what it was at");
      See("not finished yet");
    }
    if (auto first = second->Inherit()) {
      See("inherited");
      Finish(*first, 2);
    }
    Finish(*second, 2);
  }
  if (begins_with_recoverer) {
    if (auto first = RecoverIfDead(1, 2)) Finish(*first, 2);
  }
  Check(JoinAndLeave(1, 2, true), "the row can be had again");
  if (!view->Look(2).is_owned()) {
    Check(JoinAndLeave(2, 2, true), "and that of its recoverer");
  }
}

void RecoverFirst() {
  if (!AwaitEnd(0)) return;
  if (auto recovery = RecoverIfDead(1, 1)) Finish(*recovery, 1);
}

Program TwoDeaths(bool begins_with_recoverer) {
  return MakeProgram(
      {Mortal("mortal", LiveAndLeave),
       Mortal("mortal recoverer", RecoverFirst),
       {"last",
        [begins_with_recoverer] { RecoverBoth(begins_with_recoverer); }}},
      {2, 3});
}

const Registration kTakenOver({
    .type = "Participants",
    .header = "segment/participants.h",
    .name = "RecovererMayDieToo",
    .program = [] { return TwoDeaths(false); },
    .options = {.deaths = 2},
    .must_see = {"taken over from a recoverer", "done again", "recovered"},
});

const Registration kInherited({
    .type = "Participants",
    .header = "segment/participants.h",
    .name = "WhoRecoversARecovererInheritsFirst",
    .program = [] { return TwoDeaths(true); },
    .options = {.deaths = 2},
    .must_see = {"not finished yet", "inherited"},
});

// ---- In place ---------------------------------------------------------------

// Joins row 1, the only one, whoever's it is.
void JoinInPlace(int thread) {
  if (!TryLock(1, thread, true)) return See("locked");
  const auto identity = Identity(static_cast<std::uint64_t>(thread));
  const RowState state = view->Look(1);
  auto joined = view->Join(1, identity);
  if (!joined) {
    Check(state.ActorOf(1) == 1, "its lock is its owner's");
    auto recovery =
        view->RecoverInPlace(ProofOfDeathMint::Make(1, state.word()));
    Check(recovery.has_value(), "whoever has the lock is alone");
    if (!state.is_owned()) See("successor of a successor");
    ClearUp(*recovery);
    joined = recovery->Succeed(identity);
    Check(joined.has_value(), "the row is ours");
    ++finished[static_cast<std::size_t>(thread)];
    See("succeeded");
  }
  BeginLife(*joined);
  EndLife(*joined);
  Unlock(1);
}

const Registration kInPlace({
    .type = "Participants",
    .header = "segment/participants.h",
    .name = "SuccessorInPlaceMayDieToo",
    .program =
        [] {
          Program program =
              MakeProgram({Mortal("mortal", [] { JoinInPlace(0); }),
                           Mortal("mortal successor",
                                  [] {
                                    AwaitEnd(0);
                                    JoinInPlace(1);
                                  }),
                           {"last", [] {
                              AwaitEnd(1);
                              JoinInPlace(2);
                            }}});
          program.finish = [] {};  // two owners may have died
          return program;
        },
    .options = {.deaths = 2},
    .must_see = {"succeeded", "successor of a successor"},
});

}  // namespace
}  // namespace placid::model
