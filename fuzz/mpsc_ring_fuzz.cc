// SPDX-License-Identifier: Apache-2.0
//
// MpscRing: two producers, a consumer and whoever recovers the dead in one
// process, in any order of calls, deaths and takeovers included, for elements of
// 1, 8 and 24 bytes and for extents fixed and chosen at run time. With an honest
// peer each result and each value is compared with a list. With a hostile one
// nothing may happen but what the header documents, and no byte outside the
// slots may be reached.
#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "fuzz/harness.h"
#include "fuzz/ring_values.h"
#include "placid/primitives/mpsc_ring.h"

namespace placid::fuzz {
namespace {

constexpr std::size_t kProducers = 2;

template <typename T, std::uint64_t kExtent>
class Run {
 public:
  using Ring = MpscRing<T, kExtent>;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;

  Run(Input& input, std::span<std::byte> bytes, const Ring& ring,
      std::uint64_t start, Honesty honesty)
      : input_(input),
        bytes_(bytes),
        slots_(bytes.subspan(Ring::kSlotsOffset)),
        ring_(ring),
        pace_(input.TakeBool() ? Pace::kStreaming : Pace::kPrompt),
        peer_(input, bytes, honesty),
        steps_(std::min(2 * ring.capacity() + 4, Ring::kMostSteps)),
        head_(start) {}

  void Go() {
    while (!input_.is_spent()) {
      for (Party& party : parties_) {
        if (!party.role.is_held()) BecomeProducer(party);
      }
      if (!consumer_.is_held()) BecomeConsumer();
      Step();
    }
    for (Party& party : parties_) {
      AllowOne();
      party.role.Drop();
    }
    AllowOne();
    consumer_.Drop();
  }

 private:
  struct Party {
    OwnerId id;
    Mortal<Producer> role{};
    T* slot = nullptr;  // reserved
    std::uint64_t entry = 0;
  };
  enum class Fate { kClaimed, kDone, kVoid, kEnd };
  struct Entry {
    std::uint64_t number;
    Fate fate;
  };

  // What one operation may access: some words, and some for each step.
  void AllowOne() { peer_.Allow(20 + 8 * steps_); }

  void Step() {
    AllowOne();
    const auto deed = input_.Take<std::uint8_t>();
    if (deed >= 0xE8) return Rarely(deed & 31);
    Party& party = parties_[deed / 128];
    switch (deed % 12) {
      case 0:
      case 1: return Push(party);
      case 2: return PushSome(party);
      case 3: return Reserve(party);
      case 4: return Commit(party);
      case 5: return Abort(party);
      case 6:
      case 7: return Pop();
      case 8: return PopSome();
      case 9: return Peek();
      case 10: return Retire();
      default: return peer_.Scribble();
    }
  }

  void Rarely(int deed) {
    Party& party = parties_[static_cast<std::size_t>(deed) % kProducers];
    switch (deed / 2) {
      case 4: return Close(party);
      case 5: {
        if (!consumer_.is_held()) return;
        consumer_->Close();
        is_peeked_ = false;
        is_consumer_closed_ = true;
        Forget(SharedHead());
        return;
      }
      case 6: return Die(party);
      case 7: return consumer_.Die();
      case 8: party.role.Drop(); return GiveUp(party);
      case 9: return consumer_.Drop();
      case 10: return Publish();
      case 11: return Unowned();
      default: return Refused();
    }
  }

  // ---- Producers

  void Push(Party& party) {
    if (!party.role.is_held()) return;
    const RingResult result = party.role->TryPush(Make<T>(next_));
    GiveUp(party);
    CheckRoom(result, 1);
    if (result == RingResult::kOk) Append(Fate::kDone);
  }

  void PushSome(Party& party) {
    if (!party.role.is_held()) return;
    const auto wanted = static_cast<std::size_t>(input_.TakeAtMost(5));
    std::array<T, 5> values;
    for (std::size_t i = 0; i < wanted; ++i) values[i] = Make<T>(next_ + i);
    peer_.Allow((20 + 8 * steps_) * (wanted + 1));
    std::size_t pushed = 99;
    const RingResult result =
        party.role->TryPushSome(std::span(values).first(wanted), pushed);
    PLACID_FUZZ_CHECK(pushed <= wanted);
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (pushed > 0 || wanted == 0));
    if (wanted > 0) GiveUp(party);
    CheckRoom(result, wanted);
    for (std::size_t i = 0; i < pushed; ++i) Append(Fate::kDone);
    if (pushed < wanted && pushed > 0 && peer_.is_honest()) {
      PLACID_FUZZ_CHECK(entries_.size() >= ring_.capacity());
    }
  }

