// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <vector>

#include "placid/primitives/broadcast_ring.h"
#include "tests/crash/broadcast_play.h"
#include "tests/support/checked_value.h"

namespace placid::crash {
namespace {

using T = testing::CheckedValue<3>;

struct ValueForm {
  using Ring = BroadcastRing<T>;

  static Ring Create(Bytes bytes, std::uint64_t capacity, std::uint64_t start) {
    const Ring ring = Need(Ring::Create(bytes, capacity));
    auto* memory = reinterpret_cast<Ring::Memory*>(bytes.data());
    memory->tail.store(start, kRelaxed);
    memory->oldest.store(start, kRelaxed);
    return ring;
  }
  static std::uint64_t MostKept(std::uint64_t capacity) { return capacity; }
  // Never more is given up than an eighth beyond what had to be.
  static std::uint64_t LeastKept(std::uint64_t capacity) {
    return capacity - (capacity < 8 ? 1 : capacity / 8);
  }
  template <typename Role>
  static std::uint64_t Position(const Role& role) {
    return role.position();
  }
  static void Push(Ring::Writer& writer, std::uint64_t value) {
    writer.Push(T::Of(value));
  }
  static void PushSome(Ring::Writer& writer, std::uint64_t value,
                       std::uint64_t count) {
    std::vector<T> values;
    for (std::uint64_t i = 0; i < count; ++i) {
      values.push_back(T::Of(value + i));
    }
    writer.PushSome(values);
  }
  static RingResult Read(Ring::Reader& reader, std::uint64_t& value,
                         std::uint64_t& lost) {
    T found;
    const RingResult result = reader.TryRead(found, lost);
    if (result != RingResult::kOk) return result;
    Expect(found.IsWhole(), "a torn value was read");
    value = found.number();
    return result;
  }
};

using P = BroadcastPlay<ValueForm>;

constexpr P::Operation kOperations[] = {
    {"Attach, ClaimWriter, first Push, drop", true, P::Role::kFree, 2, 0, 0,
     [](P& play, Bytes bytes) {
       if (play.TakeWriter(bytes)) play.Push();
       play.DropWriter();
     }},
    {"Push twice into one slot", true, P::Role::kMine, 1, 0, 1,
     [](P& play, Bytes) {
       play.Push();
       play.Push();
     }},
    {"Push twice, of two slots, near wrap", true, P::Role::kMine, 2,
     UINT64_MAX - 2, 2,
     [](P& play, Bytes) {
       play.Push();
       play.Push();
     }},
    {"PushSome of three, of sixteen slots", true, P::Role::kMine, 16, 0, 15,
     [](P& play, Bytes) { play.PushSome(3); }},
    {"Reserve two, Commit one, Push, of sixteen slots", true, P::Role::kMine,
     16, 0, 16,
     [](P& play, Bytes) {
       play.PushBy(1, [](P::Writer& writer, std::uint64_t value) {
         const auto slots = writer.Reserve(2);
         for (std::size_t i = 0; i < slots.size(); ++i) {
           slots[i] = T::Of(value + i);
         }
         return writer.Commit(1);
       });
       play.Push();
     }},
    {"Push, Close", true, P::Role::kFree, 2, 0, 2,
     [](P& play, Bytes bytes) {
       if (!play.TakeWriter(bytes)) return;
       play.Push();
       play.Close();
     }},
    {"TakeOverWriter, Push", true, P::Role::kOfTheDead, 2, 0, 3,
     [](P& play, Bytes bytes) {
       if (play.TakeWriter(bytes)) play.Push();
     }},
    {"AttachReadOnly, TryRead twice", false, P::Role::kFree, 2, 0, 2,
     [](P& play, Bytes bytes) {
       play.TakeReader(bytes);
       (void)play.Read();
       (void)play.Read();
     }},
};

const Registration kBroadcastRing([](std::vector<Scenario>& scenarios) {
  AddBroadcastScenarios<ValueForm>(scenarios, "BroadcastRing", kOperations);
});

}  // namespace
}  // namespace placid::crash
