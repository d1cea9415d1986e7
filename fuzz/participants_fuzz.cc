// SPDX-License-Identifier: Apache-2.0
//
// Participants: a small table whose owners join, leave, die, are recovered, in
// place too, with recoverers that drop what they began or die of it, in any
// order, with generations counted across their wrap. With an honest peer every
// state is the one that the header's table gives; with a hostile one every
// answer is a documented one, in bounded steps and within the bytes.
#include <array>
#include <optional>

#include "fuzz/harness.h"
#include "placid/segment/participants.h"
#include "src/segment/mint.h"

namespace placid::fuzz {
namespace {

using Participant = Participants::Participant;
using Recovery = Participants::Recovery;

constexpr std::uint64_t kRows = 4;
constexpr std::uint64_t kAccesses = 2 * kRows + 12;  // of any one operation

class Run {
 public:
  Run(Input& input, std::span<std::byte> bytes, Honesty honesty)
      : input_(input), bytes_(bytes) {
    Create(input.TakeAtMost(3) == 0);
    peer_.emplace(input, bytes, honesty);
  }

  void Go() {
    peer_->Allow(kAccesses);
    const auto table = Participants::Attach(bytes_);
    if (!table) {
      PLACID_FUZZ_CHECK(!peer_->is_honest());
      return CheckError(table.error());
    }
    PLACID_FUZZ_CHECK(table->count() <= kRows);
    table_ = *table;
    while (!input_.is_spent()) {
      peer_->Allow(kAccesses);
      Do(1 + input_.TakeAtMost(kRows - 1));
      CheckStates();
    }
    peer_->Allow(kAccesses * kRows * 3);
  }

 private:
  static constexpr std::uint64_t kOwned = 0xFFFE;
  static constexpr std::uint64_t kAnnounced = 0xFFFF;

  void Create(bool at_the_wrap) {
    auto table = Participants::Create(bytes_, kRows);
    PLACID_FUZZ_CHECK(table.has_value());
    for (std::uint64_t index = 1; at_the_wrap && index <= kRows; ++index) {
      model_[index] = OwnerId::kGenerations - 1 - input_.TakeAtMost(3);
      std::memcpy(Row(index), &model_[index], sizeof(std::uint64_t));
    }
  }
  [[nodiscard]] std::byte* Row(std::uint64_t index) const {
    return bytes_.data() + Participants::kRowsOffset +
           (index - 1) * sizeof(Participants::Row);
  }

  static std::uint64_t Word(std::uint64_t hand, std::uint64_t generation) {
    return hand << 48 | generation % OwnerId::kGenerations;
  }
  [[nodiscard]] std::uint64_t HandOf(std::uint64_t index) const {
    return model_[index] >> 48;
  }
  void Give(std::uint64_t index, std::uint64_t hand) {
    model_[index] = Word(hand, model_[index]);
  }
  [[nodiscard]] bool IsHonest() const { return peer_->is_honest(); }

  static void CheckError(const Error& error) {
    PLACID_FUZZ_CHECK(error.operation != nullptr && error.advice != nullptr);
    PLACID_FUZZ_CHECK(!error.Message().view().empty());
  }
  // Whether it succeeded, which an honest peer makes it do if it can.
  template <typename T>
  bool IsThere(const Result<T>& result, bool expected) const {
    PLACID_FUZZ_CHECK(!IsHonest() || result.has_value() == expected);
    if (!result) CheckError(result.error());
    return result.has_value();
  }

  void Do(std::uint64_t index) {
    switch (input_.TakeAtMost(8)) {
      case 0: return Join(index);
      case 1: return Leave(index);
      case 2: return owners_[index].Die();
      case 3: return Look(index);
      case 4: return Recover(index);
      case 5: return Finish(index);
      case 6: return Succeed(index);
      case 7: return Forsake(index);
      default: peer_->Scribble();
    }
  }

