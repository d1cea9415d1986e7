// SPDX-License-Identifier: Apache-2.0
//
// BroadcastRing: the writer and two readers in one process, in any order of
// calls, deaths and takeovers included. With an honest peer each result, each
// value and each loss is compared with what the header promises of the counts;
// also where the writer pushes between a look and its validation. With a hostile
// one no byte outside may be reached, no reader may store, and none may go on
// for ever.
#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "fuzz/harness.h"
#include "fuzz/ring_values.h"
#include "placid/primitives/broadcast_ring.h"

namespace placid::fuzz {
namespace {

template <typename T, std::uint64_t kExtent>
class Run {
 public:
  using Ring = BroadcastRing<T, kExtent>;
  using Writer = typename Ring::Writer;
  using Reader = typename Ring::Reader;

  Run(Input& input, std::span<std::byte> bytes, const Ring& ring,
      std::uint64_t start, Honesty honesty)
      : input_(input),
        bytes_(bytes),
        slots_(bytes.subspan(Ring::kSlotsOffset)),
        ring_(ring),
        peer_(input, bytes, honesty),
        tail_(start),
        oldest_(start),
        readers_{ring.MakeReader(), ring.MakeReader()} {}

  void Go() {
    while (!input_.is_spent()) {
      if (!writer_.is_held()) BecomeWriter();
      Step();
    }
    peer_.Allow(kWriteAccesses);
    writer_.Drop();
  }

 private:
  // For one value, and for each further one of a batch.
  static constexpr std::uint64_t kWriteAccesses = 6;
  static constexpr std::uint64_t kClaimAccesses = 8;
  // Of each try three looks and a copy in two parts; before them three looks.
  static constexpr std::uint64_t kReadAccesses = (Ring::kTries + 2) * 5 + 4;

  void Step() {
    const auto deed = input_.Take<std::uint8_t>();
    Reader& reader = readers_[deed / 16 % 2];
    peer_.Allow(kWriteAccesses);
    switch (deed % 12) {
      case 0:
      case 1:
        if (writer_.is_held()) Push();
        return;
      case 2:
        if (writer_.is_held()) PushSome();
        return;
      case 3:
        if (writer_.is_held()) Reserve();
        return;
      case 4: return Commit();
      case 5:
      case 6: return Read(reader);
      case 7: return ReadSome(reader);
      case 8: return Peek(reader, deed / 32);
      case 9: return MakeReader(reader);
      case 10: return peer_.Scribble();
      default: return Rarely(deed);
    }
  }

  void Rarely(std::uint8_t deed) {
    if (!writer_.is_held()) return;
    if (deed >= 0xE0) return Close();
    reserved_ = 0;
    deed % 2 == 0 ? writer_.Die() : writer_.Drop();
  }

  // ---- Writer

  void Push() {
    writer_->Push(Make<T>(tail_));
    reserved_ = 0;
    Pushed(1);
  }

  void PushSome() {
    const auto wanted = Count();
    std::vector<T> values(wanted);
    for (std::size_t i = 0; i < wanted; ++i) values[i] = Make<T>(tail_ + i);
    peer_.Allow(kWriteAccesses + kWriteAccesses * wanted);
    writer_->PushSome(values);
    if (wanted > 0) reserved_ = 0;
    Pushed(wanted);
  }

  void Reserve() {
    const auto wanted = Count();
    const std::span<T> slots = writer_->Reserve(wanted);
    const std::uint64_t in_row = ring_.capacity() - tail_ % ring_.capacity();
    PLACID_FUZZ_CHECK(LiesIn(slots_, std::as_bytes(slots)));
    PLACID_FUZZ_CHECK(!peer_.is_honest() ||
                      slots.size() == std::min<std::uint64_t>(
                                          {wanted, StepSlots(), in_row}));
    reserved_ = slots.size();
    for (std::size_t i = 0; i < slots.size(); ++i) {
      slots[i] = Make<T>(tail_ + i);
    }
    CheckCounts();
  }

