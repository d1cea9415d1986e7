// SPDX-License-Identifier: Apache-2.0
//
// The directory: whoever dies of making an object, or of recovering one who
// did, its name is made by somebody else, once, and nothing is lost to others.
//
// The ledger's values are objects: kBegin, who begins to make it; kDone, it is
// made; kTook, it was found; each is a number of its own, and the name's. It
// stands at both ends of the object, so half of one is neither.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "placid/segment/directory.h"
#include "tests/crash/play.h"

namespace placid::crash {
namespace {

constexpr std::uint64_t kEntries = 5;
constexpr std::uint64_t kObjects = 16 * kLineBytes;
constexpr std::array<std::string_view, 2> kNames = {"a", "b"};
constexpr ObjectType kType{TypeId::kFirstForeign, 0, 1, 5, "{x:u64}"};

OwnerId OwnerOf(Who who) {
  return *OwnerId::Of(static_cast<std::uint64_t>(who) + 1, 3);
}

class DirectoryPlay : public Play {
 public:
  enum class Kind {
    kMake,
    kMakeInLeftLines,
    kMakeBesideLeftLines,  // which are too few
    kFail,
    kRecover,
  };
  explicit DirectoryPlay(Kind kind) : kind_(kind) {}

  void SetUp(Bytes bytes) override {
    const auto directory = Need(Directory::Create(bytes, kEntries));
    if (kind_ == Kind::kMake || kind_ == Kind::kFail) return;
    // Somebody died of it before.
    const std::uint64_t size =
        kind_ == Kind::kMakeBesideLeftLines ? 8 : ObjectBytes();
    std::uint64_t claimed = 0;
    (void)directory.FindOrCreate(
        kNames[0], OwnerOf(Who::kSetUp), kType, size,
        [&](std::span<std::byte> object) -> Result<void> {
          std::ranges::fill(object, std::byte{0xEE});
          claimed = EntryAt(bytes).load(kRelaxed);
          return Error{.code = ErrorCode::kSystem};
        });
    if (kind_ == Kind::kRecover) EntryAt(bytes).store(claimed, kRelaxed);
  }

  void Act(Bytes bytes) override {
    const auto directory = Attach(bytes);
    if (kind_ == Kind::kRecover) {
      directory.Recover(DeadOwner::Attested(OwnerOf(Who::kSetUp)));
    }
    Ask(directory, 0, kind_ == Kind::kFail);
  }

  // Wants the same name, and one of its own.
  bool Other(Bytes bytes) override {
    Ask(Attach(bytes), turn_++ % 2, false);
    return true;
  }

  void Recover(Bytes bytes) override {
    const auto directory = Attach(bytes);
    RecoverDead(directory, /*is_other_dead=*/false);
    Ask(directory, 0, false);
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    const auto directory = Attach(bytes);
    RecoverDead(directory, is_other_dead);
    if (!is_other_dead) Other(bytes);
    for (std::size_t name = 0; name < kNames.size(); ++name) {
      Expect(Ask(directory, name, false), "a name cannot be had");
    }
    CheckValues(directory);
    CheckEntries(directory);
  }

 private:
  // Two words, or more lines than those that are left.
  [[nodiscard]] std::uint64_t ObjectBytes() const {
    return kind_ == Kind::kMakeBesideLeftLines ? kLineBytes + 8 : 16;
  }
  static Atomic<std::uint64_t>& EntryAt(Bytes bytes) {
    return *reinterpret_cast<Atomic<std::uint64_t>*>(bytes.data() +
                                                     Directory::kEntriesOffset);
  }
  static Directory Attach(Bytes bytes) {
    return Need(Directory::Attach(bytes));
  }
  static std::uint64_t ValueIn(std::span<const std::byte> object) {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::memcpy(&first, object.data(), sizeof(first));
    std::memcpy(&last, object.last(sizeof(last)).data(), sizeof(last));
    Expect(first == last, "half an object is found");
    return first;
  }

  // Everybody who is known to be dead now.
  static void RecoverDead(const Directory& directory, bool is_other_dead) {
    const Who me = Book().who();
    for (const Who who :
         {Who::kSetUp, Who::kVictim, Who::kRecoverer, Who::kSecondRecoverer}) {
      if (who < me) directory.Recover(DeadOwner::Attested(OwnerOf(who)));
    }
    if (is_other_dead) {
      directory.Recover(DeadOwner::Attested(OwnerOf(Who::kOther)));
    }
  }

