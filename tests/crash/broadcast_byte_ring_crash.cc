// SPDX-License-Identifier: Apache-2.0
//
// BroadcastByteRing: whoever dies, a record that was published stays under its
// number until it is overwritten, and each reader's count of what it lost is
// exact. A record is one word that says its number and who wrote it, twice.
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_byte_ring.h"
#include "tests/crash/broadcast_ledger.h"
#include "tests/crash/play.h"
#include "tests/support/die.h"

namespace placid::crash {
namespace {

using Ring = BroadcastByteRing;
constexpr std::uint64_t kCapacity = 256;

class RecordPlay : public Play {
 public:
  enum class Role { kFree, kMine, kOfTheDead };
  struct Operation {
    const char* name;
    bool is_writer;
    Role role;
    std::uint64_t start;   // position and number of the first record
    bool is_shifted;       // by an empty record, which nobody looks for
    std::uint64_t written;  // records before
    void (*act)(RecordPlay&, Bytes);
  };

  explicit RecordPlay(const Operation& operation) : operation_(operation) {}

  void SetUp(Bytes bytes) override {
    const Ring ring = Need(Ring::Create(bytes, kCapacity));
    auto* memory = reinterpret_cast<Ring::Memory*>(bytes.data());
    memory->tail.store(operation_.start, kRelaxed);
    memory->oldest.store(operation_.start, kRelaxed);
    auto* number = reinterpret_cast<Atomic<std::uint64_t>*>(
        bytes.data() + Ring::kDataOffset + operation_.start % kCapacity);
    number->store(operation_.start, kRelaxed);
    writer_ = Need(ring.ClaimWriter());
    if (operation_.is_shifted) (void)writer_->TryPush({});
    reader_ = ring.MakeReader(StartAt::kNext, StartAt::kOldest);
    for (std::uint64_t i = 0; i < operation_.written; ++i) Push();
    if (!operation_.is_writer) {
      reader_.reset();
      return;
    }
    if (operation_.role == Role::kOfTheDead) testing::Die(*std::move(writer_));
    writer_.reset();
  }
  void Prepare(Bytes bytes) override {
    if (operation_.is_writer && operation_.role == Role::kMine) {
      TakeWriter(bytes);
    }
  }
  void Act(Bytes bytes) override { operation_.act(*this, bytes); }
  bool Other(Bytes) override {
    if (operation_.is_writer) {
      (void)Read();
    } else {
      Push();
    }
    return true;
  }
  void Recover(Bytes bytes) override {
    if (!operation_.is_writer) {
      TakeReader(bytes);
      (void)Read();
      return;
    }
    if (TakeWriter(bytes)) Push();
    writer_.reset();
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    if (is_other_dead) {
      if (writer_) testing::Die(*std::exchange(writer_, {}));
      reader_.reset();
    }
    TakeReader(bytes);
    ReadAll();
    const bool is_open = TakeWriter(bytes);
    if (is_open) {
      Expect(!BroadcastFactsOf(Book().Events()).is_closed,
             "it was closed and is open");
      for (int i = 0; i < 3; ++i) Push();
      ReadAll();
      Expect(reader_->number() == writer_->number(),
             "what was read and lost is not all that was written");
      writer_.reset();
      Need(Need(Ring::Attach(bytes)).ClaimWriter());
    } else {
      Expect(Need(Ring::Attach(bytes)).WriterHolder().is_free(),
             "who was refused has kept the role");
    }
    // One that comes last sees all that is left: five eighths at least.
    reader_ = Need(Ring::AttachReadOnly(bytes, StartAt::kOldest));
    const std::uint64_t oldest = reader_->number();
    ReadAll();
    Expect(oldest == operation_.start || reader_->number() - oldest >= 4,
           "more was given up than the contract says");
    const std::vector<Event> events = Book().Events();
    const BroadcastFacts facts = BroadcastFactsOf(events);
    VerifyTaken(events, facts);
    for (const auto& [at, value] : facts.committed) {
      Expect(at < reader_->number() - operation_.start,
             "a committed record is not there");
    }
    if (is_open) return;
    std::size_t length = 0;
    std::uint64_t lost = 0;
    Expect(reader_->TryRead({}, length, lost) == RingResult::kClosed,
           "closed for writers but not for readers");
  }

  // ---- What operations are made of

  // False: closed, as it may be.
  bool TakeWriter(Bytes bytes) {
    if (writer_) return true;
    const Ring ring = Need(Ring::Attach(bytes));
    const RoleHolder last = ring.WriterHolder();
    auto writer = last.is_free() ? ring.ClaimWriter()
                                 : ring.TakeOverWriter(AttestedDeath(last));
    if (!writer && writer.error().code == ErrorCode::kClosed) {
      Expect(BroadcastFactsOf(Book().Events()).is_closing,
             "nobody had closed it");
      return false;
    }
    writer_ = Need(std::move(writer));
    return true;
  }
  void TakeReader(Bytes bytes) {
    if (!reader_) {
      reader_ = Need(Ring::AttachReadOnly(bytes, StartAt::kOldest));
    }
  }
  void DropWriter() { writer_.reset(); }

