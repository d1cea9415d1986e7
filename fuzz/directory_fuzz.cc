// SPDX-License-Identifier: Apache-2.0
//
// Directory: names that are asked for, found, made, failed at, left by the dead
// and recovered, in any order, two of them of one hash. With an honest peer
// every answer and every entry is a model's; with a hostile one every answer is
// a documented one, in bounded steps and within the bytes. The layouts that
// differing programs compare are a peer's text.
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "fuzz/harness.h"
#include "placid/primitives/spsc_ring.h"
#include "placid/segment/directory.h"

namespace placid::fuzz {
namespace {

using Phase = EntryState::Phase;

constexpr std::uint64_t kEntries = 4;
constexpr std::uint64_t kObjects = 14 * kLineBytes;
constexpr auto kBytes =
    static_cast<std::size_t>(Directory::SizeFor(kEntries, kObjects));
constexpr std::uint64_t kAccesses = 120;  // of any one operation

constexpr std::array<std::string_view, 5> kNames = {
    "a", "hm", "pp", "",
    "a name of sixty-four bytes, which is the most that "
    "there can be"};
constexpr std::array<std::uint64_t, 4> kSizes = {1, 128, 300, 1u << 20};
constexpr std::array<ObjectType, 4> kTypes = {
    ObjectType{TypeId::kFirstForeign, 0, 1, 1, "{x:f64,yaw:f64}"},
    ObjectType{TypeId::kFirstForeign, 0, 1, 2, "{x:f64,yaw:{a:u8,b:u8}[4]}"},
    ObjectType{TypeId::kFirstForeign, 1, 1, 1, "{x:f64,yaw:f64}"},
    ObjectType{TypeId::kCounter, 0, kDynamic, 0, {}}};

// What an honest directory holds.
struct Entry {
  Phase phase;
  std::size_t name;
  std::uint64_t hash;
  std::uint64_t owner;
  std::uint64_t bytes;
  std::size_t type;
  std::uint64_t size;
  std::byte value;
};

std::uint64_t HashOf(std::size_t name) { return name == 2 ? 1 : name; }

class Run {
 public:
  Run(Input& input, std::span<std::byte> bytes, Honesty honesty)
      : input_(input), bytes_(bytes) {
    PLACID_FUZZ_CHECK(Directory::Create(bytes, kEntries).has_value());
    peer_.emplace(input, bytes, honesty);
  }

  void Go() {
    peer_->Allow(kAccesses);
    const auto directory = Directory::Attach(bytes_);
    if (!directory) {
      PLACID_FUZZ_CHECK(!IsHonest());
      return CheckError(directory.error());
    }
    PLACID_FUZZ_CHECK(directory->count() >= 1);
    directory_ = *directory;
    while (!input_.is_spent()) {
      peer_->Allow(kAccesses + 3 * directory_->count() * 4);
      Do();
      CheckEntries();
    }
  }

 private:
  [[nodiscard]] bool IsHonest() const { return peer_->is_honest(); }

  static void CheckError(const Error& error) {
    PLACID_FUZZ_CHECK(error.operation != nullptr && error.advice != nullptr);
    PLACID_FUZZ_CHECK(!error.Message().view().empty());
    for (const char c : error.subject.view()) {
      PLACID_FUZZ_CHECK(static_cast<unsigned char>(c) >= 0x20);
    }
  }

  void Do() {
    const std::size_t name = input_.TakeAtMost(kNames.size() - 1);
    const std::size_t type = input_.TakeAtMost(kTypes.size() - 1);
    const std::uint64_t size = kSizes[input_.TakeAtMost(kSizes.size() - 1)];
    const std::uint64_t owner = input_.TakeAtMost(3);
    switch (input_.TakeAtMost(8)) {
      case 0:
      case 1: return Ask(name, type, size, owner, End::kMade);
      case 2: return Ask(name, type, size, owner, End::kFailed);
      case 3: return Ask(name, type, size, owner, End::kDead);
      case 4: return Find(name, type);
      case 5: return Recover(owner);
      case 6: return Inspect();
      case 7: return AskForARing(name);
      default: peer_->Scribble();
    }
  }

  // ---- What an honest one says

  // Where a name is or would be; `offset` of its lines. entries_.size(): free.
  std::size_t Seek(std::size_t name, std::uint64_t& offset) const {
    offset = 0;
    std::size_t at = 0;
    for (; at < entries_.size(); ++at) {
      const Entry& entry = entries_[at];
      const bool may_be = entry.hash == HashOf(name) + 1 &&
                          (entry.phase != Phase::kReady || entry.name == name);
      if (may_be) break;
      offset += entry.bytes;
    }
    return at;
  }
  static ErrorCode WhyOther(std::size_t is, std::size_t asked) {
    if (is == asked) return ErrorCode::kSystem;  // it is the same
    if (is == 3 || asked == 3) return ErrorCode::kWrongType;
    return is == 2 || asked == 2 ? ErrorCode::kWrongVersion
                                 : ErrorCode::kWrongElement;
  }
  void CheckRefused(const Error& error, std::optional<ErrorCode> why) const {
    CheckError(error);
    PLACID_FUZZ_CHECK(!IsHonest() || why == error.code);
  }

