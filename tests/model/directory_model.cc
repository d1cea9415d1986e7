// SPDX-License-Identifier: Apache-2.0
//
// Directory: however many ask for a name at once, and whoever dies of making
// it, all get one object, whole, and the names that others make do not wait.
//
// An object is one word of plain bytes: the number of the thread that made it,
// plus one. So an object that is found before it is whole, made by two at once,
// or made anew before its dead maker is known to be dead, is a data race or a
// wrong number. A death is known by the kernel's word alone.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "placid/segment/directory.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

constexpr std::uint64_t kEntries = 3;
constexpr std::uint64_t kSmall = 8;
constexpr std::uint64_t kLarge = kLineBytes + 8;
constexpr ObjectType kType{TypeId::kFirstForeign, 0, 1, 0, {}};
constexpr std::string_view kA = "a";

struct alignas(kLineBytes) Bytes {
  std::array<std::byte,
             static_cast<std::size_t>(Directory::SizeFor(kEntries, 8 * 128))>
      all;
};
Bytes bytes;
std::optional<Directory> view;
// What each thread noted: where it found the object of kA, and whose it was.
struct Seen {
  const std::byte* at = nullptr;
  std::uint64_t maker = 0;
  int made = 0;  // objects of that name that it published
};
std::array<Seen, 4> seen;

std::span<std::byte> All() { return bytes.all; }
OwnerId OwnerOf(int thread) {
  return *OwnerId::Of(static_cast<std::uint64_t>(thread) + 1, 1);
}

// The maker's number at the beginning of an object.
std::uint64_t MakerIn(const std::byte* at) {
  std::uint64_t maker = 0;
  machine::CopyOut(&maker, at, sizeof(maker));
  return maker;
}
void Note(int thread, const std::byte* at) {
  Seen& mine = seen[static_cast<std::size_t>(thread)];
  Check(mine.at == nullptr || mine.at == at, "a name stays where it is");
  mine.at = at;
  mine.maker = MakerIn(at);
  Check(mine.maker != 0, "what is found is whole");
}

// False: it is being made.
bool Ask(int thread, std::string_view name, std::uint64_t size = kSmall,
         bool fails = false) {
  const std::uint64_t mine = static_cast<std::uint64_t>(thread) + 1;
  const auto found = view->FindOrCreate(
      name, OwnerOf(thread), kType, size,
      [&](std::span<std::byte> object) -> Result<void> {
        Check(MakerIn(object.data()) == 0, "it is made of zeroed bytes");
        machine::CopyIn(object.data(), &mine, sizeof(mine));
        if (fails) return Error{.code = ErrorCode::kSystem};
        return Ok();
      });
  if (found) {
    Note(thread, found->bytes.data());
    if (found->was_created) {
      ++seen[static_cast<std::size_t>(thread)].made;
      See("made");
    } else {
      See("found");
    }
    CountOperation();
    return true;
  }
  if (fails && found.error().code == ErrorCode::kSystem) {
    See("failed");
    return true;
  }
  Check(found.error().code == ErrorCode::kBusy, "made by somebody else");
  See("busy");
  return false;
}
void AskUntilThere(int thread, std::string_view name,
                   std::uint64_t size = kSmall) {
  while (!Ask(thread, name, size)) Pause();
}

Program MakeProgram(
    std::vector<ThreadSpec> threads, std::function<void()> begin = [] {}) {
  Program program;
  program.set_up = [begin = std::move(begin)] {
    bytes = {};
    seen = {};
    view = *Directory::Create(All(), kEntries);
    begin();
  };
  program.threads = std::move(threads);
  program.finish = [] {
    const std::byte* at = nullptr;
    std::uint64_t maker = 0;
    for (const Seen& one : seen) {
      if (one.at == nullptr) continue;
      Check(at == nullptr || at == one.at, "one name, one object");
      Check(maker == 0 || maker == one.maker, "made once");
      at = one.at;
      maker = one.maker;
    }
  };
  program.regions = {{"directory", &bytes, sizeof(bytes)}};
  return program;
}