  void Reserve(Party& party) {
    if (!party.role.is_held()) return;
    T* slot = nullptr;
    const RingResult result = party.role->TryReserve(slot);
    GiveUp(party);
    CheckRoom(result, 1);
    PLACID_FUZZ_CHECK((result == RingResult::kOk) == (slot != nullptr));
    if (slot == nullptr) return;
    PLACID_FUZZ_CHECK(LiesIn(slots_, std::as_bytes(std::span(slot, 1))));
    *slot = Make<T>(next_);
    party.slot = slot;
    party.entry = next_;
    Append(Fate::kClaimed);
  }
  void Commit(Party& party) {
    if (!party.role.is_held()) return;
    PLACID_FUZZ_CHECK(party.role->Commit() == (party.slot != nullptr));
    Decide(party, Fate::kDone);
  }
  void Abort(Party& party) {
    if (!party.role.is_held()) return;
    PLACID_FUZZ_CHECK(party.role->Abort() == (party.slot != nullptr));
    GiveUp(party);
  }
  void Close(Party& party) {
    if (!party.role.is_held()) return;
    const RingResult result = party.role->Close();
    GiveUp(party);
    CheckRoom(result, 1);
    if (result != RingResult::kOk) return;
    Append(Fate::kEnd);
    is_closed_ = true;
  }

  // What a claim that was wanted may answer.
  void CheckRoom(RingResult result, std::size_t wanted) {
    PLACID_FUZZ_CHECK(IsOneOf(
        result, {RingResult::kOk, RingResult::kFull, RingResult::kClosed,
                 RingResult::kContended, RingResult::kCorrupt}));
    if (!peer_.is_honest() || wanted == 0) return;
    Forget(SharedHead());
    const bool is_full = entries_.size() >= ring_.capacity();
    PLACID_FUZZ_CHECK(result == (is_closed_            ? RingResult::kClosed
                                 : !is_full            ? RingResult::kOk
                                 : is_consumer_closed_ ? RingResult::kClosed
                                                       : RingResult::kFull));
  }

  void Append(Fate fate) { entries_.push_back({next_++, fate}); }
  // Of what is reserved, if anything is.
  void Decide(Party& party, Fate fate) {
    if (party.slot == nullptr) return;
    party.slot = nullptr;
    for (Entry& entry : entries_) {
      if (entry.number == party.entry) entry.fate = fate;
    }
  }
  void GiveUp(Party& party) { Decide(party, Fate::kVoid); }

  // ---- Consumer

  void Pop() {
    if (!consumer_.is_held()) return;
    const T untouched = Make<T>(next_ + 1);
    T value = untouched;
    const RingResult result = consumer_->TryPop(value);
    is_peeked_ = false;
    CheckTaken(result);
    if (result != RingResult::kOk) {
      PLACID_FUZZ_CHECK(AreSame(value, untouched));
    } else {
      Take(value);
    }
  }

  void PopSome() {
    if (!consumer_.is_held()) return;
    std::vector<T> values(static_cast<std::size_t>(input_.TakeAtMost(20)));
    std::size_t popped = 99;
    peer_.Allow(20 + 8 * steps_ + 8 * values.size());
    const RingResult result = consumer_->TryPopSome(values, popped);
    PLACID_FUZZ_CHECK(popped <= values.size());
    if (values.empty()) return;
    is_peeked_ = false;
    CheckTaken(result);
    PLACID_FUZZ_CHECK((result == RingResult::kOk) == (popped > 0));
    for (std::size_t i = 0; i < popped; ++i) Take(values[i]);
    if (!peer_.is_honest() || popped == 0 || popped == values.size()) return;
    PLACID_FUZZ_CHECK(At(taken_) == nullptr || At(taken_)->fate != Fate::kDone);
  }

