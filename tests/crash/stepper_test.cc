// SPDX-License-Identifier: Apache-2.0
//
// Broken toys that the stepper must find unrecoverable, each beside the least
// effort that does not find it; and sound ones that it must not.
#include "tests/crash/stepper.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "tests/crash/play.h"
#include "tests/crash/queue_ledger.h"

namespace placid::crash {
namespace {

// The object: some words that compilers leave alone.
using Words = volatile std::uint64_t*;
constexpr std::size_t kBytes = 8 * sizeof(std::uint64_t);

struct Toy {
  std::function<void(Words)> set_up = [](Words) {};
  std::function<void(Words)> act = {};
  std::function<void(Words)> other = {};
  std::function<void(Words)> recover = [](Words) {};
  std::function<void(Words)> check = {};
};

class ToyPlay : public Play {
 public:
  explicit ToyPlay(const Toy& toy) : toy_(toy) {}
  void SetUp(Bytes bytes) override { toy_.set_up(At(bytes)); }
  void Act(Bytes bytes) override { toy_.act(At(bytes)); }
  bool Other(Bytes bytes) override {
    if (toy_.other) toy_.other(At(bytes));
    return static_cast<bool>(toy_.other);
  }
  void Recover(Bytes bytes) override { toy_.recover(At(bytes)); }
  void Check(Bytes bytes, bool) override { toy_.check(At(bytes)); }