ThreadSpec Mortal(const char* name, std::function<void()> run) {
  return {name, std::move(run), /*can_die=*/true};
}

// An entry that a dead one of row 9 has left, of so many bytes.
void BeginWithLeft(std::uint64_t size) {
  const std::uint64_t stale = 0xDEAD;
  (void)view->FindOrCreate(kA, *OwnerId::Of(9, 1), kType, size,
                           [&](std::span<std::byte> object) -> Result<void> {
                             std::memcpy(object.data(), &stale, sizeof(stale));
                             return Error{.code = ErrorCode::kSystem};
                           });
}

// ---- Making and finding -----------------------------------------------------

const Registration kTwoMake({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "TwoWhoMakeOneNameGetOneObject",
    .program =
        [] {
          return MakeProgram({{"a", [] { AskUntilThere(0, kA); }},
                              {"b", [] { AskUntilThere(1, kA); }}});
        },
    .options = {},
    .must_see = {"made", "found", "busy"},
});

const Registration kThreeMake({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "ThreeWhoAskOnceGetOneObjectOrAreTold",
    .program =
        [] {
          return MakeProgram({{"a", [] { Ask(0, kA); }},
                              {"b", [] { Ask(1, kA); }},
                              {"c", [] { Ask(2, kA); }}});
        },
    .options = {},
    .must_see = {"made", "found", "busy"},
});

// Each name once, though everybody makes all of them.
const Registration kThreeNames({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "TwoWhoMakeTheSameNamesInAnyOrderMakeEachOnce",
    .program =
        [] {
          const auto ask = [](int thread, std::string_view first,
                              std::string_view second) {
            return [=] {
              for (const std::string_view name : {first, second}) {
                const auto found = view->FindOrCreate(
                    name, OwnerOf(thread), kType, kSmall,
                    [&](std::span<std::byte> object) -> Result<void> {
                      Check(MakerIn(object.data()) == 0, "of zeroed bytes");
                      const auto mine = static_cast<std::uint64_t>(thread) + 1;
                      machine::CopyIn(object.data(), &mine, sizeof(mine));
                      return Ok();
                    });
                if (!found) {
                  Check(found.error().code == ErrorCode::kBusy, "busy");
                  continue;
                }
                if (name == kA) Note(thread, found->bytes.data());
                if (!found->was_created) See("the other's");
                CountOperation();
              }
            };
          };
          return MakeProgram({{"a, b", ask(0, kA, "b")},
                              {"b, a", ask(1, "b", kA)},
                              {"a", ask(2, kA, kA)}});
        },
    .options = {},
    .must_see = {"the other's"},
});

// Who looks stores nothing and sees the whole of it, or nothing.
const Registration kFind({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "WhatIsFoundIsWhole",
    .program =
        [] {
          return MakeProgram(
              {{"maker", [] { Ask(0, kA); }},
               {"reader",
                [] {
                  const auto found = view->Find(kA, kType);
                  if (found) {
                    See("found ready");
                    Note(1, found->bytes.data());
                    CountOperation();
                  } else if (found.error().code == ErrorCode::kBusy) {
                    See("being made");
                  } else {
                    Check(found.error().code == ErrorCode::kNotFound, "none");
                    See("none");
                  }
                }},
               {"inspector", [] {
                  const bool is_whole =
                      view->ForEach([](const DirectoryEntry& entry) {
                        if (entry.name.empty()) return See("unready entry");
                        Check(entry.name == kA, "its name");
                        Check(MakerIn(entry.object.TrustPeer().data()) == 1,
                              "its object");
                        See("shown");
                      });
                  Check(is_whole, "entries are whole");
                }}});
        },
    .options = {},
    .must_see = {"found ready", "being made", "none", "shown", "unready entry"},
});

