// SPDX-License-Identifier: Apache-2.0
//
// Counter: nothing added is lost, the range is kept, and who sees the count
// sees what was done before it was moved.
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "placid/primitives/counter.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();

Counter::Storage storage;
std::uint64_t data;

[[nodiscard]] Counter TheCounter() { return *Counter::Attach(storage); }

Program MakeProgram(std::int32_t from, std::int32_t to,
                    std::vector<ThreadSpec> threads) {
  Program program;
  program.set_up = [from] {
    storage = {};
    storage.count = Atomic<std::int32_t>(from);
    data = 0;
  };
  program.threads = std::move(threads);
  program.finish = [to] {
    Check(TheCounter().Load() == to, "all that was added is there");
  };
  program.regions = {{"counter", &storage, sizeof(storage)},
                     {"data", &data, sizeof(data)}};
  return program;
}

void Add(std::int32_t by) {
  std::int32_t count = 0;
  Check(TheCounter().Add(by, count) == RingResult::kOk, "there is room");
  CountOperation();
}

const Registration kSum({
    .type = "Counter",
    .header = "primitives/counter.h",
    .name = "NothingAddedIsLost",
    .program =
        [] {
          return MakeProgram(-1, 3,
                             {{"a",
                               [] {
                                 Add(1);
                                 Add(3);
                               }},
                              {"b",
                               [] {
                                 Add(5);
                                 Add(-5);
                               }},
                              {"c", [] { Add(-0); }}});
        },
    .options = {},
    .must_see = {},
});

// Its contract is "fatal": what was added stays. But nothing is added by half.
const Registration kDeath({
    .type = "Counter",
    .header = "primitives/counter.h",
    .name = "DeadAddsAllOrNothing",
    .program =
        [] {
          static int added;
          Program program = MakeProgram(0, 0,
                                        {{"mortal",
                                          [] {
                                            for (; added < 2; ++added) Add(1);
                                          },
                                          true},
                                         {"a",
                                          [] {
                                            Add(10);
                                            Add(20);
                                          }},
                                         {"b", [] { Add(100); }}});
          program.set_up = [set_up = program.set_up] {
            set_up();
            added = 0;
          };
          program.finish = [] {
            const std::int32_t count = TheCounter().Load();
            // It may have added what it did not live to note.
            const bool is_unnoted = count == 130 + added + 1 && added < 2;
            Check(count == 130 + added || is_unnoted, "all or nothing");
            See(is_unnoted ? "unnoted" : added == 2 ? "all" : "not all");
          };
          return program;
        },
    .options = {.deaths = 1},
    .must_see = {"unnoted", "all", "not all"},
});

const Registration kRange({
    .type = "Counter",
    .header = "primitives/counter.h",
    .name = "OnlyOneGetsTheLastPlace",
    .program =
        [] {
          const auto increment = [] {
            std::int32_t count = 0;
            const RingResult result = TheCounter().Increment(count);
            CountOperation();
            Check(result == RingResult::kOk || result == RingResult::kFull,
                  "added or full");
            Check(count == kMost, "either way the count is the largest");
            See(result == RingResult::kOk ? "added" : "full");
          };
          return MakeProgram(kMost - 1, kMost,
                             {{"a", increment}, {"b", increment}});
        },
    .options = {},
    .must_see = {"added", "full"},
});

// The last of three to count down uses what the others left.
const Registration kCarries({
    .type = "Counter",
    .header = "primitives/counter.h",
    .name = "LastOneDownSeesWhatAllDid",
    .program =
        [] {
          static std::uint64_t parts[2];
          const auto leave = [](int part) {
            if (part < 2) machine::CopyIn(parts[part], std::uint64_t{1});
            std::int32_t count = 0;
            Check(TheCounter().Decrement(count) == RingResult::kOk,
                  "counted down");
            if (count != 0) return;
            See("last");
            for (const std::uint64_t& each : parts) {
              std::uint64_t value = 0;
              machine::CopyOut(value, each);
              Check(value == 1, "each did its part");
            }
          };
          Program program = MakeProgram(
              2, 0,
              {{"a", [leave] { leave(0); }}, {"b", [leave] { leave(1); }}});
          program.set_up = [set_up = program.set_up] {
            set_up();
            parts[0] = parts[1] = 0;
          };
          return program;
        },
    .options = {},
    .must_see = {"last"},
});

const Registration kLook({
    .type = "Counter",
    .header = "primitives/counter.h",
    .name = "LookSeesWhatWasDoneBefore",
    .program =
        [] {
          const auto look = [](bool by_reader) {
            const std::int32_t count =
                by_reader ? Counter::AttachReadOnly(
                                std::as_bytes(std::span(&storage, 1)))
                                ->Load()
                          : TheCounter().Load();
            if (count == 0) return See("not yet");
            See("seen");
            std::uint64_t value = 0;
            machine::CopyOut(value, data);
            Check(value == 1, "it is done");
          };
          return MakeProgram(0, 1,
                             {{"a",
                               [] {
                                 machine::CopyIn(data, std::uint64_t{1});
                                 Add(1);
                               }},
                              {"b", [look] { look(false); }},
                              {"c", [look] { look(true); }}});
        },
    .options = {},
    .must_see = {"seen", "not yet"},
});

}  // namespace
}  // namespace placid::model