  void Commit() {
    if (!writer_.is_held()) return;
    const auto count = Count();
    const std::size_t committed = writer_->Commit(count);
    PLACID_FUZZ_CHECK(committed == std::min(count, reserved_));
    reserved_ = 0;
    Pushed(committed);
  }

  void Pushed(std::uint64_t count) {
    tail_ += count;
    PLACID_FUZZ_CHECK(!peer_.is_honest() || writer_->position() == tail_);
    CheckCounts();
  }

  // What is given up is an eighth more than need be, at most.
  void CheckCounts() {
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(Word(offsetof(typename Ring::Memory, tail)) == tail_);
    const std::uint64_t oldest = Word(offsetof(typename Ring::Memory, oldest));
    PLACID_FUZZ_CHECK(tail_ - oldest <= ring_.capacity());
    PLACID_FUZZ_CHECK(oldest == oldest_ || tail_ + StepSlots() - oldest >=
                                               ring_.capacity());
    oldest_ = oldest;
  }

  void Close() {
    std::move(*writer_.get()).Close();
    writer_.Drop();
    is_closed_ = true;
  }

  // ---- Readers

  void Read(Reader& reader) {
    peer_.AllowReads(kReadAccesses);
    const std::uint64_t before = reader.position();
    T value{};
    std::uint64_t lost = 1;
    const RingResult result = reader.TryRead(value, lost);
    CheckRead(reader, result, before, lost,
              {&value, result == RingResult::kOk ? 1u : 0u}, 1);
  }

  void ReadSome(Reader& reader) {
    std::vector<T> values(Count());
    peer_.AllowReads(kReadAccesses);
    const std::uint64_t before = reader.position();
    std::size_t read = 1;
    std::uint64_t lost = 1;
    const RingResult result = reader.TryReadSome(values, read, lost);
    PLACID_FUZZ_CHECK(read <= values.size());
    CheckRead(reader, result, before, lost, std::span(values).first(read),
              values.size());
  }

  // The writer pushes a number of values between the look and its validation.
  void Peek(Reader& reader, std::uint64_t pushes) {
    const auto wanted = Count();
    peer_.AllowReads(kReadAccesses);
    const std::uint64_t before = reader.position();
    SharedSpan<T> values;
    std::uint64_t lost = 1;
    const RingResult result = reader.TryPeek(wanted, values, lost);
    PLACID_FUZZ_CHECK(LiesIn(slots_, std::as_bytes(values.TrustPeer())));
    PLACID_FUZZ_CHECK(values.size() <= wanted);
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (!values.empty() || wanted == 0));
    std::vector<T> copies(values.size());
    peer_.AllowReads(kReadAccesses);
    values.CopyOut(copies);
    for (std::uint64_t i = 0; i < pushes && writer_.is_held(); ++i) {
      peer_.Allow(kWriteAccesses);
      Push();
    }
    peer_.AllowReads(kReadAccesses);
    const bool is_whole = reader.Validate(copies.size());
    if (peer_.is_honest()) {
      const bool was_touched = IsPast(oldest_, before + lost);
      PLACID_FUZZ_CHECK(copies.empty() || is_whole == !was_touched);
      PLACID_FUZZ_CHECK(pushes > 0 || is_whole);
    }
    if (!is_whole) copies.clear();
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(reader.position() == before + lost + copies.size());
    for (std::size_t i = 0; i < copies.size(); ++i) {
      PLACID_FUZZ_CHECK(AreSame(copies[i], Make<T>(before + lost + i)));
    }
  }