// Names that have nothing to do with one another do not wait.
const Registration kOthers({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "TwoNamesAreMadeSideBySide",
    .program =
        [] {
          return MakeProgram(
              {{"a", [] { Check(Ask(0, kA), "nobody is in the way"); }},
               {"b", [] {
                  const auto made = view->FindOrCreate(
                      "b", OwnerOf(1), kType, kSmall,
                      [](std::span<std::byte> object) -> Result<void> {
                        Check(MakerIn(object.data()) == 0, "of zeroed bytes");
                        const std::uint64_t mine = 2;
                        machine::CopyIn(object.data(), &mine, sizeof(mine));
                        return Ok();
                      });
                  Check(made.has_value(), "nor here");
                  Check(MakerIn(made->bytes.data()) == 2, "each has its own");
                  CountOperation();
                  if (view->Find(kA, kType)) See("both");
                }}});
        },
    .options = {},
    .must_see = {"made", "both"},
});

// Two names of one hash cannot be told apart before the first is ready: the
// second waits, goes past it, and is found behind it.
const Registration kOneHash({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "NamesOfOneHashComeOneAfterTheOther",
    .program =
        [] {
          const auto ask = [](int thread, std::string_view name) {
            return [=] {
              const auto mine = static_cast<std::uint64_t>(thread) + 1;
              for (;;) {
                const auto found = view->FindOrCreate(
                    name, OwnerOf(thread), kType, kSmall,
                    [&](std::span<std::byte> object) -> Result<void> {
                      machine::CopyIn(object.data(), &mine, sizeof(mine));
                      return Ok();
                    });
                if (found) {
                  Check(MakerIn(found->bytes.data()) == mine, "its own");
                  CountOperation();
                  return;
                }
                Check(found.error().code == ErrorCode::kBusy, "or later");
                See("in the way");
                Pause();
              }
            };
          };
          return MakeProgram({{"hm", ask(0, "hm")},
                              {"pp", ask(1, "pp")},
                              {"reader", [] {
                                 const auto found = view->Find("pp", kType);
                                 if (!found) return;
                                 Check(MakerIn(found->bytes.data()) == 2,
                                       "not the other");
                                 if (view->Find("hm", kType)) See("both");
                               }}});
        },
    .options = {},
    .must_see = {"in the way", "both"},
});

// Who attaches sees what Create made.
const Registration kCreated({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "AttachSeesWhatCreateWrote",
    .program =
        [] {
          Program program = MakeProgram(
              {{"creator",
                [] {
                  Check(Directory::Create(All(), 2).has_value(), "virgin");
                }},
               {"attacher", [] {
                  const auto found = Directory::Attach(All());
                  if (!found) {
                    Check(found.error().code == ErrorCode::kNotInitialized,
                          "not there yet");
                    return See("too early");
                  }
                  Check(found->count() == 2, "what is stamped is whole");
                  Check(found->object_bytes() >= 8 * 128, "with its bytes");
                  See("attached");
                  CountOperation();
                }}});
          program.set_up = [set_up = program.set_up] {
            set_up();
            bytes = {};
          };
          return program;
        },
    .options = {},
    .must_see = {"attached", "too early"},
});

// ---- What was left ----------------------------------------------------------

const Registration kFails({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "WhatOneFailsToMakeAnotherMakes",
    .program =
        [] {
          return MakeProgram(
              {{"fails", [] { (void)Ask(0, kA, kSmall, /*fails=*/true); }},
               {"makes", [] { AskUntilThere(1, kA); }}});
        },
    .options = {},
    .must_see = {"failed", "made", "busy"},
});

