// SPDX-License-Identifier: Apache-2.0
//
// BroadcastByteRing: the writer and two readers in one process, in any order of
// calls, deaths and takeovers included. With an honest peer each record, each
// result and each loss is compared with what was written; also where the writer
// writes between a look and its validation. With a hostile one no byte outside
// may be reached, no reader may store, and none may go on for ever.
#include <algorithm>
#include <array>
#include <vector>

#include "fuzz/harness.h"
#include "placid/primitives/broadcast_byte_ring.h"

namespace placid::fuzz {
namespace {

using Ring = BroadcastByteRing;

// Record n, of `length` bytes.
std::byte ByteOf(std::uint64_t n, std::size_t i) {
  return static_cast<std::byte>(n * 7 + i * 13 + 1);
}

class Run {
 public:
  Run(Input& input, std::span<std::byte> bytes, const Ring& ring,
      std::uint64_t start, Honesty honesty)
      : input_(input),
        bytes_(bytes),
        data_(bytes.subspan(Ring::kDataOffset)),
        ring_(ring),
        peer_(input, bytes, honesty),
        first_(start),
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
  // Padding and a record with its copy, room made twice, and published.
  static constexpr std::uint64_t kWriteAccesses = 20;
  // Of each try two headers, a copy and a new place.
  static constexpr std::uint64_t kReadAccesses = (Ring::kTries + 2) * 24;

  void Step() {
    const auto deed = input_.Take<std::uint8_t>();
    Ring::Reader& reader = readers_[deed / 16 % 2];
    peer_.Allow(kWriteAccesses);
    switch (deed % 12) {
      case 0:
      case 1:
      case 2:
        if (writer_.is_held()) Push();
        return;
      case 3:
        if (writer_.is_held()) Reserve();
        return;
      case 4: return End(deed / 16);
      case 5:
      case 6: return Read(reader);
      case 7:
      case 8: return Peek(reader, deed / 32);
      case 9: return MakeReader(reader);
      case 10: return peer_.Scribble();
      default: return Rarely(deed);
    }
  }

  void Rarely(std::uint8_t deed) {
    if (!writer_.is_held()) return;
    reserved_ = kNothing;
    if (deed >= 0xE0) {
      std::move(*writer_.get()).Close();
      writer_.Drop();
      is_closed_ = true;
      published_ = lengths_.size();
    } else {
      deed % 2 == 0 ? writer_.Die() : writer_.Drop();
    }
  }

  // ---- Writer

  void Push() {
    std::vector<std::byte> record(Length());
    Fill(record);
    const RingResult result = writer_->TryPush(record);
    reserved_ = kNothing;
    PLACID_FUZZ_CHECK(result == (record.size() > ring_.MostRecordBytes()
                                     ? RingResult::kFull
                                     : RingResult::kOk));
    if (result != RingResult::kOk) return;
    lengths_.push_back(record.size());
    published_ = lengths_.size();
    CheckCounts();
  }

  void Reserve() {
    const std::size_t length = Length();
    std::span<std::byte> payload;
    const std::uint64_t tail = Word(offsetof(Ring::Memory, tail));
    const RingResult result = writer_->TryReserve(length, payload);
    // Before room is made, what was staged is published.
    if (Word(offsetof(Ring::Memory, tail)) != tail) published_ = lengths_.size();
    PLACID_FUZZ_CHECK(LiesIn(data_, payload));
    PLACID_FUZZ_CHECK((result == RingResult::kOk) ==
                      (length <= ring_.MostRecordBytes()));
    reserved_ = kNothing;
    CheckCounts();
    if (result != RingResult::kOk) return;
    PLACID_FUZZ_CHECK(payload.size() == length);
    Fill(payload);
    reserved_ = length;
  }

  void End(int how) {
    if (!writer_.is_held()) return;
    const std::size_t length = Length();
    const bool was_reserved = reserved_ != kNothing;
    switch (how % 4) {
      case 0:
        PLACID_FUZZ_CHECK(writer_->Commit(length) == was_reserved);
        break;
      case 1:
        PLACID_FUZZ_CHECK(writer_->Stage(length) == was_reserved);
        break;
      case 2: writer_->Publish(); break;
      default: writer_->Abort(); break;
    }
    if (how % 4 < 2 && was_reserved) {
      lengths_.push_back(std::min(length, reserved_));
    }
    if (how % 4 == 2 || (how % 4 == 0 && was_reserved)) {
      published_ = lengths_.size();
    }
    if (how % 4 != 2) reserved_ = kNothing;
    CheckCounts();
  }

