// SPDX-License-Identifier: Apache-2.0
//
// One object goes over a Unix stream socket like this:
//
//   giver                            receiver
//   Promise, with the descriptor  →  checks, adopts it
//                                 ←  one byte: received
//
// Without that byte a receiver who died with the descriptor still in its queue
// would pass for one who has it. An offer is as many promises, and no byte: a
// giver that reads nothing waits for nobody, and can be told nothing false.
#include "placid/os/handover.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <utility>
#include <vector>

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

// What is sent of an object.
struct Passed {
  UniqueFd reopened;  // or none
  int fd;
  std::uint64_t size_bytes;
  bool is_writable;
};

Result<Passed> Pass(const Operation& operation, const SharedObject& object,
                    Access access) {
  Passed passed{
      .reopened = {},
      .fd = static_cast<int>(object.handle()),
      .size_bytes = object.size_bytes(),
      .is_writable =
          access == Access::kReadWrite && object.access() == Access::kReadWrite,
  };
  if (!passed.is_writable) {
    // The descriptor itself must be unable to write, not just its promise.
    auto own = internal::Reopen(operation, passed.fd, Access::kReadOnly);
    if (!own) return own.error();
    passed.reopened = std::move(*own);
    passed.fd = passed.reopened.get();
  }
  return passed;
}

// 0 or an errno.
int Send(int socket, const Passed& passed) {
  return internal::SendPromise(socket, passed.fd, passed.size_bytes,
                               passed.is_writable);
}
bool IsGone(int error) { return error == EPIPE || error == ECONNRESET; }

// A receiver may be gone again before it is accepted: then the next one.
Result<UniqueFd> Accept(const Operation& operation, int listener,
                        const Deadline& deadline) {
  for (;;) {
    if (auto ready = WaitReadable(operation, listener, deadline); !ready) {
      return ready.error();
    }
    UniqueFd socket = internal::AcceptFrom(listener);
    if (socket) return socket;
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
      return operation.Failed(errno);
    }
    if (deadline.LeftMs() == 0) return TimedOut(operation);
  }
}

// The receiver's end, with one of our own user's at the other.
Result<UniqueFd> Connect(const Operation& operation, const Name& name,
                         const Deadline& deadline) {
  UniqueFd socket = internal::MakeSocket();
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
  return socket;
}

Result<SharedObject> Take(const Operation& operation, int socket,
                          const Deadline& deadline) {
  if (auto ready = WaitReadable(operation, socket, deadline); !ready) {
    return ready.error();
  }
  return internal::TakePromised(operation, socket);
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
  const auto passed = Pass(operation, object, access);
  if (!passed) return passed.error();
  const auto socket = Accept(operation, static_cast<int>(handle_), deadline);
  if (!socket) return socket.error();
  if (auto same = CheckUser(operation, socket->get()); !same) return same;

  const int error = Send(socket->get(), *passed);
  if (IsGone(error)) return PeerDied(operation);
  if (error != 0) return operation.Failed(error);
  if (auto ready = WaitReadable(operation, socket->get(), deadline); !ready) {
    return ready;
  }
  char answer = 0;
  const auto n =
      Retry([&] { return ::recv(socket->get(), &answer, sizeof(answer), 0); });
  return n == 1 && answer == kReceived ? Ok() : PeerDied(operation);
}

Result<Offered> HandoverListener::Offer(std::span<const Gift> gifts,
                                        std::int64_t wait_ms) {
  const Operation operation{"HandoverListener::Offer", name_.text()};
  const Deadline deadline(wait_ms);
  const int listener = static_cast<int>(handle_);
  const auto nobody = [](const Error& error) -> Result<Offered> {
    if (error.code == ErrorCode::kTimedOut) return Offered::kNobody;
    return error;
  };
  // First that there is somebody, then what it takes to serve it, and only then
  // is it accepted: what cannot be served yet goes on waiting.
  if (auto ready = WaitReadable(operation, listener, deadline); !ready) {
    return nobody(ready.error());
  }
  std::vector<Passed> all;
  for (const Gift& gift : gifts) {
    auto passed = Pass(operation, gift.object, gift.access);
    if (!passed) return passed.error();
    all.push_back(std::move(*passed));
  }
  const auto socket = Accept(operation, listener, deadline);
  if (!socket) return nobody(socket.error());
  if (!CheckUser(operation, socket->get())) return Offered::kLost;

  auto result = Offered::kLost;
  for (const Passed& passed : all) {
    const int error = Send(socket->get(), passed);
    if (IsGone(error)) return result;
    if (error != 0) return operation.Failed(error);
    result = Offered::kGiven;  // whoever goes now has what it came for
  }
  return result;
}

NativeHandle HandoverListener::event() const { return handle_; }

Result<SharedObject> ReceiveHandover(const Name& name,
                                     std::int64_t timeout_ms) {
  const Operation operation{"ReceiveHandover", name.text()};
  const Deadline deadline(timeout_ms);
  const auto socket = Connect(operation, name, deadline);
  if (!socket) return socket.error();
  auto object = Take(operation, socket->get(), deadline);
  if (!object) return object.error();
  const auto sent = Retry([&] {
    return ::send(socket->get(), &kReceived, sizeof(kReceived),
                  internal::kSendFlags);
  });
  if (sent != 1) return PeerDied(operation);
  return object;
}

Result<std::vector<SharedObject>> TakeOffered(const Name& name,
                                              std::size_t count,
                                              std::int64_t timeout_ms) {
  const Operation operation{"TakeOffered", name.text()};
  const Deadline deadline(timeout_ms);
  const auto socket = Connect(operation, name, deadline);
  if (!socket) return socket.error();
  std::vector<SharedObject> objects;
  while (objects.size() < count) {
    auto object = Take(operation, socket->get(), deadline);
    if (!object) return object.error();
    objects.push_back(std::move(*object));
  }
  return objects;
}

}  // namespace placid::os
