// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "placid/primitives/counter.h"
#include "tests/crash/play.h"

namespace placid::crash {
namespace {

constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

// What is added is noted as a value: 2 by + 1, so that it is never negative.
class CounterPlay : public Play {
 public:
  CounterPlay(std::int32_t by, std::int32_t from) : by_(by), from_(from) {}

  void SetUp(Bytes bytes) override { Add(bytes, from_); }
  void Act(Bytes bytes) override { Add(bytes, by_); }
  bool Other(Bytes bytes) override {
    Add(bytes, -by_);
    return true;
  }
  void Recover(Bytes bytes) override { Add(bytes, by_); }

  void Check(Bytes bytes, bool) override {
    const Counter counter = Need(Counter::Attach(bytes));
    const std::int64_t found = counter.Load();
    // Each death may have added its own or not, and no more can be said: the
    // type knows no owners.
    std::vector<std::int64_t> sums{0};
    std::int64_t open = 0;
    const auto close = [&](bool was_done) {
      if (open == 0) return;
      for (std::int64_t& sum : sums) sum += was_done ? open : 0;
      open = 0;
    };
    for (const Who who : {Who::kSetUp, Who::kOther, Who::kVictim,
                          Who::kRecoverer, Who::kSecondRecoverer}) {
      for (const Event& event : Book().Events()) {
        if (event.who != who) continue;
        if (event.what == What::kBegin) open = Amount(event.value);
        if (event.what == What::kDone) close(event.count > 0);
      }
      if (open == 0) continue;
      const std::vector<std::int64_t> without = sums;
      for (const std::int64_t sum : without) sums.push_back(sum + open);
      open = 0;
    }
    bool is_right = false;
    for (const std::int64_t sum : sums) is_right = is_right || sum == found;
    if (!is_right) {
      Fail("the count is " + std::to_string(found) + ", the ledger says " +
           std::to_string(sums[0]) + " and what was in flight");
    }
    std::int32_t count = 0;
    const std::int32_t step = found > 0 ? -1 : 1;
    Expect(counter.Add(step, count) == RingResult::kOk && count == found + step,
           "nobody can count any more");
    Need(Counter::Reset(bytes, NobodyUsesIt()));
    Expect(counter.Load() == 0, "not zero after Reset");
  }

 private:
  static std::uint64_t Noted(std::int64_t by) {
    return static_cast<std::uint64_t>(by) * 2 + 1;
  }
  static std::int64_t Amount(std::uint64_t noted) {
    return (static_cast<std::int64_t>(noted) - 1) / 2;
  }

  static void Add(Bytes bytes, std::int32_t by) {
    const Counter counter = Need(Counter::Attach(bytes));
    std::int32_t count = 0;
    Book().Begin(Noted(by));
    const RingResult result = counter.Add(by, count);
    Book().Done(result == RingResult::kOk ? 1 : 0);
    const bool may_give_up = IsSoaking() && result == RingResult::kContended;
    Expect(
        result == RingResult::kOk || result == RingResult::kFull || may_give_up,
        "an addition said something else than ok or full");
  }

  std::int32_t by_;
  std::int32_t from_;
};

const Registration kCounter([](std::vector<Scenario>& scenarios) {
  const auto add = [&](const char* operation, std::int32_t by,
                       std::int32_t from) {
    scenarios.push_back({"Counter", operation, Counter::SizeFor(), [=] {
                           return std::make_unique<CounterPlay>(by, from);
                         }});
  };
  add("Counter Add 1 to 5", 1, 5);
  add("Counter Add -7 to 3", -7, 3);
  add("Counter Add 2 to nearly full", 2, kMost - 1);
});

}  // namespace
}  // namespace placid::crash