  void Fill(std::span<std::byte> record) const {
    for (std::size_t i = 0; i < record.size(); ++i) {
      record[i] = ByteOf(lengths_.size(), i);
    }
  }

  void CheckCounts() {
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(writer_->number() == first_ + lengths_.size());
    const std::uint64_t kept = Word(offsetof(Ring::Memory, tail)) -
                               Word(offsetof(Ring::Memory, oldest));
    PLACID_FUZZ_CHECK(kept <= ring_.capacity() - Ring::kHeaderBytes);
  }

  // ---- Readers

  void Read(Ring::Reader& reader) {
    peer_.AllowReads(kReadAccesses);
    const std::uint64_t before = reader.number();
    std::vector<std::byte> to(Length());
    std::size_t length = 1;
    std::uint64_t lost = 1;
    const RingResult result = reader.TryRead(to, length, lost);
    CheckRead(reader, result, before, lost);
    if (result != RingResult::kOk) return;
    PLACID_FUZZ_CHECK(length <= ring_.MostRecordBytes());
    to.resize(std::min(length, to.size()));
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(reader.number() == before + lost + 1);
    CheckRecord(before + lost, length, to);
  }

  // The writer writes a number of records between the look and its validation.
  void Peek(Ring::Reader& reader, int pushes) {
    peer_.AllowReads(kReadAccesses);
    const std::uint64_t before = reader.number();
    SharedBytes record;
    std::uint64_t lost = 1;
    const RingResult result = reader.TryPeek(record, lost);
    PLACID_FUZZ_CHECK(LiesIn(data_, record.TrustPeer()));
    CheckRead(reader, result, before, lost);
    if (result != RingResult::kOk) return;
    PLACID_FUZZ_CHECK(record.size() <= ring_.MostRecordBytes());
    peer_.AllowReads(kReadAccesses);
    std::vector<std::byte> copy(record.size());
    record.CopyOut(copy);
    for (int i = 0; i < pushes && writer_.is_held(); ++i) {
      peer_.Allow(kWriteAccesses);
      Push();
    }
    peer_.AllowReads(kReadAccesses);
    const bool is_whole = reader.Validate();
    if (!peer_.is_honest()) return;
    PLACID_FUZZ_CHECK(is_whole || pushes > 0);
    PLACID_FUZZ_CHECK(reader.number() == before + lost + (is_whole ? 1 : 0));
    if (is_whole) CheckRecord(before + lost, copy.size(), copy);
  }

  void CheckRead(const Ring::Reader& reader, RingResult result,
                 std::uint64_t before, std::uint64_t lost) {
    PLACID_FUZZ_CHECK(IsOneOf(
        result, {RingResult::kOk, RingResult::kEmpty, RingResult::kClosed,
                 RingResult::kContended, RingResult::kCorrupt}));
    PLACID_FUZZ_CHECK(lost == 0 || result == RingResult::kOk ||
                      result == RingResult::kClosed);
    if (!peer_.is_honest() || result == RingResult::kOk) return;
    PLACID_FUZZ_CHECK(result == RingResult::kEmpty ||
                      (is_closed_ && result == RingResult::kClosed));
    PLACID_FUZZ_CHECK(reader.number() == before + lost);
    PLACID_FUZZ_CHECK(tells_later_ || reader.number() == first_ + published_);
  }

  void CheckRecord(std::uint64_t number, std::size_t length,
                   std::span<const std::byte> bytes) const {
    const std::uint64_t n = number - first_;
    PLACID_FUZZ_CHECK(n < published_ && lengths_[n] == length);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      PLACID_FUZZ_CHECK(bytes[i] == ByteOf(n, i));
    }
  }

