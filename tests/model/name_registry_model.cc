// SPDX-License-Identifier: Apache-2.0
//
// NameRegistry: a name that was entered by who has it open is listed, whole, for
// as long as it exists, whoever wants its entry; and the entry at which somebody
// died is the next one's.
//
// That a name exists is here a relaxed word of its own, which whoever looks may
// see as it was before, unless the registry's own words tell it better: weaker
// than any kernel is. Two names have one hash and one length, so that nothing
// but the lap tells their states apart.
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "placid/os/name_registry.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

using os::NameWriter;
using Registry = os::NameRegistry<1>;

constexpr std::array<std::string_view, 3> kShortNames = {"gad-live", "kja-live",
                                                         "next-one"};
// Which can be seen half-changed.
constexpr std::array<std::string_view, 3> kLongNames = {
    "waaalphaawaomega", "gaaalphaagaomega", "of-the-next-one."};

struct alignas(kLineBytes) Bytes {
  Registry::Memory memory;
  std::array<Registry::Entry, 1> entries;
};
Bytes bytes;
std::array<std::string_view, 3> names;
std::array<Atomic<std::uint64_t>, 3> existing;
std::optional<Registry> registry;
// What each thread noted of itself: that it has entered its name.
std::array<bool, 3> has_entered;

std::span<std::byte> Shared() {
  return std::as_writable_bytes(std::span(&bytes, 1));
}
std::size_t IndexOf(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return i;
  }
  Check(false, "a name is whole");
  return 0;
}

// A thread's writer is its number, from 1.
bool IsDead(NameWriter writer) {
  return AwaitEnd(static_cast<int>(writer.pid()) - 1);
}
bool IsAlive(NameWriter) { return false; }

// Thread i makes what name `name` leads to and enters it.
template <typename Dead>
void Make(std::size_t thread, std::size_t name, Dead is_dead,
          bool is_maker = true) {
  existing[name].store(1, kRelaxed);
  has_entered[thread] = registry->Enter(
      names[name], NameWriter(thread + 1), is_maker ? thread + 1 : 0,
      [](std::string_view asked) {
        return existing[IndexOf(asked)].load(kRelaxed) != 0;
      },
      is_dead);
  CountOperation();
}

void Read() {
  const auto reader = Registry::AttachReadOnly(Shared());
  Check(reader.has_value(), "zero is a registry");
  reader->ForEach([](std::string_view name, std::uint64_t) {
    See(IndexOf(name) == 0 ? "the first" : "the second");
  });
  CountOperation();
}

// At the end: the one name that is listed, or none.
struct Listed {
  std::string_view name;
  std::uint64_t made_at = 0;
};
Listed List() {
  Listed found;
  Registry::AttachReadOnly(Shared())->ForEach(
      [&](std::string_view name, std::uint64_t made_at) {
        found = {names[IndexOf(name)], made_at};
      });
  return found;
}
void CheckNobodyWrites() {
  Check(bytes.entries[0].writer.load(kRelaxed) == 0, "the entry is nobody's");
}

enum class Entry : std::uint8_t { kFree, kStale, kLongStale };

Program MakeProgram(Entry entry, std::vector<ThreadSpec> threads) {
  Program program;
  program.set_up = [entry] {
    bytes = {};
    names = entry == Entry::kLongStale ? kLongNames : kShortNames;
    registry = *Registry::Attach(Shared());
    existing = {};
    has_entered = {};
    if (entry == Entry::kFree) return;
    const auto none = [](auto) { return false; };
    registry->Enter(names[0], NameWriter(9), 9, none, none);
  };
  program.threads = std::move(threads);
  program.regions = {{"registry", &bytes, sizeof(bytes)},
                     {"existing", &existing, sizeof(existing)}};
  return program;
}

// One entry, two who want it and live: one gets it, and is listed.
void FinishWithOne(std::array<std::size_t, 2> wanted) {
  Check(has_entered[0] != has_entered[1], "one of them has the entry");
  const std::size_t winner = has_entered[0] ? 0 : 1;
  const Listed found = List();
  Check(found.name == names[wanted[winner]], "what was entered is listed");
  Check(found.made_at == winner + 1, "and when it was made");
  CheckNobodyWrites();
}

