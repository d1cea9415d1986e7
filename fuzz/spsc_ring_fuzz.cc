// SPDX-License-Identifier: Apache-2.0
//
// SpscRing: both roles in one process, in any order of calls, deaths and
// takeovers included, for elements of 1, 8 and 24 bytes and for extents fixed
// and chosen at run time. With an honest peer each result and each value is
// compared with a deque. With a hostile one nothing may happen but what the
// header documents, and no byte outside the slots may be reached.
#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "fuzz/harness.h"
#include "fuzz/ring_values.h"
#include "placid/primitives/spsc_ring.h"

namespace placid::fuzz {
namespace {

template <typename T, std::uint64_t kExtent>
class Run {
 public:
  using Ring = SpscRing<T, kExtent>;
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
        tail_(start),
        head_(start) {}

  void Go() {
    while (!input_.is_spent()) {
      if (!producer_.is_held()) BecomeProducer();
      if (!consumer_.is_held()) BecomeConsumer();
      Step();
    }
    peer_.Allow(kAccesses);
    producer_.Drop();
    consumer_.Drop();
  }

 private:
  // For one value, and for each further one of a batch.
  static constexpr std::uint64_t kAccesses = 10;

  void Step() {
    peer_.Allow(kAccesses);
    const auto deed = input_.Take<std::uint8_t>();
    if (deed >= 0xF0) return Rarely(deed & 15);
    if (deed % 12 == 11) return peer_.Scribble();
    if (deed % 2 == 0) {
      if (producer_.is_held()) Produce(deed % 12 / 2);
    } else {
      if (consumer_.is_held()) Consume(deed % 12 / 2);
    }
  }

  void Rarely(int deed) {
    switch (deed) {
      case 0:
        if (!producer_.is_held()) return;
        producer_->Close();
        reserved_ = 0;
        is_producer_closed_ = true;
        return;
      case 1:
        if (!consumer_.is_held()) return;
        consumer_->Close();
        peeked_ = 0;
        is_consumer_closed_ = true;
        return;
      case 2: producer_.Die(); return;
      case 3: consumer_.Die(); return;
      case 4: producer_.Drop(); return;
      case 5: consumer_.Drop(); return;
      default: return Refused();
    }
  }

  void Produce(int deed) {
    switch (deed) {
      case 0: return Push();
      case 1: return PushSome();
      case 2: return Reserve();
      default: return Commit();
    }
  }
  void Consume(int deed) {
    switch (deed) {
      case 0: return Pop();
      case 1: return PopSome();
      case 2: return Peek();
      case 3: return Retire();
      default: return consumer_->Publish();
    }
  }

  // ---- Producer

  void Push() {
    const RingResult result = producer_->TryPush(Make<T>(tail_));
    reserved_ = 0;
    CheckPushed(result, result == RingResult::kOk ? 1 : 0, 1);
  }

  void PushSome() {
    const std::size_t wanted = Count();
    std::vector<T> values(wanted);
    for (std::size_t i = 0; i < wanted; ++i) values[i] = Make<T>(tail_ + i);
    std::size_t pushed = 1;
    peer_.Allow(kAccesses + kAccesses * wanted);
    const RingResult result = producer_->TryPushSome(values, pushed);
    if (wanted > 0) reserved_ = 0;
    PLACID_FUZZ_CHECK(pushed <= wanted);
    CheckPushed(result, pushed, wanted);
  }

  // Of `wanted` values, as many as there is room for.
  void CheckPushed(RingResult result, std::size_t pushed, std::size_t wanted) {
    PLACID_FUZZ_CHECK(
        IsOneOf(result, {RingResult::kOk, RingResult::kFull,
                         RingResult::kClosed, RingResult::kCorrupt}));
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (pushed > 0 || wanted == 0));
    if (peer_.is_honest()) {
      const std::uint64_t room = Room();
      PLACID_FUZZ_CHECK(pushed == std::min<std::uint64_t>(wanted, room));
      CheckNoRoom(result, wanted, room);
    }
    tail_ += pushed;
    CheckTail();
  }
  void CheckNoRoom(RingResult result, std::size_t wanted, std::uint64_t room) {
    if (wanted == 0 || room > 0) return;
    PLACID_FUZZ_CHECK(result == (is_producer_closed_ || is_consumer_closed_
                                     ? RingResult::kClosed
                                     : RingResult::kFull));
  }

