// SPDX-License-Identifier: Apache-2.0
//
// SpscByteRing: both roles in one process, in any order of calls, deaths and
// takeovers included. With an honest peer each result and each byte is compared
// with a model. With a hostile one nothing may happen but what the header
// documents, and no byte outside data may be reached.
#include <algorithm>
#include <deque>
#include <optional>
#include <vector>

#include "fuzz/harness.h"
#include "placid/primitives/spsc_byte_ring.h"

namespace placid::fuzz {
namespace {

using Ring = SpscByteRing;
using Wrap = Ring::Wrap;

constexpr std::size_t kMirroredBytes = std::size_t{3} * 0x10000;

// What the ring promises, written as plainly as can be: all that was committed
// or staged, by its place in the stream.
class Model {
 public:
  struct Record {
    std::uint64_t begin;
    std::uint64_t end;
    std::size_t length;
    std::size_t reserved;  // as many bytes were filled
    std::uint8_t seed;     // with what
  };

  Model(std::uint64_t capacity, Wrap wrap, std::uint64_t start)
      : capacity_(capacity), wrap_(wrap), tail_(start), next_(start) {}

  // What TryReserve says, and what it does to the stream, when the consumer has
  // given back all before `head`.
  RingResult Reserve(std::size_t length, std::uint64_t head) {
    if (length > capacity_ - 8) return RingResult::kFull;
    if (is_producer_closed) return RingResult::kClosed;
    const RingResult no_room =
        is_consumer_closed ? RingResult::kClosed : RingResult::kFull;
    const std::uint64_t bytes = Bytes(length);
    const std::uint64_t rest = capacity_ - tail_ % capacity_;
    if (wrap_ == Wrap::kPadding && bytes > rest) {
      if (capacity_ - (tail_ - head) < rest) return no_room;
      tail_ += rest;
    }
    return capacity_ - (tail_ - head) < bytes ? no_room : RingResult::kOk;
  }
  void Stage(std::size_t length, std::size_t reserved, std::uint8_t seed) {
    records_.push_back({tail_, tail_ + Bytes(length), length, reserved, seed});
    tail_ += Bytes(length);
  }
  // A producer died: what lies past the shared tail was never there.
  void ForgetPast(std::uint64_t tail) {
    tail_ = tail;
    while (!records_.empty() && after(records_.back().end, tail)) {
      records_.pop_back();
    }
  }

  // The record that TryFront hands out when all before `tail` is visible, and
  // the one handed out before is retired.
  std::optional<Record> Front(std::uint64_t tail) {
    previous_ = next_;
    for (const Record& record : records_) {
      if (after(next_, record.begin)) continue;
      if (after(record.end, tail)) return std::nullopt;
      next_ = record.end;
      return record;
    }
    return std::nullopt;
  }
  // All before the record in hand: what a prompt consumer has given back.
  [[nodiscard]] std::uint64_t retired() const { return previous_; }
  // A consumer died, or retired and left: the next begins at the shared head.
  void GoTo(std::uint64_t head) {
    next_ = previous_ = head;
    while (!records_.empty() && !after(records_.front().end, head)) {
      records_.pop_front();
    }
  }

  [[nodiscard]] std::uint64_t tail() const { return tail_; }
  // Positions never wrap, but for a stream that begins near 2^64.
  [[nodiscard]] static bool after(std::uint64_t a, std::uint64_t b) {
    return static_cast<std::int64_t>(a - b) > 0;
  }

  bool is_producer_closed = false;
  bool is_consumer_closed = false;

 private:
  static std::uint64_t Bytes(std::size_t length) {
    return 8 + (length + 7) / 8 * 8;
  }