const Registration kFree({
    .type = "NameRegistry",
    .header = "os/name_registry.h",
    .name = "OneOfTwoGetsAFreeEntry",
    .program =
        [] {
          Program program =
              MakeProgram(Entry::kFree, {{"a", [] { Make(0, 0, IsAlive); }},
                                         {"b", [] { Make(1, 1, IsAlive); }}});
          program.finish = [] {
            FinishWithOne({0, 1});
            See(has_entered[0] ? "a" : "b");
          };
          return program;
        },
    .options = {},
    .must_see = {"a", "b"},
});

const Registration kStale({
    .type = "NameRegistry",
    .header = "os/name_registry.h",
    .name = "ANameThatExistsAgainKeepsItsEntry",
    .program =
        [] {
          Program program = MakeProgram(
              Entry::kStale, {{"maker", [] { Make(0, 0, IsAlive); }},
                              {"other", [] { Make(1, 1, IsAlive); }}});
          program.finish = [] {
            FinishWithOne({0, 1});
            See(has_entered[0] ? "kept" : "reclaimed");
          };
          return program;
        },
    .options = {},
    .must_see = {"kept", "reclaimed"},
});

// The same name by two, who both have it open: whoever wants the entry finds it
// in use.
const Registration kTwice({
    .type = "NameRegistry",
    .header = "os/name_registry.h",
    .name = "WhoOpensANameKeepsItToo",
    .program =
        [] {
          Program program = MakeProgram(
              Entry::kStale, {{"maker", [] { Make(0, 0, IsAlive); }},
                              {"opener", [] { Make(1, 0, IsAlive, false); }},
                              {"other", [] { Make(2, 1, IsAlive); }}});
          program.finish = [] {
            const bool is_kept = has_entered[0] || has_entered[1];
            Check(is_kept != has_entered[2], "one of the names has the entry");
            const Listed found = List();
            Check(found.name == names[is_kept ? 0 : 1], "and is listed");
            Check(!has_entered[0] || found.made_at == 1, "as its maker said");
            CheckNobodyWrites();
            See(has_entered[0] && has_entered[1] ? "both" : "not both");
            See(is_kept ? "kept" : "reclaimed");
          };
          return program;
        },
    .options = {.max_switches = 1},
    .must_see = {"both", "not both", "kept", "reclaimed"},
});

const Registration kReaders({
    .type = "NameRegistry",
    .header = "os/name_registry.h",
    .name = "ReadersSeeWholeNames",
    .program =
        [] {
          return MakeProgram(
              Entry::kLongStale,
              {{"other", [] { Make(1, 1, IsAlive); }}, {"reader", Read}});
        },
    .options = {},
    .must_see = {"the first", "the second"},
});

const Registration kDead({
    .type = "NameRegistry",
    .header = "os/name_registry.h",
    .name = "TheDeadLeaveTheirEntryToTheNext",
    .program =
        [] {
          Program program = MakeProgram(
              Entry::kLongStale,
              {{"mortal", [] { Make(0, 1, IsAlive); }, true},
               {"next",
                [] {
                  if (!AwaitEnd(0)) return;
                  existing[1].store(0,
                                    kRelaxed);  // it went with its maker
                  Make(1, 2, IsDead);
                  Check(has_entered[1], "there is nobody else");
                  See("the next");
                }},
               {"reader", Read}});
          program.finish = [] {
            Check(!has_entered[1] || List().name == names[2], "it is listed");
          };
          return program;
        },
    .options = {.deaths = 1, .max_switches = 3},
    .must_see = {"the next", "the first", "the second"},
});

const Registration kHeirs({
    .type = "NameRegistry",
    .header = "os/name_registry.h",
    .name = "OneOfTwoTakesOverFromTheDead",
    .program =
        [] {
          Program program = MakeProgram(
              Entry::kFree, {{"mortal", [] { Make(0, 1, IsAlive); }, true},
                             {"a",
                              [] {
                                if (!AwaitEnd(0)) return;
                                existing[1].store(0, kRelaxed);
                                Make(1, 2, IsDead);
                              }},
                             {"b", [] {
                                if (!AwaitEnd(0)) return;
                                existing[1].store(0, kRelaxed);
                                Make(2, 0, IsDead);
                              }}});
          program.finish = [] {
            if (!has_entered[1] && !has_entered[2]) return;
            Check(has_entered[1] != has_entered[2], "one of them has it");
            Check(List().name == names[has_entered[1] ? 2 : 0],
                  "and is listed");
            See(has_entered[1] ? "a" : "b");
          };
          return program;
        },
    .options = {.deaths = 1, .max_switches = 3},
    .must_see = {"a", "b"},
});

}  // namespace
}  // namespace placid::model