  enum class End { kMade, kFailed, kDead };

  void Ask(std::size_t name, std::size_t type, std::uint64_t size,
           std::uint64_t owner, End end) {
    std::optional<ErrorCode> why;
    bool is_found = false;
    std::uint64_t offset = 0;
    std::size_t at = 0;
    const std::uint64_t need =
        ObjectRecord::SpaceFor(kNames[name], kTypes[type], size);
    if (kNames[name].empty() || owner == 0) {
      why = ErrorCode::kInvalidArgument;
    } else if (IsHonest()) {
      at = Seek(name, offset);
      if (at < entries_.size() && entries_[at].phase == Phase::kLeft &&
          need > entries_[at].bytes) {
        entries_[at].hash = 0;
        at = Seek(name, offset);
      }
      if (at < entries_.size() && entries_[at].phase == Phase::kReady) {
        const ErrorCode differs = WhyOther(entries_[at].type, type);
        is_found = differs == ErrorCode::kSystem && entries_[at].size == size;
        if (differs != ErrorCode::kSystem) why = differs;
        if (differs == ErrorCode::kSystem && !is_found) {
          why = ErrorCode::kWrongElement;
        }
      } else if (at < entries_.size()) {
        if (entries_[at].phase == Phase::kBeingMade) why = ErrorCode::kBusy;
      } else if (at == kEntries || need > kObjects - offset) {
        why = ErrorCode::kNoSpace;
      }
    }
    const auto value = static_cast<std::byte>(1 + input_.TakeAtMost(200));
    const bool fails = end != End::kMade;
    const OwnerId who = owner == 0 ? OwnerId()
                        : owner == 3
                            ? OwnerId::Unowned()
                            : OwnerId::Of(owner, 5).value_or(OwnerId());
    bool was_called = false;
    const auto found = directory_->FindOrCreate(
        kNames[name], who, kTypes[type], size,
        [&](std::span<std::byte> object) -> Result<void> {
          was_called = true;
          PLACID_FUZZ_CHECK(object.size() == size && LiesIn(bytes_, object));
          for (const std::byte byte : object) {
            PLACID_FUZZ_CHECK(!IsHonest() || byte == std::byte{0});
          }
          if (IsHonest()) std::ranges::fill(object, value);
          if (!fails) return Ok();
          return Error{.code = ErrorCode::kSystem,
                       .operation = "make",
                       .advice = "none"};
        });
    if (!found) {
      const bool is_ours =
          fails && was_called && found.error().code == ErrorCode::kSystem;
      if (is_ours) {
        if (!IsHonest()) return;
        PLACID_FUZZ_CHECK(!why);
        Keep(at, {Phase::kLeft, name, HashOf(name) + 1, owner, need, type, size,
                  value});
        if (end == End::kDead) Die(at, who);
        return;
      }
      return CheckRefused(found.error(), why);
    }
    Touch(found->bytes);
    PLACID_FUZZ_CHECK(LiesIn(bytes_, found->bytes));
    PLACID_FUZZ_CHECK(found->bytes.size() == size);
    if (!IsHonest()) return;
    PLACID_FUZZ_CHECK(!why && found->was_created == !is_found);
    if (is_found) {
      PLACID_FUZZ_CHECK(found->bytes.back() == entries_[at].value);
      return;
    }
    Keep(at, {Phase::kReady, name, HashOf(name) + 1, owner, need, type, size,
              value});
  }
  void Keep(std::size_t at, Entry entry) {
    if (at == entries_.size()) {
      entries_.push_back(entry);
    } else {
      entry.bytes = entries_[at].bytes;
      entries_[at] = entry;
    }
  }
  // As if it had not come to say that it failed.
  void Die(std::size_t at, OwnerId who) {
    entries_[at].phase = Phase::kBeingMade;
    const std::uint64_t word = EntryState(Stored(at)).MadeBy(who).word();
    std::memcpy(At(at), &word, sizeof(word));
  }

