// SPDX-License-Identifier: Apache-2.0
//
// The model's port of what types that sleep ask of the system: os/futex.h,
// os/bell.h and os/peer_fence.h, which os_port.cc defines for modelled threads.
// There is no time in it. Whoever sleeps is woken or is stuck, which fails; a
// slice that ends is a thread of the program that calls Wake on the word.
#ifndef PLACID_TESTS_MODEL_OS_PORT_H_
#define PLACID_TESTS_MODEL_OS_PORT_H_

#include <cstdint>

#include "placid/os/futex.h"
#include "tests/model/program.h"

namespace placid::model {

struct OsPort {
  bool has_peer_fences = true;
  // Bit i: FencePeers reaches thread i of the program.
  std::uint32_t has_joined = UINT32_MAX;
  // How FutexBumpAndWake goes: as on linux, as elsewhere, or wrongly.
  enum class Bump { kOneStep, kThenWake, kWithoutWake, kAfterWake };
  Bump bump = Bump::kOneStep;
  // More than any program has threads; two sleepers are a herd to {1, 1}.
  os::HerdShares shares{8, 2};
};

// For the executions that follow; set-up is the place for it. No bell is left
// from before.
void SetOsPort(const OsPort& port);

// Where bells are kept.
Program::Region BellRegion();

}  // namespace placid::model

#endif  // PLACID_TESTS_MODEL_OS_PORT_H_
