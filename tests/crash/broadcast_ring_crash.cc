// SPDX-License-Identifier: Apache-2.0
//
// BroadcastRing: whoever dies, a value that was pushed stays at its position
// until it is overwritten, and each reader's count of what it lost is exact. A
// value's number says its position and who pushed it.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/broadcast_ring.h"
#include "tests/crash/broadcast_ledger.h"
#include "tests/crash/play.h"
#include "tests/support/checked_value.h"
#include "tests/support/die.h"

namespace placid::crash {
namespace {

using T = testing::CheckedValue<3>;
using Ring = BroadcastRing<T>;

class BroadcastPlay : public Play {
 public:
  enum class Role { kFree, kMine, kOfTheDead };
  struct Operation {
    const char* name;
    bool is_writer;
    Role role;
    std::uint64_t capacity;
    std::uint64_t start;   // position of the first value
    std::uint64_t pushed;  // values before
    void (*act)(BroadcastPlay&, Bytes);
  };

  explicit BroadcastPlay(const Operation& operation) : operation_(operation) {}

  void SetUp(Bytes bytes) override {
    const Ring ring = Need(Ring::Create(bytes, operation_.capacity));
    auto* memory = reinterpret_cast<Ring::Memory*>(bytes.data());
    memory->tail.store(operation_.start, kRelaxed);
    memory->oldest.store(operation_.start, kRelaxed);
    reader_ = ring.MakeReader(StartAt::kOldest, StartAt::kOldest);
    writer_ = Need(ring.ClaimWriter());
    for (std::uint64_t i = 0; i < operation_.pushed; ++i) Push();
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
      Expect(!BroadcastFactsOf(Book().Events()).is_closed, "it was closed and is open");
      const auto late = Need(Ring::AttachReadOnly(bytes));
      Expect(Distance(writer_->position(), late.position()) <=
                 operation_.capacity,
             "there is more than fits");
      // Never more given up than an eighth beyond what had to be.
      const std::uint64_t most = writer_->position() + Step();
      Expect(late.position() == operation_.start ||
                 Distance(most, late.position()) >= operation_.capacity,
             "more was given up than the contract says");
      Push();
      PushSome(3);
      ReadAll();
      Expect(reader_->position() == writer_->position(),
             "what was read and lost is not all that was pushed");
      writer_.reset();
      Need(Need(Ring::Attach(bytes)).ClaimWriter());
    } else {
      Expect(Need(Ring::Attach(bytes)).WriterHolder().is_free(),
             "who was refused has kept the role");
    }
    // One that comes last sees all that is left, and no more.
    reader_ = Need(Ring::AttachReadOnly(bytes, StartAt::kOldest));
    ReadAll();
    const std::vector<Event> events = Book().Events();
    const BroadcastFacts facts = BroadcastFactsOf(events);
    VerifyTaken(events, facts);
    for (const auto& [at, value] : facts.committed) {
      Expect(at < reader_->position() - operation_.start,
             "a committed value is not there");
    }
    if (!is_open) {
      T value;
      std::uint64_t lost = 0;
      Expect(reader_->TryRead(value, lost) == RingResult::kClosed,
             "closed for writers but not for readers");
    }
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
      Expect(BroadcastFactsOf(Book().Events()).is_closing, "nobody had closed it");
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
    Book().Begin(value);
    writer_->Push(T::Of(value));
    Book().Done();
  }
  void PushSome(std::uint64_t count) {
    const std::uint64_t value = NextValue();
    std::vector<T> values;
    for (std::uint64_t i = 0; i < count; ++i) values.push_back(T::Of(value + i));
    Book().Begin(value, count);
    writer_->PushSome(values);
    Book().Done(count);
  }
  void PushInPlace(std::size_t wanted, std::size_t committed) {
    const std::uint64_t value = NextValue();
    Book().Begin(value, committed);
    const auto slots = writer_->Reserve(wanted);
    for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = T::Of(value + i);
    Book().Done(writer_->Commit(committed));
  }
  void Close() {
    Book().Note(What::kClosing);
    std::move(*writer_).Close();
    Book().Note(What::kClosed);
    writer_.reset();
  }

