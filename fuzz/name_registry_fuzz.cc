// SPDX-License-Identifier: Apache-2.0
//
// NameRegistry: names that come to exist, are entered, and go, by processes that
// live, die, and die with an entry in their hands. With an honest peer what was
// entered and exists is listed, with its time, and a name is refused only where
// no entry could be had; with a hostile one every answer comes in bounded steps
// and within the bytes.
#include <array>
#include <string>
#include <string_view>

#include "fuzz/harness.h"
#include "placid/os/name_registry.h"

namespace placid::fuzz {
namespace {

using os::NameWriter;

constexpr std::uint64_t kEntries = 4;
using Registry = os::NameRegistry<kEntries>;

constexpr std::size_t kNames = 7;
constexpr std::uint64_t kSelf = 1;
// A look is 3, and kTries of them are made to refresh, each with its swap.
constexpr std::uint64_t kAccesses = kEntries * (8 * 4 + 1) +  // to refresh
                                    kEntries * 2 * 10 + 1;    // to take

class Run {
 public:
  Run(Input& input, std::span<std::byte> bytes, Honesty honesty)
      : input_(input), bytes_(bytes), peer_(input, bytes, honesty) {
    // Two as long as a name can be, two of one hash and one length.
    names_ = {std::string(os::Name::kMaxBytes, 'a'),
              std::string(os::Name::kMaxBytes, 'b'),
              "gad-live",
              "kja-live",
              "e",
              std::string(31, 'f'),
              std::string(64, 'g')};
  }

  void Go() {
    while (!input_.is_spent()) {
      peer_.Allow(kAccesses);
      Do(static_cast<std::size_t>(input_.TakeAtMost(kNames - 1)));
      List();
    }
    peer_.Allow(kAccesses);
  }

 private:
  static bool CheckError(const Error& error) {
    PLACID_FUZZ_CHECK(error.operation != nullptr && error.advice != nullptr);
    PLACID_FUZZ_CHECK(!error.Message().view().empty());
    return false;
  }
  [[nodiscard]] bool IsHonest() const { return peer_.is_honest(); }
  // An entry, behind the machine's back.
  [[nodiscard]] std::byte* EntryAt(std::uint64_t index) const {
    return bytes_.data() + Registry::kEntriesOffset +
           index * sizeof(Registry::Entry);
  }
  [[nodiscard]] std::uint64_t Word(std::uint64_t index,
                                   std::size_t offset) const {
    std::uint64_t word = 0;
    std::memcpy(&word, EntryAt(index) + offset, sizeof(word));
    return word;
  }
  void SetWord(std::uint64_t index, std::size_t offset, std::uint64_t word) {
    std::memcpy(EntryAt(index) + offset, &word, sizeof(word));
  }
  // Whether an entry's name is one of ours and exists.
  [[nodiscard]] bool IsInUse(std::uint64_t index) const {
    const auto* text = reinterpret_cast<const char*>(
        EntryAt(index) + offsetof(Registry::Entry, name));
    const std::size_t at =
        IndexOf({text, static_cast<std::size_t>(std::min<std::uint64_t>(
                           Word(index, kState) % 256, os::Name::kMaxBytes))});
    return at < kNames && is_existing_[at];
  }
  [[nodiscard]] std::size_t IndexOf(std::string_view name) const {
    for (std::size_t i = 0; i < kNames; ++i) {
      if (names_[i] == name) return i;
    }
    return kNames;
  }

  void Do(std::size_t index) {
    switch (input_.TakeAtMost(5)) {
      case 0:
      case 1: return Enter(index);
      case 2: is_existing_[index] = has_entered_[index] = false; return;
      case 3: return TakeInHand(input_.TakeAtMost(kEntries - 1));
      case 4: return LoseName(input_.TakeAtMost(kEntries - 1));
      default: peer_.Scribble();
    }
  }

