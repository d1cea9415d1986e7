// SPDX-License-Identifier: Apache-2.0
//
// MpmcRing: a producer or a consumer dies beside a second party that pushes and
// pops by turns. Each committed value is taken once; what was in a dead
// consumer's hand is lost or taken again, as its delivery says, and no more.
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "placid/primitives/mpmc_ring.h"
#include "tests/crash/play.h"
#include "tests/support/checked_value.h"
#include "tests/support/die.h"

namespace placid::crash {
namespace {

using testing::CheckedValue;

// What became of each value, by the ledger.
class Account {
 public:
  Account(const std::vector<Event>& events, Delivery delivery)
      : delivery_(delivery) {
    for (const Event& event : events) Note(event);
  }

  void Verify() {
    int lost = 0;
    for (const auto& [value, fate] : values_) {
      Expect(fate.is_begun || fate.takers.empty(),
             "a value was delivered, never pushed");
      Expect(!fate.is_refused || fate.takers.empty(),
             "a value was delivered that had been refused");
      if (fate.is_committed && fate.takers.empty()) ++lost;
      // From one dead hand into the next.
      for (std::size_t i = 0; i + 1 < fate.takers.size(); ++i) {
        Expect(MayComeAgain(value, fate.takers[i]),
               "a value was delivered again, beyond what the contract says");
      }
    }
    // Of one that died as it took something.
    int may_be_lost = 0;
    for (const auto& [who, party] : parties_) {
      if (who != Who::kChecker && party.last == What::kLook) ++may_be_lost;
    }
    if (delivery_ == Delivery::kAtLeastOnce) may_be_lost = 0;
    if (lost > may_be_lost) {
      Fail("lost: " + std::to_string(lost) + " committed, not delivered");
    }
  }

 private:
  struct Fate {
    bool is_begun = false;
    bool is_committed = false;
    bool is_refused = false;
    std::vector<Who> takers;
  };
  struct Party {
    What last = What::kRetired;
    std::uint64_t hand = 0;  // the value that it took last, until given back
    std::vector<std::uint64_t> begun;
    std::map<std::uint64_t, std::uint64_t> newest;  // of each pusher
  };

  void Note(const Event& event) {
    Party& party = parties_[event.who];
    if (event.what == What::kBegin) {
      party.begun.clear();
      for (std::uint64_t i = 0; i < event.count; ++i) {
        party.begun.push_back(event.value + i);
        values_[event.value + i].is_begun = true;
      }
    } else if (event.what == What::kDone) {
      for (std::size_t i = 0; i < party.begun.size(); ++i) {
        Fate& fate = values_[party.begun[i]];
        (i < event.count ? fate.is_committed : fate.is_refused) = true;
      }
    } else if (event.what == What::kTook) {
      values_[event.value].takers.push_back(event.who);
      party.hand = event.value;
      CheckOrder(party, event.value);
    } else if (event.what == What::kRetired) {
      party.hand = 0;
    }
    party.last = event.what;
  }

  // Under kAtMostOnce nothing comes late.
  void CheckOrder(Party& party, std::uint64_t value) const {
    std::uint64_t& newest = party.newest[value / 10'000];
    Expect(value > newest || delivery_ == Delivery::kAtLeastOnce,
           "a producer's values were delivered out of their order");
    newest = value;
  }

  [[nodiscard]] bool MayComeAgain(std::uint64_t value, Who from) const {
    return delivery_ == Delivery::kAtLeastOnce &&
           parties_.at(from).hand == value;
  }

  const Delivery delivery_;
  std::map<std::uint64_t, Fate> values_;
  std::map<Who, Party> parties_;
};

struct Start {
  int moved;   // values that went through before
  int filled;  // values in it
};

template <std::size_t kWords, std::uint64_t kExtent, std::uint64_t kSlots,
          Delivery kDelivery, std::uint64_t kCountsFrom>
class MpmcPlay : public Play {
 public:
  using T = CheckedValue<kWords>;
  using Ring = MpmcRing<T, kExtent>;
  using Producer = typename Ring::Producer;
  using Consumer = typename Ring::Consumer;

