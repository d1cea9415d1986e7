// SPDX-License-Identifier: Apache-2.0
#include "tests/model/os_port.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "placid/base/result.h"
#include "placid/os/bell.h"
#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "tests/model/engine.h"
#include "tests/model/machine.h"
#include "tests/model/program.h"

namespace placid::model {
namespace {

OsPort os_port;

// How often each was rung.
std::array<std::uint32_t, 4> bells;
std::uint64_t bells_made;

// The kernel's own accesses are no sites of ours: no mutant weakens them.
constexpr machine::Site kKernel("the system", 0);

}  // namespace

void SetOsPort(const OsPort& port) {
  os_port = port;
  bells = {};
  bells_made = 0;
}

Program::Region BellRegion() { return {"bells", &bells, sizeof(bells)}; }

}  // namespace placid::model

namespace placid::os {

using model::OsPort;

bool HasFutex() { return true; }

std::int64_t MonotonicNow() { return 0; }

WaitResult FutexWait(const void* word, std::uint32_t expected, std::int64_t,
                     std::uint32_t bits) {
  return model::Sleep(word, sizeof(expected), expected, bits)
             ? WaitResult::kWoken
             : WaitResult::kChanged;
}

int FutexWake(const void* word, int count, std::uint32_t bits) {
  return model::Wake(word, count, bits);
}

int FutexBumpAndWake(void* word, int count) {
  const auto bump = [word] {
    machine::FetchAdd(static_cast<std::uint32_t*>(word), std::uint32_t{1},
                      std::memory_order_relaxed, model::kKernel);
  };
  switch (model::os_port.bump) {
    case OsPort::Bump::kOneStep: return model::BumpAndWake(word, count);
    case OsPort::Bump::kThenWake: bump(); return model::Wake(word, count);
    case OsPort::Bump::kWithoutWake: bump(); return 0;
    case OsPort::Bump::kAfterWake:
      model::Wake(word, count);
      bump();
      return 0;
  }
  return 0;
}

HerdShares SharesOfHerd() { return model::os_port.shares; }

void SleepUntil(std::int64_t) {}

// A bell's handle is the rings that it has heard. Their number goes up and so
// tells a bell that was rung since from one that was not; a system's is silent
// or not, which is the same to one who waits.
struct BellPort {
  static Bell Make(std::uint64_t number) {
    Bell bell;
    bell.handle_ = 0;
    bell.number_ = number;
    return bell;
  }
  static std::uint32_t& RingsOf(std::uint64_t number) {
    model::Check(number >= 1 && number <= model::bells.size(), "a bell");
    return model::bells[static_cast<std::size_t>(number - 1)];
  }
};

Result<Bell> Bell::Make() { return BellPort::Make(++model::bells_made); }
Bell::~Bell() = default;
// The kernel takes a lock that whoever rings has held.
void Bell::Silence() {
  handle_ = machine::Load(&BellPort::RingsOf(number_),
                          std::memory_order_acquire, model::kKernel);
}
bool Bell::Wait(std::int64_t) {
  const auto heard = static_cast<std::uint32_t>(handle_);
  std::uint32_t& rings = BellPort::RingsOf(number_);
  model::Sleep(&rings, sizeof(rings), heard);
  Silence();
  return true;
}
void Bell::Ring() const {
  model::BumpAndWake(&BellPort::RingsOf(number_), kAllSleepers);
}
BellRope::~BellRope() = default;
bool BellRope::Ring(std::uint64_t number) {
  model::BumpAndWake(&BellPort::RingsOf(number), kAllSleepers);
  return true;
}

bool JoinPeerFences() { return model::os_port.has_peer_fences; }

bool FencePeers() {
  if (!model::os_port.has_peer_fences) return false;
  machine::Fence(std::memory_order_seq_cst, model::kKernel);
  model::FenceOthers(model::os_port.has_joined);
  machine::Fence(std::memory_order_seq_cst, model::kKernel);
  return true;
}

}  // namespace placid::os
