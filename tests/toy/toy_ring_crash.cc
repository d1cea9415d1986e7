// SPDX-License-Identifier: Apache-2.0
//
// ToyRing: who dies in TryPush or TryPop, at any instruction, loses nothing
// that was pushed, and a successor goes on.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/crash/play.h"
#include "tests/crash/queue_ledger.h"
#include "tests/toy/toy_ring.h"

namespace placid::crash {
namespace {

constexpr int kCapacity = 4;
using Ring = toy::ToyRing<kCapacity>;

class ToyPlay : public Play {
 public:
  ToyPlay(bool is_producer, int filled)
      : is_producer_(is_producer), filled_(filled) {}

  void SetUp(Bytes bytes) override {
    TakeRoles(bytes);
    for (int i = 0; i < filled_; ++i) (void)Push();
    is_producer_ ? producer_.reset() : consumer_.reset();
  }
  void Prepare(Bytes bytes) override { TakeRoles(bytes); }
  void Act(Bytes) override { (void)(is_producer_ ? Push() : Pop()); }
  bool Other(Bytes) override {
    (void)(is_producer_ ? Pop() : Push());
    return true;
  }
  void Recover(Bytes bytes) override {
    TakeRoles(bytes);
    (void)(is_producer_ ? Push() : Pop());
  }

  void Check(Bytes bytes, bool is_other_dead) override {
    if (is_other_dead) {
      producer_.reset();
      consumer_.reset();
    }
    const Who producing = producer_ ? Who::kOther : Who::kChecker;
    const Who consuming = consumer_ ? Who::kOther : Who::kChecker;
    TakeRoles(bytes);
    PopAll(consuming);
    Book().Speak(producing);
    for (int i = 0; i < kCapacity; ++i) {
      Expect(Push() == RingResult::kOk, "an empty ring has no room");
    }
    Expect(Push() == RingResult::kFull, "a full ring has room");
    PopAll(consuming);
    VerifyQueue(Book().Events(), {});
  }

 private:
  // Those that nobody in this process has in hand.
  void TakeRoles(Bytes bytes) {
    auto& memory = *reinterpret_cast<Ring::Memory*>(bytes.data());
    if (!producer_) producer_.emplace(memory);
    if (!consumer_) consumer_.emplace(memory);
  }

  RingResult Push() {
    const std::uint64_t value = Book().NewValues();
    Book().Begin(value);
    const RingResult result = producer_->TryPush(value);
    Book().Done(result == RingResult::kOk ? 1 : 0);
    return result;
  }
  RingResult Pop() {
    Book().Look();
    std::uint64_t value = 0;
    const RingResult result = consumer_->TryPop(value);
    if (result == RingResult::kOk) Book().Took(value);
    return result;
  }
  void PopAll(Who who) {
    Book().Speak(who);
    for (int i = 0; i <= kCapacity; ++i) {
      if (Pop() == RingResult::kEmpty) return;
    }
    Fail("more was popped than ever fitted in");
  }

  const bool is_producer_;
  const int filled_;
  std::optional<Ring::Producer> producer_;
  std::optional<Ring::Consumer> consumer_;
};

const Registration kToy([](std::vector<Scenario>& scenarios) {
  for (const bool is_producer : {false, true}) {
    for (const int filled : {0, 1, kCapacity}) {
      scenarios.push_back(
          {"ToyRing",
           std::string(is_producer ? "TryPush" : "TryPop") + ", " +
               std::to_string(filled) + " in it",
           sizeof(Ring::Memory),
           [=] { return std::make_unique<ToyPlay>(is_producer, filled); }});
    }
  }
});

}  // namespace
}  // namespace placid::crash
