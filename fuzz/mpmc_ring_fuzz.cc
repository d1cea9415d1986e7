// SPDX-License-Identifier: Apache-2.0
//
// MpmcRing: two producers, two consumers and whoever recovers the dead in one
// process, in any order of calls and deaths, under either delivery, for elements
// of 1, 8 and 24 bytes and for extents fixed and chosen at run time. With an
// honest peer each result and each value is compared with a list of all that
// was ever claimed. With a hostile one nothing may happen but what the header
// documents, and no byte outside the slots may be reached.
#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "fuzz/harness.h"
#include "fuzz/ring_values.h"
#include "placid/primitives/mpmc_ring.h"

namespace placid::fuzz {
namespace {

template <typename T, std::uint64_t kExtent>
class Run {
 public:
  using Ring = MpmcRing<T, kExtent>;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;

  Run(Input& input, std::span<std::byte> bytes, const Ring& ring,
      std::uint64_t start, Honesty honesty)
      : input_(input),
        bytes_(bytes),
        slots_(bytes.subspan(Ring::kSlotsOffset)),
        ring_(ring),
        start_(start),
        peer_(input, bytes, honesty) {}

  void Go() {
    while (!input_.is_spent()) {
      for (Pusher& pusher : pushers_) {
        if (!pusher.role.is_held()) Become(pusher);
      }
      for (Popper& popper : poppers_) {
        if (!popper.role.is_held()) Become(popper);
      }
      Allow(1);
      Step();
    }
    Allow(4);
    for (Pusher& pusher : pushers_) pusher.role.Drop();
    for (Popper& popper : poppers_) popper.role.Drop();
  }

 private:
  static constexpr std::uint64_t kNone = UINT64_MAX;

  struct Pusher {
    OwnerId id;
    Mortal<Producer> role{};
    std::uint64_t reserved = kNone;  // the entry
  };
  struct Popper {
    OwnerId id;
    Mortal<Consumer> role{};
    Delivery delivery{};
    std::uint64_t hand = kNone;  // the entry
  };
  enum class Fate { kClaimed, kDone, kVoid, kInHand, kOffered, kFreed, kEnd };

  // What so many operations may access: each may try 64 times, and look for its
  // place as often; and go over every slot, to take what is offered or to pass
  // over what is void.
  void Allow(std::uint64_t operations) {
    peer_.Allow(operations * (20 + 64 * (64 + 41 + 4) + 6 * ring_.capacity()));
  }

  void Step() {
    const auto deed = input_.Take<std::uint8_t>();
    Pusher& pusher = pushers_[deed / 128];
    Popper& popper = poppers_[deed / 64 % 2];
    if (deed % 64 >= 56) return Rarely(pusher, popper);
    switch (deed % 14) {
      case 0:
      case 1: return Push(pusher);
      case 2: return PushSome(pusher);
      case 3:
      case 4: return Reserve(pusher);
      case 5: return Commit(pusher);
      case 6: return Abort(pusher);
      case 7:
      case 8:
      case 9: return Pop(popper);
      case 10: return PopSome(popper);
      case 11: return Peek(popper);
      case 12: return Retire(popper);
      default: return peer_.Scribble();
    }
  }

  void Rarely(Pusher& pusher, Popper& popper) {
    switch (input_.TakeAtMost(7)) {
      case 0: return Die(pusher);
      case 1:
      case 2: return Die(popper);
      case 3: pusher.role.Drop(); return GiveUp(pusher);
      case 4: popper.role.Drop(); return GiveBack(popper);
      case 5: return Close(pusher);
      case 6: return Close(popper);
      default: return Refused();
    }
  }

  // ---- Producers

  void Push(Pusher& pusher) {
    if (!pusher.role.is_held()) return;
    const RingResult result = pusher.role->TryPush(Make<T>(NextNumber()));
    GiveUp(pusher);
    CheckRoom(result);
    if (result == RingResult::kOk) fates_.push_back(Fate::kDone);
  }

  void PushSome(Pusher& pusher) {
    if (!pusher.role.is_held()) return;
    const auto wanted = static_cast<std::size_t>(input_.TakeAtMost(5));
    std::array<T, 5> values;
    for (std::size_t i = 0; i < wanted; ++i) {
      values[i] = Make<T>(NextNumber() + i);
    }
    Allow(wanted + 1);
    std::size_t pushed = 99;
    const RingResult result =
        pusher.role->TryPushSome(std::span(values).first(wanted), pushed);
    PLACID_FUZZ_CHECK(pushed <= wanted);
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (pushed > 0 || wanted == 0));
    if (wanted == 0) return;
    GiveUp(pusher);
    CheckRoom(result);
    fates_.insert(fates_.end(), pushed, Fate::kDone);
    if (result == RingResult::kOk && pushed < wanted && peer_.is_honest()) {
      PLACID_FUZZ_CHECK(IsFull());
    }
  }

