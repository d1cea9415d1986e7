// SPDX-License-Identifier: Apache-2.0
//
// Bell: what other processes ring to wake this one, where it sleeps in an event
// loop or where the system has no futex.
//
//   system   a bell is                             an event loop waits for it
//   linux    a datagram socket at an abstract      to be readable
//            Unix address
//   darwin   one in the user's own directory       to be readable
//   windows  an auto-reset event, Local\...        to be signalled
//   fake     a flag                                not at all: Wait
//
// Who knows a bell's number can ring it, so the number may lie in shared bytes:
// nothing is handed over, and a lie rings another bell or none. Linux: within
// one network namespace; a container with another one hears nothing, and must
// look again by itself from time to time, as all must who sleep for others.
// Darwin: the file of a bell whose process was killed stays.
//
// A ring tells nothing but that there was one. Several in a row may be one. What
// was done before a ring is seen by whoever heard it, or forgot it.
#ifndef PLACID_OS_BELL_H_
#define PLACID_OS_BELL_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "placid/base/platform.h"
#include "placid/base/result.h"
#include "placid/os/shared_object.h"

namespace placid::os {

class PLACID_API Bell {
 public:
  Bell() = default;
  Bell(Bell&& other) noexcept { swap(other); }
  Bell& operator=(Bell&& other) noexcept {
    Bell(std::move(other)).swap(*this);
    return *this;
  }
  ~Bell();

  // Under a number that nobody else has, drawn at random. Errors: kSystem (out
  // of descriptors), kPermissionDenied (a sandbox has no sockets), kContended
  // (every number drawn was taken: somebody takes them on purpose).
  static Result<Bell> Make();

  // By which others ring it; never 0. Where there is no bell: 0.
  [[nodiscard]] std::uint64_t number() const { return number_; }

  // Readable (Linux, Darwin) or signalled (Windows) from a ring until Silence
  // or Wait.
  [[nodiscard]] NativeHandle event() const { return handle_; }

  // Waits until it is rung, until `deadline_ns` of MonotonicNow or for a
  // signal; the former, and then it is silent again. Where a system waits in
  // milliseconds, they are rounded up. Blocking.
  bool Wait(std::int64_t deadline_ns);

  // Forgets the rings so far.
  void Silence();

  // Rings it from within its own process; from any thread.
  void Ring() const;

  void swap(Bell& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(number_, other.number_);
  }

 private:
  friend struct BellPort;

  NativeHandle handle_ = kNoHandle;
  std::uint64_t number_ = 0;
};

// Rings the bells of others. For one thread at a time.
class PLACID_API BellRope {
 public:
  BellRope() = default;
  BellRope(BellRope&& other) noexcept : lines_(std::move(other.lines_)) {
    other.lines_.clear();
  }
  BellRope& operator=(BellRope&& other) noexcept {
    std::swap(lines_, other.lines_);
    return *this;
  }
  ~BellRope();

  // Never blocks. False: nobody has such a bell, or the system let nobody hear
  // it. Windows: true, too, of one that was rung before and is gone.
  bool Ring(std::uint64_t number);

 private:
  // What was needed to ring, kept for the next time: opening costs more than
  // ringing. Linux, Darwin: one socket for all numbers.
  struct Line {
    std::uint64_t number;
    NativeHandle handle;
  };

  std::vector<Line> lines_;
};

}  // namespace placid::os

#endif  // PLACID_OS_BELL_H_
