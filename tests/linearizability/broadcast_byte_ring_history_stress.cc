// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "placid/base/cache_line.h"
#include "placid/base/machine.h"
#include "placid/primitives/broadcast_byte_ring.h"
#include "tests/linearizability/broadcast_scenario.h"
#include "tests/support/checked_value.h"

namespace placid::linearizability {
namespace {

// The record of a value is its first words: as many as its number says, so that
// there is padding now and then. Where records lie is counted here too.
template <std::uint64_t kCapacity>
class RecordForm {
 public:
  using Ring = BroadcastByteRing;
  static constexpr std::uint32_t kMost = kCapacity / 32;

  Ring Make(Random& random) {
    auto& memory = *reinterpret_cast<Ring::Memory*>(&memory_);
    memory.stamp.store(0, kRelaxed);  // sync: none, one thread
    const Ring ring = *Ring::Create(memory_.bytes, kCapacity);
    const std::uint64_t start = DrawStart(random, 16);
    memory.tail.store(start, kRelaxed);    // sync: none, one thread
    memory.newest.store(start, kRelaxed);  // sync: none, one thread
    memory.oldest.store(start, kRelaxed);  // sync: none, one thread
    memory.middle.store(start, kRelaxed);  // sync: none, one thread
    reinterpret_cast<Atomic<std::uint64_t>*>(
        memory_.bytes.data() + Ring::kDataOffset + start % kCapacity)
        ->store(DrawStart(random, 1), kRelaxed);  // sync: none, one thread
    ends_ = {start};
    return ring;
  }

  void Push(Ring::Writer& writer, std::uint64_t number, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const Value value = Value::Of(number + i);
      const auto record =
          std::as_bytes(std::span(value.words).first(Words(number + i)));
      if (count == 1) {
        EXPECT_EQ(writer.TryPush(record), RingResult::kOk);
        NoteOldest(i);
        break;
      }
      std::span<std::byte> payload;
      EXPECT_EQ(writer.TryReserve(record.size(), payload), RingResult::kOk);
      NoteOldest(i);
      machine::RacyCopyIn(payload.data(), record.data(), record.size());
      EXPECT_TRUE(writer.Stage(record.size()));
    }
    writer.Publish();
    for (std::size_t i = 0; i < count; ++i) {
      ends_.push_back(End(number + i));
    }
  }
  void Reserve(Ring::Writer& writer, std::uint64_t number) {
    std::span<std::byte> payload;
    EXPECT_EQ(writer.TryReserve(8 * Words(number), payload), RingResult::kOk);
    NoteOldest(0);
    writer.Abort();
  }

  // The first that does not end before the oldest is kept whole. At least five
  // eighths of data are kept, where there are so many records.
  [[nodiscard]] std::uint64_t Oldest(std::uint64_t number,
                                     std::size_t which) const {
    const std::uint64_t oldest = oldest_[which];
    std::uint64_t first = 0;
    while (first < number && IsUpTo(ends_[first + 1], oldest)) ++first;
    const bool is_sound =
        oldest == ends_[first] || oldest % kCapacity == 0;  // behind padding
    const bool is_enough =
        first == 0 || End(number) - oldest >= kCapacity / 8 * 5;
    return is_sound && is_enough ? first : UINT64_MAX;
  }

  static std::uint64_t Position(const Ring::Reader& reader) {
    return reader.number();
  }
  static RingResult Read(Ring::Reader& reader, std::uint32_t way,
                         BroadcastValues& found, std::uint64_t& lost) {
    Value value{};
    const auto to = std::as_writable_bytes(std::span(value.words));
    std::size_t length = 0;
    RingResult result = RingResult::kOk;
    if (way < 20) {
      result = reader.TryRead(to, length, lost);
      found.count = result == RingResult::kOk ? 1 : 0;
    } else {
      SharedBytes record;
      result = reader.TryPeek(record, lost);
      length = record.CopyOut(to);
      found.count = result == RingResult::kOk && reader.Validate() ? 1 : 0;
    }
    found.numbers[0] = IsRecord(value, length) ? value.number()
                                               : BroadcastValues::kTorn;
    return result;
  }

 private:
  using Value = testing::CheckedValue<kCapacity / 64 - 2>;  // an eighth at most

  // Words of a record, from one up.
  static std::size_t Words(std::uint64_t number) {
    return static_cast<std::size_t>(1 + number * 5 % (kCapacity / 64 - 2));
  }
  static bool IsRecord(const Value& value, std::size_t length) {
    const Value expected = Value::Of(value.number());
    const std::size_t words = Words(value.number());
    if (length != 8 * words) return false;
    for (std::size_t i = 0; i < words; ++i) {
      if (value.words[i] != expected.words[i]) return false;
    }
    return true;
  }

  // Where a record ends, as the contract's drawing says: behind a header of 16
  // bytes, a multiple of 16, in one piece.
  [[nodiscard]] std::uint64_t End(std::uint64_t number) const {
    const std::uint64_t begin = ends_[number];
    const std::uint64_t bytes = 16 + (8 * Words(number) + 15) / 16 * 16;
    const std::uint64_t rest = kCapacity - begin % kCapacity;
    return begin + (bytes > rest ? rest : 0) + bytes;
  }
  static bool IsUpTo(std::uint64_t position, std::uint64_t limit) {
    return static_cast<std::int64_t>(limit - position) >= 0;
  }
  void NoteOldest(std::size_t which) {
    oldest_[which] = reinterpret_cast<Ring::Memory*>(&memory_)->oldest.load(
        kRelaxed);  // sync: none, our own last store
  }

  struct alignas(kLineBytes) Bytes {
    std::array<std::byte, Ring::SizeFor(kCapacity)> bytes;
  };
  Bytes memory_{};
  // ends_[n]: where record n - 1 ends. ends_[0]: where the history begins.
  std::vector<std::uint64_t> ends_;
  std::array<std::uint64_t, BroadcastValues::kMostAtOnce> oldest_{};
};

// As for BroadcastRing; and padding that is missed, believed or left out, a
// length that is not the record's, and more given up than the contract says.
// The seed is printed.
TEST(BroadcastByteRingHistoryStress, EveryHistoryOfLittleDataIsABroadcasts) {
  const std::uint64_t seed = Seed();
  RunHistories<BroadcastScenario<RecordForm<256>>>("BroadcastByteRing", seed);
}
TEST(BroadcastByteRingHistoryStress, EveryHistoryOfMoreDataIsABroadcasts) {
  const std::uint64_t seed = Seed();
  RunHistories<BroadcastScenario<RecordForm<512>>>("BroadcastByteRing", seed);
}

}  // namespace
}  // namespace placid::linearizability
