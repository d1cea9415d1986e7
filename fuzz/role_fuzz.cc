// SPDX-License-Identifier: Apache-2.0
//
// RoleClaim: one role and three parties, two of them participants, that claim
// it, take it over, give it back, die and are recovered, in any order, with
// claims counted across their wrap. With an
// honest peer at most one of them holds the role and the word says what the
// header's table says; with a hostile one every answer is a documented one.
#include <array>

#include "fuzz/harness.h"
#include "placid/primitives/role.h"

namespace placid::fuzz {
namespace {

constexpr std::uint64_t kUnowned = std::uint64_t{0xFFFF} << 48;
constexpr std::array<OwnerId, 3> kOwners = {
    OwnerId::Unowned(), *OwnerId::Of(1, 5), *OwnerId::Of(4096, 0)};
constexpr std::uint64_t kClaims = (std::uint64_t{1} << 48) - 1;

class Run {
 public:
  Run(Input& input, std::span<std::byte> bytes, Honesty honesty)
      : input_(input),
        word_(reinterpret_cast<Atomic<std::uint64_t>*>(bytes.data())),
        model_(input.TakeOneOf<std::uint64_t>({0, kUnowned}) |
               ((input.TakeOneOf<std::uint64_t>({0, kClaims, 1ull << 32}) -
                 input.TakeAtMost(8)) &
                kClaims)),
        seen_(model_),
        peer_(input, bytes, honesty) {
    word_->store(model_, kRelaxed);
  }

  void Go() {
    while (!input_.is_spent()) {
      peer_.Allow(3);
      const std::size_t who = input_.TakeAtMost(parties_.size() - 1);
      Party& party = parties_[who];
      switch (input_.TakeAtMost(6)) {
        case 0: Take(party, kOwners[who]); break;
        case 1: TakeOver(party, kOwners[who]); break;
        case 2: Look(); break;
        case 3: GiveBack(party); break;
        case 4: party.claim.Die(); break;
        case 5: Recover(party, kOwners[who]); break;
        default: peer_.Scribble();
      }
      CheckWord();
    }
    for (Party& party : parties_) GiveBack(party);
  }

 private:
  struct Party {
    Mortal<RoleClaim> claim;
    std::uint64_t word = 0;  // by which it holds the role
  };

  [[nodiscard]] static bool IsFree(std::uint64_t word) {
    return word >> 48 == 0;
  }

  [[nodiscard]] static bool IsProvable(std::uint64_t word) {
    return !IsFree(word) && (word >> 48) <= OwnerId::kMostOwners;
  }

  void Take(Party& party, OwnerId by) {
    GiveBack(party);
    const bool was_free = IsFree(model_);
    Keep(party, by, RoleClaim::Take(*word_, "Take", by), was_free);
  }
  // From whoever was seen, by now perhaps not the holder any more.
  void TakeOver(Party& party, OwnerId by) {
    GiveBack(party);
    const RoleHolder holder(seen_);
    const bool expected =
        !holder.is_free() && !IsProvable(seen_) && seen_ == model_;
    Keep(party, by,
         RoleClaim::TakeOver(*word_, AttestedDeath(holder), "TakeOver", by),
         expected);
  }
  // Of one who is dead by now, whatever it was.
  void Recover(Party& party, OwnerId dead) {
    party.claim.Die();
    const bool expected = dead.is_participant() && model_ >> 48 == dead.index();
    if (dead.is_participant()) {
      const bool gave_back =
          RoleClaim::Recover(*word_, DeadOwner::Attested(dead));
      PLACID_FUZZ_CHECK(!peer_.is_honest() || gave_back == expected);
      if (expected) model_ &= kClaims;
    }
  }
  void Keep(Party& party, OwnerId by, Result<RoleClaim> claim, bool expected) {
    PLACID_FUZZ_CHECK(!peer_.is_honest() || claim.has_value() == expected);
    if (!claim) {
      PLACID_FUZZ_CHECK(
          IsOneOf(claim.error().code,
                  {ErrorCode::kRoleTaken, ErrorCode::kInvalidArgument}));
      return;
    }
    PLACID_FUZZ_CHECK(claim->is_held());
    party.claim.Hold(*std::move(claim));
    model_ = party.word = by.index() << 48 | ((model_ + 1) & kClaims);
  }
  // Nothing happens to one who was taken over from.
  void GiveBack(Party& party) {
    peer_.Allow(1);
    if (party.claim.is_held() && party.word == model_) model_ &= kClaims;
    party.claim.Drop();
    peer_.Allow(3);
  }
  void Look() {
    const RoleHolder holder = RoleClaim::Holder(*word_);
    seen_ = holder.word();
    PLACID_FUZZ_CHECK(holder.is_free() == IsFree(seen_));
    PLACID_FUZZ_CHECK(holder.claims() == (seen_ & kClaims));
    PLACID_FUZZ_CHECK(!peer_.is_honest() || seen_ == model_);
  }
  void CheckWord() const {
    std::uint64_t stored = 0;  // behind the machine's back
    std::memcpy(&stored, word_, sizeof(stored));
    PLACID_FUZZ_CHECK(!peer_.is_honest() || stored == model_);
  }

  Input& input_;
  Atomic<std::uint64_t>* word_;
  std::uint64_t model_;
  std::uint64_t seen_;  // the holder that somebody looked at last
  HostilePeer peer_;
  std::array<Party, 3> parties_;
};

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid::fuzz;  // NOLINT
  static GuardedArena arena(8);
  Input input(data, size);
  const auto honesty = input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  Run(input, arena.Place(8, 8), honesty).Go();
  arena.CheckSurroundings();
  return 0;
}