  void Peek() {
    if (!consumer_.is_held()) return;
    SharedSpan<T> value;
    const RingResult result = consumer_->TryPeek(value);
    CheckTaken(result);
    PLACID_FUZZ_CHECK(value.size() == (result == RingResult::kOk ? 1u : 0u));
    PLACID_FUZZ_CHECK(LiesIn(slots_, std::as_bytes(value.TrustPeer())));
    is_peeked_ = result == RingResult::kOk;
    if (!is_peeked_ || !peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(AreSame(value[0].Load(), Make<T>(At(taken_)->number)));
  }
  void Retire() {
    if (!consumer_.is_held()) return;
    PLACID_FUZZ_CHECK(consumer_->Retire() == is_peeked_);
    if (!is_peeked_) return;
    is_peeked_ = false;
    ++taken_;
    if (peer_.is_honest()) CheckHidden(0);
  }

  // Also what was skipped when the role was claimed.
  void Publish() {
    if (!consumer_.is_held()) return;
    consumer_->Publish();
    if (!peer_.is_honest()) return;
    while (taken_ != SharedHead() && At(taken_) != nullptr &&
           At(taken_)->fate == Fate::kVoid) {
      ++taken_;
    }
  }

  // Compares with the first that is not void.
  void CheckTaken(RingResult result) {
    PLACID_FUZZ_CHECK(IsOneOf(
        result,
        {RingResult::kOk, RingResult::kEmpty, RingResult::kPending,
         RingResult::kClosed, RingResult::kContended, RingResult::kCorrupt}));
    if (!peer_.is_honest()) return;
    if (is_consumer_closed_) {
      PLACID_FUZZ_CHECK(result == RingResult::kClosed);
      return;
    }
    while (At(taken_) != nullptr && At(taken_)->fate == Fate::kVoid) ++taken_;
    const Entry* const next = At(taken_);
    PLACID_FUZZ_CHECK(result == (next == nullptr ? RingResult::kEmpty
                                 : next->fate == Fate::kDone ? RingResult::kOk
                                 : next->fate == Fate::kClaimed
                                     ? RingResult::kPending
                                     : RingResult::kClosed));
    if (result == RingResult::kPending) {
      PLACID_FUZZ_CHECK(consumer_->blocker() >= 1 &&
                        consumer_->blocker() <= kProducers);
    }
    // Who finds nothing has given all of it back, or a producer that waits for
    // room and a consumer that waits for values wait for ever.
    if (result != RingResult::kOk) PLACID_FUZZ_CHECK(SharedHead() == taken_);
  }
  void Take(const T& value) {
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(At(taken_) != nullptr);
    PLACID_FUZZ_CHECK(AreSame(value, Make<T>(At(taken_)->number)));
    // It is given back by the next call, not by this one, or a death right now
    // would lose it.
    PLACID_FUZZ_CHECK(static_cast<std::int64_t>(taken_ - SharedHead()) >= 0);
    ++taken_;
  }
  // Producers lack no more than what is in hand and, when streaming, an eighth.
  void CheckHidden(std::uint64_t in_hand) const {
    const std::uint64_t lag =
        pace_ == Pace::kStreaming ? ring_.capacity() / 8 : 0;
    PLACID_FUZZ_CHECK(taken_ - SharedHead() <= in_hand + lag);
  }

  // ---- Roles

  void BecomeProducer(Party& party) {
    AllowOne();
    auto begun = ring_.ClaimProducer(party.id);
    if (begun) return party.role.Hold(*std::move(begun));
    PLACID_FUZZ_CHECK(!peer_.is_honest());
    PLACID_FUZZ_CHECK(begun.error().code == ErrorCode::kCorrupt);
  }
  void BecomeConsumer() {
    AllowOne();
    const RoleHolder holder = ring_.ConsumerHolder();
    auto begun = holder.is_free()
                     ? ring_.ClaimConsumer(pace_)
                     : ring_.TakeOverConsumer(AttestedDeath(holder), pace_);
    is_peeked_ = false;
    // All that was not given back comes again.
    if (peer_.is_honest()) taken_ = SharedHead();
    if (begun) return consumer_.Hold(*std::move(begun));
    PLACID_FUZZ_CHECK(!peer_.is_honest());
    PLACID_FUZZ_CHECK(
        IsOneOf(begun.error().code, {ErrorCode::kRoleTaken, ErrorCode::kCorrupt,
                                     ErrorCode::kInvalidArgument}));
  }
  // One that is gone, with all that it had reserved; then somebody recovers it.
  void Die(Party& party) {
    party.role.Die();
    const bool had_claim = party.slot != nullptr;
    peer_.Allow(20 + 3 * ring_.capacity());
    const bool is_recovered = ring_.Recover(DeadOwner::Attested(party.id));
    PLACID_FUZZ_CHECK(!peer_.is_honest() || is_recovered == had_claim);
    GiveUp(party);
  }
  // Nobody here is without an identity but the consumer.
  void Unowned() {
    peer_.Allow(20 + 3 * ring_.capacity());
    const bool is_recovered = ring_.RecoverUnowned(UnownedAreDead());
    PLACID_FUZZ_CHECK(!peer_.is_honest() || !is_recovered);
  }
  void Refused() {
    if (!peer_.is_honest() || !consumer_.is_held()) return;
    PLACID_FUZZ_CHECK(ring_.ClaimConsumer().error().code ==
                      ErrorCode::kRoleTaken);
    PLACID_FUZZ_CHECK(ring_.ClaimProducer(OwnerId()).error().code ==
                      ErrorCode::kInvalidArgument);
    PLACID_FUZZ_CHECK(Ring::Attach(bytes_)->capacity() == ring_.capacity());
  }

  // ---- The model: what lies at head_ and above

  // The entry at a position, if there is one.
  [[nodiscard]] const Entry* At(std::uint64_t position) const {
    return position - head_ < entries_.size() ? &entries_[position - head_]
                                              : nullptr;
  }
  // What the ring itself has given back.
  void Forget(std::uint64_t head) {
    if (!peer_.is_honest()) return;
    while (head_ != head) {
      PLACID_FUZZ_CHECK(!entries_.empty());
      entries_.pop_front();
      ++head_;
    }
  }
  // Behind the machine's back.
  [[nodiscard]] std::uint64_t SharedHead() const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_.data() + offsetof(typename Ring::Memory, head),
                sizeof(word));
    return word;
  }

