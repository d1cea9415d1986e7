// SPDX-License-Identifier: Apache-2.0
//
// Idle: how a thread waits for its peer until there are blocking waits: it
// spins for some microseconds, then lets others run, then sleeps ever longer,
// up to a millisecond, where it takes about half a percent of a core.
#ifndef PLACID_SRC_CLI_IDLE_H_
#define PLACID_SRC_CLI_IDLE_H_

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <thread>

#include "placid/base/atomic.h"

namespace placid::cli {

class Idle {
 public:
  // Something was found.
  void Reset() { waits_ = 0; }

  void Wait() {
    ++waits_;
    if (waits_ <= kSpins) {
      for (int i = 0; i < kPausesPerSpin; ++i) machine::Pause();
    } else if (waits_ <= kSpins + kYields) {
      std::this_thread::yield();
    } else {
      constexpr std::uint32_t kMostDoublings = 6;
      const std::uint32_t sleeps = waits_ - kSpins - kYields;
      std::this_thread::sleep_for(
          kFirstSleep *
          (1U << std::min(sleeps / kSleepsPerStep, kMostDoublings)));
    }
  }

 private:
  static constexpr std::uint32_t kSpins = 200;
  static constexpr int kPausesPerSpin = 4;
  static constexpr std::uint32_t kYields = 50;
  static constexpr std::uint32_t kSleepsPerStep = 4;
  static constexpr std::chrono::microseconds kFirstSleep{16};

  std::uint32_t waits_ = 0;
};

}  // namespace placid::cli

#endif  // PLACID_SRC_CLI_IDLE_H_