  void Reserve(Pusher& pusher) {
    if (!pusher.role.is_held()) return;
    T* slot = nullptr;
    const RingResult result = pusher.role->TryReserve(slot);
    GiveUp(pusher);
    CheckRoom(result);
    PLACID_FUZZ_CHECK((result == RingResult::kOk) == (slot != nullptr));
    if (slot == nullptr) return;
    PLACID_FUZZ_CHECK(LiesIn(slots_, std::as_bytes(std::span(slot, 1))));
    *slot = Make<T>(NextNumber());
    pusher.reserved = fates_.size();
    fates_.push_back(Fate::kClaimed);
  }
  void Commit(Pusher& pusher) {
    if (!pusher.role.is_held()) return;
    PLACID_FUZZ_CHECK(pusher.role->Commit() == (pusher.reserved != kNone));
    Decide(pusher.reserved, Fate::kDone);
  }
  void Abort(Pusher& pusher) {
    if (!pusher.role.is_held()) return;
    PLACID_FUZZ_CHECK(pusher.role->Abort() == (pusher.reserved != kNone));
    GiveUp(pusher);
  }
  void Close(Pusher& pusher) {
    if (!pusher.role.is_held()) return;
    const RingResult result = pusher.role->Close();
    GiveUp(pusher);
    CheckRoom(result);
    if (result != RingResult::kOk) return;
    fates_.push_back(Fate::kEnd);
    is_closed_ = true;
  }

  // What a claim may answer.
  void CheckRoom(RingResult result) {
    PLACID_FUZZ_CHECK(IsOneOf(
        result, {RingResult::kOk, RingResult::kFull, RingResult::kClosed,
                 RingResult::kContended, RingResult::kCorrupt}));
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(result == (is_closed_              ? RingResult::kClosed
                                 : !IsFull()             ? RingResult::kOk
                                 : are_consumers_closed_ ? RingResult::kClosed
                                                         : RingResult::kFull));
  }

  // ---- Consumers

  void Pop(Popper& popper) {
    if (!popper.role.is_held()) return;
    const T untouched = Make<T>(NextNumber() + 1);
    T value = untouched;
    const RingResult result = popper.role->TryPop(value);
    const std::uint64_t entry = Taken(popper, result);
    if (result == RingResult::kOk) {
      CheckValue(value, entry);
    } else {
      PLACID_FUZZ_CHECK(AreSame(value, untouched));
    }
    GiveBackAtOnce(popper);
  }

  void PopSome(Popper& popper) {
    if (!popper.role.is_held()) return;
    std::vector<T> values(static_cast<std::size_t>(input_.TakeAtMost(9)));
    std::size_t popped = 99;
    Allow(values.size() + 1);
    const RingResult result = popper.role->TryPopSome(values, popped);
    PLACID_FUZZ_CHECK(popped <= values.size());
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (popped > 0 || values.empty()));
    for (std::size_t i = 0; i < popped; ++i) {
      CheckValue(values[i], Taken(popper, RingResult::kOk));
      GiveBackAtOnce(popper);
    }
    if (popped == values.size()) return;
    // Whatever it was that ended it.
    GiveBack(popper);
    if (popped == 0) {
      static_cast<void>(Taken(popper, result));
    } else if (peer_.is_honest()) {
      PLACID_FUZZ_CHECK(Next().result != RingResult::kOk);
      PassOverVoid();
    }
  }

  void Peek(Popper& popper) {
    if (!popper.role.is_held()) return;
    SharedSpan<T> value;
    const RingResult result = popper.role->TryPeek(value);
    PLACID_FUZZ_CHECK(value.size() == (result == RingResult::kOk ? 1u : 0u));
    PLACID_FUZZ_CHECK(LiesIn(slots_, std::as_bytes(value.TrustPeer())));
    const std::uint64_t entry = Taken(popper, result);
    if (result == RingResult::kOk && peer_.is_honest()) {
      CheckValue(value[0].Load(), entry);
    }
  }
  void Retire(Popper& popper) {
    if (!popper.role.is_held()) return;
    popper.role->Retire();
    GiveBack(popper);
  }
  void Close(Popper& popper) {
    if (!popper.role.is_held()) return;
    popper.role->Close();
    GiveBack(popper);
    are_consumers_closed_ = true;
  }

