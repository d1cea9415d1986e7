// SPDX-License-Identifier: Apache-2.0
//
// A bell is a datagram socket, and a ring one byte sent to it. What nobody has
// read yet is charged to its sender's socket, so a bell whose owner sleeps for
// ever, or never listens, can use up the rope's; then one ring goes by a socket
// of its own.
#include "placid/os/bell.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <random>

#include "fd.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/futex.h"
#include "port.h"

namespace placid::os {

using internal::Operation;
using internal::Retry;
using internal::UniqueFd;

struct BellPort {
  static Bell Make(UniqueFd socket, std::uint64_t number) {
    Bell bell;
    bell.handle_ = socket.Release();
    bell.number_ = number;
    return bell;
  }
};

namespace {

constexpr int kDraws = 16;
// More than a queue holds; whoever sends without end is not waited for.
constexpr int kMostRings = 1024;

int LeftMs(std::int64_t deadline_ns) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  const std::int64_t left_ns = deadline_ns - MonotonicNow();
  if (left_ns <= 0) return 0;
  const std::int64_t left_ms = (left_ns - 1) / kMillisecond + 1;
  return static_cast<int>(std::min<std::int64_t>(left_ms, INT_MAX));
}

// That its queue is full says that it was rung.
bool WasHeard(int error) { return error == 0 || error == EAGAIN; }

}  // namespace

Result<Bell> Bell::Make() {
  const Operation operation{"Bell::Make", {}};
  UniqueFd socket = internal::MakeBellSocket();
  if (!socket) return operation.Failed(errno);
  std::random_device random;
  for (int draw = 0; draw < kDraws; ++draw) {
    const std::uint64_t number = std::uint64_t{random()} << 32 | random();
    if (number == 0) continue;
    const int error = internal::BindBell(socket.get(), number);
    if (error == 0) return BellPort::Make(std::move(socket), number);
    if (error != EADDRINUSE) return operation.Failed(error);
  }
  return operation.Failed(ErrorCode::kContended, "number of the bell",
                          "each of those drawn at random was taken: try again");
}

Bell::~Bell() {
  if (handle_ == kNoHandle) return;
  internal::UnbindBell(number_);
  const UniqueFd closing(static_cast<int>(handle_));
}

bool Bell::Wait(std::int64_t deadline_ns) {
  pollfd event{.fd = static_cast<int>(handle_), .events = POLLIN, .revents = 0};
  if (::poll(&event, 1, LeftMs(deadline_ns)) != 1) return false;
  Silence();
  return true;
}

void Bell::Silence() {
  char ring = 0;
  for (int i = 0; i < kMostRings; ++i) {
    if (Retry([&] {
          return ::recv(static_cast<int>(handle_), &ring, 1, MSG_DONTWAIT);
        }) < 0) {
      return;
    }
  }
}

void Bell::Ring() const {
  (void)internal::RingBell(static_cast<int>(handle_), number_);
}

BellRope::~BellRope() {
  for (const Line& line : lines_) {
    const UniqueFd closing(static_cast<int>(line.handle));
  }
}

bool BellRope::Ring(std::uint64_t number) {
  if (!lines_.empty()) {
    const int error =
        internal::RingBell(static_cast<int>(lines_.front().handle), number);
    if (error != EAGAIN) return error == 0;
  }
  UniqueFd socket = internal::MakeBellSocket();
  if (!socket) return false;
  const int error = internal::RingBell(socket.get(), number);
  if (lines_.empty()) lines_.push_back({0, socket.Release()});
  return WasHeard(error);
}

}  // namespace placid::os
