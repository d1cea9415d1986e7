// SPDX-License-Identifier: Apache-2.0
//
// MpscByteRing: two producers, a consumer and whoever recovers the dead in one
// process, in any order of calls, deaths and takeovers included, and of lengths.
// With an honest peer each result and each byte is compared with a list. With a
// hostile one nothing may happen but what the header documents, and no byte
// outside the ring may be reached.
#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "fuzz/harness.h"
#include "placid/primitives/mpsc_byte_ring.h"

namespace placid::fuzz {
namespace {

constexpr std::size_t kProducers = 2;
using Ring = MpscByteRing;
constexpr std::uint64_t kGranule = Ring::kGranuleBytes;

class Run {
 public:
  Run(Input& input, std::span<std::byte> bytes, const Ring& ring,
      std::uint64_t start, Honesty honesty)
      : input_(input),
        bytes_(bytes),
        data_(bytes.subspan(Ring::kDataOffset,
                            static_cast<std::size_t>(ring.capacity()))),
        ring_(ring),
        granules_(ring.capacity() / kGranule),
        pace_(input.TakeBool() ? Pace::kStreaming : Pace::kPrompt),
        peer_(input, bytes, honesty),
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
    Mortal<Ring::Producer> role{};
    bool has_reserved = false;
    std::size_t length = 0;
    std::span<std::byte> payload{};
    std::uint64_t position = 0;  // of its entry
  };
  enum class Fate { kClaimed, kDone, kVoid, kEnd };
  struct Entry {
    std::uint64_t position;
    std::uint64_t span;
    std::uint64_t number;
    std::size_t length;
    Fate fate;
  };

  // What one operation may access: some words, some for each step, and a store
  // for each granule of a record.
  void AllowOne() {
    peer_.Allow(20 + 8 * std::min(2 * granules_ + 4, Ring::kMostSteps) +
                granules_ + 2 * std::min(granules_, Ring::kMostSteps) +
                ring_.MostRecordBytes() / 8);
  }

