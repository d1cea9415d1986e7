// SPDX-License-Identifier: Apache-2.0
//
// What a ring of values answered, as events of Fifo (fifo.h): note(event) is
// called for each.
#ifndef PLACID_TESTS_LINEARIZABILITY_FIFO_NOTES_H_
#define PLACID_TESTS_LINEARIZABILITY_FIFO_NOTES_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/ring_result.h"
#include "tests/linearizability/fifo.h"

namespace placid::linearizability {

// `pushed` of `wanted` values, from `next` on, which is moved on behind them.
template <typename Note>
void NotePushed(RingResult result, std::size_t pushed, std::size_t wanted,
                std::uint32_t& next, bool is_producer_closed,
                const Note& note) {
  // A batch is published piece by piece where it goes round the end.
  const bool is_one = pushed == 1 && wanted == 1;
  for (std::size_t i = 0; i < pushed; ++i) {
    note({is_one ? Fifo::kPut : Fifo::kPutEarly, next++});
  }
  if (result == RingResult::kOk && pushed > 0) {
    // "As many as there is room for": what follows found none.
    if (pushed < wanted) note({Fifo::kNoRoomEver});
    if (!is_one) note({Fifo::kShow});
  } else if (result == RingResult::kFull && pushed == 0) {
    note({Fifo::kNoRoom});
  } else if (result == RingResult::kClosed && pushed == 0) {
    if (is_producer_closed) {
      note({Fifo::kPushRefused});
    } else {
      note({Fifo::kNoRoomEver});
      note({Fifo::kSeeConsumerClosed});
    }
  } else {
    note({Fifo::kNonsense});
  }
}

// The values that were taken, or looked at, of so many that were wanted.
template <typename T, typename Note>
void NoteValues(Fifo::Kind kind, std::span<const T> values,
                std::uint32_t wanted, const Note& note) {
  bool is_sound = !values.empty();
  for (std::size_t i = 0; i < values.size(); ++i) {
    is_sound = is_sound && values[i].IsWhole() &&
               values[i].number() == values[0].number() + i;
  }
  if (!is_sound) return note({Fifo::kNonsense});
  note({.kind = kind,
        .value = static_cast<std::uint32_t>(values[0].number()),
        .count = static_cast<std::uint32_t>(values.size()),
        .wanted = wanted});
}

}  // namespace placid::linearizability

#endif  // PLACID_TESTS_LINEARIZABILITY_FIFO_NOTES_H_