  void CheckRead(const Reader& reader, RingResult result, std::uint64_t before,
                 std::uint64_t lost, std::span<const T> values,
                 std::size_t wanted) {
    PLACID_FUZZ_CHECK(IsOneOf(
        result, {RingResult::kOk, RingResult::kEmpty, RingResult::kClosed,
                 RingResult::kContended, RingResult::kCorrupt}));
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (!values.empty() || wanted == 0));
    PLACID_FUZZ_CHECK(lost == 0 || result == RingResult::kOk ||
                      result == RingResult::kClosed);
    PLACID_FUZZ_CHECK(reader.position() == before + lost + values.size());
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(result != RingResult::kCorrupt &&
                      result != RingResult::kContended);
    if (result != RingResult::kOk) {
      PLACID_FUZZ_CHECK(result == RingResult::kEmpty || is_closed_);
      // Where nothing is whole, what was lost is told later.
      PLACID_FUZZ_CHECK(reader.position() == tail_ || oldest_ == tail_ ||
                        tells_later_);
      return;
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      PLACID_FUZZ_CHECK(AreSame(values[i], Make<T>(before + lost + i)));
    }
    // Nothing is lost that was whole when the reader was lapped.
    PLACID_FUZZ_CHECK(lost == 0 || wanted == 0 || IsPast(oldest_, before));
  }

  // One more reader, from a view or from read-only pages, beginning anywhere.
  void MakeReader(Reader& reader) {
    const auto first = static_cast<StartAt>(input_.TakeAtMost(3));
    const auto again = static_cast<StartAt>(input_.TakeAtMost(3));
    peer_.AllowReads(6);
    if (input_.TakeBool()) {
      reader = ring_.MakeReader(first, again);
    } else {
      const auto attached = Ring::AttachReadOnly(bytes_, first, again);
      PLACID_FUZZ_CHECK(!peer_.is_honest() || attached.has_value());
      if (!attached) return;
      reader = *attached;
    }
    if (again == StartAt::kNext) tells_later_ = true;
    PLACID_FUZZ_CHECK(!peer_.is_honest() ||
                      tail_ - reader.position() <= tail_ - oldest_);
  }

  // ---- Roles

  void BecomeWriter() {
    peer_.Allow(kClaimAccesses);
    const RoleHolder holder = ring_.WriterHolder();
    auto writer = holder.is_free()
                      ? ring_.ClaimWriter()
                      : ring_.TakeOverWriter(AttestedDeath(holder));
    reserved_ = 0;
    if (writer) {
      PLACID_FUZZ_CHECK(!is_closed_ || !peer_.is_honest());
      // Nothing pushed was lost.
      PLACID_FUZZ_CHECK(!peer_.is_honest() || writer->position() == tail_);
      return writer_.Hold(*std::move(writer));
    }
    PLACID_FUZZ_CHECK(
        IsOneOf(writer.error().code,
                {ErrorCode::kRoleTaken, ErrorCode::kClosed,
                 ErrorCode::kCorrupt, ErrorCode::kInvalidArgument}));
    PLACID_FUZZ_CHECK(
        !peer_.is_honest() ||
        (is_closed_ && writer.error().code == ErrorCode::kClosed));
  }

  // From none to a few more than the ring holds.
  std::size_t Count() {
    return static_cast<std::size_t>(
        input_.TakeAtMost(std::min<std::uint64_t>(ring_.capacity(), 250) + 5));
  }
  [[nodiscard]] std::uint64_t StepSlots() const {
    return std::max<std::uint64_t>(ring_.capacity() / 8, 1);
  }
  // The words themselves, behind the machine's back.
  [[nodiscard]] std::uint64_t Word(std::size_t offset) const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_.data() + offset, sizeof(word));
    return word;
  }
  [[nodiscard]] static bool IsPast(std::uint64_t a, std::uint64_t b) {
    return static_cast<std::int64_t>(a - b) > 0;
  }

  Input& input_;
  std::span<std::byte> bytes_;
  std::span<std::byte> slots_;
  Ring ring_;
  HostilePeer peer_;
  // The model: value n is Make(n), so all that is to be known is how many.
  std::uint64_t tail_;
  std::uint64_t oldest_;
  std::size_t reserved_ = 0;
  bool is_closed_ = false;
  // Some reader goes on with what comes next, and tells of its loss then.
  bool tells_later_ = false;
  std::array<Reader, 2> readers_;
  Mortal<Writer> writer_;
};

template <typename T, std::uint64_t kExtent>
void One(Input& input) {
  using Ring = BroadcastRing<T, kExtent>;
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
  memory->oldest.store(start, kRelaxed);
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