  // What was in hand is back; what was taken is in hand now: its entry.
  std::uint64_t Taken(Popper& popper, RingResult result) {
    PLACID_FUZZ_CHECK(IsOneOf(
        result,
        {RingResult::kOk, RingResult::kEmpty, RingResult::kPending,
         RingResult::kClosed, RingResult::kContended, RingResult::kCorrupt}));
    GiveBack(popper);
    if (!peer_.is_honest()) return kNone;
    const NextEntry next = Next();
    PLACID_FUZZ_CHECK(result == next.result);
    if (!next.is_offered) PassOverVoid();
    if (result == RingResult::kPending) {
      PLACID_FUZZ_CHECK(popper.role->blocker() == Claimant(next.entry));
    }
    if (result != RingResult::kOk) return kNone;
    fates_[next.entry] = Fate::kInHand;
    popper.hand = next.entry;
    if (!next.is_offered) ++taken_;
    return next.entry;
  }
  void CheckValue(const T& value, std::uint64_t entry) {
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(AreSame(value, Make<T>(entry + 1)));
  }

  // ---- Roles

  void Become(Pusher& pusher) {
    Allow(1);
    auto claimed = ring_.ClaimProducer(pusher.id);
    PLACID_FUZZ_CHECK(claimed.has_value());
    pusher.role.Hold(*std::move(claimed));
  }
  void Become(Popper& popper) {
    Allow(1);
    popper.delivery =
        input_.TakeBool() ? Delivery::kAtLeastOnce : Delivery::kAtMostOnce;
    auto claimed = ring_.ClaimConsumer(popper.delivery, popper.id);
    PLACID_FUZZ_CHECK(claimed.has_value());
    popper.role.Hold(*std::move(claimed));
  }
  // One that is gone, with what it held; then somebody recovers it, and once
  // more, as after a recoverer that died.
  void Die(Pusher& pusher) {
    pusher.role.Die();
    Recover(pusher.id, {.voided = pusher.reserved != kNone ? 1u : 0u});
    GiveUp(pusher);
  }
  void Die(Popper& popper) {
    popper.role.Die();
    const bool had_one = popper.hand != kNone;
    const bool comes_again = popper.delivery == Delivery::kAtLeastOnce;
    Recover(popper.id, {.lost = had_one && !comes_again ? 1u : 0u,
                        .offered = had_one && comes_again ? 1u : 0u});
    Decide(popper.hand, comes_again ? Fate::kOffered : Fate::kFreed);
  }
  void Recover(OwnerId dead, typename Ring::Recovered expected) {
    for (int times = 0; times < 2; ++times) {
      peer_.Allow(20 + 3 * ring_.capacity());
      const auto found = ring_.Recover(DeadOwner::Attested(dead));
      PLACID_FUZZ_CHECK(found.voided + found.lost + found.offered <=
                        ring_.capacity());
      if (!peer_.is_honest()) continue;
      PLACID_FUZZ_CHECK(found.voided == expected.voided);
      PLACID_FUZZ_CHECK(found.lost == expected.lost);
      PLACID_FUZZ_CHECK(found.offered == expected.offered);
      expected = {};
    }
  }
  void Refused() {
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(ring_.ClaimProducer(OwnerId()).error().code ==
                      ErrorCode::kInvalidArgument);
    PLACID_FUZZ_CHECK(Ring::Attach(bytes_)->capacity() == ring_.capacity());
    peer_.Allow(20 + 3 * ring_.capacity());
    PLACID_FUZZ_CHECK(!ring_.RecoverUnowned(UnownedAreDead()).any());
  }

  // ---- The model: the fate of every position ever claimed

  [[nodiscard]] std::uint64_t NextNumber() const { return fates_.size() + 1; }
  void Decide(std::uint64_t& entry, Fate fate) {
    if (entry != kNone) fates_[entry] = fate;
    entry = kNone;
  }
  void GiveUp(Pusher& pusher) { Decide(pusher.reserved, Fate::kVoid); }
  void GiveBack(Popper& popper) { Decide(popper.hand, Fate::kFreed); }
  void GiveBackAtOnce(Popper& popper) {
    if (popper.delivery == Delivery::kAtMostOnce) GiveBack(popper);
  }
  // Whoever had the next position's slot before has not given it back.
  [[nodiscard]] bool IsFull() const {
    const std::uint64_t capacity = ring_.capacity();
    return fates_.size() >= capacity &&
           fates_[fates_.size() - capacity] != Fate::kFreed;
  }
  [[nodiscard]] std::uint64_t Claimant(std::uint64_t entry) const {
    return pushers_[pushers_[0].reserved == entry ? 0 : 1].id.index();
  }

