// SPDX-License-Identifier: Apache-2.0
//
// RoleClaim: the right to act in a role that only one party may have at a time,
// such as a ring's producer.
//
// A role is one 64-bit word in the mapped type:
//
//   bits    meaning
//   63..48  holder: 0 nobody, 1 to 4,096 the index of an OwnerId, 0xFFFF
//           somebody without an identity
//   47..0   claims: how often the role was ever taken, modulo 2^48
//
// One compare-and-swap takes it, so a death leaves the role either free or held
// by the dead. The count makes each holding distinct: of several who take over
// from one dead holder, one wins, and a late attempt against a former holder
// finds another word. It wraps after 2^48 claims (nine years at a million a
// second).
//
// Who is dead: of a holder with an identity, whoever recovers its row in the
// table of owners has the proof (dead_owner.h), and gives the role back in its
// name; then anybody claims it. The index alone names the holder, since a row
// goes to its next owner after that. Of a holder without one nothing can prove
// a death: the caller attests it, and takes over.
#ifndef PLACID_PRIMITIVES_ROLE_H_
#define PLACID_PRIMITIVES_ROLE_H_

#include <cstdint>
#include <utility>

#include "placid/base/atomic.h"
#include "placid/base/result.h"
#include "placid/primitives/dead_owner.h"
#include "placid/primitives/owner_id.h"

namespace placid {

// One holding of a role, as it was seen.
class RoleHolder {
 public:
  explicit constexpr RoleHolder(std::uint64_t word) : word_(word) {}
  [[nodiscard]] constexpr bool is_free() const { return index() == 0; }
  [[nodiscard]] constexpr std::uint64_t claims() const {
    return word_ & kClaimsMask;
  }
  [[nodiscard]] constexpr std::uint64_t word() const { return word_; }

  // Whose it is, as OwnerId::index has it.
  [[nodiscard]] constexpr std::uint64_t index() const { return word_ >> 48; }
  [[nodiscard]] constexpr bool has_identity() const {
    return index() >= 1 && index() <= OwnerId::kMostOwners;
  }

  // The next holding.
  [[nodiscard]] constexpr RoleHolder Next(OwnerId by) const {
    return RoleHolder(by.index() << 48 | (Bump(claims()) & kClaimsMask));
  }
  // The same holding, ended.
  [[nodiscard]] constexpr RoleHolder Ended() const {
    return RoleHolder(claims());
  }

 private:
  static constexpr std::uint64_t kClaimsMask = (std::uint64_t{1} << 48) - 1;
  std::uint64_t word_;
};

// The caller's word that whoever held the role then, without an identity, is
// dead or will never use it again. A holder that does so all the same spoils
// the data, not the memory safety of anyone.
class AttestedDeath {
 public:
  explicit constexpr AttestedDeath(RoleHolder of) : of_(of) {}
  [[nodiscard]] constexpr RoleHolder of() const { return of_; }

 private:
  RoleHolder of_;
};

// The caller's word that of those who use an object without an identity nobody
// will go on with what it has begun there: each is dead, or between two calls.
// One that goes on all the same spoils the data, as above.
struct UnownedAreDead {
  explicit constexpr UnownedAreDead() = default;
};

// The caller's word that no process uses an object, or will before it is
// created again.
struct NobodyUsesIt {
  explicit constexpr NobodyUsesIt() = default;
};

// The error of a claim by nobody.
[[nodiscard]] inline Error NobodyClaims(const char* operation) {
  return {.code = ErrorCode::kInvalidArgument,
          .operation = operation,
          .field = "owner",
          .advice = "claim it as a participant, or as Unowned()"};
}

class RoleClaim {
 public:
  RoleClaim() = default;
  RoleClaim(RoleClaim&& other) noexcept
      : word_(std::exchange(other.word_, nullptr)), mine_(other.mine_) {}
  RoleClaim& operator=(RoleClaim&& other) noexcept {
    std::swap(word_, other.word_);
    std::swap(mine_, other.mine_);
    return *this;
  }
  ~RoleClaim() { Release(); }

  [[nodiscard]] static RoleHolder Holder(const Atomic<std::uint64_t>& word) {
    return RoleHolder(word.load(kRelaxed));  // sync: none, only a look
  }

  // Takes a free role. Errors: kRoleTaken, kInvalidArgument (`by` is nobody).
  static Result<RoleClaim> Take(Atomic<std::uint64_t>& word,
                                const char* operation,
                                OwnerId by = OwnerId::Unowned()) {
    const RoleHolder holder = Holder(word);
    if (!holder.is_free()) return Taken(holder, operation);
    return Swap(word, holder, by, operation);
  }

  // Takes the role from a dead holder without an identity. Errors:
  // kInvalidArgument (the role was free when it was looked at, the holder has
  // an identity, or `by` is nobody), kRoleTaken (another successor was faster,
  // or the holder gave it back).
  static Result<RoleClaim> TakeOver(Atomic<std::uint64_t>& word,
                                    AttestedDeath death, const char* operation,
                                    OwnerId by = OwnerId::Unowned()) {
    const RoleHolder from = death.of();
    if (!from.is_free() && !from.has_identity()) {
      return Swap(word, from, by, operation);
    }
    return Error{.code = ErrorCode::kInvalidArgument,
                 .operation = operation,
                 .field = "holder of the role",
                 .found = from.word(),
                 .advice = from.is_free()
                               ? "nobody held it: claim it instead"
                               : "it has an identity, and so its death can be "
                                 "proven: recover it, then claim"};
  }

  // Gives the role back in the name of the dead, whose last words the proof of
  // its death carries; whether the dead one held it.
  static bool Recover(Atomic<std::uint64_t>& word, const DeadOwner& dead) {
    const RoleHolder holder = Holder(word);
    if (holder.index() != dead.id().index()) return false;
    std::uint64_t expected = holder.word();
    return word.compare_exchange(expected, holder.Ended().word(), kRelease,
                                 kRelaxed);  // sync: handover (release)
  }

  // Gives the role back, unless somebody took it over meanwhile.
  void Release() {
    if (word_ == nullptr) return;
    std::uint64_t mine = mine_.word();
    word_->compare_exchange(mine, mine_.Ended().word(), kRelease,
                            kRelaxed);  // sync: handover (release)
    word_ = nullptr;
  }

  [[nodiscard]] bool is_held() const { return word_ != nullptr; }

 private:
  RoleClaim(Atomic<std::uint64_t>* word, RoleHolder mine)
      : word_(word), mine_(mine) {}

  static Result<RoleClaim> Swap(Atomic<std::uint64_t>& word, RoleHolder from,
                                OwnerId by, const char* operation) {
    if (by.is_nobody()) return NobodyClaims(operation);
    const RoleHolder mine = from.Next(by);
    std::uint64_t expected = from.word();
    if (!word.compare_exchange(expected, mine.word(), kAcquire,
                               kRelaxed)) {  // sync: handover (acquire)
      return Taken(RoleHolder(expected), operation);
    }
    return RoleClaim(&word, mine);
  }
  static Error Taken(RoleHolder by, const char* operation) {
    return {.code = ErrorCode::kRoleTaken,
            .operation = operation,
            .field = "index of the holder",
            .found = by.index(),
            .advice = by.has_identity()
                          ? "one party at a time may hold it; if that one is "
                            "dead, recover it"
                          : "one party at a time may hold it; if its holder is "
                            "dead, take it over"};
  }

  Atomic<std::uint64_t>* word_ = nullptr;
  RoleHolder mine_{0};
};

}  // namespace placid

#endif  // PLACID_PRIMITIVES_ROLE_H_