  std::uint64_t capacity_;
  Wrap wrap_;
  std::uint64_t tail_;
  std::uint64_t next_;          // where the next record is looked for
  std::uint64_t previous_ = 0;  // where the record in hand was looked for
  std::deque<Record> records_;
};

// A record's payload: one value throughout, others near both ends, where
// lengths and positions go wrong.
constexpr std::size_t kEdgeBytes = 32;
void FillPayload(std::span<std::byte> payload, std::uint8_t seed) {
  if (payload.empty()) return;
  std::memset(payload.data(), seed, payload.size());
  const std::size_t edge = std::min(kEdgeBytes, payload.size());
  for (std::size_t i = 0; i < edge; ++i) {
    payload[i] = static_cast<std::byte>(seed + i * 7);
    payload[payload.size() - 1 - i] = static_cast<std::byte>(seed + i * 11);
  }
}

class Run {
 public:
  Run(Input& input, std::span<std::byte> bytes, const Ring& ring, Pace pace,
      std::uint64_t start, Honesty honesty)
      : input_(input),
        bytes_(bytes),
        data_(bytes.subspan(ring.wrap() == Wrap::kMirrored
                                ? Ring::kMirroredDataOffset
                                : Ring::kDataOffset)),
        ring_(ring),
        pace_(pace),
        peer_(input, bytes, honesty),
        model_(ring.capacity(), ring.wrap(), start) {
    model_.GoTo(start);
  }

  void Go() {
    while (!input_.is_spent()) {
      if (!producer_.is_held()) BecomeProducer();
      if (!consumer_.is_held()) BecomeConsumer();
      Step();
      reserved_ = producer_.is_held() ? reserved_ : std::nullopt;
    }
    producer_.Drop();
    consumer_.Drop();
  }

 private:
  // No operation of one record needs more accesses than this.
  static constexpr std::uint64_t kAccesses = 12;

  void Step() {
    peer_.Allow(kAccesses);
    const auto deed = input_.Take<std::uint8_t>();
    if (deed >= 0xF0) return Rarely(deed & 15);
    switch (deed % 12) {
      case 0:
      case 1: return Reserve(Length());
      case 2: return End(&Ring::Producer::Commit);
      case 3: return End(&Ring::Producer::Stage);
      case 4: return Push(Length());
      case 5:
        if (producer_.is_held()) producer_->Publish();
        return CheckTail(model_.tail());
      case 6:
      case 7:
      case 8: return Front();
      case 9:
        if (consumer_.is_held()) consumer_->Retire();
        return;
      case 10:
        if (consumer_.is_held()) consumer_->Publish();
        return;
      default: return peer_.Scribble();
    }
  }

  void Rarely(int deed) {
    switch (deed) {
      case 0:
        if (!producer_.is_held()) return;
        producer_->Close();
        model_.is_producer_closed = true;
        reserved_.reset();
        return CheckTail(model_.tail());
      case 1:
        if (!consumer_.is_held()) return;
        consumer_->Close();
        model_.is_consumer_closed = true;
        return;
      case 2: producer_.Die(); return;
      case 3: consumer_.Die(); return;
      case 4: producer_.Drop(); return;
      case 5: consumer_.Drop(); return;
      case 6:
        if (producer_.is_held()) producer_->Abort();
        reserved_.reset();
        return;
      default: return Refused();
    }
  }

  // A length from 0 to a little more than the ring can take; the edges often.
  std::size_t Length() {
    const auto most = static_cast<std::size_t>(ring_.MostRecordBytes());
    const auto draw = input_.Take<std::uint8_t>();
    switch (draw >> 5) {
      case 0:
      case 1:
      case 2:
      case 3: return draw & 31;
      case 4: return most - (draw & 31);
      case 5: return most + (draw & 7);
      case 6: return most / 32 * (draw & 31);
      default: return SIZE_MAX >> (draw & 31);
    }
  }

  void Reserve(std::size_t length) {
    if (!producer_.is_held()) return;
    std::span<std::byte> payload;
    const RingResult result = producer_->TryReserve(length, payload);
    PLACID_FUZZ_CHECK(
        IsOneOf(result, {RingResult::kOk, RingResult::kFull,
                         RingResult::kClosed, RingResult::kCorrupt}));
    PLACID_FUZZ_CHECK(LiesIn(data_, payload));
    PLACID_FUZZ_CHECK(payload.size() ==
                      (result == RingResult::kOk ? length : 0));
    reserved_.reset();
    if (result == RingResult::kOk) {
      reserved_ = length;
      ++seed_;
      FillPayload(payload, seed_);
    }
    if (peer_.is_honest()) {
      PLACID_FUZZ_CHECK(result == model_.Reserve(length, SharedHead()));
      CheckTail(std::nullopt);
    }
  }

