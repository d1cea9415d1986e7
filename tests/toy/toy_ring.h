// SPDX-License-Identifier: Apache-2.0
//
// ToyRing<kCapacity>: one producer hands numbers to one consumer. The example
// of docs/adding_a_type.md, short of what a real type has: a stamp and roles
// that are claimed. It can be built with one of the faults below, and the
// suites must then fail: toy_test.py.
//
// Layout     version 0, native byte order, align 8
//
//   offset  size  field  writer    meaning
//   0x000      8  tail   producer  numbers ever pushed; never wraps
//   0x008      8  head   consumer  numbers ever retired; never wraps
//   0x010      N  slots  producer  number n lies in slot n % kCapacity
//
// Invariant  0 <= tail - head <= kCapacity.
// Threads    One Producer and one Consumer, in any two processes.
// Progress   wait-free: TryPush, TryPop.
// Crash      recoverable: a new Producer or Consumer goes on where the dead one
//            was. Nothing pushed is lost; a consumer retires a number by its
//            next call, so the one in a dead hand comes again.
// Trust      guarded: a hostile peer can lie and stall, never aim us outside.
// Readers    storing: TryPop publishes head.
// Orders
//   edge     release        acquire        carries
//   publish  TryPush: tail  TryPop: tail   one slot
//   retire   TryPop: head   TryPush: head  leave to overwrite a slot
#ifndef PLACID_TESTS_TOY_TOY_RING_H_
#define PLACID_TESTS_TOY_TOY_RING_H_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "placid/base/atomic.h"
#include "placid/base/untrusted.h"
#include "placid/primitives/ring_result.h"

namespace placid::toy {

// What is wrong with this build: -DTOY_FAULT=kEarlyRetire
enum class Fault : std::uint8_t {
  kNone,
  kRelaxedPublish,  // the number is there before its slot is: for the model
  kEarlyRetire,    // the slot is given back before it was read: for the stepper
  kUnmaskedIndex,  // a peer's number is an index: for the fuzzer
};
#ifndef TOY_FAULT
#define TOY_FAULT kNone
#endif
inline constexpr Fault kFault = Fault::TOY_FAULT;

template <std::uint64_t kCapacity>
class ToyRing {
  static_assert(std::has_single_bit(kCapacity));

 public:
  class Producer;
  class Consumer;

  // All zero is an empty ring.
  struct Memory {
    Atomic<std::uint64_t> tail;
    Atomic<std::uint64_t> head;
    std::array<std::uint64_t, kCapacity> slots;
  };

 private:
  static_assert(offsetof(Memory, tail) == 0x000);
  static_assert(offsetof(Memory, head) == 0x008);
  static_assert(offsetof(Memory, slots) == 0x010);
};

// Counts privately, so that no peer can aim it.
template <std::uint64_t kCapacity>
class ToyRing<kCapacity>::Producer {
 public:
  explicit Producer(Memory& memory)
      : memory_(&memory),
        // After a death this is a stranger's store, not our own.
        tail_(memory.tail.load(kAcquire)) {}  // sync: publish (acquire)

  // kFull: nothing changed. kCorrupt: the counts contradict each other.
  RingResult TryPush(std::uint64_t number);

 private:
  Memory* memory_;
  std::uint64_t tail_;
};

template <std::uint64_t kCapacity>
class ToyRing<kCapacity>::Consumer {
 public:
  explicit Consumer(Memory& memory)
      : memory_(&memory),
        head_(memory.head.load(kAcquire)),  // sync: retire (acquire)
        retired_(head_) {}

  // Copies the oldest number out; it is retired by the next call. On kEmpty and
  // kCorrupt `number` is unchanged.
  RingResult TryPop(std::uint64_t& number);

 private:
  void Retire();

  Memory* memory_;
  std::uint64_t head_;
  std::uint64_t retired_;  // the head last stored
};

// ---- Implementation ---------------------------------------------------------

template <std::uint64_t kCapacity>
RingResult ToyRing<kCapacity>::Producer::TryPush(std::uint64_t number) {
  const std::uint64_t head =
      memory_->head.load(kAcquire);  // sync: retire (acquire)
  const auto used = Untrusted(tail_).PastAtMost(head, kCapacity);
  if (!used) return RingResult::kCorrupt;
  if (*used == kCapacity) return RingResult::kFull;
  machine::CopyIn(memory_->slots[tail_ % kCapacity], number);
  if constexpr (kFault == Fault::kRelaxedPublish) {
    memory_->tail.store(++tail_, kRelaxed);  // sync: none, and that is wrong
  } else {
    memory_->tail.store(++tail_, kRelease);  // sync: publish (release)
  }
  return RingResult::kOk;
}

template <std::uint64_t kCapacity>
void ToyRing<kCapacity>::Consumer::Retire() {
  if (retired_ == head_) return;
  retired_ = head_;
  memory_->head.store(head_, kRelease);  // sync: retire (release)
}

template <std::uint64_t kCapacity>
RingResult ToyRing<kCapacity>::Consumer::TryPop(std::uint64_t& number) {
  Retire();
  const std::uint64_t tail =
      memory_->tail.load(kAcquire);  // sync: publish (acquire)
  const auto found = Untrusted(tail).PastAtMost(head_, kCapacity);
  if (!found) return RingResult::kCorrupt;
  if (*found == 0) return RingResult::kEmpty;
  std::uint64_t slot = head_ % kCapacity;
  if constexpr (kFault == Fault::kUnmaskedIndex) {
    // Right as long as head is what we stored there.
    slot += memory_->head.load(kRelaxed) - head_;  // sync: none, our own store
  }
  ++head_;
  if constexpr (kFault == Fault::kEarlyRetire) Retire();
  machine::CopyOut(number, memory_->slots[slot]);
  return RingResult::kOk;
}

}  // namespace placid::toy

#endif  // PLACID_TESTS_TOY_TOY_RING_H_