  // One more reader, from a view or from read-only pages, beginning anywhere.
  void MakeReader(Ring::Reader& reader) {
    const auto first = static_cast<StartAt>(input_.TakeAtMost(3));
    const auto again = static_cast<StartAt>(input_.TakeAtMost(3));
    peer_.AllowReads(kReadAccesses);
    if (input_.TakeBool()) {
      reader = ring_.MakeReader(first, again);
    } else {
      const auto attached = Ring::AttachReadOnly(bytes_, first, again);
      PLACID_FUZZ_CHECK(!peer_.is_honest() || attached.has_value());
      if (!attached) return;
      reader = *attached;
    }
    tells_later_ = tells_later_ || again == StartAt::kNext;
    PLACID_FUZZ_CHECK(!peer_.is_honest() ||
                      reader.number() - first_ <= published_);
  }

  // ---- Roles

  void BecomeWriter() {
    peer_.Allow(kWriteAccesses + ring_.capacity() / Ring::kHeaderBytes);
    const RoleHolder holder = ring_.WriterHolder();
    auto writer = holder.is_free()
                      ? ring_.ClaimWriter()
                      : ring_.TakeOverWriter(AttestedDeath(holder));
    reserved_ = kNothing;
    if (writer) {
      PLACID_FUZZ_CHECK(!is_closed_ || !peer_.is_honest());
      // Nothing published was lost; what was staged is.
      PLACID_FUZZ_CHECK(!peer_.is_honest() ||
                        writer->number() == first_ + published_);
      lengths_.resize(published_);
      return writer_.Hold(*std::move(writer));
    }
    PLACID_FUZZ_CHECK(IsOneOf(
        writer.error().code, {ErrorCode::kRoleTaken, ErrorCode::kClosed,
                              ErrorCode::kCorrupt,
                              ErrorCode::kInvalidArgument}));
    PLACID_FUZZ_CHECK(
        !peer_.is_honest() ||
        (is_closed_ && writer.error().code == ErrorCode::kClosed));
  }

  // From none to a few bytes more than fit.
  std::size_t Length() {
    return static_cast<std::size_t>(
        input_.TakeAtMost(ring_.MostRecordBytes() + 3));
  }
  // The words themselves, behind the machine's back.
  [[nodiscard]] std::uint64_t Word(std::size_t offset) const {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes_.data() + offset, sizeof(word));
    return word;
  }

  static constexpr std::size_t kNothing = SIZE_MAX;

  Input& input_;
  std::span<std::byte> bytes_;
  std::span<std::byte> data_;
  Ring ring_;
  HostilePeer peer_;
  // The model.
  std::uint64_t first_;                // the number of the first record
  std::vector<std::size_t> lengths_;   // of each that was written
  std::size_t published_ = 0;          // so many of them can be seen
  std::size_t reserved_ = kNothing;
  bool is_closed_ = false;
  bool tells_later_ = false;  // some reader goes on with what comes next
  std::array<Ring::Reader, 2> readers_;
  Mortal<Ring::Writer> writer_;
};

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid;        // NOLINT
  using namespace placid::fuzz;  // NOLINT
  Input input(data, size);
  static GuardedArena arena(static_cast<std::size_t>(Ring::SizeFor(4096)));
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  const std::uint64_t capacity =
      input.TakeOneOf<std::uint64_t>({256, 512, 4096});
  // Where positions and numbers begin: anywhere, and around each wrap.
  const std::uint64_t start =
      input.TakeOneOf<std::uint64_t>(
          {0, std::uint64_t{1} << 32, std::uint64_t{1} << 63, 0}) -
      input.TakeAtMost(200) * Ring::kHeaderBytes;
  const auto bytes = arena.Place(
      static_cast<std::size_t>(Ring::SizeFor(capacity)), Ring::kAlignment);
  const auto ring = Ring::Create(bytes, capacity);
  PLACID_FUZZ_CHECK(ring.has_value() && ring->capacity() == capacity);
  auto* memory = reinterpret_cast<Ring::Memory*>(bytes.data());
  memory->tail.store(start, kRelaxed);
  memory->oldest.store(start, kRelaxed);
  std::memcpy(bytes.data() + Ring::kDataOffset + start % capacity, &start,
              sizeof(start));
  Run(input, bytes, *ring, start, honesty).Go();
  arena.CheckSurroundings();
  return 0;
}
