// SPDX-License-Identifier: Apache-2.0
//
// One object goes over a Unix stream socket like this:
//
//   giver                            receiver
//   Promise, with the descriptor  →  checks, adopts it
//                                 ←  one byte: received
//
// Without that byte a receiver who died with the descriptor still in its queue
// would pass for one who has it.
#include "placid/os/handover.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstdint>
#include <thread>
#include <utility>

#include "fd.h"
#include "operation.h"
#include "placid/base/error.h"
#include "placid/base/result.h"
#include "placid/os/name.h"
#include "placid/os/shared_object.h"
#include "port.h"
#include "promise.h"

namespace placid::os {

using internal::Operation;
using internal::PeerDied;
using internal::Retry;
using internal::UniqueFd;

struct HandoverPort {
  static HandoverListener Make(UniqueFd fd, const Name& name) {
    HandoverListener listener;
    listener.handle_ = fd.Release();
    listener.name_ = name;
    return listener;
  }
};

namespace {

using Clock = std::chrono::steady_clock;

constexpr char kReceived = 'r';

class Deadline {
 public:
  explicit Deadline(std::int64_t timeout_ms)
      : end_(Clock::now() + std::chrono::milliseconds(std::clamp<std::int64_t>(
                                timeout_ms, 0, INT_MAX))) {}
  // For poll; rounded up, so that 0 means over.
  [[nodiscard]] int LeftMs() const {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
  }

 private:
  Clock::time_point end_;
};

Error TimedOut(const Operation& operation) {
  return operation.Failed(ErrorCode::kTimedOut, nullptr,
                          "the other side was not ready in time: wait longer");
}

Result<void> WaitReadable(const Operation& operation, int fd,
                          const Deadline& deadline) {
  for (;;) {
    pollfd event{.fd = fd, .events = POLLIN, .revents = 0};
    const int n = ::poll(&event, 1, deadline.LeftMs());
    if (n == 1) return Ok();
    if (n < 0 && errno != EINTR) return operation.Failed(errno);
    if (deadline.LeftMs() == 0) return TimedOut(operation);
  }
}

Result<void> CheckUser(const Operation& operation, int socket) {
  uid_t user = 0;
  if (const int error = internal::PeerUser(socket, user); error != 0) {
    return operation.Failed(error);
  }
  const uid_t self = ::geteuid();
  if (user == self) return Ok();
  Error error = operation.Failed(ErrorCode::kPermissionDenied,
                                 "the user at the other end",
                                 "both sides must run as the same user");
  error.expected = self;
  error.found = user;
  return error;
}

}  // namespace

HandoverListener::~HandoverListener() {
  if (handle_ == kNoHandle) return;
  internal::UnbindHandover(name_);
  const UniqueFd closing(static_cast<int>(handle_));
}

Result<HandoverListener> HandoverListener::Listen(const Name& name) {
  const Operation operation{"HandoverListener::Listen", name.text()};
  UniqueFd socket = internal::MakeSocket();
  if (!socket) return operation.Failed(errno);
  if (auto bound = internal::BindHandover(operation, socket.get(), name);
      !bound) {
    return bound.error();
  }
  auto listener = HandoverPort::Make(std::move(socket), name);
  if (::listen(static_cast<int>(listener.handle_), SOMAXCONN) != 0) {
    return operation.Failed(errno);
  }
  return listener;
}

Result<void> HandoverListener::GiveTo(const SharedObject& object, Access access,
                                      std::int64_t timeout_ms) {
  const Operation operation{"HandoverListener::GiveTo", name_.text()};
  const Deadline deadline(timeout_ms);
  const bool is_writable =
      access == Access::kReadWrite && object.access() == Access::kReadWrite;
  auto passed = static_cast<int>(object.handle());
  UniqueFd reopened;
  if (!is_writable) {
    // The descriptor itself must be unable to write, not just its promise.
    auto own = internal::Reopen(operation, passed, Access::kReadOnly);
    if (!own) return own.error();
    reopened = std::move(*own);
    passed = reopened.get();
  }

  const int listener = static_cast<int>(handle_);
  UniqueFd socket;
  for (;;) {  // a receiver may be gone again before it is accepted
    auto ready = WaitReadable(operation, listener, deadline);
    if (!ready) return ready;
    socket = internal::AcceptFrom(listener);
    if (socket) break;
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
      return operation.Failed(errno);
    }
    if (deadline.LeftMs() == 0) return TimedOut(operation);
  }
  if (auto same = CheckUser(operation, socket.get()); !same) return same;

  const int error = internal::SendPromise(socket.get(), passed,
                                          object.size_bytes(), is_writable);
  if (error == EPIPE || error == ECONNRESET) return PeerDied(operation);
  if (error != 0) return operation.Failed(error);
  if (auto ready = WaitReadable(operation, socket.get(), deadline); !ready) {
    return ready;
  }
  char answer = 0;
  const auto n =
      Retry([&] { return ::recv(socket.get(), &answer, sizeof(answer), 0); });
  return n == 1 && answer == kReceived ? Ok() : PeerDied(operation);
}

Result<SharedObject> ReceiveHandover(const Name& name,
                                     std::int64_t timeout_ms) {
  const Operation operation{"ReceiveHandover", name.text()};
  const Deadline deadline(timeout_ms);
  const UniqueFd socket = internal::MakeSocket();
  if (!socket) return operation.Failed(errno);
  for (;;) {
    const int error = internal::ConnectHandover(socket.get(), name);
    if (error == 0) break;
    if (error != EAGAIN) return operation.Failed(error);
    if (deadline.LeftMs() == 0) return TimedOut(operation);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  if (auto same = CheckUser(operation, socket.get()); !same) {
    return same.error();
  }
  if (auto ready = WaitReadable(operation, socket.get(), deadline); !ready) {
    return ready.error();
  }
  auto object = internal::TakePromised(operation, socket.get());
  if (!object) return object.error();
  const auto sent = Retry([&] {
    return ::send(socket.get(), &kReceived, sizeof(kReceived),
                  internal::kSendFlags);
  });
  if (sent != 1) return PeerDied(operation);
  return object;
}

}  // namespace placid::os