  Input& input_;
  std::span<std::byte> bytes_;
  std::span<std::byte> slots_;
  Ring ring_;
  Pace pace_;
  HostilePeer peer_;
  std::uint64_t steps_;
  std::uint64_t head_;  // of the first entry
  std::uint64_t taken_ = head_;
  std::deque<Entry> entries_;
  std::uint64_t next_ = 1;
  bool is_peeked_ = false;
  bool is_closed_ = false;
  bool is_consumer_closed_ = false;
  std::array<Party, kProducers> parties_{
      {{.id = *OwnerId::Of(1, 1)}, {.id = *OwnerId::Of(2, 1)}}};
  Mortal<Consumer> consumer_;
};

template <typename T, std::uint64_t kExtent>
void One(Input& input) {
  using Ring = MpscRing<T, kExtent>;
  constexpr bool kFixed = kExtent != kDynamic;
  static GuardedArena arena(
      static_cast<std::size_t>(Ring::SizeFor(kFixed ? kExtent : 1024)));
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const std::uint64_t capacity =
      kFixed ? kExtent : input.TakeOneOf<std::uint64_t>({1, 2, 16, 64, 1024});
  // Where the positions begin: anywhere, and around each wrap, that of the laps
  // among them.
  const std::uint64_t start = input.TakeOneOf<std::uint64_t>(
                                  {0, std::uint64_t{1} << 32,
                                   std::uint64_t{1} << 63, 0, capacity << 46}) -
                              input.TakeAtMost(200);
  const auto bytes = arena.Place(
      static_cast<std::size_t>(Ring::SizeFor(capacity)), Ring::kAlignment);
  // A fixed extent needs no creation: zeros are an empty ring.
  const auto ring =
      kFixed ? Ring::Attach(bytes) : Ring::Create(bytes, capacity);
  PLACID_FUZZ_CHECK(ring.has_value() && ring->capacity() == capacity);
  auto* memory = reinterpret_cast<typename Ring::Memory*>(bytes.data());
  auto* slots =
      reinterpret_cast<typename Ring::Slot*>(bytes.data() + Ring::kSlotsOffset);
  memory->head.store(start, kRelaxed);
  const SlotLaps<kDynamic> laps{Extent<kDynamic>(capacity)};
  for (std::uint64_t i = start; i != start + capacity; ++i) {
    slots[i % capacity].word.store(laps.DoneBefore(i).word(), kRelaxed);
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
