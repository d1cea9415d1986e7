// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/kernel.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "placid/base/result.h"
#include "placid/os/bell.h"
#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "tests/crash/play.h"

namespace placid::crash {
namespace {

Slept last_sleep;
Bells* bells = nullptr;

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
void SetBells(Bells* shared) { bells = shared; }

}  // namespace placid::crash

namespace placid::os {

bool HasFutex() { return true; }
std::int64_t MonotonicNow() { return 0; }
void SleepUntil(std::int64_t) {}
int FutexWake(const void*, int) { return 0; }
int FutexBumpAndWakeAll(void* word) {
  static_cast<Atomic<std::uint32_t>*>(word)->fetch_add(1, kRelaxed);
  return 1;
}
WaitResult FutexWait(const void* word, std::uint32_t expected, std::int64_t) {
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
