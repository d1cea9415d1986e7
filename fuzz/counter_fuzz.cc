// SPDX-License-Identifier: Apache-2.0
//
// Counter: with an honest peer it counts as a 64-bit integer does and refuses
// what leaves 32 bits; with one that changes the count at every look it gives
// up in bounds. Readers store nothing.
#include "fuzz/harness.h"
#include "placid/primitives/counter.h"

namespace placid::fuzz {
namespace {

void Add(HostilePeer& peer, const Counter& counter, std::int32_t by,
         std::int64_t& sum) {
  peer.Allow(Counter::kTries + 2);
  std::int32_t count = 0;
  const RingResult result = counter.Add(by, count);
  PLACID_FUZZ_CHECK(
      IsOneOf(result, {RingResult::kOk, RingResult::kFull, RingResult::kEmpty,
                       RingResult::kContended}));
  if (!peer.is_honest()) return;
  const std::int64_t wanted = sum + by;
  const RingResult expected = wanted > INT32_MAX   ? RingResult::kFull
                              : wanted < INT32_MIN ? RingResult::kEmpty
                                                   : RingResult::kOk;
  PLACID_FUZZ_CHECK(result == expected);
  if (result == RingResult::kOk) sum = wanted;
  PLACID_FUZZ_CHECK(count == sum);
}

void One(Input input) {
  static GuardedArena arena(64);
  const auto bytes = arena.Place(Counter::SizeFor(), Counter::kAlignment);
  const Honesty honesty =
      input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  HostilePeer peer(input, bytes, honesty);
  peer.Allow(0);  // attaching looks at nothing
  const Counter counter = Counter::Attach(bytes).value();
  const Counter::Reader reader = Counter::AttachReadOnly(bytes).value();
  std::int64_t sum = 0;
  while (!input.is_spent()) {
    const auto deed = input.Take<std::uint8_t>();
    switch (deed % 5) {
      case 0: Add(peer, counter, 1, sum); break;
      case 1: Add(peer, counter, -1, sum); break;
      case 2: peer.Scribble(); break;
      default:
        Add(peer, counter,
            static_cast<std::int32_t>(input.Take<std::uint32_t>()), sum);
    }
    peer.AllowReads(2);
    const std::int32_t first = reader.Load();
    const std::int32_t second = counter.Load();
    PLACID_FUZZ_CHECK(!peer.is_honest() || (first == sum && second == sum));
    // The reserved bytes are nobody's business.
    if (!peer.is_honest()) continue;
    for (const std::byte byte : bytes.subspan(4)) {
      PLACID_FUZZ_CHECK(byte == std::byte{0});
    }
  }
  arena.CheckSurroundings();
}

}  // namespace
}  // namespace placid::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  placid::fuzz::One({data, size});
  return 0;
}
