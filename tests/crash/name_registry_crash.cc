// SPDX-License-Identifier: Apache-2.0
//
// NameRegistry: whoever dies while it enters a name leaves both entries to
// others, and what a living one has entered stays listed.
//
// The ledger's values are the parties' names, by number: kOwn, it has entered
// its name, which exists until its party is dead.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "placid/os/name_registry.h"
#include "tests/crash/play.h"

namespace placid::crash {
namespace {

using os::NameWriter;
using Registry = os::NameRegistry<2>;

// A party's number is its writer, too.
enum Party : std::uint64_t {
  kGone,  // long dead: its name is there
  kVictims,
  kOthers,
  kRecoverers,
  kCheckers,
  kParties
};
constexpr std::array<std::string_view, kParties> kNames = {
    "gone-with-its-maker", "name-of-the-victim", "name-of-another",
    "name-of-the-recoverer", "name-of-the-checker"};

class RegistryPlay : public Play {
 public:
  enum class Kind {
    kFree,     // both entries
    kStale,    // names that do not exist
    kMine,     // one of them is the victim's, from an earlier life
    kDeadHand  // whoever had them died in them
  };
  explicit RegistryPlay(Kind kind) : kind_(kind) {}

  void SetUp(Bytes bytes) override {
    const Registry registry = Need(Registry::Attach(bytes));
    if (kind_ == Kind::kFree) return;
    const auto none = [](auto) { return false; };
    registry.Enter(kNames[kGone], NameWriter(kGone + 9), 1, none, none);
    registry.Enter(kind_ == Kind::kMine ? kNames[kVictims] : "gone-as-well",
                   NameWriter(kGone + 9), 1, none, none);
    if (kind_ != Kind::kDeadHand) return;
    for (std::size_t i = 0; i < 2; ++i) {
      EntryOf(bytes, i).writer.store(kGone + 9, kRelaxed);
    }
    // One had taken the name out, one had not come to it.
    EntryOf(bytes, 1).state.store(std::uint64_t{7} << 24, kRelaxed);
  }

  void Act(Bytes bytes) override {
    Enter(bytes, kVictims, [](std::uint64_t party) {
      return party == kVictims || party == kOthers;
    });
  }

  bool Other(Bytes bytes) override {
    Enter(bytes, kOthers, [](std::uint64_t party) {
      return party == kVictims || party == kOthers;
    });
    Look(bytes);
    return true;
  }

  // Whether the second party is alive it cannot tell: then it is.
  void Recover(Bytes bytes) override {
    Enter(bytes, kRecoverers, [](std::uint64_t party) {
      return party == kRecoverers || party == kOthers;
    });
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    const auto is_alive = [=](std::uint64_t party) {
      return party == kCheckers || (party == kOthers && !is_other_dead);
    };
    const auto is_listed = [&](Party party) {
      const auto listed = Look(bytes);
      return std::ranges::find(listed, kNames[party]) != listed.end();
    };
    if (!is_other_dead) {
      if (HasEntered(kOthers)) {
        Expect(is_listed(kOthers), "what a living one entered is lost");
      }
      // It takes one entry at most, and goes on as if nothing had been.
      Expect(Enter(bytes, kOthers, is_alive), "the second party is locked out");
      Expect(is_listed(kOthers), "what the second party entered is lost");
    }
    Expect(Enter(bytes, kCheckers, is_alive), "an entry of the dead is lost");
    Expect(is_listed(kCheckers), "what was entered is not listed");
    Expect(is_other_dead || is_listed(kOthers), "a living one lost its entry");
    for (std::size_t i = 0; i < 2; ++i) {
      const std::uint64_t writer = EntryOf(bytes, i).writer.load(kRelaxed);
      Expect(writer != kCheckers, "an entry that nobody gave back");
    }
  }

 private:
  static Registry::Entry& EntryOf(Bytes bytes, std::size_t index) {
    return reinterpret_cast<Registry::Entry*>(bytes.data() +
                                              Registry::kEntriesOffset)[index];
  }

  template <typename IsAlive>
  static bool Enter(Bytes bytes, Party party, IsAlive is_alive) {
    const Registry registry = Need(Registry::Attach(bytes));
    const bool has_entered = registry.Enter(
        kNames[party], NameWriter(party), party,
        [&](std::string_view name) {
          for (std::uint64_t i = 1; i < kParties; ++i) {
            if (kNames[i] == name) return is_alive(i);
          }
          Expect(name.starts_with("gone"), "asked for half a name");
          return false;
        },
        [&](NameWriter writer) { return !is_alive(writer.word()); });
    if (has_entered) Book().Note(What::kOwn, party);
    return has_entered;
  }
  static bool HasEntered(Party party) {
    return std::ranges::any_of(Book().Events(), [&](const Event& event) {
      return event.what == What::kOwn && event.value == party;
    });
  }
  // All that is listed, each of which somebody entered.
  static std::vector<std::string_view> Look(Bytes bytes) {
    std::vector<std::string_view> listed;
    Need(Registry::AttachReadOnly(bytes))
        .ForEach([&](std::string_view name, std::uint64_t) {
          const auto at = std::ranges::find(kNames, name);
          Expect(at != kNames.end() || name == "gone-as-well",
                 "half a name is listed");
          if (at != kNames.end()) listed.push_back(*at);
        });
    return listed;
  }

  const Kind kind_;
};

const Registration kNameRegistry([](std::vector<Scenario>& scenarios) {
  using Kind = RegistryPlay::Kind;
  const auto add = [&](const char* operation, Kind kind) {
    scenarios.push_back({"NameRegistry", operation,
                         static_cast<std::size_t>(Registry::SizeFor()),
                         [=] { return std::make_unique<RegistryPlay>(kind); }});
  };
  add("NameRegistry Enter, free", Kind::kFree);
  add("NameRegistry Enter, reclaiming", Kind::kStale);
  add("NameRegistry Enter, again", Kind::kMine);
  add("NameRegistry Enter, in a dead hand", Kind::kDeadHand);
});

}  // namespace
}  // namespace placid::crash
