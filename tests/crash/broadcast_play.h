// SPDX-License-Identifier: Apache-2.0
//
// BroadcastPlay<Form>: one operation of a writer or a reader of a broadcast, of
// values or of records, beside the other, whoever dies. A value that was pushed
// stays at its position until it is overwritten, and each reader's count of what
// it lost is exact. A value's number says its position and who pushed it.
//
//   struct Form {
//     using Ring;
//     Create(bytes, capacity, start)   an empty one: Ring
//     LeastKept(capacity), MostKept(capacity)  values, once some were given up
//     Position(role)                   of the next value: a writer's, a reader's
//     Push(writer, value)
//     PushSome(writer, value, count)   so many, from this number on, at once
//     Read(reader, value, lost)        RingResult
//     PushEmpty(writer), kEmpty        what is no value, if there can be such
//   };
#ifndef PLACID_TESTS_CRASH_BROADCAST_PLAY_H_
#define PLACID_TESTS_CRASH_BROADCAST_PLAY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "placid/base/error.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "placid/primitives/start_at.h"
#include "tests/crash/broadcast_ledger.h"
#include "tests/crash/play.h"
#include "tests/support/die.h"

namespace placid::crash {

template <typename Form>
class BroadcastPlay : public Play {
 public:
  using Ring = typename Form::Ring;
  using Writer = typename Ring::Writer;
  using Reader = typename Ring::Reader;
  enum class Role { kFree, kMine, kOfTheDead };
  struct Operation {
    const char* name;
    bool is_writer;
    Role role;
    std::uint64_t capacity;
    std::uint64_t start;   // position of the first value
    std::uint64_t pushed;  // values before
    void (*act)(BroadcastPlay&, Bytes);
    bool is_shifted = false;  // by an empty one, which nobody looks for
  };

  explicit BroadcastPlay(const Operation& operation) : operation_(operation) {}

  void SetUp(Bytes bytes) override {
    const Ring ring = Form::Create(bytes, operation_.capacity, operation_.start);
    writer_ = Need(ring.ClaimWriter());
    if constexpr (requires { Form::kEmpty; }) {
      if (operation_.is_shifted) Form::PushEmpty(*writer_);
    }
    reader_ = ring.MakeReader(StartAt::kNext, StartAt::kOldest);
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
    CheckKept(bytes);
    const bool is_open = TakeWriter(bytes);
    if (is_open) {
      Expect(!BroadcastFactsOf(Book().Events()).is_closed,
             "it was closed and is open");
      Push();
      PushSome(3);
      ReadAll();
      Expect(Form::Position(*reader_) == Form::Position(*writer_),
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
      Expect(at < Form::Position(*reader_) - operation_.start,
             "a committed value is not there");
    }
    if (is_open) return;
    std::uint64_t value = 0;
    std::uint64_t lost = 0;
    Expect(Form::Read(*reader_, value, lost) == RingResult::kClosed,
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

  // write(writer, value) pushes `count` values, from this number on, and says
  // how many it did.
  template <typename Write>
  void PushBy(std::uint64_t count, const Write& write) {
    // Who pushes it, and at which position from the first.
    const std::uint64_t value =
        static_cast<std::uint64_t>(Book().who()) << 32 |
        (Form::Position(*writer_) - operation_.start);
    Book().Begin(value, count);
    Book().Done(write(*writer_, value));
  }
  void Push() {
    PushBy(1, [](Writer& writer, std::uint64_t value) {
      Form::Push(writer, value);
      return std::uint64_t{1};
    });
  }
  void PushSome(std::uint64_t count) {
    PushBy(count, [count](Writer& writer, std::uint64_t value) {
      Form::PushSome(writer, value, count);
      return count;
    });
  }
  void Close() {
    Book().Note(What::kClosing);
    std::move(*writer_).Close();
    Book().Note(What::kClosed);
    writer_.reset();
  }

  RingResult Read() {
    Book().Look();
    const std::uint64_t before = Form::Position(*reader_);
    std::uint64_t value = 0;
    std::uint64_t lost = 0;
    const RingResult result = Form::Read(*reader_, value, lost);
    if (result == RingResult::kOk) {
      const std::uint64_t at = before + lost - operation_.start;
      if constexpr (requires { Form::kEmpty; }) {
        if (operation_.is_shifted && at == 0) {
          Expect(value == Form::kEmpty, "the empty record is not empty");
          return result;
        }
      }
      Expect((value & kPositions) == (at & kPositions),
             "what was lost is not counted exactly");
      Book().Took(value);
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
  void ReadAll() {
    while (Read() == RingResult::kOk) {
    }
  }
  // As one finds it who comes now.
  void CheckKept(Bytes bytes) const {
    const auto at = [&](StartAt first) {
      return Form::Position(Need(Ring::AttachReadOnly(bytes, first)));
    };
    const std::uint64_t oldest = at(StartAt::kOldest);
    const std::uint64_t kept = at(StartAt::kNext) - oldest;
    Expect(kept <= Form::MostKept(operation_.capacity),
           "there is more than fits");
    Expect(oldest == operation_.start ||
               kept >= Form::LeastKept(operation_.capacity),
           "more was given up than the contract says");
  }

  const Operation operation_;
  std::optional<Writer> writer_;
  std::optional<Reader> reader_;
};

template <typename Form, std::size_t kCount>
void AddBroadcastScenarios(
    std::vector<Scenario>& scenarios, const std::string& type,
    const typename BroadcastPlay<Form>::Operation (&operations)[kCount]) {
  for (const auto& operation : operations) {
    scenarios.push_back(
        {type, type + " " + operation.name,
         static_cast<std::size_t>(Form::Ring::SizeFor(operation.capacity)),
         [&operation] {
           return std::make_unique<BroadcastPlay<Form>>(operation);
         }});
  }
}

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_BROADCAST_PLAY_H_