  struct Operation {
    const char* name;
    bool is_producer;
    bool is_prepared;  // the role is claimed before, unstepped
    void (*act)(MpmcPlay&, Bytes);
  };
  MpmcPlay(const Operation& operation, Start start)
      : operation_(operation), start_(start) {}

  void SetUp(Bytes bytes) override {
    const Ring ring = Need(Ring::Create(bytes, kSlots));
    auto* slots =
        reinterpret_cast<typename Ring::Slot*>(bytes.data() + Ring::kSlotsOffset);
    for (std::uint64_t i = kCountsFrom; i != kCountsFrom + kSlots; ++i) {
      slots[i % kSlots].word.store(
          TurnWord(i >> std::countr_zero(kSlots), TurnWord::State::kFree)
              .word(),
          kRelaxed);
    }
    TakeProducer(bytes);
    TakeConsumer(bytes);
    for (int i = 0; i < start_.moved; ++i) {
      Push();
      Pop();
    }
    for (int i = 0; i < start_.filled; ++i) Push();
    DropProducer();
    DropConsumer();
    other_.producer = Need(ring.ClaimProducer(Id(Who::kOther)));
    other_.consumer = Need(ring.ClaimConsumer(kDelivery, Id(Who::kOther)));
  }

  void Prepare(Bytes bytes) override {
    if (operation_.is_prepared) TakeRole(bytes);
  }
  void Act(Bytes bytes) override { operation_.act(*this, bytes); }

  bool Other(Bytes) override {
    std::swap(mine_, other_);
    ++others_ % 2 == 1 ? Push() : Pop();
    std::swap(mine_, other_);
    return true;
  }

  void Recover(Bytes bytes) override {
    mine_ = {};
    ClearUp(bytes, Book().who());
    TakeRole(bytes);
    operation_.is_producer ? Push() : Pop();
    operation_.is_producer ? DropProducer() : DropConsumer();
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    mine_ = {};
    ClearUp(bytes, Who::kChecker);
    Book().Speak(is_other_dead ? Who::kChecker : Who::kOther);
    if (is_other_dead) {
      testing::Die(*std::exchange(other_.producer, {}));
      testing::Die(*std::exchange(other_.consumer, {}));
      (void)Need(Ring::Attach(bytes))
          .Recover(DeadOwner::Attested(Id(Who::kOther)));
      TakeProducer(bytes);
      TakeConsumer(bytes);
    } else {
      std::swap(mine_, other_);
    }
    const RingResult after_all = PopAll();
    const bool is_closed = UseAll();
    Expect(PopAll() == after_all || is_closed, "the end of it has changed");
    Expect(after_all == (is_closed ? RingResult::kClosed : RingResult::kEmpty),
           "the two sides do not agree whether it is closed");
    DropConsumer();
    DropProducer();
    const std::vector<Event> events = Book().Events();
    const auto noted = [&events](What what) {
      return std::any_of(events.begin(), events.end(),
                         [what](const Event& e) { return e.what == what; });
    };
    Expect(!is_closed || noted(What::kClosing),
           "closed, and nobody had closed it");
    Expect(is_closed || !noted(What::kClosed), "it was closed and is open");
    Account(events, kDelivery).Verify();
  }

  // ---- What operations are made of

  void TakeRole(Bytes bytes) {
    operation_.is_producer ? TakeProducer(bytes) : TakeConsumer(bytes);
  }
  void TakeProducer(Bytes bytes) {
    if (mine_.producer) return;
    mine_.producer =
        Need(Need(Ring::Attach(bytes)).ClaimProducer(Id(Book().who())));
  }
  void TakeConsumer(Bytes bytes) {
    if (mine_.consumer) return;
    mine_.consumer =
        Need(Need(Ring::Attach(bytes)).ClaimConsumer(kDelivery, Id(Book().who())));
  }
  void DropProducer() { mine_.producer.reset(); }
  void DropConsumer() {
    mine_.consumer.reset();
    Book().Note(What::kRetired);
  }

