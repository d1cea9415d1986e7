// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "placid/primitives/role.h"
#include "tests/linearizability/abandon.h"
#include "tests/linearizability/holding.h"
#include "tests/linearizability/runner.h"

namespace placid::linearizability {
namespace {

// Both threads take, lose and give back one role. What the word protects is for
// the model to check; here it is who has it.
class RoleScenario {
 public:
  using Spec = Holding;

  void Prepare(Random& random) {
    for (auto& claim : claims_) claim.reset();
    // Soon before the count of claims wraps, or anywhere.
    const std::uint64_t start = Draw(random, 2) == 0
                                    ? Holding::kClaims - Draw(random, 6)
                                    : Draw(random, 1000);
    word_.store(start, kRelaxed);  // sync: none, one thread
    first_ = {.word = start};
    for (auto& steps : steps_) {
      steps.resize(4 + Draw(random, 5));
      for (std::uint32_t& step : steps) step = Draw(random, 8);
    }
  }

  const Holding& spec() const { return holding_; }
  const Holding::State& initial() const { return first_; }

  void Act(int who, Recorder<Holding::Event>& log) {
    auto& claim = claims_[static_cast<std::size_t>(who)];
    const auto me = static_cast<std::uint8_t>(who);
    RoleHolder seen(0);
    for (const std::uint32_t step : steps_[static_cast<std::size_t>(who)]) {
      if (claim && step < 5) {
        log.Time([&] { return claim.reset(), 0; });
        log.Note({Holding::kRelease, 0, me});
      } else if (claim) {
        Abandon(*std::exchange(claim, std::nullopt));
      } else if (step < 4) {
        log.Time(
            [&] { return Keep(claim, RoleClaim::Take(word_, "Take")), 0; });
        log.Note({claim ? Holding::kTake : Holding::kFindTaken, 0, me});
      } else if (step < 6 || seen.is_free()) {
        seen = log.Time([&] { return RoleClaim::Holder(word_); });
        log.Note({Holding::kSee, seen.word()});
      } else {
        log.Time([&] {
          return Keep(claim, RoleClaim::TakeOver(word_, AttestedDeath(seen),
                                                 "TakeOver")),
                 0;
        });
        log.Note({claim ? Holding::kTakeOver : Holding::kFindOther, seen.word(),
                  me});
      }
    }
  }

 private:
  static void Keep(std::optional<RoleClaim>& claim, Result<RoleClaim> result) {
    if (result) claim = *std::move(result);
  }

  Atomic<std::uint64_t> word_{};
  std::array<std::optional<RoleClaim>, 2> claims_;
  Holding holding_;
  Holding::State first_;
  std::array<std::vector<std::uint32_t>, 2> steps_;
};

// Catches two holders at once, a role that is lost or that a former holder
// gives away, and a takeover from somebody else than was attested. The seed is
// printed.
TEST(RoleHistoryStress, EveryHistoryIsThatOfOneHolderAtATime) {
  const std::uint64_t seed = Seed();
  RunHistories<RoleScenario>("RoleClaim", seed);
}

}  // namespace
}  // namespace placid::linearizability
