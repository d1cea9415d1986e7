// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/kernel.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "placid/base/result.h"
#include "placid/os/bell.h"
#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "tests/crash/play.h"
#include "tests/crash/stage.h"

namespace placid::crash {
namespace {

Slept last_sleep;
Bells* bells = nullptr;

// ---- Words with a queue

// Where it lies in either view of the bytes; none where that is not on a
// multiple of 16.
std::uintptr_t queued_word = 1;
int own_number = 0;
bool has_been_woken = false;

std::uintptr_t PlaceOf(const void* at) {
  return reinterpret_cast<std::uintptr_t>(at) % Stage::kMostBytes;
}

// A word, what follows it, and its queue, to be swapped as one.
struct alignas(16) Queued {
  Atomic<std::uint64_t> words;
  Queue queue;
};

Queued* QueuedAt(const void* word) {
  if (PlaceOf(word) != queued_word) return nullptr;
  return static_cast<Queued*>(const_cast<void*>(word));
}

struct Both {
  std::uint64_t words;
  std::uint64_t asleep;
};

bool Swap(Queued* at, const Both& expected, const Both& desired) {
  bool has_swapped = false;
  std::uint64_t words = expected.words;
  std::uint64_t asleep = expected.asleep;
  asm volatile("lock cmpxchg16b %1"
               : "=@ccz"(has_swapped), "+m"(*at), "+a"(words), "+d"(asleep)
               : "b"(desired.words), "c"(desired.asleep)
               : "memory");
  return has_swapped;
}

// Makes of both what `change` makes of them, in one step; false: it makes
// nothing.
template <typename Change>
bool ChangeBoth(Queued* at, Change change) {
  for (;;) {
    const Both before{at->words.load(kRelaxed),
                      at->queue.asleep.load(kRelaxed)};
    Both after = before;
    if (!change(after)) return false;
    if (Swap(at, before, after)) return true;
  }
}

std::uint32_t WordOf(const Both& both) {
  return static_cast<std::uint32_t>(both.words);
}

constexpr int kPlaces = 8;
std::uint64_t EntryAt(std::uint64_t asleep, int place) {
  return asleep >> 8 * place & 0xFF;
}
// A number in the low three bits of an entry, a bit's number in the others.
int SleeperOf(std::uint64_t entry) { return static_cast<int>(entry & 7); }
std::uint32_t BitOf(std::uint64_t entry) {
  return std::uint32_t{1} << (entry >> 3);
}

// Takes out at most `count` of those whom `is_meant` is true of; how many.
template <typename IsMeant>
int TakeOut(std::uint64_t& asleep, int count, IsMeant is_meant) {
  std::uint64_t left = 0;
  int places = 0;
  int taken = 0;
  for (int place = 0; place < kPlaces; ++place) {
    const std::uint64_t entry = EntryAt(asleep, place);
    if (entry == 0) break;
    if (taken < count && is_meant(entry)) {
      ++taken;
    } else {
      left |= entry << 8 * places++;
    }
  }
  asleep = left;
  return taken;
}

os::WaitResult SleepInQueue(Queued* at, std::uint32_t expected,
                            std::uint32_t bits) {
  if (std::exchange(has_been_woken, false)) return os::WaitResult::kWoken;
  const auto entry = static_cast<std::uint64_t>(
      std::countr_zero(bits) << 3 | own_number);
  const bool has_slept = ChangeBoth(at, [&](Both& both) {
    if (WordOf(both) != expected) return false;
    int place = 0;
    while (EntryAt(both.asleep, place) != 0) ++place;
    Expect(place < kPlaces, "the play has more sleepers than its kernel knows");
    both.asleep |= entry << 8 * place;
    return true;
  });
  return has_slept ? os::WaitResult::kTimedOut : os::WaitResult::kChanged;
}

// ---- Others

Atomic<std::uint32_t>& RungOf(std::uint64_t number) {
  return bells->rung[static_cast<std::size_t>(number % bells->rung.size())];
}

os::WaitResult SleepOn(const Atomic<std::uint32_t>& word,
                       std::uint32_t expected) {
  last_sleep = {&word, expected};
  return last_sleep.IsAsleep() ? os::WaitResult::kTimedOut
                               : os::WaitResult::kChanged;
}

bool CallMembarrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0) == 0;
}

}  // namespace

