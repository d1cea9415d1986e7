// SPDX-License-Identifier: Apache-2.0
//
// Latest: what is read is whole and never goes back, and there is always
// something to read once something was stored, whoever died.
#include <cstdint>

#include "placid/primitives/latest.h"
#include "tests/model/model.h"
#include "tests/model/value_client.h"

namespace placid::model {
namespace {

using Two = Latest<Twice, 2>;
using Four = Latest<Twice, 4>;
constexpr const char* kHeader = "primitives/latest.h";

const Registration kWhole({
    .type = "Latest",
    .header = kHeader,
    .name = "WhatIsReadIsWhole",
    .program = [] { return WriteAndRead<Two>(3, 2); },
    .options = {},
    .must_see = {"ok", "empty"},
});
// One value is read while the writer goes round all cells.
const Registration kRound({
    .type = "Latest",
    .header = kHeader,
    .name = "ReaderIsOvertaken",
    .program = [] { return WriteAndRead<Four>(4, 1, 1); },
    .options = {},
    .must_see = {"ok", "read again"},
});
// From the last number to kCells.
const Registration kWrap({
    .type = "Latest",
    .header = kHeader,
    .name = "NumbersWrap",
    .program =
        [] {
          return WriteAndRead<Two>(3, 1, 1, [](Two::Storage& storage) {
            storage.memory.newest.store(UINT64_MAX - 2, kRelaxed);
          });
        },
    .options = {},
    .must_see = {"ok"},
});
const Registration kReaders({
    .type = "Latest",
    .header = kHeader,
    .name = "ReadersDoNotDisturbEachOther",
    .program = [] { return TwoReaders<Two>(); },
    .options = {},
    .must_see = {"ok", "empty"},
});
const Registration kReadTwice({
    .type = "Latest",
    .header = kHeader,
    .name = "TwoReadersReadTwice",
    .program = [] { return TwoReadersReadTwice<Two>(); },
    .options = {},
    .must_see = {"ok", "empty"},
});
const Registration kDiesWhileRead({
    .type = "Latest",
    .header = kHeader,
    .name = "WriterDiesWhileItIsRead",
    .program = [] { return WriterDiesWhileRead<Two>(); },
    .options = {.deaths = 1},
    .must_see = {"ok", "empty"},
});
const Registration kDead({
    .type = "Latest",
    .header = kHeader,
    .name = "DeadWriterLeavesAWholeValue",
    .program = [] { return WriterDies<Two>(); },
    .options = {.deaths = 1},
    .must_see = {"ok", "empty"},
});
const Registration kSucceeded({
    .type = "Latest",
    .header = kHeader,
    .name = "SuccessorGoesOn",
    .program = [] { return WriterIsSucceeded<Two>(); },
    .options = {.deaths = 1},
    .must_see = {"ok", "a writer took over"},
});
const Registration kInTurn({
    .type = "Latest",
    .header = kHeader,
    .name = "WritersHandTheirRoleOver",
    .program = [] { return WritersInTurn<Two>(1); },
    .options = {},
    .must_see = {"ok"},
});
const Registration kVirgin({
    .type = "Latest",
    .header = kHeader,
    .name = "VirginIsEmptyUntilStored",
    .program = [] { return VirginIsRead<Two>(); },
    .options = {},
    .must_see = {"ok", "empty"},
});
// It is there at once: not only after a few tries.
const Registration kCloses({
    .type = "Latest",
    .header = kHeader,
    .name = "ClosedValueIsFinal",
    .program = [] { return WriterCloses<Two>(); },
    .options = {.are_pauses_fair = false},
    .must_see = {"ok"},
});

}  // namespace
}  // namespace placid::model
