// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "placid/primitives/broadcast_byte_ring.h"
#include "tests/crash/broadcast_play.h"

namespace placid::crash {
namespace {

// A record is its number, twice: 32 bytes with the header, of which seven fit
// into 256.
struct RecordForm {
  using Ring = BroadcastByteRing;
  using Record = std::array<std::uint64_t, 2>;
  static constexpr std::uint64_t kEmpty = UINT64_MAX;

  static Ring Create(Bytes bytes, std::uint64_t capacity, std::uint64_t start) {
    const Ring ring = Need(Ring::Create(bytes, capacity));
    auto* memory = reinterpret_cast<Ring::Memory*>(bytes.data());
    memory->tail.store(start, kRelaxed);
    memory->oldest.store(start, kRelaxed);
    reinterpret_cast<Atomic<std::uint64_t>*>(
        bytes.data() + Ring::kDataOffset + start % capacity)
        ->store(start, kRelaxed);
    return ring;
  }
  // And an empty one, of 16 bytes.
  static std::uint64_t MostKept(std::uint64_t capacity) {
    return capacity / 32;
  }
  // Five eighths, less a record that does not lie in them as a whole.
  static std::uint64_t LeastKept(std::uint64_t capacity) {
    return capacity / 8 * 5 / 32 - 1;
  }
  template <typename Role>
  static std::uint64_t Position(const Role& role) {
    return role.number();
  }
  static void PushEmpty(Ring::Writer& writer) { (void)writer.TryPush({}); }
  static void Push(Ring::Writer& writer, std::uint64_t value) {
    const Record record{value, value};
    Expect(writer.TryPush(std::as_bytes(std::span(record))) == RingResult::kOk,
           "there is always room");
  }
  // All are staged, and then published.
  static void PushSome(Ring::Writer& writer, std::uint64_t value,
                       std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const Record record{value + i, value + i};
      std::span<std::byte> payload;
      (void)writer.TryReserve(sizeof(record), payload);
      machine::RacyCopyIn(payload.data(), record.data(), sizeof(record));
      writer.Stage(sizeof(record));
    }
    writer.Publish();
  }
  static RingResult Read(Ring::Reader& reader, std::uint64_t& value,
                         std::uint64_t& lost) {
    Record record{};
    std::size_t length = 0;
    const RingResult result = reader.TryRead(
        std::as_writable_bytes(std::span(record)), length, lost);
    if (result != RingResult::kOk) return result;
    Expect(length == 0 || (length == sizeof(record) && record[0] == record[1]),
           "a torn record was read");
    value = length == 0 ? kEmpty : record[0];
    return result;
  }
};

using P = BroadcastPlay<RecordForm>;

// The eighth makes room.
constexpr P::Operation kOperations[] = {
    {"Attach, ClaimWriter, first TryPush, drop", true, P::Role::kFree, 256, 0,
     0,
     [](P& play, Bytes bytes) {
       if (play.TakeWriter(bytes)) play.Push();
       play.DropWriter();
     }},
    {"TryPush, which makes room", true, P::Role::kMine, 256, 0, 7,
     [](P& play, Bytes) { play.Push(); }},
    {"TryPush behind padding, near wrap", true, P::Role::kMine, 256,
     std::uint64_t{0} - 256, 7, [](P& play, Bytes) { play.Push(); },
     /*is_shifted=*/true},
    {"two staged, then published", true, P::Role::kMine, 256, 0, 6,
     [](P& play, Bytes) { play.PushSome(2); }},
    {"TryPush, Close", true, P::Role::kMine, 256, 0, 1,
     [](P& play, Bytes) {
       play.Push();
       play.Close();
     }},
    {"TakeOverWriter, TryPush", true, P::Role::kOfTheDead, 256, 0, 9,
     [](P& play, Bytes bytes) {
       if (play.TakeWriter(bytes)) play.Push();
     },
     /*is_shifted=*/true},
    {"AttachReadOnly, TryRead twice", false, P::Role::kFree, 256, 0, 7,
     [](P& play, Bytes bytes) {
       play.TakeReader(bytes);
       (void)play.Read();
       (void)play.Read();
     }},
};

const Registration kBroadcastByteRing([](std::vector<Scenario>& scenarios) {
  AddBroadcastScenarios<RecordForm>(scenarios, "BroadcastByteRing",
                                    kOperations);
});

}  // namespace
}  // namespace placid::crash
