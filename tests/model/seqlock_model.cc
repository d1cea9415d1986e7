// SPDX-License-Identifier: Apache-2.0
//
// Seqlock: what is read is whole and never goes back; a dead writer's torn
// value is not taken for a whole one.
#include <cstdint>

#include "placid/primitives/seqlock.h"
#include "tests/model/model.h"
#include "tests/model/value_client.h"

namespace placid::model {
namespace {

using Lock = Seqlock<Twice>;
constexpr const char* kHeader = "primitives/seqlock.h";

const Registration kWhole({
    .type = "Seqlock",
    .header = kHeader,
    .name = "WhatIsReadIsWhole",
    .program = [] { return WriteAndRead<Lock>(2, 2); },
    .options = {},
    .must_see = {"ok", "empty", "read again"},
});
// From the last even sequence to 2.
const Registration kWrap({
    .type = "Seqlock",
    .header = kHeader,
    .name = "SequenceWraps",
    .program =
        [] {
          return WriteAndRead<Lock>(2, 1, 1, [](Lock::Storage& storage) {
            storage.memory.sequence.store(UINT64_MAX - 3, kRelaxed);
          });
        },
    .options = {},
    .must_see = {"ok"},
});
const Registration kReaders({
    .type = "Seqlock",
    .header = kHeader,
    .name = "ReadersDoNotDisturbEachOther",
    .program = [] { return TwoReaders<Lock>(); },
    .options = {},
    .must_see = {"ok", "empty"},
});
const Registration kReadTwice({
    .type = "Seqlock",
    .header = kHeader,
    .name = "TwoReadersReadTwice",
    .program = [] { return TwoReadersReadTwice<Lock>(); },
    .options = {.max_switches = 1},
    .must_see = {"ok", "empty"},
});
const Registration kDiesWhileRead({
    .type = "Seqlock",
    .header = kHeader,
    .name = "WriterDiesWhileItIsRead",
    .program = [] { return WriterDiesWhileRead<Lock>(); },
    .options = {.deaths = 1},
    .must_see = {"ok", "empty"},
});
const Registration kDead({
    .type = "Seqlock",
    .header = kHeader,
    .name = "TornValueOfTheDeadIsPending",
    .program = [] { return WriterDies<Lock>(); },
    .options = {.deaths = 1},
    .must_see = {"ok", "empty", "pending"},
});
const Registration kSucceeded({
    .type = "Seqlock",
    .header = kHeader,
    .name = "SuccessorRepairs",
    .program = [] { return WriterIsSucceeded<Lock>(); },
    .options = {.deaths = 1},
    .must_see = {"ok", "a writer took over",
                 "the dead one left no whole value"},
});
const Registration kInTurn({
    .type = "Seqlock",
    .header = kHeader,
    .name = "WritersHandTheirRoleOver",
    .program = [] { return WritersInTurn<Lock>(); },
    .options = {},
    .must_see = {"ok"},
});
const Registration kVirgin({
    .type = "Seqlock",
    .header = kHeader,
    .name = "VirginIsEmptyUntilStored",
    .program = [] { return VirginIsRead<Lock>(); },
    .options = {},
    .must_see = {"ok", "empty"},
});
// It is there at once: not only after a few tries.
const Registration kCloses({
    .type = "Seqlock",
    .header = kHeader,
    .name = "ClosedValueIsFinal",
    .program = [] { return WriterCloses<Lock>(); },
    .options = {.are_pauses_fair = false},
    .must_see = {"ok"},
});

}  // namespace
}  // namespace placid::model
