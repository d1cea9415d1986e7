// SPDX-License-Identifier: Apache-2.0
//
// ToyRing: what is pushed is popped, once and in order, whoever dies.
//
// A program of its own, for it is no type of placid: exit status 0 where every
// model holds and every weakening is noticed.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/model/model.h"
#include "tests/model/mutation.h"
#include "tests/model/source_orders.h"
#include "tests/toy/toy_ring.h"

namespace placid::model {
namespace {

using Ring = toy::ToyRing<2>;
constexpr int kNumbers = 3;

Ring::Memory memory;
int pushed;
int popped;
bool is_done;

void Push(Ring::Producer& producer) {
  while (pushed < kNumbers) {
    const auto number = static_cast<std::uint64_t>(pushed) + 1;
    if (producer.TryPush(number) == RingResult::kOk) {
      ++pushed;
      CountOperation();
    } else {
      See("full");
      Pause();
    }
  }
}

// The first number may be one that a dead consumer had in hand.
void Pop(Ring::Consumer& consumer) {
  bool is_first = true;
  while (popped < kNumbers) {
    std::uint64_t number = 0;
    if (consumer.TryPop(number) != RingResult::kOk) {
      See("empty");
      Pause();
      continue;
    }
    const int found = static_cast<int>(number);
    if (is_first && found == popped && found > 0) {
      See("delivered again");
    } else {
      Check(found == popped + 1, "the next number comes next");
      ++popped;
    }
    is_first = false;
    CountOperation();
  }
  is_done = true;
}

void Produce() {
  Ring::Producer producer(memory);
  Push(producer);
}
void Consume() {
  Ring::Consumer consumer(memory);
  Pop(consumer);
}
void ProduceAfter(int dead) {
  if (!AwaitEnd(dead)) return;
  See("a producer took over");
  pushed = static_cast<int>(memory.tail.load(kRelaxed));
  Produce();
}
void ConsumeAfter(int dead) {
  if (!AwaitEnd(dead)) return;
  See("a consumer took over");
  Consume();
}

Program MakeProgram(std::vector<ThreadSpec> threads) {
  Program program;
  program.set_up = [] {
    memory = {};
    pushed = popped = 0;
    is_done = false;
  };
  program.threads = std::move(threads);
  program.finish = [] { Check(is_done, "somebody popped to the end"); };
  program.regions = {{"ring", &memory, sizeof(memory)}};
  return program;
}

const Registration kPair({
    .type = "ToyRing",
    .header = "toy/toy_ring.h",
    .name = "NumbersGoRound",
    .program =
        [] {
          return MakeProgram({{"producer", Produce}, {"consumer", Consume}});
        },
    .options = {},
    .must_see = {"full", "empty"},
});
const Registration kProducerDies({
    .type = "ToyRing",
    .header = "toy/toy_ring.h",
    .name = "SuccessorOfProducerGoesOn",
    .program =
        [] {
          return MakeProgram({{"producer", Produce, true},
                              {"consumer", Consume},
                              {"successor", [] { ProduceAfter(0); }}});
        },
    .options = {.deaths = 1},
    .must_see = {"a producer took over"},
});
const Registration kConsumerDies({
    .type = "ToyRing",
    .header = "toy/toy_ring.h",
    .name = "SuccessorOfConsumerGetsWhatWasInHand",
    .program =
        [] {
          return MakeProgram({{"producer", Produce},
                              {"consumer", Consume, true},
                              {"successor", [] { ConsumeAfter(1); }}});
        },
    .options = {.deaths = 1},
    .must_see = {"a consumer took over", "delivered again"},
});

constexpr Equivalent kEquivalent[] = {
    {"toy/toy_ring.h", "Producer", "tail", "acquire -> relaxed", 0,
     "the kernel's word that the former producer is dead orders all it did"},
    {"toy/toy_ring.h", "Consumer", "head", "acquire -> relaxed", 0,
     "the kernel's word that the former consumer is dead orders all it did"},
};

bool Explored(std::vector<Baseline>& baselines) {
  for (const Model& model : AllModels()) {
    const Report report = Explore(model.program(), model.options);
    std::printf("%s: %s\n", model.name.c_str(),
                report.ToString(model.options).c_str());
    if (report.has_failed) {
      std::printf("%s\n%s", report.failure.c_str(), report.trace.c_str());
      return false;
    }
    for (const std::string& what : model.must_see) {
      if (report.seen.contains(what)) continue;
      std::printf("never seen: %s\n", what.c_str());
      return false;
    }
    baselines.push_back({&model, report});
  }
  return true;
}

bool AllNoticed(const std::vector<Baseline>& baselines) {
  const std::vector<OrderUse> uses = UsesIn("toy/toy_ring.h", baselines);
  bool is_good = !uses.empty();
  for (const Verdict& verdict : Mutate(uses, baselines, kEquivalent)) {
    std::printf("%s\n", verdict.ToString().c_str());
    is_good &= verdict.is_killed == (verdict.equivalent == nullptr);
  }
  return is_good;
}

}  // namespace
}  // namespace placid::model

int main() {
  std::vector<placid::model::Baseline> baselines;
  const bool is_good = placid::model::Explored(baselines) &&
                       placid::model::AllNoticed(baselines);
  std::printf("%s\n", is_good ? "holds" : "does NOT hold");
  return is_good ? 0 : 1;
}