  void Push() {
    const std::uint64_t value = NextValue();
    const Record record{value, value};
    Book().Begin(value);
    Expect(writer_->TryPush(std::as_bytes(std::span(record))) ==
               RingResult::kOk,
           "there is always room");
    Book().Done();
  }
  void StageTwo() {
    const std::uint64_t value = NextValue();
    Book().Begin(value, 2);
    for (std::uint64_t i = 0; i < 2; ++i) {
      const Record record{value + i, value + i};
      std::span<std::byte> payload;
      (void)writer_->TryReserve(sizeof(record), payload);
      machine::RacyCopyIn(payload.data(), record.data(), sizeof(record));
      writer_->Stage(sizeof(record));
    }
    writer_->Publish();
    Book().Done(2);
  }
  void Close() {
    Book().Note(What::kClosing);
    std::move(*writer_).Close();
    Book().Note(What::kClosed);
    writer_.reset();
  }

  RingResult Read() {
    Book().Look();
    const std::uint64_t before = reader_->number();
    Record record{};
    std::size_t length = 0;
    std::uint64_t lost = 0;
    const RingResult result = reader_->TryRead(
        std::as_writable_bytes(std::span(record)), length, lost);
    if (result == RingResult::kOk) {
      const std::uint64_t number = before + lost - operation_.start;
      if (operation_.is_shifted && number == 0) {
        Expect(length == 0, "the empty record is not empty");
        return result;
      }
      Expect(length == sizeof(record) && record[0] == record[1],
             "a torn record was read");
      Expect((record[0] & kPositions) == (number & kPositions),
             "what was lost is not counted exactly");
      Book().Took(record[0]);
      return result;
    }
    if (IsSoaking() && result == RingResult::kContended) return result;
    const bool is_right =
        result == RingResult::kEmpty ||
        (result == RingResult::kClosed &&
         BroadcastFactsOf(Book().Events()).is_closing);
    if (!is_right) Fail("a read said " + std::string(ToString(result)));
    return result;
  }

 private:
  using Record = std::array<std::uint64_t, 2>;

  void ReadAll() {
    while (Read() == RingResult::kOk) {
    }
  }
  // Who writes it, and under which number from the first.
  [[nodiscard]] std::uint64_t NextValue() const {
    return static_cast<std::uint64_t>(Book().who()) << 32 |
           (writer_->number() - operation_.start);
  }

  const Operation operation_;
  std::optional<Ring::Writer> writer_;
  std::optional<Ring::Reader> reader_;
};

using P = RecordPlay;

// Seven records fit; the eighth makes room.
constexpr P::Operation kOperations[] = {
    {"Attach, ClaimWriter, first TryPush, drop", true, P::Role::kFree, 0, false,
     0,
     [](P& play, Bytes bytes) {
       if (play.TakeWriter(bytes)) play.Push();
       play.DropWriter();
     }},
    {"TryPush, which makes room", true, P::Role::kMine, 0, false, 7,
     [](P& play, Bytes) { play.Push(); }},
    {"TryPush behind padding, near wrap", true, P::Role::kMine,
     std::uint64_t{0} - 256, true, 7, [](P& play, Bytes) { play.Push(); }},
    {"two staged, then published", true, P::Role::kMine, 0, false, 6,
     [](P& play, Bytes) { play.StageTwo(); }},
    {"TryPush, Close", true, P::Role::kMine, 0, false, 1,
     [](P& play, Bytes) {
       play.Push();
       play.Close();
     }},
    {"TakeOverWriter, TryPush", true, P::Role::kOfTheDead, 0, true, 9,
     [](P& play, Bytes bytes) {
       if (play.TakeWriter(bytes)) play.Push();
     }},
    {"AttachReadOnly, TryRead twice", false, P::Role::kFree, 0, false, 7,
     [](P& play, Bytes bytes) {
       play.TakeReader(bytes);
       (void)play.Read();
       (void)play.Read();
     }},
};

const Registration kRecords([](std::vector<Scenario>& scenarios) {
  for (const auto& operation : kOperations) {
    scenarios.push_back(
        {"BroadcastByteRing",
         std::string("BroadcastByteRing ") + operation.name,
         static_cast<std::size_t>(Ring::SizeFor(kCapacity)),
         [&operation] { return std::make_unique<P>(operation); }});
  }
});

}  // namespace
}  // namespace placid::crash