  RingResult Read() {
    Book().Look();
    const std::uint64_t before = reader_->position();
    T value;
    std::uint64_t lost = 0;
    const RingResult result = reader_->TryRead(value, lost);
    if (result == RingResult::kOk) {
      Expect(value.IsWhole(), "a torn value was read");
      Expect((value.number() & kPositions) ==
                 ((before + lost - operation_.start) & kPositions),
             "what was lost is not counted exactly");
      Book().Took(value.number());
      return result;
    }
    if (IsSoaking() && result == RingResult::kContended) return result;
    const bool is_right =
        result == RingResult::kEmpty ||
        (result == RingResult::kClosed && BroadcastFactsOf(Book().Events()).is_closing);
    if (!is_right) Fail("a read said " + std::string(ToString(result)));
    return result;
  }

 private:
  void ReadAll() {
    while (Read() == RingResult::kOk) {
    }
  }
  // Who pushes it, and at which position from the first.
  [[nodiscard]] std::uint64_t NextValue() const {
    return static_cast<std::uint64_t>(Book().who()) << 32 |
           (writer_->position() - operation_.start);
  }
  [[nodiscard]] std::uint64_t Step() const {
    return operation_.capacity < 8 ? 1 : operation_.capacity / 8;
  }
  static std::uint64_t Distance(std::uint64_t a, std::uint64_t b) {
    return a - b;
  }

  const Operation operation_;
  std::optional<Ring::Writer> writer_;
  std::optional<Ring::Reader> reader_;
};

using P = BroadcastPlay;

constexpr P::Operation kOperations[] = {
    {"Attach, ClaimWriter, first Push, drop", true, P::Role::kFree, 2, 0, 0,
     [](P& play, Bytes bytes) {
       if (play.TakeWriter(bytes)) play.Push();
       play.DropWriter();
     }},
    {"Push twice into one slot", true, P::Role::kMine, 1, 0, 1,
     [](P& play, Bytes) {
       play.Push();
       play.Push();
     }},
    {"Push twice, of two slots, near wrap", true, P::Role::kMine, 2,
     UINT64_MAX - 2, 2,
     [](P& play, Bytes) {
       play.Push();
       play.Push();
     }},
    {"PushSome of three, of sixteen slots", true, P::Role::kMine, 16, 0, 15,
     [](P& play, Bytes) { play.PushSome(3); }},
    {"Reserve two, Commit one, Push, of sixteen slots", true, P::Role::kMine,
     16, 0, 16,
     [](P& play, Bytes) {
       play.PushInPlace(2, 1);
       play.Push();
     }},
    {"Push, Close", true, P::Role::kFree, 2, 0, 2,
     [](P& play, Bytes bytes) {
       if (!play.TakeWriter(bytes)) return;
       play.Push();
       play.Close();
     }},
    {"TakeOverWriter, Push", true, P::Role::kOfTheDead, 2, 0, 3,
     [](P& play, Bytes bytes) {
       if (play.TakeWriter(bytes)) play.Push();
     }},
    {"AttachReadOnly, TryRead twice", false, P::Role::kFree, 2, 0, 2,
     [](P& play, Bytes bytes) {
       play.TakeReader(bytes);
       (void)play.Read();
       (void)play.Read();
     }},
};

const Registration kBroadcastRing([](std::vector<Scenario>& scenarios) {
  for (const auto& operation : kOperations) {
    scenarios.push_back(
        {"BroadcastRing", std::string("BroadcastRing ") + operation.name,
         static_cast<std::size_t>(Ring::SizeFor(operation.capacity)),
         [&operation] { return std::make_unique<P>(operation); }});
  }
});

}  // namespace
}  // namespace placid::crash