  void End(bool (Ring::Producer::*end)(std::size_t)) {
    if (!producer_.is_held()) return;
    const auto shrink = input_.Take<std::uint8_t>();
    const std::size_t reserved = reserved_.value_or(0);
    // More than was reserved counts as what was reserved.
    const std::size_t length =
        shrink < 128 ? reserved + shrink : reserved * (shrink & 127) / 128;
    PLACID_FUZZ_CHECK((producer_.get()->*end)(length) == reserved_.has_value());
    const bool commits = reserved_ && end == &Ring::Producer::Commit;
    if (reserved_) model_.Stage(std::min(length, reserved), reserved, seed_);
    reserved_.reset();
    CheckTail(commits ? std::optional(model_.tail()) : std::nullopt);
  }

  void Push(std::size_t length) {
    if (!producer_.is_held() || length > ring_.MostRecordBytes() + 8) return;
    ++seed_;
    record_.resize(length);
    FillPayload(record_, seed_);
    const RingResult result = producer_->TryPush(record_);
    PLACID_FUZZ_CHECK(
        IsOneOf(result, {RingResult::kOk, RingResult::kFull,
                         RingResult::kClosed, RingResult::kCorrupt}));
    reserved_.reset();
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(result == model_.Reserve(length, SharedHead()));
    if (result == RingResult::kOk) model_.Stage(length, length, seed_);
    CheckTail(result == RingResult::kOk ? std::optional(model_.tail())
                                        : std::nullopt);
  }

  void Front() {
    if (!consumer_.is_held()) return;
    SharedBytes record;
    const RingResult result = consumer_->TryFront(record);
    PLACID_FUZZ_CHECK(
        IsOneOf(result, {RingResult::kOk, RingResult::kEmpty,
                         RingResult::kClosed, RingResult::kCorrupt}));
    PLACID_FUZZ_CHECK(LiesIn(data_, record.TrustPeer()));
    PLACID_FUZZ_CHECK(result == RingResult::kOk || record.empty());
    Touch(record.TrustPeer());
    if (peer_.is_honest()) {
      CompareFront(result, record);
    } else {
      Parse(record);
    }
  }

  void CompareFront(RingResult result, SharedBytes record) {
    if (model_.is_consumer_closed) {
      PLACID_FUZZ_CHECK(result == RingResult::kClosed);
      return;
    }
    const auto expected = model_.Front(SharedTail());
    if (!expected) {
      PLACID_FUZZ_CHECK(result == (model_.is_producer_closed
                                       ? RingResult::kClosed
                                       : RingResult::kEmpty));
      // Who finds the ring empty has given all of it back, or a producer that
      // waits for room and a consumer that waits for records wait for ever.
      PLACID_FUZZ_CHECK(!Model::after(model_.retired(), SharedHead()));
      return;
    }
    PLACID_FUZZ_CHECK(result == RingResult::kOk);
    PLACID_FUZZ_CHECK(record.size() == expected->length);
    record_.resize(expected->reserved);
    FillPayload(record_, expected->seed);
    PLACID_FUZZ_CHECK(
        std::equal(record_.begin(),
                   record_.begin() + static_cast<std::ptrdiff_t>(record.size()),
                   record.TrustPeer().begin()));
    // A dead consumer's successor is handed the record in hand again and, when
    // streaming, an eighth of the ring before it; never more.
    const std::uint64_t hidden = model_.retired() - SharedHead();
    const std::uint64_t most =
        pace_ == Pace::kStreaming ? ring_.capacity() / 8 : 0;
    PLACID_FUZZ_CHECK(!Model::after(hidden, most));
  }

  // What a program does with a record of a peer that it does not trust.
  void Parse(SharedBytes record) {
    peer_.Allow(kAccesses);
    const auto length = record.Load<std::uint32_t>(0);
    PLACID_FUZZ_CHECK(length.has_value() == (record.size() >= 4));
    if (!length) return;
    const SharedBytes body = record.Subspan(4, *length);
    PLACID_FUZZ_CHECK(LiesIn(record.TrustPeer(), body.TrustPeer()));
    record_.resize(64);
    PLACID_FUZZ_CHECK(body.CopyOut(record_) ==
                      std::min<std::size_t>(64, body.size()));
  }