  void Enter(std::size_t index) {
    const auto registry = Registry::Attach(bytes_);
    if (!registry) {
      PLACID_FUZZ_CHECK(!IsHonest());
      CheckError(registry.error());
      return;
    }
    is_existing_[index] = true;
    const std::uint64_t made_at = input_.TakeAtMost(UINT8_MAX);
    const bool is_entered = registry->Enter(
        names_[index], NameWriter(kSelf), made_at,
        [&](std::string_view name) {
          PLACID_FUZZ_CHECK(!name.empty() &&
                            name.size() <= os::Name::kMaxBytes);
          const std::size_t asked = IndexOf(name);
          PLACID_FUZZ_CHECK(!IsHonest() || asked < kNames);
          return asked < kNames && is_existing_[asked];
        },
        [&](NameWriter writer) { return writer.word() >= kDead; });
    if (!IsHonest()) return;
    has_entered_[index] |= is_entered;
    if (made_at != 0) made_at_[index] = made_at;
    if (!is_entered) CheckFull();
  }
  // Every entry is a living one's, or has a name that exists.
  void CheckFull() const {
    for (std::uint64_t i = 0; i < kEntries; ++i) {
      const std::uint64_t writer = Word(i, kWriter);
      PLACID_FUZZ_CHECK((writer != 0 && writer < kDead) || IsInUse(i));
    }
  }
  // Some process claims an entry, and lives or dies.
  void TakeInHand(std::uint64_t index) {
    SetWord(index, kWriter,
            input_.TakeOneOf<std::uint64_t>(
                {0, kSelf, kSelf + 1, kDead, kDead + 1}));
  }
  // And had taken its name out, if that was gone.
  void LoseName(std::uint64_t index) {
    if (IsInUse(index)) return;
    SetWord(index, kState, ((Word(index, kState) >> 24) + 1) << 24);
  }

  void List() {
    peer_.AllowReads(1 + kEntries * (8 * 3 + 1));
    const auto reader = Registry::AttachReadOnly(bytes_);
    if (!reader) {
      PLACID_FUZZ_CHECK(!IsHonest());
      CheckError(reader.error());
      return;
    }
    std::array<bool, kNames> is_listed{};
    std::uint64_t count = 0;
    reader->ForEach([&](std::string_view name, std::uint64_t made_at) {
      ++count;
      PLACID_FUZZ_CHECK(!name.empty() && name.size() <= os::Name::kMaxBytes);
      const std::size_t at = IndexOf(name);
      if (!IsHonest()) return;
      PLACID_FUZZ_CHECK(at < kNames);
      PLACID_FUZZ_CHECK(!has_entered_[at] || made_at == made_at_[at] ||
                        made_at == 0);
      is_listed[at] = true;
    });
    PLACID_FUZZ_CHECK(count <= kEntries);
    for (std::size_t i = 0; IsHonest() && i < kNames; ++i) {
      PLACID_FUZZ_CHECK(!has_entered_[i] || is_listed[i]);
    }
  }

  static constexpr std::uint64_t kDead = 100;  // a writer from here on is
  static constexpr std::size_t kState = offsetof(Registry::Entry, state);
  static constexpr std::size_t kWriter = offsetof(Registry::Entry, writer);

  Input& input_;
  std::span<std::byte> bytes_;
  HostilePeer peer_;
  std::array<std::string, kNames> names_;
  std::array<bool, kNames> is_existing_{};
  std::array<bool, kNames> has_entered_{};
  std::array<std::uint64_t, kNames> made_at_{};
};

// Some of the words replaced, or any bytes at all.
void Spoil(std::span<std::byte> bytes, Input& input) {
  for (auto changes = input.TakeAtMost(7); changes > 0; --changes) {
    const auto word = input.Take<std::uint64_t>();
    const auto at =
        static_cast<std::size_t>(input.TakeAtMost(bytes.size() / 8 - 1));
    std::memcpy(bytes.data() + at * 8, &word, 8);
  }
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid;        // NOLINT
  using namespace placid::fuzz;  // NOLINT
  constexpr auto kBytes = static_cast<std::size_t>(Registry::SizeFor());
  static GuardedArena arena(kBytes);
  Input input(data, size);
  const auto honesty = input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const auto bytes = arena.Place(kBytes, kLineBytes);
  if (honesty == Honesty::kHostile) Spoil(bytes, input);
  Run(input, bytes, honesty).Go();
  arena.CheckSurroundings();
  return 0;
}
