// SPDX-License-Identifier: Apache-2.0
//
// ToyRing beside a hostile peer, and beside an honest one with a model.
#include <cstddef>
#include <cstdint>
#include <deque>

#include "fuzz/harness.h"  // first of ours: it puts the hostile machine beneath
#include "tests/toy/toy_ring.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace placid::fuzz;  // NOLINT
  using placid::RingResult;
  using Ring = placid::toy::ToyRing<4>;
  static GuardedArena arena(sizeof(Ring::Memory));
  Input input(data, size);
  const auto bytes = arena.Place(sizeof(Ring::Memory), alignof(Ring::Memory));
  auto& memory = *reinterpret_cast<Ring::Memory*>(bytes.data());

  const auto honesty = input.TakeBool() ? Honesty::kHonest : Honesty::kHostile;
  HostilePeer peer(input, bytes, honesty);
  peer.Allow(2);
  Ring::Producer producer(memory);
  Ring::Consumer consumer(memory);
  std::deque<std::uint64_t> numbers;  // what an honest ring holds
  std::size_t in_hand = 0;            // popped, and not yet retired
  std::uint64_t next = 0;
  while (!input.is_spent()) {
    peer.Allow(4);
    switch (input.TakeAtMost(2)) {
      case 0: {
        const RingResult result = producer.TryPush(++next);
        if (!peer.is_honest()) break;
        PLACID_FUZZ_CHECK(result == (numbers.size() + in_hand < 4
                                         ? RingResult::kOk
                                         : RingResult::kFull));
        if (result == RingResult::kOk) numbers.push_back(next);
        break;
      }
      case 1: {
        std::uint64_t number = 0;
        const RingResult result = consumer.TryPop(number);
        if (!peer.is_honest()) break;
        PLACID_FUZZ_CHECK(
            result == (numbers.empty() ? RingResult::kEmpty : RingResult::kOk));
        in_hand = 0;
        if (result != RingResult::kOk) break;
        PLACID_FUZZ_CHECK(number == numbers.front());
        numbers.pop_front();
        in_hand = 1;
        break;
      }
      default: peer.Scribble();
    }
  }
  arena.CheckSurroundings();
  return 0;
}