// One wants what the lines can hold, one more: still one object.
const Registration kLarger({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "LeftLinesGoToOneNameOrToNobody",
    .program =
        [] {
          const auto ask = [](int thread, std::uint64_t size) {
            return [=] {
              const auto found = view->FindOrCreate(
                  kA, OwnerOf(thread), kType, size,
                  [&](std::span<std::byte> object) -> Result<void> {
                    Check(MakerIn(object.data()) == 0, "of zeroed bytes");
                    const auto mine = static_cast<std::uint64_t>(thread) + 1;
                    machine::CopyIn(object.data(), &mine, sizeof(mine));
                    return Ok();
                  });
              if (found) {
                See(size == kLarge ? "larger" : "smaller");
                Note(thread, found->bytes.data());
                CountOperation();
              } else if (found.error().code == ErrorCode::kWrongElement) {
                See("other size");
              } else {
                Check(found.error().code == ErrorCode::kBusy, "being made");
                See("busy");
              }
            };
          };
          return MakeProgram({{"small", ask(0, kSmall)},
                              {"large", ask(1, kLarge)},
                              {"small too", ask(2, kSmall)}},
                             [] { BeginWithLeft(kSmall); });
        },
    .options = {},
    .must_see = {"larger", "smaller", "other size", "busy"},
});

// ---- Deaths -----------------------------------------------------------------

void RecoverAndAsk(int thread, int dead) {
  if (AwaitEnd(dead)) {
    if (view->Recover(DeadOwner::Attested(OwnerOf(dead))) > 0) {
      See("recovered");
      Check(view->Recover(DeadOwner::Attested(OwnerOf(dead))) == 0,
            "once is enough");
    }
    CountOperation();
  }
  AskUntilThere(thread, kA);
}

const Registration kMakerDies({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "WhatADeadOneWasMakingASurvivorMakes",
    .program =
        [] {
          return MakeProgram({Mortal("mortal", [] { Ask(0, kA); }),
                              {"survivor", [] { RecoverAndAsk(1, 0); }}});
        },
    .options = {.deaths = 1},
    .must_see = {"recovered", "made", "found"},
});

// Somebody who recovers nobody waits for who does.
const Registration kWaitsForRecovery({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "WhoWaitsForADeadMakerGetsTheObjectAfterItsRecovery",
    .program =
        [] {
          return MakeProgram({Mortal("mortal", [] { Ask(0, kA); }),
                              {"recoverer", [] { RecoverAndAsk(1, 0); }},
                              {"waits", [] { AskUntilThere(2, kA); }}});
        },
    .options = {.deaths = 1},
    .must_see = {"recovered", "busy", "made", "found"},
});

// The recoverer dies too, at any step: the next does all of it again.
const Registration kRecovererDies({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "RecovererMayDieToo",
    .program =
        [] {
          return MakeProgram(
              {Mortal("mortal", [] { Ask(0, kA); }),
               Mortal("mortal recoverer",
                      [] {
                        AwaitEnd(0);
                        (void)view->Recover(DeadOwner::Attested(OwnerOf(0)));
                        Ask(1, kA);
                      }),
               {"last", [] {
                  AwaitEnd(0);
                  if (AwaitEnd(1)) See("both dead");
                  (void)view->Recover(DeadOwner::Attested(OwnerOf(0)));
                  (void)view->Recover(DeadOwner::Attested(OwnerOf(1)));
                  Check(Ask(2, kA), "nothing is in the way");
                }}});
        },
    .options = {.deaths = 2},
    .must_see = {"both dead", "made", "found"},
});

// In lines that were used before: what is zeroed is zero for the next again.
const Registration kDiesInUsedLines({
    .type = "Directory",
    .header = "segment/directory.h",
    .name = "DeathInUsedLinesLeavesThemZeroable",
    .program =
        [] {
          return MakeProgram({Mortal("mortal", [] { Ask(0, kA); }),
                              {"survivor", [] { RecoverAndAsk(1, 0); }},
                              {"other", [] { Ask(2, kA); }}},
                             [] { BeginWithLeft(kSmall); });
        },
    .options = {.deaths = 1},
    .must_see = {"recovered", "made", "found", "busy"},
});

}  // namespace
}  // namespace placid::model