 private:
  static Words At(Bytes bytes) { return reinterpret_cast<Words>(bytes.data()); }
  const Toy& toy_;
};

struct Outcome {
  Counts counts;
  std::string first;  // verdict
  std::size_t images;
};

Outcome Step(const Toy& toy, const Options& options = {}) {
  const Scenario scenario{"Toy", "act", kBytes,
                          [&] { return std::make_unique<ToyPlay>(toy); }};
  Stepper stepper(scenario, options);
  stepper.Run();
  return {stepper.counts(),
          stepper.failures().empty() ? "" : stepper.failures()[0].what,
          stepper.images().size()};
}

// A claim in two stores: between them nobody knows who holds it.
Toy ClaimThenName() {
  return {.act =
              [](Words w) {
                w[0] = 1;
                w[1] = 7;
              },
          .check =
              [](Words w) {
                Expect(w[0] == 0 || w[1] != 0, "held by nobody knows whom");
              }};
}

TEST(StepperTest, ClaimThenNameTheOwnerIsUnrecoverable) {
  const Outcome found = Step(ClaimThenName());
  EXPECT_GT(found.counts.unrecoverable, 0u);
  EXPECT_EQ(found.first, "held by nobody knows whom");
  EXPECT_GT(found.counts.kill_points, found.images);
}

TEST(StepperTest, ClaimThatNamesTheOwnerIsRecoverable) {
  Toy toy = ClaimThenName();
  toy.act = [](Words w) {
    w[1] = 7;
    w[0] = 1;
  };
  const Outcome found = Step(toy);
  EXPECT_EQ(found.counts.unrecoverable, 0u) << found.first;
  EXPECT_EQ(found.images, 3u);
  // Each image by a copy with the second party dead, and by a real kill.
  EXPECT_EQ(found.counts.sigkills, 3u);
}

TEST(StepperTest, PublishBeforeWriteIsUnrecoverable) {
  const Toy toy{
      .act =
          [](Words w) {
            w[0] = w[0] + 1;
            w[1] = 42;
          },
      .check =
          [](Words w) { Expect(w[0] == 0 || w[1] == 42, "a torn value"); }};
  EXPECT_EQ(Step(toy).first, "a torn value");
}

// The slot is free before its value is in private hands.
Toy PopThatFreesFirst() {
  return {.set_up =
              [](Words w) {
                Book().Begin(5);
                w[1] = 5;
                Book().Done();
              },
          .act =
              [](Words w) {
                w[0] = 1;
                Book().Took(w[1]);
              },
          .check =
              [](Words w) {
                if (w[0] == 0) Book().Took(w[1]);
                VerifyQueue(Book().Events(), {});
              }};
}

TEST(StepperTest, PopThatFreesBeforeItReadsLosesTheValue) {
  EXPECT_EQ(Step(PopThatFreesFirst()).first,
            "lost: value 5 was committed and not delivered");
}

TEST(StepperTest, PopThatFreesAtItsNextCallLosesNothing) {
  Toy toy = PopThatFreesFirst();
  toy.act = [](Words w) {
    Book().Took(w[1]);
    w[0] = 1;
  };
  const Outcome found = Step(toy);
  EXPECT_EQ(found.counts.unrecoverable, 0u) << found.first;
}

// A value that goes back into the queue although its consumer lives.
TEST(StepperTest, ValueDeliveredTwiceToALivingConsumerIsUnrecoverable) {
  Toy toy = PopThatFreesFirst();
  toy.act = [](Words w) {
    Book().Look();
    Book().Took(w[1]);
    w[0] = 1;
    Book().Note(What::kRetired);
    w[0] = 0;
  };
  EXPECT_EQ(Step(toy).first,
            "value 5 was delivered again, beyond what the contract says");
}

// Nobody dies of it alone: it takes somebody who moves in between.
TEST(StepperTest, LostUpdateIsFoundOnlyWhereTheSecondPartyAdvances) {
  const auto add = [](Words w) {
    const std::uint64_t before = w[0];
    Book().Begin(1);
    w[0] = before + 1;
    Book().Done();
  };
  const Toy toy{.act = add, .other = add, .check = [](Words w) {
                  std::uint64_t done = 0;
                  for (const Event& event : Book().Events()) {
                    done += event.what == What::kDone ? 1 : 0;
                  }
                  Expect(w[0] >= done, "an update was lost");
                }};
  EXPECT_EQ(Step(toy, {.most_advanced = 0}).counts.unrecoverable, 0u);
  EXPECT_EQ(Step(toy, {.most_advanced = 1}).first, "an update was lost");
}

// w[0] says that w[1] may be odd. `generation` recoverers get it right.
Toy RecoveryThatForgetsFirst(std::uint64_t generation) {
  const auto recover = [generation](Words w) {
    if (w[0] == 0) return;
    if (w[2] < generation) {
      w[2] = w[2] + 1;
      w[1] = w[1] + w[1] % 2;
      w[0] = 0;
    } else {
      w[0] = 0;
      w[1] = w[1] + w[1] % 2;
    }
  };
  return {.act =
              [](Words w) {
                w[0] = 1;
                w[1] = w[1] + 1;
                w[1] = w[1] + 1;
                w[0] = 0;
              },
          .recover = recover,
          .check =
              [recover](Words w) {
                recover(w);
                Expect(w[1] % 2 == 0, "odd for good");
              }};
}

TEST(StepperTest, RecoveryThatForgetsFirstIsFoundOnlyByTheRecoverersDeath) {
  const Toy toy = RecoveryThatForgetsFirst(0);
  EXPECT_EQ(Step(toy, {.most_recoverers = 0}).counts.unrecoverable, 0u);
  EXPECT_EQ(Step(toy, {.most_recoverers = 1}).first, "odd for good");
}

TEST(StepperTest, FaultOfTheSecondRecoveryIsFoundOnlyByTheSecondDeath) {
  const Toy toy = RecoveryThatForgetsFirst(1);
  EXPECT_EQ(Step(toy, {.most_recoverers = 1}).counts.unrecoverable, 0u);
  EXPECT_EQ(Step(toy, {.most_recoverers = 2}).first, "odd for good");
}

TEST(StepperTest, ImageThatHangsItsUserIsUnrecoverable) {
  Toy toy = ClaimThenName();
  toy.check = [](Words w) {
    while (w[0] == 1 && w[1] == 0) continue;
  };
  EXPECT_EQ(Step(toy, {.most_recoverers = 0, .check_seconds = 1}).first,
            "wedged: not done in 1 s");
}

TEST(StepperTest, ImageThatCrashesItsUserIsUnrecoverable) {
  Toy toy = ClaimThenName();
  toy.check = [](Words w) {
    if (w[0] == 1 && w[1] == 0) __builtin_trap();
  };
  EXPECT_NE(Step(toy).first.find("killed by signal"), std::string::npos);
}

TEST(StepperTest, OperationThatWaitsForSomebodyStandingStillIsReported) {
  Toy toy = ClaimThenName();
  toy.act = [](Words w) {
    w[0] = 1;
    while (w[3] == 0) continue;
  };
  toy.check = [](Words) {};
  EXPECT_NE(Step(toy, {.most_steps = 500}).first.find("wedged"),
            std::string::npos);
}

// What a system call did is in no byte: it is killed before and after each.
TEST(StepperTest, SystemCallsAreKillPointsOfTheirOwn) {
  const Toy toy{.act =
                    [](Words w) {
                      w[0] = 1;
                      syscall(SYS_getppid);
                    },
                .check = [](Words) {}};
  const Outcome found = Step(toy);
  EXPECT_EQ(found.counts.system_calls, 1u);
  EXPECT_EQ(found.images, 2u);
  EXPECT_EQ(found.counts.sigkills, 4u);
  EXPECT_EQ(found.counts.unrecoverable, 0u) << found.first;
}

TEST(StepperTest, RandomKillsFindAClaimWithoutAName) {
  Toy toy = ClaimThenName();
  toy.act = [](Words w) {
    w[0] = 1;
    for (int i = 0; i < 1000; ++i) w[5] = w[5] + 1;
    w[1] = 7;
    w[1] = 0;
    w[0] = 0;
  };
  const Scenario scenario{"Toy", "act", kBytes,
                          [&] { return std::make_unique<ToyPlay>(toy); }};
  Stepper stepper(scenario, {});
  stepper.Soak(200, 1);
  EXPECT_EQ(stepper.counts().sigkills, 200u);
  EXPECT_GT(stepper.counts().unrecoverable, 0u);
}

}  // namespace
}  // namespace placid::crash
