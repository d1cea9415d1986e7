// SPDX-License-Identifier: Apache-2.0
//
// Counter: a signed count that any number of processes move up and down, in 16
// bytes that need no creation: all zero is a count of zero.
//
// Layout     version 0, native byte order, align 4
//
//   offset  size  field     writer   meaning
//   0x000      4  count     anybody  signed
//   0x004     12  reserved           zero; never read or written
//
// It bears no stamp, since its layout is that of programs without placid that
// keep a LONG and three spare DWORDs: they may go on with InterlockedIncrement.
//
// Invariant  count is the sum of all that was added, which never leaves the
//            range of 32 bits: what would is refused. Foreign programs that
//            increment blindly do wrap it.
// Threads    Anybody, in any processes.
// Progress   wait-free: Load, and Add, which gives up when others came before
//            it kTries times.
// Crash      fatal: what a process added stays when it dies before it took it
//            back. Nobody can tell whose it was: count owners, or Reset.
// Trust      guarded: a hostile peer can write any count; it is only a number.
// Readers    store-free: Load, on pages mapped read-only.
// Orders
//   edge   release      acquire           carries
//   count  Add: count   Add, Load: count  what its callers did before
#ifndef PLACID_PRIMITIVES_COUNTER_H_
#define PLACID_PRIMITIVES_COUNTER_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "placid/base/atomic.h"
#include "placid/base/backoff.h"
#include "placid/base/cache_line.h"
#include "placid/base/guarantees.h"
#include "placid/base/placeable.h"
#include "placid/base/result.h"
#include "placid/base/stamp.h"
#include "placid/primitives/ring_result.h"
#include "placid/primitives/role.h"

namespace placid {

class Counter {
 public:
  class Reader;

  struct Memory {
    Atomic<std::int32_t> count;
    Padding<12> reserved;
  };
  // One as a member of one's own struct. All zero is valid.
  using Storage = Memory;

  static constexpr std::uint8_t kLayoutVersion = 0;
  static constexpr std::uint64_t kAlignment = 4;
  static constexpr Guarantees kGuarantees{Progress::kWaitFree, Crash::kFatal,
                                          Trust::kGuarded, Readers::kStoreFree};

  // How often Add starts again before it gives up: some 100 microseconds in
  // which others never stop.
  static constexpr std::uint32_t kTries = 64;

  // Bytes that a counter takes.
  [[nodiscard]] static constexpr std::uint64_t SizeFor() {
    return sizeof(Memory);
  }

  // Checks the place and gives a view; there is nothing else to check. Errors:
  // kTooSmall, kMisaligned.
  static Result<Counter> Attach(std::span<std::byte> bytes);
  static Result<Counter> Attach(Storage& storage) {
    return Attach(std::as_writable_bytes(std::span(&storage, 1)));
  }
  // The same for pages mapped read-only.
  static Result<Reader> AttachReadOnly(std::span<const std::byte> bytes);

  // Makes all 16 bytes zero. Errors: kTooSmall, kMisaligned.
  static Result<void> Reset(std::span<std::byte> bytes, NobodyUsesIt token);

  // Adds `by` and says what the count is then.
  //   kFull       it would pass the largest 32-bit number
  //   kEmpty      it would fall below the smallest
  //   kContended  gave up
  // On these nothing was added, and `count` is what it was when last looked at.
  RingResult Add(std::int32_t by, std::int32_t& count) const;
  RingResult Increment(std::int32_t& count) const { return Add(1, count); }
  RingResult Decrement(std::int32_t& count) const { return Add(-1, count); }

  [[nodiscard]] std::int32_t Load() const {
    return memory_->count.load(kAcquire);  // sync: count (acquire)
  }

 private:
  static_assert(offsetof(Memory, count) == 0x000);
  static_assert(offsetof(Memory, reserved) == 0x004);
  static_assert(sizeof(Memory) == 0x010);
  static_assert(alignof(Memory) == kAlignment);
  static_assert(std::is_standard_layout_v<Memory>);
  static_assert(std::has_unique_object_representations_v<Memory>);

  explicit Counter(Memory* memory) : memory_(memory) {}

  Memory* memory_;
};

// Looks at the count.
class Counter::Reader {
 public:
  [[nodiscard]] std::int32_t Load() const {
    return memory_->count.load(kAcquire);  // sync: count (acquire)
  }

 private:
  friend class Counter;
  explicit Reader(const Memory* memory) : memory_(memory) {}

  const Memory* memory_;
};

// ---- Implementation ---------------------------------------------------------

inline Result<Counter> Counter::Attach(std::span<std::byte> bytes) {
  auto place = CheckPlace(bytes, SizeFor(), kAlignment, "Counter::Attach");
  if (!place) return place.error();
  return Counter(reinterpret_cast<Memory*>(bytes.data()));
}

inline auto Counter::AttachReadOnly(std::span<const std::byte> bytes)
    -> Result<Reader> {
  auto place =
      CheckPlace(bytes, SizeFor(), kAlignment, "Counter::AttachReadOnly");
  if (!place) return place.error();
  return Reader(reinterpret_cast<const Memory*>(bytes.data()));
}

inline Result<void> Counter::Reset(std::span<std::byte> bytes, NobodyUsesIt) {
  auto place = CheckPlace(bytes, SizeFor(), kAlignment, "Counter::Reset");
  if (place) *reinterpret_cast<Memory*>(bytes.data()) = Memory{};
  return place;
}

// A compare-and-swap and not a fetch-and-add, which could only notice that it
// had gone too far, and would leave the wrong count behind if it died then.
inline RingResult Counter::Add(std::int32_t by, std::int32_t& count) const {
  using Limits = std::numeric_limits<std::int32_t>;
  count = memory_->count.load(kRelaxed);  // sync: none, the swap looks again
  for (Backoff backoff(kTries);;) {
    if (by > 0 && count > (Limits::max)() - by) return RingResult::kFull;
    if (by < 0 && count < (Limits::min)() - by) return RingResult::kEmpty;
    if (memory_->count.compare_exchange(count, count + by, kAcqRel,
                                        kRelaxed)) {  // sync: count (acq_rel)
      count += by;
      return RingResult::kOk;
    }
    if (!backoff.Pause()) return RingResult::kContended;
  }
}

}  // namespace placid

#endif  // PLACID_PRIMITIVES_COUNTER_H_