  RingResult TryPush(std::uint64_t value) {
    Book().Begin(value);
    const RingResult result = producer().TryPush(T::Of(value));
    Book().Done(result == RingResult::kOk ? 1 : 0);
    if (result != RingResult::kOk && result != RingResult::kFull &&
        result != RingResult::kClosed &&
        !(result == RingResult::kContended && IsSoaking())) {
      Fail("a push said " + std::string(ToString(result)));
    }
    return result;
  }
  RingResult TryPop() {
    Book().Look();
    T found;
    const RingResult result = consumer().TryPop(found);
    if (result == RingResult::kOk) {
      Took(found);
    } else {
      Book().Note(What::kRetired);
      if (result != RingResult::kEmpty && result != RingResult::kPending &&
          result != RingResult::kClosed &&
          !(result == RingResult::kContended && IsSoaking())) {
        Fail("a pop said " + std::string(ToString(result)));
      }
    }
    return result;
  }
  void Push() { (void)TryPush(Book().NewValues()); }
  void Pop() { (void)TryPop(); }
  static void Took(const T& found) {
    Expect(found.IsWhole(), "a torn value was delivered");
    Book().Took(found.number());
  }

  void PushSome() {
    constexpr std::size_t kBatch = 3;
    const std::uint64_t first = Book().NewValues(kBatch);
    std::array<T, kBatch> values;
    for (std::size_t i = 0; i < kBatch; ++i) values[i] = T::Of(first + i);
    std::size_t pushed = 0;
    Book().Begin(first, kBatch);
    const RingResult result = producer().TryPushSome(values, pushed);
    Book().Done(pushed);
    Expect((result == RingResult::kOk) == (pushed > 0), "pushed, or not?");
  }
  void ReserveAndCommit() {
    const std::uint64_t value = Book().NewValues();
    T* slot = nullptr;
    Book().Begin(value);
    const RingResult result = producer().TryReserve(slot);
    if (slot != nullptr) *slot = T::Of(value);
    Book().Done(producer().Commit() ? 1 : 0);
    Expect((result == RingResult::kOk) == (slot != nullptr), "reserved?");
  }
  void ReserveAndAbort() {
    T* slot = nullptr;
    const RingResult result = producer().TryReserve(slot);
    if (slot != nullptr) *slot = T::Of(666);
    Expect(producer().Abort() == (result == RingResult::kOk), "reserved?");
  }
  void CloseRing() {
    Book().Note(What::kClosing);
    if (producer().Close() == RingResult::kOk) Book().Note(What::kClosed);
  }
  void PeekAndRetire() {
    SharedSpan<T> value;
    Book().Look();
    const RingResult result = consumer().TryPeek(value);
    if (result == RingResult::kOk) Took(value[0].Load());
    consumer().Retire();
    Book().Note(What::kRetired);
  }

  Producer& producer() { return *mine_.producer; }
  Consumer& consumer() { return *mine_.consumer; }

  static std::vector<Operation> All() {
    return {
        {"ClaimProducer, TryPush, drop", true, false,
         [](MpmcPlay& play, Bytes bytes) {
           play.TakeProducer(bytes);
           play.Push();
           play.DropProducer();
         }},
        {"TryPush twice", true, true,
         [](MpmcPlay& play, Bytes) {
           play.Push();
           play.Push();
         }},
        {"TryPushSome", true, true,
         [](MpmcPlay& play, Bytes) { play.PushSome(); }},
        {"TryReserve, Commit", true, true,
         [](MpmcPlay& play, Bytes) { play.ReserveAndCommit(); }},
        {"TryReserve, Abort", true, true,
         [](MpmcPlay& play, Bytes) { play.ReserveAndAbort(); }},
        {"TryPush, Close", true, true,
         [](MpmcPlay& play, Bytes) {
           play.Push();
           play.CloseRing();
         }},
        {"ClaimConsumer, TryPop, drop", false, false,
         [](MpmcPlay& play, Bytes bytes) {
           play.TakeConsumer(bytes);
           play.Pop();
           play.DropConsumer();
         }},
        {"TryPop three times", false, true,
         [](MpmcPlay& play, Bytes) {
           play.Pop();
           play.Pop();
           play.Pop();
         }},
        {"TryPeek, Retire", false, true,
         [](MpmcPlay& play, Bytes) { play.PeekAndRetire(); }},
    };
  }