  void Reserve() {
    const std::size_t wanted = Count();
    std::span<T> slots;
    const RingResult result = producer_->TryReserve(wanted, slots);
    PLACID_FUZZ_CHECK(
        IsOneOf(result, {RingResult::kOk, RingResult::kFull,
                         RingResult::kClosed, RingResult::kCorrupt}));
    PLACID_FUZZ_CHECK(LiesIn(slots_, std::as_bytes(slots)));
    PLACID_FUZZ_CHECK(slots.size() <= wanted);
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (!slots.empty() || wanted == 0));
    reserved_ = slots.size();
    for (std::size_t i = 0; i < slots.size(); ++i) {
      slots[i] = Make<T>(tail_ + i);
    }
    if (!peer_.is_honest()) return;
    const std::uint64_t in_row = ring_.capacity() - tail_ % ring_.capacity();
    PLACID_FUZZ_CHECK(slots.size() <= std::min(Room(), in_row));
    CheckNoRoom(result, wanted, Room());
  }

  void Commit() {
    const std::size_t count = Count();
    const std::size_t committed = producer_->Commit(count);
    PLACID_FUZZ_CHECK(committed == std::min(count, reserved_));
    reserved_ = 0;
    tail_ += committed;
    CheckTail();
  }

  // ---- Consumer

  void Pop() {
    const T untouched = Make<T>(tail_ + 1);
    T value = untouched;
    const RingResult result = consumer_->TryPop(value);
    if (result != RingResult::kOk) {
      PLACID_FUZZ_CHECK(AreSame(value, untouched));
    }
    CheckPopped(result, {&value, result == RingResult::kOk ? 1u : 0u}, 1);
  }

  void PopSome() {
    std::vector<T> values(Count());
    std::size_t popped = 1;
    peer_.Allow(kAccesses + kAccesses * values.size());
    const RingResult result = consumer_->TryPopSome(values, popped);
    PLACID_FUZZ_CHECK(popped <= values.size());
    CheckPopped(result, std::span(values).first(popped), values.size());
  }

  void CheckPopped(RingResult result, std::span<const T> values,
                   std::size_t wanted) {
    peeked_ = 0;
    CheckTaken(result, values.size(), wanted);
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(
        is_consumer_closed_ ||
        values.size() == std::min<std::uint64_t>(wanted, SharedTail() - head_));
    for (std::size_t i = 0; i < values.size(); ++i) {
      PLACID_FUZZ_CHECK(AreSame(values[i], Make<T>(head_ + i)));
    }
    // What was popped is given back by the next call, not by this one, or a
    // death right now would lose it.
    PLACID_FUZZ_CHECK(values.empty() || !IsPast(SharedHead(), head_));
    head_ += values.size();
    CheckHidden(values.size());
  }