  void Step() {
    AllowOne();
    const auto deed = input_.Take<std::uint8_t>();
    if (deed >= 0xE8) return Rarely(deed & 31);
    Party& party = parties_[deed / 128];
    switch (deed % 12) {
      case 0:
      case 1: return Push(party);
      case 2: return PushSome(party);
      case 3:
      case 4: return Reserve(party);
      case 5: return Commit(party);
      case 6: return Abort(party);
      case 7:
      case 8:
      case 9: return Front();
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
        taken_ += in_hand_;
        in_hand_ = 0;
        is_consumer_closed_ = true;
        return Forget(SharedHead());
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

  // A length: most are short, some longer than any record can be.
  std::size_t TakeLength() {
    const std::uint64_t most = ring_.MostRecordBytes() + 2;
    return static_cast<std::size_t>(
        input_.TakeBool() ? input_.TakeAtMost(std::min<std::uint64_t>(most, 70))
                          : input_.TakeAtMost(most));
  }
  // The record of a number.
  static std::vector<std::byte> RecordOf(std::uint64_t number,
                                         std::size_t length) {
    std::vector<std::byte> record(length);
    for (std::size_t i = 0; i < length; ++i) {
      record[i] = static_cast<std::byte>(number * 37 + i * 11);
    }
    return record;
  }

  void Push(Party& party) {
    if (!party.role.is_held()) return;
    const auto record = RecordOf(next_, TakeLength());
    const RingResult result = party.role->TryPush(record);
    GiveUp(party);
    CheckRoom(result, record.size());
    if (result == RingResult::kOk) Append(record.size(), Fate::kDone);
  }

  void PushSome(Party& party) {
    if (!party.role.is_held()) return;
    const auto wanted = static_cast<std::size_t>(input_.TakeAtMost(3));
    std::array<std::vector<std::byte>, 3> bytes;
    std::array<std::span<const std::byte>, 3> records;
    for (std::size_t i = 0; i < wanted; ++i) {
      bytes[i] = RecordOf(next_ + i, TakeLength() % 70);
      records[i] = bytes[i];
    }
    for (std::size_t i = 0; i <= wanted; ++i) AllowSome();
    std::size_t pushed = 99;
    const RingResult result =
        party.role->TryPushSome(std::span(records).first(wanted), pushed);
    PLACID_FUZZ_CHECK(pushed <= wanted);
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (pushed > 0 || wanted == 0));
    if (wanted == 0) return;
    GiveUp(party);
    CheckRoom(result, bytes[0].size());
    for (std::size_t i = 0; i < pushed; ++i) {
      Append(bytes[i].size(), Fate::kDone);
    }
    if (pushed > 0 && pushed < wanted && peer_.is_honest()) {
      PLACID_FUZZ_CHECK(!HasRoom(bytes[pushed].size()));
    }
  }

  void Reserve(Party& party) {
    if (!party.role.is_held()) return;
    const std::size_t length = TakeLength();
    std::span<std::byte> payload;
    const RingResult result = party.role->TryReserve(length, payload);
    GiveUp(party);
    CheckRoom(result, length);
    PLACID_FUZZ_CHECK(payload.size() ==
                      (result == RingResult::kOk ? length : 0));
    PLACID_FUZZ_CHECK(LiesIn(data_, payload));
    if (result != RingResult::kOk) return;
    party.has_reserved = true;
    party.length = length;
    party.payload = payload;
    party.position = End();
    Append(length, Fate::kClaimed);
  }
  void Commit(Party& party) {
    if (!party.role.is_held()) return;
    const auto wanted = static_cast<std::size_t>(
        input_.TakeBool() ? party.length
                          : input_.TakeAtMost(ring_.MostRecordBytes()));
    const std::size_t used = std::min(wanted, party.length);
    Entry* const entry = party.has_reserved ? At(party.position) : nullptr;
    if (party.has_reserved) {
      const auto record =
          RecordOf(entry != nullptr ? entry->number : next_, used);
      std::copy(record.begin(), record.end(), party.payload.begin());
    }
    PLACID_FUZZ_CHECK(party.role->Commit(wanted) == party.has_reserved);
    if (entry != nullptr) Shorten(*entry, used);
    Decide(party, Fate::kDone);
  }
  void Abort(Party& party) {
    if (!party.role.is_held()) return;
    PLACID_FUZZ_CHECK(party.role->Abort() == party.has_reserved);
    GiveUp(party);
  }
  void Close(Party& party) {
    if (!party.role.is_held()) return;
    const RingResult result = party.role->Close();
    GiveUp(party);
    CheckRoom(result, 0);
    if (result != RingResult::kOk) return;
    Append(0, Fate::kEnd);
    is_closed_ = true;
  }

  // What a claim that was wanted may answer.
  void CheckRoom(RingResult result, std::size_t length) {
    PLACID_FUZZ_CHECK(IsOneOf(
        result, {RingResult::kOk, RingResult::kFull, RingResult::kClosed,
                 RingResult::kContended, RingResult::kCorrupt}));
    if (!peer_.is_honest()) return;
    Forget(SharedHead());
    if (length > ring_.MostRecordBytes()) {
      PLACID_FUZZ_CHECK(result == RingResult::kFull);
      return;
    }
    PLACID_FUZZ_CHECK(result == (is_closed_            ? RingResult::kClosed
                                 : HasRoom(length)     ? RingResult::kOk
                                 : is_consumer_closed_ ? RingResult::kClosed
                                                       : RingResult::kFull));
  }

  // ---- Consumer

  void Front() {
    if (!consumer_.is_held()) return;
    SharedBytes record;
    const RingResult result = consumer_->TryFront(record);
    if (!is_consumer_closed_) taken_ += in_hand_;
    in_hand_ = 0;
    PLACID_FUZZ_CHECK(result == RingResult::kOk || record.empty());
    PLACID_FUZZ_CHECK(LiesIn(data_, record.TrustPeer()));
    Touch(record.TrustPeer());
    CheckTaken(result);
    if (result != RingResult::kOk || !peer_.is_honest()) return;
    const Entry& entry = *At(taken_);
    const auto expected = RecordOf(entry.number, entry.length);
    PLACID_FUZZ_CHECK(std::ranges::equal(record.TrustPeer(), expected));
    in_hand_ = entry.span;
    // Producers lack no more than what is in hand, what was skipped on the way
    // to it and, when streaming, an eighth.
    const std::uint64_t lag = pace_ == Pace::kStreaming ? granules_ / 8 : 0;
    PLACID_FUZZ_CHECK(taken_ - SharedHead() <= lag + skipped_);
  }
  void Retire() {
    if (!consumer_.is_held()) return;
    consumer_->Retire();
    taken_ += in_hand_;
    in_hand_ = 0;
  }

  // Also what was skipped when the role was claimed.
  void Publish() {
    if (!consumer_.is_held()) return;
    consumer_->Publish();
    if (!peer_.is_honest()) return;
    while (taken_ != SharedHead() && At(taken_) != nullptr &&
           At(taken_)->fate == Fate::kVoid) {
      taken_ += At(taken_)->span;
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
    const std::uint64_t from = taken_;
    while (At(taken_) != nullptr && At(taken_)->fate == Fate::kVoid) {
      taken_ += At(taken_)->span;
    }
    skipped_ = taken_ - from;
    if (result == RingResult::kContended) {
      PLACID_FUZZ_CHECK(taken_ - from >= Ring::kMostSteps);
      taken_ = SharedHead();
      return;
    }
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
    // room and a consumer that waits for records wait for ever.
    if (result != RingResult::kOk) PLACID_FUZZ_CHECK(SharedHead() == taken_);
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
    in_hand_ = 0;
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
    peer_.Allow(20 + 3 * granules_);
    const bool is_recovered = ring_.Recover(DeadOwner::Attested(party.id));
    PLACID_FUZZ_CHECK(!peer_.is_honest() || is_recovered == party.has_reserved);
    GiveUp(party);
  }
  // Nobody here is without an identity but the consumer.
  void Unowned() {
    peer_.Allow(20 + 3 * granules_);
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

  void AllowSome() {
    peer_.Allow((20 + 8 * std::min(2 * granules_ + 4, Ring::kMostSteps)) * 4);
  }
  // Where the next claim will be.
  [[nodiscard]] std::uint64_t End() const {
    return entries_.empty() ? head_
                            : entries_.back().position + entries_.back().span;
  }
  // What a record takes there, with what is left over before the end of data.
  [[nodiscard]] std::uint64_t SpanAtEnd(std::size_t length) const {
    const std::uint64_t granules =
        length == 0 ? 1 : (length + kGranule - 1) / kGranule;
    const std::uint64_t rest = granules_ - End() % granules_;
    return granules <= rest ? granules : rest + granules;
  }
  [[nodiscard]] bool HasRoom(std::size_t length) const {
    return granules_ - (End() - head_) >= SpanAtEnd(length);
  }
  void Append(std::size_t length, Fate fate) {
    entries_.push_back({End(), SpanAtEnd(length), next_++, length, fate});
  }
  // The entry at a position, if there is one.
  [[nodiscard]] Entry* At(std::uint64_t position) {
    for (Entry& entry : entries_) {
      if (entry.position == position) return &entry;
    }
    return nullptr;
  }
  // What is left over of a record is one of its own.
  void Shorten(Entry& entry, std::size_t used) {
    const auto granules = [](std::size_t length) {
      return length == 0 ? 1 : (length + kGranule - 1) / kGranule;
    };
    const std::uint64_t rest = granules(entry.length) - granules(used);
    entry.length = used;
    if (rest == 0) return;
    entry.span -= rest;
    const Entry left{entry.position + entry.span, rest, 0, 0, Fate::kVoid};
    const auto at = std::ranges::find_if(entries_, [&](const Entry& other) {
      return other.position == entry.position;
    });
    entries_.insert(at + 1, left);
  }
  // Of what is reserved, if anything is.
  void Decide(Party& party, Fate fate) {
    if (!party.has_reserved) return;
    party.has_reserved = false;
    party.length = 0;
    if (Entry* const entry = At(party.position)) entry->fate = fate;
  }
  void GiveUp(Party& party) { Decide(party, Fate::kVoid); }
  // What the ring itself has given back.
  void Forget(std::uint64_t head) {
    if (!peer_.is_honest()) return;
    while (head_ != head) {
      PLACID_FUZZ_CHECK(!entries_.empty());
      head_ += entries_.front().span;
      entries_.pop_front();
    }
  }
  // Behind the machine's back.
  [[nodiscard]] std::uint64_t SharedHead() const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_.data() + offsetof(Ring::Memory, head),
                sizeof(word));
    return word;
  }

  Input& input_;
  std::span<std::byte> bytes_;
  std::span<std::byte> data_;
  Ring ring_;
  std::uint64_t granules_;
  Pace pace_;
  HostilePeer peer_;
  std::uint64_t head_;  // of the first entry
  std::uint64_t taken_ = head_;
  std::uint64_t in_hand_ = 0;
  std::uint64_t skipped_ = 0;  // by the last call
  std::deque<Entry> entries_;
  std::uint64_t next_ = 1;
  bool is_closed_ = false;
  bool is_consumer_closed_ = false;
  std::array<Party, kProducers> parties_{
      {{.id = *OwnerId::Of(1, 1)}, {.id = *OwnerId::Of(2, 1)}}};
  Mortal<Ring::Consumer> consumer_;
};

void One(Input& input) {
  static GuardedArena arena(
      static_cast<std::size_t>(Ring::SizeFor(256 * kGranule)));
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const std::uint64_t granules =
      input.TakeOneOf<std::uint64_t>({1, 2, 4, 16, 256});
  // Where the positions begin: anywhere, and around each wrap, that of the laps
  // among them.
  const std::uint64_t start = input.TakeOneOf<std::uint64_t>(
                                  {0, std::uint64_t{1} << 32,
                                   std::uint64_t{1} << 63, 0, granules << 30}) -
                              input.TakeAtMost(200);
  const auto bytes =
      arena.Place(static_cast<std::size_t>(Ring::SizeFor(granules * kGranule)),
                  Ring::kAlignment);
  const auto ring = Ring::Create(bytes, granules * kGranule);
  PLACID_FUZZ_CHECK(ring.has_value() &&
                    ring->capacity() == granules * kGranule);
  auto* memory = reinterpret_cast<Ring::Memory*>(bytes.data());
  memory->head.store(start, kRelaxed);
  const Granules words(bytes.data() + Ring::kDataOffset,
                       Extent<kDynamic>(granules));
  for (std::uint64_t i = start; i != start + granules; ++i) {
    words.WordAt(i).store(words.laps().Inside(i - granules).word(), kRelaxed);
  }
  Run(input, bytes, *ring, start, honesty).Go();
  arena.CheckSurroundings();
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  placid::fuzz::Input input(data, size);
  placid::fuzz::One(input);
  return 0;
}
