// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "placid/primitives/counter.h"
#include "tests/linearizability/runner.h"
#include "tests/linearizability/sum.h"

namespace placid::linearizability {
namespace {

class CounterScenario {
 public:
  using Spec = Sum;
  using Limits = std::numeric_limits<std::int32_t>;

  void Prepare(Random& random) {
    const auto near = static_cast<std::int32_t>(Draw(random, 5));
    const std::array<std::int32_t, 3> starts = {near - 2, Limits::max() - near,
                                                Limits::min() + near};
    first_ = {starts[Draw(random, 3)]};
    storage_.count.store(static_cast<std::int32_t>(first_.count),
                         kRelaxed);  // sync: none, one thread
    for (auto& steps : steps_) {
      steps.resize(4 + Draw(random, 5));
      for (std::int32_t& by : steps) {
        by = static_cast<std::int32_t>(Draw(random, 7)) - 3;
        if (Draw(random, 16) == 0) by = Limits::max();
        if (Draw(random, 16) == 0) by = Limits::min();
      }
    }
  }

  const Sum& spec() const { return sum_; }
  const Sum::State& initial() const { return first_; }

  void Act(int who, Recorder<Sum::Event>& log) {
    for (const std::int32_t by : steps_[static_cast<std::size_t>(who)]) {
      if (by == 0) {
        const std::int32_t count = log.Time([&] { return counter_.Load(); });
        log.Note({Sum::kLoad, 0, count});
        continue;
      }
      std::int32_t count = 0;
      const RingResult result =
          log.Time([&] { return counter_.Add(by, count); });
      log.Note({result == RingResult::kOk      ? Sum::kAdd
                : result == RingResult::kFull  ? Sum::kFindFull
                : result == RingResult::kEmpty ? Sum::kFindEmpty
                                               : Sum::kNonsense,
                by, count});
    }
  }

 private:
  Counter::Storage storage_{};
  Counter counter_ = *Counter::Attach(storage_);
  Sum sum_;
  Sum::State first_;
  std::array<std::vector<std::int32_t>, 2> steps_;
};

// Catches an addition that is lost, a count nobody could have seen, and a
// refusal at the ends where there was room. The seed is printed.
TEST(CounterHistoryStress, EveryHistoryIsThatOfABoundedSum) {
  const std::uint64_t seed = Seed();
  RunHistories<CounterScenario>("Counter", seed);
}

}  // namespace
}  // namespace placid::linearizability