  // False: somebody else is making it.
  bool Ask(const Directory& directory, std::size_t name, bool fails) const {
    const std::uint64_t value = Book().NewValues() * kNames.size() + name;
    Book().Note(What::kBegin, value);
    const auto found = directory.FindOrCreate(
        kNames[name], OwnerOf(Book().who()), kType, ObjectBytes(),
        [&](std::span<std::byte> object) -> Result<void> {
          for (std::size_t at = 0; at < object.size(); at += sizeof(value)) {
            std::uint64_t before = 0;
            std::memcpy(&before, &object[at], sizeof(before));
            Expect(before == 0, "made of bytes that were used");
          }
          std::memcpy(object.data(), &value, sizeof(value));
          std::memcpy(object.last(sizeof(value)).data(), &value, sizeof(value));
          if (fails) return Error{.code = ErrorCode::kSystem};
          return Ok();
        });
    if (!found) {
      const ErrorCode why = found.error().code;
      Expect(why == ErrorCode::kBusy || (fails && why == ErrorCode::kSystem),
             "refused for no reason");
      return false;
    }
    const std::uint64_t there = ValueIn(found->bytes);
    Expect(!found->was_created || there == value, "not what was made");
    Book().Note(found->was_created ? What::kDone : What::kTook, there);
    return true;
  }

  // Under each name one object, the same for all who ever got it.
  static void CheckValues(const Directory& directory) {
    for (std::size_t name = 0; name < kNames.size(); ++name) {
      const std::uint64_t now =
          ValueIn(Need(directory.Find(kNames[name], kType)).bytes);
      bool was_begun = false;
      for (const Event& event : Book().Events()) {
        if (event.value % kNames.size() != name) continue;
        if (event.what == What::kBegin) {
          was_begun = was_begun || event.value == now;
        } else {
          Expect(event.value == now, "a committed object is lost");
        }
      }
      Expect(was_begun, "an object that nobody made");
    }
  }

  // No name twice, none left, and all other entries still to be had.
  void CheckEntries(const Directory& directory) const {
    std::vector<std::string_view> seen;
    std::uint64_t nobodys = 0;
    const bool is_whole = directory.ForEach([&](const DirectoryEntry& entry) {
      if (entry.state.phase() == EntryState::Phase::kReady) {
        for (const std::string_view name : kNames) {
          if (name == entry.name) seen.push_back(name);
        }
        return;
      }
      Expect(entry.state.phase() == EntryState::Phase::kLeft &&
                 entry.state.hash() == 0,
             "an entry is nobody's for good");
      ++nobodys;
    });
    Expect(is_whole, "entries contradict themselves");
    std::ranges::sort(seen);
    Expect(std::ranges::equal(seen, kNames), "a name twice, or not at all");
    Expect(nobodys == (kind_ == Kind::kMakeBesideLeftLines ? 1u : 0u),
           "an entry is lost");
    const std::array<std::string_view, 2> more = {"c", "d"};
    for (const std::string_view name : more) {
      Need(directory.FindOrCreate(name, OwnerOf(Who::kChecker), kType, 8,
                                  [](auto) { return Ok(); }));
    }
  }

  const Kind kind_;
  std::size_t turn_ = 0;
};

const Registration kDirectory([](std::vector<Scenario>& scenarios) {
  const auto add = [&](const char* operation, DirectoryPlay::Kind kind) {
    scenarios.push_back(
        {"Directory", operation,
         static_cast<std::size_t>(Directory::SizeFor(kEntries, kObjects)),
         [=] { return std::make_unique<DirectoryPlay>(kind); }});
  };
  using Kind = DirectoryPlay::Kind;
  add("Directory FindOrCreate", Kind::kMake);
  add("Directory FindOrCreate, in left lines", Kind::kMakeInLeftLines);
  add("Directory FindOrCreate, too few are left", Kind::kMakeBesideLeftLines);
  add("Directory FindOrCreate, which fails", Kind::kFail);
  add("Directory Recover, FindOrCreate", Kind::kRecover);
});

}  // namespace
}  // namespace placid::crash