Slept LastSleep() { return last_sleep; }
void SetBells(Bells* shared) {
  bells = shared;
  queued_word = 1;
}

bool Queue::Has(int sleeper) const {
  std::uint64_t copy = asleep.load(kRelaxed);
  return TakeOut(copy, 1, [&](std::uint64_t entry) {
           return SleeperOf(entry) == sleeper;
         }) == 1;
}
void Queue::Remove(int sleeper) {
  std::uint64_t before = asleep.load(kRelaxed);
  std::uint64_t after = before;
  do {
    after = before;
    TakeOut(after, 1, [&](std::uint64_t entry) {
      return SleeperOf(entry) == sleeper;
    });
  } while (after != before &&
           !asleep.compare_exchange(before, after, kRelaxed, kRelaxed));
}
void SetSleeper(const Queue* queue, int sleeper, bool is_woken) {
  queued_word = PlaceOf(queue) - sizeof(std::uint64_t);
  own_number = sleeper;
  has_been_woken = is_woken;
}

}  // namespace placid::crash

namespace placid::os {

bool HasFutex() { return true; }
std::int64_t MonotonicNow() { return 0; }
void SleepUntil(std::int64_t) {}
HerdShares SharesOfHerd() { return {.by_waker = 1, .by_woken = 1}; }
int FutexWake(const void* word, int count, std::uint32_t bits) {
  crash::Queued* const queued = crash::QueuedAt(word);
  int woken = 0;
  if (queued != nullptr) {
    crash::ChangeBoth(queued, [&](crash::Both& both) {
      woken = crash::TakeOut(both.asleep, count, [&](std::uint64_t entry) {
        return (crash::BitOf(entry) & bits) != 0;
      });
      return woken > 0;
    });
  }
  return woken;
}
int FutexBumpAndWake(void* word, int count) {
  crash::Queued* const queued = crash::QueuedAt(word);
  if (queued == nullptr) {
    static_cast<Atomic<std::uint32_t>*>(word)->fetch_add(1, kRelaxed);
    return 1;
  }
  int woken = 0;
  crash::ChangeBoth(queued, [&](crash::Both& both) {
    const std::uint32_t bumped = crash::WordOf(both) + 1;
    both.words = both.words >> 32 << 32 | bumped;
    woken = crash::TakeOut(both.asleep, count, [](auto) { return true; });
    return true;
  });
  return woken;
}
WaitResult FutexWait(const void* word, std::uint32_t expected, std::int64_t,
                     std::uint32_t bits) {
  if (crash::Queued* const queued = crash::QueuedAt(word)) {
    return crash::SleepInQueue(queued, expected, bits);
  }
  return crash::SleepOn(*static_cast<const Atomic<std::uint32_t>*>(word),
                        expected);
}
bool JoinPeerFences() {
  return !crash::IsSoaking() ||
         crash::CallMembarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}
bool FencePeers() {
  return !crash::IsSoaking() ||
         crash::CallMembarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}

// A bell's handle is the rings that it has heard.
struct BellPort {
  static Bell Make(std::uint64_t number) {
    Bell bell;
    bell.handle_ = 0;
    bell.number_ = number;
    return bell;
  }
};
Result<Bell> Bell::Make() {
  return BellPort::Make(crash::bells->made.fetch_add(1, kRelaxed) + 1);
}
Bell::~Bell() = default;
void Bell::Silence() { handle_ = crash::RungOf(number_).load(kRelaxed); }
bool Bell::Wait(std::int64_t) {
  return crash::SleepOn(crash::RungOf(number_),
                        static_cast<std::uint32_t>(handle_)) ==
         WaitResult::kChanged;
}
void Bell::Ring() const { crash::RungOf(number_).fetch_add(1, kRelaxed); }
BellRope::~BellRope() = default;
bool BellRope::Ring(std::uint64_t number) {
  crash::RungOf(number).fetch_add(1, kRelaxed);
  return true;
}

}  // namespace placid::os