  // What a consumer with nothing in hand gets: what is offered in the first
  // slot where something is, or else the next position that is not void.
  struct NextEntry {
    RingResult result;
    std::uint64_t entry;
    bool is_offered = false;
  };
  [[nodiscard]] NextEntry Next() const {
    const auto slot = [this](std::uint64_t entry) {
      return (start_ + entry) & (ring_.capacity() - 1);
    };
    std::uint64_t offered = kNone;
    for (std::uint64_t i = 0; i < fates_.size(); ++i) {
      if (fates_[i] != Fate::kOffered) continue;
      if (offered == kNone || slot(i) < slot(offered)) offered = i;
    }
    if (offered != kNone) return {RingResult::kOk, offered, true};
    std::uint64_t next = taken_;
    while (next < fates_.size() && fates_[next] == Fate::kVoid) ++next;
    if (next == fates_.size()) {
      return {are_consumers_closed_ ? RingResult::kClosed : RingResult::kEmpty,
              next};
    }
    const Fate fate = fates_[next];
    return {fate == Fate::kDone      ? RingResult::kOk
            : fate == Fate::kClaimed ? RingResult::kPending
                                     : RingResult::kClosed,
            next};
  }
  void PassOverVoid() {
    while (taken_ < fates_.size() && fates_[taken_] == Fate::kVoid) {
      fates_[taken_++] = Fate::kFreed;
    }
  }

  Input& input_;
  std::span<std::byte> bytes_;
  std::span<std::byte> slots_;
  Ring ring_;
  std::uint64_t start_;  // the position of the first entry
  HostilePeer peer_;
  std::vector<Fate> fates_;  // the value of entry n is Make(n + 1)
  std::uint64_t taken_ = 0;  // entries, or passed over
  bool is_closed_ = false;
  bool are_consumers_closed_ = false;
  std::array<Pusher, 2> pushers_{
      {{.id = *OwnerId::Of(1, 1)}, {.id = *OwnerId::Of(2, 1)}}};
  std::array<Popper, 2> poppers_{
      {{.id = *OwnerId::Of(3, 1)}, {.id = *OwnerId::Of(4, 1)}}};
};

template <typename T, std::uint64_t kExtent>
void One(Input& input) {
  using Ring = MpmcRing<T, kExtent>;
  constexpr bool kFixed = kExtent != kDynamic;
  static GuardedArena arena(
      static_cast<std::size_t>(Ring::SizeFor(kFixed ? kExtent : 1024)));
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const std::uint64_t capacity =
      kFixed ? kExtent : input.TakeOneOf<std::uint64_t>({1, 2, 16, 64, 1024});
  // Where the positions begin: anywhere, and around each wrap, that of the laps
  // among them.
  const std::uint64_t start =
      input.TakeOneOf<std::uint64_t>(
          {0, std::uint64_t{1} << 32, 0, capacity << 44, capacity << 45}) -
      input.TakeAtMost(200);
  const auto bytes = arena.Place(
      static_cast<std::size_t>(Ring::SizeFor(capacity)), Ring::kAlignment);
  // A fixed extent needs no creation: zeros are an empty ring.
  const auto ring =
      kFixed ? Ring::Attach(bytes) : Ring::Create(bytes, capacity);
  PLACID_FUZZ_CHECK(ring.has_value() && ring->capacity() == capacity);
  auto* slots =
      reinterpret_cast<typename Ring::Slot*>(bytes.data() + Ring::kSlotsOffset);
  for (std::uint64_t i = start; i != start + capacity; ++i) {
    const TurnWord free(i >> std::countr_zero(capacity),
                        TurnWord::State::kFree);
    slots[i % capacity].word.store(free.word(), kRelaxed);
  }
  Run<T, kExtent>(input, bytes, *ring, start, honesty).Go();
  arena.CheckSurroundings();
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid;  // NOLINT
  fuzz::Input input(data, size);
  constexpr std::array kKinds = {
      fuzz::One<std::uint8_t, 1>,         fuzz::One<std::uint64_t, 4>,
      fuzz::One<fuzz::Wide, 8>,           fuzz::One<std::uint8_t, kDynamic>,
      fuzz::One<std::uint64_t, kDynamic>, fuzz::One<fuzz::Wide, kDynamic>};
  kKinds[input.TakeAtMost(kKinds.size() - 1)](input);
  return 0;
}