  // A role that is held or free: what may not be had is refused.
  void Refused() {
    if (producer_.is_held() && peer_.is_honest()) {
      const auto second = ring_.ClaimProducer();
      PLACID_FUZZ_CHECK(!second &&
                        second.error().code == ErrorCode::kRoleTaken);
    }
    if (consumer_.is_held() && peer_.is_honest()) {
      const auto second = ring_.ClaimConsumer();
      PLACID_FUZZ_CHECK(!second &&
                        second.error().code == ErrorCode::kRoleTaken);
    }
    const auto attached = Ring::Attach(bytes_);
    PLACID_FUZZ_CHECK(!peer_.is_honest() || attached.has_value());
    PLACID_FUZZ_CHECK(!attached || LiesInBytes(*attached));
  }
  bool LiesInBytes(const Ring& ring) const {
    const bool mirrored = ring.wrap() == Wrap::kMirrored;
    return ring.capacity() <= bytes_.size() &&
           (mirrored ? Ring::kMirroredDataOffset + 2 * ring.capacity()
                     : Ring::kDataOffset + ring.capacity()) <= bytes_.size();
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
    if (peer_.is_honest()) model_.ForgetPast(SharedTail());
  }
  void BecomeConsumer() {
    peer_.Allow(kAccesses);
    const RoleHolder holder = ring_.ConsumerHolder();
    Begin(consumer_, holder.is_free() ? ring_.ClaimConsumer(pace_)
                                      : ring_.TakeOverConsumer(
                                            AttestedDeath(holder), pace_));
    if (peer_.is_honest()) model_.GoTo(SharedHead());
  }

  // The words themselves, behind the machine's back.
  [[nodiscard]] std::uint64_t Word(std::size_t offset) const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_.data() + offset, sizeof(word));
    return word;
  }
  [[nodiscard]] std::uint64_t SharedTail() const {
    return Word(offsetof(Ring::Memory, tail));
  }
  [[nodiscard]] std::uint64_t SharedHead() const {
    return Word(offsetof(Ring::Memory, head));
  }
  // The shared tail is `expected`; or anything the producer has staged.
  void CheckTail(std::optional<std::uint64_t> expected) const {
    if (!peer_.is_honest() || !producer_.is_held()) return;
    PLACID_FUZZ_CHECK(!Model::after(SharedTail(), model_.tail()));
    PLACID_FUZZ_CHECK(!expected || SharedTail() == *expected);
  }

  Input& input_;
  std::span<std::byte> bytes_;
  std::span<std::byte> data_;
  Ring ring_;
  Pace pace_;
  HostilePeer peer_;
  Model model_;
  std::uint8_t seed_ = 0;
  std::optional<std::size_t> reserved_;
  std::vector<std::byte> record_;
  Mortal<Ring::Producer> producer_;
  Mortal<Ring::Consumer> consumer_;
};

void One(Input input) {
  static GuardedArena arena(kMirroredBytes);
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const auto capacity =
      input.TakeOneOf<std::uint64_t>({64, 128, 256, 1024, 8192, 0x10000});
  const Wrap wrap = capacity == 0x10000 ? Wrap::kMirrored : Wrap::kPadding;
  const Pace pace = input.TakeBool() ? Pace::kStreaming : Pace::kPrompt;
  // Where the counters begin: anywhere, and around each wrap.
  const std::uint64_t start =
      input.TakeOneOf<std::uint64_t>(
          {0, std::uint64_t{1} << 32, std::uint64_t{1} << 63, 0}) -
      input.TakeAtMost(200) * 8;

  // Mirrored data needs no mirror here: both roles use this one view.
  const auto bytes =
      arena.Place(wrap == Wrap::kMirrored
                      ? kMirroredBytes
                      : static_cast<std::size_t>(Ring::SizeFor(capacity, wrap)),
                  Ring::kAlignment);
  const auto ring = Ring::Create(bytes, capacity, wrap);
  PLACID_FUZZ_CHECK(ring.has_value());
  auto* memory = reinterpret_cast<Ring::Memory*>(bytes.data());
  memory->tail.store(start, kRelaxed);
  memory->head.store(start, kRelaxed);
  Run(input, bytes, *ring, pace, start, honesty).Go();
  arena.CheckSurroundings();
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  placid::fuzz::One({data, size});
  return 0;
}