  void CheckTaken(RingResult result, std::size_t taken, std::size_t wanted) {
    PLACID_FUZZ_CHECK(
        IsOneOf(result, {RingResult::kOk, RingResult::kEmpty,
                         RingResult::kClosed, RingResult::kCorrupt}));
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (taken > 0 || wanted == 0));
    if (!peer_.is_honest() || result == RingResult::kOk) return;
    PLACID_FUZZ_CHECK(is_consumer_closed_ || SharedTail() == head_);
    // Who finds the ring empty has given all of it back, or a producer that
    // waits for room and a consumer that waits for values wait for ever.
    PLACID_FUZZ_CHECK(SharedHead() == head_);
    PLACID_FUZZ_CHECK(result == (is_consumer_closed_ || is_producer_closed_
                                     ? RingResult::kClosed
                                     : RingResult::kEmpty));
  }

  // The producer lacks no more than what is in hand and, when streaming, an
  // eighth of the ring.
  void CheckHidden(std::uint64_t in_hand) const {
    const std::uint64_t lag =
        pace_ == Pace::kStreaming ? ring_.capacity() / 8 : 0;
    PLACID_FUZZ_CHECK(head_ - SharedHead() <= in_hand + lag);
  }

  void Peek() {
    const std::size_t wanted = Count();
    SharedSpan<T> values;
    const RingResult result = consumer_->TryPeek(wanted, values);
    PLACID_FUZZ_CHECK(LiesIn(slots_, std::as_bytes(values.TrustPeer())));
    PLACID_FUZZ_CHECK(values.size() <= wanted);
    CheckTaken(result, values.size(), wanted);
    if (wanted > 0) peeked_ = values.size();
    Touch(std::as_bytes(values.TrustPeer()));
    peer_.Allow(kAccesses + values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const T value = values[i].Load();
      PLACID_FUZZ_CHECK(!peer_.is_honest() ||
                        AreSame(value, Make<T>(head_ + i)));
    }
  }

  void Retire() {
    const std::size_t count = Count();
    const std::size_t retired = consumer_->Retire(count);
    PLACID_FUZZ_CHECK(retired == std::min(count, peeked_));
    peeked_ = 0;
    head_ += retired;
    if (peer_.is_honest()) CheckHidden(0);
  }

  // ---- Roles

  void Refused() {
    if (!peer_.is_honest() || !producer_.is_held() || !consumer_.is_held()) {
      return;
    }
    PLACID_FUZZ_CHECK(ring_.ClaimProducer().error().code ==
                      ErrorCode::kRoleTaken);
    PLACID_FUZZ_CHECK(ring_.ClaimConsumer().error().code ==
                      ErrorCode::kRoleTaken);
    PLACID_FUZZ_CHECK(Ring::Attach(bytes_)->capacity() == ring_.capacity());
  }

  template <typename Role>
  void Begin(Mortal<Role>& role, Result<Role> begun) {
    if (!begun) {
      PLACID_FUZZ_CHECK(!peer_.is_honest());
      PLACID_FUZZ_CHECK(IsOneOf(begun.error().code,
                                {ErrorCode::kRoleTaken, ErrorCode::kCorrupt,
                                 ErrorCode::kInvalidArgument}));
      return;
    }
    role.Hold(*std::move(begun));
  }
  void BecomeProducer() {
    peer_.Allow(kAccesses);
    const RoleHolder holder = ring_.ProducerHolder();
    Begin(producer_, holder.is_free()
                         ? ring_.ClaimProducer()
                         : ring_.TakeOverProducer(AttestedDeath(holder)));
    reserved_ = 0;
    CheckTail();  // nothing pushed was lost
  }
  void BecomeConsumer() {
    peer_.Allow(kAccesses);
    const RoleHolder holder = ring_.ConsumerHolder();
    Begin(consumer_, holder.is_free() ? ring_.ClaimConsumer(pace_)
                                      : ring_.TakeOverConsumer(
                                            AttestedDeath(holder), pace_));
    peeked_ = 0;
    head_ = SharedHead();
  }

  // From none to a few more than the ring holds.
  std::size_t Count() {
    return static_cast<std::size_t>(
        input_.TakeAtMost(std::min<std::uint64_t>(ring_.capacity(), 250) + 5));
  }

  // The words themselves, behind the machine's back.
  [[nodiscard]] std::uint64_t Word(std::size_t offset) const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_.data() + offset, sizeof(word));
    return word;
  }
  [[nodiscard]] std::uint64_t SharedTail() const {
    return Word(offsetof(typename Ring::Memory, tail));
  }
  [[nodiscard]] std::uint64_t SharedHead() const {
    return Word(offsetof(typename Ring::Memory, head));
  }
  [[nodiscard]] static bool IsPast(std::uint64_t a, std::uint64_t b) {
    return static_cast<std::int64_t>(a - b) > 0;
  }
  [[nodiscard]] std::uint64_t Room() const {
    return is_producer_closed_ ? 0 : ring_.capacity() - (tail_ - SharedHead());
  }
  void CheckTail() const {
    PLACID_FUZZ_CHECK(!peer_.is_honest() || SharedTail() == tail_);
  }

  Input& input_;
  std::span<std::byte> bytes_;
  std::span<std::byte> slots_;
  Ring ring_;
  Pace pace_;
  HostilePeer peer_;
  // The model: value n is Make(n), so all that is to be known is how many.
  std::uint64_t tail_;
  std::uint64_t head_;
  std::size_t reserved_ = 0;
  std::size_t peeked_ = 0;
  bool is_producer_closed_ = false;
  bool is_consumer_closed_ = false;
  Mortal<Producer> producer_;
  Mortal<Consumer> consumer_;
};

template <typename T, std::uint64_t kExtent>
void One(Input& input) {
  using Ring = SpscRing<T, kExtent>;
  constexpr bool kFixed = kExtent != kDynamic;
  static GuardedArena arena(
      static_cast<std::size_t>(Ring::SizeFor(kFixed ? kExtent : 1024)));
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const std::uint64_t capacity =
      kFixed ? kExtent : input.TakeOneOf<std::uint64_t>({1, 2, 16, 64, 1024});
  // Where the counters begin: anywhere, and around each wrap.
  const std::uint64_t start =
      input.TakeOneOf<std::uint64_t>(
          {0, std::uint64_t{1} << 32, std::uint64_t{1} << 63, 0}) -
      input.TakeAtMost(200);
  const auto bytes = arena.Place(
      static_cast<std::size_t>(Ring::SizeFor(capacity)), Ring::kAlignment);
  // A fixed extent needs no creation: zeros are an empty ring.
  const auto ring =
      kFixed ? Ring::Attach(bytes) : Ring::Create(bytes, capacity);
  PLACID_FUZZ_CHECK(ring.has_value() && ring->capacity() == capacity);
  auto* memory = reinterpret_cast<typename Ring::Memory*>(bytes.data());
  memory->tail.store(start, kRelaxed);
  memory->head.store(start, kRelaxed);
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