  void Join(std::uint64_t index) {
    auto joined = table_->Join(index, IdentityFor(index));
    if (!IsThere(joined, HandOf(index) == 0)) return;
    model_[index] = Word(kAnnounced, model_[index] + 1);
    owners_[index].Hold(*std::move(joined));
  }
  // Unless it was taken for dead.
  void Leave(std::uint64_t index) {
    if (!owners_[index].is_held()) return;
    if (model_[index] == Word(kAnnounced, owners_[index]->id().generation())) {
      Give(index, 0);
    }
    owners_[index].Drop();
  }
  void Look(std::uint64_t index) {
    peer_->AllowReads(kAccesses);
    seen_[index] = table_->Look(index).word();
    PLACID_FUZZ_CHECK(!IsHonest() || seen_[index] == model_[index]);
    const auto id = OwnerId::Of(index, seen_[index] % OwnerId::kGenerations);
    const auto identity = table_->IdentityOf(*id);
    PLACID_FUZZ_CHECK(!IsHonest() ||
                      identity.has_value() == (HandOf(index) == kAnnounced));
    PLACID_FUZZ_CHECK(!IsHonest() || !identity ||
                      *identity == IdentityFor(index));
  }
  // By a proof of what was seen, which may be long ago; in place, or not, or
  // what a dead recoverer left.
  void Recover(std::uint64_t index) {
    if (recoveries_[index].is_held()) return Inherit(index);
    const auto death = ProofOfDeathMint::Make(index, seen_[index]);
    const bool fits = seen_[index] == model_[index] && seen_[index] >> 48 != 0;
    const std::uint64_t by = 1 + input_.TakeAtMost(kRows - 1);
    if (by == index || !owners_[by].is_held()) {
      Keep(index, index, table_->RecoverInPlace(death), fits);
    } else {
      Keep(index, by, table_->Recover(death, *owners_[by].get()), fits);
    }
  }
  void Keep(std::uint64_t index, std::uint64_t by, Result<Recovery> recovery,
            bool expected) {
    if (!IsThere(recovery, expected)) return;
    Give(index, by);
    recoveries_[index].Hold(*std::move(recovery));
  }
  void Inherit(std::uint64_t index) {
    const std::uint64_t by = HandOf(index);
    const std::uint64_t heir = Inheritance(index);
    auto inherited = recoveries_[index]->Inherit();
    if (!IsThere(inherited, heir != 0)) return;
    const std::uint64_t at = inherited->dead().id().index();
    PLACID_FUZZ_CHECK(at >= 1 && at <= kRows && at != index);
    PLACID_FUZZ_CHECK(!IsHonest() || at == heir);
    recoveries_[at].Die();  // whoever had it is no more
    Give(at, by);
    recoveries_[at].Hold(*std::move(inherited));
  }
  // The first row that names the dead one of `index`; 0: none.
  [[nodiscard]] std::uint64_t Inheritance(std::uint64_t index) const {
    for (std::uint64_t at = 1; at <= kRows; ++at) {
      if (at != index && HandOf(at) == index) return at;
    }
    return 0;
  }
  // Still the one that the state names.
  [[nodiscard]] bool Holds(std::uint64_t index) {
    return recoveries_[index].is_held() &&
           recoveries_[index]->dead().id().generation() ==
               model_[index] % OwnerId::kGenerations;
  }
  void Finish(std::uint64_t index) {
    if (!recoveries_[index].is_held()) return;
    const bool expected = Inheritance(index) == 0 && Holds(index);
    if (!IsThere(recoveries_[index]->Finish(), expected)) return;
    Give(index, 0);
    recoveries_[index].Drop();
  }
  void Succeed(std::uint64_t index) {
    if (!recoveries_[index].is_held()) return;
    const bool expected =
        Inheritance(index) == 0 && Holds(index) && HandOf(index) == index;
    auto successor = recoveries_[index]->Succeed(IdentityFor(index));
    if (!IsThere(successor, expected)) return;
    model_[index] = Word(kAnnounced, model_[index] + 1);
    recoveries_[index].Drop();
    owners_[index].Die();  // the dead one of before
    owners_[index].Hold(*std::move(successor));
  }
  // Dropped, or dead in the midst of it.
  void Forsake(std::uint64_t index) {
    if (!recoveries_[index].is_held()) return;
    if (input_.TakeBool()) return recoveries_[index].Die();
    if (Holds(index)) Give(index, kOwned);
    recoveries_[index].Drop();
  }

  static os::ProcessIdentity IdentityFor(std::uint64_t index) {
    return {index, index + 1, index + 2, index + 3};
  }
  void CheckStates() const {
    for (std::uint64_t index = 1; IsHonest() && index <= kRows; ++index) {
      std::uint64_t stored = 0;  // behind the machine's back
      std::memcpy(&stored, Row(index), sizeof(stored));
      PLACID_FUZZ_CHECK(stored == model_[index]);
    }
  }

  Input& input_;
  std::span<std::byte> bytes_;
  std::array<std::uint64_t, kRows + 1> model_{};
  std::array<std::uint64_t, kRows + 1> seen_{};
  std::optional<HostilePeer> peer_;
  std::optional<Participants> table_;
  std::array<Mortal<Participant>, kRows + 1> owners_;
  std::array<Mortal<Recovery>, kRows + 1> recoveries_;
};

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid;        // NOLINT
  using namespace placid::fuzz;  // NOLINT
  constexpr auto kBytes =
      static_cast<std::size_t>(Participants::SizeFor(kRows));
  static GuardedArena arena(kBytes);
  Input input(data, size);
  const auto honesty = input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  Run(input, arena.Place(kBytes, kLineBytes), honesty).Go();
  arena.CheckSurroundings();
  return 0;
}