 private:
  static constexpr int kMostPops = 4096;

  // What a party holds.
  struct Hand {
    std::optional<Producer> producer;
    std::optional<Consumer> consumer;
  };

  // A row of the table of participants for each.
  static OwnerId Id(Who who) {
    return *OwnerId::Of(static_cast<std::uint64_t>(who) + 1, 1);
  }

  // In the name of all the dead before `whom`: the victim, and who recovered.
  static void ClearUp(Bytes bytes, Who whom) {
    const Ring ring = Need(Ring::Attach(bytes));
    for (const Who dead :
         {Who::kVictim, Who::kRecoverer, Who::kSecondRecoverer}) {
      if (dead == whom) break;
      (void)ring.Recover(DeadOwner::Attested(Id(dead)));
    }
  }

  RingResult PopAll() {
    for (int i = 0; i < kMostPops; ++i) {
      const RingResult result = TryPop();
      if (result == RingResult::kPending) Fail("a claim has leaked");
      if (result != RingResult::kOk) return result;
    }
    Fail("more was popped than ever fitted in");
  }

  // That every slot can be used; whether it is closed.
  bool UseAll() {
    for (std::uint64_t i = 0;; ++i) {
      const RingResult result = TryPush(Book().NewValues());
      if (result == RingResult::kClosed) return true;
      if (result == RingResult::kOk) continue;
      if (i != kSlots) {
        Fail("an empty ring took " + std::to_string(i) + " values");
      }
      return false;
    }
  }

  const Operation operation_;
  const Start start_;
  Hand mine_;   // of whoever this process acts for
  Hand other_;  // of the second party
  int others_ = 0;
};

template <std::size_t kWords, std::uint64_t kExtent, std::uint64_t kSlots,
          Delivery kDelivery, std::uint64_t kCountsFrom>
void Add(std::vector<Scenario>& scenarios, const std::string& variant,
         Start start) {
  using P = MpmcPlay<kWords, kExtent, kSlots, kDelivery, kCountsFrom>;
  for (const auto& operation : P::All()) {
    const bool is_of_delivery = !operation.is_producer;
    if (!is_of_delivery && kDelivery == Delivery::kAtLeastOnce) continue;
    scenarios.push_back(
        {"MpmcRing",
         "MpmcRing" + variant + " " + operation.name + ", " +
             std::to_string(start.filled) + " in it after " +
             std::to_string(start.moved),
         static_cast<std::size_t>(P::Ring::SizeFor(kSlots)),
         [operation, start] { return std::make_unique<P>(operation, start); }});
  }
}

const Registration kMpmcRing([](std::vector<Scenario>& scenarios) {
  constexpr std::uint64_t kNearWrap = UINT64_MAX - 3;
  Add<2, 4, 4, Delivery::kAtMostOnce, kNearWrap>(
      scenarios, "<16 bytes, 4>, at most once", {3, 2});
  Add<2, kDynamic, 2, Delivery::kAtLeastOnce, 0>(
      scenarios, "<16 bytes>, 2, at least once", {1, 2});
  Add<1, 1, 1, Delivery::kAtMostOnce, 0>(scenarios,
                                         "<8 bytes, 1>, at most once", {0, 0});
});

}  // namespace
}  // namespace placid::crash
