// SPDX-License-Identifier: Apache-2.0
//
// Stamp: who attaches sees what Create wrote before; of those who stamp the
// virgin, any may win, and all attach.
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "placid/base/stamp.h"
#include "tests/model/model.h"

namespace placid::model {
namespace {

constexpr Stamp kStamp(TypeId::kFirstForeign, 1, 0x123456);

Atomic<std::uint64_t> stamp;
Atomic<std::uint64_t> geometry;

Program MakeProgram(std::vector<ThreadSpec> threads) {
  Program program;
  program.set_up = [] {
    stamp = Atomic<std::uint64_t>(0);
    geometry = Atomic<std::uint64_t>(7);  // bytes from an allocator: anything
  };
  program.threads = std::move(threads);
  program.regions = {{"stamp", &stamp, sizeof(stamp)},
                     {"geometry", &geometry, sizeof(geometry)}};
  return program;
}

void CreateIt() {
  Check(RefuseStamped(stamp, "model").has_value(), "it is virgin");
  geometry.store(64, kRelaxed);
  SetStamp(stamp, kStamp);
}

// Attaches in one of three ways once it has heard of the creation, by whatever
// orders nothing.
ThreadSpec Attacher(const char* name, std::function<bool()> attach) {
  return {name, [attach = std::move(attach)] {
            while (stamp.load(kRelaxed) == 0) Pause();
            if (!attach()) return;
            CountOperation();
            See("attached");
            Check(geometry.load(kRelaxed) == 64, "what Create wrote is seen");
          }};
}

const Registration kCreated({
    .type = "Stamp",
    .header = "base/stamp.h",
    .name = "AttachSeesWhatCreateWrote",
    .program =
        [] {
          return MakeProgram(
              {{"creator", CreateIt},
               Attacher("checker",
                        [] {
                          return CheckStamp(stamp, kStamp, "model").has_value();
                        }),
               Attacher("reader",
                        [] {
                          const auto is_stamped =
                              CheckUnlessVirgin(stamp, kStamp, "model");
                          return is_stamped.has_value() && *is_stamped;
                        }),
               Attacher("stamper", [] {
                 return StampOrCheck(stamp, kStamp, "model").has_value();
               })});
        },
    .options = {},
    .must_see = {"attached"},
});

const Registration kVirgin({
    .type = "Stamp",
    .header = "base/stamp.h",
    .name = "AllWhoStampTheVirginAttach",
    .program =
        [] {
          const auto attach = [] {
            Check(StampOrCheck(stamp, kStamp, "model").has_value(),
                  "the stamp of one is the stamp of all");
            CountOperation();
          };
          return MakeProgram({{"a", attach},
                              {"b", attach},
                              {"reader", [] {
                                 const auto is_stamped =
                                     CheckUnlessVirgin(stamp, kStamp, "model");
                                 Check(is_stamped.has_value(),
                                       "virgin is no error");
                                 See(*is_stamped ? "stamped" : "virgin");
                               }}});
        },
    .options = {},
    .must_see = {"stamped", "virgin"},
});

// The swap is one step: whoever dies has stamped all of it or nothing.
const Registration kDead({
    .type = "Stamp",
    .header = "base/stamp.h",
    .name = "DeadStamperLeavesVirginOrStamped",
    .program =
        [] {
          const auto attach = [] {
            for (int i = 0; i < 2; ++i) {
              Check(StampOrCheck(stamp, kStamp, "model").has_value(),
                    "virgin or stamped, it can be had");
              CountOperation();
            }
          };
          Program program = MakeProgram(
              {{"mortal", attach, true},
               {"survivor", [attach] {
                  const auto is_stamped =
                      CheckUnlessVirgin(stamp, kStamp, "model");
                  Check(is_stamped.has_value(), "virgin is no error");
                  See(*is_stamped ? "stamped" : "virgin");
                  attach();
                }}});
          program.finish = [] {
            Check(stamp.load(kRelaxed) == kStamp.word(), "stamped in the end");
          };
          return program;
        },
    .options = {.deaths = 1},
    .must_see = {"stamped", "virgin"},
});

const Registration kOther({
    .type = "Stamp",
    .header = "base/stamp.h",
    .name = "OfTwoTypesOneIsRefused",
    .program =
        [] {
          static int attached;
          Program program =
              MakeProgram({{"one",
                            [] {
                              if (StampOrCheck(stamp, kStamp, "model"))
                                ++attached;
                            }},
                           {"other", [] {
                              constexpr Stamp kOtherStamp(TypeId::kFirstForeign,
                                                          2, 0x123456);
                              if (StampOrCheck(stamp, kOtherStamp, "model"))
                                ++attached;
                            }}});
          program.set_up = [set_up = program.set_up] {
            set_up();
            attached = 0;
          };
          program.finish = [] {
            Check(attached == 1, "the faster one attaches");
          };
          return program;
        },
    .options = {},
    .must_see = {},
});

}  // namespace
}  // namespace placid::model
