// SPDX-License-Identifier: Apache-2.0
//
// ValuePlay<Cast>: plays of a type by which one writer keeps one value up to
// date for any number of readers. The Cast says what is promised:
//
//   using Holder; Holder::Writer, Holder::Reader
//   kKeepsOld    after a death inside Store the value before can be read
//   kCount       the word of Holder::Memory that counts values
//   kCountsFrom  what it begins with: 0, or nearly its end
#ifndef PLACID_TESTS_CRASH_VALUE_PLAY_H_
#define PLACID_TESTS_CRASH_VALUE_PLAY_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"
#include "tests/crash/play.h"
#include "tests/support/die.h"

namespace placid::crash {

// What a reader may be given now, as the ledger has it.
struct ValueFacts {
  std::vector<std::uint64_t> allowed;  // the newest, and all in flight after it
  bool has_committed = false;
  bool is_in_flight = false;
  bool is_closing = false;
  bool is_closed = false;
};
ValueFacts FactsOf(const std::vector<Event>& events);
// Fails where a reader was given what was no longer, or not yet, there.
void VerifyReads(const std::vector<Event>& events);

template <typename Cast>
class ValuePlay : public Play {
 public:
  using Holder = typename Cast::Holder;
  using T = typename Cast::T;
  using Writer = typename Holder::Writer;
  using Reader = typename Holder::Reader;

  enum class Role { kFree, kMine, kOfTheDead };
  struct Operation {
    const char* name;
    bool is_writer;
    Role role;
    int stored;  // values before
    void (*act)(ValuePlay&, Bytes);
  };

  explicit ValuePlay(const Operation& operation) : operation_(operation) {}

  void SetUp(Bytes bytes) override {
    const Holder holder = Need(Holder::Attach(bytes));
    auto* memory = reinterpret_cast<typename Holder::Memory*>(bytes.data());
    (memory->*Cast::kCount).store(Cast::kCountsFrom, kRelaxed);
    writer_ = Need(holder.ClaimWriter());
    for (int i = 0; i < operation_.stored; ++i) Store();
    if (!operation_.is_writer) return;
    reader_ = holder.MakeReader();
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
      Store();
    }
    return true;
  }

  void Recover(Bytes bytes) override {
    if (!operation_.is_writer) {
      TakeReader(bytes);
      (void)Read();
      return;
    }
    if (TakeWriter(bytes)) Store();
    writer_.reset();
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    if (is_other_dead) {
      if (writer_) testing::Die(*std::exchange(writer_, {}));
      reader_.reset();
    }
    TakeReader(bytes);
    const RingResult found = Read();
    if (TakeWriter(bytes)) {
      Expect(!FactsOf(Book().Events()).is_closed, "it was closed and is open");
      const RingResult updated = Update();
      Expect(updated == (found == RingResult::kOk ? found : RingResult::kEmpty),
             "Update does not agree with a reader");
      Store();
      Expect(Read() == RingResult::kOk, "no value after a Store");
      writer_.reset();
      Need(Need(Holder::Attach(bytes)).ClaimWriter());
    } else {
      Expect(reader_->IsClosed(), "closed for writers but not for readers");
      Expect(Need(Holder::Attach(bytes)).WriterHolder().is_free(),
             "who was refused has kept the role");
    }
    VerifyReads(Book().Events());
  }

  // ---- What operations are made of

  // False: closed, as it may be.
  bool TakeWriter(Bytes bytes) {
    if (writer_) return true;
    const Holder holder = Need(Holder::Attach(bytes));
    const RoleHolder last = holder.WriterHolder();
    auto writer = last.is_free() ? holder.ClaimWriter()
                                 : holder.TakeOverWriter(AttestedDeath(last));
    if (!writer && writer.error().code == ErrorCode::kClosed) {
      Expect(FactsOf(Book().Events()).is_closing, "nobody had closed it");
      return false;
    }
    writer_ = Need(std::move(writer));
    return true;
  }
  void TakeReader(Bytes bytes) {
    if (!reader_) reader_ = Need(Holder::AttachReadOnly(bytes));
  }
  void DropWriter() { writer_.reset(); }

  void Store() {
    const std::uint64_t value = Book().NewValues();
    Book().Begin(value);
    writer_->Store(T::Of(value));
    Book().Done();
  }
  RingResult Update() {
    const std::uint64_t value = Book().NewValues();
    Book().Begin(value);
    const RingResult result = writer_->Update([&](T& now) {
      Expect(now.IsWhole(), "Update was given a torn value");
      now = T::Of(value);
    });
    Book().Done(result == RingResult::kOk ? 1 : 0);
    return result;
  }
  void Close() {
    Book().Note(What::kClosing);
    std::move(*writer_).Close();
    Book().Note(What::kClosed);
    writer_.reset();
  }

  RingResult Read() {
    Book().Look();
    T value;
    const RingResult result = reader_->TryLoad(value);
    if (result == RingResult::kOk) {
      Expect(value.IsWhole(), "a torn value was read");
      Book().Took(value.number());
      return result;
    }
    // Beside a free writer nothing can be said of one look.
    if (IsSoaking() && Book().who() == Who::kOther) return result;
    const ValueFacts facts = FactsOf(Book().Events());
    const bool is_right =
        (result == RingResult::kEmpty && !facts.has_committed) ||
        (result == RingResult::kPending && !Cast::kKeepsOld &&
         facts.is_in_flight);
    if (!is_right) Fail("a read said " + std::string(ToString(result)));
    return result;
  }

 private:
  const Operation operation_;
  std::optional<Writer> writer_;
  std::optional<Reader> reader_;
};

template <typename Cast>
void AddValueScenarios(std::vector<Scenario>& scenarios,
                       const std::string& type, const std::string& variant,
                       bool is_all) {
  using P = ValuePlay<Cast>;
  using Role = typename P::Role;
  const std::vector<typename P::Operation> operations{
      {"Attach, ClaimWriter, first Store, drop", true, Role::kFree, 0,
       [](P& play, Bytes bytes) {
         if (play.TakeWriter(bytes)) play.Store();
         play.DropWriter();
       }},
      {"Store twice", true, Role::kMine, 3,
       [](P& play, Bytes) {
         play.Store();
         play.Store();
       }},
      {"Update", true, Role::kMine, 2,
       [](P& play, Bytes) { (void)play.Update(); }},
      {"Store, Close", true, Role::kFree, 1,
       [](P& play, Bytes bytes) {
         if (!play.TakeWriter(bytes)) return;
         play.Store();
         play.Close();
       }},
      {"TakeOverWriter, Store", true, Role::kOfTheDead, 1,
       [](P& play, Bytes bytes) {
         if (play.TakeWriter(bytes)) play.Store();
       }},
      {"AttachReadOnly, TryLoad twice", false, Role::kFree, 1,
       [](P& play, Bytes bytes) {
         play.TakeReader(bytes);
         (void)play.Read();
         (void)play.Read();
       }},
  };
  for (const auto& operation : operations) {
    // Of a second size the words of role and stamp teach nothing new.
    if (!is_all && operation.role != Role::kMine) continue;
    scenarios.push_back(
        {type, type + variant + " " + operation.name,
         static_cast<std::size_t>(Cast::Holder::SizeFor()),
         [operation] { return std::make_unique<P>(operation); }});
  }
}

}  // namespace placid::crash

#endif  // PLACID_TESTS_CRASH_VALUE_PLAY_H_
