// SPDX-License-Identifier: Apache-2.0
#include "tests/model/os_port.h"

#include <climits>
#include <cstdint>

#include "placid/os/futex.h"
#include "placid/os/peer_fence.h"
#include "tests/model/engine.h"
#include "tests/model/machine.h"
#include "tests/model/program.h"

namespace placid::model {
namespace {

OsPort os_port;

// The kernel's own accesses are no sites of ours: no mutant weakens them.
constexpr machine::Site kKernel("the system", 0);

}  // namespace

void SetOsPort(const OsPort& port) { os_port = port; }

}  // namespace placid::model

namespace placid::os {

using model::OsPort;

bool HasFutex() { return true; }

std::int64_t MonotonicNow() { return 0; }

WaitResult FutexWait(const void* word, std::uint32_t expected, std::int64_t) {
  return model::Sleep(word, sizeof(expected), expected) ? WaitResult::kWoken
                                                        : WaitResult::kChanged;
}

int FutexWake(const void* word, int count) { return model::Wake(word, count); }

int FutexBumpAndWakeAll(void* word) {
  const auto bump = [word] {
    machine::FetchAdd(static_cast<std::uint32_t*>(word), std::uint32_t{1},
                      std::memory_order_relaxed, model::kKernel);
  };
  switch (model::os_port.bump) {
    case OsPort::Bump::kOneStep: return model::BumpAndWakeAll(word);
    case OsPort::Bump::kThenWake: bump(); return model::Wake(word, INT_MAX);
    case OsPort::Bump::kWithoutWake: bump(); return 0;
    case OsPort::Bump::kAfterWake:
      model::Wake(word, INT_MAX);
      bump();
      return 0;
  }
  return 0;
}

void SleepUntil(std::int64_t) {}

bool JoinPeerFences() { return model::os_port.has_peer_fences; }

bool FencePeers() {
  if (!model::os_port.has_peer_fences) return false;
  machine::Fence(std::memory_order_seq_cst, model::kKernel);
  model::FenceOthers(model::os_port.has_joined);
  machine::Fence(std::memory_order_seq_cst, model::kKernel);
  return true;
}

}  // namespace placid::os