  void Find(std::size_t name, std::size_t type) {
    std::uint64_t offset = 0;
    const std::size_t at = Seek(name, offset);
    std::optional<ErrorCode> why;
    if (kNames[name].empty()) {
      why = ErrorCode::kInvalidArgument;
    } else if (at == entries_.size() || entries_[at].phase == Phase::kLeft) {
      why = ErrorCode::kNotFound;
    } else if (entries_[at].phase == Phase::kBeingMade) {
      why = ErrorCode::kBusy;
    } else if (entries_[at].type != type) {
      why = WhyOther(entries_[at].type, type);
    }
    peer_->AllowReads(kAccesses + directory_->count() * 4);
    const auto found = directory_->Find(kNames[name], kTypes[type]);
    if (!found) return CheckRefused(found.error(), why);
    PLACID_FUZZ_CHECK(LiesIn(bytes_, found->bytes));
    Touch(found->bytes);
    if (!IsHonest()) return;
    PLACID_FUZZ_CHECK(!why && found->bytes.size() == entries_[at].size);
    PLACID_FUZZ_CHECK(found->bytes.front() == entries_[at].value);
  }

  void Recover(std::uint64_t owner) {
    const OwnerId who = owner == 3 ? OwnerId::Unowned()
                                   : OwnerId::Of(owner, 9).value_or(OwnerId());
    std::uint64_t expected = 0;
    for (Entry& entry : entries_) {
      if (entry.phase != Phase::kBeingMade || entry.owner != owner) continue;
      entry.phase = Phase::kLeft;
      ++expected;
    }
    const auto left = directory_->Recover(DeadOwner::Attested(who));
    PLACID_FUZZ_CHECK(left <= directory_->count());
    PLACID_FUZZ_CHECK(!IsHonest() || left == expected);
  }

  void Inspect() {
    std::size_t seen = 0;
    peer_->AllowReads(kAccesses + directory_->count() * 4);
    const bool is_whole = directory_->ForEach([&](const DirectoryEntry& it) {
      PLACID_FUZZ_CHECK(it.name.size() <= ObjectRecord::kMostNameBytes);
      PLACID_FUZZ_CHECK(LiesIn(bytes_, it.object.TrustPeer()));
      Touch(it.object.TrustPeer());
      Show(it.type.layout);
      if (IsHonest()) {
        const Entry& entry = entries_[seen];
        PLACID_FUZZ_CHECK(it.state.phase() == entry.phase);
        PLACID_FUZZ_CHECK(it.name == (entry.phase == Phase::kReady
                                          ? kNames[entry.name]
                                          : std::string_view()));
      }
      ++seen;
    });
    PLACID_FUZZ_CHECK(seen <= directory_->count());
    PLACID_FUZZ_CHECK(!IsHonest() || (is_whole && seen == entries_.size()));
  }
  // What an inspector does with a layout.
  static void Show(std::string_view layout) {
    static_cast<void>(LayoutSize(layout));
    LayoutFields fields(layout);
    while (const auto field = fields.Next()) {
      PLACID_FUZZ_CHECK(field->layout.size() < layout.size());
    }
    for (const ObjectType& type : kTypes) {
      const auto found = CompareLayouts(type.layout, layout);
      PLACID_FUZZ_CHECK((found.what == LayoutDifference::What::kNothing) ==
                        (type.layout == layout));
    }
  }

  // A real type, whose Create and Attach the peer meddles with too. Not in the
  // model, so not beside an honest one.
  void AskForARing(std::size_t name) {
    if (IsHonest()) return;
    peer_->Allow(kAccesses + 100 + 3 * directory_->count() * 4);
    const auto ring = directory_->FindOrCreate<SpscRing<std::uint32_t>>(
        kNames[name], OwnerId::Unowned(), 16);
    if (!ring) return CheckError(ring.error());
    PLACID_FUZZ_CHECK(ring->capacity() >= 1 && ring->capacity() <= 1024);
  }

  // ---- Behind the machine's back

  [[nodiscard]] std::byte* At(std::size_t index) const {
    return bytes_.data() + Directory::kEntriesOffset +
           index * sizeof(std::uint64_t);
  }
  [[nodiscard]] std::uint64_t Stored(std::size_t index) const {
    std::uint64_t word = 0;
    std::memcpy(&word, At(index), sizeof(word));
    return word;
  }
  void CheckEntries() const {
    for (std::size_t at = 0; IsHonest() && at < kEntries; ++at) {
      const EntryState stored(Stored(at));
      if (at >= entries_.size()) {
        PLACID_FUZZ_CHECK(stored.word() == 0);
        continue;
      }
      const Entry& entry = entries_[at];
      PLACID_FUZZ_CHECK(stored.phase() == entry.phase);
      PLACID_FUZZ_CHECK(stored.bytes() == entry.bytes);
      PLACID_FUZZ_CHECK((stored.hash() == 0) == (entry.hash == 0));
    }
  }

  Input& input_;
  std::span<std::byte> bytes_;
  std::vector<Entry> entries_;
  std::optional<HostilePeer> peer_;
  std::optional<Directory> directory_;
};

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid;        // NOLINT
  using namespace placid::fuzz;  // NOLINT
  static GuardedArena arena(kBytes);
  Input input(data, size);
  const auto honesty = input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  Run(input, arena.Place(kBytes, kLineBytes), honesty).Go();
  arena.CheckSurroundings();
  return 0;
}
