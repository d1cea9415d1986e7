// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "placid/primitives/broadcast_ring.h"
#include "tests/linearizability/broadcast_scenario.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {
namespace {

template <typename T, std::uint64_t kCapacity>
class SlotForm {
  static_assert(kCapacity >= 2 && kCapacity < 16, "room is made for one");

 public:
  using Ring = BroadcastRing<T, kCapacity>;
  using Writer = typename Ring::Writer;
  using Reader = typename Ring::Reader;
  static constexpr std::uint32_t kMost = kCapacity;

  Ring Make(Random& random) {
    storage_.memory = {};
    const Ring ring = *Ring::Attach(storage_);
    const std::uint64_t start = DrawStart(random, 1);
    storage_.memory.tail.store(start, kRelaxed);    // sync: none, alone
    storage_.memory.oldest.store(start, kRelaxed);  // sync: none, alone
    return ring;
  }

  void Push(Writer& writer, std::uint64_t number, std::size_t count) {
    if (count == 1) return writer.Push(T::Of(number));
    std::array<T, BroadcastValues::kMostAtOnce> values;
    for (std::size_t i = 0; i < count; ++i) values[i] = T::Of(number + i);
    writer.PushSome(std::span(values).first(count));
  }
  void Reserve(Writer& writer, std::uint64_t) { (void)writer.Reserve(1); }
  static std::uint64_t Oldest(std::uint64_t number, std::size_t) {
    return (std::max)(number + 1, kCapacity) - kCapacity;
  }

  static std::uint64_t Position(const Reader& reader) {
    return reader.position();
  }
  static RingResult Read(Reader& reader, std::uint32_t way,
                         BroadcastValues& found, std::uint64_t& lost) {
    std::array<T, BroadcastValues::kMostAtOnce> values{};
    RingResult result = RingResult::kOk;
    if (way < 16) {
      result = reader.TryRead(values[0], lost);
      found.count = result == RingResult::kOk ? 1 : 0;
    } else if (way < 24) {
      result = reader.TryReadSome(values, found.count, lost);
    } else {
      SharedSpan<T> some;
      result = reader.TryPeek(2, some, lost);
      found.count = some.CopyOut(values);
      if (!reader.Validate(found.count)) found.count = 0;
    }
    for (std::size_t i = 0; i < found.count; ++i) {
      found.numbers[i] = values[i].IsWhole() ? values[i].number()
                                             : BroadcastValues::kTorn;
    }
    return result;
  }

 private:
  typename Ring::Storage storage_{};
};

template <typename T, std::uint64_t kCapacity>
using Slots = BroadcastScenario<SlotForm<T, kCapacity>>;

// A value read though it was given up, a loss of more or fewer than were, an
// empty ring that was not. The seed is printed.
TEST(BroadcastRingHistoryStress, EveryHistoryOfTwoSlotsIsThatOfABroadcast) {
  const std::uint64_t seed = Seed();
  RunHistories<Slots<testing::CheckedValue<9>, 2>>("BroadcastRing", seed);
}
TEST(BroadcastRingHistoryStress, EveryHistoryOfFourSlotsIsThatOfABroadcast) {
  const std::uint64_t seed = Seed();
  RunHistories<Slots<testing::CheckedValue<1>, 4>>("BroadcastRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
